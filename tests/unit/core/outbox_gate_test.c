/* The outbox behind a gate: what passes, and the seqs that are kept for it.
 *
 * Reads best next: outbox_test.c, client/recovery.c. */
#include "core/outbox.h"

#include "desk.h"
#include "support.h"

static enum outbox_add_result try_passing(struct desk *desk, struct item *item)
{
    *item = (struct item){.call.passes = true};
    return outbox_add(&desk->outbox, &item->call);
}

static void add_passing(struct desk *desk, struct item *item)
{
    cr_assert_eq(try_passing(desk, item), OUTBOX_ADDED);
    struct frame frame = {.type = FRAME_REQUEST, .seq = item->call.seq, .method = 1};
    frame.digest = frame_digest(1, item->bytes + FRAME_HEADER_SIZE, 0);
    frame_write(item->bytes, &frame);
    item->call.out.bytes = item->bytes;
    item->call.out.size = FRAME_HEADER_SIZE;
}

Test(outbox, only_calls_that_pass_go_through_the_gate)
{
    struct desk desk = {0};
    struct item items[8], passing;
    outbox_init(&desk.outbox, 100);
    add_all(&desk, items, 4);
    add_passing(&desk, &passing);
    add_all(&desk, &items[4], 4);
    desk.outbox.gated = true;
    desk_connect(&desk, 100);
    outbox_fill(&desk.outbox);
    take(&desk, SIZE_MAX);
    cr_assert_eq(desk.heard_count, 1);
    cr_assert_eq(desk.heard[0], 5);
    for (int i = 0; i < 8; i++)
        cr_assert_eq(items[i].call.state, OUTBOX_READY);
    desk.outbox.gated = false;
    outbox_fill(&desk.outbox);
    take(&desk, SIZE_MAX);
    static const uint64_t order[] = {5, 1, 2, 3, 4, 6, 7, 8, 9};
    cr_assert_eq(desk.heard_count, 9);
    for (int i = 0; i < 9; i++)
        cr_assert_eq(desk.heard[i], order[i]);
    desk_disconnect(&desk);
    end_all(&desk);
}

/* Those who wait for a recovery fill the window: without seqs of its own its calls would wait for them in turn. */
Test(outbox, a_call_that_passes_is_within_a_window_that_others_fill)
{
    struct desk desk = {0};
    static struct item items[200], passing[5];
    outbox_init(&desk.outbox, 200);
    outbox_reserve(&desk.outbox, true);
    for (size_t i = 0; i < 187; i++) {
        cr_assert_eq(add(&desk, &items[i], 0), OUTBOX_ADDED);
        cr_assert_neq(items[i].call.seq % OUTBOX_RESERVE, 0);
    }
    desk.outbox.gated = true;
    desk_connect(&desk, 64);
    for (unsigned i = 0; i < 4; i++) {
        add_passing(&desk, &passing[i]);
        cr_assert_eq(passing[i].call.seq, (i + 1) * OUTBOX_RESERVE);
        outbox_fill(&desk.outbox);
        cr_assert_eq(passing[i].call.state, OUTBOX_QUEUED);
    }
    cr_assert_eq(try_passing(&desk, &passing[4]), OUTBOX_SHUT_OUT, "the window ends with 64");
    take(&desk, SIZE_MAX);
    cr_assert_eq(desk.heard_count, 4);
    desk_disconnect(&desk);
    end_all(&desk);
}

/* Found by tests/sim: with a small window a recovery and those who wait for it waited for each other, for ever. */
Test(outbox, what_could_never_pass_is_shut_out_at_once)
{
    struct desk desk = {0};
    struct item waiting, passing[3];
    outbox_init(&desk.outbox, 200);
    outbox_reserve(&desk.outbox, true);
    cr_assert_eq(add(&desk, &waiting, 0), OUTBOX_ADDED);
    desk.outbox.gated = true;
    desk_connect(&desk, 1);
    cr_assert_eq(try_passing(&desk, &passing[0]), OUTBOX_SHUT_OUT, "who waits holds the only place");
    desk.outbox.window = 2;
    add_passing(&desk, &passing[0]);
    cr_assert_eq(try_passing(&desk, &passing[1]), OUTBOX_SHUT_OUT);
    outbox_end(&desk.outbox, &waiting.call);
    add_passing(&desk, &passing[1]);
    add_passing(&desk, &passing[2]);
    outbox_fill(&desk.outbox);
    cr_assert_eq(passing[2].call.state, OUTBOX_READY, "it waits for others that pass, which end");
    desk_disconnect(&desk);
    end_all(&desk);
}

/* Found by tests/sim: the floor stood still before a seq that was kept, and a window of one ended there. */
Test(outbox, a_seq_that_is_kept_does_not_hold_up_a_window_of_one)
{
    struct desk desk = {0};
    static struct item items[100];
    outbox_init(&desk.outbox, 200);
    outbox_reserve(&desk.outbox, true);
    desk_connect(&desk, 1);
    for (size_t i = 0; i < 100; i++) {
        cr_assert_eq(add(&desk, &items[i], 0), OUTBOX_ADDED);
        outbox_fill(&desk.outbox);
        cr_assert_eq(items[i].call.state, OUTBOX_QUEUED, "seq %llu", (unsigned long long)items[i].call.seq);
        take(&desk, SIZE_MAX);
        outbox_end(&desk.outbox, &items[i].call);
    }
    desk_disconnect(&desk);
    end_all(&desk);
}

/* A seq that a server may know must never name another call. */
Test(outbox, no_seq_is_given_twice_whatever_is_kept_when)
{
    static struct item items[3000];
    static bool given[8000];
    struct rng rng = {77};
    struct desk desk = {0};
    outbox_init(&desk.outbox, 256);
    for (size_t i = 0; i < 3000; i++) {
        if (rng_below(&rng, 40) == 0)
            outbox_reserve(&desk.outbox, rng_below(&rng, 2) == 0);
        items[i] = (struct item){.call.passes = rng_below(&rng, 4) == 0};
        if (outbox_add(&desk.outbox, &items[i].call) == OUTBOX_ADDED) {
            uint64_t seq = items[i].call.seq;
            cr_assert(seq >= desk.outbox.floor && seq < desk.outbox.next && !given[seq]);
            cr_assert_leq(desk.outbox.next - desk.outbox.floor, 256);
            given[seq] = true;
        }
        while (desk.outbox.count > rng_below(&rng, 300)) {
            uint64_t ahead = rng_below(&rng, 3) == 0 ? 0
                                                     : rng_below(&rng, desk.outbox.next - desk.outbox.floor);
            struct outbox_call *call = outbox_from(&desk.outbox, desk.outbox.floor + ahead);
            if (call != NULL)
                outbox_end(&desk.outbox, call);
        }
    }
    cr_assert_gt(desk.outbox.next, 1500);
    end_all(&desk);
}
