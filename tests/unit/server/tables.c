/* The hand-made tables.
 *
 * Reads best next: tables.h. */
#include "tables.h"

#define note_FIELDLIST(X, a)                                                                                   \
    X(a, STATIC, SINGULAR, UINT32, number, 1)                                                                  \
    X(a, POINTER, SINGULAR, BYTES, text, 2)
#define note_CALLBACK NULL
#define note_DEFAULT NULL
PB_BIND(note, note, AUTO)

static void handle(void)
{
}

const struct handlers some_handlers = {.filled = handle};

struct semel_method method_with(uint64_t id)
{
    return (struct semel_method){
        .name = "test.Notes.Note",
        .id = id,
        .request_fields = &note_msg,
        .reply_fields = &note_msg,
        .request_size = sizeof(note),
        .reply_size = sizeof(note),
        .handler_offset = id % 2 == 0 ? offsetof(struct handlers, filled) : offsetof(struct handlers, empty),
    };
}
