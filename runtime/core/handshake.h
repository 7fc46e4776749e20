/* The bodies of HELLO and WELCOME: who the client is and what it has seen; what the server decides and grants.
 *
 * Reads best next: sessions.h, which decides. */
#ifndef CORE_HANDSHAKE_H
#define CORE_HANDSHAKE_H

#include <stddef.h>
#include <stdint.h>
#include <semel/status.h>

#include "core/id.h"
#include "core/limits.h"

#define HANDSHAKE_MAGIC UINT64_C(0x314c454d4553) /* "SEMEL1" read as a little-endian number */
#define HANDSHAKE_VERSION 1
#define HANDSHAKE_HELLO_SIZE 96u /* without the name */
#define HANDSHAKE_NONCE_AT 32u   /* in every version, so that every server can seal a refusal */
#define HANDSHAKE_WELCOME_SIZE 60u

struct hello {
    uint16_t version;
    struct id session;
    uint64_t attempt;      /* connection attempts of this session, counted upward from 1 */
    uint64_t nonce;        /* seeds the check of the answer, so that no old answer can be taken for it */
    struct id last_domain; /* of the last WELCOME seen; none: no WELCOME seen yet */
    uint64_t last_incarnation;
    uint64_t last_connection;
    uint64_t floor;        /* ack floor */
    uint32_t heartbeat_ms; /* the client's wishes: the smaller of both sides wins */
    uint32_t frame_limit;
    uint32_t node_instance; /* drawn when the node starts: tells a restarted node from another channel of it */
    uint32_t window;        /* of calls back: seqs from the floor on that the server may use; 0: serves none */
    uint32_t table; /* which table remembers them: counts those of this session from 1; 0: serves none */
    uint16_t name_size;
    char name[LIMIT_NODE_NAME]; /* optional stable node name, not terminated */
};

struct welcome {
    uint16_t version;
    uint64_t incarnation; /* drawn when the server process starts */
    struct id domain;     /* of the dedup store */
    uint64_t connection;  /* this connection's number, rising within the domain */
    uint64_t nonce;       /* seeds the checks of every later frame */
    uint32_t lease_ms;
    uint32_t window;
    uint32_t frame_limit;
    uint32_t heartbeat_ms; /* agreed: a peer silent this long is dead */
};

/* Writes the body; returns its size. */
size_t hello_write(uint8_t *body, const struct hello *hello);
/* Errors: BAD_VERSION (then version and nonce are set, to refuse with), BAD_FIELD. */
enum semel_reason hello_read(const uint8_t *body, size_t size, struct hello *ret_hello);

void welcome_write(uint8_t *body, const struct welcome *welcome);
/* Errors: BAD_VERSION, BAD_FIELD. */
enum semel_reason welcome_read(const uint8_t *body, size_t size, struct welcome *ret_welcome);

#endif
