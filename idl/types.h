/* The message and enum types of a request, and whether nanopb can make C of them.
 *
 * It must not know services.  Reads best next: clash.h. */
#ifndef IDL_TYPES_H
#define IDL_TYPES_H

#include "idl/model.h"

/* Fills model->messages and model->enums from every file and reports names no C can be made of. */
void types_collect(struct model *model, struct request *request, struct diagnostics *list);

#endif
