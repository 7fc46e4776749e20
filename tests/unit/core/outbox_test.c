/* The outbox: window, order, ack floor and ends in any order.
 *
 * Reads best next: outbox_gate_test.c, outbox_model_test.c. */
#include "core/outbox.h"

#include <signal.h>

#include "core/bytes.h"
#include "core/limits.h"
#include "desk.h"
#include "support.h"

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
        for (uint64_t seq = 1; seq <= 20; seq++)
            cr_assert_eq(outbox_behind(&desk.outbox, seq), seq < steps[i].floor ? 0 : seq - steps[i].floor);
    }
    outbox_fini(&desk.outbox);
}

/* Regression: a CANCEL told its own seq as the ack floor, and the server forgot every earlier call.  No frame may tell
 * a floor above the true one, whatever has ended meanwhile. */
Test(outbox, no_cancel_tells_more_than_the_true_floor)
{
    struct rng rng = {19};
    struct desk desk = {0};
    struct item items[40];
    outbox_init(&desk.outbox, 64);
    add_all(&desk, items, 40);
    for (int ended = 0; ended < 40;) {
        struct item *item = &items[rng_below(&rng, 40)];
        if (item->call.state != OUTBOX_ENDED) {
            outbox_end(&desk.outbox, &item->call);
            ended++;
        }
        uint64_t floor = 1;
        while (floor <= 40 && items[floor - 1].call.state == OUTBOX_ENDED)
            floor++;
        for (uint64_t seq = 1; seq <= 40; seq++) {
            uint8_t header[FRAME_HEADER_SIZE];
            struct frame cancel = {.type = FRAME_CANCEL, .seq = seq}, heard;
            frame_write(header, &cancel);
            frame_stamp(header, outbox_behind(&desk.outbox, frame_seq_of(header)), 0);
            frame_seal(header, 1);
            cr_assert_eq(frame_read(header, 1, 4096, &heard), SEMEL_REASON_NONE);
            cr_assert_eq(heard.seq - heard.aux, seq < floor ? seq : floor, "the true floor, or an older one");
        }
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

/* Regression: after GOAWAY the outbox is off the queue, which still finishes what was started: asking for such a frame
 * back was taken for a bug. */
Test(outbox, a_started_frame_is_not_taken_back_from_a_parting_connection)
{
    for (uint32_t taken = 1; taken < FRAME_HEADER_SIZE; taken++) {
        struct desk desk = {0};
        struct item item;
        outbox_init(&desk.outbox, 10);
        add_all(&desk, &item, 1);
        desk_connect(&desk, 10);
        outbox_fill(&desk.outbox);
        take(&desk, taken);
        outbox_attach(&desk.outbox, NULL, 0);
        cr_assert_not(outbox_unqueue(&desk.outbox, &item.call));
        cr_assert_eq(item.call.state, OUTBOX_QUEUED);
        cr_assert(item.call.out.queued);
        if (taken % 2 == 0)
            cr_assert_not(outbox_end(&desk.outbox, &item.call), "its end does not free the frame either");
        take(&desk, SIZE_MAX);
        cr_assert_not(item.call.out.queued);
        cr_assert(desk.heard_count == 1 && desk.heard[0] == 1, "the frame goes out whole");
        cr_assert_eq(item.call.state, taken % 2 == 0 ? OUTBOX_ENDED : OUTBOX_WRITTEN);
        desk_disconnect(&desk);
        end_all(&desk);
    }
}

/* Regression: a refusal may reach a call that is held; it is delayed, and the next WELCOME has nothing to judge. */
Test(outbox, a_refused_held_call_waits_for_its_own_time)
{
    struct desk desk = {0};
    struct item items[2];
    outbox_init(&desk.outbox, 10);
    add_all(&desk, items, 2);
    desk_connect(&desk, 10);
    outbox_fill(&desk.outbox);
    take(&desk, SIZE_MAX);
    desk_disconnect(&desk);
    cr_assert_eq(items[0].call.state, OUTBOX_HELD);
    items[0].call.exposed = false; /* the peer's word */
    outbox_set(&desk.outbox, &items[0].call, OUTBOX_DELAYED);
    desk_connect(&desk, 10);
    release_held(&desk);
    outbox_fill(&desk.outbox);
    cr_assert_eq(items[0].call.state, OUTBOX_DELAYED);
    cr_assert_eq(items[1].call.state, OUTBOX_QUEUED);
    desk_disconnect(&desk);
    cr_assert_eq(items[0].call.state, OUTBOX_DELAYED, "it waits on, whatever the connection does");
    desk_connect(&desk, 10);
    outbox_set(&desk.outbox, &items[0].call, OUTBOX_READY);
    release_held(&desk);
    outbox_fill(&desk.outbox);
    desk.heard_count = 0;
    take(&desk, SIZE_MAX);
    cr_assert(desk.heard_count == 2 && desk.heard[0] == 1 && desk.heard[1] == 2);
    desk_disconnect(&desk);
    end_all(&desk);
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

Test(outbox, a_held_call_in_no_queue_is_a_bug, .signal = SIGABRT)
{
    struct desk desk = {0};
    struct item item;
    outbox_init(&desk.outbox, 10);
    add_all(&desk, &item, 1);
    outbox_set(&desk.outbox, &item.call, OUTBOX_HELD);
    outbox_set(&desk.outbox, &item.call, OUTBOX_QUEUED);
}

static void ignore(struct outgoing *out, void *user)
{
    (void)out;
    (void)user;
}

/* Regression: a hedged call whose own attempt fails with its connection is put aside; its frame had been dropped. */
Test(outbox, a_frame_that_went_with_its_connection_is_taken_back)
{
    for (uint32_t taken = 0; taken < FRAME_HEADER_SIZE; taken += FRAME_HEADER_SIZE / 2) {
        struct desk desk = {0};
        struct item item;
        outbox_init(&desk.outbox, 10);
        add_all(&desk, &item, 1);
        desk_connect(&desk, 10);
        outbox_fill(&desk.outbox);
        take(&desk, taken);
        sendq_clear(&desk.queue, ignore, NULL);
        outbox_attach(&desk.outbox, NULL, 0);
        cr_assert_eq(item.call.state, OUTBOX_QUEUED);
        cr_assert(outbox_unqueue(&desk.outbox, &item.call));
        outbox_set(&desk.outbox, &item.call, OUTBOX_DELAYED);
        end_all(&desk);
    }
}

/* Regression: a call that only waited for its further attempts held the window that these wanted, for ever. */
Test(outbox, a_parked_call_holds_up_no_window_and_is_found)
{
    struct desk desk = {0};
    struct item items[4];
    outbox_init(&desk.outbox, 10);
    add_all(&desk, items, 4);
    desk_connect(&desk, 1);
    outbox_fill(&desk.outbox);
    take(&desk, SIZE_MAX);
    cr_assert_eq(desk.heard_count, 1);
    outbox_set(&desk.outbox, &items[0].call, OUTBOX_DELAYED);
    outbox_fill(&desk.outbox);
    take(&desk, SIZE_MAX);
    cr_assert_eq(desk.heard_count, 1, "its seq fills the window");
    outbox_park(&desk.outbox, &items[0].call);
    cr_assert_eq(desk.outbox.floor, 2);
    outbox_fill(&desk.outbox);
    take(&desk, SIZE_MAX);
    cr_assert_eq(desk.heard_count, 2);
    cr_assert_eq(outbox_find(&desk.outbox, 1), &items[0].call);
    cr_assert_eq(outbox_from(&desk.outbox, 0), &items[0].call);
    outbox_end(&desk.outbox, &items[1].call);
    cr_assert_eq(desk.outbox.floor, 3);
    outbox_end(&desk.outbox, &items[0].call);
    cr_assert_eq(desk.outbox.floor, 3);
    cr_assert_null(outbox_find(&desk.outbox, 1));
    desk_disconnect(&desk);
    end_all(&desk);
}

Test(outbox, a_parked_call_counts_for_the_limit)
{
    struct desk desk = {0};
    struct item items[80];
    outbox_init(&desk.outbox, 70);
    add_all(&desk, items, 1);
    outbox_park(&desk.outbox, &items[0].call);
    add_all(&desk, items + 1, 69);
    cr_assert_eq(add(&desk, &items[70], 0), OUTBOX_FULL, "the ring holds it still");
    cr_assert_eq(outbox_find(&desk.outbox, 1), &items[0].call, "also after the ring has grown");
    outbox_end(&desk.outbox, &items[0].call);
    cr_assert_eq(add(&desk, &items[70], 0), OUTBOX_ADDED);
    end_all(&desk);
}

Test(outbox, taking_back_what_was_not_started_needs_its_queue, .signal = SIGABRT)
{
    struct desk desk = {0};
    struct item item;
    outbox_init(&desk.outbox, 10);
    add_all(&desk, &item, 1);
    desk_connect(&desk, 10);
    outbox_fill(&desk.outbox);
    outbox_attach(&desk.outbox, NULL, 0);
    outbox_unqueue(&desk.outbox, &item.call);
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
