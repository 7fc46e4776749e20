/* Ends: closing in each state, draining, flushing, and sums that must come out.
 *
 * Reads best next: fixture.h. */
#include <criterion/criterion.h>
#include <stddef.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/limits.h"
#include "fixture.h"
#include "peer.h"

TestSuite(close, .timeout = 60);

/* Closes the client; its calls must have ended by then, once each. */
static void close_client(struct client *client, struct watch *watches, size_t count, enum semel_outcome outcome)
{
    semel_channel_close(client->channel);
    for (size_t i = 0; i < count; i++) {
        cr_assert_eq(watch_times(&watches[i]), 1);
        cr_assert_eq((int)watches[i].status.reason, SEMEL_REASON_CHANNEL_CLOSED);
        cr_assert_eq((int)watches[i].status.code, SEMEL_CANCELLED);
        cr_assert_eq((int)watches[i].status.outcome, (int)outcome);
    }
    semel_node_close(client->node);
    semel_properties_destroy(client->properties);
}

Test(close, null_is_accepted)
{
    semel_channel_close(NULL);
    semel_server_close(NULL);
    semel_node_close(NULL);
    semel_properties_destroy(NULL);
}

Test(close, of_an_unused_channel)
{
    struct client client;
    client_open(&client, NULL, "tcp://127.0.0.1:9");
    close_client(&client, NULL, 0, SEMEL_OUTCOME_NOT_EXECUTED);
}

Test(close, while_it_dials_and_while_it_greets)
{
    char uri[SEMEL_ENDPOINT_TEXT_MAX];
    int listener = peer_listen(uri);
    struct client client;
    struct peer peer;
    struct watch watches[2];
    unsigned before = descriptors();
    for (unsigned stage = 0; stage < 3; stage++) {
        client_open(&client, NULL, uri);
        watch_start(&watches[0], &client, ADD, 1, NULL);
        watch_start(&watches[1], &client, SET, 2, NULL);
        if (stage > 0)
            peer_accept(&peer, listener);
        if (stage > 1)
            peer_take_hello(&peer);
        close_client(&client, watches, 2, SEMEL_OUTCOME_NOT_EXECUTED);
        if (stage == 0)
            peer_accept(&peer, listener);
        peer_expect_end(&peer);
        peer_close(&peer);
    }
    cr_assert_eq(descriptors(), before);
    close(listener);
}

Test(close, while_a_call_waits_for_its_reply_says_bye)
{
    char uri[SEMEL_ENDPOINT_TEXT_MAX];
    int listener = peer_listen(uri);
    struct client client;
    struct peer peer;
    struct watch written, waiting;
    struct welcome welcome = peer_some_welcome();
    welcome.window = 1;
    client_open(&client, NULL, uri);
    watch_start(&written, &client, ADD, 1, NULL);
    watch_start(&waiting, &client, ADD, 2, NULL);
    peer_serve(&peer, listener, &welcome, false);
    peer_expect(&peer, FRAME_REQUEST);
    client_close(&client);
    check_status(&written.status, CANCELLED, CHANNEL_CLOSED, UNKNOWN);
    check_status(&waiting.status, CANCELLED, CHANNEL_CLOSED, NOT_EXECUTED);
    struct frame bye = peer_expect(&peer, FRAME_BYE);
    cr_assert_eq(bye.seq - bye.aux, 3);
    peer_close(&peer);
    close(listener);
}

Test(close, while_a_call_is_held)
{
    char uri[SEMEL_ENDPOINT_TEXT_MAX];
    int listener = peer_listen(uri);
    struct client client;
    struct peer peer;
    struct watch watch;
    struct welcome welcome = peer_some_welcome();
    client_open(&client, LIST("RetryIntervals=0 0 0"), uri);
    watch_start(&watch, &client, ADD, 1, NULL);
    peer_serve(&peer, listener, &welcome, false);
    peer_expect(&peer, FRAME_REQUEST);
    peer_close(&peer);
    peer_accept(&peer, listener);
    peer_take_hello(&peer);
    close_client(&client, &watch, 1, SEMEL_OUTCOME_UNKNOWN);
    peer_close(&peer);
    close(listener);
}

static void on_nested_done(const probe_Reply *reply, const semel_status *status, void *user)
{
    (void)reply;
    (void)status;
    *(unsigned *)user += 1;
}

struct nested {
    semel_channel *channel;
    enum semel_code again;
    unsigned outer;
    unsigned inner;
};

static void start_again(const probe_Reply *reply, const semel_status *status, void *user)
{
    struct nested *nested = user;
    (void)reply;
    cr_assert_eq((int)status->reason, SEMEL_REASON_CHANNEL_CLOSED);
    nested->outer++;
    nested->again = probe_Probe_Add_start(nested->channel, &(probe_Request){.op = 2}, NULL, NULL,
                                          on_nested_done, &nested->inner);
}

Test(close, a_call_started_in_the_last_callback_is_refused)
{
    struct client client;
    struct nested nested = {0};
    client_open_unrun(&client, NULL, "tcp://127.0.0.1:9");
    nested.channel = client.channel;
    cr_assert_eq(
        (int)probe_Probe_Add_start(client.channel, &(probe_Request){.op = 1}, NULL, NULL, start_again, &nested),
        SEMEL_OK);
    client_close(&client);
    cr_assert_eq(nested.outer, 1);
    cr_assert_eq((int)nested.again, SEMEL_UNAVAILABLE);
    cr_assert_eq(nested.inner, 0);
}

/* ---- flush and oneway ---- */

Test(close, flush_waits_for_oneways_and_gives_up_in_time)
{
    struct server server;
    struct client client;
    struct watch watch;
    server_open(&server, NULL);
    server.handler = server_keep;
    client_open(&client, NULL, server.uri);
    cr_assert_eq((int)semel_channel_flush(client.channel, 0), SEMEL_OK);
    for (unsigned op = 1; op <= 500; op++)
        cr_assert_eq((int)probe_Probe_Tell(client.channel, &(probe_Request){.op = op}, NULL), SEMEL_OK);
    cr_assert_eq((int)semel_channel_flush(client.channel, 50000), SEMEL_OK);
    for (unsigned op = 1; op <= 500; op++)
        cr_assert_eq(server_runs(&server, op), 1);
    watch_start(&watch, &client, ADD, 501, NULL);
    semel_request *pending = server_pending(&server, 0);
    cr_assert_eq((int)semel_channel_flush(client.channel, 30), SEMEL_DEADLINE_EXCEEDED);
    semel_request_finish(pending, &(probe_Reply){.op = 501});
    cr_assert_eq((int)semel_channel_flush(client.channel, 50000), SEMEL_OK);
    cr_assert_eq(watch_times(&watch), 1);
    client_close(&client);
    server_close(&server);
}

/* ---- draining ---- */

struct drained {
    semel_server *semel;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    unsigned times;
};

static void on_drained(void *user)
{
    struct drained *drained = user;
    pthread_mutex_lock(&drained->mutex);
    drained->times++;
    pthread_cond_signal(&drained->changed);
    pthread_mutex_unlock(&drained->mutex);
}

static void drain(struct drained *drained, struct server *server)
{
    *drained = (struct drained){server->semel, PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0};
    cr_assert_eq((int)semel_server_drain(server->semel, on_drained, drained), SEMEL_OK);
}

static void wait_drained(struct drained *drained)
{
    pthread_mutex_lock(&drained->mutex);
    while (drained->times == 0)
        pthread_cond_wait(&drained->changed, &drained->mutex);
    cr_assert_eq(drained->times, 1);
    pthread_mutex_unlock(&drained->mutex);
}

Test(close, a_drain_without_clients_is_done_at_once)
{
    struct server server;
    struct drained drained;
    server_open(&server, NULL);
    drain(&drained, &server);
    wait_drained(&drained);
    server_close(&server);
}

/* A rolling restart under load: nothing is lost, nothing runs twice. */
static void check_hand_over(enum method method)
{
    enum { CALLS = 300 };
    static struct watch watches[CALLS];
    struct server old, new;
    struct client client;
    struct drained drained;
    server_open(&old, NULL);
    client_open(&client, LIST("OnUnavailable=wait", "RetryIntervals=1"), old.uri);
    for (unsigned i = 0; i < CALLS; i++)
        watch_start(&watches[i], &client, method, i, NULL);
    server_wait_runs(&old, 10, 1);
    drain(&drained, &old);
    wait_drained(&drained);
    server_open_at(&new, NULL, old.uri);
    for (unsigned i = 0; i < CALLS; i++) {
        check_status(watch_wait(&watches[i]), OK, NONE, EXECUTED);
        cr_assert_eq(server_runs(&old, i) + server_runs(&new, i), 1);
    }
    client_close(&client);
    server_close(&old);
    server_close(&new);
}

Test(close, a_drain_hands_over_to_the_next_server_without_a_loss)
{
    check_hand_over(ADD);
}

Test(close, a_drain_acknowledges_oneways_or_leaves_them_to_the_next_server)
{
    check_hand_over(TELL);
}

Test(close, a_drain_answers_what_is_pending_and_is_cut_off_in_time)
{
    struct server server;
    struct client client;
    struct drained drained;
    struct watch watch;
    server_open(&server, LIST("DrainTimeout=100"));
    server.handler = server_keep;
    client_open(&client, LIST("RetryIntervals=-1"), server.uri);
    watch_start(&watch, &client, ADD, 1, NULL);
    semel_request *pending = server_pending(&server, 0);
    drain(&drained, &server);
    wait_drained(&drained);
    check_status(watch_wait(&watch), UNAVAILABLE, NO_VERDICT, UNKNOWN);
    semel_request_finish(pending, &(probe_Reply){.op = 1});
    client_close(&client);
    server_close(&server);
}

/* ---- sums ---- */

Test(close, the_statistics_add_up)
{
    struct server server;
    struct client client;
    struct watch watches[12];
    struct semel_channel_stats mine;
    struct semel_server_stats its;
    time_t begun = time(NULL);
    server_open(&server, NULL);
    client_open(&client, NULL, server.uri);
    for (unsigned i = 0; i < 10; i++)
        watch_start(&watches[i], &client, i % 2 == 0 ? ADD : SET, i, NULL);
    for (unsigned i = 0; i < 10; i++)
        check_status(watch_wait(&watches[i]), OK, NONE, EXECUTED);
    server.handler = server_keep;
    watch_start(&watches[10], &client, ADD, 10, NULL);
    semel_request_fail(server_pending(&server, 0), SEMEL_ABORTED, "no");
    check_status(watch_wait(&watches[10]), ABORTED, HANDLER, EXECUTED);
    watch_start(&watches[11], &client, ADD, 11, NULL);
    server_pending(&server, 1);
    do { /* a machine that has much to do may see a PING */
        mine = client_stats(&client);
        its = server_stats(&server);
    } while (its.bytes_in != mine.bytes_out || its.bytes_out != mine.bytes_in);
    cr_assert_eq(mine.calls, 12);
    cr_assert_eq(mine.ok, 10);
    cr_assert_eq(mine.failed[SEMEL_OUTCOME_EXECUTED], 1);
    cr_assert_eq(mine.failed_by[SEMEL_REASON_HANDLER], 1);
    cr_assert_eq(mine.outstanding, 1);
    cr_assert_eq(mine.calls, mine.ok + mine.failed[0] + mine.failed[1] + mine.failed[2] + mine.outstanding);
    cr_assert_eq(mine.connections, 1);
    cr_assert_eq(mine.dials, 1);
    uint64_t pings = mine.frames_out - 13; /* HELLO and the requests */
    cr_assert_eq(mine.frames_in, 12 + pings);
    cr_assert_leq(pings, (uint64_t)(time(NULL) - begun + 1) * 1000 / LIMIT_AWAITING_SILENCE_MS);
    cr_assert_eq(mine.retries + mine.replays + mine.held, 0);
    cr_assert_eq(its.requests, 12);
    cr_assert_eq(its.executed, 12);
    cr_assert_eq(its.running, 1);
    semel_request_finish(server_pending(&server, 1), &(probe_Reply){.op = 11});
    check_status(watch_wait(&watches[11]), OK, NONE, EXECUTED);
    client_close(&client);
    server_close(&server);
}
