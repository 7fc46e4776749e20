/* The rules between the options of one method: a table of small judges.
 *
 * It must not know how values are read (options.c) nor names (clash.c).  Reads best next: check.c. */
#ifndef IDL_CHECK_H
#define IDL_CHECK_H

#include "idl/options.h"

/* A method as written, before service options are merged into it. */
struct check_method {
    const struct model_method *method;
    const struct model_options *written;
    const struct options_source *source;
    struct path path; /* to the method */
};

void check_method(const struct check_method *subject);

/* What can be wrong within one option of either level. */
void check_options(const struct options_source *source, const struct model_options *written);

#endif
