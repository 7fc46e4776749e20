/* Imports that nobody needs C of: files that are imported for their options alone.
 *
 * It must not know how a header is included.  Reads best next: imports.c. */
#ifndef IDL_IMPORTS_H
#define IDL_IMPORTS_H

#include "idl/model.h"

/* The names of all files of the request from which neither a file to generate nor, in turn, a file it takes types
 * from takes any type.  *ret_count tells how many; names and list are in the model's arena.  model was built from
 * request. */
const char *const *imports_without_use(struct model *model, const struct request *request, size_t *ret_count);

#endif
