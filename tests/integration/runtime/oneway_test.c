/* Oneway calls: each ends with the truth, told to its own callback or to the channel's, and counted.
 *
 * Reads best next: receipt_test.c, for what travels. */
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "engine.h"
#include "losses.h"

TestSuite(oneway, .timeout = 60);

static void tell(struct client *client, unsigned op)
{
    cr_assert_eq((int)probe_Probe_Tell(client->channel, &(probe_Request){.op = op}, NULL), SEMEL_OK);
}

static void check_counts(struct client *client, uint64_t sent, uint64_t acknowledged, uint64_t lost)
{
    struct semel_channel_stats stats = client_stats(client);
    uint64_t outcomes = 0, reasons = 0;
    for (size_t i = 0; i < 3; i++)
        outcomes += stats.oneways_lost[i];
    for (size_t i = 0; i < SEMEL_REASON_COUNT; i++)
        reasons += stats.oneways_lost_by[i];
    cr_assert_eq(stats.oneways, sent);
    cr_assert_eq(stats.oneways_acknowledged, acknowledged);
    cr_assert_eq(outcomes, lost);
    cr_assert_eq(reasons, lost);
}

Test(oneway, with_a_callback_is_told_of_its_execution)
{
    struct server server;
    struct client client;
    struct losses losses;
    struct watch watch, two_way;
    server_open(&server, NULL);
    client_open(&client, NULL, server.uri);
    losses_listen(&losses, client.channel);
    watch_start(&watch, &client, TELL, 1, NULL);
    check_status(watch_wait(&watch), OK, NONE, EXECUTED);
    cr_assert_eq(watch.status.attempts, 1);
    cr_assert_str_eq(watch.status.method, "probe.Probe.Tell");
    cr_assert_eq(server_runs(&server, 1), 1);
    watch_start(&two_way, &client, ADD, 2, NULL);
    check_status(watch_wait(&two_way), OK, NONE, EXECUTED);
    check_counts(&client, 1, 1, 0);
    cr_assert_eq(client_stats(&client).ok, 2);
    cr_assert_eq(losses_times(&losses), 0);
    client_close(&client);
    server_close(&server);
}

Test(oneway, without_a_server_is_told_as_lost_with_its_trail)
{
    char uri[SEMEL_ENDPOINT_TEXT_MAX];
    struct client client;
    struct losses losses;
    loopback_dead(uri);
    client_open(&client, LIST("RetryIntervals=0"), uri);
    losses_listen(&losses, client.channel);
    for (unsigned op = 1; op <= 3; op++)
        tell(&client, op);
    check_status(losses_wait(&losses, 3), UNAVAILABLE, CONNECT_FAILED, NOT_EXECUTED);
    cr_assert_eq(losses.method, &probe_Probe_methods[TELL]);
    cr_assert_eq(losses.status.attempts, 2);
    cr_assert_eq(losses.status.trail_count, 2);
    cr_assert_str_eq(losses.status.trail[1].endpoint, uri);
    cr_assert(!pthread_equal(losses.thread, pthread_self()), "it was told inside the stub");
    check_counts(&client, 3, 0, 3);
    cr_assert_eq(client_stats(&client).oneways_lost_by[SEMEL_REASON_CONNECT_FAILED], 3);
    cr_assert_eq(client_stats(&client).oneways_lost[SEMEL_OUTCOME_NOT_EXECUTED], 3);
    client_close(&client);
    cr_assert_eq(losses.times, 3);
}

static enum semel_code fail(struct server *server, semel_request *request, probe_Request *in, probe_Reply *out)
{
    (void)server;
    (void)out;
    return semel_request_error(request, SEMEL_NOT_FOUND, "no such drawer: %u", in->op);
}

Test(oneway, that_its_handler_fails_is_told_with_the_handlers_words)
{
    struct server server;
    struct client client;
    struct losses losses;
    server_open(&server, NULL);
    server.tell = fail;
    client_open(&client, NULL, server.uri);
    losses_listen(&losses, client.channel);
    tell(&client, 7);
    check_status(losses_wait(&losses, 1), NOT_FOUND, HANDLER, EXECUTED);
    cr_assert_str_eq(losses.status.message, "no such drawer: 7");
    check_counts(&client, 1, 0, 1);
    cr_assert_eq(client_stats(&client).oneways_lost[SEMEL_OUTCOME_EXECUTED], 1);
    client_close(&client);
    server_close(&server);
}

static enum semel_code refuse(struct server *server, semel_request *request, probe_Request *in,
                              probe_Reply *out)
{
    (void)server;
    (void)in;
    (void)out;
    return semel_request_refuse(request, 0, false);
}

Test(oneway, that_its_handler_refuses_is_tried_again_and_then_told)
{
    struct server server;
    struct client client;
    struct losses losses;
    server_open(&server, NULL);
    server.tell = refuse;
    client_open(&client, LIST("RetryIntervals=0 0"), server.uri);
    losses_listen(&losses, client.channel);
    tell(&client, 1);
    check_status(losses_wait(&losses, 1), UNAVAILABLE, REFUSED_BY_HANDLER, NOT_EXECUTED);
    cr_assert_eq(losses.status.attempts, 3);
    cr_assert_eq(server_runs(&server, 1), 3);
    client_close(&client);
    server_close(&server);
}

/* Best effort: what was on its way when the connection broke is neither held nor tried again. */
Test(oneway, of_best_effort_is_dropped_and_told)
{
    char uri[SEMEL_ENDPOINT_TEXT_MAX];
    struct client client;
    struct losses losses;
    struct peer peer;
    const struct welcome welcome = peer_some_welcome();
    int listener = peer_listen(uri);
    client_open(&client, LIST("OnUnavailable=drop"), uri);
    losses_listen(&losses, client.channel);
    tell(&client, 1);
    peer_serve(&peer, listener, &welcome, false);
    (void)peer_expect(&peer, FRAME_REQUEST);
    peer_close(&peer);
    check_status(losses_wait(&losses, 1), UNAVAILABLE, LOST, UNKNOWN);
    close(listener);
    tell(&client, 2);
    check_status(losses_wait(&losses, 2), UNAVAILABLE, LOST, NOT_EXECUTED);
    check_counts(&client, 2, 0, 2);
    cr_assert_eq(client_stats(&client).oneways_lost_by[SEMEL_REASON_LOST], 2);
    client_close(&client);
}

Test(oneway, losses_are_told_to_a_callback_or_to_the_channel_not_to_both)
{
    char uri[SEMEL_ENDPOINT_TEXT_MAX];
    struct client client;
    struct losses losses;
    struct watch watch, two_way;
    loopback_dead(uri);
    client_open(&client, LIST("RetryIntervals=-1"), uri);
    losses_listen(&losses, client.channel);
    watch_start(&watch, &client, TELL, 1, NULL);
    watch_start(&two_way, &client, ADD, 2, NULL);
    check_status(watch_wait(&watch), UNAVAILABLE, CONNECT_FAILED, NOT_EXECUTED);
    check_status(watch_wait(&two_way), UNAVAILABLE, CONNECT_FAILED, NOT_EXECUTED);
    check_counts(&client, 1, 0, 1);
    cr_assert_eq(losses_times(&losses), 0);
    semel_channel_on_loss(client.channel, NULL, NULL);
    tell(&client, 3);
    cr_assert_eq((int)semel_channel_flush(client.channel, 50000), SEMEL_OK);
    check_counts(&client, 2, 0, 2);
    client_close(&client);
    cr_assert_eq(losses.times, 0);
}

struct teller {
    struct client *client;
    unsigned left;
};

static void tell_again(void *arg)
{
    struct teller *teller = arg;
    if (teller->left > 0) {
        teller->left--;
        tell(teller->client, teller->left);
    }
}

Test(oneway, may_be_sent_by_the_one_who_is_told_of_a_loss)
{
    char uri[SEMEL_ENDPOINT_TEXT_MAX];
    struct client client;
    struct losses losses;
    struct teller teller = {&client, 5};
    loopback_dead(uri);
    client_open_unrun(&client, LIST("RetryIntervals=-1"), uri);
    losses_listen(&losses, client.channel);
    losses.then = tell_again;
    losses.arg = &teller;
    tell(&client, 9);
    cr_assert_eq(losses_times(&losses), 0, "it was told inside the stub");
    cr_assert_eq((int)semel_channel_flush(client.channel, 50000), SEMEL_OK);
    cr_assert_eq(losses_times(&losses), 6);
    check_counts(&client, 6, 0, 6);
    client_close(&client);
}

Test(oneway, ends_with_its_channel_and_is_told_before_that_is_closed)
{
    char uri[SEMEL_ENDPOINT_TEXT_MAX];
    struct client client;
    struct losses losses;
    loopback_dead(uri);
    client_open_unrun(&client, LIST("OnUnavailable=wait", "RetryIntervals=1000"), uri);
    losses_listen(&losses, client.channel);
    tell(&client, 1);
    tell(&client, 2);
    client_close(&client);
    cr_assert_eq(losses.times, 2);
    check_status(&losses.status, CANCELLED, CHANNEL_CLOSED, NOT_EXECUTED);
}
