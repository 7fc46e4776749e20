/* Three ways through the same requests: in their order, by connection, by seq.
 *
 * Reads best next: queue.h. */
#include "server/queue.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum {
    /* Most requests are small: their blocks are kept for the next ones. */
    SMALL_BODY = 256,
    SPARE_BLOCKS = 4096,
};

void queue_init(struct queue *queue)
{
    *queue = (struct queue){0};
    pool_init(&queue->pool, offsetof(struct queued, body) + SMALL_BODY, SPARE_BLOCKS);
}

void queue_fini(struct queue *queue)
{
    assert(queue->count == 0 && queue->parked == 0 && queue->bytes == 0);
    pool_fini(&queue->pool);
}

bool queue_is_full(const struct queue *queue, size_t body_size)
{
    return queue->count >= QUEUE_REQUESTS_MAX ||
           (queue->count > 0 && queue->bytes + offsetof(struct queued, body) + body_size > QUEUE_BYTES_MAX);
}

/* The seqs of a connection follow each other and so fill the buckets evenly; where they begin is nobody's choice. */
static size_t bucket_of(const struct queue_share *share, uint64_t seq)
{
    uint64_t start = (uint64_t)(uintptr_t)share * UINT64_C(0x9e3779b97f4a7c15) >> 32;
    return (size_t)(start + seq) & (QUEUE_BUCKETS - 1);
}

static struct queued *create(struct queue *queue, size_t body_size)
{
    bool pooled = body_size <= SMALL_BODY;
    size_t size = offsetof(struct queued, body) + (pooled ? SMALL_BODY : body_size);
    struct queued *queued = pooled ? pool_take(&queue->pool) : malloc(size);
    if (queued == NULL)
        return NULL;
    *queued = (struct queued){.size = size, .pooled = pooled};
    return queued;
}

static void link_in_order(struct queue *queue, struct queued *queued)
{
    queued->prev = queue->last;
    if (queue->last != NULL)
        queue->last->next = queued;
    else
        queue->first = queued;
    queue->last = queued;
}

static void unlink_from_order(struct queue *queue, struct queued *queued)
{
    *(queued->prev != NULL ? &queued->prev->next : &queue->first) = queued->next;
    *(queued->next != NULL ? &queued->next->prev : &queue->last) = queued->prev;
    queued->next = queued->prev = NULL;
}

static void link_by_connection(struct queued *queued)
{
    struct queue_share *share = queued->share;
    queued->prev_of_share = share->last;
    *(share->last != NULL ? &share->last->next_of_share : &share->first) = queued;
    share->last = queued;
}

static void unlink_from_connection(struct queued *queued)
{
    struct queue_share *share = queued->share;
    *(queued->prev_of_share != NULL ? &queued->prev_of_share->next_of_share
                                    : &share->first) = queued->next_of_share;
    *(queued->next_of_share != NULL ? &queued->next_of_share->prev_of_share
                                    : &share->last) = queued->prev_of_share;
}

struct queued *queue_push(struct queue *queue, struct connection *connection, struct queue_share *share,
                          const struct frame *frame)
{
    struct queued *queued = create(queue, frame->body_size);
    if (queued == NULL)
        return NULL;
    queued->connection = connection;
    queued->share = share;
    queued->frame = *frame;
    queued->frame.body = queued->body;
    if (frame->body_size > 0)
        memcpy(queued->body, frame->body, frame->body_size);
    struct queued **bucket = &queue->buckets[bucket_of(share, frame->seq)];
    queued->next_in_bucket = *bucket;
    *bucket = queued;
    link_by_connection(queued);
    if (share->parked)
        queue->parked++;
    else
        link_in_order(queue, queued);
    queue->count++;
    queue->bytes += queued->size;
    return queued;
}

struct queued *queue_find(const struct queue *queue, const struct queue_share *share, uint64_t seq)
{
    struct queued *queued = queue->buckets[bucket_of(share, seq)];
    while (queued != NULL && (queued->share != share || queued->frame.seq != seq))
        queued = queued->next_in_bucket;
    return queued;
}

static void unlink_from_bucket(struct queue *queue, struct queued *queued)
{
    struct queued **link = &queue->buckets[bucket_of(queued->share, queued->frame.seq)];
    while (*link != queued)
        link = &(*link)->next_in_bucket;
    *link = queued->next_in_bucket;
}

void queue_remove(struct queue *queue, struct queued *queued)
{
    unlink_from_bucket(queue, queued);
    unlink_from_connection(queued);
    if (queued->share->parked)
        queue->parked--;
    else
        unlink_from_order(queue, queued);
    queue->count--;
    queue->bytes -= queued->size;
}

void queue_park(struct queue *queue, struct queue_share *share)
{
    assert(!share->parked);
    share->parked = true;
    for (struct queued *queued = share->first; queued != NULL; queued = queued->next_of_share) {
        unlink_from_order(queue, queued);
        queue->parked++;
    }
}

void queue_unpark(struct queue *queue, struct queue_share *share, int64_t now_ns)
{
    assert(share->parked);
    share->parked = false;
    for (struct queued *queued = share->first; queued != NULL; queued = queued->next_of_share) {
        queued->arrived_ns = now_ns;
        link_in_order(queue, queued);
        queue->parked--;
    }
}

void queue_free(struct queue *queue, struct queued *queued)
{
    if (queued->pooled)
        pool_give(&queue->pool, queued);
    else
        free(queued);
}
