/* A server that is busy for as long as a test wants, and a peer whose requests have to wait.
 *
 * Reads best next: admission_test.c. */
#ifndef RUNTIME_ADMISSION_H
#define RUNTIME_ADMISSION_H

#include <criterion/criterion.h>

#include "fixture.h"
#include "peer.h"

/* Opens both; the peer's first request (seq 1, op 1) runs and is left pending. */
void busy_open(struct server *server, struct peer *peer, const char *const *properties);
/* Closes both, and finishes what is pending. */
void busy_close(struct server *server, struct peer *peer);
/* The same for the server alone. */
void busy_end(struct server *server);

/* Requests of Add in one write, each with its seq as its op, and this time. */
void busy_send(struct peer *peer, unsigned first, unsigned last, uint32_t time_ms);
/* The same without a deadline, with ops from first_op on. */
void busy_send_ops(struct peer *peer, unsigned first, unsigned last, unsigned first_op);

/* The next REPLY: to this seq, with this reason and outcome. */
struct frame busy_expect(struct peer *peer, unsigned seq, enum semel_reason reason, enum semel_outcome outcome);
/* Finishes the n-th pending request, from 0; for requests that are finished here only. */
void busy_finish(struct server *server, unsigned n, unsigned op);
/* Finishes the first count pending requests, which are those of seq 1 to count, and takes their replies. */
void busy_finish_all(struct server *server, struct peer *peer, unsigned count);

#endif
