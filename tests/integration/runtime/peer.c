/* The scriptable peer.
 *
 * Reads best next: peer.h. */
#include "peer.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/bytes.h"
#include "loopback.h"
#include "probe.semel.h"

#define SEED_STRIDE UINT64_C(0x9e3779b97f4a7c15)
enum { FRAME_MAX = 8 << 20 };

/* ---- sockets ---- */

int peer_listen(char *uri)
{
    struct sockaddr_in address = loopback_any();
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert(fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0 && listen(fd, 64) == 0 &&
              getsockname(fd, (struct sockaddr *)&address, &size) == 0);
    snprintf(uri, SEMEL_ENDPOINT_TEXT_MAX, "tcp://%s:%u", loopback_here(), ntohs(address.sin_port));
    return fd;
}

static void prepare(struct peer *peer, int fd, bool is_server)
{
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    *peer = (struct peer){.fd = fd, .is_server = is_server, .in = malloc(FRAME_MAX)};
    cr_assert(fd >= 0 && peer->in != NULL);
    peer->seed_in = peer->seed_out = HANDSHAKE_MAGIC;
}

void peer_accept(struct peer *peer, int listener)
{
    prepare(peer, accept(listener, NULL, NULL), true);
}

void peer_connect(struct peer *peer, const char *uri)
{
    struct sockaddr_in address = loopback_of(uri);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert(fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0);
    prepare(peer, fd, false);
}

void peer_close(struct peer *peer)
{
    close(peer->fd);
    free(peer->in);
}

bool peer_write(struct peer *peer, const void *bytes, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t sent = send(peer->fd, (const char *)bytes + done, size - done, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        done += (size_t)sent;
    }
    return true;
}

static bool read_all(struct peer *peer, uint8_t *into, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t got = recv(peer->fd, into + done, size - done, 0);
        if (got <= 0)
            return false;
        done += (size_t)got;
    }
    return true;
}

void peer_expect_end(struct peer *peer)
{
    uint8_t bytes[4096];
    while (recv(peer->fd, bytes, sizeof bytes, 0) > 0)
        ;
}

/* ---- frames ---- */

bool peer_read(struct peer *peer, struct frame *ret_frame)
{
    uint8_t header[FRAME_HEADER_SIZE];
    if (!read_all(peer, header, sizeof header))
        return false;
    enum semel_reason bad = frame_read(header, peer->seed_in + peer->count_in * SEED_STRIDE, FRAME_MAX,
                                       ret_frame);
    cr_assert(bad == SEMEL_REASON_NONE, "a frame was bad: %s", semel_reason_name(bad));
    peer->count_in++;
    if (!read_all(peer, peer->in, ret_frame->body_size))
        return false;
    ret_frame->body = peer->in;
    cr_assert(frame_digest(ret_frame->method, peer->in, ret_frame->body_size) == ret_frame->digest);
    return true;
}

struct frame peer_expect(struct peer *peer, enum frame_type type)
{
    struct frame frame;
    do
        cr_assert(peer_read(peer, &frame), "closed before %s came", frame_type_name(type));
    while (frame.type != type);
    return frame;
}

static size_t build(const struct frame *frame, uint64_t seed, uint8_t *into, size_t room)
{
    struct frame whole = *frame;
    cr_assert(FRAME_HEADER_SIZE + frame->body_size <= room);
    whole.digest = frame_digest(frame->method, frame->body, frame->body_size);
    frame_write(into, &whole);
    if (frame->body_size > 0)
        memcpy(into + FRAME_HEADER_SIZE, frame->body, frame->body_size);
    frame_seal(into, seed);
    return FRAME_HEADER_SIZE + frame->body_size;
}

size_t peer_build(struct peer *peer, const struct frame *frame, uint8_t *into, size_t room)
{
    return build(frame, peer->seed_out + peer->count_out++ * SEED_STRIDE, into, room);
}

bool peer_send(struct peer *peer, const struct frame *frame)
{
    size_t room = FRAME_HEADER_SIZE + frame->body_size;
    uint8_t *bytes = malloc(room);
    bool sent = peer_write(peer, bytes, peer_build(peer, frame, bytes, room));
    free(bytes);
    return sent;
}

static void open_link(struct peer *peer, uint64_t nonce)
{
    peer->seed_in = peer->is_server ? nonce : ~nonce;
    peer->seed_out = ~peer->seed_in;
    peer->count_in = peer->count_out = 0;
}

/* ---- as a server ---- */

void peer_take_hello(struct peer *peer)
{
    struct frame frame = peer_expect(peer, FRAME_HELLO);
    cr_assert(hello_read(frame.body, frame.body_size, &peer->hello) == SEMEL_REASON_NONE);
    peer->nonce = peer->hello.nonce;
}

struct welcome peer_some_welcome(void)
{
    return (struct welcome){.version = HANDSHAKE_VERSION,
                            .incarnation = 1,
                            .domain = {{7}},
                            .connection = 1,
                            .nonce = UINT64_C(0x1234567890abcdef),
                            .lease_ms = 60000,
                            .window = 1024,
                            .frame_limit = 65536,
                            .heartbeat_ms = 600000};
}

size_t peer_build_welcome(struct peer *peer, const struct welcome *welcome, bool resumed, uint8_t *into,
                          size_t room)
{
    uint8_t body[HANDSHAKE_WELCOME_SIZE];
    welcome_write(body, welcome);
    const struct frame frame = {
        .type = FRAME_WELCOME, .flags = resumed ? FRAME_RESUMED : 0, .body = body, .body_size = sizeof body};
    size_t size = build(&frame, peer->nonce, into, room);
    peer->welcome = *welcome;
    open_link(peer, welcome->nonce);
    return size;
}

void peer_welcome(struct peer *peer, const struct welcome *welcome, bool resumed)
{
    uint8_t bytes[256];
    cr_assert(peer_write(peer, bytes, peer_build_welcome(peer, welcome, resumed, bytes, sizeof bytes)));
}

void peer_serve(struct peer *peer, int listener, const struct welcome *welcome, bool resumed)
{
    peer_accept(peer, listener);
    peer_take_hello(peer);
    peer_welcome(peer, welcome, resumed);
}

void peer_reply_ok(struct peer *peer, const struct frame *request, const void *body, size_t size)
{
    const struct frame reply = {.type = FRAME_REPLY,
                                .flags = SEMEL_OUTCOME_EXECUTED,
                                .seq = request->seq,
                                .method = request->method,
                                .body = body,
                                .body_size = size};
    cr_assert(peer_send(peer, &reply));
}

void peer_receipt(struct peer *peer, uint64_t first, uint32_t count)
{
    uint8_t body[12];
    bytes_store64(body, first);
    bytes_store32(body + 8, count);
    cr_assert(peer_send(peer, &(struct frame){.type = FRAME_RECEIPT, .body = body, .body_size = sizeof body}));
}

void peer_reply(struct peer *peer, const struct frame *request, enum semel_code code, enum semel_reason reason,
                unsigned flags, uint32_t time_ms)
{
    const struct frame reply = {.type = FRAME_REPLY,
                                .flags = (uint8_t)flags,
                                .code = (uint16_t)code,
                                .seq = request->seq,
                                .method = request->method,
                                .aux = (uint32_t)reason,
                                .time_ms = time_ms};
    cr_assert(peer_send(peer, &reply));
}

/* ---- as a client ---- */

struct hello peer_some_hello(uint64_t session)
{
    struct hello hello = {.version = HANDSHAKE_VERSION,
                          .attempt = 1,
                          .nonce = UINT64_C(0x1111111111111111),
                          .floor = 1,
                          .heartbeat_ms = 600000,
                          .frame_limit = 65536};
    memcpy(hello.session.bytes, &session, sizeof session);
    hello.session.bytes[15] = 1;
    return hello;
}

struct hello peer_next_hello(const struct peer *peer)
{
    struct hello hello = peer->hello;
    hello.attempt++;
    hello.nonce++;
    hello.last_domain = peer->welcome.domain;
    hello.last_incarnation = peer->welcome.incarnation;
    hello.last_connection = peer->welcome.connection;
    return hello;
}

void peer_send_hello(struct peer *peer, const struct hello *hello)
{
    uint8_t body[HANDSHAKE_HELLO_SIZE + LIMIT_NODE_NAME];
    uint8_t bytes[FRAME_HEADER_SIZE + sizeof body];
    const struct frame frame = {
        .type = FRAME_HELLO, .method = HANDSHAKE_MAGIC, .body = body, .body_size = hello_write(body, hello)};
    peer->hello = *hello;
    peer->nonce = hello->nonce;
    cr_assert(peer_write(peer, bytes, build(&frame, HANDSHAKE_MAGIC, bytes, sizeof bytes)));
    peer->seed_in = hello->nonce;
    peer->count_in = 0;
}

bool peer_greet(struct peer *peer, const struct hello *hello)
{
    peer_send_hello(peer, hello);
    return peer_take_welcome(peer);
}

bool peer_take_welcome(struct peer *peer)
{
    struct frame frame;
    cr_assert(peer_read(peer, &frame) && frame.type == FRAME_WELCOME, "no WELCOME");
    cr_assert(welcome_read(frame.body, frame.body_size, &peer->welcome) == SEMEL_REASON_NONE);
    open_link(peer, peer->welcome.nonce);
    return (frame.flags & FRAME_RESUMED) != 0;
}

struct frame peer_request(uint64_t seq, uint64_t floor, unsigned method, const void *body, size_t size)
{
    const struct semel_method *entry = &probe_Probe_methods[method];
    return (struct frame){.type = FRAME_REQUEST,
                          .flags = (uint8_t)((entry->mode != SEMEL_AT_MOST_ONCE ? FRAME_IDEMPOTENT : 0) |
                                             (entry->oneway ? FRAME_ONEWAY : 0)),
                          .seq = seq,
                          .method = entry->id,
                          .aux = (uint32_t)(seq - floor),
                          .time_ms = FRAME_NO_DEADLINE,
                          .body = body,
                          .body_size = size};
}

size_t peer_body(uint8_t *into, unsigned op)
{
    size_t size = 0;
    into[size++] = 0x08; /* field 1, varint */
    do
        into[size++] = (uint8_t)((op & 0x7f) | (op > 0x7f ? 0x80 : 0));
    while ((op >>= 7) != 0);
    return size;
}
