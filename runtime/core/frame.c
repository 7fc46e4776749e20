/* Frame headers to and from bytes.  Knows nothing of connections and their states.
 *
 * Reads best next: README.md, the byte tables. */
#include "core/frame.h"

#include <assert.h>

#include "core/bytes.h"
#include "core/digest.h"
#include "core/limits.h"
#include "core/receipt.h"

enum offset {
    AT_SIZE = 0,
    AT_TYPE = 4,
    AT_FLAGS = 5,
    AT_CODE = 6,
    AT_SEQ = 8,
    AT_METHOD = 16,
    AT_AUX = 24,
    AT_TIME = 28,
    AT_DIGEST = 32,
    AT_CHECK = 40
};

static_assert(AT_CHECK + 8 == FRAME_HEADER_SIZE, "the check closes the header");

/* What a body of each type may be, and which flags it may carry. */
static const struct frame_shape {
    const char *name;
    size_t body_least;
    size_t body_most; /* 0: the frame limit; SIZE_MAX: no body */
    uint8_t flags;
} shapes[FRAME_TYPE_COUNT] = {{"NONE", 0, 0, 0},
#define FRAME_SHAPE(name, least, most, flags) {#name, least, most, flags},
                              FRAME_TYPES(FRAME_SHAPE)
#undef FRAME_SHAPE
};

uint64_t frame_digest(uint64_t method, const uint8_t *body, size_t size)
{
    return digest(body, size, method);
}

void frame_write(uint8_t *header, const struct frame *frame)
{
    assert(frame->body_size <= UINT32_MAX - FRAME_HEADER_SIZE);
    bytes_store32(header + AT_SIZE, (uint32_t)(FRAME_HEADER_SIZE + frame->body_size));
    header[AT_TYPE] = (uint8_t)frame->type;
    header[AT_FLAGS] = frame->flags;
    bytes_store16(header + AT_CODE, frame->code);
    bytes_store64(header + AT_SEQ, frame->seq);
    bytes_store64(header + AT_METHOD, frame->method);
    frame_stamp(header, frame->aux, frame->time_ms);
    bytes_store64(header + AT_DIGEST, frame->digest);
}

void frame_stamp(uint8_t *header, uint32_t aux, uint32_t time_ms)
{
    bytes_store32(header + AT_AUX, aux);
    bytes_store32(header + AT_TIME, time_ms);
}

void frame_stamp_seq(uint8_t *header, uint64_t seq)
{
    bytes_store64(header + AT_SEQ, seq);
}

enum frame_type frame_type_of(const uint8_t *header)
{
    return (enum frame_type)header[AT_TYPE];
}

uint64_t frame_seq_of(const uint8_t *header)
{
    return bytes_load64(header + AT_SEQ);
}

void frame_seal(uint8_t *header, uint64_t seed)
{
    bytes_store64(header + AT_CHECK, digest(header, AT_CHECK, seed));
}

static enum semel_reason check_body_size(const struct frame *frame, size_t limit)
{
    const struct frame_shape *shape = &shapes[frame->type];
    size_t most = shape->body_most == 0 ? limit - FRAME_HEADER_SIZE : shape->body_most;
    if (shape->body_most == SIZE_MAX)
        most = 0;
    if (frame->body_size < shape->body_least || frame->body_size > most ||
        frame->body_size > limit - FRAME_HEADER_SIZE)
        return SEMEL_REASON_BAD_SIZE;
    return SEMEL_REASON_NONE;
}

/* Enums and flags that no honest peer sends. */
static enum semel_reason check_fields(const struct frame *frame)
{
    if ((frame->flags & ~shapes[frame->type].flags) != 0)
        return SEMEL_REASON_BAD_FIELD;
    switch (frame->type) {
    case FRAME_REPLY:
        if (frame->code > SEMEL_UNAUTHENTICATED || frame->aux >= SEMEL_REASON_COUNT ||
            (frame->flags & FRAME_OUTCOME_MASK) > SEMEL_OUTCOME_EXECUTED)
            return SEMEL_REASON_BAD_FIELD;
        if ((frame->flags & FRAME_REFUSED) != 0 &&
            (frame->flags & FRAME_OUTCOME_MASK) != SEMEL_OUTCOME_NOT_EXECUTED)
            return SEMEL_REASON_BAD_FIELD; /* a refusal is the word that it did not run */
        return SEMEL_REASON_NONE;
    case FRAME_REFUSE: return frame->aux < SEMEL_REASON_COUNT ? SEMEL_REASON_NONE : SEMEL_REASON_BAD_FIELD;
    case FRAME_REQUEST:
    case FRAME_CANCEL:
        /* seq 0 is never given; the ack floor is at most the seq itself. */
        return frame->seq != 0 && frame->aux < frame->seq ? SEMEL_REASON_NONE : SEMEL_REASON_BAD_FIELD;
    case FRAME_DATAGRAM: /* nothing else may be lost or come twice */
        return frame->seq != 0 && frame->flags == (FRAME_IDEMPOTENT | FRAME_ONEWAY) ? SEMEL_REASON_NONE
                                                                                    : SEMEL_REASON_BAD_FIELD;
    default: return SEMEL_REASON_NONE;
    }
}

enum semel_reason frame_read(const uint8_t *header, uint64_t seed, size_t limit, struct frame *ret_frame)
{
    assert(limit >= FRAME_HEADER_SIZE);
    if (bytes_load64(header + AT_CHECK) != digest(header, AT_CHECK, seed))
        return SEMEL_REASON_BAD_CHECK;
    uint32_t size = bytes_load32(header + AT_SIZE);
    if (size < FRAME_HEADER_SIZE)
        return SEMEL_REASON_BAD_SIZE;
    if (header[AT_TYPE] == FRAME_NONE || header[AT_TYPE] >= FRAME_TYPE_COUNT)
        return SEMEL_REASON_BAD_TYPE;
    struct frame frame = {
        .type = (enum frame_type)header[AT_TYPE],
        .flags = header[AT_FLAGS],
        .code = bytes_load16(header + AT_CODE),
        .seq = bytes_load64(header + AT_SEQ),
        .method = bytes_load64(header + AT_METHOD),
        .aux = bytes_load32(header + AT_AUX),
        .time_ms = bytes_load32(header + AT_TIME),
        .digest = bytes_load64(header + AT_DIGEST),
        .body_size = size - FRAME_HEADER_SIZE,
    };
    enum semel_reason bad = check_body_size(&frame, limit);
    if (bad == SEMEL_REASON_NONE)
        bad = check_fields(&frame);
    if (bad == SEMEL_REASON_NONE)
        *ret_frame = frame;
    return bad;
}

const char *frame_type_name(enum frame_type type)
{
    return type < FRAME_TYPE_COUNT ? shapes[type].name : "?";
}
