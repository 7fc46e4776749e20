/* An outbox on a send queue whose peer hears what goes out: what a channel does with it, without retrying.
 *
 * Reads best next: outbox_test.c. */
#ifndef TESTS_CORE_DESK_H
#define TESTS_CORE_DESK_H

#include "core/outbox.h"

#include "pair.h"
#include "support.h"

struct item {
    struct outbox_call call;
    uint8_t bytes[FRAME_HEADER_SIZE + 32];
};

struct desk {
    struct outbox outbox;
    struct pair pair;
    struct sendq queue;
    uint64_t heard[4096];
    size_t heard_count;
};

static inline struct item *item_of(struct outgoing *out)
{
    return (struct item *)((char *)out - offsetof(struct item, call.out));
}

static inline void on_sent(struct outgoing *out, void *user)
{
    (void)user;
    struct item *item = item_of(out);
    if (item->call.state != OUTBOX_ENDED)
        outbox_written(&item->call);
}

static inline void desk_connect(struct desk *desk, uint32_t window)
{
    pair_open(&desk->pair);
    sendq_init(&desk->queue, &desk->pair.client, NULL, on_sent, desk);
    outbox_attach(&desk->outbox, &desk->queue, window);
}

/* What a channel does when its connection is lost (R1, R5). */
static inline void on_lost(struct outgoing *out, void *user)
{
    struct desk *desk = user;
    struct item *item = item_of(out);
    if (item->call.state != OUTBOX_ENDED)
        outbox_set(&desk->outbox, &item->call, item->call.exposed ? OUTBOX_HELD : OUTBOX_READY);
}

static inline void desk_disconnect(struct desk *desk)
{
    outbox_attach(&desk->outbox, NULL, 0);
    sendq_clear(&desk->queue, on_lost, desk);
    for (struct outbox_call *call = outbox_from(&desk->outbox, 0); call != NULL;
         call = outbox_from(&desk->outbox, call->seq + 1))
        if (call->state == OUTBOX_WRITTEN)
            outbox_set(&desk->outbox, call, OUTBOX_HELD);
}

static inline void release_held(struct desk *desk)
{
    for (struct outbox_call *call = outbox_from(&desk->outbox, 0); call != NULL;
         call = outbox_from(&desk->outbox, call->seq + 1))
        if (call->state == OUTBOX_HELD)
            outbox_set(&desk->outbox, call, OUTBOX_READY);
}

static inline enum outbox_add_result add(struct desk *desk, struct item *item, size_t body_size)
{
    *item = (struct item){.call.seq = 0};
    enum outbox_add_result result = outbox_add(&desk->outbox, &item->call);
    if (result != OUTBOX_ADDED)
        return result;
    struct frame frame = {.type = FRAME_REQUEST, .seq = item->call.seq, .method = 1, .body_size = body_size};
    frame.digest = frame_digest(1, item->bytes + FRAME_HEADER_SIZE, body_size);
    frame_write(item->bytes, &frame);
    item->call.out.bytes = item->bytes;
    item->call.out.size = FRAME_HEADER_SIZE + (uint32_t)body_size;
    return result;
}

/* The transport takes at most so many bytes, and the peer parses what it can of them. */
static inline void take(struct desk *desk, size_t most)
{
    static uint8_t pending[8192];
    static size_t pending_size;
    struct sendq_span spans[64];
    size_t count = sendq_gather(&desk->queue, spans, 64), taken = 0, begin = 0, size;
    if (desk->pair.server.count_in == 0 && !desk->pair.server.header_ready && desk->pair.client.count_out == 0)
        pending_size = 0; /* a new connection */
    for (size_t i = 0; i < count && taken < most; i++) {
        size = spans[i].size < most - taken ? spans[i].size : most - taken;
        memcpy(pending + pending_size, spans[i].bytes, size);
        pending_size += size;
        taken += size;
    }
    sendq_took(&desk->queue, taken);
    struct frame frame;
    enum semel_reason bad;
    enum link_result result;
    while ((result = link_parse(&desk->pair.server, pending + begin, pending_size - begin, &frame, &size,
                                &bad)) == LINK_FRAME) {
        desk->heard[desk->heard_count++ % 4096] = frame.seq;
        begin += size;
    }
    cr_assert_neq(result, LINK_BAD, "%s", semel_reason_name(bad));
    memmove(pending, pending + begin, pending_size - begin);
    pending_size -= begin;
}

static inline void add_all(struct desk *desk, struct item *items, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        cr_assert_eq(add(desk, &items[i], i % 32), OUTBOX_ADDED);
        cr_assert_eq(items[i].call.seq, desk->outbox.next - 1);
    }
}

static inline void end_all(struct desk *desk)
{
    for (struct outbox_call *call; (call = outbox_from(&desk->outbox, 0)) != NULL;)
        outbox_end(&desk->outbox, call);
    outbox_fini(&desk->outbox);
}

#endif
