/* A channel: what happens on its wire, and its end.
 *
 * Reads best next: channel.h, open.c for its beginning, greeting.h for WELCOME, call.c. */
#include "client/channel.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>

#include "client/answer.h"
#include "client/back.h"
#include "client/datagram.h"
#include "client/flush.h"
#include "client/greeting.h"
#include "config/properties.h"
#include "core/units.h"

static_assert(offsetof(struct semel_channel, member) == 0, "semel_channel_serve looks at its membership");

/* ---- calls on their way ---- */

/* A connection is wanted at due_ns. */
static void want(semel_channel *channel, int64_t due_ns)
{
    if (channel->back != NULL)
        back_want(channel->back, due_ns);
    else
        reconnector_want(&channel->reconnector, due_ns);
}

void channel_kick(semel_channel *channel)
{
    if (channel->datagrams != NULL) {
        datagrams_kick(channel->datagrams);
        return;
    }
    if (channel->outbox.queue == NULL) {
        idle_over(channel);
        want(channel, node_now(channel->node));
        return;
    }
    outbox_fill(&channel->outbox);
    if (channel->wire->queue.head != NULL)
        wire_flush_later(channel->wire);
}

/* The next round begins when the first of the waiting calls may try. */
static void schedule(semel_channel *channel)
{
    int64_t first_ns = INT64_MAX;
    for (struct outbox_call *slot = outbox_from(&channel->outbox, 0); slot != NULL;
         slot = outbox_from(&channel->outbox, slot->seq + 1)) {
        const struct call *call = (struct call *)slot;
        if ((slot->state == OUTBOX_READY || slot->state == OUTBOX_HELD) && call->retry_at_ns < first_ns)
            first_ns = call->retry_at_ns;
    }
    if (first_ns != INT64_MAX)
        want(channel, first_ns);
}

bool channel_wants_verdict(const semel_channel *channel)
{
    for (struct outbox_call *slot = outbox_from(&channel->outbox, 0); slot != NULL;
         slot = outbox_from(&channel->outbox, slot->seq + 1))
        if (slot->exposed && !call_is_idempotent((struct call *)slot))
            return true;
    return false;
}

void channel_each_call(semel_channel *channel, void (*fn)(struct call *call, const void *arg), const void *arg)
{
    uint64_t end = channel->outbox.next;
    for (struct outbox_call *slot = outbox_from(&channel->outbox, 0); slot != NULL && slot->seq < end;) {
        uint64_t seq = slot->seq;
        fn((struct call *)slot, arg);
        slot = outbox_from(&channel->outbox, seq + 1);
    }
}

static void fail_waiting(struct call *call, const void *failure)
{
    bool waits = call->slot.state == OUTBOX_READY || call->slot.state == OUTBOX_HELD;
    if (waits && call->retry_at_ns <= node_now(call->channel->node)) {
        call->endpoint = ((const struct channel_round *)failure)->endpoint;
        call_failed(call, &((const struct channel_round *)failure)->failure);
    }
}

void channel_fail_waiting(semel_channel *channel, const struct channel_round *round)
{
    channel_each_call(channel, fail_waiting, round);
}

void channel_round_failed(semel_channel *channel, enum semel_reason reason, int os_error, const char *endpoint)
{
    const struct channel_round round = {
        .failure = {.failure = RETRY_CONNECT_FAILED, .reason = reason, .os_error = os_error},
        .endpoint = endpoint};
    channel_fail_waiting(channel, &round);
    schedule(channel);
}

static void fail_on_connection(struct call *call, const void *failure)
{
    if (call->slot.state == OUTBOX_QUEUED || call->slot.state == OUTBOX_WRITTEN)
        call_failed(call, failure);
}

/* ---- what the wire tells ---- */

static void drop_wire(semel_channel *channel)
{
    outbox_attach(&channel->outbox, NULL, 0);
    if (channel->back == NULL)
        wire_destroy(channel->wire); /* otherwise it is the session's */
    channel->wire = NULL;
    channel->connection = 0;
    channel->parting = false;
    channel->idling = false;
    channel->left = false;
}

void channel_lost(semel_channel *channel, enum semel_reason reason, int os_error)
{
    bool parted = channel->parting;
    bool idled = channel->idling;
    enum semel_reason happened = reason;
    if (parted)
        reason = idled ? SEMEL_REASON_IDLE : SEMEL_REASON_DRAINED;
    channel->stats.closed_by[reason]++;
    node_log(channel->node, SEMEL_LOG_INFO, "channel %s: lost %s: %s",
             channel->name != NULL ? channel->name : "-", channel->endpoint, semel_reason_text(reason));
    const struct channel_round round = {
        .failure = {.failure = RETRY_CONNECTION_LOST, .reason = reason, .os_error = os_error},
        .endpoint = channel->endpoint};
    state_note_error(channel, reason, os_error, channel->endpoint);
    bool recovering = recovery_cut(channel);
    drop_wire(channel);
    state_changed(channel);
    serving_detach(channel, reason, os_error);
    if (idled)
        reconnector_left(&channel->reconnector);
    else if (channel->back == NULL)
        reconnector_lost(&channel->reconnector, parted, happened, os_error);
    channel_each_call(channel, fail_on_connection, &round.failure);
    if (recovering)
        recovery_lost(channel, &round);
    schedule(channel);
    reconnector_tend(&channel->reconnector);
}

static void on_lost(struct wire *wire, enum semel_reason reason, int os_error)
{
    channel_lost(wire->owner, reason, os_error);
}

static void unqueue(struct call *call, const void *unused)
{
    (void)unused;
    if (call->slot.state != OUTBOX_QUEUED || !outbox_unqueue(&call->channel->outbox, &call->slot))
        return;
    if (!call->cancel_asked)
        loop_timer_stop(channel_loop(call->channel), &call->retry); /* that attempt never began */
    outbox_set(&call->channel->outbox, &call->slot, call->slot.exposed ? OUTBOX_HELD : OUTBOX_READY);
}

void channel_stop(semel_channel *channel)
{
    channel_each_call(channel, unqueue, NULL);
    outbox_attach(&channel->outbox, NULL, 0);
    channel->parting = true;
    state_changed(channel);
}

void channel_part(semel_channel *channel)
{
    if (channel->connection == 0 || !link_may_send(&channel->wire->link, FRAME_BYE))
        return; /* parting already */
    channel_stop(channel);
    const struct frame bye = {.type = FRAME_BYE};
    if (!wire_send_control(channel->wire, &bye, WIRE_ORDER_LAST, NULL))
        wire_fail(channel->wire, SEMEL_REASON_NO_MEMORY, 0);
}

bool channel_is_in_use(const semel_channel *channel)
{
    for (const struct outbox_call *slot = outbox_from(&channel->outbox, 0); slot != NULL;
         slot = outbox_from(&channel->outbox, slot->seq + 1))
        if (slot->state == OUTBOX_QUEUED || slot->state == OUTBOX_WRITTEN)
            return true;
    return false;
}

/* A connection that was left is closed once no call is on it.  Calls back that run are not waited for: one of them may
 * be what holds the server up, and what they reply is kept for the next connection. */
static void settle(semel_channel *channel)
{
    if (channel->left && !channel_is_in_use(channel))
        wire_close_when_sent(channel->wire, SEMEL_REASON_DRAINED);
}

void channel_leave(semel_channel *channel, struct call *call)
{
    /* What is half written is the next attempt already: "cancelled" would be its answer, and the end of the call. */
    if (call->slot.state != OUTBOX_QUEUED)
        channel_send_cancel(channel, call);
    call->cancel_sent = false; /* later attempts may be cancelled in their turn */
    channel_part(channel);
    channel->left = channel->parting;
    settle(channel);
}

void channel_reply(semel_channel *channel, const struct frame *frame)
{
    struct outbox_call *slot = outbox_find(&channel->outbox, frame->seq);
    bool makes_sense;
    if (slot != NULL)
        makes_sense = answer_arrived((struct call *)slot, frame);
    else /* to a call that ended before its answer: fine, if it ever was one */
        makes_sense = frame->seq != 0 && frame->seq < channel->outbox.next;
    if (!makes_sense)
        wire_fail(channel->wire, SEMEL_REASON_BAD_FIELD, 0);
    else
        settle(channel);
}

void channel_receipt(semel_channel *channel, const struct frame *frame)
{
    enum semel_reason bad = answer_receipt(channel, frame);
    if (bad != SEMEL_REASON_NONE)
        wire_fail(channel->wire, bad, 0);
    else
        settle(channel);
}

static void on_frame(struct wire *wire, const struct frame *frame)
{
    semel_channel *channel = wire->owner;
    switch (frame->type) {
    case FRAME_REFUSE: greeting_refused(channel, wire, channel->endpoint, frame); break;
    case FRAME_REPLY: channel_reply(channel, frame); break;
    case FRAME_RECEIPT: channel_receipt(channel, frame); break;
    case FRAME_GOAWAY: channel_part(channel); break;
    case FRAME_REQUEST:
    case FRAME_CANCEL: serving_frame(channel, frame); break;
    default: /* PING and PONG are the wire's, but for the ack floor of calls back */
        serving_frame(channel, frame);
        break;
    }
}

static void on_sent(struct wire *wire, struct outgoing *out)
{
    if (serving_owns(out)) {
        serving_sent(wire->owner, out);
        return;
    }
    wire_await(wire);
    call_sent(call_of(out));
}

static void on_writing(struct wire *wire)
{
    serving_writing(wire->owner);
}

static bool on_awaits(struct wire *wire)
{
    const semel_channel *channel = wire->owner;
    return channel->outbox.count > 0;
}

static void on_dropped(struct wire *wire, struct outgoing *out)
{
    (void)wire;
    if (serving_owns(out))
        reply_settle(reply_of(out)); /* what is not kept is not wanted any more */
    else
        call_dropped(call_of(out));
}

static void on_stamp(struct wire *wire, struct outgoing *out)
{
    if (!serving_owns(out))
        channel_stamp(wire->owner, out);
}

void channel_stamp(semel_channel *channel, struct outgoing *out)
{
    const struct outbox *outbox = &channel->outbox;
    if (!wire_is_control(out)) {
        call_stamp(call_of(out));
        return;
    }
    if (frame_type_of(out->bytes) != FRAME_CANCEL)
        frame_stamp_seq(out->bytes, outbox->next);
    frame_stamp(out->bytes, outbox_behind(outbox, frame_seq_of(out->bytes)), 0);
}

static const struct wire_events events = {
    .frame = on_frame,
    .writing = on_writing,
    .lost = on_lost,
    .sent = on_sent,
    .dropped = on_dropped,
    .stamp = on_stamp,
    .awaits = on_awaits,
};

void channel_take_wire(semel_channel *channel, struct wire *wire, const char *endpoint)
{
    assert(channel->wire == NULL);
    channel->wire = wire;
    channel->endpoint = endpoint;
    wire_hand_over(wire, &events, channel);
}

void channel_send_cancel(semel_channel *channel, struct call *call)
{
    if (channel->connection == 0 || call->cancel_sent || !link_may_send(&channel->wire->link, FRAME_CANCEL))
        return;
    const struct frame cancel = {.type = FRAME_CANCEL, .seq = call->slot.seq, .method = call->method->id};
    call->cancel_sent = wire_send_control(channel->wire, &cancel, WIRE_ORDER_FIRST, NULL);
}

/* ---- the end of a call ---- */

void channel_call_ended(semel_channel *channel)
{
    if (channel->outbox.queue != NULL)
        channel_kick(channel);
    settle(channel);
    if (channel->back != NULL)
        back_settle(channel->back);
    if (channel->outbox.count > 0)
        return;
    idle_begin(channel);
    if (channel->flushes != NULL)
        flush_end(channel);
}

/* ---- closing ---- */

static void end_closed(struct call *call, const void *unused)
{
    (void)unused;
    const struct call_failure failure = {.failure = RETRY_CANCELLED, .reason = SEMEL_REASON_CHANNEL_CLOSED};
    call_failed(call, &failure);
}

/* Tells the server that nothing will be asked again, so that it need not keep replies until the lease ends. */
static void say_bye(semel_channel *channel)
{
    const struct frame bye = {.type = FRAME_BYE};
    if (channel->connection != 0 && link_may_send(&channel->wire->link, FRAME_BYE) &&
        wire_send_control(channel->wire, &bye, WIRE_ORDER_LAST, NULL))
        wire_flush(channel->wire);
}

void channel_free(semel_channel *channel)
{
    reconnector_fini(&channel->reconnector);
    recovery_fini(channel);
    outbox_fini(&channel->outbox);
    pool_fini(&channel->calls);
    channel_forget_policies(channel);
    free(channel->policies);
    policy_unref(channel->once_policy);
    pool_fini(&channel->own_policies);
    free(channel->reply_scratch);
    free(channel->name);
    free(channel);
}

static void close_now(void *arg);

static void close_beside(semel_channel *channel)
{
    for (size_t i = 0; channel->beside != NULL && i < channel->reconnector.endpoint_count; i++)
        if (channel->beside[i] != NULL)
            close_now(channel->beside[i]);
    free(channel->beside);
    channel->beside = NULL;
}

static void end_all(semel_channel *channel)
{
    channel->closing = true;
    recovery_stop(channel);
    channel_each_call(channel, end_closed, NULL);
    flush_end(channel);
}

/* The connection is the session's, and goes on. */
void channel_close_back(semel_channel *channel)
{
    end_all(channel);
    idle_stop(channel);
    state_close(channel);
    node_remove(channel->node, &channel->member);
    if (back_retire(channel->back))
        channel_free(channel);
}

static void close_dialled(semel_channel *channel)
{
    end_all(channel);
    serving_stop(channel);
    say_bye(channel);
    if (channel->wire != NULL)
        drop_wire(channel);
    idle_stop(channel);
    state_close(channel);
    close_beside(channel);
    datagrams_destroy(channel->datagrams);
    if (!channel->is_beside)
        node_remove(channel->node, &channel->member);
    channel_free(channel);
}

static void close_now(void *arg)
{
    semel_channel *channel = arg;
    if (channel->back != NULL) {
        back_close(channel->back);
        return;
    }
    assert(channel->callbacks == 0);
    close_dialled(channel);
}

void channel_on_node_closes(struct node_member *member)
{
    semel_channel *channel = container_of(member, struct semel_channel, member);
    if (channel->back != NULL)
        channel->back->references = 1; /* for all that opened it */
    close_now(channel);
}

void semel_channel_close(semel_channel *channel)
{
    if (channel != NULL)
        node_call(channel->node, close_now, channel);
}

static void wake_now(void *arg)
{
    semel_channel *channel = arg;
    if (channel->back == NULL) /* a client that is called back comes by itself */
        reconnector_wake(&channel->reconnector);
}

void semel_channel_wake(semel_channel *channel)
{
    node_call(channel->node, wake_now, channel);
}
