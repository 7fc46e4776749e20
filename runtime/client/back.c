/* A channel as the guest of a session.
 *
 * Reads best next: back.h, channel.c; server/peer.c, its host. */
#include "client/back.h"

#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/channel.h"
#include "client/greeting.h"
#include "net/status.h"

/* What trails tell of the endpoint of a call back. */
static const char endpoint_text[] = "the client's connection";

/* ---- waiting for the client ---- */

/* A round is this long: whoever was to come has not. */
static void on_round(struct timer *timer)
{
    const struct back *back = container_of(timer, struct back, round);
    channel_round_failed(back->channel, SEMEL_REASON_PEER_AWAY, 0, endpoint_text);
}

void back_want(struct back *back, int64_t due_ns)
{
    semel_channel *channel = back->channel;
    int64_t now_ns = node_now(channel->node);
    int64_t end_ns = (due_ns > now_ns ? due_ns : now_ns) + channel->connect_timeout_ns;
    if (channel->wire != NULL || back->ending || (timer_running(&back->round) && back->round.due_ns <= end_ns))
        return;
    /* Without memory for the timer calls wait to their deadlines. */
    (void)loop_timer_start(channel_loop(channel), &back->round, end_ns);
}

/* ---- calls that can not go out ---- */

enum semel_reason back_unfit(const struct back *back)
{
    if (back->lane == NULL)
        return SEMEL_REASON_PEER_GONE;
    bool refuses = back->lane->wire != NULL && back->lane->window == 0;
    return refuses ? SEMEL_REASON_NOT_SERVED : SEMEL_REASON_NONE;
}

static enum semel_code code_of(enum semel_reason reason)
{
    return reason == SEMEL_REASON_NOT_SERVED ? SEMEL_UNIMPLEMENTED : SEMEL_UNAVAILABLE;
}

enum semel_code back_refuse(const struct back *back, const struct semel_method *method,
                            semel_status *ret_status)
{
    enum semel_reason reason = back_unfit(back);
    return status_set(ret_status, code_of(reason), reason, "%s: %s", method->name, semel_reason_text(reason));
}

static void fail_unfit(struct call *call, const void *arg)
{
    enum semel_reason reason = *(const enum semel_reason *)arg;
    const struct call_failure failure = {.failure = RETRY_PROTOCOL, .reason = reason, .code = code_of(reason)};
    call_failed(call, &failure);
}

static void fail_all(semel_channel *channel, enum semel_reason reason)
{
    channel_each_call(channel, fail_unfit, &reason);
}

static void judge_new(struct call *call, const void *unused)
{
    (void)unused;
    if (call->slot.state == OUTBOX_HELD)
        call_judge(call, RETRY_NEW);
}

/* Nobody will say what became of those that were written, and nobody is there to run the others. */
static void end_calls(struct back *back)
{
    loop_task_cancel(channel_loop(back->channel), &back->end);
    loop_timer_stop(channel_loop(back->channel), &back->round);
    back->ending = false;
    channel_each_call(back->channel, judge_new, NULL);
    fail_all(back->channel, SEMEL_REASON_PEER_GONE);
}

static void on_end(struct loop_task *task)
{
    end_calls(container_of(task, struct back, end));
}

/* ---- what the lane tells ---- */

static void on_attached(struct lane *lane, bool resumed)
{
    semel_channel *channel = lane->user;
    struct back *back = channel->back;
    if (back->ending)
        end_calls(back);
    loop_timer_stop(channel_loop(channel), &back->round);
    channel->wire = lane->wire;
    channel->connection = lane->connection;
    channel->endpoint = endpoint_text;
    enum retry_verdict verdict = resumed ? RETRY_RESUMED : RETRY_NEW;
    if (lane->window > 0) {
        greeting_begin(channel, verdict, lane->window);
        return;
    }
    channel->stats.connections++;
    greeting_settle(channel, verdict);
    fail_all(channel, SEMEL_REASON_NOT_SERVED);
}

static void on_detached(struct lane *lane, enum semel_reason reason, int os_error)
{
    channel_lost(lane->user, reason, os_error);
}

static void on_frame(struct lane *lane, const struct frame *frame)
{
    if (frame->type == FRAME_RECEIPT)
        channel_receipt(lane->user, frame);
    else
        channel_reply(lane->user, frame);
}

static void on_sent(struct lane *lane, struct outgoing *out)
{
    (void)lane;
    call_sent(call_of(out));
}

static void on_dropped(struct lane *lane, struct outgoing *out)
{
    (void)lane;
    call_dropped(call_of(out));
}

static void on_stamp(struct lane *lane, struct outgoing *out)
{
    channel_stamp(lane->user, out);
}

static bool on_part(struct lane *lane)
{
    channel_stop(lane->user);
    return channel_is_in_use(lane->user);
}

static void destroy(semel_channel *channel)
{
    struct back *back = channel->back;
    channel_free(channel);
    free(back);
}

static void on_ended(struct lane *lane, bool gone)
{
    semel_channel *channel = lane->user;
    struct back *back = channel->back;
    if (gone)
        back->lane = NULL;
    if (back->references == 0 && channel->closing) {
        if (gone)
            destroy(channel);
        return;
    }
    back->ending = true;
    loop_later(channel_loop(channel), &back->end);
}

static const struct lane_guest guest = {
    .attached = on_attached,
    .detached = on_detached,
    .frame = on_frame,
    .sent = on_sent,
    .dropped = on_dropped,
    .stamp = on_stamp,
    .part = on_part,
    .ended = on_ended,
};

/* ---- calls ---- */

void back_settle(struct back *back)
{
    if (back->lane != NULL && back->lane->host->settle != NULL)
        back->lane->host->settle(back->lane);
}

/* ---- opening and closing ---- */

static void on_close(struct loop_task *task)
{
    channel_close_back(container_of(task, struct back, close)->channel);
}

void back_close(struct back *back)
{
    if (back->channel->closing && back->channel->callbacks > 0)
        return; /* its node has closed it for all that opened it, and a callback of its calls closes it, too */
    assert(back->references > 0);
    if (--back->references > 0)
        return;
    if (back->channel->callbacks > 0)
        loop_later(channel_loop(back->channel), &back->close);
    else
        channel_close_back(back->channel);
}

bool back_retire(struct back *back)
{
    loop_task_cancel(channel_loop(back->channel), &back->end);
    loop_task_cancel(channel_loop(back->channel), &back->close);
    loop_timer_stop(channel_loop(back->channel), &back->round);
    back->ending = false;
    if (back->lane != NULL)
        return false;
    back->channel->back = NULL;
    free(back);
    return true;
}

/* The place of an address that the channel does not have. */
static struct endpoint *no_endpoint(void)
{
    struct endpoint *endpoint = calloc(1, sizeof *endpoint);
    if (endpoint != NULL)
        snprintf(endpoint->text, sizeof endpoint->text, "%s", endpoint_text);
    return endpoint;
}

static semel_channel *create(struct lane *lane, const char *name)
{
    struct back *back = calloc(1, sizeof *back);
    struct endpoint *endpoint = no_endpoint();
    semel_channel *channel = back != NULL && endpoint != NULL ? channel_create(lane->node, name, endpoint, 1)
                                                              : NULL;
    if (channel == NULL) {
        free(endpoint);
        free(back);
        return NULL;
    }
    back->lane = lane;
    back->channel = channel;
    loop_task_init(&back->end, on_end);
    loop_task_init(&back->close, on_close);
    timer_init(&back->round, on_round);
    channel->back = back;
    channel->stays = 1;          /* the connection is not its to leave */
    channel->member.lane = NULL; /* it serves nobody: the other way is the session's own */
    return channel;
}

static bool is_called(const semel_channel *channel, const char *name)
{
    if (channel->name == NULL || name == NULL)
        return channel->name == name;
    return strcmp(channel->name, name) == 0;
}

struct opening {
    semel_node *node;
    const char *name;
    struct lane *lane;
    semel_channel *channel;
    enum semel_code code;
};

/* The one that is there already, in use or left by its last user. */
static enum semel_code open_again(semel_channel *channel, const char *name)
{
    struct back *back = channel->back;
    if (channel->closing && channel->callbacks > 0)
        return SEMEL_FAILED_PRECONDITION; /* it is being closed just now, and tells its last calls so */
    if (channel->closing && !channel_revive(channel, name))
        return SEMEL_RESOURCE_EXHAUSTED;
    if (!is_called(channel, name))
        return SEMEL_ALREADY_EXISTS;
    loop_task_cancel(channel_loop(channel), &back->close); /* closed by all, but for this one */
    back->references++;
    return SEMEL_OK;
}

static enum semel_code open_channel(struct opening *opening)
{
    struct lane *lane = opening->lane;
    if (lane->guest != NULL) {
        opening->channel = lane->user;
        return open_again(opening->channel, opening->name);
    }
    opening->channel = create(lane, opening->name);
    if (opening->channel == NULL)
        return SEMEL_RESOURCE_EXHAUSTED;
    opening->channel->back->references = 1;
    node_add(lane->node, &opening->channel->member);
    lane_enter(lane, &guest, opening->channel);
    return SEMEL_OK;
}

enum semel_code semel_channel_open_peer(semel_node *node, const char *name, semel_peer *peer,
                                        semel_channel **ret_channel, semel_status *ret_status)
{
    struct opening opening = {.node = node, .name = name, .lane = &peer->lane};
    if (!channel_may_be_called(name))
        return status_set(ret_status, SEMEL_INVALID_ARGUMENT, SEMEL_REASON_BAD_ARGUMENT,
                          "channel name '%s': letters, digits, '_' and '-' only", name);
    if (node != peer->lane.node)
        return status_set(ret_status, SEMEL_INVALID_ARGUMENT, SEMEL_REASON_BAD_ARGUMENT,
                          "the client to call back is one of another node");
    if (!node_is_inside(node))
        return status_set(ret_status, SEMEL_FAILED_PRECONDITION, SEMEL_REASON_WRONG_THREAD,
                          "the client to call back is known inside a handler only");
    enum semel_code code = open_channel(&opening);
    if (code == SEMEL_ALREADY_EXISTS)
        return status_set(ret_status, code, SEMEL_REASON_BAD_ARGUMENT,
                          "the channel back to this client is open under another name: '%s'",
                          opening.channel->name != NULL ? opening.channel->name : "");
    if (code == SEMEL_FAILED_PRECONDITION)
        return status_set(ret_status, code, SEMEL_REASON_CHANNEL_CLOSED,
                          "the channel back to this client is being closed");
    if (code != SEMEL_OK)
        return status_set(ret_status, code, SEMEL_REASON_NO_MEMORY, "out of memory");
    *ret_channel = opening.channel;
    return SEMEL_OK;
}
