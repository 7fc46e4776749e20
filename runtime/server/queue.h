/* The queue of a server: requests that wait for their turn, each with its bytes, first come first served.
 *
 * A waiting request belongs to its connection and goes with it: it has not run, nothing records it, and the client
 * sends it again.  It is found by its seq, so that a CANCEL costs the same whatever waits.  What a connection has
 * waiting can be parked: it stays, but is in nobody's way.
 *
 * It must not know when a turn comes, nor what a refusal is.  Reads best next: admission.h. */
#ifndef SERVER_QUEUE_H
#define SERVER_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/frame.h"
#include "core/pool.h"

struct connection;
struct queued;

enum {
    /* A wait of a second at 16000 requests a second; more would wait longer than anybody wants. */
    QUEUE_REQUESTS_MAX = 16384,
    /* Bytes of waiting requests: 16 of the largest frames as they come.  An empty queue takes any one request. */
    QUEUE_BYTES_MAX = 64 << 20,
    /* At least as many as most queues are long, and a power of two. */
    QUEUE_BUCKETS = 4096,
};

/* The waiting requests of one connection, in their order; embedded in it. */
struct queue_share {
    struct queued *first;
    struct queued *last;
    bool parked;
};

struct queued {
    struct queued *next; /* of the line, unless it is parked */
    struct queued *prev;
    struct queued *next_of_share;
    struct queued *prev_of_share;
    struct queued *next_in_bucket;
    struct connection *connection;
    struct queue_share *share;
    struct frame frame; /* its body stands behind it */
    int64_t arrived_ns;
    int64_t patience_ns; /* how long it may wait; INT64_MAX: for ever */
    int64_t deadline_ns; /* 0: none */
    size_t size;         /* of this block */
    bool pooled;
    uint8_t body[];
};

struct queue {
    struct queued *first;
    struct queued *last;
    struct queued *buckets[QUEUE_BUCKETS];
    struct pool pool;
    uint32_t count;
    uint32_t parked; /* of these */
    uint64_t bytes;
};

void queue_init(struct queue *queue);
/* Nothing may wait (asserted). */
void queue_fini(struct queue *queue);

/* Whether a request with a body of this size would have to be turned away. */
bool queue_is_full(const struct queue *queue, size_t body_size);

/* Puts a copy of the frame at the end.  Its times are the caller's to set.  NULL: no memory. */
struct queued *queue_push(struct queue *queue, struct connection *connection, struct queue_share *share,
                          const struct frame *frame);
/* The waiting request of a connection with this seq, or NULL. */
struct queued *queue_find(const struct queue *queue, const struct queue_share *share, uint64_t seq);
/* Takes one out; its frame is valid until it is freed. */
void queue_remove(struct queue *queue, struct queued *queued);
/* Takes the waiting requests of a connection out of the line. */
void queue_park(struct queue *queue, struct queue_share *share);
/* Puts them at its end, as if they came now: what a connection did not read of its replies is no wait for a turn. */
void queue_unpark(struct queue *queue, struct queue_share *share, int64_t now_ns);
void queue_free(struct queue *queue, struct queued *queued);

#endif
