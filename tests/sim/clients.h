/* The clients of a seed: their processes, and the calls they make.
 *
 * Reads best next: clients.c. */
#ifndef TESTS_SIM_CLIENTS_H
#define TESTS_SIM_CLIENTS_H

#include "setup.h"

void clients_add(semel_sim *sim, const struct setup *setup);
/* One of them, if it is up, starts a call that the seed chooses. */
void clients_call(semel_sim *sim, const struct setup *setup);
/* One of them, if it is up and serves calls back, does so by a new server. */
void clients_serve_anew(semel_sim *sim);
/* Whether all that are to be connected, asked for something or not, are: eager ones, and those that serve. */
bool clients_are_connected(const struct setup *setup);
/* Ends all of them in good order. */
void clients_stop(void);

#endif
