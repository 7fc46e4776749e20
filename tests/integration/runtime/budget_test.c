/* The retry budget over real sockets: what overload costs at most, and what is never charged.
 *
 * Reads best next: core/budget.h. */
#include <stddef.h>

#include "engine.h"
#include "proxy.h"

TestSuite(budget, .timeout = 60);

/* A bucket begins full: so many retries are free. */
enum { FULL = 100 };

/* Calls to a server that always refuses. */
static struct semel_channel_stats refuse_all(const char *const *properties, unsigned calls, unsigned *ret_runs)
{
    struct server server;
    struct client client;
    engine_failing = (struct engine_failing){.times = UINT32_MAX, .code = SEMEL_REFUSED};
    server_open(&server, NULL);
    server.handler = engine_fail;
    client_open(&client, properties, server.uri);
    for (unsigned i = 0; i < calls; i++) {
        semel_status status = engine_call(&client, ADD, i, NULL);
        cr_assert_eq((int)status.outcome, SEMEL_OUTCOME_NOT_EXECUTED);
        cr_assert(status.reason == SEMEL_REASON_BUDGET_EMPTY ||
                  status.reason == SEMEL_REASON_REFUSED_BY_HANDLER);
    }
    struct semel_channel_stats stats = client_stats(&client);
    engine_check_sums(&stats);
    *ret_runs = server_all_runs(&server);
    client_close(&client);
    server_close(&server);
    return stats;
}

Test(budget, bounds_what_retries_add_to_an_overload)
{
    enum { CALLS = 1000 };
    unsigned runs;
    struct semel_channel_stats stats = refuse_all(
        LIST("RetryIntervals=0 0 0 0", "RetryBudgetPercent=20", "RetryBudgetFloor=0"), CALLS, &runs);
    cr_assert_leq(stats.retries, FULL + CALLS * 20 / 100);
    cr_assert_geq(stats.retries, CALLS * 20 / 100, "the share that is allowed is not withheld");
    cr_assert_eq(runs, CALLS + stats.retries);
    cr_assert_gt(stats.denied_by[SEMEL_REASON_BUDGET_EMPTY], 0);
    cr_assert_eq(stats.denied_by[SEMEL_REASON_BUDGET_EMPTY], stats.failed_by[SEMEL_REASON_BUDGET_EMPTY]);
}

Test(budget, of_nothing_allows_no_retry_that_costs)
{
    unsigned runs;
    struct semel_channel_stats stats = refuse_all(
        LIST("RetryIntervals=0 0", "RetryBudgetPercent=0", "RetryBudgetFloor=0"), 20, &runs);
    cr_assert_eq(stats.retries, 0);
    cr_assert_eq(runs, 20);
    cr_assert_eq(stats.denied_by[SEMEL_REASON_BUDGET_EMPTY], 20);
}

Test(budget, an_empty_one_is_told)
{
    struct server server;
    struct client client;
    engine_failing = (struct engine_failing){.times = UINT32_MAX, .code = SEMEL_REFUSED};
    server_open(&server, NULL);
    server.handler = engine_fail;
    client_open(&client, LIST("RetryIntervals=0", "RetryBudgetPercent=0", "RetryBudgetFloor=0"), server.uri);
    semel_status status = engine_call(&client, ADD, 1, NULL);
    check_status(&status, UNAVAILABLE, BUDGET_EMPTY, NOT_EXECUTED);
    cr_assert_eq((int)status.rule, SEMEL_RULE_R11);
    check_explains(&status, "the retry budget is empty");
    client_close(&client);
    server_close(&server);
}

/* R1: nothing was put on any server. */
Test(budget, calls_that_find_no_server_are_not_charged)
{
    char uri[SEMEL_ENDPOINT_TEXT_MAX];
    struct client client;
    loopback_dead(uri);
    client_open(&client, LIST("RetryIntervals=0 0 0", "RetryBudgetPercent=0", "RetryBudgetFloor=0"), uri);
    for (unsigned i = 0; i < 50; i++) {
        semel_status status = engine_call(&client, ADD, i, NULL);
        check_status(&status, UNAVAILABLE, CONNECT_FAILED, NOT_EXECUTED);
        cr_assert_eq(status.attempts, 4);
    }
    client_close(&client);
}

enum { FLYING = 1000 };
static struct watch watches[FLYING];

/* R4 and R5: a server that goes away with everything in flight costs nothing, however empty the budget is. */
Test(budget, a_restart_under_a_thousand_idempotent_calls_loses_none)
{
    struct server server, next;
    struct client client;
    server_open(&server, NULL);
    client_open(&client,
                LIST("RetryIntervals=0 5 10 20 50 100 200 500 1000 5000 10000", "RetryBudgetPercent=0",
                     "RetryBudgetFloor=0"),
                server.uri);
    for (unsigned i = 0; i < FLYING; i++)
        watch_start(&watches[i], &client, SET, i, NULL);
    semel_server_close(server.semel);
    server_open_at(&next, NULL, server.uri);
    for (unsigned i = 0; i < FLYING; i++)
        check_status(watch_wait(&watches[i]), OK, NONE, EXECUTED);
    struct semel_channel_stats stats = client_stats(&client);
    cr_assert_eq(stats.denied_by[SEMEL_REASON_BUDGET_EMPTY], 0);
    engine_check_sums(&stats);
    client_close(&client);
    server_close(&server);
    server_close(&next);
}

/* R3: replays after a cut are not charged either. */
Test(budget, replays_are_not_charged)
{
    struct server server;
    struct client client;
    struct proxy proxy;
    server_open(&server, NULL);
    proxy_open(&proxy, server.uri, PROXY_TO_CLIENT, 2000);
    client_open(&client, LIST("RetryIntervals=0 0 0", "RetryBudgetPercent=0", "RetryBudgetFloor=0"), proxy.uri);
    for (unsigned i = 0; i < 200; i++)
        watch_start(&watches[i], &client, ADD, i, NULL);
    for (unsigned i = 0; i < 200; i++) {
        check_status(watch_wait(&watches[i]), OK, NONE, EXECUTED);
        cr_assert_eq(server_runs(&server, i), 1);
    }
    struct semel_channel_stats stats = client_stats(&client);
    cr_assert_geq(stats.replays, 1);
    cr_assert_eq(stats.denied_by[SEMEL_REASON_BUDGET_EMPTY], 0);
    client_close(&client);
    proxy_close(&proxy);
    cr_assert_eq(proxy.cuts, 1);
    server_close(&server);
}
