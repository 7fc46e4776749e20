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

#include "core/journal.h"
#include "core/reply.h"

enum dedup_state {
    DEDUP_FREE = 0,
    DEDUP_WAITING, /* its record stands, but its handler may not start yet: see dedup_start */
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
    bool logged;         /* its BEGIN is in the journal */
    bool outcome_logged; /* and its DONE, while it waits for the commit */
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
    uint64_t told_bytes;     /* of a journal that tells each record once */
    struct journal *journal; /* what outlives the process; NULL: nothing does */
};

struct dedup_table {
    struct dedup_domain *domain;
    struct dedup_record *ring; /* by seq */
    uint64_t ring_size;        /* a power of two, at most the window rounded up */
    uint64_t floor;            /* every lower seq is acknowledged */
    uint64_t life;             /* of its session, for the journal; 0: no crash is outlived */
    uint32_t window;
    uint32_t records; /* in the ring */
    uint32_t running; /* of these: waiting ones too */
    bool floor_ahead; /* records have gone, and the journal does not know that they may */
};

void dedup_init(struct dedup_table *table, struct dedup_domain *domain, uint64_t floor, uint32_t window);
/* Forgets everything; running requests go on, but nobody will learn of their result. */
void dedup_fini(struct dedup_table *table);

/* Gives the ring back if it holds no record. */
void dedup_trim(struct dedup_table *table);

/* The client has completed every seq below floor.  A floor that goes back is ignored.  An empty ring is given back if
 * it is large, or room is scarce. */
void dedup_ack(struct dedup_table *table, uint64_t floor);
/* Writes the floor into the journal, if that is of use.  Not needed when a request follows: its BEGIN tells the
 * floor. */
void dedup_log_floor(struct dedup_table *table);

/* A request as the table sees it. */
struct dedup_question {
    uint64_t seq;
    uint64_t method;
    uint64_t digest;
    bool idempotent;         /* what the client says */
    bool oneway;             /* the same */
    bool transactional;      /* its handler runs in the transaction that its record is committed with */
    bool expired;            /* no time is left of its deadline */
    enum semel_reason unfit; /* why a new request of this method can not be taken now; NONE: it can */
};

enum dedup_answer {
    DEDUP_RUN, /* a record was put: run it */
    /* a record was put: ask dedup_start once what the journal holds is committed; if it is transactional, within the
     * transaction that is to be committed */
    DEDUP_WAIT,
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

/* What dedup_admit would answer now; puts no record, so that RUN and WAIT say: it would be new (and a full table may
 * still turn it away later). */
struct dedup_verdict dedup_peek(const struct dedup_table *table, const struct dedup_question *question);

enum dedup_start {
    DEDUP_START,          /* run it */
    DEDUP_START_LATE,     /* its deadline has passed: it is withdrawn, and was not executed */
    DEDUP_START_UNWANTED, /* forgotten or acknowledged while it waited: nobody asks for it any more */
};

/* Whether a request that waited runs now.  On START it is running. */
enum dedup_start dedup_start(struct dedup_run *run, bool expired);

/* The waiting or running request of a seq, or NULL. */
struct dedup_run *dedup_find_running(const struct dedup_table *table, uint64_t seq);

/* Its client has cancelled it.  NOT_EXECUTED: it waited and is withdrawn; UNKNOWN: its handler runs. */
enum semel_outcome dedup_cancel(struct dedup_run *run);

/* A transactional handler has finished: writes BEGIN and DONE into the journal, to be committed with what the handler
 * wrote.  Once they are, dedup_finish; if they will not be, dedup_lose. */
void dedup_log_outcome(struct dedup_run *run, const struct reply *reply);
/* The same for a oneway that ended with OK. */
void dedup_log_receipt(struct dedup_run *run);
/* The commit failed that should have made it last: nobody knows whether it ran (R6).  Returns as dedup_finish. */
bool dedup_lose(struct dedup_run *run);

/* Whether its end with this code is the same for every replay: there is a record of it, or it may be asked for again as
 * often as one likes.  Any other end is told only where the request was asked for: a replay is a run of its own.  To be
 * asked before dedup_finish. */
bool dedup_end_lasts(const struct dedup_run *run, enum semel_code code);

/* The handler has finished.  Returns whether the client may still want the reply; it is kept if it must be.  The caller
 * sends and then settles it.  reply may be NULL (no memory for it): then it is recorded without. */
bool dedup_finish(struct dedup_run *run, struct reply *reply);

/* The handler of a oneway has finished with OK: it is to be acknowledged, and no reply is kept.  Returns as above. */
bool dedup_finish_oneway(struct dedup_run *run);

/* The handler refused, having done nothing: the record goes, and a retry is a new request.  Returns as above. */
bool dedup_withdraw(struct dedup_run *run);

/* A record as the journal tells of it.  What is below the floor is passed over.  false: no memory. */
bool dedup_recall_begin(struct dedup_table *table, const struct journal_entry *begin);
bool dedup_recall_done(struct dedup_table *table, const struct journal_entry *done);
void dedup_recall_receipt(struct dedup_table *table, uint64_t seq);
void dedup_recall_gone(struct dedup_table *table, uint64_t seq);

/* Writes the records from *seq on into the journal once more, until all are written or the open batch has this size,
 * but never so much that it has more than most_size.  *seq becomes the one to go on with.  Returns whether all are
 * written: no seq could say so, for the last of all may have a record, too. */
bool dedup_log_again(struct dedup_table *table, uint64_t *seq, size_t batch_size, uint64_t most_size);
/* How many bytes the first of these records takes; 0: there is none. */
uint64_t dedup_next_bytes(const struct dedup_table *table, uint64_t seq);

#endif
