/* The retry decision: one pure function for the rules R1..R11.  Nothing else in the library decides whether a call
 * runs again.
 *
 * Reads best next: retry.c, whose functions are the rows of the table. */
#ifndef CORE_RETRY_H
#define CORE_RETRY_H

#include <stdbool.h>
#include <stdint.h>
#include <semel/service.h>
#include <semel/status.h>

#include "core/backoff.h"

/* With OnUnavailable=wait the last interval repeats until the deadline, and a backoff goes on at its cap; at least
 * this long, so that an interval of 0 does not turn into a storm of connection attempts. */
#define RETRY_REPEAT_WAIT_MS 10
#define RETRY_NO_DEADLINE INT64_MAX

enum retry_failure {
    RETRY_CONNECT_FAILED,  /* a round over all endpoints gave no connection */
    RETRY_CONNECTION_LOST, /* the connection broke while the call was on it */
    RETRY_REFUSED,         /* the peer refused it before the handler ran */
    RETRY_ANSWERED,        /* the handler's reply or error arrived */
    RETRY_BEGUN,           /* the server found it started before a crash */
    RETRY_REPLY_GONE,      /* the server ran it and no longer keeps the reply */
    RETRY_DEADLINE,
    RETRY_CANCELLED,
    RETRY_PROTOCOL,        /* false retry, mode mismatch, malformed: it can never succeed */
    RETRY_ATTEMPT_TIMEOUT, /* no answer within AttemptTimeout; the connection may be well */
    RETRY_GAVE_UP,         /* the application could not recover what the call needs on a new connection */
    RETRY_FAILURE_COUNT
};

/* What the WELCOME after the loss said about the session in which the call was written. */
enum retry_verdict { RETRY_NO_VERDICT, RETRY_RESUMED, RETRY_NEW, RETRY_OTHER_DOMAIN, RETRY_VERDICT_COUNT };

struct retry_policy {
    const uint32_t *intervals_ms;
    uint32_t interval_count; /* 0: no retry */
    enum semel_on_unavailable on_unavailable;
    uint32_t retryable_codes; /* bits 1 << code: answers of idempotent operations that are retried */
    struct backoff backoff;   /* rules instead of the intervals if its max_attempts is not 0 */
    uint32_t max_elapsed_ms;  /* no retry starts later than this after the call did; 0: no such limit */
};

struct retry_input {
    bool idempotent;
    enum semel_progress
        progress;           /* WRITTEN if any attempt was written and no answer says that it did not run */
    bool exposed_elsewhere; /* an attempt was written in a session that is gone: never NOT_EXECUTED again */
    enum retry_failure failure;
    enum retry_verdict verdict;
    enum semel_reason reason; /* what happened in detail */
    enum semel_code code;     /* the peer's code, where it answered */
    bool answered;            /* the outcome below is the peer's word */
    enum semel_outcome outcome;
    uint32_t failures;     /* attempts that have failed, this one included */
    bool cancel_asked;     /* by the caller: whatever would be sent again is not */
    bool before_its_time;  /* it was on a connection that others asked for before its own wait was over */
    bool never;            /* the peer asked not to try again */
    uint32_t pushback_ms;  /* the peer's wish: the wait, in place of the policy's; 0: it has none */
    int64_t remaining_ms;  /* to the deadline */
    int64_t elapsed_ms;    /* since the call started */
    uint32_t last_wait_ms; /* that was decided before this attempt; for decorrelated jitter */
    uint64_t random;       /* 64 random bits of its own; for jitter */
    bool budget_empty;     /* no token for a retry that costs one */
    bool breaker_open;     /* no endpoint takes an attempt now */
    const struct retry_policy *policy;
};

enum retry_action {
    RETRY_FINISH, /* the answer stands: hand it over */
    RETRY_FAIL,
    RETRY_AGAIN,  /* send again after wait_ms */
    RETRY_REPLAY, /* send again at once, with the same seq, in the resumed session */
    RETRY_HOLD,   /* wait for a verdict; reconnect after wait_ms */
    RETRY_RIDE    /* this was no attempt of its own: keep waiting as decided before */
};

struct retry_decision {
    enum retry_action action;
    enum semel_rule rule;
    uint32_t wait_ms;
    bool charged;         /* withdraw one token from the budget: a retry that a live server has to bear */
    enum semel_code code; /* FINISH and FAIL: the status of the call */
    enum semel_reason reason;
    enum semel_outcome outcome;
    /* What R11 held against an attempt that the rule would have allowed, the first in this order: LOST,
     * ATTEMPTS_USED, PUSHBACK_NEVER, BUDGET_EMPTY, BREAKER_OPEN, MAX_ELAPSED, WAIT_PAST_DEADLINE; for GAVE_UP alone,
     * RECOVERY_GAVE_UP; NONE: nothing.  The reason above is the same, except where it says more: what went wrong, when
     * the attempts are used up or a recovery gave up; the answer, when it stands (R8). */
    enum semel_reason denied;
};

/* The caller keeps count of what has run where: a WRITTEN call that is sent AGAIN, without the peer's word that it
 * did not run, is exposed_elsewhere from then on. */
struct retry_decision retry_decide(const struct retry_input *input);

/* Hedging: whether a further attempt may be sent beside those that are out. */
struct retry_hedge {
    bool idempotent;
    bool cancelled; /* its caller has */
    uint32_t sent;  /* further attempts so far */
    uint32_t most;
    int64_t remaining_ms; /* to the deadline */
    bool budget_empty;    /* each further attempt costs a token */
    bool breaker_open;
};

/* NONE: it may.  Otherwise what is held against it: MODE_MISMATCH (it may not run twice), CANCELLED,
 * ATTEMPTS_USED, WAIT_PAST_DEADLINE, BUDGET_EMPTY, BREAKER_OPEN, in this order. */
enum semel_reason retry_may_hedge(const struct retry_hedge *input);

/* R8: whether an answer with this code may be followed by another attempt; any other one ends the call. */
bool retry_is_retryable(const struct retry_policy *policy, bool idempotent, enum semel_code code);

const char *retry_failure_name(enum retry_failure failure);
const char *retry_action_name(enum retry_action action);

#endif
