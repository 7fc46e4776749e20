/* The clients of a seed: their processes, and the calls they make.
 *
 * Reads best next: clients.c. */
#ifndef TESTS_SIM_CLIENTS_H
#define TESTS_SIM_CLIENTS_H

#include "setup.h"

void clients_add(semel_sim *sim, const struct setup *setup);
/* One of them, if it is up, starts a call that the seed chooses. */
void clients_call(semel_sim *sim, const struct setup *setup);
/* Ends all of them in good order. */
void clients_stop(void);

#endif
