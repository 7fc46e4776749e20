/* A channel: opening, closing, and what happens on its wire.
 *
 * Reads best next: channel.h, greeting.h for HELLO and WELCOME, call.c. */
#include "client/channel.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "client/answer.h"
#include "client/back.h"
#include "client/datagram.h"
#include "client/flush.h"
#include "client/greeting.h"
#include "client/stub.h"
#include "config/properties.h"
#include "core/units.h"
#include "net/random.h"
#include "net/status.h"

static_assert(offsetof(struct semel_channel, member) == 0, "semel_channel_serve looks at its membership");

/* Calls kept for the next ones; a peak beyond it goes back to the allocator. */
enum { SPARE_CALLS = 4096 };

/* ---- calls on their way ---- */

/* A connection is wanted at due_ns. */
static void want(semel_channel *channel, int64_t due_ns)
{
    if (channel->back != NULL)
        back_want(channel->back, due_ns);
    else
        reconnector_want(&channel->reconnector, due_ns);
}

void channel_keep(semel_channel *channel)
{
    if (serving_is_on(&channel->serving))
        want(channel, node_now(channel->node) + serving_wait_ns(channel));
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
    channel_keep(channel);
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
    if (parted)
        reason = idled ? SEMEL_REASON_IDLE : SEMEL_REASON_DRAINED;
    channel->stats.closed_by[reason]++;
    node_log(channel->node, SEMEL_LOG_INFO, "channel %s: lost %s: %s",
             channel->name != NULL ? channel->name : "-", channel->endpoint, semel_reason_text(reason));
    const struct channel_round round = {
        .failure = {.failure = RETRY_CONNECTION_LOST, .reason = reason, .os_error = os_error},
        .endpoint = channel->endpoint};
    bool recovering = recovery_cut(channel);
    drop_wire(channel);
    serving_detach(channel, reason, os_error);
    if (idled)
        reconnector_left(&channel->reconnector);
    else if (channel->back == NULL)
        reconnector_lost(&channel->reconnector, parted);
    channel_each_call(channel, fail_on_connection, &round.failure);
    if (recovering)
        recovery_lost(channel, &round);
    schedule(channel);
    channel_keep(channel);
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

void channel_take_wire(semel_channel *channel, struct wire *wire, const struct endpoint *endpoint)
{
    assert(channel->wire == NULL);
    channel->wire = wire;
    channel->endpoint = endpoint->text;
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

/* ---- opening and closing ---- */

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

static void on_node_closes(struct node_member *member)
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

static void read_properties(semel_channel *channel)
{
    const semel_properties *properties = channel->node->properties;
    const struct properties_scope scope = {.channel = channel->name};
    channel->idle.timeout_ns = properties_get_int(properties, &scope, PROPERTIES_IDLE_TIMEOUT) * MS_IN_NS;
    channel->heartbeat_ms = properties_get_int(properties, &scope, PROPERTIES_HEARTBEAT);
    channel->frame_limit = properties_get_int(properties, &scope, PROPERTIES_FRAME_LIMIT);
    channel->connect_timeout_ns = properties_get_int(properties, &scope, PROPERTIES_CONNECT_TIMEOUT) * MS_IN_NS;
    channel->slow_ns = properties_get_int(properties, &scope, PROPERTIES_SLOW_READER_TIMEOUT) * MS_IN_NS;
    channel->trace_retry = properties_get_int(properties, &scope, PROPERTIES_TRACE_RETRY);
    channel->policy_generation = properties_generation(properties);
    budget_init(&channel->budget,
                (uint32_t)properties_get_int(properties, &scope, PROPERTIES_RETRY_BUDGET_PERCENT),
                (uint32_t)properties_get_int(properties, &scope, PROPERTIES_RETRY_BUDGET_FLOOR),
                node_now(channel->node));
}

static void open_outbox(semel_channel *channel)
{
    const struct properties_scope scope = {.channel = channel->name};
    outbox_init(&channel->outbox,
                (uint64_t)properties_get_int(channel->node->properties, &scope, PROPERTIES_MAX_OUTSTANDING));
}

static bool open_reconnector(semel_channel *channel, struct endpoint *endpoints, size_t count)
{
    const semel_properties *properties = channel->node->properties;
    const struct properties_scope scope = {.channel = channel->name};
    bool random = properties_get_int(properties, &scope, PROPERTIES_ENDPOINT_SELECTION) ==
                  PROPERTIES_SELECTION_RANDOM;
    struct breaker breaker;
    breaker_init(&breaker, (uint32_t)properties_get_int(properties, &scope, PROPERTIES_BREAKER_FAILURES),
                 (uint32_t)properties_get_int(properties, &scope, PROPERTIES_BREAKER_OPEN_TIME));
    return reconnector_init(&channel->reconnector, channel, endpoints, count, random, &breaker);
}

static bool open_datagrams(semel_channel *channel, const struct endpoint *endpoints, size_t count)
{
    if (endpoints->transport == NULL || endpoints->transport->datagrams == NULL)
        return true; /* streams, or another's connection */
    channel->datagrams = datagrams_create(channel, endpoints, count);
    return channel->datagrams != NULL;
}

semel_channel *channel_create(semel_node *node, const char *name, struct endpoint *endpoints, size_t count)
{
    semel_channel *channel = calloc(1, sizeof *channel);
    if (channel == NULL)
        return NULL;
    channel->node = node;
    channel->name = name != NULL ? strdup(name) : NULL;
    channel->member.close = on_node_closes;
    channel->session = random_id();
    if ((name != NULL && channel->name == NULL) || !open_datagrams(channel, endpoints, count) ||
        !open_reconnector(channel, endpoints, count)) {
        datagrams_destroy(channel->datagrams);
        free(channel->name);
        free(channel);
        return NULL;
    }
    read_properties(channel);
    if (channel->datagrams != NULL)
        channel->frame_limit = LIMIT_DATAGRAM;
    open_outbox(channel);
    idle_init(channel);
    recovery_init(channel);
    serving_init(channel);
    pool_init(&channel->calls, sizeof(struct call), SPARE_CALLS);
    pool_init(&channel->own_policies, sizeof(struct policy), SPARE_CALLS);
    return channel;
}

bool channel_revive(semel_channel *channel, const char *name)
{
    char *copy = name != NULL ? strdup(name) : NULL;
    if (name != NULL && copy == NULL)
        return false;
    free(channel->name);
    channel->name = copy;
    channel->closing = false;
    channel->loss = NULL;
    channel->stats = (struct semel_channel_stats){0};
    channel_forget_policies(channel);
    read_properties(channel);
    node_add(channel->node, &channel->member);
    return true;
}

struct opening {
    semel_node *node;
    const char *name;
    struct endpoint *endpoints;
    size_t endpoint_count;
    semel_channel *channel;
};

static void open_now(void *arg)
{
    struct opening *opening = arg;
    semel_channel *channel = channel_create(opening->node, opening->name, opening->endpoints,
                                            opening->endpoint_count);
    opening->channel = channel;
    if (channel == NULL)
        return;
    if (channel->datagrams == NULL) /* nobody calls back without a connection */
        channel->member.lane = &channel->serving.lane;
    node_add(opening->node, &channel->member);
}

bool channel_may_be_called(const char *name)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    if (name == NULL)
        return true;
    return name[0] != '\0' && name[strspn(name, allowed)] == '\0';
}

enum semel_code semel_channel_open(semel_node *node, const char *name, const char *endpoints,
                                   semel_channel **ret_channel, semel_status *ret_status)
{
    if (!channel_may_be_called(name))
        return status_set(ret_status, SEMEL_INVALID_ARGUMENT, SEMEL_REASON_BAD_ARGUMENT,
                          "channel name '%s': letters, digits, '_' and '-' only", name);
    struct opening opening = {.node = node, .name = name};
    /* Resolving may block: in the caller's thread, not the node's. */
    enum semel_code code = endpoint_resolve_list(endpoints, &opening.endpoints, &opening.endpoint_count,
                                                 ret_status);
    if (code == SEMEL_OK && !datagrams_allow(opening.endpoints, opening.endpoint_count, ret_status)) {
        free(opening.endpoints);
        code = SEMEL_INVALID_ARGUMENT;
    }
    if (code != SEMEL_OK)
        return code;
    node_call(node, open_now, &opening);
    if (opening.channel == NULL) {
        free(opening.endpoints);
        return status_set(ret_status, SEMEL_RESOURCE_EXHAUSTED, SEMEL_REASON_NO_MEMORY, "out of memory");
    }
    *ret_channel = opening.channel;
    return SEMEL_OK;
}
