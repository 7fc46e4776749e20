/* AttemptTimeout: an attempt that takes too long is given up, and what is still running is not forgotten.
 *
 * Reads best next: core/retry.h, ATTEMPT_TIMEOUT. */
#include <stddef.h>
#include <unistd.h>

#include "client/channel.h"
#include "engine.h"

TestSuite(attempt, .timeout = 60);

/* Attempts, and waits between them, that end by watch_hurry only. */
#define HOUR "AttemptTimeout=3600000"
#define HOURS "Deadline=0", "RetryIntervals=3600000 3600000 3600000"
#define ATTACHED offsetof(struct semel_server_stats, attached)

/* ---- where the next attempt goes ---- */

Test(attempt, of_an_idempotent_call_is_made_again_at_another_endpoint)
{
    struct server stuck, well;
    struct client client;
    struct watch watch;
    char list[ENGINE_LIST];
    server_open(&stuck, NULL);
    server_open(&well, NULL);
    stuck.handler = server_keep;
    client_open(&client, LIST(HOUR, "RetryIntervals=0", "Deadline=0"), engine_list(list, stuck.uri, well.uri));
    watch_start(&watch, &client, SET, 1, NULL);
    server_pending(&stuck, 0);
    watch_hurry(&watch, &client);
    check_status(watch_wait(&watch), OK, NONE, EXECUTED);
    const semel_status *status = &watch.status;
    cr_assert_eq(status->attempts, 2);
    cr_assert_eq(status->trail_count, 1);
    cr_assert_eq((int)status->trail[0].failure, SEMEL_REASON_ATTEMPT_TIMEOUT);
    cr_assert_eq((int)status->trail[0].rule, SEMEL_RULE_R5);
    cr_assert(status->trail[0].retried);
    cr_assert_eq(server_runs(&stuck, 1), 1);
    cr_assert_eq(server_runs(&well, 1), 1);
    semel_request_finish(server_pending(&stuck, 0), &(probe_Reply){.op = 1});
    client_close(&client);
    server_close(&stuck);
    server_close(&well);
}

/* What else runs there is not lost: it is answered before the connection ends. */
Test(attempt, that_is_left_behind_takes_no_other_call_with_it)
{
    struct server slow, well;
    struct client client;
    struct watch deposit, set;
    char list[ENGINE_LIST];
    server_open(&slow, NULL);
    server_open(&well, NULL);
    slow.handler = server_keep;
    client_open(&client, LIST("probe.Probe.Set." HOUR, "RetryIntervals=0"),
                engine_list(list, slow.uri, well.uri));
    watch_start(&deposit, &client, ADD, 1, NULL);
    semel_request *running = server_pending(&slow, 0);
    watch_start(&set, &client, SET, 2, NULL);
    semel_request *left = server_pending(&slow, 1);
    watch_hurry(&set, &client);
    while (client_stats(&client).retries == 0)
        ;
    semel_request_finish(running, &(probe_Reply){.op = 1, .runs = 1});
    check_status(watch_wait(&deposit), OK, NONE, EXECUTED);
    semel_request_finish(left, &(probe_Reply){.op = 2, .runs = 1});
    check_status(watch_wait(&set), OK, NONE, EXECUTED);
    cr_assert_eq(server_runs(&slow, 1) + server_runs(&well, 1), 1);
    client_close(&client);
    server_close(&slow);
    server_close(&well);
}

Test(attempt, with_one_endpoint_the_next_one_meets_its_running_original)
{
    struct server server;
    struct client client;
    struct watch watch;
    server_open(&server, NULL);
    server.handler = server_keep;
    client_open(&client, LIST(HOUR, "RetryIntervals=0 0 0"), server.uri);
    watch_start(&watch, &client, SET, 1, NULL);
    semel_request *pending = server_pending(&server, 0);
    for (uint64_t attached = 1; attached <= 2; attached++) {
        watch_hurry(&watch, &client);
        server_wait_stat(&server, ATTACHED, attached);
    }
    semel_request_finish(pending, &(probe_Reply){.op = 1, .runs = 1});
    check_status(watch_wait(&watch), OK, NONE, EXECUTED);
    cr_assert_eq(server_runs(&server, 1), 1, "it ran beside itself");
    cr_assert_eq(client_stats(&client).connections, 1);
    client_close(&client);
    server_close(&server);
}

/* ---- the end ---- */

Test(attempt, of_a_written_at_most_once_call_ends_it_unknown_and_the_server_is_told)
{
    struct server server;
    struct client client;
    server_open(&server, NULL);
    server.handler = server_keep;
    semel_call_options brief = SEMEL_CALL_OPTIONS_INIT;
    brief.attempt_timeout_ms = 30;
    client_open(&client, LIST("RetryIntervals=0 0 0"), server.uri);
    semel_status status = engine_call(&client, ADD, 1, &brief);
    check_status(&status, DEADLINE_EXCEEDED, ATTEMPT_TIMEOUT, UNKNOWN);
    cr_assert_eq((int)status.rule, SEMEL_RULE_R9);
    cr_assert_eq(status.attempts, 1);
    check_explains(&status, "outcome UNKNOWN");
    check_explains(&status, "the attempt took longer than AttemptTimeout");
    semel_request *pending = server_pending(&server, 0);
    while (!semel_request_cancelled(pending))
        server_stats(&server);
    semel_request_finish(pending, &(probe_Reply){.op = 1});
    server.handler = server_count;
    semel_status after = engine_call(&client, ADD, 2, NULL);
    check_status(&after, OK, NONE, EXECUTED);
    cr_assert_eq(client_stats(&client).connections, 1, "a late answer has cost the connection");
    cr_assert_eq(server_runs(&server, 1), 1);
    client_close(&client);
    server_close(&server);
}

Test(attempt, that_is_the_last_one_is_told_when_it_times_out)
{
    struct server server;
    struct client client;
    server_open(&server, NULL);
    server.handler = server_keep;
    client_open(&client, LIST("AttemptTimeout=30", "RetryIntervals=0 0"), server.uri);
    semel_status status = engine_call(&client, SET, 1, NULL);
    check_status(&status, DEADLINE_EXCEEDED, ATTEMPT_TIMEOUT, UNKNOWN);
    cr_assert_eq((int)status.rule, SEMEL_RULE_R11);
    cr_assert_eq(status.attempts, 3);
    cr_assert_eq(status.trail_count, 3);
    cr_assert_geq(status.elapsed_us, 87000);
    check_explains(&status, "all 3 attempts are used");
    struct semel_channel_stats stats = client_stats(&client);
    cr_assert_eq(stats.denied_by[SEMEL_REASON_ATTEMPTS_USED], 1);
    cr_assert_eq(stats.by_rule[SEMEL_RULE_R5], 2);
    semel_request_finish(server_pending(&server, 0), &(probe_Reply){.op = 1});
    client_close(&client);
    server_close(&server);
}

Test(attempt, that_is_longer_than_the_deadline_changes_nothing)
{
    struct server server;
    struct client client;
    struct watch watch;
    server_open(&server, NULL);
    server.handler = server_keep;
    client_open(&client, LIST(HOUR, "Deadline=600000", "RetryIntervals=0 0"), server.uri);
    watch_start(&watch, &client, SET, 1, NULL);
    semel_request *pending = server_pending(&server, 0);
    watch_expire(&watch, &client);
    check_status(watch_wait(&watch), DEADLINE_EXCEEDED, DEADLINE, UNKNOWN);
    cr_assert_eq(watch.status.attempts, 1);
    semel_request_finish(pending, &(probe_Reply){.op = 1});
    client_close(&client);
    server_close(&server);
}

/* It counts what an attempt takes on its connection, not what it takes to get one. */
Test(attempt, does_not_begin_before_there_is_a_connection)
{
    struct client client;
    struct watch watch;
    struct peer peer;
    char uri[SEMEL_ENDPOINT_TEXT_MAX];
    const struct welcome welcome = peer_some_welcome();
    int listener = peer_listen(uri);
    client_open(&client, LIST("AttemptTimeout=500", "RetryIntervals=-1"), uri);
    watch_start(&watch, &client, ADD, 1, NULL);
    peer_accept(&peer, listener);
    peer_take_hello(&peer);
    struct watch brief; /* as long as two attempts may take */
    watch_start(&brief, &client, ADD, 2,
                &(semel_call_options)OPTIONS(1000, NULL, -1, SEMEL_ON_UNAVAILABLE_UNSET));
    check_status(watch_wait(&brief), DEADLINE_EXCEEDED, DEADLINE, NOT_EXECUTED);
    cr_assert_eq(watch_times(&watch), 0);
    peer_welcome(&peer, &welcome, false);
    struct frame request = peer_expect(&peer, FRAME_REQUEST);
    peer_reply_ok(&peer, &request, "", 0);
    watch_wait(&watch);
    if (watch.status.code != SEMEL_OK) /* this end took longer than that; it has had all of its time */
        cr_assert_geq(watch.status.elapsed_us, 1000000 + 500000);
    peer_close(&peer);
    close(listener);
    client_close(&client);
}

/* ---- late answers ---- */

/* The client has read all that was sent to it. */
static void settle(struct peer *peer)
{
    cr_assert(peer_send(peer, &(struct frame){.type = FRAME_PING}));
    peer_expect(peer, FRAME_PONG);
}

/* A call whose first attempt has been given up: its next one waits. */
struct late {
    int listener;
    char uri[SEMEL_ENDPOINT_TEXT_MAX];
    struct client client;
    struct peer peer;
    struct watch watch;
    struct frame request;
};

static void late_open(struct late *late, const char *const *properties)
{
    const struct welcome welcome = peer_some_welcome();
    late->listener = peer_listen(late->uri);
    client_open(&late->client, properties, late->uri);
    watch_start(&late->watch, &late->client, SET, 1, NULL);
    peer_serve(&late->peer, late->listener, &welcome, false);
    late->request = peer_expect(&late->peer, FRAME_REQUEST);
    watch_hurry(&late->watch, &late->client);
    while (client_stats(&late->client).by_rule[SEMEL_RULE_R5] == 0)
        ;
}

static void late_close(struct late *late)
{
    cr_assert_eq(watch_times(&late->watch), 1);
    peer_close(&late->peer);
    close(late->listener);
    client_close(&late->client);
}

Test(attempt, given_up_may_still_be_answered)
{
    struct late late;
    late_open(&late, LIST(HOUR, HOURS));
    peer_reply_ok(&late.peer, &late.request, "", 0);
    check_status(watch_wait(&late.watch), OK, NONE, EXECUTED);
    cr_assert_eq(late.watch.status.attempts, 1, "no other one has begun");
    late_close(&late);
}

Test(attempt, given_up_and_then_refused_does_not_spoil_the_next_one)
{
    struct late late;
    late_open(&late, LIST(HOUR, HOURS));
    engine_refuse(&late.peer, &late.request, 0);
    settle(&late.peer);
    watch_hurry(&late.watch, &late.client);
    struct frame again = peer_expect(&late.peer, FRAME_REQUEST);
    cr_assert_eq(again.seq, late.request.seq);
    peer_reply_ok(&late.peer, &again, "", 0);
    check_status(watch_wait(&late.watch), OK, NONE, EXECUTED);
    cr_assert_eq(late.watch.status.attempts, 2);
    late_close(&late);
}

Test(attempt, given_up_and_then_answered_by_a_retryable_code_does_not_spoil_the_next_one)
{
    struct late late;
    late_open(&late, LIST(HOUR, HOURS, "RetryableCodes=UNAVAILABLE"));
    engine_answer(&late.peer, &late.request, SEMEL_UNAVAILABLE);
    settle(&late.peer);
    watch_hurry(&late.watch, &late.client);
    struct frame again = peer_expect(&late.peer, FRAME_REQUEST);
    peer_reply_ok(&late.peer, &again, "", 0);
    check_status(watch_wait(&late.watch), OK, NONE, EXECUTED);
    late_close(&late);
}

Test(attempt, given_up_and_then_answered_for_good_ends_the_call)
{
    struct late late;
    late_open(&late, LIST(HOUR, HOURS, "RetryableCodes=UNAVAILABLE"));
    engine_answer(&late.peer, &late.request, SEMEL_NOT_FOUND);
    check_status(watch_wait(&late.watch), NOT_FOUND, HANDLER, EXECUTED);
    cr_assert_eq(late.watch.status.attempts, 1);
    late_close(&late);
}

/* The first one may be waiting there and run after the second was refused. */
Test(attempt, given_up_is_never_told_as_not_executed)
{
    struct late late;
    late_open(&late, LIST(HOUR, "RetryIntervals=0"));
    struct frame again = peer_expect(&late.peer, FRAME_REQUEST);
    engine_refuse(&late.peer, &again, 0);
    cr_assert_eq((int)watch_wait(&late.watch)->outcome, SEMEL_OUTCOME_UNKNOWN);
    cr_assert_eq((int)late.watch.status.rule, SEMEL_RULE_R11);
    late_close(&late);
}

/* ... nor when the server was replaced by one that knows nothing of it. */
Test(attempt, given_up_at_a_lost_server_is_never_told_as_not_executed)
{
    struct late late;
    struct welcome welcome = peer_some_welcome();
    late_open(&late, LIST(HOUR, "RetryIntervals=1500"));
    peer_close(&late.peer);
    welcome.domain.bytes[0]++;
    welcome.incarnation++;
    peer_serve(&late.peer, late.listener, &welcome, false);
    struct frame again = peer_expect(&late.peer, FRAME_REQUEST);
    engine_refuse(&late.peer, &again, 0);
    cr_assert_eq((int)watch_wait(&late.watch)->outcome, SEMEL_OUTCOME_UNKNOWN);
    late_close(&late);
}

/* A server that is left answers late that it had not begun: the attempt at the other one is still made. */
Test(attempt, given_up_and_refused_on_a_parting_connection_leaves_the_next_one_to_the_other_endpoint)
{
    struct server well;
    struct client client;
    struct watch watch, other;
    struct peer peer;
    char uri[SEMEL_ENDPOINT_TEXT_MAX], list[ENGINE_LIST];
    const struct welcome welcome = peer_some_welcome();
    int listener = peer_listen(uri);
    server_open(&well, NULL);
    client_open(&client, LIST("probe.Probe.Set." HOUR, "RetryIntervals=0"), engine_list(list, uri, well.uri));
    watch_start(&other, &client, ADD, 1, NULL); /* keeps the connection */
    peer_serve(&peer, listener, &welcome, false);
    struct frame keeping = peer_expect(&peer, FRAME_REQUEST);
    watch_start(&watch, &client, SET, 2, NULL);
    struct frame request = peer_expect(&peer, FRAME_REQUEST);
    watch_hurry(&watch, &client);
    peer_expect(&peer, FRAME_BYE);
    engine_refuse(&peer, &request, 0);
    peer_reply_ok(&peer, &keeping, "", 0);
    check_status(watch_wait(&other), OK, NONE, EXECUTED);
    peer_close(&peer);
    check_status(watch_wait(&watch), OK, NONE, EXECUTED);
    cr_assert_eq(server_runs(&well, 2), 1);
    close(listener);
    client_close(&client);
    server_close(&well);
}

/* A server that reads nothing until the attempt that is half written is given up: its rest still follows.  That is the
 * next attempt: it is not cancelled, for "cancelled" would be taken for the end of the call. */
Test(attempt, given_up_when_half_written_is_not_cancelled)
{
    enum { REQUESTS = 200 };
    static struct watch watches[REQUESTS];
    struct server well;
    struct client client;
    struct peer peer;
    struct frame frame;
    char uri[SEMEL_ENDPOINT_TEXT_MAX], other[SEMEL_ENDPOINT_TEXT_MAX], list[ENGINE_LIST];
    const struct welcome welcome = peer_some_welcome();
    int listener = peer_listen(uri);
    loopback_dead(other); /* until the first one is connected, however slow it is to say WELCOME */
    client_open(&client, LIST(HOUR, "RetryIntervals=0 0 0", "Deadline=0"), engine_list(list, uri, other));
    for (unsigned i = 0; i < REQUESTS; i++)
        watch_start_sized(&watches[i], &client, SET, i, 60000, 0, NULL);
    peer_serve(&peer, listener, &welcome, false);
    server_open_at(&well, NULL, other);
    uint64_t half = engine_wait_until_stuck(&client);
    for (unsigned i = 0; i < REQUESTS; i++)
        if (watches[i].call.seq == half)
            watch_hurry(&watches[i], &client);
    while (client_stats(&client).retries == 0)
        ;
    bool came = false, cancelled = false;
    while (peer_read(&peer, &frame) && frame.type != FRAME_BYE) {
        came |= frame.type == FRAME_REQUEST && frame.seq == half;
        cancelled |= frame.type == FRAME_CANCEL && frame.seq == half;
    }
    cr_assert(came);
    cr_assert_not(cancelled, "the rest of it follows, and may be answered");
    peer_close(&peer);
    for (unsigned i = 0; i < REQUESTS; i++)
        check_status(watch_wait(&watches[i]), OK, NONE, EXECUTED);
    close(listener);
    client_close(&client);
    server_close(&well);
}
