/* The pump of flow.h: read what fits, send what the schedule lets through.
 * It must not know: the other direction, listeners, or how a connection is cut.
 * Reads best next: proxy.c. */
#include "flow.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

/* What one step of the pump came to. */
enum step { STEP_AGAIN, STEP_WAIT_INPUT, STEP_WAIT_OUTPUT, STEP_WAIT_TIME, STEP_CUT, STEP_BROKEN };

static void pause_for(struct flow *flow, uint64_t ms)
{
    ev_timer_set(&flow->pause, (double)ms / 1000.0, 0.);
    ev_timer_start(flow->loop, &flow->pause);
}

static void stall(struct flow *flow)
{
    /* Without cuts left to spend, an endless stall would have no end. */
    bool may_cut = flow->counters->cuts < flow->plan->max_cuts;
    flow->endless = may_cut && dice_percent(&flow->schedule.dice, flow->plan->endless_percent);
    flow->counters->stalls++;
    pause_for(flow, flow->endless ? flow->plan->endless_ms : flow->plan->stall_ms);
}

static void begin_trickle(struct flow *flow)
{
    flow->counters->trickles++;
    flow->trickle_left = 1 + dice_distance(&flow->schedule.dice, flow->plan->trickle_bytes);
}

static void corrupt(struct flow *flow)
{
    assert(flow->count > 0);
    flow->counters->corruptions++;
    flow->buffer[flow->start] ^= (uint8_t)(1 + dice_below(&flow->schedule.dice, 255));
}

/* Lets the fault that is due happen.  STEP_AGAIN: nothing stands in the way of the next bytes. */
static enum step misbehave(struct flow *flow, enum fault fault)
{
    switch (fault) {
    case FAULT_CUT: return flow->counters->cuts < flow->plan->max_cuts ? STEP_CUT : STEP_AGAIN;
    case FAULT_STALL: stall(flow); return STEP_WAIT_TIME;
    case FAULT_TRICKLE: begin_trickle(flow); return STEP_AGAIN;
    case FAULT_CORRUPT: corrupt(flow); return STEP_AGAIN;
    case FAULT_NONE: break;
    }
    return STEP_AGAIN;
}

static void passed(struct flow *flow, size_t bytes)
{
    schedule_passed(&flow->schedule, bytes);
    flow->counters->bytes[flow->way] += bytes;
    flow->count -= bytes;
    flow->start = flow->count == 0 ? 0 : flow->start + bytes;
    if (flow->trickle_left > 0) {
        flow->trickle_left -= bytes;
        pause_for(flow, flow->plan->trickle_ms);
    }
}

static enum step send_some(struct flow *flow)
{
    uint64_t quiet = schedule_quiet(&flow->schedule);
    size_t size = flow->trickle_left > 0 ? 1 : flow->count;
    size = quiet < size ? (size_t)quiet : size;
    assert(size > 0); /* what was due has happened */
    ssize_t sent = send(flow->writable.fd, flow->buffer + flow->start, size, MSG_NOSIGNAL);
    if (sent < 0) {
        if (errno == EAGAIN || errno == EINTR)
            return STEP_WAIT_OUTPUT;
        return STEP_BROKEN;
    }
    passed(flow, (size_t)sent);
    return ev_is_active(&flow->pause) ? STEP_WAIT_TIME : STEP_AGAIN;
}

static enum step pump_once(struct flow *flow)
{
    if (flow->silent) {
        flow->start = flow->count = 0;
        return STEP_WAIT_INPUT;
    }
    if (ev_is_active(&flow->pause))
        return STEP_WAIT_TIME;
    enum fault fault = schedule_due(&flow->schedule, flow->count > 0);
    if (fault != FAULT_NONE)
        return misbehave(flow, fault);
    return flow->count > 0 ? send_some(flow) : STEP_WAIT_INPUT;
}

static void watch(struct flow *flow, ev_io *io, bool wanted)
{
    if (wanted)
        ev_io_start(flow->loop, io);
    else
        ev_io_stop(flow->loop, io);
}

/* Nothing is left to send: the sender's end goes on to the receiver. */
static bool pass_end_on(struct flow *flow)
{
    if (!flow->ended || flow->count > 0 || flow->done || ev_is_active(&flow->pause))
        return false;
    flow->done = true;
    bool broken = flow->failed || (!flow->silent && shutdown(flow->writable.fd, SHUT_WR) < 0);
    flow->event(flow, broken ? FLOW_BROKEN : FLOW_FINISHED, flow->user);
    return true;
}

static void pump(struct flow *flow)
{
    enum step step;
    do
        step = pump_once(flow);
    while (step == STEP_AGAIN);
    /* Back-pressure: a full buffer stops the reading, and TCP tells the sender. */
    watch(flow, &flow->readable, !flow->ended && flow->count < FLOW_BUFFER_BYTES);
    watch(flow, &flow->writable, step == STEP_WAIT_OUTPUT);
    if (step == STEP_CUT || step == STEP_BROKEN)
        flow->event(flow, step == STEP_CUT ? FLOW_CUT : FLOW_BROKEN, flow->user);
    else
        pass_end_on(flow);
}

static void on_readable(struct ev_loop *loop, ev_io *io, int events)
{
    (void)loop, (void)events;
    struct flow *flow = io->data;
    if (flow->start > 0) {
        memmove(flow->buffer, flow->buffer + flow->start, flow->count);
        flow->start = 0;
    }
    ssize_t got = recv(io->fd, flow->buffer + flow->count, FLOW_BUFFER_BYTES - flow->count, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    flow->failed = got < 0;
    flow->ended = got <= 0;
    flow->count += got > 0 ? (size_t)got : 0;
    pump(flow);
}

static void on_writable(struct ev_loop *loop, ev_io *io, int events)
{
    (void)loop, (void)events;
    pump(io->data);
}

static void on_pause_over(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop, (void)events;
    struct flow *flow = timer->data;
    if (flow->endless)
        flow->event(flow, FLOW_CUT, flow->user);
    else
        pump(flow);
}

void flow_init(struct flow *flow, enum way way, int from, int to, uint64_t stream, flow_event_fn *event,
               void *user)
{
    static const uint64_t never[FAULT_COUNT];
    const struct plan *plan = flow->plan;
    flow->way = way;
    flow->event = event;
    flow->user = user;
    schedule_init(&flow->schedule, plan->faulty[way] ? plan->mean : never, plan->seed, stream);
    ev_io_init(&flow->readable, on_readable, from, EV_READ);
    ev_io_init(&flow->writable, on_writable, to, EV_WRITE);
    ev_timer_init(&flow->pause, on_pause_over, 0., 0.);
    flow->readable.data = flow->writable.data = flow->pause.data = flow;
}

void flow_start(struct flow *flow)
{
    ev_io_start(flow->loop, &flow->readable);
}

void flow_stop(struct flow *flow)
{
    ev_io_stop(flow->loop, &flow->readable);
    ev_io_stop(flow->loop, &flow->writable);
    ev_timer_stop(flow->loop, &flow->pause);
}

void flow_silence(struct flow *flow)
{
    flow->silent = true;
    flow->start = flow->count = 0;
    ev_timer_stop(flow->loop, &flow->pause);
    watch(flow, &flow->readable, !flow->ended);
    watch(flow, &flow->writable, false);
}
