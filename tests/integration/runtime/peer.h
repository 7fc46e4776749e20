/* A peer that says what it is told, right or wrong: one end of the protocol on a blocking socket, with its own
 * bookkeeping of seeds and nothing of the runtime's state machines.
 *
 * Reads best next: runtime/core/README.md, the byte tables. */
#ifndef RUNTIME_PEER_H
#define RUNTIME_PEER_H

#include <semel/status.h>

#include "core/frame.h"
#include "core/handshake.h"

struct peer {
    int fd;
    bool is_server;
    uint64_t seed_in;
    uint64_t seed_out;
    uint64_t count_in;
    uint64_t count_out;
    uint64_t nonce;     /* client: what WELCOME is sealed with; server: of HELLO */
    struct hello hello; /* the last one sent or seen */
    struct welcome welcome;
    uint8_t *in; /* body of the last frame */
};

/* Listens at this process's own address; uri gets at least SEMEL_ENDPOINT_TEXT_MAX bytes. */
int peer_listen(char *uri);
/* Waits for a connection. */
void peer_accept(struct peer *peer, int listener);
void peer_connect(struct peer *peer, const char *uri);
void peer_close(struct peer *peer);

/* Writes all bytes; false when the other side is gone. */
bool peer_write(struct peer *peer, const void *bytes, size_t size);
/* Reads one frame and checks it; false at the end of input. */
bool peer_read(struct peer *peer, struct frame *ret_frame);
/* Reads until a frame of this type comes, answering nothing; fails the test at the end of input. */
struct frame peer_expect(struct peer *peer, enum frame_type type);
/* Waits for the other side to close. */
void peer_expect_end(struct peer *peer);

/* Builds the next frame with its digest and check; returns its size, at most room. */
size_t peer_build(struct peer *peer, const struct frame *frame, uint8_t *into, size_t room);
/* Sends the next frame. */
bool peer_send(struct peer *peer, const struct frame *frame);

/* As a server: takes HELLO.  Then WELCOME with these contents (nonce and version are filled in). */
void peer_take_hello(struct peer *peer);
struct welcome peer_some_welcome(void);
size_t peer_build_welcome(struct peer *peer, const struct welcome *welcome, bool resumed, uint8_t *into,
                          size_t room);
void peer_welcome(struct peer *peer, const struct welcome *welcome, bool resumed);
/* All of it: waits for a connection, takes its HELLO and says WELCOME. */
void peer_serve(struct peer *peer, int listener, const struct welcome *welcome, bool resumed);
/* An OK reply to a request, with this body. */
void peer_reply_ok(struct peer *peer, const struct frame *request, const void *body, size_t size);
/* A receipt of one run of oneways. */
void peer_receipt(struct peer *peer, uint64_t first, uint32_t count);
void peer_reply(struct peer *peer, const struct frame *request, enum semel_code code, enum semel_reason reason,
                unsigned flags, uint32_t time_ms);

/* As a client: HELLO, then WELCOME is awaited; returns whether it said RESUMED. */
struct hello peer_some_hello(uint64_t session);
/* With which a client comes back after what this peer has seen. */
struct hello peer_next_hello(const struct peer *peer);
void peer_send_hello(struct peer *peer, const struct hello *hello);
bool peer_take_welcome(struct peer *peer);
bool peer_greet(struct peer *peer, const struct hello *hello);
/* A REQUEST of the probe service. */
struct frame peer_request(uint64_t seq, uint64_t floor, unsigned method, const void *body, size_t size);
/* The body of a probe Request with only op set; returns its size (at most 16). */
size_t peer_body(uint8_t *into, unsigned op);

#endif
