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

/* With OnUnavailable=wait the last interval repeats until the deadline; at least this long, so that an interval of 0
 * does not turn into a storm of connection attempts. */
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
    RETRY_PROTOCOL, /* false retry, mode mismatch, malformed: it can never succeed */
    RETRY_FAILURE_COUNT
};

/* What the WELCOME after the loss said about the session in which the call was written. */
enum retry_verdict { RETRY_NO_VERDICT, RETRY_RESUMED, RETRY_NEW, RETRY_OTHER_DOMAIN, RETRY_VERDICT_COUNT };

struct retry_policy {
    const uint32_t *intervals_ms;
    uint32_t interval_count; /* 0: no retry */
    enum semel_on_unavailable on_unavailable;
    uint32_t retryable_codes; /* bits 1 << code: answers of idempotent operations that are retried */
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
    uint32_t failures;    /* attempts that have failed, this one included */
    uint32_t pushback_ms; /* the peer's wish for a wait */
    int64_t remaining_ms; /* to the deadline */
    bool budget_empty;
    bool breaker_open;
    const struct retry_policy *policy;
};

enum retry_action {
    RETRY_FINISH, /* the answer stands: hand it over */
    RETRY_FAIL,
    RETRY_AGAIN,  /* send again after wait_ms */
    RETRY_REPLAY, /* send again at once, with the same seq, in the resumed session */
    RETRY_HOLD    /* wait for a verdict; reconnect after wait_ms */
};

struct retry_decision {
    enum retry_action action;
    enum semel_rule rule;
    uint32_t wait_ms;
    enum semel_code code; /* FINISH and FAIL: the status of the call */
    enum semel_reason reason;
    enum semel_outcome outcome;
};

struct retry_decision retry_decide(const struct retry_input *input);

const char *retry_failure_name(enum retry_failure failure);
const char *retry_action_name(enum retry_action action);

#endif
