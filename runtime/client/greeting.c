/* WELCOME and REFUSE.
 *
 * Reads best next: greeting.h, core/handshake.h. */
#include "client/greeting.h"

#include <assert.h>

#include "core/units.h"

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
    channel->unsettled = RETRY_NO_VERDICT;
}

/* A verdict that broke off before everybody was judged by it still holds: a session that had forgotten what was written
 * may be resumed afterwards, but it has not come to know it. */
static enum retry_verdict with_unsettled(semel_channel *channel, enum retry_verdict verdict)
{
    static_assert(RETRY_RESUMED < RETRY_NEW && RETRY_NEW < RETRY_OTHER_DOMAIN, "the worse, the greater");
    if (channel->unsettled < verdict)
        channel->unsettled = verdict;
    return channel->unsettled;
}

void greeting_begin(semel_channel *channel, enum retry_verdict verdict, uint32_t window)
{
    channel->stats.connections++;
    channel->stats.resumed += verdict == RETRY_RESUMED;
    verdict = with_unsettled(channel, verdict);
    channel->outbox.window = window; /* what a recovery calls has to fit in */
    if (!recovery_begin(channel, verdict))
        greeting_settle(channel, verdict);
    state_changed(channel);
    if (channel->wire == NULL || channel->parting)
        return; /* a callback has begun to leave it */
    outbox_attach(&channel->outbox, &channel->wire->queue, window);
    channel_kick(channel);
}

void greeting_welcome(semel_channel *channel, const struct welcome *welcome, bool resumed, uint32_t told)
{
    struct wire *wire = channel->wire;
    bool back_resumes = serving_resumes(channel, welcome, resumed);
    enum retry_verdict verdict = judge(channel, welcome, resumed);
    node_log(channel->node, SEMEL_LOG_INFO, "channel %s: connected to %s, connection %llu, %s",
             channel->name != NULL ? channel->name : "-", channel->endpoint,
             (unsigned long long)welcome->connection,
             verdict == RETRY_RESUMED ? "resumed"
             : verdict == RETRY_NEW   ? "new session"
                                      : "new domain");
    wire_open(wire, welcome->nonce, welcome->frame_limit, welcome->heartbeat_ms * MS_IN_NS);
    remember(channel, welcome);
    serving_attach(channel, told, back_resumes);
    idle_begin(channel);
    greeting_begin(channel, verdict, welcome->window);
    serving_check(channel);
}

void greeting_refused(semel_channel *channel, struct wire *wire, const char *endpoint,
                      const struct frame *frame)
{
    enum semel_reason reason = (enum semel_reason)frame->aux;
    node_log(channel->node, SEMEL_LOG_WARNING, "channel %s: refused by %s: %s (%s)",
             channel->name != NULL ? channel->name : "-", endpoint, semel_reason_text(reason),
             semel_reason_advice(reason));
    wire_fail(wire, reason != SEMEL_REASON_NONE ? reason : SEMEL_REASON_BAD_FIELD, 0);
}
