/* Names, texts and the explanation of a status: what a tired operator reads.
 *
 * Reads best next: timers_test.c. */
#include <semel/status.h>

#include <stdio.h>

#include "support.h"

/* ---- names ---- */

Test(status, every_code_has_its_name)
{
#define EXPECT_CODE(name, value)                                                                               \
    cr_assert_eq((int)SEMEL_##name, value);                                                                    \
    cr_assert_str_eq(semel_code_name(SEMEL_##name), #name);
    SEMEL_CODES(EXPECT_CODE)
#undef EXPECT_CODE
    for (int code = 17; code < 256; code++)
        cr_assert_str_eq(semel_code_name((enum semel_code)code), "?");
    cr_assert_str_eq(semel_code_name((enum semel_code)UINT32_MAX), "?");
    cr_assert_str_eq(semel_code_name(SEMEL_PENDING), "PENDING");
    cr_assert_str_eq(semel_code_name(SEMEL_REFUSED), "REFUSED");
}

Test(status, every_reason_has_its_name_and_text)
{
    for (int reason = 0; reason < SEMEL_REASON_COUNT; reason++) {
        cr_assert_gt(strlen(semel_reason_name((enum semel_reason)reason)), 1);
        cr_assert_gt(strlen(semel_reason_text((enum semel_reason)reason)), 5);
        cr_assert_not_null(semel_reason_advice((enum semel_reason)reason));
        for (int other = 0; other < reason; other++)
            cr_assert_str_neq(semel_reason_name((enum semel_reason)reason),
                              semel_reason_name((enum semel_reason)other));
    }
    static const unsigned outside[] = {SEMEL_REASON_COUNT, 255, 65536, UINT32_MAX};
    for (size_t i = 0; i < 4; i++) {
        cr_assert_str_eq(semel_reason_name((enum semel_reason)outside[i]), "?");
        cr_assert_str_eq(semel_reason_text((enum semel_reason)outside[i]), "?");
        cr_assert_str_eq(semel_reason_advice((enum semel_reason)outside[i]), "");
    }
}

/* Reasons travel as numbers: a new one goes to the end of the list. */
Test(status, reasons_keep_their_numbers)
{
    cr_assert_eq((int)SEMEL_REASON_NONE, 0);
    cr_assert_eq((int)SEMEL_REASON_CONNECTION_LOST, 3);
    cr_assert_eq((int)SEMEL_REASON_FALSE_RETRY, 9);
    cr_assert_eq((int)SEMEL_REASON_DRAINING, 16);
    cr_assert_eq((int)SEMEL_REASON_TABLE_FULL, 19);
    cr_assert_eq((int)SEMEL_REASON_BAD_MAGIC, 38);
    cr_assert_eq((int)SEMEL_REASON_ATTEMPT_STALE, 55);
}

Test(status, outcomes_progress_and_rules)
{
    cr_assert_str_eq(semel_outcome_name(SEMEL_OUTCOME_UNKNOWN), "UNKNOWN");
    cr_assert_str_eq(semel_outcome_name(SEMEL_OUTCOME_NOT_EXECUTED), "NOT_EXECUTED");
    cr_assert_str_eq(semel_outcome_name(SEMEL_OUTCOME_EXECUTED), "EXECUTED");
    cr_assert_str_eq(semel_outcome_name((enum semel_outcome)3), "?");
    cr_assert_str_eq(semel_progress_name(SEMEL_PROGRESS_QUEUED), "QUEUED");
    cr_assert_str_eq(semel_progress_name(SEMEL_PROGRESS_PARTLY_WRITTEN), "PARTLY_WRITTEN");
    cr_assert_str_eq(semel_progress_name(SEMEL_PROGRESS_WRITTEN), "WRITTEN");
    cr_assert_str_eq(semel_progress_name((enum semel_progress)3), "?");
    cr_assert_str_eq(semel_rule_name(SEMEL_RULE_NONE), "-");
    for (int rule = SEMEL_RULE_R1; rule < SEMEL_RULE_COUNT; rule++) {
        char name[16];
        snprintf(name, sizeof name, "R%d", rule);
        cr_assert_str_eq(semel_rule_name((enum semel_rule)rule), name);
    }
    cr_assert_str_eq(semel_rule_name(SEMEL_RULE_COUNT), "?");
    cr_assert_str_eq(semel_rule_name((enum semel_rule)UINT32_MAX), "?");
}

/* ---- the explanation ---- */

/* The story of semantics.md, section 2. */
static semel_status deposit(void)
{
    semel_status status;
    semel_status_init(&status);
    status.code = SEMEL_UNAVAILABLE;
    status.reason = SEMEL_REASON_DOMAIN_CHANGED;
    status.outcome = SEMEL_OUTCOME_UNKNOWN;
    status.rule = SEMEL_RULE_R4;
    status.attempts = 1;
    status.elapsed_us = 1250000;
    status.method = "demo.Bank.Deposit";
    status.trail_count = 1;
    status.trail[0] = (struct semel_attempt){.number = 1,
                                             .progress = SEMEL_PROGRESS_WRITTEN,
                                             .failure = SEMEL_REASON_HEARTBEAT_MISSED,
                                             .lost = true,
                                             .verdict = SEMEL_REASON_DOMAIN_CHANGED,
                                             .rule = SEMEL_RULE_R5,
                                             .connection = 3,
                                             .bytes_written = 61,
                                             .bytes_total = 61,
                                             .sent_us = 200,
                                             .failed_us = 1204000,
                                             .endpoint = "tcp://10.0.0.5:4061"};
    return status;
}

static const char *explained(const semel_status *status)
{
    static char text[8192];
    cr_assert_lt(semel_status_explain(status, text, sizeof text), sizeof text);
    return text;
}

/* Looks for the phrases in this order. */
static void expect_phrases(const char *text, const char *const *phrases)
{
    const char *at = text;
    for (; *phrases != NULL; phrases++) {
        const char *found = strstr(at, *phrases);
        cr_assert_not_null(found, "\"%s\" in:\n%s", *phrases, text);
        at = found + strlen(*phrases);
    }
}

Test(status, init_makes_an_empty_ok)
{
    semel_status status;
    memset(&status, 0xff, sizeof status);
    semel_status_init(&status);
    cr_assert_eq(status.code, SEMEL_OK);
    cr_assert_eq(status.outcome, SEMEL_OUTCOME_NOT_EXECUTED);
    cr_assert_eq(status.rule, SEMEL_RULE_NONE);
    cr_assert_eq(status.trail_count, 0);
    cr_assert_null(status.method);
    cr_assert_str_empty(status.message);
}

Test(status, the_deposit_that_was_not_retried)
{
    semel_status status = deposit();
    expect_phrases(explained(&status),
                   (const char *const[]){
                       "demo.Bank.Deposit failed: UNAVAILABLE, outcome UNKNOWN (it may have run)",
                       "attempt 1",
                       "tcp://10.0.0.5:4061 conn 3",
                       "written 61/61 bytes at +0.2 ms",
                       "connection lost at +1204",
                       "(heartbeat missed)",
                       "verdict",
                       "session not resumed: the server now answers for another domain",
                       "restarted without a durable store",
                       "rule R4",
                       "fully written",
                       "domain",
                       "-> not retried",
                       NULL,
                   });
}

Test(status, a_retried_attempt_tells_its_rule_and_wait)
{
    semel_status status = deposit();
    status.code = SEMEL_OK;
    status.attempts = 2;
    status.replays = 1;
    status.trail[0].retried = true;
    status.trail[0].resumed = true;
    status.trail[0].wait_us = 100000;
    expect_phrases(explained(&status),
                   (const char *const[]){"demo.Bank.Deposit succeeded", "2 attempts", "1 replayed", "attempt 1",
                                         "session resumed", "rule R5", "after 100 ms", NULL});
}

Test(status, each_progress_is_told)
{
    semel_status status = deposit();
    status.trail[0].verdict = SEMEL_REASON_NONE;
    status.trail[0].progress = SEMEL_PROGRESS_QUEUED;
    status.trail[0].lost = false;
    status.trail[0].connection = 0;
    status.trail[0].failure = SEMEL_REASON_CONNECT_FAILED;
    status.trail[0].os_error = 111; /* ECONNREFUSED */
    expect_phrases(explained(&status),
                   (const char *const[]){"not written", "no connection by", "Connection refused", NULL});
    status.trail[0].progress = SEMEL_PROGRESS_PARTLY_WRITTEN;
    status.trail[0].bytes_written = 7;
    expect_phrases(explained(&status), (const char *const[]){"partly written, 7/61 bytes", NULL});
    status.trail[0].connection = 5;
    expect_phrases(explained(&status), (const char *const[]){"conn 5", "ended at", NULL});
}

Test(status, outcomes_are_told_in_words)
{
    static const char *const words[] = {"(it may have run)", "(it did not run)", "(it ran)"};
    semel_status status = deposit();
    for (int outcome = 0; outcome < 3; outcome++) {
        status.outcome = (enum semel_outcome)outcome;
        cr_assert_not_null(strstr(explained(&status), words[outcome]));
    }
    status.outcome = (enum semel_outcome)77;
    cr_assert_not_null(strstr(explained(&status), "it may have run"), "what is not known may be anything");
}

Test(status, message_and_advice)
{
    semel_status status = deposit();
    status.reason = SEMEL_REASON_TABLE_FULL;
    status.rule = SEMEL_RULE_R2;
    snprintf(status.message, sizeof status.message, "account alice-01 is locked");
    expect_phrases(explained(&status),
                   (const char *const[]){"message", "account alice-01 is locked", "dedup table is full",
                                         "advice", "retry later", NULL});
}

/* Regression: whatever R11 forbade was told as attempts that are used up. */
Test(status, r11_tells_what_stopped_it)
{
    static const struct {
        enum semel_reason reason;
        bool used_up;
    } cases[] = {{SEMEL_REASON_BUDGET_EMPTY, false},       {SEMEL_REASON_BREAKER_OPEN, false},
                 {SEMEL_REASON_WAIT_PAST_DEADLINE, false}, {SEMEL_REASON_LOST, false},
                 {SEMEL_REASON_CONNECT_FAILED, true},      {SEMEL_REASON_NONE, true}};
    semel_status status = deposit();
    status.rule = SEMEL_RULE_R11;
    status.trail_count = 0; /* the trail has its own words for the reason */
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        status.reason = cases[i].reason;
        const char *text = explained(&status);
        cr_assert_eq(strstr(text, "attempts are used") != NULL, cases[i].used_up, "%s", text);
        if (!cases[i].used_up)
            cr_assert_not_null(strstr(text, semel_reason_text(cases[i].reason)), "%s", text);
    }
}

Test(status, every_rule_and_reason_can_be_explained)
{
    semel_status status = deposit();
    status.method = NULL;
    for (int rule = 0; rule <= SEMEL_RULE_COUNT; rule++) {
        for (int reason = 0; reason <= SEMEL_REASON_COUNT; reason++) {
            status.rule = (enum semel_rule)rule;
            status.reason = (enum semel_reason)reason;
            const char *text = explained(&status);
            cr_assert_not_null(strstr(text, semel_rule_name(status.rule)));
            cr_assert_eq(text[strlen(text) - 1], '\n');
        }
    }
}

Test(status, values_outside_their_lists_are_safe)
{
    semel_status status = deposit();
    memset(&status.trail[0], 0x7f, offsetof(struct semel_attempt, endpoint));
    /* Through memcpy, because a bool may only be 0 or 1. */
    status.trail[0].lost = status.trail[0].retried = status.trail[0].resumed = false;
    status.trail[0].os_error = -1;
    status.code = (enum semel_code)9999;
    status.rule = (enum semel_rule)9999;
    status.reason = (enum semel_reason)9999;
    status.trail_count = UINT32_MAX;
    for (int i = 1; i < SEMEL_TRAIL_MAX; i++)
        status.trail[i] = status.trail[0];
    cr_assert_gt(strlen(explained(&status)), 100);
}

Test(status, a_long_trail_tells_what_was_left_out)
{
    semel_status status = deposit();
    status.trail_count = SEMEL_TRAIL_MAX;
    status.trail_omitted = 88;
    status.attempts = 100;
    for (uint32_t i = 0; i < SEMEL_TRAIL_MAX; i++) {
        status.trail[i] = status.trail[0];
        status.trail[i].number = i < 6 ? i + 1 : 100 - (SEMEL_TRAIL_MAX - 1 - i);
    }
    expect_phrases(explained(&status), (const char *const[]){"attempt 1 ", "attempt 6 ", "88 more attempts",
                                                             "attempt 95", "attempt 100", NULL});
}

/* As snprintf does: never a byte too many, always terminated, always the whole length. */
Test(status, truncation_at_every_size)
{
    semel_status status = deposit();
    char whole[4096];
    size_t length = semel_status_explain(&status, whole, sizeof whole);
    cr_assert_eq(length, strlen(whole));
    cr_assert_eq(semel_status_explain(&status, NULL, 0), length);
    for (size_t size = 0; size <= length + 3; size++) {
        char *text = malloc(size); /* exactly: a byte more is seen */
        cr_assert_eq(semel_status_explain(&status, text, size), length, "size %zu", size);
        if (size > 0) {
            size_t expected = size - 1 < length ? size - 1 : length;
            cr_assert_eq(strlen(text), expected);
            cr_assert_eq(memcmp(text, whole, expected), 0);
        }
        free(text);
    }
}
