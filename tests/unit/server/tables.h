/* Tables as the generator writes them, made by hand: methods with any id, and one small message.
 *
 * Reads best next: services_test.c, request_test.c. */
#ifndef TESTS_SERVER_TABLES_H
#define TESTS_SERVER_TABLES_H

#include <semel/service.h>

typedef struct note {
    uint32_t number;
    pb_bytes_array_t *text; /* allocated when decoded */
} note;

extern const pb_msgdesc_t note_msg;

struct handlers {
    void (*filled)(void);
    void (*empty)(void);
};

/* Its first slot is filled. */
extern const struct handlers some_handlers;

/* A method with this id whose messages are notes; even ids have their handler, odd ones have none. */
struct semel_method method_with(uint64_t id);

#endif
