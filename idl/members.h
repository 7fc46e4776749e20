/* The members of one C struct: whether the names of a message's fields and oneofs can stand in it side by side with
 * what nanopb adds.
 *
 * It must not know names outside of the struct (clash.c).  Reads best next: members.c. */
#ifndef IDL_MEMBERS_H
#define IDL_MEMBERS_H

#include "idl/model.h"

/* The nanopb of Debian counts tags in 16 bits. */
enum { MEMBERS_TAG_MAX = 65535 };

struct members_source {
    struct model *model;
    struct diagnostics *list;
    struct request_file *file;
    const struct request_message *message;
};

/* Makes the list of fields.  Whatever their names are, there is one for each of the source. */
struct model_field *members_collect(const struct members_source *source);

/* Reports what no C struct can be made of, and what C++ would not take. */
void members_check(const struct members_source *source, const struct model_message *message);

#endif
