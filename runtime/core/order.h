/* The order of a round over the endpoints of a channel: which comes first, and which may be tried side by side.
 *
 * Speed asks for many dials at once, the promise for few: a call that was written and awaits a verdict is answered by
 * its own server's memory only, and another server's WELCOME ends it as UNKNOWN.  Both are weighed here and nowhere
 * else.
 *
 * It must not know a clock, nor what an endpoint is.  Reads best next: health.h; client/round.c, which asks. */
#ifndef CORE_ORDER_H
#define CORE_ORDER_H

#include <stdbool.h>
#include <stdint.h>
#include <semel/status.h>

#include "core/health.h"

/* What is known when a round begins.  Places that are not known, or not asked for, are count. */
struct order_facts {
    size_t count;
    const struct health *health; /* of each endpoint */
    size_t failed_last;
    size_t favourite; /* the one that said WELCOME last, if the channel is to stay with it */
    size_t witness; /* the one whose memory holds the verdict on calls that wait for one, if it may be alive */
    int64_t now_ns;
};

/* Sorts order, which holds the indexes of the endpoints in the order of choice:
 *   the witness, even if it failed last: once, for its verdict is worth a dial, and no other server's is one
 *   the favourite, if it did not fail last
 *   the others, the healthiest first; equals keep their order
 *   the one that failed last */
void order_endpoints(const struct order_facts *facts, size_t *order);

/* The state of a round when its next dial is asked for. */
struct order_pace {
    size_t running;      /* dials and look-ups in progress */
    bool same_endpoint;  /* all of these are of the endpoint that is next: addresses of one name */
    bool verdict_wanted; /* calls wait for the verdict of a server */
    bool failed;         /* one has failed since the last was begun */
    int64_t last_begun_ns;
};

/* When the next dial may begin: INT64_MIN at once, INT64_MAX not before another one has ended.  Endpoints go side by
 * side, LIMIT_DIAL_STAGGER_MS apart; while a verdict is wanted one after the other, so that the first gets its
 * chance. */
int64_t order_next_ns(const struct order_pace *pace);

/* Whether a connection that ended so went silent: then its server is not the one to be tried first.  After a reset the
 * server, or its host, was there a moment ago. */
bool order_is_silence(enum semel_reason reason, int os_error);

/* Puts the indexes of addresses, count of which are known by family (true: IPv6), in the order of dialling: families in
 * turn, IPv6 first, so that a family that leads nowhere costs one stagger (RFC 8305). */
void order_families(const bool *is_six, size_t count, size_t *order);

#endif
