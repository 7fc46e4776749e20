/* The life of a wire: made, opened, kept alive, closed.  How its bytes move is in wire_io.c.
 *
 * Reads best next: wire.h, wire_io.h. */
#include "net/wire.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "core/limits.h"
#include "core/units.h"
#include "net/wire_io.h"

enum {
    SCRATCH_SIZE = 256 * 1024,
    CONTROL_SPARE = 1024,
    /* A silent side pings this often within the agreed time, so that one lost turn is no death. */
    PINGS_A_HEARTBEAT = 3,
    TICKS_A_HEARTBEAT = 5,
};

bool wire_room_init(struct wire_room *room, struct loop *loop)
{
    *room = (struct wire_room){.loop = loop, .scratch_size = SCRATCH_SIZE};
    pool_init(&room->control_pool, REPLY_BLOCK_SIZE, CONTROL_SPARE);
    room->scratch = malloc(SCRATCH_SIZE);
    room->gather = malloc(WIRE_GATHER_SIZE);
    if (room->scratch != NULL && room->gather != NULL)
        return true;
    wire_room_fini(room);
    return false;
}

void wire_room_fini(struct wire_room *room)
{
    free(room->scratch);
    free(room->gather);
    pool_fini(&room->control_pool);
}

static void settle_control(struct wire *wire, struct outgoing *out)
{
    if (frame_type_of(out->bytes) == FRAME_PONG)
        wire->pong_queued = false;
    reply_settle(reply_of(out));
}

static void on_sent(struct outgoing *out, void *user)
{
    struct wire *wire = user;
    wire->counters->frames_out++;
    if (wire_is_control(out))
        settle_control(wire, out);
    else
        wire->events->sent(wire, out);
}

static void on_dropped(struct outgoing *out, void *user)
{
    struct wire *wire = user;
    if (wire_is_control(out))
        settle_control(wire, out);
    else
        wire->events->dropped(wire, out);
}

static void on_stamp(struct outgoing *out, void *user)
{
    struct wire *wire = user;
    wire->events->stamp(wire, out);
}

/* ---- keeping alive ---- */

/* How long it may be silent itself. */
static int64_t silence_ns(const struct wire *wire)
{
    int64_t longest_ns = wire->heartbeat_ns / PINGS_A_HEARTBEAT;
    const int64_t awaiting_ns = LIMIT_AWAITING_SILENCE_MS * MS_IN_NS;
    return wire->awaiting && awaiting_ns < longest_ns ? awaiting_ns : longest_ns;
}

/* Whether as much is under way as all pings of a heartbeat: another one would only wait behind them, and pings alone
 * could fill a slow way.  Less would be too little: a way that takes nearly a heartbeat has two under way. */
static bool is_way_full(const struct wire *wire)
{
    return wire->transport->under_way != NULL &&
           wire->transport->under_way(wire->fd) >= PINGS_A_HEARTBEAT * FRAME_HEADER_SIZE;
}

static void ping_if_silent(struct wire *wire, int64_t now_ns)
{
    if (now_ns - wire->last_out_ns < silence_ns(wire) || wire->queue.bytes > 0 ||
        !link_may_send(&wire->link, FRAME_PING) || is_way_full(wire))
        return;
    const struct frame ping = {.type = FRAME_PING};
    /* Without memory for a ping the peer may take us for dead, and the session heals that. */
    (void)wire_send_control(wire, &ping, WIRE_ORDER_FIRST, NULL);
}

enum transport_pulse wire_pulse(const struct wire *wire)
{
    if (wire->transport->pulse == NULL)
        return TRANSPORT_PULSE_NONE;
    return wire->transport->pulse(wire->fd, wire->heartbeat_ns / MS_IN_NS);
}

enum semel_reason wire_silence(const struct wire *wire)
{
    enum transport_pulse pulse = wire_pulse(wire);
    /* What was acknowledged must have been sent since the peer was heard last, or it says nothing. */
    bool hears = pulse == TRANSPORT_PULSE_HEARS && wire->last_out_ns > wire->last_in_ns;
    return hears || pulse == TRANSPORT_PULSE_FULL ? SEMEL_REASON_PEER_STUCK : SEMEL_REASON_HEARTBEAT_MISSED;
}

/* Why the wire should be given up now; NONE: it should not. */
static enum semel_reason ailment(struct wire *wire, int64_t now_ns)
{
    if (wire->heartbeat_ns == 0)
        return now_ns - wire->opened_ns >= wire->limits.handshake_ns ? SEMEL_REASON_HANDSHAKE_TIMEOUT
                                                                     : SEMEL_REASON_NONE;
    /* Who is not read can not be heard; then it is what we send that has to move, or to be acknowledged at least. */
    bool unread = wire->paused || wire->closing;
    if (!unread && now_ns - wire->last_in_ns >= wire->heartbeat_ns)
        return SEMEL_REASON_HEARTBEAT_MISSED;
    if (unread && now_ns - wire->last_progress_ns >= wire->heartbeat_ns &&
        wire_pulse(wire) == TRANSPORT_PULSE_GONE)
        return SEMEL_REASON_HEARTBEAT_MISSED;
    if (wire->queue.bytes > 0 && now_ns - wire->last_progress_ns >= wire->limits.slow_ns)
        return SEMEL_REASON_SLOW_READER;
    return SEMEL_REASON_NONE;
}

static int64_t earlier(int64_t a_ns, int64_t b_ns)
{
    return a_ns < b_ns ? a_ns : b_ns;
}

static int64_t next_tick_ns(const struct wire *wire)
{
    int64_t now_ns = loop_now(wire->room->loop);
    if (wire->heartbeat_ns == 0)
        return now_ns + wire->limits.handshake_ns;
    int64_t look_ns = now_ns + wire->heartbeat_ns / TICKS_A_HEARTBEAT;
    int64_t death_ns = wire->last_in_ns + wire->heartbeat_ns;
    if (death_ns > now_ns) /* who is not read is not heard: then it may be past */
        look_ns = earlier(look_ns, death_ns);
    if (!wire->awaiting)
        return look_ns;
    int64_t ping_ns = wire->last_out_ns + silence_ns(wire);
    if (ping_ns <= now_ns) /* it is being sent, or can not be */
        ping_ns = now_ns + silence_ns(wire);
    return earlier(look_ns, ping_ns);
}

static void start_tick(struct wire *wire)
{
    /* It always starts: there was room when the wire was made, and whoever restarts it has just stopped it. */
    bool started = loop_timer_start(wire->room->loop, &wire->tick, next_tick_ns(wire));
    assert(started);
    (void)started;
}

static void on_tick(struct timer *timer)
{
    struct wire *wire = container_of(timer, struct wire, tick);
    int64_t now_ns = loop_now(wire->room->loop);
    wire->awaiting = wire->awaiting && wire->events->awaits(wire);
    start_tick(wire);
    enum semel_reason reason = ailment(wire, now_ns);
    if (reason == SEMEL_REASON_HEARTBEAT_MISSED) {
        /* Perhaps it was we who slept: what has arrived meanwhile counts. */
        wire_catch_up(wire);
        if (wire_is_closed(wire))
            return;
        reason = ailment(wire, now_ns);
    }
    if (reason == SEMEL_REASON_HEARTBEAT_MISSED)
        reason = wire_silence(wire);
    if (reason != SEMEL_REASON_NONE) {
        wire_fail(wire, reason, 0);
        return;
    }
    if (wire->heartbeat_ns != 0)
        ping_if_silent(wire, now_ns);
    wire_trim(wire);
}

void wire_await_begin(struct wire *wire)
{
    wire->awaiting = true;
    if (!wire_is_closed(wire))
        start_tick(wire);
}

/* ---- life ---- */

static void on_flush(struct loop_task *task)
{
    wire_flush(container_of(task, struct wire, flush_task));
}

static void on_reap(struct loop_task *task)
{
    struct wire *wire = container_of(task, struct wire, reap_task);
    free(wire->partial);
    free(wire);
}

struct wire *wire_create(struct wire_room *room, const struct transport *transport, int fd, bool dialling,
                         enum link_role role, uint64_t nonce, const struct wire_limits *limits,
                         const struct wire_events *events, struct wire_counters *counters, void *owner)
{
    struct wire *wire = calloc(1, sizeof *wire);
    if (wire == NULL || !timers_reserve(&room->loop->timers, room->loop->timers.count + 1)) {
        free(wire);
        transport->close(fd);
        return NULL;
    }
    wire->room = room;
    wire->events = events;
    wire->transport = transport;
    wire->limits = *limits;
    wire->counters = counters;
    wire->owner = owner;
    wire->fd = fd;
    wire->dialling = dialling;
    wire->opened_ns = wire->last_in_ns = wire->last_out_ns = wire->last_progress_ns = loop_now(room->loop);
    link_init(&wire->link, role, nonce);
    sendq_init(&wire->queue, &wire->link, events->stamp != NULL ? on_stamp : NULL, on_sent, wire);
    loop_task_init(&wire->flush_task, on_flush);
    loop_task_init(&wire->reap_task, on_reap);
    timer_init(&wire->tick, on_tick);
    loop_io_open(room->loop, &wire->io, fd, wire_ready);
    loop_io_want(&wire->io, !dialling, dialling);
    if (!dialling)
        transport->prepare(fd);
    start_tick(wire);
    return wire;
}

void wire_close(struct wire *wire)
{
    if (wire_is_closed(wire))
        return;
    loop_io_close(&wire->io);
    wire->transport->close(wire->fd);
    wire->fd = -1;
    link_close(&wire->link);
    loop_timer_stop(wire->room->loop, &wire->tick);
    loop_task_cancel(wire->room->loop, &wire->flush_task);
    sendq_clear(&wire->queue, on_dropped, wire);
}

void wire_fail(struct wire *wire, enum semel_reason reason, int os_error)
{
    wire_close(wire);
    wire->events->lost(wire, reason, os_error);
}

void wire_destroy(struct wire *wire)
{
    if (wire == NULL)
        return;
    wire_close(wire);
    loop_later(wire->room->loop, &wire->reap_task);
}

void wire_close_when_sent(struct wire *wire, enum semel_reason reason)
{
    if (wire_is_closed(wire))
        return;
    wire->closing = true;
    wire->closing_reason = reason;
    wire_flush_later(wire);
}

/* When the kernel is to give up: later than we do, who find a peer that is silent after a heartbeat and one that does
 * not read after slow_ns, a tick late, and know the reason.  What it adds: an end where we see nothing amiss, since the
 * peer is heard but does not hear us; and one for what is left of a connection that we have closed. */
static void set_patience(const struct wire *wire)
{
    int64_t patience_ns = wire->limits.slow_ns + 2 * wire->heartbeat_ns;
    if (wire->transport->set_patience != NULL)
        wire->transport->set_patience(wire->fd, patience_ns / MS_IN_NS);
}

void wire_open(struct wire *wire, uint64_t nonce, uint32_t frame_limit, int64_t heartbeat_ns)
{
    assert(heartbeat_ns > 0);
    link_open(&wire->link, nonce, frame_limit);
    wire->heartbeat_ns = heartbeat_ns;
    /* Who waited for WELCOME had nothing to say: its silence begins now. */
    wire->last_in_ns = loop_now(wire->room->loop);
    start_tick(wire);
    set_patience(wire);
}

void wire_hand_over(struct wire *wire, const struct wire_events *events, void *owner)
{
    for (const struct outgoing *out = wire->queue.head; out != NULL; out = out->next)
        assert(wire_is_control(out));
    wire->events = events;
    wire->owner = owner;
    wire->queue.stamp = events->stamp != NULL ? on_stamp : NULL;
}

/* ---- sending ---- */

void wire_flush_later(struct wire *wire)
{
    loop_later(wire->room->loop, &wire->flush_task);
}

void wire_push(struct wire *wire, struct outgoing *out)
{
    assert(!wire_is_closed(wire));
    if (wire->queue.head == NULL)
        wire->last_progress_ns = loop_now(wire->room->loop); /* from now on it may be slow */
    sendq_push(&wire->queue, out);
    wire_flush_later(wire);
}

bool wire_send_control(struct wire *wire, const struct frame *frame, uint64_t order, const uint64_t *seed)
{
    struct reply *reply = reply_create(&wire->room->control_pool, frame->body_size);
    if (reply == NULL)
        return false;
    if (frame->body_size > 0)
        memcpy(reply_body(reply), frame->body, frame->body_size);
    struct frame whole = *frame;
    whole.digest = frame_digest(frame->method, reply_body(reply), frame->body_size);
    reply_write(reply, &whole);
    reply->out.order = order;
    if (seed != NULL) {
        frame_seal(reply->out.bytes, *seed);
        reply->out.sealed = true;
    }
    link_sending(&wire->link, frame->type);
    wire_push(wire, &reply->out);
    return true;
}
