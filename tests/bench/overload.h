/* The overload: a server whose handler burns a fixed time of its processor, and a client that offers calls at a given
 * rate whether they are answered or not, as a crowd of users does.
 * It must not know: what the figures should be.
 * Reads best next: overload.c, overload_client.c, overload_server.c. */
#ifndef BENCH_OVERLOAD_H
#define BENCH_OVERLOAD_H

#include <semel/semel.h>

#include "options.h"
#include "server_process.h"

/* Every bound of the command line. */
enum {
    OVERLOAD_RATE_MAX = 1000000,
    OVERLOAD_MS_MAX = 600000,
    OVERLOAD_BURN_MAX_US = 1000000,
};

struct overload {
    struct options options; /* its processors count */
    semel_properties *properties;
    double rate; /* calls a second; their times are a Poisson process */
    int64_t duration_ms;
    int64_t burn_us; /* of processor time, a request */
    uint64_t seed;
    bool stuck; /* one request never ends and nothing else may run: every call is refused */
    struct semel_server_stats *stats; /* shared with the server, which writes them when it is asked */
};

/* What the client saw. */
struct overload_result {
    uint64_t offered;
    uint64_t good;    /* OK within the deadline */
    uint64_t failed;  /* not so */
    uint64_t retries; /* attempts beside the first of each call */
    double seconds;   /* from the first start to the last end */
};

/* The server, in its own process; fd as server_fn has it.  options: of a struct overload. */
int overload_serve(const struct options *options, int fd);

/* Offers the calls and waits for the last.  false: told on stderr. */
bool overload_offer(const struct overload *overload, const char *uri, struct overload_result *ret_result);

#endif
