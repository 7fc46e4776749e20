/* Recall: from the batches of a journal back to sessions and records, when a server opens its store.
 *
 * All batches are told twice, in order: first for the sessions that live, then for their records.  So it does not
 * matter that of a session that was written again (compact.h) some records may stand before the session itself.  A
 * request that began and has no end is BEGUN: it may have run (R6).
 *
 * It must not know where batches are kept.  Reads best next: recall.c. */
#ifndef CORE_RECALL_H
#define CORE_RECALL_H

#include "core/sessions.h"

/* What is wrong when nothing is wrong with the journal. */
#define RECALL_NO_MEMORY "there is not enough memory for what the store remembers"

/* A life of a session, as far as the journal tells of it. */
struct recall_life {
    struct journal_entry entry; /* a SESSION, the latest of this life */
    struct session *session;    /* NULL: it has ended */
};

struct recall {
    struct sessions *sessions; /* empty, with the journal that is to be written next */
    struct recall_life *lives;
    size_t life_count;
    size_t life_capacity;
    uint64_t *ended;
    size_t ended_count;
    size_t ended_capacity;
    uint64_t first_batch; /* 0: none yet */
    uint64_t last_batch;
    uint64_t last_connection; /* the highest number ever given */
};

void recall_init(struct recall *recall, struct sessions *sessions);
void recall_fini(struct recall *recall);

/* The first telling.  NULL, or what is wrong (static text): then the store must not be used. */
const char *recall_sessions(struct recall *recall, struct journal_batch batch);
/* Between the tellings: makes the sessions, silent since now_ns, so that each has a whole lease to come back.  As
 * above. */
const char *recall_settle(struct recall *recall, int64_t now_ns);
/* The second telling.  As above. */
const char *recall_records(struct recall *recall, struct journal_batch batch);

#endif
