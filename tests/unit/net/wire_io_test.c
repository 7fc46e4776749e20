/* The bytes of a wire: how many writes a turn costs, frames that arrive in any pieces and of any size, memory that is
 * given back, and reading that pauses while too much is unsent.
 *
 * Reads best next: wire_death_test.c. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "bench.h"
#include "core/units.h"

TestSuite(wire_io, .timeout = 60);

#define LONG (3600 * S_IN_NS)

static void enter(void)
{
    bench_open(&bench_wide, LONG);
}

/* ---- out ---- */

Test(wire_io, the_frames_of_a_turn_leave_in_one_write, .init = enter, .fini = bench_close)
{
    for (uint64_t seq = 1; seq <= 100; seq++)
        bench_reply(seq, seq);
    cr_assert_eq(bench.counters.writes, 0, "not before the end of the turn");
    bench_turn();
    cr_assert_eq(bench.counters.writes, 1);
    cr_assert_eq(bench.sent, 100);
    for (uint64_t seq = 1; seq <= 100; seq++)
        bench_expect_reply(seq, seq);
    cr_assert_eq(bench.counters.frames_out, 100);
    cr_assert_eq(bench.counters.bytes_out, 100 * FRAME_HEADER_SIZE + 5050);
}

Test(wire_io, large_and_small_frames_leave_together, .init = enter, .fini = bench_close)
{
    static const size_t sizes[] = {0, 3000, 10, 1025, 1024, 976, 977, 40000, 0, 1};
    for (uint64_t seq = 1; seq <= 10; seq++)
        bench_reply(seq, sizes[seq - 1]);
    bench_turn();
    cr_assert_eq(bench.counters.writes, 1);
    for (uint64_t seq = 1; seq <= 10; seq++)
        bench_expect_reply(seq, sizes[seq - 1]);
}

/* More frames than one system call takes parts. */
Test(wire_io, thousands_of_frames_take_a_few_writes, .init = enter, .fini = bench_close)
{
    for (uint64_t seq = 1; seq <= 1000; seq++)
        bench_reply(seq, 8);
    bench_turn();
    cr_assert_eq(bench.counters.writes, 4);
    for (uint64_t seq = 1; seq <= 1000; seq++)
        bench_expect_reply(seq, 8);
}

static void answer(const struct frame *frame)
{
    bench_reply(frame->seq, 100);
}

Test(wire_io, many_answers_leave_early_and_in_order, .init = enter, .fini = bench_close)
{
    bench.on_request = answer;
    for (int i = 0; i < 200; i++)
        bench_send(8);
    bench_turn_until_frames(200);
    cr_assert_eq(bench.counters.reads, 1, "all came at once");
    cr_assert_eq(bench.counters.writes, 200 * 148 / (14 * 148), "one each time there were 2 KiB");
    for (uint64_t seq = 1; seq <= 200; seq++)
        bench_expect_reply(seq, 100);
    cr_assert_eq(bench.sent, 200);
}

/* A frame larger than any socket buffer goes out bit by bit. */
Test(wire_io, a_frame_may_take_many_writes, .init = enter, .fini = bench_close)
{
    bench_reply(1, 5000000);
    bench_reply(2, 10);
    bench_turn();
    cr_assert_eq(bench.sent, 0);
    bench_expect_reply(1, 5000000);
    bench_expect_reply(2, 10);
    cr_assert_eq(bench.wire->queue.bytes, 0);
}

/* ---- in ---- */

Test(wire_io, bytes_may_come_one_by_one, .init = enter, .fini = bench_close)
{
    for (size_t i = 0; i < 3; i++) {
        size_t size;
        uint8_t *bytes = bench_request(i * 50, &size);
        for (size_t at = 0; at < size; at++) {
            cr_assert_eq(bench.frames, i);
            bench_write(bytes + at, 1);
            loop_run_once(&bench.loop);
        }
        cr_assert_eq(bench.frames, i + 1);
        cr_assert_eq(bench.body_sizes[i], i * 50);
        free(bytes);
    }
    cr_assert_eq(bench.counters.bytes_in, 3 * FRAME_HEADER_SIZE + 150);
}

Test(wire_io, frames_of_every_size_in_odd_pieces, .init = enter, .fini = bench_close)
{
    static const size_t sizes[] = {1,          511, 513,     4096, 262144 - 48, 262144 - 47,
                                   300 * 1024, 0,   1 << 20, 12,   2000000};
    static const size_t pieces[] = {0, 65537, 4099, 100003};
    uint32_t expected = 0;
    for (size_t p = 0; p < 4; p++) {
        bench.read_max = pieces[p];
        for (size_t i = 0; i < 11; i++) {
            bench_send(sizes[i]);
            bench_turn_until_frames(++expected);
            cr_assert_eq(bench.body_sizes[expected - 1], sizes[i]);
        }
    }
    cr_assert_eq(bench.lost, 0);
}

/* The pieces end anywhere: in the middle of headers, one byte before the end of bodies. */
Test(wire_io, frames_behind_a_large_one_are_all_seen, .init = enter, .fini = bench_close)
{
    for (size_t piece = 1000; piece < 400000; piece += 56789) {
        uint32_t before = bench.frames;
        bench.read_max = piece;
        bench_send(300 * 1024);
        for (size_t i = 0; i < 50; i++)
            bench_send(i);
        bench_send(1 << 20);
        bench_send(5);
        bench_turn_until_frames(before + 53);
        cr_assert_eq(bench.body_sizes[before], 300 * 1024);
        cr_assert_eq(bench.body_sizes[before + 50], 49);
        cr_assert_eq(bench.body_sizes[before + 52], 5);
    }
}

/* A buffer of its own grows with what came, not with what was announced. */
Test(wire_io, an_announcement_costs_no_memory, .init = enter, .fini = bench_close)
{
    size_t size;
    uint8_t *bytes = bench_request(7000000, &size);
    bench_write(bytes, 1000);
    loop_run_once(&bench.loop);
    cr_assert_leq(bench.wire->partial_capacity, 256 * 1024);
    bench_write(bytes + 1000, size - 1000);
    bench_turn_until_frames(1);
    free(bytes);
}

Test(wire_io, an_idle_wire_gives_its_buffer_back, .fini = bench_close)
{
    bench_open(&bench_wide, 3 * S_IN_NS);
    bench.wire->last_out_ns = INT64_MAX / 2; /* no pings in this test */
    size_t size;
    uint8_t *bytes = bench_request(300 * 1024, &size);
    bench_write(bytes, 100);
    loop_run_once(&bench.loop);
    cr_assert_eq(bench.wire->partial_size, 100);
    bench_write(bytes + 100, size - 100);
    bench_turn_until_frames(1);
    while (bench.wire->partial != NULL && bench.lost == 0)
        loop_run_once(&bench.loop);
    cr_assert_eq(bench.lost, 0, "before the peer is taken for dead");
    cr_assert_eq(bench.wire->partial_capacity, 0);
    bench_send(600 * 1024);
    bench_turn_until_frames(2);
    free(bytes);
}

/* ---- too much unsent ---- */

static void answer_much(const struct frame *frame)
{
    bench_reply(frame->seq, 20000);
}

Test(wire_io, reading_pauses_while_too_much_is_unsent, .fini = bench_close)
{
    struct wire_limits limits = bench_wide;
    limits.send_limit = 100000;
    bench_open(&limits, LONG);
    bench.on_request = answer_much;
    for (int i = 0; i < 300; i++)
        bench_send(10);
    while (!bench.wire->paused)
        loop_run_once(&bench.loop);
    for (int i = 0; i < 20; i++)
        bench_turn();
    uint32_t handled = bench.frames;
    cr_assert_lt(handled, 300, "the rest waits");
    cr_assert_leq(bench.wire->queue.bytes, limits.send_limit + 20048);
    for (uint64_t seq = 1; seq <= 300; seq++)
        bench_expect_reply(seq, 20000);
    cr_assert_eq(bench.frames, 300, "nothing is lost");
    cr_assert_not(bench.wire->paused);
    bench_send(10);
    bench_turn_until_frames(301);
}
