/* The echo: a Semel server that gives every payload back, and a Semel client that keeps it busy on one connection.
 * It must not know: the inside of Semel; it uses what any program can use.
 * Reads best next: echo_server.c, echo_client.c, then echo_small.c. */
#ifndef BENCH_ECHO_H
#define BENCH_ECHO_H

#include <semel/semel.h>

#include "meter.h"
#include "options.h"

/* The server, in its own process; fd as server_fn has it. */
int echo_serve(const struct options *options, int fd);

/* The client: warm-up and measured calls against the server of the meter.  false: failed, which has been told. */
bool echo_call(const struct options *options, struct meter *meter);

/* ---- between the client and the two shapes of its messages ---- */

struct echo_client;

/* A call outstanding. */
struct echo_slot {
    struct echo_client *client;
    int64_t start_ns;
};

/* A message shape: a request that is made once, and the stubs that carry it. */
struct echo_shape {
    /* The most bytes it can carry. */
    size_t payload_max;
    /* Makes the request.  false: no memory. */
    bool (*prepare)(size_t payload_bytes);
    void (*discard)(void);
    /* A synchronous call.  *ret_right, on OK: the echo is right. */
    enum semel_code (*call)(semel_channel *channel, bool idempotent, semel_status *ret_status, bool *ret_right);
    /* An asynchronous call, which ends with echo_ended. */
    enum semel_code (*start)(semel_channel *channel, const struct options *options, struct echo_slot *slot);
};

extern const struct echo_shape echo_small; /* one field of bytes */
extern const struct echo_shape echo_large; /* pieces */

/* An asynchronous call has ended; right, with OK: the echo is right. */
void echo_ended(struct echo_slot *slot, const semel_status *status, bool right);

#endif
