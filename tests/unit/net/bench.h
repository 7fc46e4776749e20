/* The stage of the wires: one wire over a socket pair, a peer with a link of its own at the other end, and a transport
 * that counts, cuts and breaks what passes.
 *
 * Reads best next: wire_io_test.c, wire_large_test.c, wire_death_test.c. */
#ifndef TESTS_NET_BENCH_H
#define TESTS_NET_BENCH_H

#include "net/wire.h"

enum { SEQS = 4096 };

/* The wire is a server's, so that requests come in and replies go out.  Its owner notes what it is told. */
extern struct bench {
    struct loop loop;
    struct wire_room room;
    struct wire *wire;
    struct wire_counters counters;
    /* the peer */
    int fd; /* non-blocking */
    struct link link;
    uint64_t next_seq;
    uint8_t *in; /* what it has read and not taken */
    size_t in_size;
    /* what the owner was told */
    uint32_t frames;
    size_t body_sizes[SEQS];
    uint32_t sent;
    uint32_t dropped;
    uint32_t lost;
    enum semel_reason reason;
    int os_error;
    void (*on_request)(const struct frame *frame); /* or NULL */
    /* the transport */
    size_t read_max; /* bytes a read gives at most; 0: all */
    int write_error; /* errno of every write; 0: none */
    int read_error;  /* the same of every read */
    enum transport_pulse pulse;
    uint64_t under_way;  /* what it says of that */
    int64_t patience_ms; /* what it was told */
    bool awaits;         /* what the owner says */
} bench;

/* Limits that no test comes near. */
extern const struct wire_limits bench_wide;

/* Connected, and open on both sides with this heartbeat; 0: before HELLO. */
void bench_open(const struct wire_limits *limits, int64_t heartbeat_ns);
void bench_close(void);

/* A request of the peer with the next seq, whole and sealed: the caller frees it. */
uint8_t *bench_request(size_t body_size, size_t *ret_size);
/* The byte a body of this seq has there. */
uint8_t bench_byte(uint64_t seq, size_t at);
/* Gives bytes to the peer's socket, turning the loop as long as they do not fit. */
void bench_write(const uint8_t *bytes, size_t size);
/* Both in one. */
void bench_send(size_t body_size);

/* Queues a reply of the wire with a body of this size. */
void bench_reply(uint64_t seq, size_t body_size);
/* Reads what is there; false: the end of input. */
bool bench_read(void);
/* Takes the next whole frame of what was read, checked under the link; false: there is none. */
bool bench_take(struct frame *ret_frame);
/* Turns the loop and reads until a frame has come; checks that it is the reply to seq with this body. */
void bench_expect_reply(uint64_t seq, size_t body_size);

/* One turn of the loop that waits for nothing. */
void bench_turn(void);
void bench_turn_until_frames(uint32_t count);
void bench_turn_until_lost(enum semel_reason reason);

#endif
