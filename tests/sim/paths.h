/* The ways that lead to a session: dials side by side, and nodes that take the place of each other.
 *
 * They must not know requests.  Reads best next: paths.c, watch.h. */
#ifndef TESTS_SIM_PATHS_H
#define TESTS_SIM_PATHS_H

#include "setup.h"
#include "sim/tap.h"

void paths_begin(const struct setup *setup);

/* Frames as the watch sees them: a HELLO that is written, once the watch knows it; a WELCOME or REFUSE, written or
 * read. */
void paths_hello(const struct tap_frame *seen);
void paths_welcome(const struct tap_frame *seen);
void paths_refuse(const struct tap_frame *seen);

/* Whether the server of a connection has welcomed another life of its node since. */
bool paths_is_displaced(uint64_t connection);

#endif
