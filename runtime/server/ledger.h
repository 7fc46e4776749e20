/* The ledger: what a server must not forget, on its way to the store, and who waits until it is there.
 *
 *   at-most-once     its BEGIN goes into the batch of this turn; the handler starts when that is committed
 *   transactional    its handler runs within the transaction of the batch, which holds its DONE; then the reply
 * goes out
 *   WELCOME          is held until the session's entry is committed: no session whose client may write is forgotten
 *   all else         (DONE, GONE, ENDED, FLOOR) goes with the next batch, or soon, and nobody waits for it
 *
 * One batch is committed for all that a turn of the loop brings.  When a commit fails nothing more is promised: the
 * server is inactive for what must be remembered, and says so.
 *
 * Whether a request starts is decided in core/dedup.c.  With a store that is not durable nothing of this is used.
 * Reads best next: ledger.c, store/store.h. */
#ifndef SERVER_LEDGER_H
#define SERVER_LEDGER_H

#include "core/journal.h"
#include "net/loop.h"
#include "server/room.h"
#include "server/slice.h"
#include "store/store.h"

struct connection;
struct semel_request;
struct semel_server;

struct ledger_line {
    struct semel_request *first;
    struct semel_request **last;
};

struct ledger {
    struct semel_server *server;
    struct store *store;
    struct journal journal;      /* the open batch */
    struct room room;            /* what the store can take of it */
    uint8_t *bytes;              /* of the batch on its way; NULL: none is */
    struct store_commit commit;  /* that batch */
    struct ledger_line begun;    /* their BEGIN is in the open batch */
    struct ledger_line awaited;  /* ... in the batch on its way */
    struct ledger_line ready;    /* ... committed: they may start */
    struct ledger_line joining;  /* transactional ones that have not run */
    struct ledger_line joined;   /* ... that ran in the batch on its way */
    struct connection *greeting; /* whose WELCOME is held */
    struct loop_task write;      /* at the end of the turn: commits */
    struct loop_task look;       /* asks the store what has ended */
    struct loop_task start;      /* lets the ready ones run */
    struct slice slice;          /* for so long they may, in this turn */
    bool starts;                 /* it is not over, and there are more */
    struct timer leftover;       /* nobody waits for the open batch, but it is not to stay open */
    bool failed;                 /* a commit has: inactive for good */
    bool seeks;                  /* commits go on until there is room again */
    bool hurries;                /* a drain waits: nothing is left over for later */
    uint32_t gathered;           /* requests that wait for the open batch */
    uint32_t expected;           /* as many were in one of the last two */
    uint32_t last_gathered;
    uint32_t seen;           /* of those gathered: so many were there when it was looked last */
    int64_t seen_ns;         /* when the last of them was */
    int64_t gather_since_ns; /* 0: nobody waits yet */
    int64_t commit_ns;       /* how long the last commit took */
    uint64_t commits;        /* counters */
    uint64_t committed_bytes;
};

/* Takes the store over. */
void ledger_init(struct ledger *ledger, struct semel_server *server, struct store *store);
/* Fills the server's sessions with what the store remembers.  false: *ret_problem says why; the store must not be
 * used. */
bool ledger_load(struct ledger *ledger, struct store_problem *ret_problem);
/* Commits what is left, closes the store and drops all that waits.  No connection is left. */
void ledger_fini(struct ledger *ledger);

/* Whether sessions and records outlive the process. */
static inline bool ledger_is_durable(const struct ledger *ledger)
{
    return ledger->store->ops->durable;
}

/* Whether handlers can join its transactions. */
static inline bool ledger_can_join(const struct ledger *ledger)
{
    return ledger->store->ops->enter != NULL;
}

/* A request that dedup told to wait.  It is in the list of running ones. */
void ledger_await(struct ledger *ledger, struct semel_request *request, bool transactional);
/* Holds the WELCOME of a connection that was just accepted, until ledger_released (connection.h) is called for it. */
void ledger_hold(struct ledger *ledger, struct connection *connection);
/* The connection goes, whether it is held or not. */
void ledger_forget(struct ledger *ledger, struct connection *connection);
/* Something was written into the journal for which nobody waits. */
void ledger_note(struct ledger *ledger);
/* A request was refused because the table is full.  Where the store lacks the room and some can be made, it is:
 * nobody's batch might come along to do so. */
void ledger_seek_room(struct ledger *ledger);
/* Whether all is committed that ever will be; if not, it is on its way from now on, and server_settle_drain is called
 * when it is there. */
bool ledger_is_settled(struct ledger *ledger);

#endif
