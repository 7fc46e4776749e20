/* The servers of a seed: their processes, and handlers that only leave marks.
 *
 * Reads best next: servers.c. */
#ifndef TESTS_SIM_SERVERS_H
#define TESTS_SIM_SERVERS_H

#include "setup.h"

void servers_add(semel_sim *sim, const struct setup *setup);
/* The list of endpoints, all of them, beginning with this one. */
void servers_endpoints(uint32_t first, char *text, size_t size);
/* Starts to restart one in good order; it comes back by servers_tend.  Nothing if it is down or does so already. */
void servers_drain(uint32_t server);
/* Restarts those that have drained; impatient: those that drain still, too. */
void servers_tend(bool impatient);
/* Whether one was restarted that drained still: who had to wait for its turn there is lost. */
bool servers_were_hurried(void);
/* What the applications have in their stores goes, now and in every later life. */
void servers_make_room(void);
/* What their handlers have left in their stores, for the history.  All of them are up. */
void servers_count_effects(void);
/* Ends all of them in good order. */
void servers_stop(void);

#endif
