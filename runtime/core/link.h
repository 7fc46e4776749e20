/* The link: one side of one connection as a state machine.  Bytes in, whole verified frames out; which frame may
 * come or go in which state is one table.
 *
 * It must not know what a session or a call is.  Reads best next: sendq.h, then sessions.h. */
#ifndef CORE_LINK_H
#define CORE_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/frame.h"

enum link_role { LINK_CLIENT, LINK_SERVER };

/* Named by what comes next. */
enum link_state {
    LINK_CLOSED = 0,    /* nothing comes or goes any more; also the table's word for "not allowed" */
    LINK_EXPECT_HELLO,  /* client: to be sent; server: to be received */
    LINK_EXPECT_ANSWER, /* HELLO has passed, WELCOME or REFUSE has not */
    LINK_OPEN,
    LINK_DRAINING, /* GOAWAY has passed: no new requests, BYE is to come */
    LINK_FINISHED, /* BYE has passed: the client asks nothing more */
    LINK_STATE_COUNT
};

struct link {
    enum link_role role;
    enum link_state state;
    uint32_t frame_limit;
    uint64_t seed_in; /* of the first frame; frame n is checked with a seed of its own made from it */
    uint64_t seed_out;
    uint64_t count_in; /* frames that have come, or been started, under these seeds */
    uint64_t count_out;
    bool header_ready; /* frame holds a verified header whose body is not complete yet */
    struct frame frame;
};

enum link_result {
    LINK_NEED_MORE, /* nothing to do before the needed number of bytes is there */
    LINK_FRAME,
    LINK_BAD /* close the connection; the link is CLOSED */
};

/* nonce: drawn by the client for this connection; the server (any value) learns it from HELLO. */
void link_init(struct link *link, enum link_role role, uint64_t nonce);

/* Looks for one frame at the start of bytes.
 * FRAME: *ret_frame is verified and allowed, its body points into bytes, *ret_size is what it takes of them.
 * NEED_MORE: *ret_size is how many bytes, counted from the start of bytes, are needed to go on.
 * BAD: *ret_bad says why. */
enum link_result link_parse(struct link *link, const uint8_t *bytes, size_t size, struct frame *ret_frame,
                            size_t *ret_size, enum semel_reason *ret_bad);

/* Whether this side may send a frame of this type now. */
bool link_may_send(const struct link *link, enum frame_type type);

/* Notes that a frame is on its way (asserts that it may be): the state moves. */
void link_sending(struct link *link, enum frame_type type);

/* Both sides, once WELCOME has passed: from now on every frame is checked under the connection's nonce. */
void link_open(struct link *link, uint64_t nonce, uint32_t frame_limit);

void link_close(struct link *link);

/* The seed of the check of the ahead-th frame that has not been started yet (0: the next). */
uint64_t link_seed_out(const struct link *link, uint64_t ahead);

const char *link_state_name(enum link_state state);

#endif
