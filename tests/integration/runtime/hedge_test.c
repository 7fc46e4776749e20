/* Hedging over real sockets: a call that gets no answer in time is asked again elsewhere, and the first answer counts.
 *
 * Reads best next: client/hedge.h. */
#include <stddef.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client/channel.h"
#include "engine.h"

TestSuite(hedge, .timeout = 60);

#define HEDGED "HedgeMax=1", "HedgeDelay=20", "RetryIntervals=-1"

/* A slow server that is asked first, and one that answers. */
struct pair {
    struct server slow;
    struct server well;
    char list[ENGINE_LIST];
    struct client client;
};

/* The slow one is connected: what is called is written to it at once, however soon a hedge follows. */
static void pair_open(struct pair *pair, const char *const *properties)
{
    server_open(&pair->slow, NULL);
    server_open(&pair->well, NULL);
    pair->slow.handler = server_keep;
    engine_list(pair->list, pair->slow.uri, pair->well.uri);
    client_open(&pair->client, properties, pair->list);
    semel_channel_wake(pair->client.channel);
    while (client_stats(&pair->client).connections == 0)
        ;
}

static void finish_pending(struct server *server)
{
    for (size_t i = 0; i < server->pending_count; i++)
        semel_request_finish(server->pending[i], &(probe_Reply){.op = 1});
}

static void pair_close(struct pair *pair)
{
    finish_pending(&pair->slow);
    finish_pending(&pair->well);
    client_close(&pair->client);
    server_close(&pair->slow);
    server_close(&pair->well);
}

static void wait_cancelled(struct server *server, size_t n)
{
    const semel_request *request = server_pending(server, n);
    while (!semel_request_cancelled(request))
        server_stats(server);
}

/* ---- winning and losing ---- */

Test(hedge, goes_to_another_endpoint_and_the_first_answer_wins)
{
    struct pair pair;
    pair_open(&pair, LIST(HEDGED));
    semel_status status = engine_call(&pair.client, SET, 1, NULL);
    check_status(&status, OK, NONE, EXECUTED);
    cr_assert_eq(status.attempts, 2);
    cr_assert_eq(status.hedges, 1);
    cr_assert_eq(status.trail_count, 0);
    server_pending(&pair.slow, 0);
    cr_assert_eq(server_runs(&pair.slow, 1), 1);
    cr_assert_eq(server_runs(&pair.well, 1), 1);
    struct semel_channel_stats stats = client_stats(&pair.client);
    cr_assert_eq(stats.hedges, 1);
    cr_assert_eq(stats.hedges_won, 1);
    cr_assert_eq(stats.calls, 1);
    cr_assert_eq(stats.retries, 0);
    engine_check_sums(&stats);
    wait_cancelled(&pair.slow, 0);
    pair_close(&pair);
}

Test(hedge, that_loses_is_cancelled)
{
    struct pair pair;
    struct watch watch;
    pair_open(&pair, LIST(HEDGED));
    pair.well.handler = server_keep;
    watch_start(&watch, &pair.client, SET, 1, NULL);
    server_pending(&pair.well, 0);
    semel_request_finish(server_pending(&pair.slow, 0), &(probe_Reply){.op = 1});
    pair.slow.pending_count = 0;
    check_status(watch_wait(&watch), OK, NONE, EXECUTED);
    cr_assert_eq(watch.status.hedges, 1);
    wait_cancelled(&pair.well, 0);
    cr_assert_eq(client_stats(&pair.client).hedges_won, 0);
    pair_close(&pair);
}

Test(hedge, is_not_sent_when_the_answer_comes_in_time)
{
    struct pair pair;
    pair_open(&pair, LIST("HedgeMax=3", "HedgeDelay=3600000"));
    pair.slow.handler = server_count;
    for (unsigned op = 1; op <= 50; op++) {
        semel_status status = engine_call(&pair.client, SET, op, NULL);
        check_status(&status, OK, NONE, EXECUTED);
        cr_assert_eq(status.attempts, 1);
    }
    cr_assert_eq(client_stats(&pair.client).hedges, 0);
    cr_assert_eq(server_all_runs(&pair.well), 0);
    pair_close(&pair);
}

Test(hedge, never_of_what_runs_at_most_once)
{
    struct pair pair;
    struct watch watch;
    pair_open(&pair, LIST("HedgeMax=4", "HedgeDelay=0", "probe.Probe.Add.HedgeMax=4"));
    watch_start(&watch, &pair.client, ADD, 1, NULL);
    server_pending(&pair.slow, 0);
    watch_expire(&watch, &pair.client);
    check_status(watch_wait(&watch), DEADLINE_EXCEEDED, DEADLINE, UNKNOWN);
    cr_assert_eq(watch.status.attempts, 1);
    cr_assert_eq(client_stats(&pair.client).hedges, 0);
    cr_assert_eq(server_runs(&pair.slow, 1), 1);
    cr_assert_eq(server_runs(&pair.well, 1), 0);
    semel_call_options options = SEMEL_CALL_OPTIONS_INIT;
    options.hedge_max = 1;
    semel_status status = engine_call(&pair.client, ADD, 2, &options);
    check_status(&status, INVALID_ARGUMENT, BAD_ARGUMENT, NOT_EXECUTED);
    pair_close(&pair);
}

Test(hedge, with_one_endpoint_goes_there_again)
{
    struct server server;
    struct client client;
    struct watch watch;
    server_open(&server, NULL);
    server.handler = server_keep;
    client_open(&client, LIST(HEDGED), server.uri);
    watch_start(&watch, &client, SET, 1, NULL);
    semel_request *second = server_pending(&server, 1);
    semel_request_finish(second, &(probe_Reply){.op = 1, .runs = 2});
    check_status(watch_wait(&watch), OK, NONE, EXECUTED);
    cr_assert_eq(watch.reply.runs, 2);
    cr_assert_eq(client_stats(&client).connections, 1);
    wait_cancelled(&server, 0);
    semel_request_finish(server_pending(&server, 0), &(probe_Reply){.op = 1});
    client_close(&client);
    server_close(&server);
}

/* ---- bounds ---- */

Test(hedge, no_more_than_hedge_max_are_out)
{
    struct pair pair;
    struct watch watch;
    pair_open(&pair, LIST("HedgeMax=3", "HedgeDelay=0", "RetryIntervals=-1"));
    pair.well.handler = server_keep;
    watch_start(&watch, &pair.client, SET, 1, NULL);
    while (server_all_runs(&pair.slow) + server_all_runs(&pair.well) < 4)
        ;
    watch_expire(&watch, &pair.client);
    check_status(watch_wait(&watch), DEADLINE_EXCEEDED, DEADLINE, UNKNOWN);
    cr_assert_eq(watch.status.hedges, 3);
    cr_assert_eq(watch.status.attempts, 4);
    check_explains(&watch.status, "3 of 4 attempts ran beside another");
    cr_assert_eq(client_stats(&pair.client).hedges, 3);
    cr_assert_eq(server_runs(&pair.slow, 1) + server_runs(&pair.well, 1), 4);
    pair_close(&pair);
}

Test(hedge, an_empty_budget_allows_none_and_says_so)
{
    struct pair pair;
    struct watch watch;
    pair_open(&pair, LIST(HEDGED, "RetryBudgetPercent=0", "RetryBudgetFloor=0"));
    watch_start(&watch, &pair.client, SET, 1, NULL);
    server_pending(&pair.slow, 0);
    while (client_stats(&pair.client).denied_by[SEMEL_REASON_BUDGET_EMPTY] == 0)
        ;
    watch_expire(&watch, &pair.client);
    check_status(watch_wait(&watch), DEADLINE_EXCEEDED, DEADLINE, UNKNOWN);
    cr_assert_eq(watch.status.hedges, 0);
    struct semel_channel_stats stats = client_stats(&pair.client);
    cr_assert_eq(stats.hedges, 0);
    cr_assert_eq(stats.denied_by[SEMEL_REASON_BUDGET_EMPTY], 1);
    cr_assert_eq(server_all_runs(&pair.well), 0);
    pair_close(&pair);
}

/* Every second call may be hedged, but for what the bucket holds at first. */
Test(hedge, the_budget_bounds_what_hedges_add)
{
    enum { CALLS = 400 };
    struct pair pair;
    pair_open(&pair, LIST("HedgeMax=1", "HedgeDelay=1", "RetryBudgetPercent=20", "RetryBudgetFloor=0",
                          "RetryIntervals=-1", "Deadline=3"));
    pair.slow.handler = pair.well.handler = server_count;
    engine_failing = (struct engine_failing){.times = UINT32_MAX, .code = SEMEL_OK};
    for (unsigned op = 1; op <= CALLS; op++)
        engine_call(&pair.client, SET, op, NULL);
    struct semel_channel_stats stats = client_stats(&pair.client);
    cr_assert_leq(stats.hedges, 100 + CALLS * 20 / 100);
    engine_check_sums(&stats);
    pair_close(&pair);
}

/* A call that could not be started has nothing to be asked again. */
Test(hedge, none_is_sent_for_a_call_that_was_refused_at_its_start)
{
    struct pair pair;
    struct watch first, refused[20];
    pair_open(&pair, LIST("HedgeMax=1", "HedgeDelay=30", "RetryIntervals=-1", "MaxOutstanding=1"));
    pair.well.handler = server_keep;
    watch_start(&first, &pair.client, SET, 1, NULL);
    for (unsigned i = 0; i < 20; i++) {
        watch_start_sized(&refused[i], &pair.client, SET, i, 0, 0, NULL);
        cr_assert_eq((int)refused[i].started, SEMEL_RESOURCE_EXHAUSTED);
    }
    semel_request_finish(server_pending(&pair.well, 0), &(probe_Reply){.op = 1});
    pair.well.pending_count = 0;
    check_status(watch_wait(&first), OK, NONE, EXECUTED);
    cr_assert_eq(client_stats(&pair.client).hedges, 1);
    cr_assert_eq(client_stats(&pair.client).calls, 1);
    pair_close(&pair);
}

/* ---- failures ---- */

Test(hedge, ends_a_call_whose_first_attempt_has_failed_for_good)
{
    struct pair pair;
    struct watch watch;
    pair_open(&pair, LIST(HEDGED, "AttemptTimeout=3600000"));
    pair.well.handler = server_keep;
    watch_start(&watch, &pair.client, SET, 1, NULL);
    server_pending(&pair.slow, 0);
    semel_request *hedge = server_pending(&pair.well, 0);
    watch_hurry(&watch, &pair.client);
    wait_cancelled(&pair.slow, 0); /* its time is over, the server was told and has answered so */
    pair.well.pending_count = 0;
    cr_assert_eq(watch_times(&watch), 0);
    semel_request_finish(hedge, &(probe_Reply){.op = 1, .runs = 1});
    check_status(watch_wait(&watch), OK, NONE, EXECUTED);
    cr_assert_eq(watch.status.attempts, 2);
    cr_assert_eq(watch.status.trail_count, 1);
    cr_assert_eq((int)watch.status.trail[0].failure, SEMEL_REASON_ATTEMPT_TIMEOUT);
    pair_close(&pair);
}

/* Peers at both ends that say what the test tells them. */
struct peers {
    int listeners[2];
    struct client client;
    struct peer first, second;
    struct watch watch;
    struct frame request, hedge;
};

static void peers_open(struct peers *peers, const char *const *properties)
{
    char uris[2][SEMEL_ENDPOINT_TEXT_MAX], list[ENGINE_LIST];
    struct welcome welcome = peer_some_welcome();
    for (int i = 0; i < 2; i++)
        peers->listeners[i] = peer_listen(uris[i]);
    client_open(&peers->client, properties, engine_list(list, uris[0], uris[1]));
    watch_start(&peers->watch, &peers->client, SET, 1, NULL);
    peer_serve(&peers->first, peers->listeners[0], &welcome, false);
    peers->request = peer_expect(&peers->first, FRAME_REQUEST);
    welcome.domain.bytes[0]++;
    peer_serve(&peers->second, peers->listeners[1], &welcome, false);
    peers->hedge = peer_expect(&peers->second, FRAME_REQUEST);
}

static void peers_close(struct peers *peers)
{
    cr_assert_eq(watch_times(&peers->watch), 1);
    client_close(&peers->client);
    for (int i = 0; i < 2; i++)
        close(peers->listeners[i]);
    peer_close(&peers->first);
    peer_close(&peers->second);
}

Test(hedge, all_fail_and_the_first_failure_is_told)
{
    struct peers peers;
    peers_open(&peers, LIST(HEDGED));
    engine_refuse(&peers.first, &peers.request, 0);
    while (client_stats(&peers.client).by_rule[SEMEL_RULE_R11] == 0)
        ;
    cr_assert_eq(watch_times(&peers.watch), 0);
    peer_reply(&peers.second, &peers.hedge, SEMEL_UNAVAILABLE, SEMEL_REASON_TABLE_FULL,
               SEMEL_OUTCOME_NOT_EXECUTED | FRAME_REFUSED, 0);
    check_status(watch_wait(&peers.watch), UNAVAILABLE, OVERLOADED, NOT_EXECUTED);
    cr_assert_eq(peers.watch.status.attempts, 2);
    cr_assert_eq(peers.watch.status.trail_count, 2, "the second failure is in the trail");
    cr_assert_eq(peers.watch.status.trail[0].number, 1);
    cr_assert_eq(peers.watch.status.trail[1].number, 2);
    cr_assert_eq((int)peers.watch.status.trail[1].failure, SEMEL_REASON_TABLE_FULL);
    cr_assert_geq(peers.watch.status.elapsed_us, peers.watch.status.trail[1].failed_us);
    peers_close(&peers);
}

/* The first was refused; of the other nobody knows. */
Test(hedge, that_may_have_run_makes_the_outcome_unknown)
{
    struct peers peers;
    peers_open(&peers, LIST(HEDGED));
    engine_refuse(&peers.first, &peers.request, 0);
    while (client_stats(&peers.client).by_rule[SEMEL_RULE_R11] == 0)
        ;
    shutdown(peers.second.fd, SHUT_RDWR);
    check_status(watch_wait(&peers.watch), UNAVAILABLE, OVERLOADED, UNKNOWN);
    peers_close(&peers);
}

/* The other one was lost before the first was refused. */
Test(hedge, that_may_have_run_before_makes_the_outcome_unknown)
{
    struct peers peers;
    peers_open(&peers, LIST(HEDGED));
    close(peers.listeners[1]);
    peers.listeners[1] = dup(peers.listeners[0]);
    shutdown(peers.second.fd, SHUT_RDWR);
    peer_expect_end(&peers.second);
    struct watch other; /* by its end the client has seen the loss */
    watch_start(&other, &peers.client, ADD, 2, NULL);
    struct frame request = peer_expect(&peers.first, FRAME_REQUEST);
    peer_reply_ok(&peers.first, &request, "", 0);
    check_status(watch_wait(&other), OK, NONE, EXECUTED);
    engine_refuse(&peers.first, &peers.request, 0);
    cr_assert_eq((int)watch_wait(&peers.watch)->outcome, SEMEL_OUTCOME_UNKNOWN);
    peers_close(&peers);
}

/* The first attempt never left, the other was written when the time was up. */
Test(hedge, that_is_out_at_the_deadline_makes_the_outcome_unknown)
{
    struct client client;
    struct server server;
    struct watch watch;
    char uri[SEMEL_ENDPOINT_TEXT_MAX], list[ENGINE_LIST];
    int silent = peer_listen(uri); /* no WELCOME ever */
    server_open(&server, NULL);
    server.handler = server_keep;
    client_open(&client, LIST(HEDGED), engine_list(list, uri, server.uri));
    watch_start(&watch, &client, SET, 1, NULL);
    server_pending(&server, 0);
    watch_expire(&watch, &client);
    check_status(watch_wait(&watch), DEADLINE_EXCEEDED, DEADLINE, UNKNOWN);
    client_close(&client);
    server_wait_gauge(&server, offsetof(struct semel_server_stats, connections), 0);
    finish_pending(&server);
    server_close(&server);
    close(silent);
}

Test(hedge, finds_the_live_endpoint_while_the_first_hangs)
{
    struct client client;
    struct server server;
    char uri[SEMEL_ENDPOINT_TEXT_MAX], list[ENGINE_LIST];
    int silent = peer_listen(uri);
    server_open(&server, NULL);
    client_open(&client, LIST(HEDGED, "ConnectTimeout=60min"), engine_list(list, uri, server.uri));
    semel_status status = engine_call(&client, SET, 1, NULL); /* does not wait for the one that hangs */
    check_status(&status, OK, NONE, EXECUTED);
    cr_assert_eq(status.hedges, 1);
    client_close(&client);
    server_close(&server);
    close(silent);
}

/* An answer with a retryable code ends an attempt, not the call. */
Test(hedge, a_retryable_answer_does_not_win)
{
    struct peers peers;
    peers_open(&peers, LIST(HEDGED, "RetryableCodes=UNAVAILABLE"));
    engine_answer(&peers.second, &peers.hedge, SEMEL_UNAVAILABLE);
    peer_reply_ok(&peers.first, &peers.request, "", 0);
    check_status(watch_wait(&peers.watch), OK, NONE, EXECUTED);
    cr_assert_eq(client_stats(&peers.client).hedges_won, 0);
    peers_close(&peers);
}

Test(hedge, an_answer_that_is_no_success_wins_too)
{
    struct peers peers;
    peers_open(&peers, LIST(HEDGED));
    engine_answer(&peers.second, &peers.hedge, SEMEL_NOT_FOUND);
    check_status(watch_wait(&peers.watch), NOT_FOUND, HANDLER, EXECUTED);
    cr_assert_eq(client_stats(&peers.client).hedges_won, 1);
    cr_assert_eq(peer_expect(&peers.first, FRAME_CANCEL).seq, peers.request.seq);
    peers_close(&peers);
}

/* An attempt that was answered has nothing to be stopped. */
Test(hedge, that_wins_is_not_cancelled)
{
    struct peers peers;
    peers_open(&peers, LIST(HEDGED));
    peer_reply_ok(&peers.second, &peers.hedge, "", 0);
    check_status(watch_wait(&peers.watch), OK, NONE, EXECUTED);
    client_close(&peers.client);
    struct frame frame;
    do
        cr_assert(peer_read(&peers.second, &frame));
    while (frame.type == FRAME_PING);
    cr_assert_eq((int)frame.type, FRAME_BYE);
    for (int i = 0; i < 2; i++)
        close(peers.listeners[i]);
    peer_close(&peers.first);
    peer_close(&peers.second);
}

/* ---- whose credit ---- */

struct look {
    semel_channel *channel;
    bool unproved;
    bool beside_unproved;
};

static void look(void *arg)
{
    struct look *look = arg;
    look->unproved = look->channel->reconnector.unproved;
    look->beside_unproved = look->channel->beside[1]->reconnector.unproved;
}

Test(hedge, an_answer_proves_the_endpoint_that_gave_it_and_no_other)
{
    struct pair pair;
    struct look seen = {0};
    pair_open(&pair, LIST(HEDGED));
    semel_status status = engine_call(&pair.client, SET, 1, NULL);
    check_status(&status, OK, NONE, EXECUTED);
    seen.channel = pair.client.channel;
    on_node(pair.client.node, look, &seen);
    cr_assert(seen.unproved, "an endpoint that never answered counts as well");
    cr_assert_not(seen.beside_unproved);
    pair_close(&pair);
}

/* ---- the caller's ends ---- */

Test(hedge, goes_with_the_call_that_is_cancelled)
{
    struct peers peers;
    peers_open(&peers, LIST(HEDGED));
    watch_cancel(&peers.watch, &peers.client);
    cr_assert_eq(peer_expect(&peers.first, FRAME_CANCEL).seq, peers.request.seq);
    peer_reply(&peers.first, &peers.request, SEMEL_CANCELLED, SEMEL_REASON_CANCELLED, SEMEL_OUTCOME_UNKNOWN, 0);
    check_status(watch_wait(&peers.watch), CANCELLED, CANCELLED, UNKNOWN);
    cr_assert_eq(peer_expect(&peers.second, FRAME_CANCEL).seq, peers.hedge.seq);
    peers_close(&peers);
}

/* A server that does not answer the CANCEL is no reason to ask another one to begin. */
Test(hedge, none_is_sent_for_a_call_that_was_cancelled)
{
    struct peers peers;
    peers_open(&peers, LIST("HedgeMax=16", "HedgeDelay=30", "RetryIntervals=-1"));
    watch_cancel(&peers.watch, &peers.client);
    uint64_t before = client_stats(&peers.client).hedges;
    struct watch longer; /* than one hedge waits for the next; runs at most once, is never hedged */
    watch_start(&longer, &peers.client, ADD, 2,
                &(semel_call_options)OPTIONS(100, NULL, -1, SEMEL_ON_UNAVAILABLE_UNSET));
    cr_assert_eq((int)watch_wait(&longer)->code, SEMEL_DEADLINE_EXCEEDED);
    cr_assert_eq(client_stats(&peers.client).hedges, before);
    watch_expire(&peers.watch, &peers.client);
    cr_assert_eq((int)watch_wait(&peers.watch)->code, SEMEL_DEADLINE_EXCEEDED);
    peers_close(&peers);
}

Test(hedge, goes_with_the_channel_that_is_closed)
{
    struct pair pair;
    struct watch watch;
    pair_open(&pair, LIST(HEDGED));
    pair.well.handler = server_keep;
    watch_start(&watch, &pair.client, SET, 1, NULL);
    server_pending(&pair.slow, 0);
    server_pending(&pair.well, 0);
    semel_channel_close(pair.client.channel);
    pair.client.channel = NULL;
    check_status(watch_wait(&watch), CANCELLED, CHANNEL_CLOSED, UNKNOWN);
    cr_assert_eq(watch_times(&watch), 1);
    pair_close(&pair);
}

Test(hedge, many_at_once_all_end_once)
{
    enum { CALLS = 200 };
    static struct watch watches[CALLS];
    struct pair pair;
    pair_open(&pair, LIST("HedgeMax=2", "HedgeDelay=0", "RetryIntervals=0"));
    pair.slow.handler = server_count;
    for (unsigned i = 0; i < CALLS; i++)
        watch_start(&watches[i], &pair.client, SET, i, NULL);
    for (unsigned i = 0; i < CALLS; i++) {
        check_status(watch_wait(&watches[i]), OK, NONE, EXECUTED);
        cr_assert_eq(watches[i].reply.op, i);
    }
    cr_assert_eq((int)semel_channel_flush(pair.client.channel, 50000), SEMEL_OK);
    for (unsigned i = 0; i < CALLS; i++)
        cr_assert_eq(watch_times(&watches[i]), 1);
    struct semel_channel_stats stats = client_stats(&pair.client);
    engine_check_sums(&stats);
    pair_close(&pair);
}
