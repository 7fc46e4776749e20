/* Datagrams: one REQUEST-like frame that stands alone, without session, answer or second try.
 *
 * The network may deliver a datagram twice, late, or never, and nobody remembers it; so only oneway operations that may
 * run again travel in one.  Its seed is a constant of its own and its type is allowed on no connection: a datagram can
 * not be taken for a frame of a stream, nor the other way round.
 *
 * It must not know sockets.  Reads best next: frame.h. */
#ifndef CORE_DATAGRAM_H
#define CORE_DATAGRAM_H

#include <stdbool.h>
#include <semel/service.h>

#include "core/frame.h"
#include "core/limits.h"

#define DATAGRAM_SEED UINT64_C(0x0031444c454d4553) /* "SEMELD1" */
#define DATAGRAM_VERSION 1u

/* Whether a method may travel in datagrams. */
static inline bool datagram_carries(const struct semel_method *method)
{
    return method->oneway && method->mode != SEMEL_AT_MOST_ONCE;
}

/* Writes and seals the header in front of a body that is in place.  seq: counts the datagrams of a channel from 1; it
 * tells them apart, and nobody checks it.  The whole must fit LIMIT_DATAGRAM (asserted). */
void datagram_write(uint8_t *bytes, uint64_t seq, uint64_t method, size_t body_size);

/* Reads what has come from anybody.  On NONE *ret_frame is set, its body points into bytes.
 * Errors, in this order: TOO_LARGE, BAD_SIZE, BAD_CHECK, BAD_TYPE, BAD_FIELD, BAD_VERSION, BAD_DIGEST. */
enum semel_reason datagram_read(const uint8_t *bytes, size_t size, struct frame *ret_frame);

/* Reads the beginning of a datagram of our own that the network gave back.  false: it is none, or too little of one. */
bool datagram_recognise(const uint8_t *bytes, size_t size, struct frame *ret_frame);

#endif
