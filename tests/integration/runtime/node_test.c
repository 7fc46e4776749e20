/* The ways to run a node, and the threads that may use it.
 *
 * Reads best next: fixture.h, semel/node.h. */
#include <criterion/criterion.h>
#include <ev.h>
#include <stddef.h>

#include "fixture.h"

TestSuite(node, .timeout = 60);

static void add(semel_channel *channel, unsigned op)
{
    probe_Reply reply;
    semel_status status;
    probe_Probe_Add(channel, &(probe_Request){.op = op}, &reply, NULL, &status);
    check_status(&status, OK, NONE, EXECUTED);
    cr_assert_eq(reply.op, op);
    probe_Probe_Add_release(&reply);
}

/* ---- a loop of its own ---- */

static void *run_node(void *node)
{
    cr_assert_eq((int)semel_node_run(node), SEMEL_OK);
    return NULL;
}

static void nothing(void *unused)
{
    (void)unused;
}

Test(node, runs_in_a_thread_of_your_choice_until_it_is_stopped)
{
    struct server server;
    struct client client;
    struct watch watch;
    pthread_t thread;
    server_open(&server, NULL);
    client_open_unrun(&client, NULL, server.uri);
    add(client.channel, 1);
    for (unsigned round = 0; round < 3; round++) {
        pthread_create(&thread, NULL, run_node, client.node);
        on_node(client.node, nothing, NULL); /* it runs now */
        cr_assert_eq((int)semel_node_run(client.node), SEMEL_FAILED_PRECONDITION);
        add(client.channel, 10 * round + 2);
        watch_start(&watch, &client, ADD, 10 * round + 3, NULL);
        check_status(watch_wait(&watch), OK, NONE, EXECUTED);
        semel_node_stop(client.node);
        pthread_join(thread, NULL);
        add(client.channel, 10 * round + 4);
    }
    client_close(&client);
    server_close(&server);
}

Test(node, remembers_a_stop_that_came_before_the_run)
{
    semel_node *node;
    cr_assert_eq((int)semel_node_open(NULL, &node, NULL), SEMEL_OK);
    semel_node_stop(node);
    cr_assert_eq((int)semel_node_run(node), SEMEL_OK);
    semel_node_close(node);
}

Test(node, with_a_thread_of_its_own_can_not_be_run)
{
    semel_node *node;
    cr_assert_eq((int)semel_node_open(&(struct semel_node_options){.thread = true}, &node, NULL), SEMEL_OK);
    cr_assert_eq((int)semel_node_run(node), SEMEL_FAILED_PRECONDITION);
    semel_node_close(node);
}

/* ---- the caller's loop ---- */

static void on_foreign_done(const probe_Reply *reply, const semel_status *status, void *user)
{
    cr_assert(status->code == SEMEL_OK && reply->op == 2);
    ev_break(user, EVBREAK_ALL);
}

Test(node, lives_on_the_callers_loop)
{
    struct server server;
    semel_node *node, *none = NULL;
    semel_channel *channel;
    semel_status status;
    struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
    server_open(&server, NULL);
    struct semel_node_options options = {.loop = loop, .thread = true};
    cr_assert_eq((int)semel_node_open(&options, &none, &status), SEMEL_INVALID_ARGUMENT);
    cr_assert(none == NULL);
    options.thread = false;
    cr_assert_eq((int)semel_node_open(&options, &node, NULL), SEMEL_OK);
    cr_assert_eq((int)semel_node_run(node), SEMEL_FAILED_PRECONDITION);
    cr_assert_eq(semel_node_loop(node), loop);
    ev_run(loop, 0); /* a node that has nothing to do does not keep the loop from ending */
    cr_assert_eq((int)semel_channel_open(node, NULL, server.uri, &channel, NULL), SEMEL_OK);
    add(channel, 1);
    cr_assert_eq(
        (int)probe_Probe_Add_start(channel, &(probe_Request){.op = 2}, NULL, NULL, on_foreign_done, loop),
        SEMEL_OK);
    ev_run(loop, 0);
    add(channel, 3);
    cr_assert_eq((int)semel_channel_flush(channel, 50000), SEMEL_OK);
    semel_node_close(node); /* and the channel with it */
    ev_loop_destroy(loop);
    cr_assert_eq(server_all_runs(&server), 3);
    server_close(&server);
}

/* ---- several threads ---- */

enum { THREADS = 4, CALLS = 150 };

struct worker {
    pthread_t thread;
    struct client *client;
    unsigned first_op;
};

static void *work(void *arg)
{
    const struct worker *worker = arg;
    for (unsigned i = 0; i < CALLS; i++)
        add(worker->client->channel, worker->first_op + i);
    return NULL;
}

static void share(bool run_by_itself)
{
    struct server server;
    struct client client;
    struct worker workers[THREADS];
    server_open(&server, NULL);
    if (run_by_itself)
        client_open(&client, NULL, server.uri);
    else
        client_open_unrun(&client, NULL, server.uri);
    for (unsigned i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){.client = &client, .first_op = i * CALLS};
        pthread_create(&workers[i].thread, NULL, work, &workers[i]);
    }
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(workers[i].thread, NULL);
    for (unsigned op = 0; op < THREADS * CALLS; op++)
        cr_assert_eq(server_runs(&server, op), 1);
    cr_assert_eq(client_stats(&client).connections, 1);
    client_close(&client);
    server_close(&server);
}

/* Every dial fails before the loop would go to sleep, and nothing is left that could wake it. */
Test(node, that_nobody_runs_ends_a_call_whose_dials_fail_at_once)
{
    struct client client;
    probe_Reply reply;
    semel_status status;
    client_open_unrun(&client, LIST("RetryIntervals=0 0"), "unix:/nonexistent/socket");
    probe_Probe_Add(client.channel, &(probe_Request){.op = 1}, &reply, NULL, &status);
    check_status(&status, UNAVAILABLE, CONNECT_FAILED, NOT_EXECUTED);
    cr_assert_eq(status.attempts, 3);
    client_close(&client);
}

Test(node, that_nobody_runs_is_shared_by_threads)
{
    share(false);
}

Test(node, with_a_thread_is_shared_by_threads)
{
    share(true);
}

/* ---- where a synchronous stub would wait for itself ---- */

static void check_wrong_thread(semel_channel *channel)
{
    probe_Reply reply;
    semel_status status;
    probe_Probe_Add(channel, &(probe_Request){.op = 9}, &reply, NULL, &status);
    check_status(&status, FAILED_PRECONDITION, WRONG_THREAD, NOT_EXECUTED);
    cr_assert_eq((int)semel_channel_flush(channel, 1000), SEMEL_FAILED_PRECONDITION);
}

struct inner {
    struct client *client;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    unsigned done;
};

static void count_inner(struct inner *inner)
{
    pthread_mutex_lock(&inner->mutex);
    inner->done++;
    pthread_cond_signal(&inner->changed);
    pthread_mutex_unlock(&inner->mutex);
}

static void on_inner_done(const probe_Reply *reply, const semel_status *status, void *user)
{
    cr_assert(reply != NULL && status->code == SEMEL_OK);
    count_inner(user);
}

/* A synchronous stub is refused in a callback; an asynchronous one and a oneway are not. */
static void on_outer_done(const probe_Reply *reply, const semel_status *status, void *user)
{
    struct inner *inner = user;
    cr_assert(reply != NULL && status->code == SEMEL_OK);
    check_wrong_thread(inner->client->channel);
    cr_assert_eq((int)probe_Probe_Add_start(inner->client->channel, &(probe_Request){.op = 2}, NULL, NULL,
                                            on_inner_done, inner),
                 SEMEL_OK);
    cr_assert_eq((int)probe_Probe_Tell(inner->client->channel, &(probe_Request){.op = 3}, NULL), SEMEL_OK);
    count_inner(inner);
}

static void start_outer(void *arg)
{
    struct inner *inner = arg;
    cr_assert_eq((int)probe_Probe_Add_start(inner->client->channel, &(probe_Request){.op = 1}, NULL, NULL,
                                            on_outer_done, inner),
                 SEMEL_OK);
}

Test(node, refuses_a_synchronous_stub_in_a_callback)
{
    struct server server;
    struct client client;
    struct inner inner = {&client, PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0};
    server_open(&server, NULL);
    client_open(&client, NULL, server.uri);
    on_node(client.node, start_outer, &inner);
    pthread_mutex_lock(&inner.mutex);
    while (inner.done < 2)
        pthread_cond_wait(&inner.changed, &inner.mutex);
    pthread_mutex_unlock(&inner.mutex);
    cr_assert_eq((int)semel_channel_flush(client.channel, 50000), SEMEL_OK);
    for (unsigned op = 1; op <= 3; op++)
        cr_assert_eq(server_runs(&server, op), 1);
    cr_assert_eq(server_runs(&server, 9), 0);
    client_close(&client);
    server_close(&server);
}

static semel_channel *handlers_channel;

static enum semel_code call_in_handler(struct server *server, semel_request *request, probe_Request *in,
                                       probe_Reply *out)
{
    (void)server, (void)request, (void)in, (void)out;
    check_wrong_thread(handlers_channel);
    return SEMEL_OK;
}

Test(node, refuses_a_synchronous_stub_in_a_handler)
{
    struct server server;
    struct client client;
    server_open(&server, NULL);
    server.handler = call_in_handler;
    client_open_unrun(&client, NULL, server.uri);
    cr_assert_eq((int)semel_channel_open(server.node, "own", server.uri, &handlers_channel, NULL), SEMEL_OK);
    add(client.channel, 1);
    client_close(&client);
    server_close(&server);
}
