/* The reconnector: when a connection is sought, and what is remembered of each endpoint.
 *
 * Calls that need a connection set the pace: a round over all endpoints begins when the first of them may try; a round
 * that fails counts as one attempt for each call that waited for it.  Rounds that no call asks for (Connect=eager,
 * channels that serve calls back) are paced by a backoff of their own, which only WELCOME resets.
 *
 * It must not know frames or sessions.  Reads best next: round.h, channel.h. */
#ifndef CLIENT_RECONNECTOR_H
#define CLIENT_RECONNECTOR_H

#include <semel/channel.h>

#include "client/round.h"
#include "config/keys.h"
#include "core/backoff.h"
#include "core/breaker.h"
#include "core/health.h"
#include "core/timers.h"
#include "net/loop.h"
#include "net/transport.h"

enum reconnector_state {
    RECONNECTOR_IDLE,      /* nothing is wanted */
    RECONNECTOR_WAITING,   /* a round begins when the timer fires, or with the next task */
    RECONNECTOR_DIALLING,  /* a round is going on */
    RECONNECTOR_CONNECTED, /* WELCOME has come */
    RECONNECTOR_STATE_COUNT
};

/* What a channel asks of it. */
struct reconnector_options {
    enum properties_selection selection;
    struct backoff backoff; /* of rounds that no call asks for */
    struct breaker breaker; /* as every endpoint's begins */
};

struct reconnector {
    enum reconnector_state state;
    semel_channel *channel;
    struct endpoint *endpoints; /* owned, as written: names without addresses */
    size_t endpoint_count;
    struct health *health;    /* of each endpoint */
    struct breaker *breakers; /* of each endpoint */
    struct round round;
    enum properties_selection selection;
    struct backoff backoff;
    uint32_t rounds_failed; /* in a row, since WELCOME */
    uint32_t last_wait_ms;
    int64_t round_begun_ns;
    bool renewing;        /* the live connection is left for a better one: no wait follows it */
    size_t present;       /* endpoint of the live connection, or of the last one */
    struct endpoint live; /* its address; address_size 0: there was none yet */
    size_t favourite;     /* the endpoint to stay with, or endpoint_count */
    size_t witness;       /* where the verdict on held calls may be had, or endpoint_count */
    bool witness_heard;   /* it was asked, and nothing was answered since: not again */
    bool unproved;        /* no answer yet since the connection was made, or since trouble on it */
    size_t failed_last;   /* endpoint, or endpoint_count: none */
    struct timer wait;
    struct loop_task begin;
};

/* Takes the endpoints over on success.  false: no memory. */
bool reconnector_init(struct reconnector *reconnector, semel_channel *channel, struct endpoint *endpoints,
                      size_t count, const struct reconnector_options *options);
void reconnector_fini(struct reconnector *reconnector);

/* A connection is wanted at due_ns (now or earlier: with the end of this turn).  Fine in any state. */
void reconnector_want(struct reconnector *reconnector, int64_t due_ns);

/* A connection is wanted even if no call needs one, if the channel stays connected.  Fine in any state. */
void reconnector_tend(struct reconnector *reconnector);

/* A round at once, whatever was waited for, unless there is a connection. */
void reconnector_wake(struct reconnector *reconnector);

/* A dial has brought WELCOME, or failed.  It is no longer in progress; its memory is the caller's. */
void reconnector_connected(struct reconnector *reconnector, struct dial *dial);
void reconnector_dial_failed(struct reconnector *reconnector, struct dial *dial, enum semel_reason reason,
                             int os_error);

/* The round is over without a connection; an endpoint has given none; whether it may be tried at all. */
void reconnector_round_failed(struct reconnector *reconnector);
void reconnector_endpoint_failed(struct reconnector *reconnector, size_t endpoint);
bool reconnector_endpoint_allowed(struct reconnector *reconnector, size_t endpoint);

/* The live connection is gone for this reason: its endpoint is tried last, but first, once, where calls are held for
 * its verdict and it may be alive.  parted: it was left in good order, which is no failure. */
void reconnector_lost(struct reconnector *reconnector, bool parted, enum semel_reason reason, int os_error);
/* It is gone since nobody needed it: its endpoint is as good as it was. */
void reconnector_left(struct reconnector *reconnector);

/* The live connection gives trouble: its server refuses for overload, or does not answer in time.  true: its
 * breaker has opened; the connection should be left. */
bool reconnector_trouble(struct reconnector *reconnector);

/* The live connection has answered; cheap when it had before. */
void reconnector_prove(struct reconnector *reconnector);

/* Whether the breakers let no endpoint be tried now. */
bool reconnector_is_barred(const struct reconnector *reconnector);

/* The URI of the live connection, or of the last one. */
static inline const char *reconnector_uri(const struct reconnector *reconnector)
{
    return reconnector->endpoints[reconnector->present].text;
}

#endif
