/* The rules between the options of one method: a table of small judges.
 *
 * It must not know how values are read (options.c) nor names (clash.c).  Reads best next: check.c. */
#ifndef IDL_CHECK_H
#define IDL_CHECK_H

#include "idl/options.h"

/* A method, what its own option says, and what its service's does. */
struct check_method {
    const struct model_method *method; /* its options are the merged ones */
    const struct model_options *written;
    const struct options_source *source;
    const struct model_options *service;
    struct path path; /* to the method */
};

void check_method(const struct check_method *subject);

/* What can be wrong within one option of either level. */
void check_options(const struct options_source *source, const struct model_options *written);

/* What only all methods of a service together show.  source and written are those of the service. */
void check_service(const struct options_source *source, const struct model_options *written,
                   const struct model_service *service);

#endif
