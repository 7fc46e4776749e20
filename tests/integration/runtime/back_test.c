/* Calls back: a server asks its client over the client's connection, with all that calls have.
 *
 * Reads best next: back.h, back_lost_test.c. */
#include <criterion/criterion.h>
#include <stdatomic.h>
#include <stddef.h>

#include "back.h"

TestSuite(back, .timeout = 60);

/* ---- the plain case ---- */

static void ask_each_mode(struct agent *agent, struct server *server)
{
    static const enum method methods[] = {ADD, SET, PEEK};
    for (unsigned op = 0; op < 3; op++) {
        struct watch watch;
        watch_start(&watch, &agent->client, methods[op], op, NULL);
        cr_assert_eq((int)watch_wait(&watch)->code, SEMEL_OK, "%s", watch.status.message);
        cr_assert_eq(watch.reply.op, op);
        cr_assert_eq(server_runs(server, op), 1);
        cr_assert_eq(server_runs(&agent->served, op), 1);
    }
}

Test(back, a_handler_asks_its_client_and_answers_with_what_it_hears)
{
    struct server server;
    struct agent agent;
    unsigned before = descriptors();
    server_open(&server, NULL);
    server.handler = back_ask;
    agent_open(&agent, NULL, server.uri);
    ask_each_mode(&agent, &server);
    struct semel_server_stats served = {0};
    semel_server_get_stats(agent.served.semel, &served);
    cr_assert_eq(served.requests, 3);
    cr_assert_eq(served.executed, 3);
    cr_assert_eq(client_stats(&agent.client).connections, 1);
    agent_close(&agent);
    server_close(&server);
    cr_assert_eq(descriptors(), before);
}

/* ---- who is called how ---- */

/* A request of the agent that stays open at the server, and the channel back to who made it. */
struct hold {
    struct watch watch;
    semel_request *request;
    semel_channel *back;
};

enum { HOLD_OP = OPS - 1 };

/* The n-th request that the server keeps. */
static void hold_open(struct hold *hold, struct agent *agent, struct server *server, size_t n)
{
    watch_start(&hold->watch, &agent->client, ADD, HOLD_OP, NULL);
    hold->request = server_pending(server, n);
    hold->back = back_open(server, hold->request, "back");
}

static void hold_close(struct hold *hold)
{
    semel_channel_close(hold->back);
    semel_request_finish(hold->request, &(probe_Reply){.op = HOLD_OP});
    cr_assert_eq((int)watch_wait(&hold->watch)->code, SEMEL_OK, "%s", hold->watch.status.message);
}

static void open_all(struct server *server, struct agent *agent, struct hold *hold, const char *const *settings)
{
    server_open(server, NULL);
    server->handler = server_keep;
    agent_open(agent, settings, server->uri);
    hold_open(hold, agent, server, 0);
}

static void close_all(struct server *server, struct agent *agent, struct hold *hold)
{
    hold_close(hold);
    agent_close(agent);
    server_close(server);
}

Test(back, a_thread_beside_the_server_calls_synchronously)
{
    struct server server;
    struct agent agent;
    struct hold hold;
    semel_status status;
    probe_Reply reply;
    open_all(&server, &agent, &hold, NULL);
    for (unsigned op = 1; op <= 20; op++) {
        cr_assert_eq((int)probe_Probe_Add(hold.back, &(probe_Request){.op = op}, &reply, NULL, &status),
                     SEMEL_OK, "%s", status.message);
        cr_assert_eq(reply.op, op);
        cr_assert_eq(reply.runs, 1);
        probe_Probe_Add_release(&reply);
    }
    close_all(&server, &agent, &hold);
}

static enum semel_code wait_inside(struct server *server, semel_request *request, probe_Request *in,
                                   probe_Reply *out)
{
    semel_channel *channel;
    semel_status status;
    (void)out;
    cr_assert_eq(
        (int)semel_channel_open_peer(server->node, NULL, semel_request_peer(request), &channel, &status),
        SEMEL_OK);
    probe_Reply reply;
    enum semel_code code = probe_Probe_Add(channel, in, &reply, NULL, &status);
    semel_channel_close(channel);
    return semel_request_error(request, code, "%s", semel_reason_name(status.reason));
}

/* It would wait for the thread it holds. */
Test(back, a_handler_that_would_wait_for_itself_is_refused)
{
    struct server server;
    struct agent agent;
    struct watch watch;
    server_open(&server, NULL);
    server.handler = wait_inside;
    agent_open(&agent, NULL, server.uri);
    watch_start(&watch, &agent.client, ADD, 1, NULL);
    cr_assert_eq((int)watch_wait(&watch)->code, SEMEL_FAILED_PRECONDITION);
    cr_assert_str_eq(watch.status.message, "WRONG_THREAD");
    cr_assert_eq(server_runs(&agent.served, 1), 0);
    agent_close(&agent);
    server_close(&server);
}

Test(back, a_client_that_serves_nothing_is_called_in_vain)
{
    struct server server;
    struct client client;
    struct watch watch;
    semel_status status;
    probe_Reply reply;
    server_open(&server, NULL);
    server.handler = server_keep;
    client_open(&client, NULL, server.uri);
    watch_start(&watch, &client, ADD, 1, NULL);
    semel_channel *back = back_open(&server, server_pending(&server, 0), NULL);
    cr_assert_eq((int)probe_Probe_Add(back, &(probe_Request){.op = 2}, &reply, NULL, &status),
                 SEMEL_UNIMPLEMENTED);
    check_status(&status, UNIMPLEMENTED, NOT_SERVED, NOT_EXECUTED);
    semel_channel_close(back);
    semel_request_finish(server_pending(&server, 0), &(probe_Reply){.op = 1});
    cr_assert_eq((int)watch_wait(&watch)->code, SEMEL_OK);
    client_close(&client);
    server_close(&server);
}

/* ---- ends before the answer ---- */

Test(back, a_deadline_ends_a_call_back_and_tells_its_handler)
{
    struct server server;
    struct agent agent;
    struct hold hold;
    struct watch watch;
    open_all(&server, &agent, &hold, NULL);
    agent.served.handler = server_keep;
    back_start(&watch, &server, hold.back, ADD, 1, NULL);
    semel_request *asked = server_pending(&agent.served, 0);
    watch_expire(&watch, &(struct client){.node = server.node, .channel = hold.back});
    check_status(watch_wait(&watch), DEADLINE_EXCEEDED, DEADLINE, UNKNOWN);
    while (!semel_request_cancelled(asked)) /* CANCEL is on its way */
        (void)server_stats(&agent.served);
    semel_request_finish(asked, &(probe_Reply){.op = 1});
    close_all(&server, &agent, &hold);
}

Test(back, a_call_back_that_is_cancelled_ends_with_the_clients_word)
{
    struct server server;
    struct agent agent;
    struct hold hold;
    struct watch watch;
    open_all(&server, &agent, &hold, NULL);
    agent.served.handler = server_keep;
    back_start(&watch, &server, hold.back, ADD, 1, NULL);
    semel_request *asked = server_pending(&agent.served, 0);
    watch_cancel(&watch, &(struct client){.node = server.node, .channel = hold.back});
    check_status(watch_wait(&watch), CANCELLED, CANCELLED, UNKNOWN);
    cr_assert(semel_request_cancelled(asked));
    semel_request_finish(asked, &(probe_Reply){.op = 1});
    close_all(&server, &agent, &hold);
}

static atomic_llong left_ms;

static enum semel_code keep_noting_deadline(struct server *server, semel_request *request, probe_Request *in,
                                            probe_Reply *out)
{
    atomic_store(&left_ms, semel_request_deadline_ms(request));
    return server_keep(server, request, in, out);
}

/* Whoever is being served by a deadline does not wait longer for others, in this direction either. */
Test(back, a_call_back_inherits_the_deadline_of_the_request)
{
    struct server server;
    struct agent agent;
    struct watch watch;
    const semel_call_options sooner = OPTIONS(40000, NULL, SEMEL_UNSET, SEMEL_ON_UNAVAILABLE_UNSET);
    server_open(&server, NULL);
    server.handler = back_ask;
    agent_open(&agent, NULL, server.uri);
    agent.served.handler = keep_noting_deadline;
    watch_start(&watch, &agent.client, ADD, 1, &sooner);
    semel_request *asked = server_pending(&agent.served, 0);
    cr_assert(left_ms > 0 && left_ms <= sooner.deadline_ms, "%lld ms, the default is a minute",
              (long long)left_ms);
    semel_request_finish(asked, &(probe_Reply){.op = 1});
    check_status(watch_wait(&watch), OK, NONE, EXECUTED);
    agent_close(&agent);
    server_close(&server);
}

/* ---- many ---- */

Test(back, oneways_go_back_as_well)
{
    struct server server;
    struct agent agent;
    struct hold hold;
    open_all(&server, &agent, &hold, NULL);
    for (unsigned op = 1; op <= 100; op++)
        cr_assert_eq((int)probe_Probe_Tell(hold.back, &(probe_Request){.op = op}, NULL), SEMEL_OK);
    cr_assert_eq((int)semel_channel_flush(hold.back, 50000), SEMEL_OK);
    for (unsigned op = 1; op <= 100; op++)
        cr_assert_eq(server_runs(&agent.served, op), 1);
    cr_assert_eq(server_stats(&agent.served).oneways_acknowledged, 100);
    close_all(&server, &agent, &hold);
}

static void both_ways(const char *const *settings, unsigned count)
{
    struct server server;
    struct agent agent;
    static struct watch watches[64];
    server_open(&server, NULL);
    server.handler = back_ask;
    agent_open(&agent, settings, server.uri);
    for (unsigned op = 0; op < count; op++)
        watch_start(&watches[op], &agent.client, op % 2 == 0 ? ADD : SET, op, NULL);
    for (unsigned op = 0; op < count; op++) {
        cr_assert_eq((int)watch_wait(&watches[op])->code, SEMEL_OK, "%s", watches[op].status.message);
        cr_assert_eq(server_runs(&server, op), 1);
        cr_assert_eq(server_runs(&agent.served, op), 1);
    }
    cr_assert_eq(client_stats(&agent.client).connections, 1);
    agent_close(&agent);
    server_close(&server);
}

Test(back, sixty_four_at_once_in_both_directions)
{
    both_ways(NULL, 64);
}

Test(back, the_clients_window_holds_the_server_back)
{
    both_ways(LIST("Window=2"), 64);
    both_ways(LIST("Window=1"), 16);
}

enum { ASKED = 64, ANSWER = 60000 };

struct asking {
    struct client caller;
    struct watch watches[ASKED];
};

static void ask_all(void *arg)
{
    struct asking *asking = arg;
    for (unsigned op = 0; op < ASKED; op++)
        watch_start_sized(&asking->watches[op], &asking->caller, PEEK, op, 0, ANSWER, NULL);
}

/* What is unsent is bounded: requests wait while their replies would pile up.  They are asked while who answers is
 * busy, and find it with all of them at once. */
Test(back, large_answers_wait_for_each_other)
{
    struct server server;
    struct agent agent;
    struct hold hold;
    static struct asking asking;
    open_all(&server, &agent, &hold, LIST("SendBufferLimit=65536", "MaxQueueAge=0"));
    asking.caller = (struct client){.node = server.node, .channel = hold.back};
    on_node(agent.client.node, ask_all, &asking);
    for (unsigned op = 0; op < ASKED; op++) {
        struct watch *watch = &asking.watches[op];
        cr_assert_eq((int)watch_wait(watch)->code, SEMEL_OK, "%s", watch->status.message);
        cr_assert_eq(watch->pad_size, ANSWER);
        cr_assert_eq(server_runs(&agent.served, op), 1);
    }
    cr_assert_gt(server_stats(&agent.served).waited, 0);
    close_all(&server, &agent, &hold);
}

/* ---- one channel a session ---- */

Test(back, opened_again_it_is_the_same_channel)
{
    struct server server;
    struct agent agent;
    struct hold hold;
    semel_channel *again = NULL;
    semel_status status;
    probe_Reply reply;
    open_all(&server, &agent, &hold, NULL);
    cr_assert_eq((int)back_try(&server, hold.request, "other", &again), SEMEL_ALREADY_EXISTS);
    cr_assert_eq((int)back_try(&server, hold.request, "no.name", &again), SEMEL_INVALID_ARGUMENT);
    cr_assert_eq((int)back_try(&server, hold.request, "back", &again), SEMEL_OK);
    cr_assert_eq(again, hold.back);
    semel_channel_close(again);
    cr_assert_eq((int)probe_Probe_Add(hold.back, &(probe_Request){.op = 1}, &reply, NULL, &status), SEMEL_OK,
                 "one user of two is left: %s", status.message);
    close_all(&server, &agent, &hold);
}

/* The client remembers what it ran of this session: another sequence would meet those records. */
Test(back, closed_and_opened_again_it_goes_on_where_it_was)
{
    struct server server;
    struct agent agent;
    struct hold hold;
    semel_status status;
    probe_Reply reply;
    static const char *const names[] = {"back", NULL, "other"};
    open_all(&server, &agent, &hold, NULL);
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < 3; i++) /* the same request again and again, each a call of its own */
            cr_assert_eq((int)probe_Probe_Add(hold.back, &(probe_Request){.op = 1}, &reply, NULL, &status),
                         SEMEL_OK, "%s", status.message);
        cr_assert_eq(reply.runs, 3 * round + 3);
        semel_channel_close(hold.back);
        hold.back = back_open(&server, hold.request, names[round]);
    }
    close_all(&server, &agent, &hold);
}

Test(back, closing_it_ends_its_calls_and_leaves_the_connection)
{
    struct server server;
    struct agent agent;
    struct hold hold;
    struct watch watch;
    semel_status status;
    probe_Reply reply;
    open_all(&server, &agent, &hold, NULL);
    agent.served.handler = server_keep;
    back_start(&watch, &server, hold.back, ADD, 1, NULL);
    semel_request *asked = server_pending(&agent.served, 0);
    semel_channel_close(hold.back);
    check_status(watch_wait(&watch), CANCELLED, CHANNEL_CLOSED, UNKNOWN);
    semel_request_finish(asked, &(probe_Reply){.op = 1});
    agent.served.handler = server_count;
    hold.back = back_open(&server, hold.request, "back");
    cr_assert_eq((int)probe_Probe_Add(hold.back, &(probe_Request){.op = 2}, &reply, NULL, &status), SEMEL_OK,
                 "%s", status.message);
    cr_assert_eq(client_stats(&agent.client).connections, 1);
    close_all(&server, &agent, &hold);
}

/* ---- who serves ---- */

Test(back, a_channel_is_served_once_and_by_its_own_node)
{
    struct server server;
    struct agent agent;
    struct hold hold;
    open_all(&server, &agent, &hold, NULL);
    cr_assert_eq((int)semel_channel_serve(agent.client.channel, agent.served.semel), SEMEL_ALREADY_EXISTS);
    cr_assert_eq((int)semel_channel_serve(hold.back, server.semel), SEMEL_FAILED_PRECONDITION);
    struct client other;
    client_open(&other, NULL, server.uri);
    cr_assert_eq((int)semel_channel_serve(other.channel, agent.served.semel), SEMEL_INVALID_ARGUMENT);
    cr_assert_eq((int)semel_server_drain(agent.served.semel, NULL, NULL), SEMEL_OK);
    client_close(&other);
    close_all(&server, &agent, &hold);
}

/* Nobody calls, and it is there all the same. */
Test(back, a_channel_that_serves_connects_by_itself)
{
    struct server server;
    struct agent agent;
    server_open(&server, NULL);
    agent_open(&agent, NULL, server.uri);
    server_wait_stat(&server, offsetof(struct semel_server_stats, welcomed), 1);
    agent_close(&agent);
    server_close(&server);
}

/* The server was not told on the connection that exists: it is left in good order. */
Test(back, serving_begins_on_the_next_connection)
{
    struct server server;
    struct agent agent;
    struct watch watch;
    server_open(&server, NULL);
    client_open(&agent.client, NULL, server.uri);
    watch_start(&watch, &agent.client, ADD, 1, NULL);
    cr_assert_eq((int)watch_wait(&watch)->code, SEMEL_OK);
    server.handler = back_ask;
    server_open_on(&agent.served, agent.client.node);
    cr_assert_eq((int)semel_channel_serve(agent.client.channel, agent.served.semel), SEMEL_OK);
    watch_start(&watch, &agent.client, ADD, 2, NULL);
    cr_assert_eq((int)watch_wait(&watch)->code, SEMEL_OK, "%s", watch.status.message);
    cr_assert_eq(server_runs(&agent.served, 2), 1);
    cr_assert_eq(client_stats(&agent.client).connections, 2);
    cr_assert_eq(client_stats(&agent.client).resumed, 1);
    cr_assert_eq(client_stats(&agent.client).closed_by[SEMEL_REASON_DRAINED], 1);
    agent_close(&agent);
    server_close(&server);
}

/* Its table goes with it: what it may have run stays unknown, and the next one takes new calls. */
Test(back, another_server_takes_over_the_channel)
{
    struct server server;
    struct agent agent;
    struct hold hold;
    struct watch watch;
    semel_status status;
    probe_Reply reply;
    open_all(&server, &agent, &hold, NULL);
    agent.served.handler = server_keep;
    back_start(&watch, &server, hold.back, ADD, 1, NULL);
    semel_request *asked = server_pending(&agent.served, 0);
    semel_server_close(agent.served.semel);
    check_status(watch_wait(&watch), UNAVAILABLE, SESSION_NEW, UNKNOWN);
    cr_assert_eq((int)watch.status.rule, SEMEL_RULE_R4);
    semel_request_finish(asked, &(probe_Reply){.op = 1});
    cr_assert_eq((int)probe_Probe_Add(hold.back, &(probe_Request){.op = 2}, &reply, NULL, &status),
                 SEMEL_UNIMPLEMENTED);
    hold_close(&hold); /* the connection can be left */
    server_fini(&agent.served);
    server_open_on(&agent.served, agent.client.node);
    cr_assert_eq((int)semel_channel_serve(agent.client.channel, agent.served.semel), SEMEL_OK);
    server_wait_stat(&server, offsetof(struct semel_server_stats, welcomed), 3);
    hold_open(&hold, &agent, &server, 1);
    cr_assert_eq((int)probe_Probe_Add(hold.back, &(probe_Request){.op = 3}, &reply, NULL, &status), SEMEL_OK,
                 "%s", status.message);
    cr_assert_eq(server_runs(&agent.served, 3), 1);
    close_all(&server, &agent, &hold);
}

/* ---- recovery ---- */

static void keep_recovery(semel_recovery *recovery, void *user)
{
    *(semel_recovery **)user = recovery;
}

static void continue_now(void *recovery)
{
    semel_recovery_continue(recovery);
}

/* What is called back while calls wait for a recovery runs: the recovery may need it. */
Test(back, is_answered_while_a_recovery_holds_calls_back)
{
    struct server server;
    struct agent agent;
    struct watch watch, gated, back;
    static semel_recovery *recovery;
    server_open(&server, NULL);
    server.handler = server_keep;
    agent_open(&agent, NULL, server.uri);
    semel_channel_attach_recovery(agent.client.channel, keep_recovery, &recovery);
    watch_start(&watch, &agent.client, ADD, 1, NULL);
    semel_channel *channel = back_open(&server, server_pending(&server, 0), NULL);
    semel_request_finish(server_pending(&server, 0), &(probe_Reply){.op = 1});
    cr_assert_eq((int)watch_wait(&watch)->code, SEMEL_OK);
    semel_server_close(agent.served.semel); /* cuts the connection */
    server_fini(&agent.served);
    server_open_on(&agent.served, agent.client.node);
    cr_assert_eq((int)semel_channel_serve(agent.client.channel, agent.served.semel), SEMEL_OK);
    server_wait_stat(&server, offsetof(struct semel_server_stats, welcomed), 2);
    watch_start(&gated, &agent.client, ADD, 2, NULL);
    back_start(&back, &server, channel, ADD, 3, NULL);
    cr_assert_eq((int)watch_wait(&back)->code, SEMEL_OK, "%s", back.status.message);
    cr_assert_eq(watch_times(&gated), 0);
    cr_assert_eq(server_runs(&server, 2), 0, "it waits for the recovery");
    cr_assert_not_null(recovery);
    server.handler = server_count;
    on_node(agent.client.node, continue_now, recovery);
    cr_assert_eq((int)watch_wait(&gated)->code, SEMEL_OK, "%s", gated.status.message);
    semel_channel_close(channel);
    agent_close(&agent);
    server_close(&server);
}

/* ---- drains ---- */

static void tell(void *told)
{
    atomic_store((atomic_bool *)told, true);
}

/* The handler ends when its call back does, which starts after GOAWAY and BYE have passed. */
Test(back, a_drain_waits_for_a_handler_that_calls_back)
{
    struct server server;
    struct agent agent;
    struct watch watch, back;
    atomic_bool drained = false;
    server_open(&server, NULL);
    server.handler = server_keep;
    agent_open(&agent, NULL, server.uri);
    agent.served.handler = server_keep;
    watch_start(&watch, &agent.client, ADD, 1, NULL);
    semel_channel *channel = back_open(&server, server_pending(&server, 0), NULL);
    cr_assert_eq((int)semel_server_drain(server.semel, tell, &drained), SEMEL_OK);
    back_start(&back, &server, channel, ADD, 2, NULL);
    semel_request *asked = server_pending(&agent.served, 0);
    semel_request_finish(server_pending(&server, 0), &(probe_Reply){.op = 1});
    cr_assert_eq((int)watch_wait(&watch)->code, SEMEL_OK);
    cr_assert_not(atomic_load(&drained), "a call back is under way");
    cr_assert_eq(server_stats(&server).connections, 1);
    semel_request_finish(asked, &(probe_Reply){.op = 2});
    cr_assert_eq((int)watch_wait(&back)->code, SEMEL_OK, "%s", back.status.message);
    while (!atomic_load(&drained))
        (void)server_stats(&server);
    cr_assert_eq(server_stats(&server).closed_by[SEMEL_REASON_DRAINED], 1);
    semel_channel_close(channel);
    agent_close(&agent);
    server_close(&server);
}

Test(back, a_server_that_drains_takes_no_more_calls_back)
{
    struct server server;
    struct agent agent;
    struct hold hold;
    struct watch watch, refused;
    atomic_bool drained = false;
    static const uint32_t none;
    const semel_call_options once = OPTIONS(SEMEL_UNSET, &none, 0, SEMEL_ON_UNAVAILABLE_UNSET);
    open_all(&server, &agent, &hold, NULL);
    agent.served.handler = server_keep;
    back_start(&watch, &server, hold.back, ADD, 1, NULL);
    semel_request *asked = server_pending(&agent.served, 0);
    cr_assert_eq((int)semel_server_drain(agent.served.semel, tell, &drained), SEMEL_OK);
    back_start(&refused, &server, hold.back, ADD, 2, &once);
    check_status(watch_wait(&refused), UNAVAILABLE, DRAINING, NOT_EXECUTED);
    cr_assert_not(atomic_load(&drained));
    semel_request_finish(asked, &(probe_Reply){.op = 1});
    cr_assert_eq((int)watch_wait(&watch)->code, SEMEL_OK, "%s", watch.status.message);
    while (!atomic_load(&drained))
        (void)server_stats(&agent.served);
    cr_assert_eq(server_runs(&agent.served, 2), 0);
    close_all(&server, &agent, &hold);
}
