/* The floor: an echo of bare bytes with libev, what every figure of Semel is compared with.  It is made to need as
 * little CPU time as such a thing can: one read and one write for each readiness, whatever the depth.
 * It must not know: Semel.  Reads best next: floor_server.c, floor_client.c. */
#ifndef BENCH_FLOOR_H
#define BENCH_FLOOR_H

#include "meter.h"
#include "options.h"

/* The server, in its own process; fd as server_fn has it. */
int floor_serve(const struct options *options, int fd);

/* The client: warm-up and measured calls against the server of the meter.  false: failed, which has been told. */
bool floor_call(const struct options *options, struct meter *meter);

/* Bytes a payload has on the floor: nothing at all cannot be echoed, so that an empty one is one byte. */
size_t floor_payload_bytes(const struct options *options);

/* Both sides read as much as is there: of the powers of two, no smaller buffer needs less CPU time with large payloads,
 * and with small ones its size does not matter. */
enum { FLOOR_READ_BYTES = 4 << 20 };

/* Sockets of the floor have the options of Semel's: non-blocking, TCP_NODELAY, buffers as the kernel sizes them.
 * A listener at a free address; uri receives it.  -1: errno is set. */
int floor_listen(enum options_transport transport, char *uri, size_t size);
/* A connection to it.  -1: errno is set. */
int floor_connect(const char *uri);
/* A connection accepted, or -1. */
int floor_accept(int listener);

#endif
