/* The send queue of one connection: frames in order, and how far the transport took each.
 *
 * A frame is sealed only when it is offered to the transport, so one that was not started may still be taken out.
 * Reads best next: outbox.h (client), reply.h (server). */
#ifndef CORE_SENDQ_H
#define CORE_SENDQ_H

#include <semel/status.h>

#include "core/link.h"

/* One frame on its way, embedded in what owns it (a call, a reply, a control frame). */
struct outgoing {
    struct outgoing *next;
    struct outgoing *prev;
    uint8_t *bytes; /* header and body */
    uint32_t size;
    uint32_t taken; /* bytes the transport took in the present attempt */
    uint64_t order; /* a queue is sorted by it; among equals the earlier comes first */
    bool queued;
    bool sealed; /* handshake frames: sealed by their maker, outside the frame count */
};

/* A run of bytes to write. */
struct sendq_span {
    const uint8_t *bytes;
    size_t size;
};

/* Told just before a frame that was not started is sealed: the last chance to stamp its header. */
typedef void sendq_stamp_fn(struct outgoing *out, void *user);
/* Told once the transport took the last byte; the frame is out of the queue. */
typedef void sendq_sent_fn(struct outgoing *out, void *user);

struct sendq {
    struct outgoing *head;
    struct outgoing *tail;
    uint64_t bytes; /* in the queue and not taken */
    struct link *link;
    sendq_stamp_fn *stamp; /* may be NULL */
    sendq_sent_fn *sent;
    void *user;
};

void sendq_init(struct sendq *queue, struct link *link, sendq_stamp_fn *stamp, sendq_sent_fn *sent, void *user);

/* Adds a frame behind those of lower or equal order, never before one that was started. */
void sendq_push(struct sendq *queue, struct outgoing *out);

/* Takes a frame out that was not started; one that was started stays (returns false): its rest must follow. */
bool sendq_remove(struct sendq *queue, struct outgoing *out);

/* Fills spans with the next bytes to write; returns how many spans.  Nothing may be pushed or removed before
 * sendq_took tells what became of them. */
size_t sendq_gather(struct sendq *queue, struct sendq_span *spans, size_t max);

/* The transport took this many bytes of what was gathered. */
void sendq_took(struct sendq *queue, size_t size);

/* The connection is gone: empties the queue, calling each for every frame in order.  Its taken field still tells how
 * far it got. */
void sendq_clear(struct sendq *queue, void (*each)(struct outgoing *out, void *user), void *user);

/* How far the frame got in the present attempt. */
static inline enum semel_progress outgoing_progress(const struct outgoing *out)
{
    if (out->taken == 0)
        return SEMEL_PROGRESS_QUEUED;
    return out->taken < out->size ? SEMEL_PROGRESS_PARTLY_WRITTEN : SEMEL_PROGRESS_WRITTEN;
}

#endif
