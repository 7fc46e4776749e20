/* Two states of the same services: could a peer built from the old one still talk to one built from the new?
 *
 * It must not know where the states come from.  Reads best next: compare.c, compare_types.h. */
#ifndef IDL_COMPARE_H
#define IDL_COMPARE_H

#include "idl/diagnostics.h"
#include "idl/request.h"

/* Whether a state can be compared: every import and every type it uses is in it.  NULL, or what is missing, in the
 * arena.  Run it on states from outside before compare_requests. */
const char *compare_problem(struct request *state, struct arena *arena);

/* Adds an error for every change between old and now that breaks what travels, and a warning for every one that may
 * surprise; of messages and enums only those that a method can carry count.  Places are those of now; what is gone is
 * told where it was declared within, or else at its file.  Nothing in list points into old afterwards. */
void compare_requests(struct request *old, struct request *now, struct diagnostics *list);

#endif
