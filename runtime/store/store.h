/* The dedup stores behind one small interface: what remembers executed requests, and for how long.
 *
 *   memory     lives and dies with the process; each process is a domain of its own
 *   lmdb:PATH  one file that outlives it, with transactions that a handler can join
 *
 * A store keeps batches of a journal (core/journal.h) as bytes, and may commit them when it likes: it says so later,
 * through store_poll.  It decides nothing, and has no clock and no thread that its user could see.
 *
 * It must not know connections or requests.  Reads best next: server/ledger.h, which writes; memory.c, lmdb.c. */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <semel/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/id.h"

struct MDB_env;
struct MDB_txn;
struct store;
struct store_commit;

/* Longest text about what went wrong, with its terminator. */
#define STORE_TEXT_MAX 200

struct store_problem {
    enum semel_code code; /* OK: none */
    char text[STORE_TEXT_MAX];
};

enum store_result {
    STORE_COMMITTED, /* it is there after a crash, with all before it */
    STORE_FAILED,    /* it is not there, nor will any later one be */
    STORE_UNKNOWN,   /* it may be there; no later one will */
};

/* One batch on its way; embedded in its maker, who keeps it until done is called. */
struct store_commit {
    uint64_t number; /* one more than the last; the first of a new store is 1 */
    const uint8_t *bytes;
    size_t size;
    uint64_t wanted_from; /* batches below are wanted no more, and will be deleted, if not at once */
    /* Called once, inside store_poll.  text: what went wrong; borrowed. */
    void (*done)(struct store_commit *commit, enum store_result result, const char *text);
    /* for the store */
    struct store_commit *next;
    enum store_result result;
};

/* One batch that was read back; its bytes are borrowed.  false: stop. */
typedef bool store_batch_fn(uint64_t number, const uint8_t *bytes, size_t size, void *user);

struct store_usage {
    uint64_t log_bytes; /* of all batches that are kept */
    uint64_t oldest;    /* of them; 0: none */
    /* What the next batches may take together; UINT64_MAX: no limit. */
    uint64_t free_bytes;  /* with new work */
    uint64_t spare_bytes; /* with what must go on: a part of what is kept for that, too */
    uint64_t next_bytes;  /* the next one alone can not have more */
};

/* What a store does.  On the thread of its user only; nothing here calls back but load and poll. */
struct store_ops {
    bool durable; /* whether what is committed outlives the process.  If not, nobody needs to commit */
    /* Tells all batches in order; can be repeated until the first commit.  false: problem says why; the store must
     * not be used. */
    bool (*load)(struct store *store, store_batch_fn *each, void *user, struct store_problem *problem);
    /* Takes a batch on its way, and what the transaction has done with it.  Batches are committed in order. */
    void (*commit)(struct store *store, struct store_commit *commit);
    /* Calls done of each commit that has ended. */
    void (*poll)(struct store *store);
    struct store_usage (*usage)(struct store *store);
    /* Waits until what was handed over is committed or has failed, calls no done, frees the store. */
    void (*close)(struct store *store);

    /* Stores that a handler can join; else NULL.  The environment is for opening databases of one's own. */
    struct MDB_env *(*environment)(struct store *store);
    /* A transaction for one handler, within the one that the next commit completes.  NULL: it can not be had. */
    struct MDB_txn *(*enter)(struct store *store);
    /* The handler has finished: what it wrote is kept for the commit, or undone.  false: it could not be kept. */
    bool (*leave)(struct store *store, bool keep);
    /* There will be no next commit: undoes what handlers have kept for it, and lets no other join. */
    void (*forsake)(struct store *store);
};

struct store {
    const struct store_ops *ops;
    struct id domain;   /* what a client compares to learn whether its replay can be recognised */
    const char *notice; /* what a person should be told of how it was opened; static; NULL: nothing */
    /* Set by the user: told that store_poll has something to do.  From any thread; may be inside commit. */
    void (*ready)(void *user);
    void *ready_user;
};

struct store_options {
    struct id fresh; /* a random id, for a store that is new */
    uint64_t (*secret)(
        void);           /* random numbers that nobody else is to know; one is asked for a file that is new */
    uint64_t size_bytes; /* the most that a durable store may take */
};

/* Opens the store a specification names: NULL, "memory" or "lmdb:PATH".  *ret_store is set on success only and ended
 * with its close.
 * Errors: INVALID_ARGUMENT (specification), FAILED_PRECONDITION (another process has it; not ours; another version),
 * DATA_LOSS (damaged), PERMISSION_DENIED, RESOURCE_EXHAUSTED (memory, disk), NOT_FOUND (no such folder). */
enum semel_code store_open(const char *spec, const struct store_options *options, struct store **ret_store,
                           struct store_problem *ret_problem);

/* Sets what went wrong (printf style); returns code. */
enum semel_code store_fail(struct store_problem *problem, enum semel_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The stores, without their prefix in the specification. */
enum semel_code memory_open(const struct store_options *options, struct store **ret_store,
                            struct store_problem *ret_problem);
enum semel_code lmdb_open(const char *path, const struct store_options *options, struct store **ret_store,
                          struct store_problem *ret_problem);

/* Commits that have ended, in order, for a store that keeps them until poll. */
struct store_ended {
    struct store_commit *first;
    struct store_commit *last;
};
void store_end(struct store *store, struct store_ended *ended, struct store_commit *commit,
               enum store_result result);
void store_tell(struct store_ended *ended, const char *text);

#endif
