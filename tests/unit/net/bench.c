/* The stage, built and torn down; the peer's hands.
 *
 * Reads best next: bench.h. */
#include "bench.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/units.h"

enum { NONCE = 0x5e4e, FRAME_LIMIT = 8 * 1024 * 1024, IN_ROOM = 16 * 1024 * 1024 };

struct bench bench;

static uint8_t *kept; /* the body of the latest frame that was taken */

const struct wire_limits bench_wide = {
    .handshake_ns = 3600 * S_IN_NS, .slow_ns = 3600 * S_IN_NS, .send_limit = UINT64_MAX};

/* ---- the transport ---- */

static void prepare(int fd)
{
    (void)fd;
}

static ssize_t read_some(int fd, void *into, size_t size)
{
    if (bench.read_error != 0) {
        errno = bench.read_error;
        return -1;
    }
    return transport_socket_read(fd, into,
                                 bench.read_max != 0 && bench.read_max < size ? bench.read_max : size);
}

static ssize_t write_some(int fd, const struct iovec *parts, size_t count)
{
    if (bench.write_error == 0)
        return transport_socket_write(fd, parts, count);
    errno = bench.write_error;
    return -1;
}

static void set_patience(int fd, int64_t patience_ms)
{
    (void)fd;
    bench.patience_ms = patience_ms;
}

static enum transport_pulse pulse(int fd, int64_t silence_ms)
{
    cr_assert_geq(fd, 0, "asked of a closed one");
    cr_assert_eq(silence_ms, bench.wire->heartbeat_ns / 1000000);
    return bench.pulse;
}

static uint64_t under_way(int fd)
{
    cr_assert_geq(fd, 0, "asked of a closed one");
    return bench.under_way;
}

static const struct transport transport = {.prepare = prepare,
                                           .read = read_some,
                                           .write = write_some,
                                           .close = transport_socket_close,
                                           .set_patience = set_patience,
                                           .pulse = pulse,
                                           .under_way = under_way};

/* ---- the owner ---- */

static void on_frame(struct wire *wire, const struct frame *frame)
{
    (void)wire;
    if (frame->type != FRAME_REQUEST)
        return;
    cr_assert_lt(bench.frames, SEQS);
    cr_assert_eq(frame->seq, bench.frames + 1, "in order, none twice, none left out");
    for (size_t i = 0; i < frame->body_size; i++)
        if (frame->body[i] != bench_byte(frame->seq, i))
            cr_assert_fail("byte %zu of request %u", i, (unsigned)frame->seq);
    bench.body_sizes[bench.frames++] = frame->body_size;
    if (bench.on_request != NULL)
        bench.on_request(frame);
}

static void on_lost(struct wire *wire, enum semel_reason reason, int os_error)
{
    cr_assert(wire_is_closed(wire));
    bench.lost++;
    bench.reason = reason;
    bench.os_error = os_error;
}

static void on_sent(struct wire *wire, struct outgoing *out)
{
    (void)wire;
    bench.sent++;
    reply_settle(reply_of(out));
}

static void on_dropped(struct wire *wire, struct outgoing *out)
{
    (void)wire;
    bench.dropped++;
    reply_settle(reply_of(out));
}

static bool on_awaits(struct wire *wire)
{
    (void)wire;
    return bench.awaits;
}

static const struct wire_events events = {
    .frame = on_frame, .lost = on_lost, .sent = on_sent, .dropped = on_dropped, .awaits = on_awaits};

static void no_wake(void *user)
{
    (void)user;
}

/* ---- building ---- */

void bench_open(const struct wire_limits *limits, int64_t heartbeat_ns)
{
    int fds[2];
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    cr_assert(loop_init(&bench.loop, NULL, no_wake, NULL));
    cr_assert(wire_room_init(&bench.room, &bench.loop));
    bench.fd = fds[1];
    bench.in = malloc(IN_ROOM);
    bench.wire = wire_create(&bench.room, &transport, fds[0], false, LINK_SERVER, NONCE, limits, &events,
                             &bench.counters, NULL);
    cr_assert_not_null(bench.wire);
    link_init(&bench.link, LINK_CLIENT, NONCE);
    if (heartbeat_ns == 0)
        return;
    /* As if HELLO and WELCOME had passed. */
    bench.link.state = bench.wire->link.state = LINK_OPEN;
    link_open(&bench.link, NONCE, FRAME_LIMIT);
    wire_open(bench.wire, NONCE, FRAME_LIMIT, heartbeat_ns);
}

void bench_close(void)
{
    wire_destroy(bench.wire);
    if (bench.fd >= 0)
        close(bench.fd);
    loop_fini(&bench.loop);
    wire_room_fini(&bench.room);
    free(bench.in);
    free(kept);
}

/* ---- the peer ---- */

uint8_t bench_byte(uint64_t seq, size_t at)
{
    return (uint8_t)(seq * 37 + at * 7 + at / 251);
}

uint8_t *bench_request(size_t body_size, size_t *ret_size)
{
    uint8_t *bytes = malloc(FRAME_HEADER_SIZE + body_size);
    cr_assert_not_null(bytes);
    struct frame frame = {.type = FRAME_REQUEST, .seq = ++bench.next_seq, .method = 3, .body_size = body_size};
    for (size_t i = 0; i < body_size; i++)
        bytes[FRAME_HEADER_SIZE + i] = bench_byte(frame.seq, i);
    frame.digest = frame_digest(frame.method, bytes + FRAME_HEADER_SIZE, body_size);
    frame_write(bytes, &frame);
    frame_seal(bytes, link_seed_out(&bench.link, 0));
    bench.link.count_out++;
    *ret_size = FRAME_HEADER_SIZE + body_size;
    return bytes;
}

void bench_write(const uint8_t *bytes, size_t size)
{
    while (size > 0) {
        ssize_t taken = send(bench.fd, bytes, size, MSG_NOSIGNAL);
        cr_assert(taken >= 0 || errno == EAGAIN, "%s", strerror(errno));
        if (taken < 0) {
            bench_turn();
            continue;
        }
        bytes += taken;
        size -= (size_t)taken;
    }
}

void bench_send(size_t body_size)
{
    size_t size;
    uint8_t *bytes = bench_request(body_size, &size);
    bench_write(bytes, size);
    free(bytes);
}

bool bench_read(void)
{
    for (;;) {
        ssize_t got = recv(bench.fd, bench.in + bench.in_size, IN_ROOM - bench.in_size, 0);
        if (got == 0 || (got < 0 && errno == ECONNRESET))
            return false;
        if (got < 0)
            return true;
        bench.in_size += (size_t)got;
    }
}

bool bench_take(struct frame *ret_frame)
{
    size_t size;
    enum semel_reason bad = SEMEL_REASON_NONE;
    enum link_result result = link_parse(&bench.link, bench.in, bench.in_size, ret_frame, &size, &bad);
    cr_assert_neq(result, LINK_BAD, "%s", semel_reason_name(bad));
    if (result == LINK_NEED_MORE)
        return false;
    free(kept);
    kept = NULL;
    if (ret_frame->body_size > 0) {
        kept = malloc(ret_frame->body_size);
        memcpy(kept, ret_frame->body, ret_frame->body_size);
        ret_frame->body = kept;
    }
    memmove(bench.in, bench.in + size, bench.in_size - size);
    bench.in_size -= size;
    return true;
}

void bench_expect_reply(uint64_t seq, size_t body_size)
{
    struct frame frame;
    while (!bench_take(&frame)) {
        bench_turn();
        bool more = bench_read();
        cr_assert(more || bench.in_size > 0, "closed before reply %u", (unsigned)seq);
    }
    cr_assert_eq(frame.type, FRAME_REPLY);
    cr_assert_eq(frame.seq, seq);
    cr_assert_eq(frame.body_size, body_size);
    for (size_t i = 0; i < body_size; i++)
        if (frame.body[i] != bench_byte(seq, i))
            cr_assert_fail("byte %zu of reply %u", i, (unsigned)seq);
}

/* ---- the wire's side ---- */

void bench_reply(uint64_t seq, size_t body_size)
{
    struct reply *reply = reply_create(&bench.room.control_pool, body_size);
    cr_assert_not_null(reply);
    struct frame frame = {.type = FRAME_REPLY, .seq = seq, .method = 3, .flags = SEMEL_OUTCOME_EXECUTED};
    for (size_t i = 0; i < body_size; i++)
        reply_body(reply)[i] = bench_byte(seq, i);
    frame.body_size = body_size;
    frame.digest = frame_digest(frame.method, reply_body(reply), body_size);
    reply_write(reply, &frame);
    reply->out.order = seq;
    wire_push(bench.wire, &reply->out);
}

void bench_turn(void)
{
    loop_refresh(&bench.loop);
    ev_run(bench.loop.ev, EVRUN_NOWAIT);
}

void bench_turn_until_frames(uint32_t count)
{
    while (bench.frames < count && bench.lost == 0)
        loop_run_once(&bench.loop);
    cr_assert_eq(bench.frames, count);
}

void bench_turn_until_lost(enum semel_reason reason)
{
    while (bench.lost == 0)
        loop_run_once(&bench.loop);
    cr_assert_eq(bench.lost, 1);
    cr_assert_eq(bench.reason, reason, "%s", semel_reason_name(bench.reason));
}
