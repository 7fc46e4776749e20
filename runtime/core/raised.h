/* The body of a reply that carries a declared error (reason DECLARED_ERROR): which error, its message, and a text for a
 * person.  The byte table is in README.md.
 *
 * It must not know the error types a program has.  Reads best next: reply.h. */
#ifndef CORE_RAISED_H
#define CORE_RAISED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RAISED_HEAD_SIZE 12u

struct raised {
    uint64_t id;            /* of the error type */
    const uint8_t *message; /* encoded; borrowed from the body */
    size_t message_size;
    const char *text; /* the rest of the body; not terminated */
    size_t text_size;
};

/* Writes what stands before the message. */
void raised_write_head(uint8_t *body, uint64_t id, uint32_t message_size);

/* false: the body is none. */
bool raised_read(const uint8_t *body, size_t size, struct raised *ret_raised);

#endif
