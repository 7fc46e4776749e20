/* Messages to and from bytes, by their nanopb descriptors.
 *
 * Reads best next: semel/service.h. */
#ifndef CORE_MESSAGE_H
#define CORE_MESSAGE_H

#include <pb.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The encoded size; false: it cannot be encoded (a required field is missing, a string is not UTF-8, ...), and
 * *ret_error (static) says why. */
bool message_size(const pb_msgdesc_t *fields, const void *message, size_t *ret_size, const char **ret_error);

/* Encodes into a buffer; false if it does not fit or cannot be encoded. */
bool message_encode(const pb_msgdesc_t *fields, const void *message, uint8_t *into, size_t room,
                    size_t *ret_size, const char **ret_error);

/* *ret_error when nothing is wrong with the bytes: compare the pointer. */
extern const char message_no_memory[];

struct message_type {
    const pb_msgdesc_t *fields;
    size_t size;    /* sizeof the nanopb struct */
    bool recursive; /* it can hold a message of its own type, so that only the bytes bound its depth */
};

/* Decodes into memory that may hold anything; what it allocates is freed with message_release.  On failure nothing is
 * left allocated. */
bool message_decode(struct message_type type, void *message, const uint8_t *bytes, size_t size,
                    const char **ret_error);

void message_release(const pb_msgdesc_t *fields, void *message);

#endif
