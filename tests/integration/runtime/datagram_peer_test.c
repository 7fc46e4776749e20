/* Datagrams from a peer that may be anybody: each is run, or dropped and counted by reason, and none is answered.
 *
 * Reads best next: core/datagram.h; datagram_test.c. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/datagram.h"
#include "engine.h"

TestSuite(datagram_peer, .timeout = 60);

struct sender {
    int fd;
    uint8_t bytes[4096];
    size_t size;
};

static void sender_open(struct sender *sender, const struct server *server)
{
    struct sockaddr_in address = loopback_of(server->uri);
    memset(sender, 0, sizeof *sender);
    sender->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    cr_assert(sender->fd >= 0 && connect(sender->fd, (struct sockaddr *)&address, sizeof address) == 0);
}

static void sender_close(struct sender *sender)
{
    cr_assert_eq(recv(sender->fd, sender->bytes, sizeof sender->bytes, MSG_DONTWAIT), -1, "it was answered");
    close(sender->fd);
}

static void send_size(struct sender *sender, size_t size)
{
    cr_assert_eq(send(sender->fd, sender->bytes, size, 0), (ssize_t)size);
}

/* A right one, for a method and an operation. */
static void prepare(struct sender *sender, enum method method, unsigned op)
{
    size_t body_size = peer_body(sender->bytes + FRAME_HEADER_SIZE, op);
    datagram_write(sender->bytes, 1, probe_Probe_methods[method].id, body_size);
    sender->size = FRAME_HEADER_SIZE + body_size;
}

static void wait_dropped(struct server *server, enum semel_reason reason, uint64_t count)
{
    server_wait_stat(
        server, offsetof(struct semel_server_stats, datagrams_dropped_by) + reason * sizeof(uint64_t), count);
}

Test(datagram_peer, that_doubles_one_runs_it_twice)
{
    struct server server;
    struct sender sender;
    server_open_at(&server, NULL, loopback_udp());
    sender_open(&sender, &server);
    prepare(&sender, HINT, 5);
    send_size(&sender, sender.size);
    send_size(&sender, sender.size);
    server_wait_runs(&server, 5, 2);
    sender_close(&sender);
    server_close(&server);
    cr_assert_eq(server.all_runs, 2);
}

/* The promise: what must not run twice does not come in this way, whatever its sender says. */
Test(datagram_peer, that_asks_for_what_must_not_run_twice_is_not_served)
{
    static const enum method methods[] = {ADD, SET, PEEK, TELL};
    struct server server;
    struct sender sender;
    server_open_at(&server, NULL, loopback_udp());
    sender_open(&sender, &server);
    for (unsigned i = 0; i < 4; i++) {
        prepare(&sender, methods[i], i);
        send_size(&sender, sender.size);
        send_size(&sender, sender.size);
    }
    wait_dropped(&server, SEMEL_REASON_MODE_MISMATCH, 8);
    cr_assert_eq(server_all_runs(&server), 0);
    cr_assert_eq(server_stats(&server).datagrams, 8);
    sender_close(&sender);
    server_close(&server);
}

static void send_changed(struct sender *sender, size_t at, uint8_t value, uint64_t seed)
{
    prepare(sender, HINT, 1);
    sender->bytes[at] = value;
    frame_seal(sender->bytes, seed);
    send_size(sender, sender->size);
}

Test(datagram_peer, that_makes_no_sense_is_counted_by_reason)
{
    struct server server;
    struct sender sender;
    server_open_at(&server, NULL, loopback_udp());
    sender_open(&sender, &server);
    memset(sender.bytes, 0xa5, sizeof sender.bytes);
    send_size(&sender, 0);
    send_size(&sender, 47);
    wait_dropped(&server, SEMEL_REASON_BAD_SIZE, 2);
    send_size(&sender, 48);
    send_size(&sender, 1200);
    send_changed(&sender, 4, FRAME_REQUEST, HANDSHAKE_MAGIC); /* a frame of a stream */
    wait_dropped(&server, SEMEL_REASON_BAD_CHECK, 3);
    send_size(&sender, 1201);
    send_size(&sender, 4096);
    wait_dropped(&server, SEMEL_REASON_TOO_LARGE, 2);
    send_changed(&sender, 4, FRAME_REQUEST, DATAGRAM_SEED);
    wait_dropped(&server, SEMEL_REASON_BAD_TYPE, 1);
    send_changed(&sender, 6, 9, DATAGRAM_SEED);
    wait_dropped(&server, SEMEL_REASON_BAD_VERSION, 1);
    send_changed(&sender, 5, FRAME_ONEWAY, DATAGRAM_SEED);
    wait_dropped(&server, SEMEL_REASON_BAD_FIELD, 1);
    send_changed(&sender, FRAME_HEADER_SIZE, 0x10, DATAGRAM_SEED); /* of the body */
    wait_dropped(&server, SEMEL_REASON_BAD_DIGEST, 1);
    cr_assert_eq(server_all_runs(&server), 0);
    sender_close(&sender);
    server_close(&server);
}

Test(datagram_peer, that_asks_for_what_is_not_there_is_not_served)
{
    static const uint8_t nonsense[] = {0x0b, 0x01, 0xff};
    struct server server;
    struct sender sender;
    server_open_at(&server, NULL, loopback_udp());
    sender_open(&sender, &server);
    datagram_write(sender.bytes, 1, 12345, 0);
    send_size(&sender, FRAME_HEADER_SIZE);
    wait_dropped(&server, SEMEL_REASON_NO_METHOD, 1);
    memcpy(sender.bytes + FRAME_HEADER_SIZE, nonsense, sizeof nonsense);
    datagram_write(sender.bytes, 1, probe_Probe_methods[HINT].id, sizeof nonsense);
    send_size(&sender, FRAME_HEADER_SIZE + sizeof nonsense);
    wait_dropped(&server, SEMEL_REASON_MALFORMED, 1);
    cr_assert_eq(server_all_runs(&server), 0);
    sender_close(&sender);
    server_close(&server);
}

/* Handlers that go on elsewhere count: more than may run are dropped, not kept. */
Test(datagram_peer, that_sends_more_than_may_run_is_not_served)
{
    struct server server;
    struct sender sender;
    server_open_at(&server, LIST("MaxRunning=2"), loopback_udp());
    server.tell = server_keep;
    sender_open(&sender, &server);
    prepare(&sender, HINT, 1);
    for (int i = 0; i < 5; i++)
        send_size(&sender, sender.size);
    wait_dropped(&server, SEMEL_REASON_OVERLOADED, 3);
    cr_assert_eq(server_runs(&server, 1), 2);
    semel_request_finish(server_pending(&server, 0), NULL);
    semel_request_fail(server_pending(&server, 1), SEMEL_ABORTED, "nobody hears it");
    server_wait_gauge(&server, offsetof(struct semel_server_stats, running), 0);
    send_size(&sender, sender.size);
    server_wait_runs(&server, 1, 3);
    semel_request_finish(server_pending(&server, 2), NULL);
    server_wait_gauge(&server, offsetof(struct semel_server_stats, running), 0);
    sender_close(&sender);
    server_close(&server);
}

static enum semel_code refuse(struct server *server, semel_request *request, probe_Request *in,
                              probe_Reply *out)
{
    (void)out;
    (void)server;
    cr_assert_eq(semel_request_deadline_ms(request), -1);
    return in->op == 1 ? semel_request_refuse(request, 5, true)
                       : semel_request_error(request, SEMEL_NOT_FOUND, "nobody hears it");
}

Test(datagram_peer, whose_datagram_fails_hears_nothing_of_it)
{
    struct server server;
    struct sender sender;
    server_open_at(&server, NULL, loopback_udp());
    server.tell = refuse;
    sender_open(&sender, &server);
    for (unsigned op = 1; op <= 2; op++) {
        prepare(&sender, HINT, op);
        send_size(&sender, sender.size);
        server_wait_runs(&server, op, 1);
    }
    server_wait_gauge(&server, offsetof(struct semel_server_stats, running), 0);
    cr_assert_eq(server_stats(&server).kept_replies, 0);
    cr_assert_eq(server_stats(&server).bytes_out, 0);
    sender_close(&sender);
    server_close(&server);
}

/* Garbage as fast as it goes: those who came by a connection are served meanwhile, and no memory is kept. */
Test(datagram_peer, that_floods_does_not_stop_the_others)
{
    enum { CALLS = 50, GARBAGE = 100 };
    struct server server;
    struct client client;
    struct sender sender;
    char uri[SEMEL_ENDPOINT_TEXT_MAX];
    semel_status status;
    server_open_at(&server, NULL, loopback_udp());
    sender_open(&sender, &server);
    cr_assert_eq((int)semel_server_listen(server.semel, loopback_tcp(), uri, &status), SEMEL_OK);
    client_open(&client, NULL, uri);
    memset(sender.bytes, 0x77, sizeof sender.bytes);
    for (unsigned i = 1; i <= CALLS; i++) {
        for (unsigned k = 0; k < GARBAGE; k++)
            send_size(&sender, 1 + (k * 37 + i) % 2000);
        semel_status ended = engine_call(&client, ADD, i, NULL);
        check_status(&ended, OK, NONE, EXECUTED);
    }
    struct semel_server_stats stats = server_stats(&server);
    uint64_t dropped = stats.datagrams_dropped_by[SEMEL_REASON_BAD_SIZE] +
                       stats.datagrams_dropped_by[SEMEL_REASON_BAD_CHECK] +
                       stats.datagrams_dropped_by[SEMEL_REASON_TOO_LARGE];
    cr_assert_eq(stats.datagrams, dropped);
    cr_assert_gt(dropped, 0);
    cr_assert_eq(server_all_runs(&server), CALLS);
    client_close(&client);
    sender_close(&sender);
    server_close(&server);
}

/* What comes by the wrong door is what nobody understands there. */
Test(datagram_peer, whose_datagram_comes_by_a_stream_is_closed_on)
{
    struct server server;
    struct sender sender;
    struct peer peer;
    server_open_at(&server, NULL, loopback_tcp());
    sender_open(&sender, &server);
    prepare(&sender, HINT, 1);
    peer_connect(&peer, server.uri);
    cr_assert(peer_write(&peer, sender.bytes, sender.size));
    peer_expect_end(&peer);
    server_wait_closed_by(&server, BAD_MAGIC, 1);
    peer_close(&peer);
    struct hello hello = peer_some_hello(1);
    peer_connect(&peer, server.uri);
    cr_assert(!peer_greet(&peer, &hello));
    cr_assert(peer_write(&peer, sender.bytes, sender.size));
    peer_expect_end(&peer);
    server_wait_closed_by(&server, BAD_CHECK, 1);
    peer_close(&peer);
    close(sender.fd);
    server_close(&server);
    cr_assert_eq(server.all_runs, 0);
}

/* A drain stops them like new connections: the port is free, and nobody waits for their handlers. */
Test(datagram_peer, that_sends_to_a_draining_server_is_not_served)
{
    struct server server;
    struct sender sender;
    server_open_at(&server, NULL, loopback_udp());
    sender_open(&sender, &server);
    cr_assert_eq((int)semel_server_drain(server.semel, NULL, NULL), SEMEL_OK);
    prepare(&sender, HINT, 1);
    (void)send(sender.fd, sender.bytes, sender.size, 0);
    cr_assert_eq(server_stats(&server).datagrams, 0);
    close(sender.fd);
    server_close(&server);
    cr_assert_eq(server.all_runs, 0);
}
