/* Servers that ask servers: by the seed, a handler asks those that stand behind its own, and waits for the answer in a
 * synchronous stub, or is PENDING until it has come, or does not care.
 *
 * They must not know why they were asked themselves.  Reads best next: asks.c, backs.h. */
#ifndef TESTS_SIM_ASKS_H
#define TESTS_SIM_ASKS_H

#include "handlers.h"
#include "setup.h"

/* Of one process. */
struct asks {
    semel_channel *channel; /* on the server's node: for asynchronous stubs; NULL: it asks nobody */
    semel_node *node;       /* that nobody runs: */
    semel_channel *waiting; /* for synchronous ones, which may not wait for their own node */
};

void asks_begin(const struct setup *setup);
/* A process starts.  endpoints: who is to be asked; "": nobody. */
void asks_open(struct asks *asks, semel_sim_host *server, semel_node *node, const char *endpoints);
/* It ends in good order. */
void asks_close(const struct asks *asks);

/* By the seed, a handler asks somebody, within its transaction or without one.  Returns the op that it has to be
 * PENDING for, if it can be; NULL: none. */
const struct op *asks_may_ask(semel_request *request, struct handlers *handlers, bool may_pend);

#endif
