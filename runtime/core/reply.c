/* Replies: memory and headers.
 *
 * Reads best next: reply.h. */
#include "core/reply.h"

#include <assert.h>
#include <stdlib.h>

struct reply *reply_create(struct pool *pool, size_t body_capacity)
{
    if (body_capacity > UINT32_MAX - REPLY_BLOCK_SIZE)
        return NULL;
    if (body_capacity > REPLY_SMALL_BODY)
        pool = NULL;
    else if (pool != NULL)
        body_capacity = REPLY_SMALL_BODY;
    size_t size = offsetof(struct reply, frame) + FRAME_HEADER_SIZE + body_capacity;
    struct reply *reply = pool != NULL ? pool_take(pool) : malloc(size);
    if (reply == NULL)
        return NULL;
    *reply = (struct reply){.pool = pool, .capacity = (uint32_t)body_capacity};
    reply->out.bytes = reply->frame;
    return reply;
}

void reply_write(struct reply *reply, const struct frame *frame)
{
    assert(frame->body_size <= reply->capacity && !reply->out.queued);
    frame_write(reply->frame, frame);
    reply->out.size = FRAME_HEADER_SIZE + (uint32_t)frame->body_size;
}

void reply_settle(struct reply *reply)
{
    if (reply == NULL || reply->kept || reply->out.queued)
        return;
    if (reply->pool != NULL)
        pool_give(reply->pool, reply);
    else
        free(reply);
}
