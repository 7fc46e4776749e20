/* The sessions of one server: who is who, and what becomes of each connection offer.
 *
 * The server alone decides, and remembers the highest attempt number of each session, live connection or not.  Judging
 * changes nothing; the caller first closes what the judgment displaces, completely, and then accepts: side effects of
 * losing the old connection come before those of the new one.
 *
 * It knows connections as opaque pointers only.  Reads best next: server/session.c. */
#ifndef CORE_SESSIONS_H
#define CORE_SESSIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/dedup.h"
#include "core/handshake.h"

/* The user behind a peer, where the transport knows it (unix sockets); SESSIONS_ANYONE where it does not. */
#define SESSIONS_ANYONE UINT64_MAX

struct session {
    struct id id;
    uint64_t subject;           /* who may resume it */
    uint64_t attempt;           /* the highest seen */
    uint64_t born;              /* number of the connection that was answered NEW */
    uint64_t connection_number; /* of the latest connection */
    void *connection;           /* live, or NULL */
    uint32_t frame_limit;       /* agreed on the latest connection */
    uint32_t back_window;       /* of calls back, granted on the latest connection; 0: it serves none */
    uint32_t back_table;        /* which table of the client remembers them, as of the last WELCOME that left */
    void *peer;                 /* what the server calls back through, or NULL; not looked at here */
    int64_t silent_since_ns;    /* of use while there is no connection */
    struct dedup_table table;
    uint32_t node_instance;    /* the life of the node that made it */
    struct session_name *name; /* NULL: the node gave none */
    struct session *next_of_name;
    struct session *next_in_bucket;
    struct session *silent_next; /* the list of sessions without connection, longest silent first */
    struct session *silent_prev;
    /* With a journal: the batch from which on it tells all of this session, and the list of sessions in that order. */
    uint64_t logged_from;
    struct session *logged_next;
    struct session *logged_prev;
};

/* What is known of a stable node name. */
struct session_name {
    struct session_name *next_in_bucket;
    struct session
        *sessions; /* of nodes of this name: the channels of one node, and what is left of earlier lives */
    bool pinned;   /* kept for an offer that is being accepted */
    uint32_t displacements; /* lives displaced since window_start_ns */
    int64_t window_start_ns;
    uint64_t subject; /* names of different users are different names */
    uint16_t size;
    char text[LIMIT_NODE_NAME];
};

struct sessions {
    struct session **buckets;
    struct session_name **name_buckets;
    uint32_t bucket_count; /* a power of two */
    uint32_t count;
    uint32_t limit;
    uint32_t window;
    int64_t lease_ns;
    struct id domain_id;
    uint64_t hash_seed;
    uint64_t incarnation;     /* of this process, which alone knows its calls back */
    uint64_t last_connection; /* connection numbers rise within the domain */
    struct dedup_domain domain;
    struct session *silent_head;
    struct session *silent_tail;
    struct session *logged_head; /* the one that needs the oldest batch */
    struct session *logged_tail;
    struct session *rewritten;                   /* see compact.h; NULL: none */
    uint64_t rewritten_from;                     /* the batch in which that began */
    uint64_t rewritten_seq;                      /* and the seq that it has come to */
    void (*forgetting)(struct session *session); /* called for one that has a peer */
    uint64_t expired;                            /* counters */
};

struct sessions_options {
    struct id domain_id;
    uint64_t incarnation;
    uint64_t hash_seed; /* secret, or a hostile client could choose ids that meet in one bucket */
    uint32_t limit;
    uint32_t window;
    int64_t lease_ns;
    uint64_t keep_reply;
    uint64_t keep_total;
    /* Told of a session with a peer just before it is forgotten; NULL: there are no peers. */
    void (*forgetting)(struct session *session);
    struct journal *journal; /* told of all that must outlive the process; NULL: nothing must */
};

/* false: no memory. */
bool sessions_init(struct sessions *sessions, const struct sessions_options *options);
/* No session may have a connection (asserted).  The journal is not told: what it holds stays. */
void sessions_fini(struct sessions *sessions);

struct sessions_judgment {
    bool accept;
    bool resumed;
    bool back_resumed;         /* the client still remembers what it was called back for by this process */
    enum semel_reason refusal; /* if not accepted */
    struct session *session;   /* known already, or NULL */
    struct session *displaced; /* a live session of another life of the same node: close it, and judge again */
    bool displaces;            /* set by the caller: it has closed such sessions for this offer */
};

/* What becomes of an offer, by the five rules.  Changes nothing. */
struct sessions_judgment sessions_judge(const struct sessions *sessions, const struct hello *hello,
                                        uint64_t subject, int64_t now_ns);

/* Accepts what was judged acceptable, once the connections it displaces are gone (asserted): gives the session (new,
 * emptied, or as it was) its live connection and a connection number.  NULL: no memory, or the table is full of
 * sessions that must be kept. */
struct session *sessions_accept(struct sessions *sessions, const struct hello *hello, uint64_t subject,
                                const struct sessions_judgment *judgment, void *connection, int64_t now_ns);

/* WELCOME leaves, and calls back are judged by it.  Until then another offer may take its place, which must be held
 * against the table that they were written to: one verdict that broke off must not hide what it would have said. */
void sessions_welcomed(struct session *session, const struct hello *hello);

/* The live connection is gone; the lease begins to run. */
void sessions_detach(struct sessions *sessions, struct session *session, int64_t now_ns);

/* Forgets sessions whose lease has run out. */
void sessions_expire(struct sessions *sessions, int64_t now_ns);

/* When sessions_expire has something to do; INT64_MAX: not before a connection is lost. */
int64_t sessions_next_expiry(const struct sessions *sessions);

/* ---- with a journal: for recall.c and compact.c ---- */

/* NULL: not known. */
struct session *sessions_find(const struct sessions *sessions, const struct id *id);
/* A session as the journal tells of it, not known yet; silent since now_ns.  NULL: no memory. */
struct session *sessions_recall(struct sessions *sessions, const struct journal_entry *entry, int64_t now_ns);
/* Writes what the journal must know of a session itself; its records are not told. */
void sessions_log(struct sessions *sessions, const struct session *session);
/* All that the journal must know of this session stands from this batch on. */
void sessions_logged_from(struct sessions *sessions, struct session *session, uint64_t batch);

#endif
