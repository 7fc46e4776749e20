/* Two links of one connection that talk through memory: the peer in tests of links and send queues.
 *
 * Reads best next: link_test.c. */
#ifndef TESTS_CORE_PAIR_H
#define TESTS_CORE_PAIR_H

#include "core/handshake.h"
#include "core/link.h"

#define PAIR_CLIENT_NONCE UINT64_C(0xc11e)
#define PAIR_SERVER_NONCE UINT64_C(0x5e4e)

struct pair {
    struct link client;
    struct link server;
    uint64_t next_seq;
};

struct packet {
    uint8_t bytes[1024];
    size_t size;
};

void pair_init(struct pair *pair);

/* A whole frame under the seed its sender would use now, whether its state allows it or not.  Its number is used up. */
struct packet pair_forge(struct pair *pair, enum link_role sender, enum frame_type type);

/* A REQUEST of the client with the next seq and a body of this size. */
struct packet pair_request(struct pair *pair, size_t body_size);

/* Sends a frame and lets the other side take it; both must agree to it. */
void pair_pass(struct pair *pair, enum link_role sender, enum frame_type type);

/* WELCOME passes, and both sides open. */
void pair_welcome(struct pair *pair);

/* A pair that is open. */
void pair_open(struct pair *pair);

#endif
