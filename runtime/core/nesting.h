/* How deep an encoded message is nested.  nanopb decodes by recursion and without a limit: bytes that nest a recursive
 * message a million times would take the stack.  So such bytes are walked first, without recursion.
 *
 * Reads best next: message.h. */
#ifndef CORE_NESTING_H
#define CORE_NESTING_H

#include <pb.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum nesting { NESTING_FINE, NESTING_TOO_DEEP, NESTING_BROKEN /* these bytes are no message */ };

/* Walks the bytes as a message of this type; at most LIMIT_MESSAGE_DEPTH messages may stand in one another. */
enum nesting nesting_check(const pb_msgdesc_t *fields, const uint8_t *bytes, size_t size);

#endif
