/* Looks for C names that two things of the model would share once dots have become underscores.
 *
 * It must know which names the emitters make: whoever adds one adds it to the tables in clash.c.
 * Reads best next: codegen/emit.h. */
#ifndef IDL_CLASH_H
#define IDL_CLASH_H

#include "idl/model.h"

/* request is the one model was built from. */
void clash_check(struct model *model, const struct request *request, struct diagnostics *list);

#endif
