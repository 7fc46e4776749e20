/* A round: every endpoint of a channel tried once, each at every address it has, until one of them says WELCOME.
 *
 * Names are looked up when their turn comes, in each round anew.  Dials go side by side, a stagger apart, as core/order
 * allows; the first that is welcomed wins, and the others are given up.
 *
 * It must not know why a round begins, nor what comes after it.  Reads best next: round.c, reconnector.h. */
#ifndef CLIENT_ROUND_H
#define CLIENT_ROUND_H

#include "client/dial.h"
#include "core/breaker.h"
#include "core/timers.h"
#include "net/loop.h"
#include "net/resolver.h"

struct reconnector;
struct round;

enum round_place_state {
    ROUND_PLACE_AHEAD,     /* its turn has not come */
    ROUND_PLACE_RESOLVING, /* its name is being looked up */
    ROUND_PLACE_DIALLING,  /* it has addresses that were not tried, or are being tried */
    ROUND_PLACE_OVER,      /* it gave no connection */
    ROUND_PLACE_STATE_COUNT
};

/* One endpoint in the present round. */
struct round_place {
    enum round_place_state state;
    struct round *round;
    struct lookup *lookup;      /* RESOLVING */
    struct endpoint *addresses; /* owned, DIALLING */
    size_t address_count;
    size_t tried;
    size_t dials; /* in progress */
};

struct round {
    struct reconnector *reconnector;
    struct round_place *places; /* by endpoint */
    size_t *order;              /* indexes of endpoints */
    struct dial *dials;         /* in progress */
    size_t dial_count;
    size_t lookup_count;
    int64_t last_begun_ns; /* a dial or look-up */
    bool failed;           /* one has, since then */
    struct timer stagger;
    /* why it gave no connection so far */
    enum semel_reason reason;
    int os_error;
    size_t endpoint;
    /* refused as the double of a dial that has failed itself meanwhile: to be dialled once more, by itself */
    bool doubled;
    bool doubled_again; /* it was */
    size_t double_endpoint;
    struct endpoint double_address;
};

/* false: no memory. */
bool round_init(struct round *round, struct reconnector *reconnector);
void round_fini(struct round *round);

/* Begins; order is set.  Ends with round_welcomed, or with a call of reconnector_round_failed: later, or before this
 * returns. */
void round_begin(struct round *round);

/* A dial has failed, and is no longer in progress. */
void round_dial_failed(struct round *round, struct dial *dial, enum semel_reason reason, int os_error);

/* A dial is welcomed: it leaves the round, which is over.  All others are given up. */
void round_welcomed(struct round *round, struct dial *dial);

/* Whether names are looked up and nothing is dialled yet. */
static inline bool round_is_resolving(const struct round *round)
{
    return round->lookup_count > 0 && round->dial_count == 0;
}

#endif
