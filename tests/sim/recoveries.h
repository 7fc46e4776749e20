/* The recovery functions of a seed: runs that make calls of their own, one after the other or side by side, take their
 * time, and go on or give up.
 *
 * They must not know servers.  Reads best next: recoveries.c, semel/recovery.h. */
#ifndef TESTS_SIM_RECOVERIES_H
#define TESTS_SIM_RECOVERIES_H

#include "history.h"
#include "setup.h"

void recoveries_begin(const struct setup *setup);
/* By the seed, attaches a function to the only channel that a client has opened for its calls. */
void recoveries_attach(semel_sim_host *client, semel_channel *channel);

/* A request of a client leaves whole, on the n-th connection of its session: what must come before it has. */
void recoveries_judge_request(const struct op *op, uint64_t connection, uint32_t nth);
/* The counters of a client that ends in good order. */
void recoveries_judge_counters(const semel_sim_host *client, const struct semel_channel_stats *stats);
/* Whether an op that failed for it was given up rightly: its client has said so, or it was part of a recovery, and the
 * connection of that is gone. */
bool recoveries_gave_up(const struct op *op);

#endif
