/* Frames: a fixed header of 48 bytes, little-endian, then the body.  The byte table is in README.md.
 *
 * The header's check covers the header and is seeded with the connection's nonce and the frame's number; the header's
 * digest covers method and body.  So everything is covered, the body is hashed once for all attempts, and a frame
 * that was damaged, delayed, doubled, dropped or swapped fails its check.
 *
 * Reads best next: link.h. */
#ifndef CORE_FRAME_H
#define CORE_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <semel/status.h>

#define FRAME_HEADER_SIZE 48u
#define FRAME_NO_DEADLINE UINT32_MAX /* in time_ms of a REQUEST */
#define FRAME_NEVER UINT32_MAX       /* in time_ms of a REPLY that refuses: do not try again */

/* X(name, incoming body may be at least, at most (0: the agreed frame limit), flags that may be set) */
#define FRAME_TYPES(X)                                                                                         \
    X(HELLO, 96, 96 + 64, 0)                                                                                   \
    X(WELCOME, 60, 60, FRAME_RESUMED)                                                                          \
    X(REFUSE, 0, 255, FRAME_ELSEWHERE)                                                                         \
    X(REQUEST, 0, 0, FRAME_IDEMPOTENT | FRAME_ONEWAY)                                                          \
    X(REPLY, 0, 0, FRAME_OUTCOME_MASK | FRAME_ELSEWHERE | FRAME_REFUSED)                                       \
    X(CANCEL, 0, SIZE_MAX, 0)                                                                                  \
    X(PING, 0, SIZE_MAX, 0)                                                                                    \
    X(PONG, 0, SIZE_MAX, 0)                                                                                    \
    X(GOAWAY, 0, SIZE_MAX, 0)                                                                                  \
    X(BYE, 0, SIZE_MAX, 0)                                                                                     \
    X(RECEIPT, RECEIPT_RUN_SIZE, RECEIPT_BODY_MAX, 0)                                                          \
    X(DATAGRAM, 0, LIMIT_DATAGRAM - FRAME_HEADER_SIZE, FRAME_IDEMPOTENT | FRAME_ONEWAY)

enum frame_type {
    FRAME_NONE = 0,
#define FRAME_TYPE_ENUM(name, least, most, flags) FRAME_##name,
    FRAME_TYPES(FRAME_TYPE_ENUM)
#undef FRAME_TYPE_ENUM
        FRAME_TYPE_COUNT
};

enum frame_flag {
    /* REQUEST, DATAGRAM */
    FRAME_IDEMPOTENT = 1,
    FRAME_ONEWAY = 2,
    /* WELCOME */
    FRAME_RESUMED = 1,
    /* REPLY: the low two bits are an enum semel_outcome */
    FRAME_OUTCOME_MASK = 3,
    FRAME_REFUSED = 4, /* refused before the handler ran: the call may be tried again */
    /* REPLY, REFUSE */
    FRAME_ELSEWHERE = 8 /* another replica may take it */
};

struct frame {
    enum frame_type type;
    uint8_t flags;
    uint16_t code;   /* REPLY: enum semel_code; DATAGRAM: its version */
    uint64_t seq;    /* REQUEST, REPLY, CANCEL: the call; PING, PONG, BYE: the next seq of who sends it */
    uint64_t method; /* REQUEST, REPLY: method id */
    uint32_t aux; /* REQUEST, CANCEL, PING, PONG, BYE: seq minus ack floor; REPLY, REFUSE: enum semel_reason */
    uint32_t time_ms; /* REQUEST: what is left of the deadline; REPLY, REFUSE: retry after, 0: no wish */
    uint64_t digest;  /* of method and body: a request's fingerprint */
    const uint8_t *body;
    size_t body_size;
};

/* The fingerprint: digest of the body, seeded with the method. */
uint64_t frame_digest(uint64_t method, const uint8_t *body, size_t size);

/* Writes the header of a frame, all but the check, in front of its body; takes frame->digest as it is.
 * The whole frame must fit 32 bits (asserted). */
void frame_write(uint8_t *header, const struct frame *frame);

/* Rewrites what may differ between attempts (aux and time_ms). */
void frame_stamp(uint8_t *header, uint32_t aux, uint32_t time_ms);

/* Rewrites the seq of a frame that carries the ack floor only (PING, PONG, BYE). */
void frame_stamp_seq(uint8_t *header, uint64_t seq);

/* The type and the seq in a header of our own making. */
enum frame_type frame_type_of(const uint8_t *header);
uint64_t frame_seq_of(const uint8_t *header);

/* Writes the check.  Last, after every other change of the header. */
void frame_seal(uint8_t *header, uint64_t seed);

/* Reads a header.  Its check comes first: nothing of a header that fails it is believed.  On NONE *ret_frame is set,
 * with body_size but no body, and *ret_size is the whole frame's size, within limit.
 * Errors: BAD_CHECK, BAD_TYPE, BAD_SIZE, BAD_FIELD. */
enum semel_reason frame_read(const uint8_t *header, uint64_t seed, size_t limit, struct frame *ret_frame);

const char *frame_type_name(enum frame_type type);

#endif
