/* A failure as it is told on the command line, in the terms of the retry rule.
 * Must not know: what the rule makes of it.
 * Reads best next: situation.c, core/retry.h. */
#ifndef TOOLS_SITUATION_H
#define TOOLS_SITUATION_H

#include "client/policy.h"
#include "tools/arguments.h"
#include "tools/method.h"

enum {
    SITUATION_METHOD,
    SITUATION_IDL,
    SITUATION_CHANNEL,
    SITUATION_MODE,
    SITUATION_FAILURE,
    SITUATION_PROGRESS,
    SITUATION_VERDICT,
    SITUATION_CODE,
    SITUATION_REASON,
    SITUATION_ATTEMPT,
    SITUATION_ELAPSED,
    SITUATION_PUSHBACK,
    SITUATION_BUDGET_EMPTY,
    SITUATION_BREAKER_OPEN,
    SITUATION_OPTION_COUNT
};
extern const struct arguments_option situation_options[SITUATION_OPTION_COUNT];

/* Holds pointers into itself: not to be copied. */
struct situation {
    struct method method;
    struct policy policy;
    struct retry_input input;
};

/* Returns false after a complaint: something is missing, unknown, or can not be together.  Otherwise situation_fini. */
bool situation_read(struct situation *situation, const struct arguments *arguments);
void situation_fini(struct situation *situation);

/* One line: "demo.Bank.Deposit, at-most-once, WRITTEN, connection lost, no verdict yet". */
void situation_print(const struct situation *situation);

/* The status of a call to which this has happened, fit for semel_status_explain. */
void situation_status(const struct situation *situation, const struct retry_decision *decision,
                      semel_status *status);

/* Whether chance picks the wait of the next attempt, and between what. */
bool situation_by_chance(const struct situation *situation, uint32_t *ret_least_ms, uint32_t *ret_most_ms);

/* What is decided when chance picks the longest wait, or the shortest. */
struct retry_decision situation_decide(const struct situation *situation, bool longest);

#endif
