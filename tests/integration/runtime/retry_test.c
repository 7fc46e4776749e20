/* Retries over real sockets: how long they wait, what ends them, and what an operator is told.
 *
 * Reads best next: core/retry.h, core/backoff.h. */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "engine.h"

TestSuite(retry, .timeout = 60);

#define BACKOFF "RetryMaxAttempts=6", "RetryInitialBackoff=4", "RetryMaxBackoff=20", "RetryBackoffMultiplier=2"

/* How a call to nobody ends. */
static semel_status call_nobody(const char *const *properties)
{
    char uri[SEMEL_ENDPOINT_TEXT_MAX];
    struct client client;
    loopback_dead(uri);
    client_open(&client, properties, uri);
    semel_status status = engine_call(&client, ADD, 1, NULL);
    struct semel_channel_stats stats = client_stats(&client);
    engine_check_sums(&stats);
    client_close(&client);
    return status;
}

/* A call to a server that fails as engine_failing says. */
static semel_status call_failing(const char *const *properties, enum method method,
                                 struct semel_channel_stats *ret_stats)
{
    struct server server;
    struct client client;
    server_open(&server, NULL);
    server.handler = engine_fail;
    client_open(&client, properties, server.uri);
    semel_status status = engine_call(&client, method, 1, NULL);
    struct semel_channel_stats stats = client_stats(&client);
    engine_check_sums(&stats);
    if (ret_stats != NULL)
        *ret_stats = stats;
    cr_assert_eq(server_runs(&server, 1), status.attempts);
    client_close(&client);
    server_close(&server);
    return status;
}

/* ---- backoff ---- */

/* The waits of a backoff of 4, 8, 16, 20, 20 ms, each between low and high of it in per cent. */
static void check_waits(const char *jitter, int64_t low, int64_t high)
{
    static const int64_t waits_ms[] = {4, 8, 16, 20, 20};
    for (int round = 0; round < 4; round++) {
        semel_status status = call_nobody(LIST(BACKOFF, jitter));
        check_status(&status, UNAVAILABLE, CONNECT_FAILED, NOT_EXECUTED);
        cr_assert_eq(status.attempts, 6);
        for (uint32_t i = 0; i < 5; i++) {
            int64_t wait_us = status.trail[i].wait_us;
            cr_assert_geq(wait_us, waits_ms[i] * low * 10, "%s: wait %u is %lld us", jitter, i,
                          (long long)wait_us);
            cr_assert_leq(wait_us, waits_ms[i] * high * 10, "%s: wait %u is %lld us", jitter, i,
                          (long long)wait_us);
            cr_assert_geq(status.trail[i + 1].failed_us, status.trail[i].failed_us + wait_us - 1000,
                          "the next attempt came before its time");
        }
        cr_assert_eq(status.trail[5].wait_us, 0);
    }
}

Test(retry, backoff_without_jitter_grows_to_its_cap)
{
    check_waits("RetryJitter=none", 100, 100);
}

Test(retry, backoff_with_full_jitter_stays_within)
{
    check_waits("RetryJitter=full", 0, 100);
}

Test(retry, backoff_with_equal_jitter_stays_within)
{
    check_waits("RetryJitter=equal", 50, 100);
}

Test(retry, backoff_with_decorrelated_jitter_follows_the_last_wait)
{
    for (int round = 0; round < 6; round++) {
        semel_status status = call_nobody(LIST(BACKOFF, "RetryJitter=decorrelated"));
        int64_t last_us = 4000;
        for (uint32_t i = 0; i < 5; i++) {
            int64_t most_us = 3 * last_us < 20000 ? 3 * last_us : 20000;
            cr_assert_geq(status.trail[i].wait_us, 4000);
            cr_assert_leq(status.trail[i].wait_us, most_us);
            last_us = status.trail[i].wait_us;
        }
    }
}

Test(retry, jitter_is_not_the_same_twice)
{
    unsigned differ = 0;
    semel_status first = call_nobody(LIST(BACKOFF, "RetryJitter=full", "RetryInitialBackoff=20"));
    for (int round = 0; round < 6 && differ == 0; round++) {
        semel_status other = call_nobody(LIST(BACKOFF, "RetryJitter=full", "RetryInitialBackoff=20"));
        for (uint32_t i = 0; i < 5; i++)
            differ += first.trail[i].wait_us != other.trail[i].wait_us;
    }
    cr_assert_gt(differ, 0);
}

/* The trail keeps the first and the latest; all attempts are counted. */
Test(retry, backoff_of_more_attempts_than_the_trail_holds)
{
    semel_status status = call_nobody(
        LIST("RetryMaxAttempts=40", "RetryInitialBackoff=1", "RetryMaxBackoff=1", "RetryJitter=none"));
    cr_assert_eq(status.attempts, 40);
    cr_assert_eq(status.trail_count + status.trail_omitted, 40);
    cr_assert_eq(status.trail[status.trail_count - 1].number, 40);
    check_explains(&status, "28 more attempts like these");
    check_explains(&status, "all 40 attempts are used");
}

/* ---- what ends retries ---- */

Test(retry, max_elapsed_ends_a_call_before_the_wait_that_would_pass_it)
{
    semel_status status = call_nobody(LIST("RetryIntervals=0 20 60000 0", "RetryMaxElapsed=40000"));
    check_status(&status, UNAVAILABLE, MAX_ELAPSED, NOT_EXECUTED);
    cr_assert_eq(status.attempts, 3);
    cr_assert_lt(status.elapsed_us, 40000000, "it waited for what it knew to be too late");
    cr_assert_eq((int)status.rule, SEMEL_RULE_R11);
    check_explains(&status, "the next retry would come later than RetryMaxElapsed allows");
}

Test(retry, a_wait_past_the_deadline_ends_a_call_at_once)
{
    semel_status status = call_nobody(LIST("RetryIntervals=0 60000", "Deadline=10000"));
    check_status(&status, UNAVAILABLE, WAIT_PAST_DEADLINE, NOT_EXECUTED);
    cr_assert_eq(status.attempts, 2);
    cr_assert_lt(status.elapsed_us, 5000000);
    check_explains(&status, "the next retry would come after the deadline");
    check_explains(&status, "raise Deadline or shorten RetryIntervals");
}

/* ---- codes ---- */

/* Names a code in RetryableCodes. */
static const char *codes_property(enum semel_code code)
{
    static char text[64];
    snprintf(text, sizeof text, "RetryableCodes=%s", semel_code_name(code));
    return text;
}

Test(retry, every_code_can_be_retryable_for_idempotent_operations_only)
{
    for (enum semel_code code = SEMEL_CANCELLED; code <= SEMEL_UNAUTHENTICATED; code++) {
        struct semel_channel_stats stats;
        const char *codes = codes_property(code);
        engine_failing = (struct engine_failing){.times = 2, .code = code};
        semel_status status = call_failing(LIST(codes, "RetryIntervals=0 0 0"), SET, &stats);
        check_status(&status, OK, NONE, EXECUTED);
        cr_assert_eq(status.attempts, 3, "%s: %u attempts", codes, status.attempts);
        cr_assert_eq(stats.retries, 2);
        cr_assert_eq(stats.by_rule[SEMEL_RULE_R8], 3);
        status = call_failing(LIST(codes, "RetryIntervals=0 0 0"), ADD, NULL);
        cr_assert_eq((int)status.code, (int)code);
        cr_assert_eq((int)status.outcome, SEMEL_OUTCOME_EXECUTED);
        cr_assert_eq(status.attempts, 1, "%s: an operation that runs at most once was retried", codes);
    }
}

Test(retry, other_codes_are_not_retried)
{
    engine_failing = (struct engine_failing){.times = 9, .code = SEMEL_NOT_FOUND};
    semel_status status = call_failing(LIST("RetryableCodes=UNAVAILABLE,ABORTED", "RetryIntervals=0 0"), SET,
                                       NULL);
    check_status(&status, NOT_FOUND, HANDLER, EXECUTED);
    cr_assert_eq(status.attempts, 1);
    cr_assert_eq((int)status.rule, SEMEL_RULE_R8);
    check_explains(&status, "rule R8");
}

Test(retry, the_last_answer_stands_when_the_attempts_are_used)
{
    struct semel_channel_stats stats;
    engine_failing = (struct engine_failing){.times = 9, .code = SEMEL_ABORTED};
    semel_status status = call_failing(LIST("RetryableCodes=ABORTED", "RetryIntervals=0 0"), SET, &stats);
    check_status(&status, ABORTED, HANDLER, EXECUTED);
    cr_assert_eq(status.attempts, 3);
    cr_assert_str_eq(status.message, "run 3 of 1 fails");
    cr_assert_eq(stats.denied_by[SEMEL_REASON_ATTEMPTS_USED], 1);
    cr_assert_eq(stats.failed_by[SEMEL_REASON_HANDLER], 1);
}

/* ---- pushback ---- */

static void check_pushback(uint32_t pushback_ms, const char *intervals, int64_t wait_us)
{
    engine_failing = (struct engine_failing){.times = 1, .code = SEMEL_REFUSED, .pushback_ms = pushback_ms};
    semel_status status = call_failing(LIST(intervals), ADD, NULL);
    check_status(&status, OK, NONE, EXECUTED);
    cr_assert_eq(status.attempts, 2);
    cr_assert_eq(status.trail[0].wait_us, wait_us);
    cr_assert_eq((int)status.trail[0].rule, SEMEL_RULE_R2);
    cr_assert_geq(status.elapsed_us, wait_us);
}

Test(retry, a_servers_delay_beats_the_clients_wait_whichever_is_longer)
{
    check_pushback(35, "RetryIntervals=0", 35000);
    check_pushback(35, "RetryIntervals=50000", 35000);
    check_pushback(0, "RetryIntervals=15", 15000);
}

Test(retry, a_servers_delay_beats_a_backoff)
{
    engine_failing = (struct engine_failing){.times = 1, .code = SEMEL_REFUSED, .pushback_ms = 33};
    semel_status status = call_failing(LIST("RetryMaxAttempts=2", "RetryInitialBackoff=40000"), ADD, NULL);
    check_status(&status, OK, NONE, EXECUTED);
    cr_assert_eq(status.trail[0].wait_us, 33000);
}

Test(retry, a_servers_delay_buys_no_attempt_and_no_time)
{
    engine_failing = (struct engine_failing){.times = 9, .code = SEMEL_REFUSED, .pushback_ms = 5};
    semel_status status = call_failing(LIST("RetryIntervals=0 0"), ADD, NULL);
    check_status(&status, UNAVAILABLE, REFUSED_BY_HANDLER, NOT_EXECUTED);
    cr_assert_eq(status.attempts, 3);
    engine_failing.pushback_ms = 60000;
    status = call_failing(LIST("RetryIntervals=0 0", "Deadline=5000"), ADD, NULL);
    check_status(&status, UNAVAILABLE, WAIT_PAST_DEADLINE, NOT_EXECUTED);
    cr_assert_eq(status.attempts, 1);
    status = call_failing(LIST("RetryIntervals=0 0", "RetryMaxElapsed=1000"), ADD, NULL);
    check_status(&status, UNAVAILABLE, MAX_ELAPSED, NOT_EXECUTED);
    cr_assert_eq(status.attempts, 1);
}

Test(retry, a_server_may_ask_never_to_try_again)
{
    engine_failing = (struct engine_failing){
        .times = 9, .code = SEMEL_REFUSED, .pushback_ms = SEMEL_RETRY_NEVER};
    semel_status status = call_failing(LIST("RetryIntervals=0 0 0"), ADD, NULL);
    check_status(&status, UNAVAILABLE, PUSHBACK_NEVER, NOT_EXECUTED);
    cr_assert_eq(status.attempts, 1);
    check_explains(&status, "the server asked not to try again");
    status = call_failing(LIST("RetryIntervals=0 0 0", "OnUnavailable=wait"), ADD, NULL);
    check_status(&status, UNAVAILABLE, PUSHBACK_NEVER, NOT_EXECUTED);
}

/* ---- the three philosophies ---- */

Test(retry, wait_goes_on_with_a_backoff_at_its_cap)
{
    char uri[SEMEL_ENDPOINT_TEXT_MAX];
    struct server server;
    struct client client;
    struct watch watch;
    loopback_dead(uri);
    client_open(&client,
                LIST("OnUnavailable=wait", "RetryMaxAttempts=3", "RetryInitialBackoff=1", "RetryMaxBackoff=15",
                     "RetryBackoffMultiplier=4", "RetryJitter=none", "Deadline=0"),
                uri);
    watch_start(&watch, &client, ADD, 1, NULL);
    while (client_stats(&client).dials < 8)
        ;
    server_open_at(&server, NULL, uri);
    check_status(watch_wait(&watch), OK, NONE, EXECUTED);
    cr_assert_geq(watch.status.attempts, 9);
    cr_assert_eq(watch.status.trail[0].wait_us, 1000);
    cr_assert_eq(watch.status.trail[1].wait_us, 4000);
    for (uint32_t i = 3; i < watch.status.trail_count; i++)
        cr_assert_eq(watch.status.trail[i].wait_us, 15000);
    client_close(&client);
    server_close(&server);
}

/* Three calls of one program, each in its way. */
Test(retry, the_philosophies_mix_on_one_channel)
{
    char uri[SEMEL_ENDPOINT_TEXT_MAX];
    struct server server;
    struct client client;
    struct watch waits, gives_up, drops;
    loopback_dead(uri);
    client_open(
        &client,
        LIST("RetryIntervals=0 0", "probe.Probe.Add.OnUnavailable=wait", "probe.Probe.Peek.OnUnavailable=drop"),
        uri);
    watch_start(&waits, &client, ADD, 1, NULL);
    watch_start(&gives_up, &client, SET, 2, NULL);
    watch_start(&drops, &client, PEEK, 3, NULL);
    check_status(watch_wait(&drops), UNAVAILABLE, LOST, NOT_EXECUTED);
    cr_assert_eq(drops.status.attempts, 1);
    check_status(watch_wait(&gives_up), UNAVAILABLE, CONNECT_FAILED, NOT_EXECUTED);
    cr_assert_eq(gives_up.status.attempts, 3);
    cr_assert_eq(watch_times(&waits), 0);
    server_open_at(&server, NULL, uri);
    check_status(watch_wait(&waits), OK, NONE, EXECUTED);
    cr_assert_eq(server_all_runs(&server), 1);
    struct semel_channel_stats stats = client_stats(&client);
    engine_check_sums(&stats);
    client_close(&client);
    server_close(&server);
}

/* ---- the trace ---- */

static unsigned traced(const char *level, unsigned times, semel_status *ret_status)
{
    struct server server;
    struct client client;
    struct engine_log log;
    engine_failing = (struct engine_failing){.times = times, .code = SEMEL_REFUSED};
    server_open(&server, NULL);
    server.handler = engine_fail;
    engine_open_logged(&client, LIST(level, "RetryIntervals=0 0"), server.uri, &log, "retry: ");
    *ret_status = engine_call(&client, ADD, 1, NULL);
    client_close(&client);
    server_close(&server);
    cr_assert(log.lines == 0 || strstr(log.last, "probe.Probe.Add") != NULL, "%s", log.last);
    return log.lines;
}

Test(retry, a_trace_has_one_line_a_decision)
{
    semel_status status;
    cr_assert_eq(traced("Trace.Retry=0", 9, &status), 0);
    cr_assert_eq(traced("Trace.Retry=1", 9, &status), 2, "a line for each retry");
    cr_assert_eq(status.attempts, 3);
    cr_assert_eq(traced("Trace.Retry=2", 9, &status), 3, "and one for the end");
    cr_assert_eq(traced("Trace.Retry=1", 1, &status), 1);
    cr_assert_eq((int)status.code, SEMEL_OK);
    cr_assert_eq(traced("Trace.Retry=2", 1, &status), 1, "success needs no word");
    cr_assert_eq(traced("Trace.Retry=2", 0, &status), 0);
}
