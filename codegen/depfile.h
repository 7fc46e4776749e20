/* A rule for make and ninja that tells what the output was made from.
 *
 * It must not know how files are found.  Reads best next: semelc.c. */
#ifndef CODEGEN_DEPFILE_H
#define CODEGEN_DEPFILE_H

#include "codegen/text.h"

/* Appends the left side of the rule: one target after the other, each with depfile_add_target, then the sources. */
void depfile_add_target(struct text *rule, const char *path);
/* The first one ends the targets. */
void depfile_add_source(struct text *rule, const char *path);
void depfile_end(struct text *rule);

#endif
