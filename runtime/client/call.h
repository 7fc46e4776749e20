/* A call from its start to its end.  The decision whether it goes on is core/retry's alone; here it is carried out.
 *
 * Reads best next: call.c; channel.h, which carries the calls. */
#ifndef CLIENT_CALL_H
#define CLIENT_CALL_H

#include <semel/call.h>

#include "client/policy.h"
#include "client/trail.h"
#include "core/frame.h"
#include "core/outbox.h"
#include "core/raised.h"
#include "core/timers.h"

/* Requests up to this body live inside the call. */
#define CALL_SMALL_BODY 400u

/* A synchronous caller; lives on its stack. */
struct call_sync {
    void *out;
    void *ret_error;          /* the receipt; may be NULL */
    semel_status *ret_status; /* may be NULL */
    enum semel_code code;
    void (*ended)(struct call_sync *sync); /* wakes it */
};

struct hedge;

struct call {
    struct outbox_call slot; /* first: the outbox hands it back */
    semel_channel *channel;
    const struct semel_method *method;
    struct policy *policy; /* a reference */
    void (*done)(void);    /* NULL: nobody asks */
    void *user;
    struct call_sync *sync; /* instead of done */
    semel_sent_fn *sent;    /* told once it is written; NULL: nobody asks, or it was told */
    void *sent_user;
    bool was_written; /* by an attempt, whichever */
    struct timer deadline;
    struct timer
        retry; /* a wait of its own (DELAYED), the end of an attempt, or a cancellation to be carried out */
    int64_t started_ns;
    int64_t deadline_ns;  /* on the node's clock; 0: none */
    int64_t sent_ns;      /* last byte of the present attempt; -1 */
    int64_t retry_at_ns;  /* READY, HELD without connection: not before */
    uint64_t connection;  /* the connection the present attempt is on; 0: none yet */
    const char *endpoint; /* of the present attempt, borrowed from the channel */
    uint32_t failures;    /* attempts that have failed */
    uint32_t replays;
    uint32_t last_wait_ms;  /* before the present attempt */
    struct hedge *hedge;    /* its further attempts, or NULL */
    struct hedge *hedge_of; /* it is a further attempt itself, or NULL */
    bool cancel_asked;
    bool cancel_sent;
    struct trail *trail; /* NULL until something breaks */
    uint8_t small[FRAME_HEADER_SIZE + CALL_SMALL_BODY];
};

static inline struct call *call_of(struct outgoing *out)
{
    return (struct call *)out; /* slot.out is the first member of the first member */
}

/* What happened to a call, for call_failed. */
struct call_failure {
    enum retry_failure failure;
    enum retry_verdict verdict;
    enum semel_reason reason;
    int os_error;
    enum semel_code code;       /* the peer's, if answered */
    enum semel_outcome outcome; /* the peer's, if answered */
    bool answered;
    uint32_t pushback_ms; /* the peer's wish for a wait; FRAME_NEVER: none at all */
    const char *text;     /* the peer's words, not terminated; may be NULL */
    size_t text_size;
    const struct raised *raised; /* the declared error in the answer, or NULL */
};

/* Something went wrong, or ended: asks the rules and does what they say.  May end the call (and run its callback). */
void call_failed(struct call *call, const struct call_failure *failure);

/* The server it would go to does not take such a frame. */
void call_too_large(struct call *call);

/* The present attempt has taken its time. */
void call_attempt_timed_out(struct call *call);

/* The verdict for a call that was held. */
void call_judge(struct call *call, enum retry_verdict verdict);

/* The recovery that it waited for, or is part of, gave up. */
void call_give_up(struct call *call, enum retry_verdict verdict);

/* Whether an attempt is under way, as opposed to a wait between two. */
bool call_is_under_way(const struct call *call);

/* How far it got, for the rules. */
enum semel_progress call_progress(const struct call *call);

/* Ends it: hands the result over, once.  error: the typed receipt, or NULL. */
void call_end(struct call *call, const void *reply, const void *error, const semel_status *status);
/* FAIL and FINISH: ends it by a decision, but for further attempts that may still be answered. */
void call_finish(struct call *call, const struct call_failure *failure, const struct retry_decision *decision);
/* Ends it without a word: the further attempt of a call that has ended. */
void call_drop(struct call *call);

static inline bool call_is_idempotent(const struct call *call)
{
    return call->method->mode != SEMEL_AT_MOST_ONCE;
}

/* The transport took its last byte, or its frame was dropped with the connection. */
void call_sent(struct call *call);
void call_dropped(struct call *call);

/* It was written: tells who asked for it, once. */
void call_tell_sent(struct call *call);

/* Last words for its header before it is sealed. */
void call_stamp(struct call *call);

#endif
