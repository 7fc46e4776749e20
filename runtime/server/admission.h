/* Admission: which request runs at once, which waits for its turn, and which is refused because it would wait too long.
 *
 *   at once   while nothing waits, fewer run than may, and handlers have not used up the slice of this turn
 *   waits     in the queue, which moves a slice a turn, after the descriptors were read
 *   refused   on arrival if the queue is full or already slower than the request's patience; later if its deadline
 *             passes or its patience ends before its turn comes: it is never started then
 *
 * The patience of a request is MaxQueueAge, or half of the time its client gives it if that is less: who is served at
 * the last moment is served in vain, since the answer comes too late, and under lasting overload that is everybody.
 *
 * Whether a request has run before is not asked here: dispatch.c asks core/dedup first.  Reads best next: admission.c,
 * queue.h. */
#ifndef SERVER_ADMISSION_H
#define SERVER_ADMISSION_H

#include "core/limiter.h"
#include "net/loop.h"
#include "server/queue.h"
#include "server/slice.h"

struct semel_server;
struct semel_request;

struct admission {
    struct semel_server *server;
    struct queue queue;
    struct slice slice;
    uint64_t turn;              /* of the loop, in which the slice began */
    struct loop_task drain;     /* lets those run whose turn has come */
    struct timer due;           /* the first that waits has waited long enough, while no drain is planned */
    struct connection *serving; /* whose request leaves the queue just now; NULL: closed meanwhile */

    int64_t pace_ns;  /* how long the queue takes to move by one; 0: not known */
    int64_t moved_ns; /* when it last moved */

    bool overloaded; /* which is logged when it begins and ends */
    struct timer calm;
    int64_t overloaded_ns; /* since when */
    uint64_t refused;      /* for it, so far */
    uint64_t refused_seen; /* when calm was last started */

    bool adaptive;
    struct limiter limiter;
    uint32_t max_running; /* UINT32_MAX: no limit */
    int64_t max_age_ns;   /* INT64_MAX: none */
};

void admission_init(struct admission *admission, struct semel_server *server);
/* No connection is left, and so nothing waits (asserted). */
void admission_fini(struct admission *admission);

/* Whether handlers have used up the slice of this turn: what comes next had better wait for another. */
bool admission_is_spent(struct admission *admission);
/* Whether a datagram, which nobody would send again, may run: no more run than may, and nobody else is refused. */
bool admission_takes_datagram(const struct admission *admission);
/* Whether a new request of this connection may run at once. */
bool admission_is_free(struct admission *admission, const struct connection *connection, size_t body_size);
/* What was let through has been dealt with, run or not. */
void admission_took(struct admission *admission);

/* Whether a request with this much time (time_ms of its frame) and body would wait in vain. */
bool admission_is_closed(const struct admission *admission, const struct frame *frame);
/* Lets it wait.  deadline_ns: 0: none.  false: no memory. */
bool admission_wait(struct admission *admission, struct connection *connection, const struct frame *frame,
                    int64_t deadline_ns);

/* A request has been refused as OVERLOADED. */
void admission_refused(struct admission *admission);
/* When such a client should come back. */
uint32_t admission_pushback_ms(struct admission *admission);

/* The waiting request of a connection with this seq, or NULL. */
const struct queued *admission_find(const struct admission *admission, const struct connection *connection,
                                    uint64_t seq);
/* Takes it out of the queue.  false: there is none. */
bool admission_cancel(struct admission *admission, struct connection *connection, uint64_t seq);
/* The connection has taken so much of what it is owed that its requests may run again, if any wait for that: the queue
 * must not make more replies for one who does not read them than the server would by reading on. */
void admission_unchoke(struct admission *admission, struct connection *connection);
/* The connection closes: what waits for it goes. */
void admission_forget(struct admission *admission, struct connection *connection);

/* A request that was pending has finished: another may run. */
void admission_finished(struct admission *admission, const struct semel_request *request);

/* One that was not pending has ended: likewise. */
void admission_left(struct admission *admission);

/* How many may run at once now; 0: any number. */
uint32_t admission_limit(const struct admission *admission);

#endif
