/* Hedging: an idempotent call that gets no answer in time is asked again beside the first attempt, at another
 * endpoint; the first answer counts.
 *
 * Each further attempt is a call of its own, without policy and without callback, on a channel beside the call's
 * channel (its own one if there is only one endpoint), so that a channel still has one connection and one session.
 *
 * It must not know which answers end a call: that is the policy of the first attempt.  Reads best next: hedge.c. */
#ifndef CLIENT_HEDGE_H
#define CLIENT_HEDGE_H

#include "client/call.h"

/* Gets a call ready to be hedged; its policy says so.  Errors: RESOURCE_EXHAUSTED (no memory). */
enum semel_code hedge_begin(struct call *call, semel_status *ret_status);

/* The call ends: so do its further attempts, without a word.  Its hedge is gone afterwards.  Accepts a call
 * without. */
void hedge_end(struct call *call);

/* The first attempt has failed for good.  true: others are still out, the call goes on with them and ends with
 * this status if they fail as well. */
bool hedge_takes_over(struct call *call, const semel_status *status);

/* How many further attempts a call has sent, and how many of these have failed. */
uint32_t hedge_sent(const struct call *call);
uint32_t hedge_failed(const struct call *call);

/* Whether one of them may have run. */
bool hedge_may_have_run(const struct call *call);

/* The call that a further attempt belongs to; of any other call, itself. */
struct call *hedge_first(struct call *call);

/* A further attempt was answered.  true: the call has taken the answer, and the attempt is gone.  false: such an
 * answer does not end the call; the attempt has failed. */
bool hedge_answered(struct call *attempt, const struct frame *frame);

/* A further attempt has failed, and is gone after this.  outcome: what is known of its run. */
void hedge_attempt_ended(struct call *attempt, enum semel_outcome outcome);

#endif
