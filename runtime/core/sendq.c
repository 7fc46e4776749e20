/* The send queue: a sorted list that is gathered and then told how far it got.
 *
 * Reads best next: sendq.h. */
#include "core/sendq.h"

#include <assert.h>

void sendq_init(struct sendq *queue, struct link *link, sendq_stamp_fn *stamp, sendq_sent_fn *sent, void *user)
{
    *queue = (struct sendq){.link = link, .stamp = stamp, .sent = sent, .user = user};
}

static void insert_after(struct sendq *queue, struct outgoing *out, struct outgoing *before)
{
    out->prev = before;
    out->next = before == NULL ? queue->head : before->next;
    if (out->next == NULL)
        queue->tail = out;
    else
        out->next->prev = out;
    if (before == NULL)
        queue->head = out;
    else
        before->next = out;
}

static void unlink_out(struct sendq *queue, struct outgoing *out)
{
    if (out->prev == NULL)
        queue->head = out->next;
    else
        out->prev->next = out->next;
    if (out->next == NULL)
        queue->tail = out->prev;
    else
        out->next->prev = out->prev;
    out->next = NULL;
    out->prev = NULL;
    out->queued = false;
}

void sendq_push(struct sendq *queue, struct outgoing *out)
{
    assert(!out->queued && out->size >= FRAME_HEADER_SIZE);
    struct outgoing *before = queue->tail;
    while (before != NULL && before->order > out->order && before->taken == 0)
        before = before->prev;
    out->taken = 0;
    out->queued = true;
    insert_after(queue, out, before);
    queue->bytes += out->size;
}

bool sendq_remove(struct sendq *queue, struct outgoing *out)
{
    assert(out->queued);
    if (out->taken > 0)
        return false;
    queue->bytes -= out->size;
    unlink_out(queue, out);
    return true;
}

size_t sendq_gather(struct sendq *queue, struct sendq_span *spans, size_t max)
{
    size_t count = 0;
    uint64_t ahead = 0;
    for (struct outgoing *out = queue->head; out != NULL && count < max; out = out->next) {
        assert(out->taken == 0 || out == queue->head);
        if (out->taken == 0 && !out->sealed) {
            if (queue->stamp != NULL)
                queue->stamp(out, queue->user);
            frame_seal(out->bytes, link_seed_out(queue->link, ahead++));
        }
        spans[count++] = (struct sendq_span){out->bytes + out->taken, out->size - out->taken};
    }
    return count;
}

/* Accounts for the bytes, and returns the frames that are complete as a list by next. */
static struct outgoing *account(struct sendq *queue, size_t size)
{
    struct outgoing *first = NULL;
    struct outgoing **last = &first;
    while (size > 0) {
        struct outgoing *out = queue->head;
        size_t left = out->size - out->taken;
        if (out->taken == 0 && !out->sealed)
            queue->link->count_out++; /* started: its number is used up */
        if (size < left) {
            out->taken += (uint32_t)size;
            break;
        }
        size -= left;
        out->taken = out->size;
        unlink_out(queue, out);
        *last = out;
        last = &out->next;
    }
    return first;
}

void sendq_took(struct sendq *queue, size_t size)
{
    assert(size <= queue->bytes);
    queue->bytes -= size;
    /* Only now: who is told may push frames, which these bytes do not belong to. */
    for (struct outgoing *out = account(queue, size); out != NULL;) {
        struct outgoing *next = out->next;
        out->next = NULL;
        queue->sent(out, queue->user);
        out = next;
    }
}

void sendq_clear(struct sendq *queue, void (*each)(struct outgoing *out, void *user), void *user)
{
    while (queue->head != NULL) {
        struct outgoing *out = queue->head;
        unlink_out(queue, out);
        each(out, user);
    }
    queue->bytes = 0;
}
