/* Calls of the simulated applications: which operation, by which policy, over which channel.
 *
 * They must not know who makes them, or why.  Reads best next: calls.c, history.h. */
#ifndef TESTS_SIM_CALLS_H
#define TESTS_SIM_CALLS_H

#include "history.h"
#include "setup.h"

/* An operation that the seed chooses, to be asked by this host; NULL: there have been enough. */
struct op *calls_choose(semel_sim *sim, const struct setup *setup, const semel_sim_host *caller);
/* Asks it over a channel, inside the process of its caller.  What can not be started never ends, and must not run.
 * then (may be NULL) is called when it has ended, in its callback. */
void calls_start(struct op *op, semel_channel *channel, ops_then_fn *then, void *then_user);
/* The same by a synchronous stub: it has ended, or its process has crashed, when this returns.  Not of a oneway. */
void calls_wait(struct op *op, semel_channel *channel);
/* By the seed, it is cancelled after a while. */
void calls_may_cancel(semel_sim *sim, const struct setup *setup, struct op *op);

#endif
