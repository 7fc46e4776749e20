/* Datagrams where the system call says no: for now, for this one, or for one that left long ago.
 *
 * Reads best next: runtime/client/datagram.c. */
#include <errno.h>
#include <string.h>

#include "client/channel.h"
#include "losses.h"
#include "net/node.h"
#include "server/datagram.h"
#include "server/server.h"

TestSuite(datagram_errors, .timeout = 60);

/* The transport of production but for what it is told; on its node's thread. */
static struct flaw {
    int error;
    int times;       /* that it is said, whatever is sent */
    unsigned op;     /* it is said of this one, always; 0: of none */
    size_t most;     /* messages that a call takes */
    unsigned sends;  /* calls so far */
    unsigned failed; /* of these */
    int receive_error;
    int receive_times;
} flaw;

static struct transport_datagrams flawed_datagrams;
static struct transport flawed;

/* The op of a Hint, which is the first field of its body. */
static unsigned op_of(const struct iovec *message)
{
    return ((const uint8_t *)message->iov_base)[FRAME_HEADER_SIZE + 1];
}

static int flawed_send(int fd, const struct iovec *messages, size_t count, size_t *ret_sent)
{
    flaw.sends++;
    *ret_sent = 0;
    if (flaw.times > 0 || op_of(messages) == flaw.op) {
        flaw.times -= flaw.times > 0;
        flaw.failed++;
        return flaw.error;
    }
    for (size_t i = 1; i < count; i++)
        if (op_of(&messages[i]) == flaw.op)
            count = i;
    return transport_udp.datagrams->send(fd, messages, count < flaw.most ? count : flaw.most, ret_sent);
}

static int flawed_receive(int fd, const struct iovec *rooms, size_t count, size_t *ret_sizes, size_t *ret_count)
{
    *ret_count = 0;
    if (flaw.receive_times > 0) {
        flaw.receive_times--;
        return flaw.receive_error;
    }
    return transport_udp.datagrams->receive(fd, rooms, count, ret_sizes, ret_count);
}

static void prepare_flaw(void)
{
    flaw = (struct flaw){.most = TRANSPORT_DATAGRAMS};
    flawed_datagrams = *transport_udp.datagrams;
    flawed_datagrams.send = flawed_send;
    flawed_datagrams.receive = flawed_receive;
    flawed = transport_udp;
    flawed.datagrams = &flawed_datagrams;
}

/* ---- a client whose channel sends through it ---- */

struct opening {
    struct client *client;
    const char *const *uris;
};

static void open_flawed(void *arg)
{
    const struct opening *opening = arg;
    size_t count = 0;
    const char *message;
    struct endpoint *endpoints = calloc(2, sizeof *endpoints);
    cr_assert_not_null(endpoints);
    for (; opening->uris[count] != NULL; count++) {
        cr_assert_eq((int)endpoint_parse(opening->uris[count], &endpoints[count], &message), SEMEL_REASON_NONE);
        endpoints[count].transport = &flawed;
    }
    semel_channel_close(opening->client->channel);
    opening->client->channel = channel_create(opening->client->node, NULL, endpoints, count);
    cr_assert_not_null(opening->client->channel);
    node_add(opening->client->node, &opening->client->channel->member);
}

/* uris: of all its addresses, in their order. */
static void client_open_flawed(struct client *client, const char *const *uris)
{
    prepare_flaw();
    client_open(client, NULL, uris[0]);
    on_node(client->node, open_flawed, &(struct opening){client, uris});
}

/* So many in one turn, of the ops from 1 on. */
struct row {
    struct client *client;
    struct watch *watches;
    unsigned count;
    const semel_call_options *options;
};

static void start_row_now(void *arg)
{
    const struct row *row = arg;
    for (unsigned i = 0; i < row->count; i++) {
        watch_init(&row->watches[i]);
        cr_assert_eq((int)probe_Probe_Hint_start(row->client->channel, &(probe_Request){.op = i + 1},
                                                 row->options, NULL, watch_told, &row->watches[i]),
                     SEMEL_OK);
    }
}

static void start_row(struct client *client, struct watch *watches, unsigned count,
                      const semel_call_options *options)
{
    on_node(client->node, start_row_now, &(struct row){client, watches, count, options});
}

static void expect_sent(struct watch *watch)
{
    check_status(watch_wait(watch), UNKNOWN, DATAGRAM_SENT, UNKNOWN);
    cr_assert_eq(watch_times(watch), 1);
}

static void expect_no_more_runs(struct server *server, unsigned op, unsigned runs)
{
    server_wait_runs(server, op, runs);
    cr_assert_eq(server_runs(server, op), runs);
}

/* ---- not now ---- */

Test(datagram_errors, a_full_socket_is_waited_for_and_each_leaves_once)
{
    enum { ROW = 20 };
    struct server server;
    struct client client;
    struct watch watches[ROW];
    server_open_at(&server, NULL, loopback_udp());
    client_open_flawed(&client, LIST(server.uri));
    flaw.error = EAGAIN;
    flaw.times = 5;
    flaw.most = 7;
    start_row(&client, watches, ROW, NULL);
    for (unsigned i = 0; i < ROW; i++)
        expect_sent(&watches[i]);
    for (unsigned i = 0; i < ROW; i++)
        expect_no_more_runs(&server, i + 1, 1);
    cr_assert_eq(flaw.failed, 5);
    cr_assert_eq(flaw.sends, 5 + 3);
    cr_assert_eq(client_stats(&client).datagrams, ROW);
    client_close(&client);
    server_close(&server);
}

Test(datagram_errors, a_socket_that_stays_full_is_waited_for_until_the_deadline)
{
    struct server server;
    struct client client;
    struct watch watches[2];
    semel_call_options options = OPTIONS(15, NULL, -1, SEMEL_ON_UNAVAILABLE_UNSET);
    server_open_at(&server, NULL, loopback_udp());
    client_open_flawed(&client, LIST(server.uri));
    flaw.error = EAGAIN;
    flaw.op = 1;
    do { /* on a machine that has much to do a deadline may be too soon for a second try */
        flaw.failed = 0;
        options.deadline_ms *= 2;
        start_row(&client, &watches[0], 1, &options);
        check_status(watch_wait(&watches[0]), DEADLINE_EXCEEDED, DEADLINE, NOT_EXECUTED);
    } while (flaw.failed < 2);
    flaw.op = 0;
    start_row(&client, &watches[1], 1, NULL);
    expect_sent(&watches[1]);
    expect_no_more_runs(&server, 1, 1);
    client_close(&client);
    server_close(&server);
}

/* ---- not this one ---- */

/* Too large for the way, no room in a queue of the host, no way, not allowed: it never left, and says so. */
Test(datagram_errors, one_that_can_not_leave_fails_alone)
{
    static const int errors[] = {EMSGSIZE, ENOBUFS, ENETUNREACH, EHOSTUNREACH, EPERM, EACCES, ECONNREFUSED};
    enum { ROW = 5 };
    struct server server;
    struct client client;
    struct watch watches[ROW];
    server_open_at(&server, NULL, loopback_udp());
    client_open_flawed(&client, LIST(server.uri));
    unsigned count = sizeof errors / sizeof *errors;
    for (unsigned i = 0; i < count; i++) {
        flaw.error = errors[i];
        flaw.op = 1 + i % ROW;
        start_row(&client, watches, ROW, NULL);
        for (unsigned op = 1; op <= ROW; op++) {
            if (op != flaw.op) {
                expect_sent(&watches[op - 1]);
                continue;
            }
            check_status(watch_wait(&watches[op - 1]), UNAVAILABLE, IO_ERROR, NOT_EXECUTED);
            cr_assert_not_null(strstr(watches[op - 1].status.message, strerror(errors[i])), "%s",
                               watches[op - 1].status.message);
        }
    }
    cr_assert_eq(client_stats(&client).datagrams, count * (ROW - 1));
    cr_assert_eq(client_stats(&client).oneways_lost[SEMEL_OUTCOME_NOT_EXECUTED], count);
    flaw.op = 0;
    start_row(&client, watches, 1, NULL);
    expect_sent(&watches[0]);
    client_close(&client);
    server_close(&server);
}

/* ---- one that left long ago ---- */

/* The kernel tells of it once, by the next system call; its queue may have no room to say of which, and the call that
 * hears it is not the one. */
Test(datagram_errors, of_an_earlier_one_keep_no_other_from_leaving)
{
    static const int errors[] = {ECONNREFUSED, EHOSTUNREACH, EMSGSIZE};
    struct server server;
    struct client client;
    struct watch watches[2];
    server_open_at(&server, NULL, loopback_udp());
    client_open_flawed(&client, LIST(server.uri));
    for (unsigned i = 0; i < sizeof errors / sizeof *errors; i++) {
        flaw.error = errors[i];
        flaw.times = 1;
        start_row(&client, watches, 2, NULL);
        expect_sent(&watches[0]);
        expect_sent(&watches[1]);
        expect_no_more_runs(&server, 2, i + 1);
    }
    client_close(&client);
    server_close(&server);
}

/* The first address refuses what was sent, while the next one waits for room: it leaves for the second. */
Test(datagram_errors, what_waits_for_room_leaves_for_the_next_address)
{
    struct server server, gone;
    struct client client;
    struct watch watches[2];
    server_open_at(&gone, NULL, loopback_udp());
    server_open_at(&server, NULL, loopback_udp());
    client_open_flawed(&client, LIST(gone.uri, server.uri));
    server_close(&gone);
    flaw.error = EAGAIN;
    flaw.op = 2;
    on_node(client.node, start_row_now, &(struct row){&client, watches, 2, NULL});
    expect_sent(&watches[0]);
    while (client_stats(&client).datagrams_lost == 0)
        ;
    flaw.op = 0;
    expect_sent(&watches[1]);
    expect_no_more_runs(&server, 2, 1);
    cr_assert_eq(server_runs(&server, 1), 0);
    client_close(&client);
    server_close(&server);
}

/* ---- on the server ---- */

static void make_flawed(void *arg)
{
    struct server *server = arg;
    server->semel->datagram_listeners->endpoint.transport = &flawed;
}

Test(datagram_errors, that_a_server_hears_when_it_receives_lose_nothing)
{
    static const int errors[] = {EAGAIN, ENOMEM, ENOBUFS, ECONNREFUSED};
    struct server server;
    struct client client;
    struct watch watch;
    server_open_at(&server, NULL, loopback_udp());
    client_open(&client, NULL, server.uri);
    prepare_flaw();
    on_node(server.node, make_flawed, &server);
    for (unsigned i = 0; i < sizeof errors / sizeof *errors; i++) {
        flaw.receive_error = errors[i];
        flaw.receive_times = 3;
        watch_start(&watch, &client, HINT, 1, NULL);
        expect_sent(&watch);
        expect_no_more_runs(&server, 1, i + 1);
        cr_assert_eq(flaw.receive_times, 0);
    }
    cr_assert_eq(server_stats(&server).datagrams, sizeof errors / sizeof *errors);
    client_close(&client);
    server_close(&server);
}
