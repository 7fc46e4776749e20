/* The reconnector: which endpoint is dialled when.
 *
 * Calls that need a connection set the pace: a round over all endpoints begins when the first of them may try; a
 * round that fails counts as one attempt for each call that waited for it.  The healthiest endpoint is tried
 * first, the one that failed last is tried last, and one whose breaker is open not at all.
 *
 * It must not know frames or sessions.  Reads best next: dial.h, channel.h. */
#ifndef CLIENT_RECONNECTOR_H
#define CLIENT_RECONNECTOR_H

#include <semel/channel.h>

#include "core/breaker.h"
#include "core/health.h"
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
    struct health *health;          /* of each endpoint */
    struct breaker *breakers;       /* of each endpoint */
    size_t *order;                  /* of the present round: indexes of endpoints */
    size_t at;                      /* place in the round */
    struct dial *dial;              /* DIALLING */
    enum semel_reason round_reason; /* why the round gave no connection so far */
    int round_errno;
    size_t round_endpoint;
    bool unproved;      /* no answer yet since the connection was made, or since trouble on it */
    size_t failed_last; /* endpoint, or endpoint_count: none */
    bool random;        /* each round in an order of its own */
    struct timer wait;
    struct loop_task begin;
};

/* Takes the endpoints over on success; breaker: as every endpoint's begins.  false: no memory. */
bool reconnector_init(struct reconnector *reconnector, semel_channel *channel, struct endpoint *endpoints,
                      size_t count, bool random, const struct breaker *breaker);
void reconnector_fini(struct reconnector *reconnector);

/* A connection is wanted at due_ns (now or earlier: with the end of this turn).  Fine in any state. */
void reconnector_want(struct reconnector *reconnector, int64_t due_ns);

/* The dial has brought WELCOME, or failed; it is gone. */
void reconnector_connected(struct reconnector *reconnector);
void reconnector_dial_failed(struct reconnector *reconnector, enum semel_reason reason, int os_error);

/* The live connection is gone: its endpoint is tried last.  parted: it was left in good order, which is no failure. */
void reconnector_lost(struct reconnector *reconnector, bool parted);
/* It is gone since nobody needed it: its endpoint is as good as it was. */
void reconnector_left(struct reconnector *reconnector);

/* The live connection gives trouble: its server refuses for overload, or does not answer in time.  true: its
 * breaker has opened; the connection should be left. */
bool reconnector_trouble(struct reconnector *reconnector);

/* The live connection has answered; cheap when it had before. */
void reconnector_prove(struct reconnector *reconnector);

/* Whether the breakers let no endpoint be tried now. */
bool reconnector_is_barred(const struct reconnector *reconnector);

/* The endpoint of the live connection or of the present dial, as an index; the first one when there is neither. */
static inline size_t reconnector_present(const struct reconnector *reconnector)
{
    return reconnector->at < reconnector->endpoint_count ? reconnector->order[reconnector->at] : 0;
}

#endif
