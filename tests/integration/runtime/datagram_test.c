/* Datagrams from a channel to a server: what is sent says so and claims nothing more.
 *
 * Reads best next: datagram_peer_test.c, for those that nobody should believe. */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine.h"
#include "losses.h"

TestSuite(datagram, .timeout = 60);

static uint64_t sum(const uint64_t *counters, size_t count)
{
    uint64_t total = 0;
    for (size_t i = 0; i < count; i++)
        total += counters[i];
    return total;
}

static void hint(struct client *client, unsigned op)
{
    cr_assert_eq((int)probe_Probe_Hint(client->channel, &(probe_Request){.op = op}, NULL), SEMEL_OK);
}

Test(datagram, that_was_sent_is_neither_ok_nor_failed)
{
    struct server server;
    struct client client;
    struct losses losses;
    struct watch watch;
    server_open_at(&server, NULL, loopback_udp());
    client_open(&client, NULL, server.uri);
    losses_listen(&losses, client.channel);
    watch_start(&watch, &client, HINT, 1, NULL);
    check_status(watch_wait(&watch), UNKNOWN, DATAGRAM_SENT, UNKNOWN);
    cr_assert_eq(watch.status.attempts, 1);
    cr_assert_eq((int)watch.status.rule, SEMEL_RULE_NONE);
    check_explains(&watch.status, "was sent as a datagram, outcome UNKNOWN");
    server_wait_runs(&server, 1, 1);
    struct semel_channel_stats stats = client_stats(&client);
    cr_assert_eq(stats.calls, 1);
    cr_assert_eq(stats.oneways, 1);
    cr_assert_eq(stats.datagrams, 1);
    cr_assert_eq(stats.ok, 0);
    cr_assert_eq(sum(stats.failed, 3), 0);
    cr_assert_eq(sum(stats.oneways_lost, 3), 0);
    cr_assert_eq(stats.dials, 0);
    cr_assert_eq(losses_times(&losses), 0);
    cr_assert_eq(watch_times(&watch), 1);
    client_close(&client);
    struct semel_server_stats served = server_stats(&server);
    cr_assert_eq(served.datagrams, 1);
    cr_assert_eq(served.executed, 1);
    cr_assert_eq(served.bytes_out, 0, "nothing is answered");
    cr_assert_eq(sum(served.datagrams_dropped_by, SEMEL_REASON_COUNT), 0);
    server_close(&server);
}

Test(datagram, goes_over_ipv6)
{
    struct server server;
    struct client client;
    if (!loopback_has_six())
        return;
    server_open_at(&server, NULL, "udp://[::1]:0");
    client_open(&client, NULL, server.uri);
    hint(&client, 1);
    server_wait_runs(&server, 1, 1);
    client_close(&client);
    server_close(&server);
}

struct row {
    struct client *client;
    unsigned count;
};

static void send_row(void *arg)
{
    const struct row *row = arg;
    for (unsigned i = 0; i < row->count; i++)
        hint(row->client, 1);
}

/* All of them leave; how many arrive is the network's affair. */
Test(datagram, a_row_shares_system_calls)
{
    enum { ROW = 320 };
    struct server server;
    struct client client;
    struct row row = {&client, ROW};
    server_open_at(&server, NULL, loopback_udp());
    client_open(&client, NULL, server.uri);
    on_node(client.node, send_row, &row);
    cr_assert_eq((int)semel_channel_flush(client.channel, 50000), SEMEL_OK);
    cr_assert_eq(client_stats(&client).datagrams, ROW);
    cr_assert_eq(client_stats(&client).writes, ROW / 32);
    server_wait_runs(&server, 1, 1);
    client_close(&client);
    server_close(&server);
    cr_assert_leq(server.all_runs, ROW);
}

/* ---- what does not travel ---- */

static void check_refused(struct client *client, enum method method)
{
    struct watch watch;
    watch_start_sized(&watch, client, method, 1, 0, 0, NULL);
    cr_assert_eq((int)watch.started, SEMEL_FAILED_PRECONDITION);
    cr_assert_eq(watch_times(&watch), 0);
}

Test(datagram, carries_no_operation_that_must_not_run_twice_or_is_waited_for)
{
    struct server server;
    struct client client;
    probe_Reply reply;
    semel_status status;
    server_open_at(&server, NULL, loopback_udp());
    client_open(&client, NULL, server.uri);
    check_refused(&client, ADD);
    check_refused(&client, SET);
    check_refused(&client, PEEK);
    check_refused(&client, TELL);
    cr_assert_eq((int)probe_Probe_Tell(client.channel, &(probe_Request){.op = 1}, NULL),
                 SEMEL_FAILED_PRECONDITION);
    cr_assert_eq((int)probe_Probe_Set(client.channel, &(probe_Request){.op = 1}, &reply, NULL, &status),
                 SEMEL_FAILED_PRECONDITION);
    cr_assert_eq((int)status.reason, SEMEL_REASON_NO_DATAGRAM);
    cr_assert_eq((int)status.outcome, SEMEL_OUTCOME_NOT_EXECUTED);
    hint(&client, 2);
    server_wait_runs(&server, 2, 1);
    cr_assert_eq(server_stats(&server).datagrams, 1);
    cr_assert_eq(client_stats(&client).calls, 1);
    client_close(&client);
    server_close(&server);
}

static enum semel_code hint_padded(struct client *client, unsigned op, size_t pad)
{
    probe_Request in = {.op = op, .pad = calloc(1, PB_BYTES_ARRAY_T_ALLOCSIZE(pad))};
    cr_assert_not_null(in.pad);
    in.pad->size = (pb_size_t)pad;
    enum semel_code code = probe_Probe_Hint(client->channel, &in, NULL);
    free(in.pad);
    return code;
}

/* Tag and value of op, tag and two bytes of length of pad: five bytes beside the pad. */
Test(datagram, is_never_split)
{
    enum { LARGEST = 1200 - 48 - 5 };
    struct server server;
    struct client client;
    server_open_at(&server, NULL, loopback_udp());
    client_open(&client, NULL, server.uri);
    cr_assert_eq((int)hint_padded(&client, 1, LARGEST), SEMEL_OK);
    server_wait_runs(&server, 1, 1);
    cr_assert_eq(server_stats(&server).bytes_in, 1200);
    cr_assert_eq((int)hint_padded(&client, 2, LARGEST + 1), SEMEL_INVALID_ARGUMENT);
    cr_assert_eq((int)hint_padded(&client, 2, 60000), SEMEL_INVALID_ARGUMENT);
    cr_assert_eq(client_stats(&client).calls, 1);
    client_close(&client);
    server_close(&server);
}

Test(datagram, endpoints_stand_alone)
{
    static const char *const lists[] = {"udp://127.0.0.1:1,tcp://127.0.0.1:1",
                                        "tcp://127.0.0.1:1,udp://127.0.0.1:1",
                                        "udp://127.0.0.1:1,udp://127.0.0.1:2", "unix:/a,udp://127.0.0.1:1"};
    semel_node *node;
    semel_status status;
    cr_assert_eq((int)semel_node_open(NULL, &node, &status), SEMEL_OK);
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        semel_channel *channel = NULL;
        cr_assert_eq((int)semel_channel_open(node, NULL, lists[i], &channel, &status), SEMEL_INVALID_ARGUMENT);
        cr_assert_eq((int)status.reason, SEMEL_REASON_BAD_ADDRESS);
        cr_assert_null(channel);
    }
    semel_node_close(node);
}

/* ---- losses that the network tells ---- */

Test(datagram, to_a_port_without_a_server_is_told_as_lost)
{
    struct server server;
    struct client client;
    struct losses losses;
    struct watch watch;
    server_open_at(&server, NULL, loopback_udp());
    char uri[SEMEL_ENDPOINT_TEXT_MAX];
    memcpy(uri, server.uri, sizeof uri);
    server_close(&server); /* the port is free again, and nobody is there */
    client_open(&client, NULL, uri);
    losses_listen(&losses, client.channel);
    watch_start(&watch, &client, HINT, 1, NULL);
    check_status(watch_wait(&watch), UNKNOWN, DATAGRAM_SENT, UNKNOWN);
    check_status(losses_wait(&losses, 1), UNAVAILABLE, DATAGRAM_LOST, UNKNOWN);
    cr_assert_eq(losses.method, &probe_Probe_methods[HINT]);
    cr_assert_str_eq(losses.status.method, "probe.Probe.Hint");
    cr_assert_eq(client_stats(&client).datagrams_lost, 1);
    hint(&client, 2); /* what the network said of the first does not keep the second from leaving */
    (void)losses_wait(&losses, 2);
    cr_assert_eq(client_stats(&client).datagrams, 2);
    cr_assert_eq(client_stats(&client).datagrams_lost, 2);
    cr_assert_eq(sum(client_stats(&client).oneways_lost, 3), 0);
    client_close(&client);
}

/* "localhost" has two addresses, and the server listens at the second: the first refuses, and is left. */
Test(datagram, leaves_an_address_that_refuses_for_the_next)
{
    struct server server;
    struct client client;
    char uri[SEMEL_ENDPOINT_TEXT_MAX];
    server_open_at(&server, NULL, "udp://127.0.0.1:0");
    snprintf(uri, sizeof uri, "udp://localhost:%s", strrchr(server.uri, ':') + 1);
    client_open(&client, NULL, uri);
    hint(&client, 1);
    while (server_all_runs(&server) == 0 && client_stats(&client).datagrams_lost == 0)
        ;
    hint(&client, 2);
    server_wait_runs(&server, 2, 1);
    client_close(&client);
    server_close(&server);
}

/* ---- the rest of a call's life ---- */

struct parcel {
    struct client *client;
    struct watch *watch;
    unsigned sent;
    unsigned done_before;
};

static void on_sent(semel_call call, void *user)
{
    struct parcel *parcel = user;
    cr_assert_eq(call.seq, parcel->watch->call.seq);
    parcel->sent++;
    parcel->done_before = watch_times(parcel->watch);
}

static void start_parcel(void *arg)
{
    struct parcel *parcel = arg;
    semel_channel *channel = parcel->client->channel;
    cr_assert_eq((int)probe_Probe_Hint_start(channel, &(probe_Request){.op = 1}, NULL, &parcel->watch->call,
                                             watch_told, parcel->watch),
                 SEMEL_OK);
    cr_assert_eq((int)semel_call_on_sent(channel, parcel->watch->call, on_sent, parcel), SEMEL_OK);
    cr_assert_eq(parcel->sent + watch_times(parcel->watch), 0, "not inside start");
}

static void start_and_cancel_parcel(void *arg)
{
    struct parcel *parcel = arg;
    start_parcel(arg);
    semel_call_cancel(parcel->client->channel, parcel->watch->call);
    cr_assert_eq(parcel->sent + watch_times(parcel->watch), 0, "not inside cancel");
}

static void check_parcel(void (*start)(void *), unsigned sent)
{
    struct server server;
    struct client client;
    struct watch watch = {.mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    struct parcel parcel = {.client = &client, .watch = &watch};
    server_open_at(&server, NULL, loopback_udp());
    client_open(&client, NULL, server.uri);
    on_node(client.node, start, &parcel);
    if (sent > 0)
        check_status(watch_wait(&watch), UNKNOWN, DATAGRAM_SENT, UNKNOWN);
    else
        check_status(watch_wait(&watch), CANCELLED, CANCELLED, NOT_EXECUTED);
    hint(&client, 2);
    server_wait_runs(&server, 2, 1);
    cr_assert_eq(server_runs(&server, 1), sent);
    client_close(&client);
    server_close(&server);
    cr_assert_eq(parcel.sent, sent);
    cr_assert_eq(parcel.done_before, 0);
    cr_assert_eq(watch.times, 1);
}

Test(datagram, is_told_as_sent_before_it_ends)
{
    check_parcel(start_parcel, 1);
}

Test(datagram, that_is_cancelled_in_its_turn_does_not_leave)
{
    check_parcel(start_and_cancel_parcel, 0);
}

Test(datagram, that_has_not_left_ends_with_its_channel)
{
    struct server server;
    struct client client;
    struct losses losses;
    server_open_at(&server, NULL, loopback_udp());
    client_open_unrun(&client, NULL, server.uri);
    losses_listen(&losses, client.channel);
    hint(&client, 1);
    client_close(&client);
    cr_assert_eq(losses.times, 1);
    check_status(&losses.status, CANCELLED, CHANNEL_CLOSED, NOT_EXECUTED);
    server_close(&server);
    cr_assert_eq(server.all_runs, 0);
}

struct teller {
    struct client *client;
    unsigned left;
};

static void hint_again(const semel_status *status, void *user)
{
    struct teller *teller = user;
    cr_assert_eq((int)status->reason, SEMEL_REASON_DATAGRAM_SENT);
    if (teller->left-- > 0)
        cr_assert_eq((int)probe_Probe_Hint_start(teller->client->channel, &(probe_Request){.op = 1}, NULL, NULL,
                                                 hint_again, teller),
                     SEMEL_OK);
}

Test(datagram, may_be_sent_by_the_one_who_is_told_that_another_left)
{
    struct server server;
    struct client client;
    struct teller teller = {&client, 9};
    server_open_at(&server, NULL, loopback_udp());
    client_open_unrun(&client, NULL, server.uri);
    cr_assert_eq(
        (int)probe_Probe_Hint_start(client.channel, &(probe_Request){.op = 1}, NULL, NULL, hint_again, &teller),
        SEMEL_OK);
    cr_assert_eq((int)semel_channel_flush(client.channel, 50000), SEMEL_OK);
    cr_assert_eq(client_stats(&client).datagrams, 10);
    client_close(&client);
    server_close(&server);
}

/* On a stream such an operation is acknowledged, and retried like any other that may run again. */
Test(datagram, operations_are_idempotent_oneways_on_a_stream)
{
    char uri[SEMEL_ENDPOINT_TEXT_MAX];
    struct client client;
    struct watch watch;
    struct peer peer;
    struct welcome welcome = peer_some_welcome();
    int listener = peer_listen(uri);
    client_open(&client, NULL, uri);
    watch_start(&watch, &client, HINT, 1, NULL);
    peer_serve(&peer, listener, &welcome, false);
    cr_assert_eq(peer_expect(&peer, FRAME_REQUEST).flags, FRAME_IDEMPOTENT | FRAME_ONEWAY);
    peer_close(&peer);
    welcome.domain.bytes[0]++; /* another server: R4 */
    peer_serve(&peer, listener, &welcome, false);
    (void)peer_expect(&peer, FRAME_REQUEST);
    peer_receipt(&peer, 1, 1);
    check_status(watch_wait(&watch), OK, NONE, EXECUTED);
    cr_assert_eq(watch.status.attempts, 2);
    peer_close(&peer);
    close(listener);
    client_close(&client);
}
