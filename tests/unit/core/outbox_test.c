/* The outbox: window, order, ack floor and ends in any order; against a naive model.
 *
 * Reads best next: reply_test.c. */
#include "core/outbox.h"

#include <signal.h>

#include "core/bytes.h"
#include "core/limits.h"
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

static struct item *item_of(struct outgoing *out)
{
    return (struct item *)((char *)out - offsetof(struct item, call.out));
}

static void on_sent(struct outgoing *out, void *user)
{
    (void)user;
    struct item *item = item_of(out);
    if (item->call.state != OUTBOX_ENDED)
        outbox_written(&item->call);
}

static void desk_connect(struct desk *desk, uint32_t window)
{
    pair_open(&desk->pair);
    sendq_init(&desk->queue, &desk->pair.client, NULL, on_sent, desk);
    outbox_attach(&desk->outbox, &desk->queue, window);
}

/* What a channel does when its connection is lost (R1, R5). */
static void on_lost(struct outgoing *out, void *user)
{
    struct desk *desk = user;
    struct item *item = item_of(out);
    if (item->call.state != OUTBOX_ENDED)
        outbox_set(&desk->outbox, &item->call, item->call.exposed ? OUTBOX_HELD : OUTBOX_READY);
}

static void desk_disconnect(struct desk *desk)
{
    outbox_attach(&desk->outbox, NULL, 0);
    sendq_clear(&desk->queue, on_lost, desk);
    for (struct outbox_call *call = outbox_from(&desk->outbox, 0); call != NULL;
         call = outbox_from(&desk->outbox, call->seq + 1))
        if (call->state == OUTBOX_WRITTEN)
            outbox_set(&desk->outbox, call, OUTBOX_HELD);
}

static void release_held(struct desk *desk)
{
    for (struct outbox_call *call = outbox_from(&desk->outbox, 0); call != NULL;
         call = outbox_from(&desk->outbox, call->seq + 1))
        if (call->state == OUTBOX_HELD)
            outbox_set(&desk->outbox, call, OUTBOX_READY);
}

static enum outbox_add_result add(struct desk *desk, struct item *item, size_t body_size)
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
static void take(struct desk *desk, size_t most)
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

static void add_all(struct desk *desk, struct item *items, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        cr_assert_eq(add(desk, &items[i], i % 32), OUTBOX_ADDED);
        cr_assert_eq(items[i].call.seq, desk->outbox.next - 1);
    }
}

static void end_all(struct desk *desk)
{
    for (struct outbox_call *call; (call = outbox_from(&desk->outbox, 0)) != NULL;)
        outbox_end(&desk->outbox, call);
    outbox_fini(&desk->outbox);
}

Test(outbox, seqs_count_from_one)
{
    struct desk desk = {0};
    struct item items[100];
    outbox_init(&desk.outbox, 1000);
    add_all(&desk, items, 100);
    cr_assert_eq(items[0].call.seq, 1);
    cr_assert_eq(items[99].call.seq, 100);
    cr_assert_eq(outbox_find(&desk.outbox, 100), &items[99].call);
    cr_assert_null(outbox_find(&desk.outbox, 0));
    cr_assert_null(outbox_find(&desk.outbox, 101));
    cr_assert_null(outbox_find(&desk.outbox, UINT64_MAX));
    end_all(&desk);
}

Test(outbox, the_limit_is_on_the_span)
{
    struct desk desk = {0};
    struct item items[12];
    outbox_init(&desk.outbox, 10);
    add_all(&desk, items, 10);
    cr_assert_eq(add(&desk, &items[10], 0), OUTBOX_FULL);
    outbox_end(&desk.outbox, &items[5].call);
    cr_assert_eq(add(&desk, &items[10], 0), OUTBOX_FULL, "the floor has not moved");
    outbox_end(&desk.outbox, &items[0].call);
    cr_assert_eq(add(&desk, &items[10], 0), OUTBOX_ADDED);
    cr_assert_eq(items[10].call.seq, 11);
    end_all(&desk);
}

Test(outbox, the_floor_is_the_lowest_that_has_not_ended)
{
    struct desk desk = {0};
    struct item items[8];
    outbox_init(&desk.outbox, 10);
    add_all(&desk, items, 8);
    static const struct {
        int end;
        uint64_t floor;
    } steps[] = {{2, 1}, {1, 1}, {0, 4}, {7, 4}, {3, 5}, {5, 5}, {4, 7}, {6, 9}};
    for (size_t i = 0; i < 8; i++) {
        cr_assert(outbox_end(&desk.outbox, &items[steps[i].end].call));
        cr_assert_eq(desk.outbox.floor, steps[i].floor, "step %zu", i);
        cr_assert_eq(outbox_behind(&desk.outbox, 20), 20 - steps[i].floor);
    }
    outbox_fini(&desk.outbox);
}

Test(outbox, the_ring_grows_under_calls_in_any_state)
{
    struct desk desk = {0};
    static struct item items[3000];
    outbox_init(&desk.outbox, 4096);
    desk_connect(&desk, 50);
    for (size_t i = 0; i < 3000; i++) {
        cr_assert_eq(add(&desk, &items[i], i % 32), OUTBOX_ADDED);
        outbox_fill(&desk.outbox);
        if (i % 3 == 0)
            take(&desk, 20);
    }
    for (size_t i = 0; i < 3000; i++)
        cr_assert_eq(outbox_find(&desk.outbox, i + 1), &items[i].call);
    cr_assert_eq(desk.outbox.ring_size, 4096);
    desk_disconnect(&desk);
    end_all(&desk);
}

Test(outbox, the_window_holds_back)
{
    struct desk desk = {0};
    struct item items[20];
    outbox_init(&desk.outbox, 100);
    add_all(&desk, items, 20);
    outbox_fill(&desk.outbox);
    cr_assert_eq(items[0].call.state, OUTBOX_READY, "no connection, nothing moves");
    desk_connect(&desk, 8);
    outbox_fill(&desk.outbox);
    cr_assert_eq(items[7].call.state, OUTBOX_QUEUED);
    cr_assert_eq(items[8].call.state, OUTBOX_READY);
    take(&desk, SIZE_MAX);
    cr_assert_eq(items[7].call.state, OUTBOX_WRITTEN);
    cr_assert(items[7].call.exposed);
    outbox_end(&desk.outbox, &items[3].call);
    outbox_fill(&desk.outbox);
    cr_assert_eq(items[8].call.state, OUTBOX_READY, "the window begins at the floor");
    outbox_end(&desk.outbox, &items[0].call);
    outbox_fill(&desk.outbox);
    cr_assert_eq(items[8].call.state, OUTBOX_QUEUED);
    cr_assert_eq(items[9].call.state, OUTBOX_READY);
    desk_disconnect(&desk);
    end_all(&desk);
}

/* Section 5: calls are written in seq order; replays go first, in seq order. */
Test(outbox, replays_come_before_new_calls)
{
    struct desk desk = {0};
    struct item items[12];
    outbox_init(&desk.outbox, 100);
    add_all(&desk, items, 8);
    desk_connect(&desk, 100);
    outbox_fill(&desk.outbox);
    take(&desk, SIZE_MAX);
    outbox_end(&desk.outbox, &items[2].call);
    desk_disconnect(&desk);
    add_all(&desk, items + 8, 4);
    cr_assert_eq(items[4].call.state, OUTBOX_HELD);
    desk_connect(&desk, 100);
    outbox_fill(&desk.outbox);
    release_held(&desk); /* the verdict comes after new calls were queued already */
    outbox_fill(&desk.outbox);
    desk.heard_count = 0;
    take(&desk, SIZE_MAX);
    static const uint64_t order[] = {1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    cr_assert_eq(desk.heard_count, 11);
    for (size_t i = 0; i < 11; i++)
        cr_assert_eq(desk.heard[i], order[i]);
    desk_disconnect(&desk);
    end_all(&desk);
}

Test(outbox, a_call_keeps_its_seq_for_life)
{
    struct desk desk = {0};
    struct item item;
    outbox_init(&desk.outbox, 100);
    add_all(&desk, &item, 1);
    for (int i = 0; i < 5; i++) {
        desk_connect(&desk, 10);
        release_held(&desk);
        outbox_fill(&desk.outbox);
        take(&desk, SIZE_MAX);
        desk_disconnect(&desk);
        cr_assert_eq(item.call.seq, 1);
        cr_assert_eq(bytes_load64(item.bytes + 8), 1);
    }
    end_all(&desk);
}

/* Regression: a smaller window kept replays back, and the connection broke again before they moved.  They stayed READY,
 * and a WELCOME that said NEW would have sent them as if they had never run. */
Test(outbox, replays_that_the_window_kept_back_are_held_again)
{
    struct desk desk = {0};
    struct item items[6];
    outbox_init(&desk.outbox, 100);
    add_all(&desk, items, 4);
    desk_connect(&desk, 100);
    outbox_fill(&desk.outbox);
    take(&desk, SIZE_MAX);
    desk_disconnect(&desk);
    add_all(&desk, items + 4, 2);
    for (uint32_t window = 1; window <= 3; window++) {
        desk_connect(&desk, window);
        release_held(&desk);
        outbox_fill(&desk.outbox);
        for (uint32_t i = 0; i < 4; i++)
            cr_assert_eq(items[i].call.state, i < window ? OUTBOX_QUEUED : OUTBOX_READY);
        desk_disconnect(&desk);
        for (int i = 0; i < 4; i++)
            cr_assert_eq(items[i].call.state, OUTBOX_HELD, "window %u, call %d", window, i);
        cr_assert_eq(items[4].call.state, OUTBOX_READY, "it was never written, and needs no verdict");
        cr_assert_eq(items[5].call.state, OUTBOX_READY);
    }
    desk_connect(&desk, 100);
    release_held(&desk);
    outbox_fill(&desk.outbox);
    desk.heard_count = 0;
    take(&desk, SIZE_MAX);
    cr_assert_eq(desk.heard_count, 6);
    for (size_t i = 0; i < 6; i++)
        cr_assert_eq(desk.heard[i], i + 1);
    desk_disconnect(&desk);
    end_all(&desk);
}

/* A call that waits for a time of its own was refused: it has not run, and waits on. */
Test(outbox, only_what_may_have_run_is_held)
{
    struct desk desk = {0};
    struct item items[3];
    outbox_init(&desk.outbox, 100);
    add_all(&desk, items, 3);
    outbox_attach(&desk.outbox, NULL, 0);
    cr_assert_eq(items[0].call.state, OUTBOX_READY);
    desk_connect(&desk, 2);
    outbox_fill(&desk.outbox);
    take(&desk, SIZE_MAX);
    items[0].call.exposed = false; /* the peer's word */
    outbox_set(&desk.outbox, &items[0].call, OUTBOX_DELAYED);
    desk_disconnect(&desk);
    cr_assert_eq(items[0].call.state, OUTBOX_DELAYED);
    cr_assert_eq(items[1].call.state, OUTBOX_HELD);
    cr_assert_eq(items[2].call.state, OUTBOX_READY, "the window kept it back, but it is new");
    end_all(&desk);
}

/* Ending a call at every byte of its way: a started frame is not free, and its rest still goes out whole. */
Test(outbox, ending_at_every_byte)
{
    for (size_t split = 0; split <= 2 * FRAME_HEADER_SIZE + 1; split++) {
        struct desk desk = {0};
        struct item items[2];
        outbox_init(&desk.outbox, 10);
        add_all(&desk, items, 2);
        desk_connect(&desk, 10);
        outbox_fill(&desk.outbox);
        take(&desk, split);
        enum semel_progress progress = outgoing_progress(&items[0].call.out);
        cr_assert_eq(outbox_end(&desk.outbox, &items[0].call), progress != SEMEL_PROGRESS_PARTLY_WRITTEN);
        cr_assert_eq(desk.outbox.floor, 2);
        take(&desk, SIZE_MAX);
        cr_assert_eq(items[0].call.out.queued, false);
        cr_assert_eq(desk.heard_count, progress == SEMEL_PROGRESS_QUEUED ? 1 : 2);
        desk_disconnect(&desk);
        end_all(&desk);
    }
}

Test(outbox, taking_back_is_possible_until_the_first_byte)
{
    struct desk desk = {0};
    struct item items[2];
    outbox_init(&desk.outbox, 10);
    add_all(&desk, items, 2);
    desk_connect(&desk, 10);
    outbox_fill(&desk.outbox);
    take(&desk, 1);
    cr_assert_not(outbox_unqueue(&desk.outbox, &items[0].call));
    cr_assert(outbox_unqueue(&desk.outbox, &items[1].call));
    outbox_set(&desk.outbox, &items[1].call, OUTBOX_DELAYED);
    outbox_fill(&desk.outbox);
    cr_assert_eq(items[1].call.state, OUTBOX_DELAYED);
    outbox_set(&desk.outbox, &items[1].call, OUTBOX_READY);
    outbox_fill(&desk.outbox);
    take(&desk, SIZE_MAX);
    cr_assert_eq(desk.heard_count, 2);
    desk_disconnect(&desk);
    end_all(&desk);
}

/* ---- against a naive model ---- */

enum { MODEL_ROOM = 4096, MODEL_LIMIT = 300 };

struct model {
    struct item items[MODEL_ROOM]; /* by seq - 1 */
    bool alive[MODEL_ROOM];
    uint64_t next;
    uint32_t window;
    bool connected;
};

static uint64_t model_floor(const struct model *model)
{
    uint64_t seq = 1;
    while (seq < model->next && !model->alive[seq - 1])
        seq++;
    return seq;
}

/* Any call that has not ended, the one at the floor more often than others. */
static struct item *model_pick(struct model *model, struct rng *rng)
{
    uint64_t floor = model_floor(model);
    if (floor == model->next)
        return NULL;
    uint64_t seq = rng_below(rng, 3) == 0 ? floor : floor + rng_below(rng, model->next - floor);
    return model->alive[seq - 1] ? &model->items[seq - 1] : NULL;
}

static void model_check(const struct model *model, const struct desk *desk)
{
    const struct outbox *outbox = &desk->outbox;
    uint64_t floor = model_floor(model), last = 0;
    uint32_t count = 0;
    cr_assert_eq(outbox->floor, floor);
    cr_assert_eq(outbox->next, model->next);
    for (uint64_t seq = floor; seq < model->next; seq++) {
        const struct item *item = &model->items[seq - 1];
        cr_assert_eq(outbox_find(outbox, seq), model->alive[seq - 1] ? &item->call : NULL);
        count += model->alive[seq - 1];
        if (model->alive[seq - 1] && item->call.state == OUTBOX_QUEUED)
            cr_assert(item->call.out.queued);
    }
    cr_assert_eq(outbox->count, count);
    for (uint64_t seq = floor; seq < model->next && !model->connected; seq++) {
        const struct outbox_call *call = &model->items[seq - 1].call;
        cr_assert(!model->alive[seq - 1] || call->state == (call->exposed ? OUTBOX_HELD : OUTBOX_READY));
    }
    if (!model->connected)
        return;
    for (const struct outgoing *out = desk->queue.head; out != NULL; out = out->next) {
        cr_assert(out->order > last || (out->prev != NULL && out->prev->taken > 0));
        last = out->order;
    }
}

static void model_step(struct model *model, struct desk *desk, struct rng *rng)
{
    struct item *item = model_pick(model, rng);
    switch (rng_below(rng, 8)) {
    case 0:
    case 1:
        if (model->next <= MODEL_ROOM) {
            bool full = model->next - model_floor(model) >= MODEL_LIMIT;
            cr_assert_eq(add(desk, &model->items[model->next - 1], rng_below(rng, 32)),
                         full ? OUTBOX_FULL : OUTBOX_ADDED);
            if (!full)
                model->alive[model->next++ - 1] = true;
        }
        break;
    case 2:
        outbox_fill(&desk->outbox);
        for (uint64_t seq = model_floor(model); seq < model->next; seq++)
            if (model->alive[seq - 1] && model->items[seq - 1].call.state == OUTBOX_READY)
                cr_assert(!model->connected || seq >= model_floor(model) + model->window);
        break;
    case 3:
        if (model->connected)
            take(desk, rng_below(rng, 400));
        break;
    case 4:
        if (rng_below(rng, 20) > 0)
            break;
        model->connected = !model->connected;
        model->window = (uint32_t)(1 + rng_below(rng, 60));
        if (model->connected)
            desk_connect(desk, model->window);
        else
            desk_disconnect(desk);
        if (model->connected)
            release_held(desk);
        break;
    default:
        if (item != NULL && rng_below(rng, 2) == 0) {
            bool started = item->call.state == OUTBOX_QUEUED && item->call.out.taken > 0;
            cr_assert_eq(outbox_end(&desk->outbox, &item->call), !started);
            cr_assert_eq(item->call.out.queued, started);
            model->alive[item - model->items] = false;
        }
    }
}

Test(outbox, keeps_to_the_model)
{
    static struct model model;
    static struct desk desk;
    for (uint64_t seed = 0; seed < 12; seed++) {
        struct rng rng = {100 + seed};
        memset(&model, 0, sizeof model);
        memset(&desk, 0, sizeof desk);
        model.next = 1;
        outbox_init(&desk.outbox, MODEL_LIMIT);
        for (int step = 0; step < 8000; step++) {
            model_step(&model, &desk, &rng);
            if (step % 5 == 0)
                model_check(&model, &desk);
        }
        cr_assert_gt(model.next, 1000);
        if (model.connected)
            desk_disconnect(&desk);
        end_all(&desk);
    }
}

/* ---- contracts ---- */

Test(outbox, states_and_names)
{
    static const char *const names[] = {"READY", "DELAYED", "QUEUED", "WRITTEN", "HELD", "ENDED"};
    for (int state = 0; state < OUTBOX_STATE_COUNT; state++)
        cr_assert_str_eq(outbox_state_name((enum outbox_state)state), names[state]);
    cr_assert_str_eq(outbox_state_name((enum outbox_state)OUTBOX_STATE_COUNT), "?");
}

Test(outbox, an_illegal_move_is_a_bug, .signal = SIGABRT)
{
    struct desk desk = {0};
    struct item item;
    outbox_init(&desk.outbox, 10);
    add_all(&desk, &item, 1);
    outbox_set(&desk.outbox, &item.call, OUTBOX_WRITTEN);
}

Test(outbox, ending_twice_is_a_bug, .signal = SIGABRT)
{
    struct desk desk = {0};
    struct item items[2];
    outbox_init(&desk.outbox, 10);
    add_all(&desk, items, 2);
    outbox_end(&desk.outbox, &items[1].call);
    outbox_end(&desk.outbox, &items[1].call);
}

Test(outbox, leaving_with_calls_is_a_bug, .signal = SIGABRT)
{
    struct desk desk = {0};
    struct item item;
    outbox_init(&desk.outbox, 10);
    add_all(&desk, &item, 1);
    outbox_fini(&desk.outbox);
}

Test(outbox, a_limit_beyond_the_ring_is_a_bug, .signal = SIGABRT)
{
    struct outbox outbox;
    outbox_init(&outbox, LIMIT_OUTSTANDING_MAX + 1);
}
