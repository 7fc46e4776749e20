/* What to do about a complaint of protoc or nanopb: they tell what is wrong, seldom what would be right.
 *
 * It must not know places.  Reads best next: report.c. */
#ifndef CODEGEN_ADVICE_H
#define CODEGEN_ADVICE_H

#include "idl/arena.h"

/* text, with advice added when there is some.  source: the text the complaint is about, from its place on
 * (may be NULL).  file: all of that file (may be NULL).  In the arena, or text itself. */
const char *advice_add(struct arena *arena, const char *text, const char *source, const char *file);

#endif
