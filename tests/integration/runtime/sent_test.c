/* Sent callbacks: told once, when the last byte of a request is out for the first time, and never of a call that ends
 * before.
 *
 * Reads best next: semel/call.h. */
#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine.h"

TestSuite(sent, .timeout = 60);

/* A call that is watched and asked to be told of. */
struct letter {
    struct watch watch;
    struct client *client;
    unsigned done_before; /* how often its callback had run when it was told */
    enum semel_code asked;
    bool starting;
    bool told_inside;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    unsigned times;
};

static void on_sent(semel_call call, void *user)
{
    struct letter *letter = user;
    cr_assert_eq(call.seq, letter->watch.call.seq);
    letter->told_inside |= letter->starting;
    letter->done_before = watch_times(&letter->watch);
    pthread_mutex_lock(&letter->mutex);
    letter->times++;
    pthread_cond_broadcast(&letter->changed);
    pthread_mutex_unlock(&letter->mutex);
}

static void ask_now(void *arg)
{
    struct letter *letter = arg;
    letter->asked = semel_call_on_sent(letter->client->channel, letter->watch.call, on_sent, letter);
}

static enum semel_code ask(struct letter *letter)
{
    on_node(letter->client->node, ask_now, letter);
    return letter->asked;
}

static unsigned times(struct letter *letter)
{
    pthread_mutex_lock(&letter->mutex);
    unsigned times = letter->times;
    pthread_mutex_unlock(&letter->mutex);
    return times;
}

static void wait_sent(struct letter *letter)
{
    pthread_mutex_lock(&letter->mutex);
    while (letter->times == 0)
        pthread_cond_wait(&letter->changed, &letter->mutex);
    pthread_mutex_unlock(&letter->mutex);
}

struct posting {
    struct letter *letter;
    probe_Request in;
    enum method method;
    const semel_call_options *options;
};

/* Starts and asks within one turn. */
static void post_now(void *arg)
{
    struct posting *posting = arg;
    struct letter *letter = posting->letter;
    letter->starting = true;
    letter->watch.started = semel_call_start(letter->client->channel, &probe_Probe_methods[posting->method],
                                             &posting->in, posting->options, &letter->watch.call,
                                             (void (*)(void))watch_replied, &letter->watch);
    letter->asked = semel_call_on_sent(letter->client->channel, letter->watch.call, on_sent, letter);
    letter->starting = false;
}

static void post_as(struct letter *letter, struct client *client, enum method method, pb_bytes_array_t *pad,
                    const semel_call_options *options)
{
    struct posting posting = {letter, {.op = 1, .pad = pad}, method, options};
    *letter = (struct letter){
        .client = client,
        .watch = {.mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER},
        .mutex = PTHREAD_MUTEX_INITIALIZER,
        .changed = PTHREAD_COND_INITIALIZER};
    on_node(client->node, post_now, &posting);
    cr_assert_eq((int)letter->watch.started, SEMEL_OK);
    cr_assert_eq((int)letter->asked, SEMEL_OK);
}

static void post(struct letter *letter, struct client *client, pb_bytes_array_t *pad)
{
    post_as(letter, client, ADD, pad, NULL);
}

Test(sent, is_told_once_and_before_the_end)
{
    struct server server;
    struct client client;
    struct letter letter;
    server_open(&server, NULL);
    server.handler = server_keep;
    client_open(&client, NULL, server.uri);
    post(&letter, &client, NULL);
    wait_sent(&letter);
    cr_assert_eq((int)ask(&letter), SEMEL_FAILED_PRECONDITION, "it was written already");
    semel_request_finish(server_pending(&server, 0), &(probe_Reply){.op = 1});
    check_status(watch_wait(&letter.watch), OK, NONE, EXECUTED);
    cr_assert_eq(times(&letter), 1);
    cr_assert_eq(letter.done_before, 0);
    cr_assert(!letter.told_inside);
    cr_assert_eq((int)ask(&letter), SEMEL_NOT_FOUND, "it has ended");
    client_close(&client);
    server_close(&server);
    cr_assert_eq(letter.times, 1);
}

Test(sent, is_not_told_of_a_call_that_never_connects)
{
    char uri[SEMEL_ENDPOINT_TEXT_MAX];
    struct client client;
    struct letter letter;
    loopback_dead(uri);
    client_open(&client, LIST("RetryIntervals=0 0"), uri);
    post(&letter, &client, NULL);
    check_status(watch_wait(&letter.watch), UNAVAILABLE, CONNECT_FAILED, NOT_EXECUTED);
    client_close(&client);
    cr_assert_eq(letter.times, 0);
}

Test(sent, is_told_once_over_all_attempts)
{
    char uri[SEMEL_ENDPOINT_TEXT_MAX];
    struct client client;
    struct letter letter;
    struct peer peer;
    struct frame request;
    const struct welcome welcome = peer_some_welcome();
    int listener = peer_listen(uri);
    client_open(&client, LIST("RetryIntervals=0 0"), uri);
    post(&letter, &client, NULL);
    for (int i = 0; i < 2; i++) {
        peer_serve(&peer, listener, &welcome, i > 0);
        (void)peer_expect(&peer, FRAME_REQUEST);
        wait_sent(&letter);
        peer_close(&peer);
    }
    peer_serve(&peer, listener, &welcome, true);
    request = peer_expect(&peer, FRAME_REQUEST);
    peer_reply_ok(&peer, &request, "", 0);
    check_status(watch_wait(&letter.watch), OK, NONE, EXECUTED);
    cr_assert_eq(letter.watch.status.replays, 2);
    cr_assert_eq(times(&letter), 1);
    peer_close(&peer);
    close(listener);
    client_close(&client);
}

/* Calls that fill all the buffers between two ends, and more. */
enum { CROWD = 120, CROWD_PAD = 60000 };

static void pass(void *unused)
{
    (void)unused;
}

static int small_listener(char *uri)
{
    int listener = peer_listen(uri);
    int size = 4096;
    cr_assert_eq(setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &size, sizeof size), 0);
    return listener;
}

/* Seven megabytes of oneways, and the letter behind them, on their way to a peer that does not read. */
static void stick(struct letter *letter, struct client *client, struct peer *peer, int listener)
{
    const struct welcome welcome = peer_some_welcome();
    char begun[1];
    probe_Request in = {.op = 1, .pad = calloc(1, PB_BYTES_ARRAY_T_ALLOCSIZE(CROWD_PAD))};
    cr_assert_not_null(in.pad);
    in.pad->size = CROWD_PAD;
    for (unsigned i = 0; i < CROWD; i++)
        cr_assert_eq((int)probe_Probe_Tell(client->channel, &in, NULL), SEMEL_OK);
    free(in.pad);
    post(letter, client, NULL);
    peer_serve(peer, listener, &welcome, false);
    cr_assert_eq(recv(peer->fd, begun, 1, MSG_PEEK), 1, "the first has begun to arrive");
    on_node(client->node, pass, NULL); /* a round through its loop */
    cr_assert_eq(times(letter), 0);
}

Test(sent, waits_for_a_peer_that_does_not_read)
{
    char uri[SEMEL_ENDPOINT_TEXT_MAX];
    struct client client;
    struct letter letter;
    struct peer peer;
    struct frame request;
    int listener = small_listener(uri);
    client_open(&client, NULL, uri);
    stick(&letter, &client, &peer, listener);
    for (unsigned i = 0; i < CROWD; i++)
        cr_assert_eq(peer_expect(&peer, FRAME_REQUEST).flags, FRAME_ONEWAY);
    request = peer_expect(&peer, FRAME_REQUEST);
    wait_sent(&letter);
    cr_assert_eq(watch_times(&letter.watch), 0);
    peer_reply_ok(&peer, &request, "", 0);
    check_status(watch_wait(&letter.watch), OK, NONE, EXECUTED);
    cr_assert_eq(times(&letter), 1);
    peer_close(&peer);
    close(listener);
    client_close(&client);
}

/* It is in the queue of a live connection when that breaks: it was never written. */
Test(sent, is_not_told_of_a_call_that_did_not_get_out)
{
    char uri[SEMEL_ENDPOINT_TEXT_MAX];
    struct client client;
    struct letter letter;
    struct peer peer;
    int listener = small_listener(uri);
    client_open(&client, LIST("RetryIntervals=-1"), uri);
    stick(&letter, &client, &peer, listener);
    peer_close(&peer);
    cr_assert_eq((int)watch_wait(&letter.watch)->code, SEMEL_UNAVAILABLE);
    cr_assert_eq((int)letter.watch.status.outcome, SEMEL_OUTCOME_NOT_EXECUTED);
    close(listener);
    client_close(&client);
    cr_assert_eq(letter.times, 0);
}

static void cancel_now(void *arg)
{
    struct letter *letter = arg;
    semel_call_cancel(letter->client->channel, letter->watch.call);
}

Test(sent, is_not_told_of_a_call_that_is_cancelled_before)
{
    char uri[SEMEL_ENDPOINT_TEXT_MAX];
    struct client client;
    struct letter letter;
    struct peer peer;
    const struct welcome welcome = peer_some_welcome();
    struct watch next;
    int listener = peer_listen(uri);
    client_open(&client, NULL, uri);
    post(&letter, &client, NULL);
    on_node(client.node, cancel_now, &letter);
    check_status(watch_wait(&letter.watch), CANCELLED, CANCELLED, NOT_EXECUTED);
    watch_start(&next, &client, ADD, 2, NULL);
    peer_serve(&peer, listener, &welcome, false);
    struct frame request = peer_expect(&peer, FRAME_REQUEST);
    cr_assert_eq(request.seq, next.call.seq);
    peer_reply_ok(&peer, &request, "", 0);
    check_status(watch_wait(&next), OK, NONE, EXECUTED);
    peer_close(&peer);
    close(listener);
    client_close(&client);
    cr_assert_eq(letter.times, 0);
}

/* The first attempt hangs where nobody says WELCOME; the one beside it is the one that is written. */
Test(sent, is_told_of_the_first_attempt_that_is_written_whichever_it_is)
{
    char silent[SEMEL_ENDPOINT_TEXT_MAX], list[ENGINE_LIST];
    struct server server;
    struct client client;
    struct letter letter;
    semel_call_options options = SEMEL_CALL_OPTIONS_INIT;
    options.hedge_max = 1;
    options.hedge_delay_ms = 1;
    int listener = peer_listen(silent);
    server_open(&server, NULL);
    client_open(&client, NULL, engine_list(list, silent, server.uri));
    post_as(&letter, &client, SET, NULL, &options);
    check_status(watch_wait(&letter.watch), OK, NONE, EXECUTED);
    cr_assert_eq(letter.watch.status.hedges, 1);
    cr_assert_eq(times(&letter), 1);
    cr_assert_eq(letter.done_before, 0);
    close(listener);
    client_close(&client);
    server_close(&server);
    cr_assert_eq(letter.times, 1);
}
