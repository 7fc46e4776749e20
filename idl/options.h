/* Our options as written in a .proto file, read and checked one by one; and how a method's win over its
 * service's.
 *
 * It must not know rules between options (check.c).  Reads best next: check.h. */
#ifndef IDL_OPTIONS_H
#define IDL_OPTIONS_H

#include "idl/model.h"

/* The numbers of semel/options.proto, for paths to source locations. */
enum {
    OPTION_SEMEL = 51717,
    OPTION_RETRY_INTERVALS = 1,
    OPTION_DEADLINE = 2,
    OPTION_ONEWAY = 3,
    OPTION_ON_UNAVAILABLE = 4,
    OPTION_ERRORS = 5
};

/* Where options are written, and what is needed to judge them. */
struct options_source {
    struct model *model;
    struct diagnostics *list;
    struct request_file *file;
    struct path path; /* to the whole option (semel.method) or (semel.service) */
};

/* The place of one of them, OPTION_DEADLINE for example. */
struct place options_place(const struct options_source *source, int32_t option);

/* Reads rules (NULL: nothing written) and reports bad values, which then count as unset. */
struct model_options options_read(const struct options_source *source, const desc_Rules *rules);

/* Method options over service options.  Errors of both are joined. */
struct model_options options_merge(struct arena *arena, const struct model_options *method,
                                   const struct model_options *service);

#endif
