/* The dedup table: what a server remembers of one session's requests, so that none runs twice.
 *
 * A record is found by its seq in O(1).  It goes when the client acknowledges it (the ack floor passes), or with its
 * whole session.  It is never evicted to make room: a full table refuses.
 *
 * It decides whether a request runs; who runs it is server/dispatch.c.  Reads best next: sessions.h. */
#ifndef CORE_DEDUP_H
#define CORE_DEDUP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <semel/status.h>

#include "core/reply.h"

enum dedup_state {
    DEDUP_FREE = 0,
    DEDUP_RUNNING,
    DEDUP_DONE,          /* with its reply */
    DEDUP_DONE_NO_REPLY, /* it ran; the reply was too large to keep */
    DEDUP_DONE_RECEIPT,  /* a oneway that was executed: a receipt says all there is to say */
    DEDUP_BEGUN          /* found after a crash: started, never finished */
};

/* Embedded in a running request.  table turns NULL when nobody will ask for the result any more. */
struct dedup_run {
    struct dedup_table *table;
    uint64_t seq;
    atomic_bool forgotten; /* the same, for a handler in another thread to see */
};

struct dedup_record {
    uint64_t seq;
    uint64_t method;
    uint64_t digest; /* the fingerprint */
    enum dedup_state state;
    bool idempotent; /* kept while it runs only */
    bool oneway;
    union {
        struct dedup_run *run;
        struct reply *reply;
    } with;
};

/* What all tables of a store share: limits and how much of them is used. */
struct dedup_domain {
    uint64_t keep_reply; /* bytes; a larger reply is recorded without its body (R7) */
    uint64_t keep_total; /* bytes of records and replies of all sessions */
    uint64_t kept_bytes;
    uint64_t kept_replies;
};

struct dedup_table {
    struct dedup_domain *domain;
    struct dedup_record *ring; /* by seq */
    uint64_t ring_size;        /* a power of two, at most the window rounded up */
    uint64_t floor;            /* every lower seq is acknowledged */
    uint32_t window;
    uint32_t records; /* in the ring */
    uint32_t running; /* of these */
};

void dedup_init(struct dedup_table *table, struct dedup_domain *domain, uint64_t floor, uint32_t window);
/* Forgets everything; running requests go on, but nobody will learn of their result. */
void dedup_fini(struct dedup_table *table);

/* Gives the ring back if it holds no record. */
void dedup_trim(struct dedup_table *table);

/* The client has completed every seq below floor.  A floor that goes back is ignored. */
void dedup_ack(struct dedup_table *table, uint64_t floor);

/* A request as the table sees it. */
struct dedup_question {
    uint64_t seq;
    uint64_t method;
    uint64_t digest;
    bool idempotent;         /* what the client says */
    bool oneway;             /* the same */
    bool expired;            /* no time is left of its deadline */
    enum semel_reason unfit; /* why a new request of this method can not be taken now; NONE: it can */
};

enum dedup_answer {
    DEDUP_RUN,     /* a record was put: run it */
    DEDUP_ATTACH,  /* its original runs: the reply will go to the newest connection */
    DEDUP_RESEND,  /* it ran: send the kept reply again */
    DEDUP_RECEIPT, /* a oneway that was executed: acknowledge it again */
    DEDUP_TELL,    /* it is not to run: tell the client why (reason, outcome) */
    DEDUP_CUT      /* a protocol error: close the connection */
};

struct dedup_verdict {
    enum dedup_answer answer;
    enum semel_reason reason;   /* TELL and CUT */
    enum semel_outcome outcome; /* TELL */
    struct reply *reply;        /* RESEND; owned by the record */
};

/* The one place where a server decides whether a request runs.  run: embedded in the request that would run. */
struct dedup_verdict dedup_admit(struct dedup_table *table, const struct dedup_question *question,
                                 struct dedup_run *run);

/* What dedup_admit would answer now; puts no record, so that RUN says: it would be new (and a full table may still turn
 * it away later). */
struct dedup_verdict dedup_peek(const struct dedup_table *table, const struct dedup_question *question);

/* The running request of a seq, or NULL. */
struct dedup_run *dedup_find_running(const struct dedup_table *table, uint64_t seq);

/* The handler has finished.  Returns whether the client may still want the reply; it is kept if it must be.  The caller
 * sends and then settles it.  reply may be NULL (no memory for it): then it is recorded without. */
bool dedup_finish(struct dedup_run *run, struct reply *reply);

/* The handler of a oneway has finished with OK: it is to be acknowledged, and no reply is kept.  Returns as above. */
bool dedup_finish_oneway(struct dedup_run *run);

/* The handler refused, having done nothing: the record goes, and a retry is a new request.  Returns as above. */
bool dedup_withdraw(struct dedup_run *run);

#endif
