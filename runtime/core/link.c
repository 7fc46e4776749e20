/* The table of the link, and the parser that feeds it.
 *
 * Reads best next: link.h. */
#include "core/link.h"

#include <assert.h>

#include "core/handshake.h"
#include "core/limits.h"

/* Odd, so that n -> n * STRIDE never repeats within 64 bits. */
#define SEED_STRIDE UINT64_C(0x9e3779b97f4a7c15)

/* Where a frame leads, by who sends it; LINK_CLOSED where it is not allowed.  Both sides hold the same table. */
static const uint8_t from_client[LINK_STATE_COUNT][FRAME_TYPE_COUNT] = {
    [LINK_EXPECT_HELLO] = {[FRAME_HELLO] = LINK_EXPECT_ANSWER},
    [LINK_OPEN] = {[FRAME_REQUEST] = LINK_OPEN,
                   [FRAME_CANCEL] = LINK_OPEN,
                   [FRAME_REPLY] = LINK_OPEN,
                   [FRAME_RECEIPT] = LINK_OPEN,
                   [FRAME_PING] = LINK_OPEN,
                   [FRAME_PONG] = LINK_OPEN,
                   [FRAME_BYE] = LINK_FINISHED},
    /* A request may cross GOAWAY on the wire: it is refused, and that is not the client's fault. */
    [LINK_DRAINING] = {[FRAME_REQUEST] = LINK_DRAINING,
                       [FRAME_CANCEL] = LINK_DRAINING,
                       [FRAME_REPLY] = LINK_DRAINING,
                       [FRAME_RECEIPT] = LINK_DRAINING,
                       [FRAME_PING] = LINK_DRAINING,
                       [FRAME_PONG] = LINK_DRAINING,
                       [FRAME_BYE] = LINK_FINISHED},
    /* What it was called back for before it left, it still answers. */
    [LINK_FINISHED] = {[FRAME_REPLY] = LINK_FINISHED,
                       [FRAME_RECEIPT] = LINK_FINISHED,
                       [FRAME_PING] = LINK_FINISHED,
                       [FRAME_PONG] = LINK_FINISHED},
};

static const uint8_t from_server[LINK_STATE_COUNT][FRAME_TYPE_COUNT] = {
    [LINK_EXPECT_ANSWER] = {[FRAME_WELCOME] = LINK_OPEN, [FRAME_REFUSE] = LINK_FINISHED},
    [LINK_OPEN] = {[FRAME_REPLY] = LINK_OPEN,
                   [FRAME_RECEIPT] = LINK_OPEN,
                   [FRAME_REQUEST] = LINK_OPEN,
                   [FRAME_CANCEL] = LINK_OPEN,
                   [FRAME_PING] = LINK_OPEN,
                   [FRAME_PONG] = LINK_OPEN,
                   [FRAME_GOAWAY] = LINK_DRAINING,
                   [FRAME_REFUSE] = LINK_FINISHED},
    /* A handler that is to end before the connection does may have to call back first. */
    [LINK_DRAINING] = {[FRAME_REPLY] = LINK_DRAINING,
                       [FRAME_RECEIPT] = LINK_DRAINING,
                       [FRAME_REQUEST] = LINK_DRAINING,
                       [FRAME_CANCEL] = LINK_DRAINING,
                       [FRAME_PING] = LINK_DRAINING,
                       [FRAME_PONG] = LINK_DRAINING,
                       [FRAME_REFUSE] = LINK_FINISHED},
    [LINK_FINISHED] = {[FRAME_REPLY] = LINK_FINISHED,
                       [FRAME_RECEIPT] = LINK_FINISHED,
                       [FRAME_REQUEST] = LINK_FINISHED,
                       [FRAME_CANCEL] = LINK_FINISHED,
                       [FRAME_PING] = LINK_FINISHED,
                       [FRAME_PONG] = LINK_FINISHED,
                       [FRAME_GOAWAY] = LINK_FINISHED,
                       [FRAME_REFUSE] = LINK_FINISHED},
};

static enum link_state next_state(enum link_role sender, enum link_state state, enum frame_type type)
{
    return (enum link_state)(sender == LINK_CLIENT ? from_client : from_server)[state][type];
}

void link_init(struct link *link, enum link_role role, uint64_t nonce)
{
    *link = (struct link){
        .role = role,
        .state = LINK_EXPECT_HELLO,
        .frame_limit = LIMIT_HANDSHAKE_FRAME,
        /* HELLO is checked under the magic number, its answer under the client's nonce. */
        .seed_in = role == LINK_CLIENT ? nonce : HANDSHAKE_MAGIC,
        .seed_out = role == LINK_CLIENT ? HANDSHAKE_MAGIC : nonce,
    };
}

static enum link_result bad(struct link *link, enum semel_reason reason, enum semel_reason *ret_bad)
{
    /* Who fails the very first check does not speak this protocol at all. */
    bool first = link->state == LINK_EXPECT_HELLO || link->state == LINK_EXPECT_ANSWER;
    *ret_bad = first && reason == SEMEL_REASON_BAD_CHECK ? SEMEL_REASON_BAD_MAGIC : reason;
    link_close(link);
    return LINK_BAD;
}

/* Where the incoming frame would lead. */
static enum link_state state_after(const struct link *link)
{
    enum link_role peer = link->role == LINK_CLIENT ? LINK_SERVER : LINK_CLIENT;
    return next_state(peer, link->state, link->frame.type);
}

static enum link_result parse_header(struct link *link, const uint8_t *bytes, enum semel_reason *ret_bad)
{
    uint64_t seed = link->seed_in + link->count_in * SEED_STRIDE;
    enum semel_reason reason = frame_read(bytes, seed, link->frame_limit, &link->frame);
    if (reason != SEMEL_REASON_NONE)
        return bad(link, reason, ret_bad);
    if (state_after(link) == LINK_CLOSED)
        return bad(link, SEMEL_REASON_BAD_STATE, ret_bad);
    link->header_ready = true;
    return LINK_FRAME;
}

enum link_result link_parse(struct link *link, const uint8_t *bytes, size_t size, struct frame *ret_frame,
                            size_t *ret_size, enum semel_reason *ret_bad)
{
    assert(link->state != LINK_CLOSED);
    *ret_size = FRAME_HEADER_SIZE;
    if (size < FRAME_HEADER_SIZE)
        return LINK_NEED_MORE;
    if (!link->header_ready && parse_header(link, bytes, ret_bad) == LINK_BAD)
        return LINK_BAD;
    struct frame *frame = &link->frame;
    *ret_size = FRAME_HEADER_SIZE + frame->body_size;
    if (size < *ret_size)
        return LINK_NEED_MORE;
    frame->body = bytes + FRAME_HEADER_SIZE;
    if (frame_digest(frame->method, frame->body, frame->body_size) != frame->digest)
        return bad(link, SEMEL_REASON_BAD_DIGEST, ret_bad);
    /* Once more: what this side sent while the body came may have changed the state. */
    if (state_after(link) == LINK_CLOSED)
        return bad(link, SEMEL_REASON_BAD_STATE, ret_bad);
    link->header_ready = false;
    link->count_in++;
    link->state = state_after(link);
    *ret_frame = *frame;
    return LINK_FRAME;
}

bool link_may_send(const struct link *link, enum frame_type type)
{
    return next_state(link->role, link->state, type) != LINK_CLOSED;
}

void link_sending(struct link *link, enum frame_type type)
{
    assert(link_may_send(link, type));
    link->state = next_state(link->role, link->state, type);
}

void link_open(struct link *link, uint64_t nonce, uint32_t frame_limit)
{
    assert(link->state == LINK_OPEN && frame_limit >= FRAME_HEADER_SIZE);
    link->frame_limit = frame_limit;
    /* The two directions must not accept each other's frames. */
    link->seed_in = link->role == LINK_CLIENT ? ~nonce : nonce;
    link->seed_out = ~link->seed_in;
    link->count_in = 0;
    link->count_out = 0;
}

void link_close(struct link *link)
{
    link->state = LINK_CLOSED;
    link->header_ready = false;
}

uint64_t link_seed_out(const struct link *link, uint64_t ahead)
{
    return link->seed_out + (link->count_out + ahead) * SEED_STRIDE;
}

const char *link_state_name(enum link_state state)
{
    static const char *const names[LINK_STATE_COUNT] = {"CLOSED", "EXPECT_HELLO", "EXPECT_ANSWER",
                                                        "OPEN",   "DRAINING",     "FINISHED"};
    return state < LINK_STATE_COUNT ? names[state] : "?";
}
