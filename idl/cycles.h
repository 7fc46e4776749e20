/* Messages that can hold a message of their own type, and the fields that close such a circle.
 *
 * It must not know what is done about them: C structs need pointers, readers of hostile input a bound on depth.
 * Reads best next: types.h. */
#ifndef IDL_CYCLES_H
#define IDL_CYCLES_H

#include "idl/model.h"

/* A field that lies on a circle. */
struct cycle_field {
    const char *file;    /* that declares it, as protoc names it; borrowed from the request */
    const char *message; /* full name of the message it belongs to, in the model's arena */
    const char *name;    /* borrowed from the request */
};

struct cycles {
    const struct cycle_field *fields; /* in the model's arena; in the order of their declaration */
    size_t count;
};

/* Sets recursive of every message in model->messages, which types_collect has filled from the same request: true
 * when the message lies on a circle of message fields, or reaches one.
 *
 * *ret_cycles (may be NULL) gets the fields that no C struct can hold by value: those on a circle of singular
 * fields (members of a oneof included), and repeated ones on any circle, which only a bound could make values.
 * Takes time and memory in proportion to the request, whatever its shape; unknown type names are passed over. */
void cycles_find(struct model *model, const struct request *request, struct cycles *ret_cycles);

#endif
