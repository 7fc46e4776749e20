/* The reconnector: which endpoint is dialled when.
 *
 * Calls that need a connection set the pace: a round over all endpoints begins when the first of them may try; a round
 * that fails counts as one attempt for each call that waited for it.  The endpoint that failed last is tried last.
 *
 * It must not know frames or sessions.  Reads best next: channel.h. */
#ifndef CLIENT_RECONNECTOR_H
#define CLIENT_RECONNECTOR_H

#include <semel/channel.h>

#include "core/timers.h"
#include "net/loop.h"
#include "net/transport.h"

enum reconnector_state {
    RECONNECTOR_IDLE,      /* nothing is wanted */
    RECONNECTOR_WAITING,   /* a round begins when the timer fires, or with the next task */
    RECONNECTOR_DIALLING,  /* one endpoint is being tried */
    RECONNECTOR_CONNECTED, /* WELCOME has come */
    RECONNECTOR_STATE_COUNT
};

struct reconnector {
    enum reconnector_state state;
    semel_channel *channel;
    struct endpoint *endpoints; /* owned */
    size_t endpoint_count;
    size_t *order;      /* of the present round: indexes of endpoints */
    size_t at;          /* place in the round */
    size_t failed_last; /* endpoint, or endpoint_count: none */
    bool random;        /* each round in an order of its own */
    struct timer wait;
    struct loop_task begin;
};

/* Takes the endpoints over on success.  false: no memory. */
bool reconnector_init(struct reconnector *reconnector, semel_channel *channel, struct endpoint *endpoints,
                      size_t count, bool random);
void reconnector_fini(struct reconnector *reconnector);

/* A connection is wanted at due_ns (now or earlier: with the end of this turn).  Fine in any state. */
void reconnector_want(struct reconnector *reconnector, int64_t due_ns);

/* The dial that the channel was asked for has succeeded, WELCOME included, or failed. */
void reconnector_connected(struct reconnector *reconnector);
void reconnector_dial_failed(struct reconnector *reconnector, enum semel_reason reason, int os_error);

/* The live connection is gone: its endpoint is tried last. */
void reconnector_lost(struct reconnector *reconnector);

#endif
