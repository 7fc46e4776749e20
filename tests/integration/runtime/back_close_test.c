/* Channels back that end together with their server.
 *
 * Reads best next: back.h, back_test.c. */
#include <criterion/criterion.h>

#include <stddef.h>
#include <unistd.h>

#include "back.h"
#include "peer.h"

TestSuite(back_close, .timeout = 60);

/* Found by tests/sim: the clock of idleness of a channel that was closed ran on in freed memory. */
Test(back_close, a_closed_channel_has_no_clock_that_runs_on)
{
    struct server server;
    struct agent agent;
    struct watch watch;
    unsigned before = descriptors();
    server_open(&server, LIST("IdleTimeout=10min"));
    server.handler = back_ask; /* it closes the channel when it has its answer */
    agent_open(&agent, NULL, server.uri);
    watch_start(&watch, &agent.client, ADD, 1, NULL);
    cr_assert_eq((int)watch_wait(&watch)->code, SEMEL_OK, "%s", watch.status.message);
    agent_close(&agent);
    server_close(&server);
    cr_assert_eq(descriptors(), before);
}

/* Found by tests/sim: the callback of a call back may close its channel, also when that is just what ends the call. */
Test(back_close, a_node_that_closes_ends_calls_whose_callbacks_close_their_channel)
{
    struct server server;
    struct agent agent;
    struct watch watch;
    server_open(&server, NULL);
    server.handler = back_ask;
    agent_open(&agent, NULL, server.uri);
    agent.served.handler = server_keep;
    watch_start(&watch, &agent.client, ADD, 1, NULL);
    semel_request *asked = server_pending(&agent.served, 0);
    server_close(&server);
    cr_assert_eq(back_failures(), 1);
    cr_assert_eq(back_failure().reason, SEMEL_REASON_CHANNEL_CLOSED);
    cr_assert_eq(back_failure().outcome, SEMEL_OUTCOME_UNKNOWN);
    semel_request_finish(asked, &(probe_Reply){.op = 1});
    agent_close(&agent);
    cr_assert_neq((int)watch_wait(&watch)->code, SEMEL_OK);
}

/* Found by tests/sim: the client said BYE, the server waited for the answer to what it had called back, for ever. */
static void change_between_hello_and_welcome(bool again)
{
    char uri[SEMEL_ENDPOINT_TEXT_MAX];
    int listener = peer_listen(uri);
    struct agent agent;
    struct peer peer;
    struct welcome welcome = peer_some_welcome();
    agent_open(&agent, NULL, uri);
    peer_accept(&peer, listener);
    peer_take_hello(&peer);
    cr_assert_eq(peer.hello.table, 1);
    semel_server_close(agent.served.semel);
    if (again) {
        server_fini(&agent.served);
        server_open_on(&agent.served, agent.client.node);
        cr_assert_eq((int)semel_channel_serve(agent.client.channel, agent.served.semel), SEMEL_OK);
    }
    peer_welcome(&peer, &welcome, false);
    struct frame request = peer_request(1, 1, ADD, NULL, 0);
    peer_send(&peer, &request);
    peer_expect_end(&peer);
    peer_close(&peer);
    if (again) {
        peer_serve(&peer, listener, &welcome, true);
        cr_assert_eq(peer.hello.table, 2);
        peer_close(&peer);
    }
    agent_close(&agent);
    close(listener);
}

Test(back_close, a_server_that_left_during_the_handshake_is_not_called)
{
    change_between_hello_and_welcome(false);
}

Test(back_close, a_server_that_came_during_the_handshake_is_told_on_the_next_connection)
{
    change_between_hello_and_welcome(true);
}

/* A connection that parts is closed as soon as the last call back on it has given its attempt up: no PING has to come
 * by. */
Test(back_close, an_attempt_that_is_given_up_ends_a_connection_that_parts)
{
    static const uint32_t much_later[] = {20000};
    struct server server;
    struct agent agent;
    struct watch watch, back;
    semel_call_options impatient = OPTIONS(SEMEL_UNSET, much_later, 1, SEMEL_ON_UNAVAILABLE_WAIT);
    impatient.attempt_timeout_ms = 200;
    server_open(&server, LIST("Heartbeat=10min", "DrainTimeout=10min"));
    server.handler = server_keep;
    agent_open(&agent, LIST("Heartbeat=10min"), server.uri);
    agent.served.handler = server_keep;
    watch_start(&watch, &agent.client, ADD, 1, NULL);
    semel_channel *channel = back_open(&server, server_pending(&server, 0), NULL);
    back_start(&back, &server, channel, SET, 2, &impatient);
    semel_request *asked = server_pending(&agent.served, 0);
    cr_assert_eq((int)semel_server_drain(server.semel, NULL, NULL), SEMEL_OK);
    semel_request_finish(server_pending(&server, 0), &(probe_Reply){.op = 1});
    cr_assert_eq((int)watch_wait(&watch)->code, SEMEL_OK);
    server_wait_gauge(&server, offsetof(struct semel_server_stats, connections), 0);
    cr_assert_eq(server_stats(&server).closed_by[SEMEL_REASON_DRAINED], 1);
    cr_assert_eq(watch_times(&back), 0, "it waits for another connection");
    semel_request_finish(asked, &(probe_Reply){.op = 2});
    semel_channel_close(channel);
    agent_close(&agent);
    server_close(&server);
    cr_assert_eq((int)watch_wait(&back)->code, SEMEL_CANCELLED);
}
