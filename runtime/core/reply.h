/* A reply: one frame that a server owes a client.  It lives while a record keeps it or a send queue holds it.
 *
 * Reads best next: dedup.h. */
#ifndef CORE_REPLY_H
#define CORE_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/pool.h"
#include "core/sendq.h"
#include "core/units.h"

/* Replies up to this body come from a pool: most are a few dozen bytes. */
#define REPLY_SMALL_BODY 368u

struct reply {
    struct outgoing out;
    struct pool *pool; /* where the memory goes back to; NULL: the allocator */
    bool kept;         /* by a record */
    uint32_t capacity; /* of the body */
    uint8_t frame[];   /* header and body */
};

/* For pool_init. */
#define REPLY_BLOCK_SIZE (offsetof(struct reply, frame) + FRAME_HEADER_SIZE + REPLY_SMALL_BODY)

/* A reply with room for a body.  pool: of REPLY_BLOCK_SIZE blocks, used if the body is small; NULL when another thread
 * than the pool's makes the reply.  NULL: no memory. */
struct reply *reply_create(struct pool *pool, size_t body_capacity);

static inline uint8_t *reply_body(struct reply *reply)
{
    return reply->frame + FRAME_HEADER_SIZE;
}

static inline size_t reply_size(const struct reply *reply)
{
    return offsetof(struct reply, frame) + FRAME_HEADER_SIZE + reply->capacity;
}

/* Writes the header for the body that is in place (its size is frame->body_size, at most the capacity). */
void reply_write(struct reply *reply, const struct frame *frame);

/* Frees it if neither a record nor a send queue holds it.  Accepts NULL. */
void reply_settle(struct reply *reply);

/* The reply a frame in a send queue belongs to. */
static inline struct reply *reply_of(struct outgoing *out)
{
    return container_of(out, struct reply, out);
}

#endif
