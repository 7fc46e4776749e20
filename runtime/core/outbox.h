/* The outbox: a client's calls from the moment they get their seq until they end.  It knows the window, the order,
 * how far each call got, and the ack floor.  It decides nothing about retrying (retry.h does).
 *
 * Reads best next: client/channel.c, which drives it. */
#ifndef CORE_OUTBOX_H
#define CORE_OUTBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "core/sendq.h"

/* X(name, states it may move to, as bits) */
#define OUTBOX_STATES(X)                                                                                       \
    X(READY, TO(QUEUED) | TO(DELAYED) | TO(HELD) | TO(ENDED))                                                  \
    X(DELAYED, TO(READY) | TO(ENDED))                                                                          \
    X(QUEUED, TO(WRITTEN) | TO(READY) | TO(HELD) | TO(DELAYED) | TO(ENDED))                                    \
    X(WRITTEN, TO(READY) | TO(HELD) | TO(DELAYED) | TO(ENDED))                                                 \
    X(HELD, TO(READY) | TO(DELAYED) | TO(ENDED))                                                               \
    X(ENDED, 0)

enum outbox_state {
#define OUTBOX_STATE_ENUM(name, to) OUTBOX_##name,
    OUTBOX_STATES(OUTBOX_STATE_ENUM)
#undef OUTBOX_STATE_ENUM
        OUTBOX_STATE_COUNT
};
/* READY    waits for a connection or for the window
 * DELAYED  waits for a time of its own, after a refusal
 * QUEUED   in the send queue of the connection
 * WRITTEN  the transport took every byte; its answer is to come
 * HELD     written, the connection lost, no verdict yet (R5)
 * ENDED    no longer in the outbox; its frame may still have to be finished */

struct outbox_call {
    struct outgoing out;
    uint64_t seq;
    enum outbox_state state;
    bool exposed; /* written in the present session and not answered: it may have run */
    bool
        exposed_elsewhere; /* an attempt may have run of which no later answer will tell: in a session that is gone,
                             * or of an idempotent operation, whose runs leave no record */
    bool parked;           /* will not be sent again, but has not ended: outbox_park */
    bool passes;           /* goes out while the outbox is gated; set before outbox_add */
};

struct outbox {
    struct outbox_call **ring; /* by seq; NULL where a call has ended */
    uint64_t ring_size;        /* a power of two */
    uint64_t floor;            /* the ack floor: no lower seq will be sent again */
    uint64_t oldest;           /* the lowest seq that has not ended: the floor, or below it what is parked */
    uint64_t next;             /* the next seq to give */
    uint64_t cursor;           /* no READY call has a lower seq */
    uint64_t limit;            /* most seqs between oldest and next */
    uint32_t window;           /* what the server granted; of use while queue is set, or gated */
    uint32_t count;            /* calls that have not ended */
    struct sendq *queue;       /* of the live connection, or NULL */
    bool gated;                /* only calls that pass go out */
    uint64_t
        reserved; /* multiples of OUTBOX_RESERVE from here to next are unused; OUTBOX_NONE: none are kept */
};

/* Calls that pass come after those that wait for them: had they later seqs, they would be outside the window that the
 * waiting ones fill.  So every 16th seq is kept for them. */
#define OUTBOX_RESERVE 16u
#define OUTBOX_NONE UINT64_MAX

/* limit: at most LIMIT_OUTSTANDING_MAX (asserted). */
void outbox_init(struct outbox *outbox, uint64_t limit);
/* Every call must have ended (asserted). */
void outbox_fini(struct outbox *outbox);

enum outbox_add_result { OUTBOX_ADDED, OUTBOX_FULL, OUTBOX_SHUT_OUT, OUTBOX_NO_MEMORY };
/* Gives the call its seq, once and for all its attempts, and makes it READY.  SHUT_OUT: it passes, but the calls that
 * wait for it fill the window, and neither would ever move. */
enum outbox_add_result outbox_add(struct outbox *outbox, struct outbox_call *call);

/* The call that has this seq and has not ended, or NULL. */
struct outbox_call *outbox_find(const struct outbox *outbox, uint64_t seq);

/* Connects the outbox to a live connection, or (NULL) takes it off a lost one: what may have run is HELD again. */
void outbox_attach(struct outbox *outbox, struct sendq *queue, uint32_t window);

/* Whether seqs are kept for calls that pass.  Kept already is fine. */
void outbox_reserve(struct outbox *outbox, bool keep);

/* Moves READY calls within the window to the send queue, in seq order; gated: of these, the ones that pass. */
void outbox_fill(struct outbox *outbox);

/* The transport took every byte. */
void outbox_written(struct outbox_call *call);

/* Moves a call that is not in a send queue to another state. */
void outbox_set(struct outbox *outbox, struct outbox_call *call, enum outbox_state state);

/* Takes a QUEUED call whose frame was not started back out of the send queue, if it still is in one; false: it was
 * started. */
bool outbox_unqueue(struct outbox *outbox, struct outbox_call *call);

/* Puts a call that is not in a send queue aside for good: it goes nowhere any more, and ends by something else than its
 * own answer.  The ack floor passes it, so that it holds up no window. */
void outbox_park(struct outbox *outbox, struct outbox_call *call);

/* Ends a call.  Returns whether its frame is free; if not, it was partly written, and becomes free when the send queue
 * reports it as sent or clears it. */
bool outbox_end(struct outbox *outbox, struct outbox_call *call);

/* How far the ack floor is behind a seq: what travels in every client frame.  0 for a seq that it has passed (a CANCEL
 * may be overtaken): the seq itself is a floor that was reached long ago. */
static inline uint32_t outbox_behind(const struct outbox *outbox, uint64_t seq)
{
    return seq > outbox->floor ? (uint32_t)(seq - outbox->floor) : 0;
}

/* The first call that has not ended with a seq of at least from, or NULL: to walk in seq order. */
struct outbox_call *outbox_from(const struct outbox *outbox, uint64_t from);

const char *outbox_state_name(enum outbox_state state);

#endif
