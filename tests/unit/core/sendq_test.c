/* The send queue, heard by a real peer: whatever is pushed, removed and split, the peer's checks hold.
 *
 * Reads best next: outbox_test.c. */
#include "core/sendq.h"

#include <signal.h>

#include "core/bytes.h"
#include "pair.h"
#include "support.h"

#define ROOM 32

struct parcel {
    struct outgoing out;
    uint8_t bytes[FRAME_HEADER_SIZE + 64];
    uint64_t seq;
    int sent;
};

struct wire {
    struct pair pair;
    struct sendq queue;
    uint8_t pending[1 << 16]; /* taken by the transport, not parsed by the peer */
    size_t pending_size;
    uint64_t heard[1024]; /* the seqs the peer got */
    int heard_count;
    uint64_t sent[1024]; /* the seqs the queue reported */
    int sent_count;
    int stamped;
};

static void on_stamp(struct outgoing *out, void *user)
{
    struct wire *wire = user;
    cr_assert_eq(out->taken, 0, "only a frame that was not started is stamped");
    frame_stamp(out->bytes, 0, (uint32_t)++wire->stamped);
}

static void on_sent(struct outgoing *out, void *user)
{
    struct wire *wire = user;
    struct parcel *parcel = (struct parcel *)((char *)out - offsetof(struct parcel, out));
    cr_assert_not(out->queued);
    cr_assert_eq(outgoing_progress(out), SEMEL_PROGRESS_WRITTEN);
    parcel->sent++;
    wire->sent[wire->sent_count++ % 1024] = parcel->seq;
}

static void wire_init(struct wire *wire)
{
    *wire = (struct wire){0};
    pair_open(&wire->pair);
    sendq_init(&wire->queue, &wire->pair.client, on_stamp, on_sent, wire);
}

static void parcel_init(struct parcel *parcel, uint64_t seq, size_t body_size)
{
    *parcel = (struct parcel){.seq = seq};
    struct frame frame = {.type = FRAME_REQUEST, .seq = seq, .method = 1, .body_size = body_size};
    memset(parcel->bytes + FRAME_HEADER_SIZE, (int)seq, body_size);
    frame.digest = frame_digest(1, parcel->bytes + FRAME_HEADER_SIZE, body_size);
    frame_write(parcel->bytes, &frame);
    parcel->out.bytes = parcel->bytes;
    parcel->out.size = FRAME_HEADER_SIZE + (uint32_t)body_size;
    parcel->out.order = seq;
}

/* The peer parses all it has; it must find nothing wrong. */
static void listen_in(struct wire *wire)
{
    size_t begin = 0, size;
    struct frame frame;
    enum semel_reason bad;
    enum link_result result;
    while ((result = link_parse(&wire->pair.server, wire->pending + begin, wire->pending_size - begin, &frame,
                                &size, &bad)) == LINK_FRAME) {
        wire->heard[wire->heard_count++ % 1024] = frame.seq;
        begin += size;
    }
    cr_assert_neq(result, LINK_BAD, "%s", semel_reason_name(bad));
    memmove(wire->pending, wire->pending + begin, wire->pending_size - begin);
    wire->pending_size -= begin;
}

/* The transport takes at most so many bytes of what is gathered into so many spans; returns how many it took. */
static size_t take(struct wire *wire, size_t most, size_t max_spans)
{
    struct sendq_span spans[ROOM];
    size_t count = sendq_gather(&wire->queue, spans, max_spans), taken = 0;
    for (size_t i = 0; i < count && taken < most; i++) {
        size_t size = spans[i].size < most - taken ? spans[i].size : most - taken;
        memcpy(wire->pending + wire->pending_size, spans[i].bytes, size);
        wire->pending_size += size;
        taken += size;
    }
    sendq_took(&wire->queue, taken);
    listen_in(wire);
    return taken;
}

static void take_all(struct wire *wire)
{
    while (wire->queue.head != NULL)
        take(wire, SIZE_MAX, ROOM);
    cr_assert_eq(wire->queue.bytes, 0);
    cr_assert_null(wire->queue.tail);
    cr_assert_eq(wire->pending_size, 0);
}

static const size_t body_sizes[4] = {0, 5, 64, 13};

static size_t push_four(struct wire *wire, struct parcel *parcels)
{
    size_t total = 0;
    for (uint64_t i = 0; i < 4; i++) {
        parcel_init(&parcels[i], i + 1, body_sizes[i]);
        sendq_push(&wire->queue, &parcels[i].out);
        total += parcels[i].out.size;
    }
    cr_assert_eq(wire->queue.bytes, total);
    return total;
}

/* Where a frame stands once so many bytes of the stream are taken. */
static enum semel_progress expected_progress(size_t begin, size_t size, size_t taken)
{
    if (taken <= begin)
        return SEMEL_PROGRESS_QUEUED;
    return taken < begin + size ? SEMEL_PROGRESS_PARTLY_WRITTEN : SEMEL_PROGRESS_WRITTEN;
}

Test(sendq, progress_follows_every_byte)
{
    static struct wire wire;
    struct parcel parcels[4];
    wire_init(&wire);
    size_t total = push_four(&wire, parcels);
    for (size_t split = 0; split <= total; split++) {
        wire_init(&wire);
        push_four(&wire, parcels);
        cr_assert_eq(take(&wire, split, ROOM), split);
        cr_assert_eq(wire.queue.bytes, total - split);
        size_t begin = 0;
        for (int i = 0; i < 4; i++) {
            cr_assert_eq(outgoing_progress(&parcels[i].out),
                         expected_progress(begin, parcels[i].out.size, split));
            cr_assert_eq(parcels[i].sent, outgoing_progress(&parcels[i].out) == SEMEL_PROGRESS_WRITTEN);
            begin += parcels[i].out.size;
        }
        take_all(&wire);
        cr_assert_eq(wire.heard_count, 4);
    }
}

Test(sendq, removal_after_every_byte_leaves_the_peer_content)
{
    static struct wire wire;
    struct parcel parcels[4];
    wire_init(&wire);
    size_t total = push_four(&wire, parcels);
    for (size_t split = 0; split < total; split++) {
        for (int gone = 0; gone < 4; gone++) {
            wire_init(&wire);
            push_four(&wire, parcels);
            take(&wire, split, ROOM);
            if (!parcels[gone].out.queued)
                continue;
            bool started = outgoing_progress(&parcels[gone].out) != SEMEL_PROGRESS_QUEUED;
            cr_assert_eq(sendq_remove(&wire.queue, &parcels[gone].out), !started);
            take_all(&wire);
            cr_assert_eq(wire.heard_count, started ? 4 : 3);
            cr_assert_eq(parcels[gone].sent, started);
        }
    }
}

Test(sendq, any_number_of_spans_will_do)
{
    for (size_t spans = 1; spans <= 6; spans++) {
        static struct wire wire;
        struct parcel parcels[4];
        wire_init(&wire);
        push_four(&wire, parcels);
        while (wire.queue.head != NULL)
            take(&wire, 7, spans);
        cr_assert_eq(wire.heard_count, 4);
    }
}

/* What was gathered but not taken is sealed anew: a stamp counts until the first byte has gone. */
Test(sendq, frames_that_were_offered_in_vain_are_sealed_again)
{
    static struct wire wire;
    struct parcel parcels[4], urgent;
    wire_init(&wire);
    push_four(&wire, parcels);
    take(&wire, 0, ROOM);
    take(&wire, parcels[0].out.size, ROOM);
    parcel_init(&urgent, 9, 3);
    urgent.out.order = 0;
    sendq_push(&wire.queue, &urgent.out);
    take_all(&wire);
    cr_assert_eq(wire.heard_count, 5);
    cr_assert_eq(wire.heard[1], 9, "before all that was not started");
    cr_assert_eq(wire.pair.client.count_out, wire.pair.server.count_in);
}

Test(sendq, nothing_overtakes_a_started_frame)
{
    static struct wire wire;
    struct parcel parcels[4], urgent;
    wire_init(&wire);
    push_four(&wire, parcels);
    take(&wire, 1, ROOM);
    parcel_init(&urgent, 9, 3);
    urgent.out.order = 0;
    sendq_push(&wire.queue, &urgent.out);
    cr_assert_eq(wire.queue.head, &parcels[0].out);
    take_all(&wire);
    cr_assert_eq(wire.heard[0], 1);
    cr_assert_eq(wire.heard[1], 9);
}

Test(sendq, equal_order_keeps_its_turn)
{
    static struct wire wire;
    struct parcel parcels[4];
    wire_init(&wire);
    for (uint64_t i = 0; i < 4; i++) {
        parcel_init(&parcels[i], i + 1, 0);
        parcels[i].out.order = 0;
        sendq_push(&wire.queue, &parcels[i].out);
    }
    take_all(&wire);
    for (uint64_t i = 0; i < 4; i++)
        cr_assert_eq(wire.heard[i], i + 1);
}

/* A handshake frame is sealed by its maker: neither stamped, nor sealed, nor counted. */
Test(sendq, frames_that_are_sealed_already_stay_as_they_are)
{
    static struct wire wire;
    struct parcel parcel;
    wire_init(&wire);
    parcel_init(&parcel, 1, 4);
    frame_seal(parcel.bytes, 0xabc);
    parcel.out.sealed = true;
    uint8_t before[sizeof parcel.bytes];
    memcpy(before, parcel.bytes, sizeof before);
    sendq_push(&wire.queue, &parcel.out);
    struct sendq_span span;
    cr_assert_eq(sendq_gather(&wire.queue, &span, 1), 1);
    cr_assert_eq(memcmp(before, span.bytes, span.size), 0);
    sendq_took(&wire.queue, span.size);
    cr_assert_eq(wire.pair.client.count_out, 0);
    cr_assert_eq(wire.stamped, 0);
    cr_assert_eq(parcel.sent, 1);
}

static void collect(struct outgoing *out, void *user)
{
    struct wire *wire = user;
    cr_assert_not(out->queued);
    wire->heard[wire->heard_count++] = out->order;
}

Test(sendq, clear_gives_all_back_in_order_and_keeps_their_progress)
{
    static struct wire wire;
    struct parcel parcels[4];
    wire_init(&wire);
    push_four(&wire, parcels);
    take(&wire, parcels[0].out.size + 3, ROOM);
    wire.heard_count = 0;
    sendq_clear(&wire.queue, collect, &wire);
    cr_assert_eq(wire.heard_count, 3);
    for (int i = 0; i < 3; i++)
        cr_assert_eq(wire.heard[i], (uint64_t)i + 2);
    cr_assert_eq(wire.queue.bytes, 0);
    cr_assert_null(wire.queue.head);
    cr_assert_eq(outgoing_progress(&parcels[1].out), SEMEL_PROGRESS_PARTLY_WRITTEN);
    cr_assert_eq(outgoing_progress(&parcels[2].out), SEMEL_PROGRESS_QUEUED);
}

Test(sendq, a_new_connection_starts_a_frame_anew)
{
    static struct wire old, new;
    struct parcel parcels[4];
    wire_init(&old);
    push_four(&old, parcels);
    take(&old, parcels[0].out.size + 3, ROOM);
    old.heard_count = 0;
    sendq_clear(&old.queue, collect, &old);
    wire_init(&new);
    for (int i = 3; i > 0; i--)
        sendq_push(&new.queue, &parcels[i].out);
    cr_assert_eq(outgoing_progress(&parcels[1].out), SEMEL_PROGRESS_QUEUED);
    take_all(&new);
    cr_assert_eq(new.heard_count, 3);
    cr_assert_eq(new.heard[0], 2);
}

/* Regression: whoever is told of one frame pushes another, and the bytes of the next frames are not taken for its. */
static struct parcel answer;

static void push_in_sent(struct outgoing *out, void *user)
{
    struct wire *wire = user;
    on_sent(out, user);
    if (answer.seq != 0)
        return;
    parcel_init(&answer, 9, 3);
    answer.out.order = 0;
    sendq_push(&wire->queue, &answer.out);
}

Test(sendq, a_push_inside_sent_comes_after_the_bytes_taken)
{
    static struct wire wire;
    struct parcel parcels[4];
    wire_init(&wire);
    size_t total = push_four(&wire, parcels);
    for (size_t split = 0; split <= total; split++) {
        wire_init(&wire);
        wire.queue.sent = push_in_sent;
        answer.seq = 0;
        push_four(&wire, parcels);
        take(&wire, split, ROOM);
        size_t begin = 0;
        for (int i = 0; i < 4; i++) {
            cr_assert_eq(outgoing_progress(&parcels[i].out),
                         expected_progress(begin, parcels[i].out.size, split), "split %zu, frame %d", split, i);
            begin += parcels[i].out.size;
        }
        take_all(&wire);
        cr_assert_eq(wire.heard_count, 5);
        cr_assert_eq(answer.sent, 1);
    }
}

/* Whoever is told of one frame gives the connection up: each frame is told once, as sent or as dropped. */
static void drop(struct outgoing *out, void *user)
{
    cr_assert_not(out->queued);
    ++*(int *)user;
}

static int dropped;

static void clear_in_sent(struct outgoing *out, void *user)
{
    struct wire *wire = user;
    on_sent(out, user);
    sendq_clear(&wire->queue, drop, &dropped);
}

Test(sendq, a_clear_inside_sent_tells_every_frame_once)
{
    static struct wire wire;
    struct parcel parcels[4];
    for (int taken = 1; taken <= 4; taken++) {
        wire_init(&wire);
        wire.queue.sent = clear_in_sent;
        dropped = 0;
        push_four(&wire, parcels);
        size_t size = 0;
        for (int i = 0; i < taken; i++)
            size += parcels[i].out.size;
        take(&wire, size, ROOM);
        cr_assert_eq(wire.sent_count, taken);
        cr_assert_eq(dropped, 4 - taken);
        cr_assert_eq(wire.queue.bytes, 0);
        for (int i = 0; i < 4; i++)
            cr_assert_eq(parcels[i].sent, i < taken);
    }
}

/* ---- against a naive model: an array kept in order ---- */

struct model {
    uint64_t waiting[ROOM];
    int count;
    uint64_t sent[1024];
    int sent_count;
};

static void model_push(struct model *model, const struct parcel *parcel, bool head_started)
{
    int at = model->count;
    while (at > (head_started ? 1 : 0) && model->waiting[at - 1] > parcel->seq)
        at--;
    memmove(&model->waiting[at + 1], &model->waiting[at], sizeof(uint64_t) * (size_t)(model->count - at));
    model->waiting[at] = parcel->seq;
    model->count++;
}

static void model_remove(struct model *model, uint64_t seq)
{
    int at = 0;
    while (model->waiting[at] != seq)
        at++;
    model->count--;
    memmove(&model->waiting[at], &model->waiting[at + 1], sizeof(uint64_t) * (size_t)(model->count - at));
}

static void random_step(struct wire *wire, struct parcel *parcels, struct model *model, struct rng *rng,
                        uint64_t seq)
{
    struct parcel *parcel = &parcels[rng_below(rng, ROOM)];
    bool head_started = wire->queue.head != NULL && wire->queue.head->taken > 0;
    if (rng_below(rng, 3) == 0) {
        int before = wire->sent_count;
        take(wire, rng_below(rng, 300), 1 + rng_below(rng, ROOM));
        for (; before < wire->sent_count; before++) {
            cr_assert_eq(wire->sent[before % 1024], model->waiting[0]);
            model->sent[model->sent_count++ % 1024] = model->waiting[0];
            model_remove(model, model->waiting[0]);
        }
    } else if (!parcel->out.queued) {
        /* Any place in the order, but each seq once. */
        parcel_init(parcel, (rng_below(rng, 1000) + 1) << 32 | seq, rng_below(rng, 65));
        sendq_push(&wire->queue, &parcel->out);
        model_push(model, parcel, head_started);
    } else if (sendq_remove(&wire->queue, &parcel->out)) {
        model_remove(model, parcel->seq);
    } else {
        cr_assert(head_started && wire->queue.head == &parcel->out);
    }
}

Test(sendq, keeps_to_the_model)
{
    static struct wire wire;
    static struct parcel parcels[ROOM];
    struct model model = {0};
    struct rng rng = {10};
    wire_init(&wire);
    for (uint64_t step = 1; step <= 100000; step++) {
        random_step(&wire, parcels, &model, &rng, step);
        int at = 0;
        uint64_t bytes = 0;
        for (struct outgoing *out = wire.queue.head; out != NULL; out = out->next) {
            cr_assert_eq(out->order, model.waiting[at++]);
            bytes += out->size - out->taken;
        }
        cr_assert_eq(at, model.count);
        cr_assert_eq(bytes, wire.queue.bytes);
    }
    take_all(&wire);
    cr_assert_gt(model.sent_count, 10000);
    cr_assert_eq(wire.heard_count, wire.sent_count, "the peer heard every frame that was reported as sent");
}

Test(sendq, pushing_twice_is_a_bug, .signal = SIGABRT)
{
    static struct wire wire;
    struct parcel parcels[4];
    wire_init(&wire);
    push_four(&wire, parcels);
    sendq_push(&wire.queue, &parcels[1].out);
}

Test(sendq, taking_more_than_there_is_is_a_bug, .signal = SIGABRT)
{
    static struct wire wire;
    struct parcel parcels[4];
    wire_init(&wire);
    sendq_took(&wire.queue, push_four(&wire, parcels) + 1);
}
