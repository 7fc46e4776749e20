/* How a wire ends: when told to, when the peer is silent, slow, strange or gone; once, with the right reason, and with
 * what was sent before.
 *
 * Reads best next: bench.h. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"
#include "core/limits.h"
#include "core/units.h"

TestSuite(wire_death, .timeout = 60);

#define LONG (3600 * S_IN_NS)
/* So long that there is a ping before the end, whatever this process waits for. */
#define PINGED (1500 * MS_IN_NS)

static void enter(void)
{
    bench_open(&bench_wide, LONG);
}

static void hang_up(void)
{
    close(bench.fd);
    bench.fd = -1;
}

/* ---- told to ---- */

Test(wire_death, closes_when_everything_is_sent, .init = enter, .fini = bench_close)
{
    bench_reply(1, 3000000);
    bench_reply(2, 10);
    wire_close_when_sent(bench.wire, SEMEL_REASON_DRAINED);
    bench_turn();
    cr_assert_eq(bench.lost, 0, "much is unsent");
    bench_expect_reply(1, 3000000);
    bench_expect_reply(2, 10);
    bench_turn_until_lost(SEMEL_REASON_DRAINED);
    cr_assert_eq(bench.sent, 2);
    cr_assert_eq(bench.dropped, 0);
    cr_assert_not(bench_read(), "the end of input");
}

/* Regression: a ping that crossed the end of a drain made the kernel reset the connection, and replies were lost. */
Test(wire_death, bytes_that_come_late_do_not_reset_what_was_sent, .init = enter, .fini = bench_close)
{
    int error = -1;
    socklen_t size = sizeof error;
    bench_reply(1, 10);
    wire_close_when_sent(bench.wire, SEMEL_REASON_DRAINED);
    bench_send(100);
    bench_turn();
    cr_assert_eq(bench.lost, 1);
    cr_assert_eq(getsockopt(bench.fd, SOL_SOCKET, SO_ERROR, &error, &size), 0);
    cr_assert_eq(error, 0, "%s", strerror(error));
    struct frame reply;
    cr_assert_not(bench_read(), "the end of input");
    cr_assert(bench_take(&reply));
    cr_assert_eq(reply.seq, 1);
}

Test(wire_death, closes_at_the_end_of_the_turn_with_nothing_to_send, .init = enter, .fini = bench_close)
{
    wire_close_when_sent(bench.wire, SEMEL_REASON_REPLACED);
    cr_assert_eq(bench.lost, 0);
    bench_turn();
    cr_assert_eq(bench.lost, 1);
    cr_assert_eq(bench.reason, SEMEL_REASON_REPLACED);
    wire_close_when_sent(bench.wire, SEMEL_REASON_REPLACED); /* closed already is fine */
    bench_turn();
    cr_assert_eq(bench.lost, 1);
}

Test(wire_death, a_closed_wire_tells_nobody_but_drops_its_frames, .init = enter, .fini = bench_close)
{
    for (uint64_t seq = 1; seq <= 5; seq++)
        bench_reply(seq, 10);
    wire_close(bench.wire);
    wire_close(bench.wire);
    cr_assert_eq(bench.lost, 0);
    cr_assert_eq(bench.dropped, 5);
    cr_assert_not(bench_read());
}

Test(wire_death, a_failed_wire_tells_before_it_returns, .init = enter, .fini = bench_close)
{
    bench_reply(1, 10);
    wire_fail(bench.wire, SEMEL_REASON_BAD_FIELD, 7);
    cr_assert_eq(bench.lost, 1);
    cr_assert_eq(bench.reason, SEMEL_REASON_BAD_FIELD);
    cr_assert_eq(bench.os_error, 7);
    cr_assert_eq(bench.dropped, 1);
}

/* ---- time ---- */

Test(wire_death, silence_is_death, .fini = bench_close)
{
    bench_open(&bench_wide, PINGED);
    bench_turn_until_lost(SEMEL_REASON_HEARTBEAT_MISSED);
    cr_assert_geq(loop_now(&bench.loop) - bench.wire->opened_ns, PINGED);
    cr_assert(bench_read() || bench.in_size > 0);
    struct frame frame;
    cr_assert(bench_take(&frame), "it had asked");
    cr_assert_eq(frame.type, FRAME_PING);
}

/* Regression: a server that was slow to welcome a client took that time for silence of the client. */
Test(wire_death, who_waits_for_the_welcome_is_not_silent, .fini = bench_close)
{
    bench_open(&bench_wide, 0);
    bench.wire->last_in_ns -=
        LONG; /* when HELLO came; what is remembered of it was a while on its way to the disk */
    bench.link.state = bench.wire->link.state = LINK_OPEN;
    wire_open(bench.wire, 1, LIMIT_FRAME_MIN, LONG);
    cr_assert_eq(bench.wire->tick.due_ns, loop_now(&bench.loop) + LONG / 5, "nobody is dead yet");
    bench_reply(9, 10);
    bench_turn();
    cr_assert_eq(bench.lost, 0);
    cr_assert_eq(bench.sent, 1);
}

Test(wire_death, silence_is_looked_for_when_its_time_is_over, .init = enter, .fini = bench_close)
{
    int64_t now_ns = loop_now(&bench.loop);
    bench.wire->last_in_ns = now_ns - LONG + 7 * MS_IN_NS;
    wire_await(bench.wire); /* sets the clock anew */
    cr_assert_eq(bench.wire->tick.due_ns, now_ns + 7 * MS_IN_NS, "not a tick later");
}

/* Silent for a heartbeat, with a ping sent since it was heard, or (asked = false) not. */
static void fall_silent(enum transport_pulse pulse, bool asked, enum semel_reason reason)
{
    bench_open(&bench_wide, LONG);
    bench.pulse = pulse;
    bench.wire->last_in_ns -= 2 * LONG;
    if (!asked)
        bench.wire->last_out_ns -= 3 * LONG;
    bench_reply(9, 10);
    bench_turn();
    cr_assert_eq(bench.lost, 1);
    cr_assert_eq(bench.reason, reason, "%s", semel_reason_name(bench.reason));
    cr_assert_eq(bench.dropped, 1);
}

Test(wire_death, silence_of_a_peer_whose_host_hears_us_is_a_process_that_is_stuck, .fini = bench_close)
{
    fall_silent(TRANSPORT_PULSE_HEARS, true, SEMEL_REASON_PEER_STUCK);
}

Test(wire_death, a_host_that_was_sent_nothing_since_has_acknowledged_nothing, .fini = bench_close)
{
    fall_silent(TRANSPORT_PULSE_HEARS, false, SEMEL_REASON_HEARTBEAT_MISSED);
}

Test(wire_death, silence_of_a_peer_whose_host_has_no_room_is_a_process_that_is_stuck, .fini = bench_close)
{
    fall_silent(TRANSPORT_PULSE_FULL, false, SEMEL_REASON_PEER_STUCK);
}

Test(wire_death, silence_found_by_the_clock_asks_the_host_too, .fini = bench_close)
{
    bench_open(&bench_wide, PINGED);
    bench.pulse = TRANSPORT_PULSE_HEARS;
    bench_turn_until_lost(SEMEL_REASON_PEER_STUCK);
}

/* So much is unsent that the peer is not read: whether it is there, only its host can tell. */
static void choke(enum transport_pulse pulse, int64_t heartbeat_ns, int64_t slow_ns)
{
    struct wire_limits limits = bench_wide;
    limits.send_limit = 1000;
    limits.slow_ns = slow_ns;
    bench_open(&limits, heartbeat_ns);
    bench.pulse = pulse;
    bench_reply(1, 8000000);
    bench_send(10);
    bench_turn_until_frames(1);
    cr_assert(bench.wire->paused);
}

Test(wire_death, who_is_not_read_and_whose_host_is_gone_is_dead_after_a_heartbeat, .fini = bench_close)
{
    choke(TRANSPORT_PULSE_GONE, 100 * MS_IN_NS, LONG);
    bench_turn_until_lost(SEMEL_REASON_HEARTBEAT_MISSED);
}

Test(wire_death, who_is_not_read_and_whose_host_is_there_is_slow_in_the_end, .fini = bench_close)
{
    choke(TRANSPORT_PULSE_FULL, 50 * MS_IN_NS, 300 * MS_IN_NS);
    bench_turn_until_lost(SEMEL_REASON_SLOW_READER);
}

Test(wire_death, who_is_not_read_and_of_whom_nothing_is_known_is_slow_in_the_end, .fini = bench_close)
{
    choke(TRANSPORT_PULSE_NONE, 50 * MS_IN_NS, 300 * MS_IN_NS);
    bench_turn_until_lost(SEMEL_REASON_SLOW_READER);
}

Test(wire_death, the_kernel_is_more_patient_than_we, .fini = bench_close)
{
    struct wire_limits limits = bench_wide;
    limits.slow_ns = 700 * MS_IN_NS;
    bench_open(&limits, 2 * S_IN_NS);
    cr_assert_eq(bench.patience_ms, 700 + 2 * 2000);
}

/* All that was sent found room in the kernels, and the reader has taken nothing of it. */
static void time_out(enum transport_pulse pulse, enum semel_reason reason)
{
    bench_open(&bench_wide, LONG);
    bench.pulse = pulse;
    bench.read_error = ETIMEDOUT;
    bench_send(10);
    bench_turn_until_lost(reason);
    cr_assert_eq(bench.os_error, ETIMEDOUT);
}

Test(wire_death, the_kernels_patience_ends_with_a_slow_reader, .fini = bench_close)
{
    time_out(TRANSPORT_PULSE_FULL, SEMEL_REASON_SLOW_READER);
}

Test(wire_death, the_kernels_patience_ends_with_nobody, .fini = bench_close)
{
    time_out(TRANSPORT_PULSE_NONE, SEMEL_REASON_IO_ERROR);
}

/* ---- waiting for an answer ---- */

static bool pinged(void)
{
    struct frame frame;
    cr_assert(bench_read());
    if (!bench_take(&frame))
        return false;
    cr_assert_eq(frame.type, FRAME_PING);
    return true;
}

Test(wire_death, who_waits_for_an_answer_pings_soon, .init = enter, .fini = bench_close)
{
    const int64_t silence_ns = LIMIT_AWAITING_SILENCE_MS * MS_IN_NS;
    bench.awaits = true;
    bench.wire->last_out_ns = loop_now(&bench.loop) - silence_ns + 5 * MS_IN_NS;
    int64_t due_ns = bench.wire->last_out_ns + silence_ns;
    wire_await(bench.wire);
    cr_assert_eq(bench.wire->tick.due_ns, due_ns);
    do {
        loop_run_once(&bench.loop);
        bench_turn(); /* what a tick queues leaves in the turn after it */
    } while (!pinged());
    cr_assert_geq(loop_now(&bench.loop), due_ns);
    cr_assert_leq(bench.wire->tick.due_ns, loop_now(&bench.loop) + silence_ns, "and goes on");

    bench.awaits = false;
    bench.wire->last_out_ns = loop_now(&bench.loop) - silence_ns + 5 * MS_IN_NS;
    bench.wire->awaiting = false;
    wire_await(bench.wire);
    while (bench.wire->awaiting)
        loop_run_once(&bench.loop);
    bench_turn();
    cr_assert_not(pinged(), "nobody waits any more");
    cr_assert_gt(bench.wire->tick.due_ns, loop_now(&bench.loop) + LONG / 6, "and nobody looks");
}

/* Runs the tick at which it would ping, 5 ms from now; whether it did. */
static bool pings_with(uint64_t under_way)
{
    const int64_t silence_ns = LIMIT_AWAITING_SILENCE_MS * MS_IN_NS;
    bench.awaits = true;
    bench.under_way = under_way;
    bench.wire->awaiting = false;
    bench.wire->last_out_ns = loop_refresh(&bench.loop) - silence_ns + 5 * MS_IN_NS;
    wire_await(bench.wire);
    int64_t due_ns = bench.wire->tick.due_ns;
    while (bench.wire->tick.due_ns == due_ns)
        loop_run_once(&bench.loop);
    bench_turn(); /* what a tick queues leaves in the turn after it */
    return pinged();
}

Test(wire_death, no_ping_joins_a_heartbeats_worth_of_them, .init = enter, .fini = bench_close)
{
    cr_assert_not(pings_with(3 * FRAME_HEADER_SIZE));
    cr_assert_not(pings_with(1000000));
    cr_assert(pings_with(3 * FRAME_HEADER_SIZE - 1));
    cr_assert(pings_with(0));
}

/* It is not waited for any longer than before. */
Test(wire_death, whose_way_is_full_is_dead_when_it_was_silent_for_a_heartbeat, .fini = bench_close)
{
    bench_open(&bench_wide, 60 * MS_IN_NS);
    bench.under_way = 1000000;
    bench_turn_until_lost(SEMEL_REASON_HEARTBEAT_MISSED);
    cr_assert_geq(loop_now(&bench.loop) - bench.wire->opened_ns, 60 * MS_IN_NS);
    cr_assert(bench_read() || bench.in_size == 0);
    cr_assert_eq(bench.in_size, 0, "and was not asked");
}

Test(wire_death, a_heartbeat_shorter_than_that_is_kept, .fini = bench_close)
{
    bench_open(&bench_wide, 300 * MS_IN_NS);
    bench.awaits = true;
    int64_t now_ns = loop_now(&bench.loop);
    bench.wire->last_out_ns = now_ns;
    wire_await(bench.wire);
    cr_assert_leq(bench.wire->tick.due_ns, now_ns + 100 * MS_IN_NS);
}

/* ---- time that was slept away ---- */

Test(wire_death, what_came_while_nobody_looked_counts, .init = enter, .fini = bench_close)
{
    bench_send(10);
    bench.wire->last_in_ns -= 2 * LONG; /* as after a long sleep of ours */
    bench_reply(9, 10);
    bench_turn();
    cr_assert_eq(bench.lost, 0);
    cr_assert_eq(bench.frames, 1);
    bench_expect_reply(9, 10);
}

Test(wire_death, nothing_is_written_to_the_dead, .init = enter, .fini = bench_close)
{
    bench.wire->last_in_ns -= 2 * LONG;
    bench_reply(9, 10);
    bench_turn();
    cr_assert_eq(bench.lost, 1);
    cr_assert_eq(bench.reason, SEMEL_REASON_HEARTBEAT_MISSED);
    cr_assert_eq(bench.sent, 0);
    cr_assert_eq(bench.dropped, 1);
}

Test(wire_death, a_peer_that_does_not_read, .fini = bench_close)
{
    struct wire_limits limits = bench_wide;
    limits.slow_ns = 30 * MS_IN_NS;
    bench_open(&limits, 2 * S_IN_NS);
    bench_reply(1, 8000000);
    while (bench.lost == 0) {
        if (bench.counters.writes > 0 && bench.wire->last_in_ns < loop_now(&bench.loop))
            bench_send(0); /* it is alive, only it does not read */
        loop_run_once(&bench.loop);
    }
    cr_assert_eq(bench.reason, SEMEL_REASON_SLOW_READER, "%s", semel_reason_name(bench.reason));
    cr_assert_eq(bench.dropped, 1);
}

Test(wire_death, a_handshake_has_its_time, .fini = bench_close)
{
    struct wire_limits limits = bench_wide;
    limits.handshake_ns = 20 * MS_IN_NS;
    bench_open(&limits, 0);
    bench_turn_until_lost(SEMEL_REASON_HANDSHAKE_TIMEOUT);
    cr_assert_geq(loop_now(&bench.loop) - bench.wire->opened_ns, limits.handshake_ns);
}

/* ---- the peer ---- */

Test(wire_death, what_the_peer_sent_before_it_closed_is_delivered, .init = enter, .fini = bench_close)
{
    bench_reply(1, 10);
    bench_turn();
    for (int i = 0; i < 20; i++)
        bench_send(1000);
    hang_up(); /* with our reply unread */
    while (bench.lost == 0)
        loop_run_once(&bench.loop);
    cr_assert_eq(bench.frames, 20);
    cr_assert_eq(bench.lost, 1);
}

Test(wire_death, the_end_of_input_is_told, .init = enter, .fini = bench_close)
{
    bench_send(10);
    hang_up();
    bench_turn_until_lost(SEMEL_REASON_PEER_CLOSED);
    cr_assert_eq(bench.frames, 1);
}

Test(wire_death, after_a_write_error_the_rest_of_the_input_is_read, .init = enter, .fini = bench_close)
{
    for (int i = 0; i < 30; i++)
        bench_send(100);
    hang_up();
    bench.read_max = 500;
    bench.write_error = EPIPE;
    bench_reply(1, 10);
    bench_turn();
    cr_assert(bench.wire->deaf);
    cr_assert_eq(bench.lost, 0);
    bench_turn_until_lost(SEMEL_REASON_PEER_CLOSED);
    cr_assert_eq(bench.frames, 30);
    cr_assert_eq(bench.sent, 0);
    cr_assert_eq(bench.dropped, 1);
}

Test(wire_death, a_write_error_ends_a_wire_that_only_writes, .init = enter, .fini = bench_close)
{
    bench.write_error = ECONNRESET;
    bench_reply(1, 10);
    wire_close_when_sent(bench.wire, SEMEL_REASON_DRAINED);
    bench_turn();
    cr_assert_eq(bench.lost, 1);
    cr_assert_eq(bench.reason, SEMEL_REASON_IO_ERROR);
    cr_assert_eq(bench.os_error, ECONNRESET);
}

Test(wire_death, a_full_socket_is_no_error, .init = enter, .fini = bench_close)
{
    bench.write_error = EAGAIN;
    bench_reply(1, 10);
    bench_turn();
    cr_assert_not(bench.wire->deaf);
    bench.write_error = 0;
    bench_expect_reply(1, 10);
}

Test(wire_death, damaged_bytes_end_it, .init = enter, .fini = bench_close)
{
    size_t size;
    uint8_t *bytes = bench_request(100, &size);
    bench_send(0); /* sealed as the second: it must not be taken for the first */
    bench_turn_until_lost(SEMEL_REASON_BAD_CHECK);
    cr_assert_eq(bench.frames, 0);
    free(bytes);
}
