/* A client's outbox and send queue under any calls, connections and half-written frames; what the transport takes is
 * read by a server's link.  Seqs are given once, the floor passes no call that has not ended, no seq is beyond the
 * window, and a connection carries whole frames in order.
 *
 * Reads best next: ../../runtime/core/outbox.h. */
#include <string.h>

#include "choices.h"
#include "core/frame.h"
#include "core/outbox.h"

enum { CALLS = 400, BODY_MAX = 40, LIMIT = 200, STREAM = 1 << 16, NONCE = 4711, METHOD = 3 };

struct item {
    struct outbox_call call;
    bool added;
    bool ended;
    uint8_t frame[FRAME_HEADER_SIZE + BODY_MAX];
};

struct bench {
    struct outbox outbox;
    struct link client;
    struct sendq queue;
    struct item items[CALLS];
    unsigned count;
    bool connected;
    uint32_t window;
    /* the server's end */
    struct link server;
    uint8_t stream[STREAM];
    size_t start, end;
    uint64_t heard_floor;
    uint64_t last_seq;
};

static struct item *item_of(struct outgoing *out)
{
    return (struct item *)out; /* the first member of the first member */
}

static void on_stamp(struct outgoing *out, void *user)
{
    struct bench *bench = user;
    frame_stamp(out->bytes, outbox_behind(&bench->outbox, item_of(out)->call.seq), 1);
}

static void on_sent(struct outgoing *out, void *user)
{
    (void)user;
    if (!item_of(out)->ended)
        outbox_written(&item_of(out)->call);
}

static void on_dropped(struct outgoing *out, void *user)
{
    (void)out;
    (void)user;
}

static uint64_t lowest_open(const struct bench *bench)
{
    uint64_t lowest = bench->outbox.next;
    for (unsigned i = 0; i < bench->count; i++)
        if (!bench->items[i].ended && bench->items[i].call.seq < lowest)
            lowest = bench->items[i].call.seq;
    return lowest;
}

static void check(const struct bench *bench)
{
    uint64_t lowest = lowest_open(bench);
    unsigned open = 0;
    must(bench->outbox.floor <= lowest && lowest <= bench->outbox.next);
    for (unsigned i = 0; i < bench->count; i++) {
        const struct item *item = &bench->items[i];
        open += !item->ended;
        must(outbox_find(&bench->outbox, item->call.seq) == (item->ended ? NULL : &item->call));
        must(item->ended || item->call.state != OUTBOX_WRITTEN || item->call.exposed);
        if (!item->ended && item->call.state == OUTBOX_QUEUED)
            must(item->call.out.queued && bench->connected &&
                 item->call.seq < bench->outbox.floor + bench->window + LIMIT);
        must(bench->connected || !item->call.out.queued);
    }
    must(bench->outbox.count == open);
}

static void add(struct bench *bench, struct choices *choices)
{
    if (bench->count == CALLS)
        return;
    struct item *item = &bench->items[bench->count];
    size_t body = choose(choices, BODY_MAX);
    memset(item->frame + FRAME_HEADER_SIZE, (int)bench->count, body);
    item->call.passes = one_in(choices, 4);
    if (outbox_add(&bench->outbox, &item->call) != OUTBOX_ADDED)
        return;
    for (unsigned i = 0; i < bench->count; i++)
        must(bench->items[i].call.seq != item->call.seq); /* given once */
    const struct frame frame = {.type = FRAME_REQUEST,
                                .seq = item->call.seq,
                                .method = METHOD,
                                .digest = frame_digest(METHOD, item->frame + FRAME_HEADER_SIZE, body),
                                .body_size = body};
    frame_write(item->frame, &frame);
    item->call.out.bytes = item->frame;
    item->call.out.size = (uint32_t)(FRAME_HEADER_SIZE + body);
    bench->count++;
}

/* What is held is judged: replayed, or ended. */
static void judge_held(struct bench *bench, bool resumed)
{
    for (unsigned i = 0; i < bench->count; i++) {
        struct item *item = &bench->items[i];
        if (item->ended || item->call.state != OUTBOX_HELD)
            continue;
        if (resumed) {
            outbox_set(&bench->outbox, &item->call, OUTBOX_READY);
        } else {
            must(outbox_end(&bench->outbox, &item->call));
            item->ended = true;
        }
    }
}

static void open_links(struct bench *bench)
{
    link_init(&bench->client, LINK_CLIENT, 1);
    link_init(&bench->server, LINK_SERVER, 0);
    bench->client.state = bench->server.state = LINK_OPEN;
    link_open(&bench->client, NONCE, 4096);
    link_open(&bench->server, NONCE, 4096);
    sendq_init(&bench->queue, &bench->client, on_stamp, on_sent, bench);
}

static void connect(struct bench *bench, struct choices *choices)
{
    if (bench->connected)
        return;
    open_links(bench);
    bench->start = bench->end = 0;
    bench->last_seq = 0;
    bench->connected = true;
    bench->window = 1 + choose(choices, 64);
    judge_held(bench, !one_in(choices, 4));
    outbox_attach(&bench->outbox, &bench->queue, bench->window);
}

/* As client/channel.c does. */
static void lose(struct bench *bench)
{
    if (!bench->connected)
        return;
    bench->connected = false;
    outbox_attach(&bench->outbox, NULL, 0);
    sendq_clear(&bench->queue, on_dropped, NULL);
    for (unsigned i = 0; i < bench->count; i++) {
        struct outbox_call *call = &bench->items[i].call;
        if (!bench->items[i].ended && (call->state == OUTBOX_QUEUED || call->state == OUTBOX_WRITTEN))
            outbox_set(&bench->outbox, call, call->exposed ? OUTBOX_HELD : OUTBOX_READY);
    }
}

/* The server reads what has come. */
static void hear(struct bench *bench)
{
    struct frame frame;
    size_t size;
    enum semel_reason bad;
    while (link_parse(&bench->server, bench->stream + bench->start, bench->end - bench->start, &frame, &size,
                      &bad) == LINK_FRAME) {
        uint64_t floor = frame.seq - frame.aux;
        bench->start += size;
        must(frame.type == FRAME_REQUEST);
        must(floor >= 1 && floor <= lowest_open(bench)); /* no call that is open is acknowledged */
        if (floor > bench->heard_floor)
            bench->heard_floor = floor;
        must(frame.seq >= bench->heard_floor || frame.aux == 0);
        must(frame.seq - floor < bench->window);
    }
    must(bench->server.state != LINK_CLOSED);
}

/* The transport takes some bytes. */
static void write_some(struct bench *bench, struct choices *choices)
{
    struct sendq_span spans[8];
    if (!bench->connected)
        return;
    outbox_fill(&bench->outbox);
    size_t count = sendq_gather(&bench->queue, spans, 8);
    size_t most = one_in(choices, 2) ? choose_byte(choices) : STREAM, taken = 0;
    for (size_t i = 0; i < count && taken < most; i++) {
        size_t size = spans[i].size < most - taken ? spans[i].size : most - taken;
        if (size > STREAM - bench->end)
            size = STREAM - bench->end;
        memcpy(bench->stream + bench->end, spans[i].bytes, size);
        bench->end += size;
        taken += size;
        if (size < spans[i].size)
            break;
    }
    sendq_took(&bench->queue, taken);
    hear(bench);
    if (STREAM - bench->end < 1024)
        lose(bench);
}

static struct item *choose_item(struct bench *bench, struct choices *choices)
{
    if (bench->count == 0)
        return NULL;
    unsigned newest = bench->count - 1;
    unsigned back = choose_byte(choices) % (newest + 1 < 64 ? newest + 1 : 64);
    struct item *item = &bench->items[newest - back];
    return item->ended ? NULL : item;
}

static void end(struct bench *bench, struct item *item)
{
    bool started = item->call.out.queued && item->call.out.taken > 0;
    must(outbox_end(&bench->outbox, &item->call) == !started);
    item->ended = true;
}

/* A wait of its own, or the end of one. */
static void delay(struct bench *bench, struct item *item)
{
    switch (item->call.state) {
    case OUTBOX_QUEUED: {
        bool started = item->call.out.taken > 0;
        must(outbox_unqueue(&bench->outbox, &item->call) == !started);
        if (started)
            return;
        outbox_set(&bench->outbox, &item->call, OUTBOX_DELAYED);
        break;
    }
    case OUTBOX_DELAYED: outbox_set(&bench->outbox, &item->call, OUTBOX_READY); break;
    case OUTBOX_WRITTEN:
        item->call.exposed = false; /* refused */
        outbox_set(&bench->outbox, &item->call, OUTBOX_DELAYED);
        break;
    default: break;
    }
}

static void step(struct bench *bench, struct choices *choices)
{
    struct item *item;
    switch (choose(choices, 12)) {
    case 0: connect(bench, choices); break;
    case 1: one_in(choices, 4) ? lose(bench) : (void)0; break;
    case 2:
    case 3:
        item = choose_item(bench, choices);
        if (item != NULL)
            end(bench, item);
        break;
    case 4:
        item = choose_item(bench, choices);
        if (item != NULL)
            delay(bench, item);
        break;
    case 5: outbox_reserve(&bench->outbox, one_in(choices, 2)); break;
    case 6: bench->outbox.gated = one_in(choices, 2); break;
    case 7:
    case 8:
    case 9: write_some(bench, choices); break;
    default: add(bench, choices); break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct choices choices = {bytes, size};
    static struct bench bench;
    memset(&bench, 0, sizeof bench);
    outbox_init(&bench.outbox, LIMIT);
    while (choices.left > 0) {
        step(&bench, &choices);
        check(&bench);
    }
    lose(&bench);
    for (unsigned i = 0; i < bench.count; i++)
        if (!bench.items[i].ended)
            end(&bench, &bench.items[i]);
    outbox_fini(&bench.outbox);
    return 0;
}
