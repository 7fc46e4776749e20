/* Deadlines and cancellation in each state of a call: the outcome says what is known.
 *
 * Reads best next: core/retry.h, rule R9. */
#include <criterion/criterion.h>
#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fixture.h"
#include "peer.h"

TestSuite(deadline, .timeout = 60);

/* For a call that has to have come somewhere before watch_expire. */
static const semel_call_options late = OPTIONS(3600000, NULL, -1, SEMEL_ON_UNAVAILABLE_UNSET);
static const semel_call_options soon = OPTIONS(60, NULL, -1, SEMEL_ON_UNAVAILABLE_UNSET);
static const semel_call_options soon_but_waiting = OPTIONS(60, NULL, -1, SEMEL_ON_UNAVAILABLE_WAIT);

/* A client whose server is this test. */
struct scene {
    int listener;
    struct client client;
    struct peer peer;
    struct watch watch;
};

static void scene_open(struct scene *scene, const char *const *properties)
{
    char uri[SEMEL_ENDPOINT_TEXT_MAX];
    scene->listener = peer_listen(uri);
    client_open(&scene->client, properties, uri);
}

static void scene_serve(struct scene *scene, bool resumed)
{
    struct welcome welcome = peer_some_welcome();
    welcome.window = 1;
    peer_serve(&scene->peer, scene->listener, &welcome, resumed);
}

static void scene_close(struct scene *scene)
{
    close(scene->listener);
    client_close(&scene->client);
    cr_assert_eq(watch_times(&scene->watch), 1);
}

/* ---- the deadline ---- */

Test(deadline, without_a_connection_nothing_was_executed)
{
    struct client client;
    struct watch watch;
    char uri[SEMEL_ENDPOINT_TEXT_MAX];
    close(peer_listen(uri));
    client_open(&client, NULL, uri);
    watch_start(&watch, &client, ADD, 1, &soon_but_waiting);
    cr_assert_eq((int)watch_wait(&watch)->outcome, SEMEL_OUTCOME_NOT_EXECUTED);
    cr_assert(watch.status.reason == SEMEL_REASON_DEADLINE ||
              watch.status.reason == SEMEL_REASON_WAIT_PAST_DEADLINE);
    cr_assert_lt(watch.status.elapsed_us, 5000000);
    client_close(&client);
}

Test(deadline, during_the_handshake_nothing_was_executed)
{
    struct scene scene;
    scene_open(&scene, NULL);
    watch_start(&scene.watch, &scene.client, ADD, 1, &soon);
    check_status(watch_wait(&scene.watch), DEADLINE_EXCEEDED, DEADLINE, NOT_EXECUTED);
    scene_close(&scene);
}

Test(deadline, behind_the_window_nothing_was_executed)
{
    struct scene scene;
    struct watch first;
    scene_open(&scene, NULL);
    watch_start(&first, &scene.client, ADD, 1, NULL);
    scene_serve(&scene, false);
    struct frame request = peer_expect(&scene.peer, FRAME_REQUEST);
    watch_start(&scene.watch, &scene.client, ADD, 2, &soon);
    check_status(watch_wait(&scene.watch), DEADLINE_EXCEEDED, DEADLINE, NOT_EXECUTED);
    peer_reply_ok(&scene.peer, &request, "", 0);
    check_status(watch_wait(&first), OK, NONE, EXECUTED);
    peer_close(&scene.peer);
    scene_close(&scene);
}

Test(deadline, of_a_written_call_is_unknown_and_the_server_is_told)
{
    struct scene scene;
    scene_open(&scene, NULL);
    watch_start(&scene.watch, &scene.client, ADD, 1, &late);
    scene_serve(&scene, false);
    struct frame request = peer_expect(&scene.peer, FRAME_REQUEST);
    cr_assert(request.time_ms > 0 && request.time_ms <= late.deadline_ms);
    watch_expire(&scene.watch, &scene.client);
    check_status(watch_wait(&scene.watch), DEADLINE_EXCEEDED, DEADLINE, UNKNOWN);
    cr_assert_eq((int)scene.watch.status.rule, SEMEL_RULE_R9);
    cr_assert_eq(peer_expect(&scene.peer, FRAME_CANCEL).seq, request.seq);
    /* The late answer harms nobody. */
    peer_reply_ok(&scene.peer, &request, "", 0);
    struct watch after;
    watch_start(&after, &scene.client, ADD, 2, NULL);
    struct frame next = peer_expect(&scene.peer, FRAME_REQUEST);
    cr_assert_eq(next.seq - next.aux, next.seq, "the ack floor has not moved on");
    peer_reply_ok(&scene.peer, &next, "", 0);
    check_status(watch_wait(&after), OK, NONE, EXECUTED);
    peer_close(&scene.peer);
    scene_close(&scene);
}

Test(deadline, of_a_held_call_is_unknown)
{
    struct scene scene;
    scene_open(&scene, NULL);
    watch_start(&scene.watch, &scene.client, ADD, 1, &late);
    scene_serve(&scene, false);
    peer_expect(&scene.peer, FRAME_REQUEST);
    peer_close(&scene.peer);
    while (client_stats(&scene.client).held == 0)
        ;
    watch_expire(&scene.watch, &scene.client);
    check_status(watch_wait(&scene.watch), DEADLINE_EXCEEDED, DEADLINE, UNKNOWN);
    scene_close(&scene);
}

Test(deadline, shorter_than_a_refusals_delay_ends_the_call_at_once)
{
    struct scene scene;
    semel_call_options options = SEMEL_CALL_OPTIONS_INIT;
    options.deadline_ms = 10000;
    options.retry_intervals_ms = (const uint32_t[]){0, 0};
    options.retry_interval_count = 2;
    scene_open(&scene, NULL);
    watch_start(&scene.watch, &scene.client, ADD, 1, &options);
    scene_serve(&scene, false);
    struct frame request = peer_expect(&scene.peer, FRAME_REQUEST);
    peer_reply(&scene.peer, &request, SEMEL_UNAVAILABLE, SEMEL_REASON_OVERLOADED,
               SEMEL_OUTCOME_NOT_EXECUTED | FRAME_REFUSED, 3600000);
    check_status(watch_wait(&scene.watch), UNAVAILABLE, WAIT_PAST_DEADLINE, NOT_EXECUTED);
    cr_assert_lt(scene.watch.status.elapsed_us, 5000000);
    peer_close(&scene.peer);
    scene_close(&scene);
}

Test(deadline, that_has_passed_on_arrival_is_refused_by_the_server)
{
    struct server server;
    struct peer peer;
    uint8_t body[16];
    server_open(&server, NULL);
    struct hello hello = peer_some_hello(1);
    peer_connect(&peer, server.uri);
    peer_greet(&peer, &hello);
    struct frame request = peer_request(1, 1, ADD, body, peer_body(body, 5));
    request.time_ms = 0;
    peer_send(&peer, &request);
    struct frame reply = peer_expect(&peer, FRAME_REPLY);
    cr_assert_eq((int)reply.code, SEMEL_DEADLINE_EXCEEDED);
    cr_assert_eq((int)reply.aux, SEMEL_REASON_EXPIRED);
    cr_assert_eq(reply.flags, SEMEL_OUTCOME_NOT_EXECUTED);
    cr_assert_eq(server_runs(&server, 5), 0);
    peer_close(&peer);
    server_close(&server);
}

static void ask_what_is_left(void *request)
{
    int64_t left_ms = semel_request_deadline_ms(request);
    cr_assert(left_ms > 0 && left_ms <= late.deadline_ms);
}

Test(deadline, and_cancellation_are_seen_by_the_handler)
{
    struct server server;
    struct client client;
    struct watch brief, endless;
    semel_call_options none = SEMEL_CALL_OPTIONS_INIT;
    none.deadline_ms = SEMEL_DEADLINE_NONE;
    server_open(&server, NULL);
    server.handler = server_keep;
    client_open(&client, NULL, server.uri);
    watch_start(&brief, &client, ADD, 1, &late);
    watch_start(&endless, &client, ADD, 2, &none);
    semel_request *first = server_pending(&server, 0);
    semel_request *second = server_pending(&server, 1);
    on_node(server.node, ask_what_is_left, first);
    watch_expire(&brief, &client);
    check_status(watch_wait(&brief), DEADLINE_EXCEEDED, DEADLINE, UNKNOWN);
    while (!semel_request_cancelled(first))
        server_stats(&server);
    cr_assert(!semel_request_cancelled(second));
    semel_request_fail(first, SEMEL_ABORTED, NULL);
    semel_request_finish(second, &(probe_Reply){.op = 2});
    check_status(watch_wait(&endless), OK, NONE, EXECUTED);
    cr_assert_eq(watch_times(&brief), 1);
    client_close(&client);
    server_close(&server);
}

/* ---- cancellation ---- */

Test(deadline, cancelled_without_a_connection_nothing_was_executed)
{
    struct scene scene;
    scene_open(&scene, NULL);
    watch_start(&scene.watch, &scene.client, ADD, 1, NULL);
    watch_cancel(&scene.watch, &scene.client);
    check_status(watch_wait(&scene.watch), CANCELLED, CANCELLED, NOT_EXECUTED);
    watch_cancel(&scene.watch, &scene.client); /* left alone */
    scene_close(&scene);
}

Test(deadline, cancelled_behind_the_window_nothing_was_executed)
{
    struct scene scene;
    struct watch first;
    scene_open(&scene, NULL);
    watch_start(&first, &scene.client, ADD, 1, NULL);
    scene_serve(&scene, false);
    struct frame request = peer_expect(&scene.peer, FRAME_REQUEST);
    watch_start(&scene.watch, &scene.client, ADD, 2, NULL);
    watch_cancel(&scene.watch, &scene.client);
    check_status(watch_wait(&scene.watch), CANCELLED, CANCELLED, NOT_EXECUTED);
    peer_reply_ok(&scene.peer, &request, "", 0);
    check_status(watch_wait(&first), OK, NONE, EXECUTED);
    peer_close(&scene.peer);
    scene_close(&scene);
}

/* Cancels a written call; what the server answers is for the test. */
static struct frame cancel_written(struct scene *scene)
{
    scene_open(scene, LIST("RetryIntervals=0 0 0"));
    watch_start(&scene->watch, &scene->client, ADD, 1, NULL);
    scene_serve(scene, false);
    struct frame request = peer_expect(&scene->peer, FRAME_REQUEST);
    watch_cancel(&scene->watch, &scene->client);
    watch_cancel(&scene->watch, &scene->client);
    cr_assert_eq(peer_expect(&scene->peer, FRAME_CANCEL).seq, request.seq);
    cr_assert_eq(watch_times(&scene->watch), 0);
    return request;
}

Test(deadline, cancelled_when_written_ends_with_the_servers_answer)
{
    struct scene scene;
    struct frame request = cancel_written(&scene);
    peer_reply(&scene.peer, &request, SEMEL_CANCELLED, SEMEL_REASON_CANCELLED, SEMEL_OUTCOME_UNKNOWN, 0);
    check_status(watch_wait(&scene.watch), CANCELLED, CANCELLED, UNKNOWN);
    peer_close(&scene.peer);
    scene_close(&scene);
}

Test(deadline, cancelled_too_late_ends_with_the_reply)
{
    struct scene scene;
    struct frame request = cancel_written(&scene);
    peer_reply_ok(&scene.peer, &request, "", 0);
    check_status(watch_wait(&scene.watch), OK, NONE, EXECUTED);
    peer_close(&scene.peer);
    scene_close(&scene);
}

Test(deadline, cancelled_and_cut_is_unknown_and_not_tried_again)
{
    struct scene scene;
    cancel_written(&scene);
    peer_close(&scene.peer);
    check_status(watch_wait(&scene.watch), CANCELLED, CANCELLED, UNKNOWN);
    scene_close(&scene);
}

Test(deadline, cancelled_while_held_is_unknown)
{
    struct scene scene;
    scene_open(&scene, LIST("RetryIntervals=0 0 0"));
    watch_start(&scene.watch, &scene.client, ADD, 1, NULL);
    scene_serve(&scene, false);
    peer_expect(&scene.peer, FRAME_REQUEST);
    peer_close(&scene.peer);
    peer_accept(&scene.peer, scene.listener);
    peer_take_hello(&scene.peer);
    watch_cancel(&scene.watch, &scene.client);
    check_status(watch_wait(&scene.watch), CANCELLED, CANCELLED, UNKNOWN);
    peer_close(&scene.peer);
    scene_close(&scene);
}

Test(deadline, cancelled_during_a_refusals_delay_is_not_executed)
{
    struct scene scene;
    scene_open(&scene, LIST("RetryIntervals=0 0 0"));
    watch_start(&scene.watch, &scene.client, ADD, 1, NULL);
    scene_serve(&scene, false);
    struct frame request = peer_expect(&scene.peer, FRAME_REQUEST);
    peer_reply(&scene.peer, &request, SEMEL_UNAVAILABLE, SEMEL_REASON_OVERLOADED,
               SEMEL_OUTCOME_NOT_EXECUTED | FRAME_REFUSED, 30000);
    while (client_stats(&scene.client).retries == 0)
        ;
    watch_cancel(&scene.watch, &scene.client);
    check_status(watch_wait(&scene.watch), CANCELLED, CANCELLED, NOT_EXECUTED);
    cr_assert_lt(scene.watch.status.elapsed_us, 5000000);
    peer_close(&scene.peer);
    scene_close(&scene);
}

Test(deadline, cancelled_at_a_real_server_tells_its_handler)
{
    struct server server;
    struct client client;
    struct watch watch, after;
    server_open(&server, NULL);
    server.handler = server_keep;
    client_open(&client, NULL, server.uri);
    watch_start(&watch, &client, ADD, 1, NULL);
    semel_request *pending = server_pending(&server, 0);
    watch_cancel(&watch, &client);
    check_status(watch_wait(&watch), CANCELLED, CANCELLED, UNKNOWN);
    cr_assert(semel_request_cancelled(pending));
    semel_request_finish(pending, &(probe_Reply){.op = 1});
    watch_start(&after, &client, ADD, 2, NULL);
    semel_request_finish(server_pending(&server, 1), &(probe_Reply){.op = 2});
    check_status(watch_wait(&after), OK, NONE, EXECUTED);
    cr_assert_eq(watch_times(&watch), 1);
    cr_assert_eq(server_all_runs(&server), 2);
    client_close(&client);
    server_close(&server);
}
