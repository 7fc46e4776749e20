/* The retry policy as an operator sets it: how many attempts, where they go, and which setting wins.
 *
 * Reads best next: client/policy.h. */
#include <criterion/criterion.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fixture.h"
#include "peer.h"

TestSuite(policy, .timeout = 60);

/* How a call of Add to nobody ends. */
static semel_status call_nobody(const char *const *properties, const semel_call_options *options)
{
    char uri[SEMEL_ENDPOINT_TEXT_MAX];
    struct client client;
    probe_Reply reply;
    semel_status status;
    loopback_dead(uri);
    client_open_unrun(&client, properties, uri);
    probe_Probe_Add(client.channel, &(probe_Request){.op = 1}, &reply, options, &status);
    cr_assert_eq(client_stats(&client).dials, status.attempts);
    client_close(&client);
    return status;
}

static void check_attempts(uint32_t attempts, const char *const *properties, const semel_call_options *options)
{
    semel_status status = call_nobody(properties, options);
    check_status(&status, UNAVAILABLE, CONNECT_FAILED, NOT_EXECUTED);
    cr_assert_eq(status.attempts, attempts, "%s: %u attempts", properties != NULL ? properties[0] : "-",
                 status.attempts);
    cr_assert_eq((int)status.rule, SEMEL_RULE_R11);
    cr_assert_eq(status.trail_count, attempts);
}

Test(policy, attempts_are_one_and_one_for_each_interval)
{
    check_attempts(2, NULL, NULL);
    check_attempts(1, LIST("RetryIntervals=-1"), NULL);
    check_attempts(2, LIST("RetryIntervals=0"), NULL);
    check_attempts(4, LIST("RetryIntervals=0 10 20"), NULL);
}

Test(policy, waits_before_each_retry_as_long_as_it_was_told)
{
    semel_status status = call_nobody(LIST("RetryIntervals=0 30 60"), NULL);
    cr_assert_eq(status.attempts, 4);
    cr_assert_eq(status.trail[0].wait_us, 0);
    cr_assert_eq(status.trail[1].wait_us, 30000);
    cr_assert_eq(status.trail[2].wait_us, 60000);
    cr_assert_geq(status.elapsed_us, 90000);
}

Test(policy, the_most_specific_setting_wins)
{
    const uint32_t intervals[] = {0, 0, 0, 0, 0};
    semel_call_options options = SEMEL_CALL_OPTIONS_INIT;
    options.retry_intervals_ms = intervals;
    options.retry_interval_count = 5;
    semel_call_options none = SEMEL_CALL_OPTIONS_INIT;
    none.retry_interval_count = 0;
    const char *const all[] = {"RetryIntervals=-1", "test.RetryIntervals=0 0",
                               "probe.Probe.RetryIntervals=0 0 0", "probe.Probe.Add.RetryIntervals=0 0 0 0",
                               NULL};
    check_attempts(6, all, &options);
    check_attempts(1, all, &none);
    check_attempts(5, all, NULL);
    check_attempts(4, LIST(all[0], all[1], all[2]), NULL);
    check_attempts(3, LIST(all[0], all[1]), NULL);
    check_attempts(1, LIST(all[0]), NULL);
    check_attempts(2, LIST("other.RetryIntervals=0 0", "probe.Probe.Set.RetryIntervals=0 0 0"), NULL);
}

Test(policy, the_idl_is_under_the_properties_and_over_the_default)
{
    static const uint32_t intervals[] = {0, 0};
    static const char *const properties[][2] = {{NULL}, {"RetryIntervals=0 0 0", NULL}};
    struct semel_method method = probe_Probe_methods[ADD];
    semel_call_options options = SEMEL_CALL_OPTIONS_INIT;
    options.retry_intervals_ms = intervals;
    options.retry_interval_count = 2;
    method.options = &options;
    for (uint32_t i = 0; i < 2; i++) {
        char uri[SEMEL_ENDPOINT_TEXT_MAX];
        struct client client;
        probe_Reply reply;
        semel_status status;
        loopback_dead(uri);
        client_open_unrun(&client, properties[i], uri);
        semel_call_wait(client.channel, &method, &(probe_Request){.op = 1}, &reply, NULL, NULL, &status);
        cr_assert_eq(status.attempts, 3 + i);
        client_close(&client);
    }
}

Test(policy, options_out_of_range_are_refused)
{
    const semel_call_options bad[] = {OPTIONS(-2, NULL, -1, SEMEL_ON_UNAVAILABLE_UNSET),
                                      OPTIONS(INT64_MAX, NULL, -1, SEMEL_ON_UNAVAILABLE_UNSET),
                                      OPTIONS(0, NULL, -2, SEMEL_ON_UNAVAILABLE_UNSET),
                                      OPTIONS(0, NULL, 65, SEMEL_ON_UNAVAILABLE_UNSET),
                                      OPTIONS(0, NULL, -1, (enum semel_on_unavailable)4)};
    struct client client;
    client_open_unrun(&client, NULL, "tcp://127.0.0.1:9");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        probe_Reply reply;
        semel_status status;
        probe_Probe_Add(client.channel, &(probe_Request){.op = 1}, &reply, &bad[i], &status);
        check_status(&status, INVALID_ARGUMENT, BAD_ARGUMENT, NOT_EXECUTED);
    }
    cr_assert_eq(client_stats(&client).calls, 0);
    client_close(&client);
}

/* ---- the three philosophies ---- */

Test(policy, wait_goes_on_until_the_server_is_back)
{
    char uri[SEMEL_ENDPOINT_TEXT_MAX];
    struct server server;
    struct client client;
    struct watch watch;
    loopback_dead(uri);
    client_open(&client, LIST("OnUnavailable=wait", "RetryIntervals=1"), uri);
    watch_start(&watch, &client, ADD, 1, NULL);
    while (client_stats(&client).dials < 4)
        ;
    server_open_at(&server, NULL, uri);
    check_status(watch_wait(&watch), OK, NONE, EXECUTED);
    cr_assert_geq(watch.status.attempts, 5);
    cr_assert_eq(server_runs(&server, 1), 1);
    client_close(&client);
    server_close(&server);
}

Test(policy, drop_does_not_retry_and_counts_the_loss)
{
    semel_status status = call_nobody(LIST("OnUnavailable=drop", "RetryIntervals=0 0 0"), NULL);
    check_status(&status, UNAVAILABLE, LOST, NOT_EXECUTED);
    cr_assert_eq(status.attempts, 1);
}

Test(policy, a_lost_oneway_is_counted)
{
    char uri[SEMEL_ENDPOINT_TEXT_MAX];
    struct client client;
    loopback_dead(uri);
    client_open_unrun(&client, LIST("RetryIntervals=-1"), uri);
    for (unsigned i = 0; i < 3; i++)
        cr_assert_eq((int)probe_Probe_Tell(client.channel, &(probe_Request){.op = i}, NULL), SEMEL_OK);
    cr_assert_eq((int)semel_channel_flush(client.channel, 50000), SEMEL_OK);
    struct semel_channel_stats stats = client_stats(&client);
    cr_assert_eq(stats.calls, 3);
    cr_assert_eq(stats.ok, 0);
    cr_assert_eq(stats.failed[SEMEL_OUTCOME_NOT_EXECUTED], 3);
    cr_assert_eq(stats.failed_by[SEMEL_REASON_CONNECT_FAILED], 3);
    client_close(&client);
}

/* ---- several endpoints ---- */

Test(policy, one_round_over_all_endpoints_is_one_attempt)
{
    char uris[3][SEMEL_ENDPOINT_TEXT_MAX], list[4 * SEMEL_ENDPOINT_TEXT_MAX];
    struct client client;
    probe_Reply reply;
    semel_status status;
    for (size_t i = 0; i < 3; i++)
        loopback_dead(uris[i]);
    snprintf(list, sizeof list, "%s,%s,%s", uris[0], uris[1], uris[2]);
    client_open_unrun(&client, LIST("RetryIntervals=0"), list);
    probe_Probe_Add(client.channel, &(probe_Request){.op = 1}, &reply, NULL, &status);
    check_status(&status, UNAVAILABLE, CONNECT_FAILED, NOT_EXECUTED);
    cr_assert_eq(status.attempts, 2);
    cr_assert_eq(client_stats(&client).dials, 6);
    client_close(&client);
}

/* The second accepts and drops before it says WELCOME. */
static void *drop_all(void *listener)
{
    struct peer peer;
    for (;;) {
        peer_accept(&peer, *(const int *)listener);
        struct frame frame;
        bool more = peer_read(&peer, &frame);
        peer_close(&peer);
        if (!more)
            return NULL;
    }
}

static void reach_the_live_one(const char *selection)
{
    char dead[SEMEL_ENDPOINT_TEXT_MAX], dropping[SEMEL_ENDPOINT_TEXT_MAX], list[4 * SEMEL_ENDPOINT_TEXT_MAX];
    struct server server;
    struct client client;
    struct peer last;
    pthread_t thread;
    loopback_dead(dead);
    int listener = peer_listen(dropping);
    pthread_create(&thread, NULL, drop_all, &listener);
    server_open(&server, NULL);
    snprintf(list, sizeof list, "%s,%s,%s", dead, dropping, server.uri);
    for (unsigned op = 1; op <= 10; op++) {
        probe_Reply reply;
        semel_status status;
        client_open_unrun(&client, LIST(selection, "RetryIntervals=-1"), list);
        probe_Probe_Add(client.channel, &(probe_Request){.op = op}, &reply, NULL, &status);
        check_status(&status, OK, NONE, EXECUTED);
        cr_assert_eq(status.attempts, 1);
        cr_assert_eq(server_runs(&server, op), 1);
        client_close(&client);
    }
    peer_connect(&last, dropping);
    peer_close(&last);
    pthread_join(thread, NULL);
    close(listener);
    server_close(&server);
}

Test(policy, a_live_endpoint_behind_two_bad_ones_is_reached_in_order)
{
    reach_the_live_one("EndpointSelection=ordered");
}

Test(policy, a_live_endpoint_among_two_bad_ones_is_reached_at_random)
{
    reach_the_live_one("EndpointSelection=random");
}

/* The endpoint whose connection broke goes last: an unwritten call moves on, a written one becomes UNKNOWN. */
Test(policy, a_fail_over_never_runs_a_written_call_elsewhere)
{
    struct server one, two;
    struct client client;
    struct watch written, fresh;
    char list[2 * SEMEL_ENDPOINT_TEXT_MAX];
    server_open(&one, NULL);
    server_open(&two, NULL);
    one.handler = server_keep;
    snprintf(list, sizeof list, "%s,%s", one.uri, two.uri);
    client_open(&client, LIST("RetryIntervals=0 0 0"), list);
    watch_start(&written, &client, ADD, 1, NULL);
    semel_request *pending = server_pending(&one, 0);
    semel_server_close(one.semel);
    watch_start(&fresh, &client, ADD, 2, NULL);
    check_status(watch_wait(&written), UNAVAILABLE, DOMAIN_CHANGED, UNKNOWN);
    check_status(watch_wait(&fresh), OK, NONE, EXECUTED);
    cr_assert_eq(server_runs(&two, 1), 0);
    cr_assert_eq(server_runs(&two, 2), 1);
    semel_request_fail(pending, SEMEL_ABORTED, NULL);
    client_close(&client);
    server_close(&one);
    server_close(&two);
}

Test(policy, a_fail_over_runs_an_idempotent_call_elsewhere)
{
    struct server one, two;
    struct client client;
    struct watch watch;
    char list[2 * SEMEL_ENDPOINT_TEXT_MAX];
    server_open(&one, NULL);
    server_open(&two, NULL);
    one.handler = server_keep;
    snprintf(list, sizeof list, "%s,%s", one.uri, two.uri);
    client_open(&client, LIST("RetryIntervals=0 0 0"), list);
    watch_start(&watch, &client, SET, 1, NULL);
    semel_request *pending = server_pending(&one, 0);
    semel_server_close(one.semel);
    check_status(watch_wait(&watch), OK, NONE, EXECUTED);
    cr_assert_eq(server_runs(&two, 1), 1);
    semel_request_finish(pending, &(probe_Reply){.op = 1});
    client_close(&client);
    server_close(&one);
    server_close(&two);
}
