/* Datagrams to and from bytes.
 *
 * Reads best next: datagram.h. */
#include "core/datagram.h"

#include <assert.h>

void datagram_write(uint8_t *bytes, uint64_t seq, uint64_t method, size_t body_size)
{
    assert(seq != 0 && body_size <= LIMIT_DATAGRAM - FRAME_HEADER_SIZE);
    const struct frame frame = {
        .type = FRAME_DATAGRAM,
        .flags = FRAME_IDEMPOTENT | FRAME_ONEWAY,
        .code = DATAGRAM_VERSION,
        .seq = seq,
        .method = method,
        .digest = frame_digest(method, bytes + FRAME_HEADER_SIZE, body_size),
        .body_size = body_size,
    };
    frame_write(bytes, &frame);
    frame_seal(bytes, DATAGRAM_SEED);
}

enum semel_reason datagram_read(const uint8_t *bytes, size_t size, struct frame *ret_frame)
{
    struct frame frame;
    if (size > LIMIT_DATAGRAM)
        return SEMEL_REASON_TOO_LARGE;
    if (size < FRAME_HEADER_SIZE)
        return SEMEL_REASON_BAD_SIZE;
    enum semel_reason bad = frame_read(bytes, DATAGRAM_SEED, LIMIT_DATAGRAM, &frame);
    if (bad != SEMEL_REASON_NONE)
        return bad;
    if (frame.type != FRAME_DATAGRAM)
        return SEMEL_REASON_BAD_TYPE;
    if (frame.code != DATAGRAM_VERSION)
        return SEMEL_REASON_BAD_VERSION;
    if (FRAME_HEADER_SIZE + frame.body_size != size)
        return SEMEL_REASON_BAD_SIZE;
    frame.body = bytes + FRAME_HEADER_SIZE;
    if (frame_digest(frame.method, frame.body, frame.body_size) != frame.digest)
        return SEMEL_REASON_BAD_DIGEST;
    *ret_frame = frame;
    return SEMEL_REASON_NONE;
}

bool datagram_recognise(const uint8_t *bytes, size_t size, struct frame *ret_frame)
{
    return size >= FRAME_HEADER_SIZE &&
           frame_read(bytes, DATAGRAM_SEED, LIMIT_DATAGRAM, ret_frame) == SEMEL_REASON_NONE &&
           ret_frame->type == FRAME_DATAGRAM;
}
