/* From the checked model to the text of X.semel.h and X.semel.c.
 *
 * Emitters read the model and write text; they decide nothing and report nothing.  Same model, same text: no
 * time, no path of the machine.  Names made here are listed in idl/clash.c.  Reads best next: emit_header.c,
 * emit_source.c. */
#ifndef CODEGEN_EMIT_H
#define CODEGEN_EMIT_H

#include "codegen/text.h"
#include "idl/model.h"

/* What the tables of semel/service.h looked like when this generator was written. */
#define EMIT_SERVICE_VERSION 3

void emit_header(struct text *out, const struct model_file *file);
void emit_source(struct text *out, const struct model_file *file);

/* A comment of the .proto as a C comment that cannot end early: the lines of comment, then those of tail (lines
 * are parted by newlines; either may be NULL).  Nothing when both are empty. */
void emit_comment(struct text *out, const char *comment, const char *tail);

/* "AT_MOST_ONCE" and so on: the enumerators of semel/service.h without SEMEL_. */
const char *emit_mode_name(enum model_mode mode);
const char *emit_on_unavailable_name(enum model_on_unavailable value);
const char *emit_jitter_name(enum model_jitter value);

#endif
