/* Circuit breakers over real sockets: when an endpoint is left alone, and how it comes back.
 *
 * Reads best next: core/breaker.h, client/reconnector.h. */
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

#include "engine.h"

TestSuite(breaker, .timeout = 60);

#define HOUR "BreakerOpenTime=3600000"

Test(breaker, opens_after_failures_in_a_row_and_then_calls_fail_at_once)
{
    char uri[SEMEL_ENDPOINT_TEXT_MAX];
    struct client client;
    loopback_dead(uri);
    client_open(&client, LIST("RetryIntervals=-1", "BreakerFailures=3", HOUR), uri);
    for (unsigned i = 0; i < 3; i++) {
        semel_status status = engine_call(&client, ADD, i, NULL);
        check_status(&status, UNAVAILABLE, CONNECT_FAILED, NOT_EXECUTED);
    }
    for (unsigned i = 0; i < 20; i++) {
        semel_status status = engine_call(&client, i % 2 == 0 ? ADD : SET, i, NULL);
        check_status(&status, UNAVAILABLE, BREAKER_OPEN, NOT_EXECUTED);
        cr_assert_eq((int)status.rule, SEMEL_RULE_R11);
        cr_assert_eq(status.attempts, 1);
        check_explains(&status, "the circuit breaker is open");
        check_explains(&status, "rule R11");
    }
    struct semel_channel_stats stats = client_stats(&client);
    cr_assert_eq(stats.dials, 3, "an open breaker lets nobody dial");
    cr_assert_eq(stats.failed_by[SEMEL_REASON_BREAKER_OPEN], 20);
    engine_check_sums(&stats);
    client_close(&client);
}

Test(breaker, an_open_one_denies_the_retries_of_the_call_that_opened_it)
{
    char uri[SEMEL_ENDPOINT_TEXT_MAX];
    struct client client;
    loopback_dead(uri);
    client_open(&client, LIST("RetryIntervals=0 0 0 0 0", "BreakerFailures=2", HOUR), uri);
    semel_status status = engine_call(&client, ADD, 1, NULL);
    check_status(&status, UNAVAILABLE, BREAKER_OPEN, NOT_EXECUTED);
    cr_assert_eq(status.attempts, 2);
    cr_assert_eq(client_stats(&client).denied_by[SEMEL_REASON_BREAKER_OPEN], 1);
    cr_assert_eq(client_stats(&client).dials, 2);
    client_close(&client);
}

Test(breaker, success_between_failures_keeps_it_closed)
{
    char uri[SEMEL_ENDPOINT_TEXT_MAX];
    struct server server;
    struct client client;
    loopback_dead(uri);
    client_open(&client, LIST("RetryIntervals=-1", "BreakerFailures=3", HOUR), uri);
    for (unsigned round = 0; round < 4; round++) {
        for (unsigned i = 0; i < 2; i++) {
            semel_status status = engine_call(&client, ADD, i, NULL);
            cr_assert_neq((int)status.reason, SEMEL_REASON_BREAKER_OPEN, "round %u", round);
            cr_assert_eq((int)status.outcome, SEMEL_OUTCOME_NOT_EXECUTED);
        }
        server_open_at(&server, NULL, uri);
        semel_status status = engine_call(&client, ADD, 9, NULL);
        check_status(&status, OK, NONE, EXECUTED);
        cr_assert_eq((int)semel_server_drain(server.semel, NULL, NULL), SEMEL_OK);
        while (client_stats(&client).closed_by[SEMEL_REASON_DRAINED] <= round)
            ;
        server_close(&server);
    }
    client_close(&client);
}

Test(breaker, who_waits_waits_for_the_probe_and_an_answer_closes_it)
{
    char uri[SEMEL_ENDPOINT_TEXT_MAX];
    struct server server;
    struct client client;
    struct watch watch;
    loopback_dead(uri);
    client_open(&client,
                LIST("probe.Probe.Add.OnUnavailable=wait", "probe.Probe.Add.RetryIntervals=1",
                     "BreakerFailures=2", "BreakerOpenTime=60", "probe.Probe.Set.RetryIntervals=-1"),
                uri);
    watch_start(&watch, &client, ADD, 1, NULL);
    while (client_stats(&client).dials < 2)
        ;
    server_open_at(&server, NULL, uri);
    check_status(watch_wait(&watch), OK, NONE, EXECUTED);
    cr_assert_geq(watch.status.elapsed_us, 50000, "it did not wait for the probe");
    struct semel_channel_stats stats = client_stats(&client);
    /* One more for each probe that came before there was a server. */
    cr_assert_leq(stats.dials, 3 + (uint64_t)watch.status.elapsed_us / 50000, "%llu dials",
                  (unsigned long long)stats.dials);
    for (unsigned op = 2; op < 12; op++) {
        semel_status status = engine_call(&client, SET, op, NULL);
        check_status(&status, OK, NONE, EXECUTED);
    }
    engine_check_sums(&stats);
    client_close(&client);
    server_close(&server);
}

Test(breaker, the_other_endpoint_is_used_meanwhile)
{
    char dead[SEMEL_ENDPOINT_TEXT_MAX], list[ENGINE_LIST];
    struct server server;
    struct client client;
    loopback_dead(dead);
    server_open(&server, NULL);
    client_open(&client, LIST("RetryIntervals=-1", "BreakerFailures=1", HOUR),
                engine_list(list, dead, server.uri));
    for (unsigned op = 1; op <= 20; op++) {
        semel_status status = engine_call(&client, ADD, op, NULL);
        check_status(&status, OK, NONE, EXECUTED);
    }
    cr_assert_eq(client_stats(&client).dials, 2);
    client_close(&client);
    server_close(&server);
}

/* A server that refuses for overload is left alone, and the other one is asked. */
Test(breaker, overload_opens_it_and_the_other_endpoint_is_asked)
{
    struct server busy, well;
    struct client client;
    char list[ENGINE_LIST];
    struct watch filler, calls[8];
    server_open(&busy, LIST("MaxRunning=1", "MaxQueueAge=1"));
    server_open(&well, NULL);
    busy.handler = server_keep;
    struct client other;
    client_open(&other, NULL, busy.uri);
    watch_start(&filler, &other, ADD, 100, NULL);
    server_pending(&busy, 0);
    client_open(&client, LIST("RetryIntervals=0 0 0 0 0 0 0 0", "BreakerFailures=2", HOUR),
                engine_list(list, busy.uri, well.uri));
    for (unsigned i = 0; i < 8; i++)
        watch_start(&calls[i], &client, ADD, i, NULL);
    for (unsigned i = 0; i < 8; i++) {
        check_status(watch_wait(&calls[i]), OK, NONE, EXECUTED);
        cr_assert_eq(server_runs(&well, i), 1);
        cr_assert_eq(server_runs(&busy, i), 0);
    }
    semel_request_finish(server_pending(&busy, 0), &(probe_Reply){.op = 100});
    check_status(watch_wait(&filler), OK, NONE, EXECUTED);
    client_close(&client);
    client_close(&other);
    server_close(&busy);
    server_close(&well);
}

/* Attempts that time out count too, whatever becomes of their calls. */
Test(breaker, a_server_that_never_answers_opens_it)
{
    struct server stuck;
    struct client client;
    server_open(&stuck, NULL);
    stuck.handler = server_keep;
    client_open(&client, LIST("RetryIntervals=-1", "AttemptTimeout=20", "BreakerFailures=3", HOUR), stuck.uri);
    for (unsigned i = 0; i < 3; i++) {
        semel_status status = engine_call(&client, ADD, i, NULL);
        check_status(&status, DEADLINE_EXCEEDED, ATTEMPT_TIMEOUT, UNKNOWN);
    }
    semel_status status = engine_call(&client, ADD, 9, NULL);
    check_status(&status, UNAVAILABLE, BREAKER_OPEN, NOT_EXECUTED);
    cr_assert_eq(server_runs(&stuck, 9), 0);
    for (size_t i = 0; i < 3; i++)
        semel_request_finish(server_pending(&stuck, i), &(probe_Reply){.op = 1});
    client_close(&client);
    server_close(&stuck);
}
