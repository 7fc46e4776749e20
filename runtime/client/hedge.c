/* Further attempts beside the first.
 *
 * Reads best next: hedge.h, call.c. */
#include "client/hedge.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "client/answer.h"
#include "client/channel.h"
#include "client/record.h"
#include "client/stub.h"
#include "core/units.h"
#include "net/status.h"

struct hedge {
    struct call *first;
    struct timer next; /* the next attempt is due */
    uint32_t sent;
    uint32_t running;
    bool may_have_run;                   /* one that has failed */
    struct call *attempts[LIMIT_HEDGES]; /* those that are out, in no order */
    semel_status *failure;               /* of the first attempt, which has given up; or NULL */
};

static void forget(struct hedge *hedge, const struct call *attempt)
{
    for (uint32_t i = 0; i < hedge->running; i++) {
        if (hedge->attempts[i] == attempt) {
            hedge->attempts[i] = hedge->attempts[--hedge->running];
            return;
        }
    }
    assert(false);
}

static bool schedule(struct hedge *hedge)
{
    const struct call *first = hedge->first;
    if (hedge->sent >= first->policy->hedge_max)
        return true;
    int64_t due_ns = node_now(first->channel->node) + first->policy->hedge_delay_ns;
    return loop_timer_start(channel_loop(first->channel), &hedge->next, due_ns);
}

/* The rule's word on one more attempt; beside: where it would go. */
static enum semel_reason judge(const struct hedge *hedge, const semel_channel *beside)
{
    struct call *first = hedge->first;
    semel_channel *channel = first->channel;
    int64_t now_ns = node_now(channel->node);
    const struct retry_hedge input = {
        .idempotent = call_is_idempotent(first),
        .cancelled = first->cancel_asked,
        .sent = hedge->sent,
        .most = first->policy->hedge_max,
        .remaining_ms = first->deadline_ns == 0 ? RETRY_NO_DEADLINE : (first->deadline_ns - now_ns) / MS_IN_NS,
        .budget_empty = !budget_has(&channel->budget, now_ns),
        .breaker_open = reconnector_is_barred(&beside->reconnector),
    };
    return retry_may_hedge(&input);
}

/* One more attempt is due.  Without memory the first goes on alone. */
static void on_next(struct timer *timer)
{
    struct hedge *hedge = container_of(timer, struct hedge, next);
    semel_channel *channel = hedge->first->channel;
    semel_channel *beside = channel_beside(channel, hedge->sent);
    if (beside == NULL)
        return;
    enum semel_reason denied = judge(hedge, beside);
    if (denied != SEMEL_REASON_NONE) {
        channel->stats.denied_by[denied]++;
        return;
    }
    struct call *attempt = stub_start_again(beside, hedge->first);
    if (attempt == NULL)
        return;
    (void)budget_withdraw(&channel->budget, node_now(channel->node));
    attempt->hedge_of = hedge;
    hedge->attempts[hedge->running++] = attempt;
    hedge->sent++;
    channel->stats.hedges++;
    (void)schedule(hedge);
}

enum semel_code hedge_begin(struct call *call, semel_status *ret_status)
{
    struct hedge *hedge = calloc(1, sizeof *hedge);
    if (hedge != NULL) {
        hedge->first = call;
        timer_init(&hedge->next, on_next);
    }
    if (hedge == NULL || !schedule(hedge)) {
        free(hedge);
        return status_set(ret_status, SEMEL_RESOURCE_EXHAUSTED, SEMEL_REASON_NO_MEMORY, "out of memory");
    }
    call->hedge = hedge;
    return SEMEL_OK;
}

void hedge_end(struct call *call)
{
    struct hedge *hedge = call->hedge;
    if (hedge == NULL)
        return;
    call->hedge = NULL;
    loop_timer_stop(channel_loop(call->channel), &hedge->next);
    while (hedge->running > 0) {
        struct call *attempt = hedge->attempts[--hedge->running];
        attempt->hedge_of = NULL;
        call_drop(attempt);
    }
    free(hedge->failure);
    free(hedge);
}

bool hedge_takes_over(struct call *call, const semel_status *status)
{
    struct hedge *hedge = call->hedge;
    bool by_caller = status->rule == SEMEL_RULE_R9;
    if (hedge == NULL || hedge->running == 0 || by_caller || hedge->failure != NULL)
        return false;
    hedge->failure = malloc(sizeof *hedge->failure);
    if (hedge->failure == NULL)
        return false;
    *hedge->failure = *status;
    return true;
}

uint32_t hedge_sent(const struct call *call)
{
    return call->hedge != NULL ? call->hedge->sent : 0;
}

uint32_t hedge_failed(const struct call *call)
{
    return call->hedge != NULL ? call->hedge->sent - call->hedge->running : 0;
}

bool hedge_may_have_run(const struct call *call)
{
    const struct hedge *hedge = call->hedge;
    if (hedge == NULL)
        return false;
    for (uint32_t i = 0; i < hedge->running; i++) /* a frame that was started is finished */
        if (call_progress(hedge->attempts[i]) != SEMEL_PROGRESS_QUEUED)
            return true;
    return hedge->may_have_run;
}

struct call *hedge_first(struct call *call)
{
    return call->hedge_of != NULL ? call->hedge_of->first : call;
}

/* All have failed: the first failure is told, with what is known now. */
static void give_up(struct hedge *hedge)
{
    semel_status status = *hedge->failure;
    record_progress(hedge->first, hedge->first->failures, &status);
    if (hedge->may_have_run && status.outcome == SEMEL_OUTCOME_NOT_EXECUTED)
        status.outcome = SEMEL_OUTCOME_UNKNOWN;
    call_end(hedge->first, NULL, NULL, &status);
}

void hedge_attempt_ended(struct call *attempt, enum semel_outcome outcome)
{
    struct hedge *hedge = attempt->hedge_of;
    attempt->hedge_of = NULL;
    forget(hedge, attempt);
    hedge->may_have_run |= outcome != SEMEL_OUTCOME_NOT_EXECUTED;
    if (hedge->running == 0 && hedge->failure != NULL)
        give_up(hedge);
}

bool hedge_answered(struct call *attempt, const struct frame *frame)
{
    struct hedge *hedge = attempt->hedge_of;
    struct call *first = hedge->first;
    if (!answer_is_final(first, frame))
        return false;
    attempt->hedge_of = NULL;
    attempt->cancel_sent = true; /* it is answered: there is nothing to stop */
    forget(hedge, attempt);
    call_drop(attempt);
    first->channel->stats.hedges_won++;
    answer_take(first, frame);
    return true;
}
