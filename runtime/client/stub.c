/* Stubs: from a message to a call in the outbox, synchronous, asynchronous and oneway; and cancelling.
 *
 * Reads best next: call.c. */
#include "client/stub.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "client/back.h"
#include "client/channel.h"
#include "client/hedge.h"
#include "core/datagram.h"
#include "core/message.h"
#include "core/units.h"
#include "net/inherit.h"
#include "net/status.h"

/* ---- memory ---- */

void call_free(struct call *call)
{
    if (call->slot.out.bytes != call->small)
        free(call->slot.out.bytes);
    policy_unref(call->policy);
    free(call->trail);
    pool_give(&call->channel->calls, call);
}

/* ---- encoding ---- */

/* Encodes into the call itself, or, when that is too small, into memory of the right size. */
static enum semel_code encode(struct call *call, const void *in, semel_status *ret_status)
{
    const pb_msgdesc_t *fields = call->method->request_fields;
    const char *error = "";
    size_t size;
    call->slot.out.bytes = call->small;
    if (!message_encode(fields, in, call->small + FRAME_HEADER_SIZE, CALL_SMALL_BODY, &size, &error)) {
        if (!message_size(fields, in, &size, &error))
            return status_set(ret_status, SEMEL_INVALID_ARGUMENT, SEMEL_REASON_ENCODE_FAILED,
                              "%s: the request cannot be encoded: %s", call->method->name, error);
        if (size > (size_t)call->channel->frame_limit - FRAME_HEADER_SIZE)
            return status_set(ret_status, SEMEL_INVALID_ARGUMENT, SEMEL_REASON_TOO_LARGE,
                              "%s: a request of %zu bytes is over %s (%lld bytes with the header)",
                              call->method->name, size,
                              call->channel->datagrams != NULL ? "what a datagram holds" : "FrameLimit",
                              (long long)call->channel->frame_limit);
        uint8_t *bytes = malloc(FRAME_HEADER_SIZE + size);
        if (bytes == NULL)
            return status_set(ret_status, SEMEL_RESOURCE_EXHAUSTED, SEMEL_REASON_NO_MEMORY, "out of memory");
        call->slot.out.bytes = bytes;
        if (!message_encode(fields, in, bytes + FRAME_HEADER_SIZE, size, &size, &error))
            return status_set(ret_status, SEMEL_INVALID_ARGUMENT, SEMEL_REASON_ENCODE_FAILED,
                              "%s: the request cannot be encoded: %s", call->method->name, error);
    }
    call->slot.out.size = (uint32_t)(FRAME_HEADER_SIZE + size);
    if (!channel_takes(call->channel, call->slot.out.size))
        return status_set(ret_status, SEMEL_INVALID_ARGUMENT, SEMEL_REASON_TOO_LARGE,
                          "%s: a request of %zu bytes is over the server's FrameLimit", call->method->name,
                          size);
    return SEMEL_OK;
}

static void write_header(struct call *call)
{
    const struct semel_method *method = call->method;
    const uint8_t *body = call->slot.out.bytes + FRAME_HEADER_SIZE;
    size_t body_size = call->slot.out.size - FRAME_HEADER_SIZE;
    if (call->channel->datagrams != NULL) {
        datagram_write(call->slot.out.bytes, call->slot.seq, method->id, body_size);
        return;
    }
    const struct frame frame = {
        .type = FRAME_REQUEST,
        .flags = (uint8_t)((method->mode != SEMEL_AT_MOST_ONCE ? FRAME_IDEMPOTENT : 0) |
                           (method->oneway ? FRAME_ONEWAY : 0)),
        .seq = call->slot.seq,
        .method = method->id,
        .digest = frame_digest(method->id, body, body_size),
        .body_size = body_size,
    };
    frame_write(call->slot.out.bytes, &frame);
}

/* ---- time ---- */

static void on_deadline(struct timer *timer)
{
    struct call *call = container_of(timer, struct call, deadline);
    const struct call_failure failure = {.failure = RETRY_DEADLINE, .reason = SEMEL_REASON_DEADLINE};
    call_failed(call, &failure);
}

static void cancel_now(struct call *call)
{
    if (call->slot.state == OUTBOX_WRITTEN && call->channel->connection != 0) {
        channel_send_cancel(call->channel, call);
        return;
    }
    if (call->slot.state == OUTBOX_QUEUED && call->slot.out.taken > 0)
        return; /* half-written: the server is asked once the rest is out */
    const struct call_failure failure = {.failure = RETRY_CANCELLED, .reason = SEMEL_REASON_CANCELLED};
    call_failed(call, &failure);
}

/* The wait of a DELAYED call is over, an attempt takes too long, or a cancellation is to be carried out. */
static void on_retry(struct timer *timer)
{
    struct call *call = container_of(timer, struct call, retry);
    if (call->cancel_asked) {
        cancel_now(call);
        return;
    }
    if (call->slot.state != OUTBOX_DELAYED) {
        call_attempt_timed_out(call);
        return;
    }
    if (!channel_takes(call->channel, call->slot.out.size)) {
        call_too_large(call);
        return;
    }
    outbox_set(&call->channel->outbox, &call->slot, OUTBOX_READY);
    channel_kick(call->channel);
}

/* ---- starting ---- */

static void init(struct call *call, semel_channel *channel, const struct semel_method *method)
{
    memset(call, 0, offsetof(struct call, small));
    call->channel = channel;
    call->method = method;
    call->started_ns = node_now(channel->node);
    call->retry_at_ns = call->started_ns;
    call->sent_ns = -1;
    timer_init(&call->deadline, on_deadline);
    timer_init(&call->retry, on_retry);
}

static enum semel_code set_policy(struct call *call, const semel_call_options *options,
                                  semel_status *ret_status)
{
    semel_channel *channel = call->channel;
    enum semel_reason reason = SEMEL_REASON_NO_MEMORY;
    const char *message = "out of memory";
    struct policy *policy = channel_policy(channel, call->method);
    if (policy != NULL && options != NULL)
        call->policy = policy_override(policy, call->method, options, &channel->own_policies, &reason,
                                       &message);
    else if (policy != NULL)
        call->policy = policy_ref(policy);
    if (call->policy != NULL)
        return SEMEL_OK;
    return status_set(ret_status,
                      reason == SEMEL_REASON_NO_MEMORY ? SEMEL_RESOURCE_EXHAUSTED : SEMEL_INVALID_ARGUMENT,
                      reason, "%s", message);
}

/* Whoever is being served by a deadline does not wait longer for others. */
static void set_deadline(struct call *call, int64_t inherited_ns)
{
    if (call->policy->deadline_ns != 0)
        call->deadline_ns = call->started_ns + call->policy->deadline_ns;
    if (inherited_ns != 0 && (call->deadline_ns == 0 || inherited_ns < call->deadline_ns))
        call->deadline_ns = inherited_ns;
}

static enum semel_code add_to_outbox(struct call *call, semel_status *ret_status)
{
    semel_channel *channel = call->channel;
    /* A call that could not end at its deadline must not begin. */
    if (call->deadline_ns != 0 && !loop_timer_start(channel_loop(channel), &call->deadline, call->deadline_ns))
        return status_set(ret_status, SEMEL_RESOURCE_EXHAUSTED, SEMEL_REASON_NO_MEMORY, "out of memory");
    enum outbox_add_result added = outbox_add(&channel->outbox, &call->slot);
    if (added == OUTBOX_ADDED)
        return SEMEL_OK;
    loop_timer_stop(channel_loop(channel), &call->deadline);
    if (added == OUTBOX_NO_MEMORY)
        return status_set(ret_status, SEMEL_RESOURCE_EXHAUSTED, SEMEL_REASON_NO_MEMORY, "out of memory");
    if (added == OUTBOX_SHUT_OUT)
        return status_set(ret_status, SEMEL_RESOURCE_EXHAUSTED, SEMEL_REASON_TOO_MANY_CALLS,
                          "the calls that wait for this recovery fill the server's window (%u)",
                          channel->outbox.window);
    return status_set(ret_status, SEMEL_RESOURCE_EXHAUSTED, SEMEL_REASON_TOO_MANY_CALLS,
                      "%llu calls are outstanding (MaxOutstanding)", (unsigned long long)channel->outbox.limit);
}

/* What all stubs share.  On failure nothing has happened. */
static enum semel_code start(semel_channel *channel, const struct semel_method *method, const void *in,
                             const semel_call_options *options, int64_t inherited_ns, struct call **ret_call,
                             semel_status *ret_status)
{
    if (channel->closing)
        return status_set(ret_status, SEMEL_UNAVAILABLE, SEMEL_REASON_CHANNEL_CLOSED, "the channel is closed");
    if (channel->back != NULL && back_unfit(channel->back) != SEMEL_REASON_NONE)
        return back_refuse(channel->back, method, ret_status);
    if (channel->datagrams != NULL && !datagram_carries(method))
        return status_set(ret_status, SEMEL_FAILED_PRECONDITION, SEMEL_REASON_NO_DATAGRAM, "%s: %s",
                          method->name, semel_reason_text(SEMEL_REASON_NO_DATAGRAM));
    struct call *call = pool_take(&channel->calls);
    if (call == NULL)
        return status_set(ret_status, SEMEL_RESOURCE_EXHAUSTED, SEMEL_REASON_NO_MEMORY, "out of memory");
    loop_freshen(channel_loop(channel));
    init(call, channel, method);
    call->slot.passes = channel->recovery.passing;
    enum semel_code code = set_policy(call, options, ret_status);
    if (code == SEMEL_OK)
        code = encode(call, in, ret_status);
    if (code == SEMEL_OK)
        set_deadline(call, inherited_ns);
    if (code == SEMEL_OK && call->policy->hedge_max > 0)
        code = hedge_begin(call, ret_status);
    if (code == SEMEL_OK)
        code = add_to_outbox(call, ret_status);
    if (code != SEMEL_OK) {
        hedge_end(call);
        call_free(call);
        return code;
    }
    write_header(call);
    channel->stats.calls++;
    channel->stats.oneways += method->oneway;
    budget_call(&channel->budget);
    channel_kick(channel);
    *ret_call = call;
    return SEMEL_OK;
}

static enum semel_code begin(semel_channel *channel, const struct semel_method *method, const void *in,
                             const semel_call_options *options, int64_t inherited_ns, semel_call *ret_call,
                             void (*done)(void), void *user)
{
    struct call *call;
    enum semel_code code = start(channel, method, in, options, inherited_ns, &call, NULL);
    if (code != SEMEL_OK)
        return code;
    call->done = done;
    call->user = user;
    if (ret_call != NULL)
        ret_call->seq = call->slot.seq;
    return SEMEL_OK;
}

enum semel_code semel_call_start(semel_channel *channel, const struct semel_method *method, const void *in,
                                 const semel_call_options *options, semel_call *ret_call, void (*done)(void),
                                 void *user)
{
    return begin(channel, method, in, options, inherit_deadline_ns(), ret_call, done, user);
}

static bool copy_request(struct call *call, const struct call *first)
{
    size_t size = first->slot.out.size;
    call->slot.out.bytes = size <= sizeof call->small ? call->small : malloc(size);
    if (call->slot.out.bytes == NULL) {
        call->slot.out.bytes = call->small; /* nothing to free */
        return false;
    }
    memcpy(call->slot.out.bytes, first->slot.out.bytes, size);
    call->slot.out.size = first->slot.out.size;
    return channel_takes(call->channel, size);
}

struct call *stub_start_again(semel_channel *channel, const struct call *first)
{
    struct policy *once = channel_once_policy(channel);
    struct call *call = once != NULL && !channel->closing ? pool_take(&channel->calls) : NULL;
    if (call == NULL)
        return NULL;
    init(call, channel, first->method);
    call->policy = policy_ref(once);
    call->slot.passes = first->slot.passes && first->channel == channel;
    call->started_ns = first->started_ns;
    call->deadline_ns = first->deadline_ns;
    if (!copy_request(call, first) || add_to_outbox(call, NULL) != SEMEL_OK) {
        call_free(call);
        return NULL;
    }
    write_header(call);
    channel_kick(channel);
    return call;
}

/* ---- synchronous ---- */

struct waiting {
    struct call_sync sync;
    struct node_waiter waiter;
    semel_channel *channel;
    const struct semel_method *method;
    const void *in;
    const semel_call_options *options;
    int64_t inherited_ns; /* of the thread that waits */
};

static void on_ended(struct call_sync *sync)
{
    struct waiting *waiting = container_of(sync, struct waiting, sync);
    node_waiter_done(waiting->channel->node, &waiting->waiter);
}

static void start_waiting(void *arg)
{
    struct waiting *waiting = arg;
    struct call *call;
    enum semel_code code = start(waiting->channel, waiting->method, waiting->in, waiting->options,
                                 waiting->inherited_ns, &call, waiting->sync.ret_status);
    if (code == SEMEL_OK) {
        call->sync = &waiting->sync;
        return;
    }
    waiting->sync.code = code;
    node_waiter_done(waiting->channel->node, &waiting->waiter);
}

enum semel_code semel_call_wait(semel_channel *channel, const struct semel_method *method, const void *in,
                                void *out, void *ret_error, const semel_call_options *options,
                                semel_status *ret_status)
{
    struct waiting waiting = {.sync = {.out = out,
                                       .ret_error = method->error_count > 0 ? ret_error : NULL,
                                       .ret_status = ret_status,
                                       .ended = on_ended},
                              .channel = channel,
                              .method = method,
                              .in = in,
                              .options = options,
                              .inherited_ns = inherit_deadline_ns()};
    if (waiting.sync.ret_error != NULL)
        memset(ret_error, 0, method->error_size);
    bool waited = node_wait(channel->node, &waiting.waiter, start_waiting, &waiting);
    if (!waited)
        waiting.sync.code = status_set(
            ret_status, SEMEL_FAILED_PRECONDITION, SEMEL_REASON_WRONG_THREAD,
            "%s: a synchronous stub inside a callback of its own node would wait for "
            "itself; use the asynchronous stub",
            method->name);
    if (waiting.sync.code != SEMEL_OK)
        memset(out, 0, method->reply_size);
    return waiting.sync.code;
}

/* ---- oneway ---- */

struct sending {
    semel_channel *channel;
    const struct semel_method *method;
    const void *in;
    const semel_call_options *options;
    int64_t inherited_ns;
    enum semel_code code;
};

static void start_sending(void *arg)
{
    struct sending *sending = arg;
    sending->code = begin(sending->channel, sending->method, sending->in, sending->options,
                          sending->inherited_ns, NULL, NULL, NULL);
}

enum semel_code semel_call_send(semel_channel *channel, const struct semel_method *method, const void *in,
                                const semel_call_options *options)
{
    struct sending sending = {.channel = channel,
                              .method = method,
                              .in = in,
                              .options = options,
                              .inherited_ns = inherit_deadline_ns()};
    node_call(channel->node, start_sending, &sending);
    return sending.code;
}

/* ---- being told ---- */

enum semel_code semel_call_on_sent(semel_channel *channel, semel_call handle, semel_sent_fn *fn, void *user)
{
    struct outbox_call *slot = outbox_find(&channel->outbox, handle.seq);
    struct call *call = slot != NULL ? hedge_first((struct call *)slot) : NULL;
    if (call == NULL || call->slot.seq != handle.seq)
        return SEMEL_NOT_FOUND;
    if (call->was_written)
        return SEMEL_FAILED_PRECONDITION;
    call->sent = fn;
    call->sent_user = user;
    return SEMEL_OK;
}

/* ---- cancelling ---- */

void semel_call_cancel(semel_channel *channel, semel_call handle)
{
    struct outbox_call *slot = outbox_find(&channel->outbox, handle.seq);
    if (slot == NULL)
        return;
    struct call *call = (struct call *)slot;
    if (call->cancel_asked)
        return;
    call->cancel_asked = true;
    if (slot->state == OUTBOX_QUEUED && !slot->exposed && outbox_unqueue(&channel->outbox, slot))
        outbox_set(&channel->outbox, slot, OUTBOX_DELAYED);
    else if (slot->state == OUTBOX_READY)
        outbox_set(&channel->outbox, slot, OUTBOX_DELAYED);
    /* The callback comes later, never inside this function. */
    if (!loop_timer_start(channel_loop(channel), &call->retry, node_now(channel->node)))
        call->cancel_asked = false; /* no memory: the call goes on to its deadline */
}

void semel_message_release(const pb_msgdesc_t *fields, void *message)
{
    message_release(fields, message);
}

void semel_error_release(const struct semel_method *method, void *error)
{
    unsigned which;
    memcpy(&which, error, sizeof which);
    if (which >= 1 && which <= method->error_count)
        message_release(method->errors[which - 1].fields, (char *)error + method->error_offset);
    memset(error, 0, method->error_size);
}
