/* HELLO, WELCOME, REFUSE.
 *
 * Reads best next: greeting.h, core/handshake.h. */
#include "client/greeting.h"

#include <string.h>

#include "core/units.h"

void greeting_hello(semel_channel *channel)
{
    struct wire *wire = channel->wire;
    struct hello hello = {
        .version = HANDSHAKE_VERSION,
        .session = channel->session,
        .attempt = ++channel->attempt,
        .nonce = wire->link.seed_in, /* what the answer is to be checked under */
        .last_domain = channel->last_domain,
        .last_incarnation = channel->last_incarnation,
        .last_connection = channel->last_connection,
        .floor = channel->outbox.floor,
        .heartbeat_ms = (uint32_t)channel->heartbeat_ms,
        .frame_limit = (uint32_t)channel->frame_limit,
        .node_instance = channel->node->instance,
        .name_size = (uint16_t)strlen(channel->node->name),
    };
    memcpy(hello.name, channel->node->name, hello.name_size);
    uint8_t body[HANDSHAKE_HELLO_SIZE + LIMIT_NODE_NAME];
    const struct frame frame = {.type = FRAME_HELLO, .body = body, .body_size = hello_write(body, &hello)};
    const uint64_t seed = HANDSHAKE_MAGIC;
    if (!wire_send_control(wire, &frame, WIRE_ORDER_FIRST, &seed))
        wire_fail(wire, SEMEL_REASON_NO_MEMORY, 0);
}

static enum retry_verdict judge(const semel_channel *channel, const struct welcome *welcome, bool resumed)
{
    if (!id_equal(&channel->last_domain, &welcome->domain))
        return RETRY_OTHER_DOMAIN;
    return resumed ? RETRY_RESUMED : RETRY_NEW;
}

static void remember(semel_channel *channel, const struct welcome *welcome)
{
    channel->last_domain = welcome->domain;
    channel->last_incarnation = welcome->incarnation;
    channel->last_connection = welcome->connection;
    channel->connection = welcome->connection;
}

static void settle(struct call *call, const void *verdict)
{
    const semel_channel *channel = call->channel;
    uint64_t seq = call->slot.seq;
    if (call->slot.state == OUTBOX_HELD)
        call_judge(call, *(const enum retry_verdict *)verdict);
    call = (struct call *)outbox_find(&channel->outbox, seq); /* the verdict may have ended it */
    /* Frames that this server does not take can never be sent to it. */
    if (call != NULL && call->slot.state == OUTBOX_READY && !channel_takes(channel, call->slot.out.size))
        call_too_large(call);
}

void greeting_settle(semel_channel *channel, enum retry_verdict verdict)
{
    channel_each_call(channel, settle, &verdict);
}

void greeting_welcome(semel_channel *channel, const struct frame *frame)
{
    struct wire *wire = channel->wire;
    struct welcome welcome;
    enum semel_reason reason = welcome_read(frame->body, frame->body_size, &welcome);
    if (reason == SEMEL_REASON_NONE &&
        (welcome.heartbeat_ms > channel->heartbeat_ms || welcome.frame_limit > channel->frame_limit))
        reason = SEMEL_REASON_BAD_FIELD;
    if (reason != SEMEL_REASON_NONE) {
        wire_fail(wire, reason, 0);
        return;
    }
    bool resumed = (frame->flags & FRAME_RESUMED) != 0;
    enum retry_verdict verdict = judge(channel, &welcome, resumed);
    node_log(channel->node, SEMEL_LOG_INFO, "channel %s: connected to %s, connection %llu, %s",
             channel->name != NULL ? channel->name : "-", channel->endpoint,
             (unsigned long long)welcome.connection,
             verdict == RETRY_RESUMED ? "resumed"
             : verdict == RETRY_NEW   ? "new session"
                                      : "new domain");
    wire_open(wire, welcome.nonce, welcome.frame_limit, welcome.heartbeat_ms * MS_IN_NS);
    remember(channel, &welcome);
    reconnector_connected(&channel->reconnector);
    channel->stats.connections++;
    channel->stats.resumed += verdict == RETRY_RESUMED;
    if (!recovery_begin(channel, verdict))
        greeting_settle(channel, verdict);
    outbox_attach(&channel->outbox, &wire->queue, welcome.window);
    channel_kick(channel);
}

void greeting_refused(semel_channel *channel, const struct frame *frame)
{
    enum semel_reason reason = (enum semel_reason)frame->aux;
    node_log(channel->node, SEMEL_LOG_WARNING, "channel %s: refused by %s: %s (%s)",
             channel->name != NULL ? channel->name : "-", channel->endpoint, semel_reason_text(reason),
             semel_reason_advice(reason));
    wire_fail(channel->wire, reason != SEMEL_REASON_NONE ? reason : SEMEL_REASON_BAD_FIELD, 0);
}
