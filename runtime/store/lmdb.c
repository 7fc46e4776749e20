/* The LMDB store: batches in a file that outlives the process.
 *
 * A batch that no handler has joined is written ahead of the tree (ahead.h), as long as there is room for it; else a
 * transaction of LMDB's commits it: with what was written ahead and is still wanted, a few deletions, and what
 * transactional handlers have written.  A commit is over before it returns; it is told later all the same.
 *
 * Reads best next: store.h, lmdb_file.h, lmdb_pieces.h. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/bytes.h"
#include "core/digest.h"
#include "core/units.h"
#include "store/ahead.h"
#include "store/lmdb_file.h"
#include "store/lmdb_pieces.h"
#include "store/lmdb_room.h"

enum {
    /* A batch is cut into large pieces while it needs no more than this part of what was never used of the file: there
     * is room in a row then, even if handlers write twice as much into the same transaction. */
    IN_A_ROW_PART = 4,
    /* Batches deleted in one commit: more than one, so that what has gathered goes; few, so that no commit is long. */
    DELETES_A_COMMIT = 8,
    /* No more than this part of what there is room for is written ahead: it must find a place then, whatever the
     * application has written meanwhile; and where there is little, each commit is to look whether there is more. */
    AHEAD_PART = 4,
};

struct lmdb {
    struct store store;
    struct lmdb_file file;
    struct ahead ahead;
    struct lmdb_room room;
    pid_t owner;       /* the process that opened it */
    MDB_txn *txn;      /* open for the next commit, when a handler has joined it */
    MDB_txn *joined;   /* that handler's, within it */
    bool kept;         /* txn holds what a handler has written */
    uint64_t in_a_row; /* bytes that txn has put into pages in a row */
    struct lmdb_log log;
    struct lmdb_log draft; /* what it will be once txn is committed */
    bool failed;
    char text[STORE_TEXT_MAX]; /* why */
    struct store_ended ended;
};

static struct lmdb *lmdb_of(struct store *store)
{
    return container_of(store, struct lmdb, store);
}

/* ---- how much room there is ---- */

static uint64_t less(uint64_t bytes, uint64_t taken)
{
    return bytes > taken ? bytes - taken : 0;
}

/* The application may have committed something since. */
static struct store_usage usage(struct store *store)
{
    struct lmdb *lmdb = lmdb_of(store);
    uint64_t ahead = lmdb->ahead.end; /* it takes as much of the tree's room, at most */
    lmdb_room_measure(&lmdb->room, lmdb->file.env);
    return (struct store_usage){
        .log_bytes = lmdb->log.tree_bytes + lmdb->ahead.wanted_bytes,
        .oldest = lmdb->log.oldest,
        .free_bytes = less(lmdb->room.free_bytes, ahead),
        .spare_bytes = less(lmdb->room.spare_bytes, ahead),
        .next_bytes = less(lmdb->room.next_bytes, ahead),
    };
}

static bool load(struct store *store, store_batch_fn *each, void *user, struct store_problem *problem)
{
    struct lmdb *lmdb = lmdb_of(store);
    return lmdb_pieces_load(&lmdb->file, each, user, &lmdb->log, problem);
}

/* ---- committing ---- */

static int put_batch(struct lmdb *lmdb, uint64_t number, const uint8_t *bytes, size_t size)
{
    bool in_a_row = lmdb->in_a_row + size <= lmdb->room.unused_bytes / IN_A_ROW_PART;
    int error = lmdb_pieces_put(lmdb->txn, lmdb->file.journal, number, bytes, size, in_a_row);
    lmdb->in_a_row += size;
    lmdb->draft.tree_bytes += size;
    if (lmdb->draft.oldest == 0)
        lmdb->draft.oldest = number;
    return error;
}

/* Deletes from the oldest on, so many at most; the newest batch always stays, for it knows the last connection
 * number. */
static int delete_batches(struct lmdb *lmdb, uint64_t wanted_from, uint64_t newest, uint64_t most)
{
    uint64_t from = lmdb->draft.oldest;
    uint64_t stop = from + most;
    if (stop > wanted_from)
        stop = wanted_from;
    if (stop > newest)
        stop = newest;
    if (from >= stop)
        return 0;
    lmdb->draft.oldest = stop;
    return lmdb_pieces_delete(lmdb->txn, lmdb->file.journal, from, stop, &lmdb->draft.tree_bytes);
}

/* What was written ahead comes to its place, but for what is wanted no more. */
static int put_ahead(struct lmdb *lmdb)
{
    const struct ahead *ahead = &lmdb->ahead;
    const uint8_t *area;
    if (ahead->count == 0)
        return 0;
    uint64_t newest = ahead->batches[ahead->count - 1].number;
    int error = lmdb_file_area(&lmdb->file, lmdb->txn, &area);
    if (error == 0)
        error = delete_batches(lmdb, ahead->wanted_from, newest, DELETES_A_COMMIT * ahead->count);
    for (size_t i = 0; i < ahead->count && error == 0; i++) {
        const struct ahead_batch *batch = &ahead->batches[i];
        if (batch->number >= lmdb->draft.oldest)
            error = put_batch(lmdb, batch->number, area + batch->at, batch->size);
    }
    return error;
}

/* No error of LMDB, nor an errno. */
enum { NOT_OWNER = -1 };
static const char not_owner[] = "it belongs to the process that opened it, and this one was forked from it";

/* From now on nothing is committed: what is in memory is ahead of the file, and a later batch would tell only half. */
static enum store_result fail(struct lmdb *lmdb, int error, enum store_result result)
{
    struct store_problem problem;
    store_fail(&problem, SEMEL_INTERNAL, "%s", error == NOT_OWNER ? not_owner : mdb_strerror(error));
    lmdb->failed = true;
    memcpy(lmdb->text, problem.text, sizeof lmdb->text);
    return result;
}

/* A process that was forked commits nothing: its parent goes on with the very same numbers.  What was written ahead
 * comes first: whatever a handler takes, there is room for it. */
static int begin(struct lmdb *lmdb)
{
    if (getpid() != lmdb->owner)
        return NOT_OWNER;
    if (lmdb->txn != NULL)
        return 0;
    lmdb->draft = lmdb->log;
    lmdb->in_a_row = 0;
    int error = mdb_txn_begin(lmdb->file.env, NULL, 0, &lmdb->txn);
    if (error != 0) {
        lmdb->txn = NULL;
        return error;
    }
    error = put_ahead(lmdb);
    if (error != 0) {
        mdb_txn_abort(lmdb->txn);
        lmdb->txn = NULL;
    }
    return error;
}

/* Commits what is in the transaction.  Where that fails, it may have come as far as to be found by the next who opens
 * the file. */
static int end(struct lmdb *lmdb)
{
    MDB_txn *txn = lmdb->txn;
    lmdb->txn = NULL;
    lmdb->kept = false;
    int error = mdb_txn_commit(txn);
    if (error != 0)
        return error;
    lmdb->log = lmdb->draft;
    ahead_clear(&lmdb->ahead);
    return 0;
}

static enum store_result write_tree(struct lmdb *lmdb, const struct store_commit *commit)
{
    int error = begin(lmdb);
    if (error != 0)
        return fail(lmdb, error, STORE_FAILED);
    error = put_batch(lmdb, commit->number, commit->bytes, commit->size);
    if (error == 0)
        error = delete_batches(lmdb, commit->wanted_from, commit->number, DELETES_A_COMMIT);
    if (error != 0) {
        mdb_txn_abort(lmdb->txn);
        lmdb->txn = NULL;
        lmdb->kept = false;
        return fail(lmdb, error, STORE_FAILED);
    }
    error = end(lmdb);
    if (error != 0)
        return fail(lmdb, error, STORE_UNKNOWN);
    lmdb_room_measure(&lmdb->room, lmdb->file.env);
    return STORE_COMMITTED;
}

/* Only a transaction deletes: where that makes room to speak of, it is not put off. */
static bool goes_ahead(struct lmdb *lmdb, const struct store_commit *commit)
{
    if (lmdb->kept || !ahead_takes(&lmdb->ahead, commit->size))
        return false;
    if (lmdb->log.tree_bytes > lmdb->ahead.size && lmdb->log.oldest < commit->wanted_from)
        return false;
    lmdb_room_measure(&lmdb->room, lmdb->file.env);
    uint64_t most = lmdb->room.free_bytes < lmdb->room.next_bytes ? lmdb->room.free_bytes
                                                                  : lmdb->room.next_bytes;
    return lmdb->ahead.end + commit->size <= most / AHEAD_PART;
}

static enum store_result write_ahead(struct lmdb *lmdb, const struct store_commit *commit)
{
    if (getpid() != lmdb->owner)
        return fail(lmdb, NOT_OWNER, STORE_FAILED);
    int error = ahead_write(&lmdb->ahead, commit->number, commit->bytes, commit->size);
    if (error != 0)
        return fail(lmdb, error, STORE_UNKNOWN);
    ahead_want_from(&lmdb->ahead, commit->wanted_from);
    if (lmdb->log.oldest == 0)
        lmdb->log.oldest = commit->number;
    return STORE_COMMITTED;
}

static enum store_result write_batch(struct lmdb *lmdb, const struct store_commit *commit)
{
    if (lmdb->failed)
        return STORE_FAILED;
    return goes_ahead(lmdb, commit) ? write_ahead(lmdb, commit) : write_tree(lmdb, commit);
}

static void commit(struct store *store, struct store_commit *batch)
{
    struct lmdb *lmdb = lmdb_of(store);
    assert(lmdb->joined == NULL);
    store_end(store, &lmdb->ended, batch, write_batch(lmdb, batch));
}

static void poll(struct store *store)
{
    struct lmdb *lmdb = lmdb_of(store);
    store_tell(&lmdb->ended, lmdb->text);
}

/* ---- handlers that join ---- */

static struct MDB_env *environment(struct store *store)
{
    return lmdb_of(store)->file.env;
}

/* A transaction without content is not held on to: whoever else wants to write would wait for it, on this thread for
 * ever. */
static void drop_empty(struct lmdb *lmdb)
{
    if (lmdb->kept)
        return;
    mdb_txn_abort(lmdb->txn);
    lmdb->txn = NULL;
}

static struct MDB_txn *enter(struct store *store)
{
    struct lmdb *lmdb = lmdb_of(store);
    assert(lmdb->joined == NULL);
    if (lmdb->failed || begin(lmdb) != 0)
        return NULL;
    if (mdb_txn_begin(lmdb->file.env, lmdb->txn, 0, &lmdb->joined) != 0) {
        lmdb->joined = NULL;
        drop_empty(lmdb);
    }
    return lmdb->joined;
}

/* Whether it can still be committed: a write that failed is the end of its transaction, whatever the handler says. */
static bool is_sound(MDB_txn *txn)
{
    const MDB_dbi free_list = 0;
    MDB_stat stat;
    return mdb_stat(txn, free_list, &stat) == 0;
}

static bool leave(struct store *store, bool keep)
{
    struct lmdb *lmdb = lmdb_of(store);
    MDB_txn *joined = lmdb->joined;
    /* To commit what is broken would break the transaction that it is within, with all that others have written. */
    bool whole = keep && is_sound(joined);
    lmdb->joined = NULL;
    bool kept = whole && mdb_txn_commit(joined) == 0;
    if (!whole)
        mdb_txn_abort(joined);
    lmdb->kept |= kept;
    drop_empty(lmdb);
    return kept || !keep;
}

static void forsake(struct store *store)
{
    struct lmdb *lmdb = lmdb_of(store);
    assert(lmdb->joined == NULL);
    if (!lmdb->failed)
        snprintf(lmdb->text, sizeof lmdb->text, "it was given up");
    lmdb->failed = true;
    lmdb->kept = false;
    if (lmdb->txn != NULL)
        drop_empty(lmdb);
}

/* ---- life ---- */

/* All that was written ahead comes to its place. */
static int bring_in(struct lmdb *lmdb)
{
    int error = begin(lmdb);
    return error == 0 ? end(lmdb) : error;
}

/* At rest all is in the tree, where it has two checks.  Should that fail, it is found ahead of it again. */
static void settle(struct lmdb *lmdb)
{
    if (!lmdb->failed && lmdb->ahead.count > 0)
        (void)bring_in(lmdb);
}

static void close_store(struct store *store)
{
    struct lmdb *lmdb = lmdb_of(store);
    assert(lmdb->joined == NULL);
    if (lmdb->txn != NULL)
        mdb_txn_abort(lmdb->txn);
    lmdb->txn = NULL;
    settle(lmdb);
    ahead_fini(&lmdb->ahead);
    lmdb_file_close(&lmdb->file);
    free(lmdb);
}

static const struct store_ops ops = {
    .durable = true,
    .load = load,
    .commit = commit,
    .poll = poll,
    .usage = usage,
    .close = close_store,
    .environment = environment,
    .enter = enter,
    .leave = leave,
    .forsake = forsake,
};

/* StoreSize may have been lowered below what is used: what was promised finds a place all the same. */
static int bring_in_at_any_rate(struct lmdb *lmdb)
{
    MDB_envinfo info;
    int error = bring_in(lmdb);
    if (error != MDB_MAP_FULL)
        return error;
    mdb_env_info(lmdb->file.env, &info);
    error = mdb_env_set_mapsize(lmdb->file.env, info.me_mapsize + AHEAD_PART * lmdb->ahead.size);
    return error == 0 ? bring_in(lmdb) : error;
}

/* What a crash has left ahead of the tree comes to its place before anything else. */
static int recover(struct lmdb *lmdb, const char **ret_wrong)
{
    MDB_txn *txn;
    uint64_t last;
    const uint8_t *area;
    *ret_wrong = NULL;
    if (lmdb->ahead.size == 0)
        return 0;
    int error = mdb_txn_begin(lmdb->file.env, NULL, MDB_RDONLY, &txn);
    if (error != 0)
        return error;
    error = lmdb_pieces_last(txn, lmdb->file.journal, &last);
    if (error == 0)
        error = lmdb_file_area(&lmdb->file, txn, &area);
    if (error == 0)
        *ret_wrong = ahead_find(&lmdb->ahead, area, last);
    mdb_txn_abort(txn);
    if (error == 0 && *ret_wrong == NULL && lmdb->ahead.count > 0)
        error = bring_in_at_any_rate(lmdb);
    return error;
}

static enum semel_code open_ahead(struct lmdb *lmdb, const char *path, struct store_problem *problem)
{
    const char *wrong;
    const struct lmdb_file *file = &lmdb->file;
    uint64_t salt = digest(file->domain.bytes, sizeof file->domain.bytes, file->salt);
    if (!ahead_init(&lmdb->ahead, file->owner.file_fd, file->area_offset, file->area_bytes, salt))
        return store_fail(problem, SEMEL_RESOURCE_EXHAUSTED, "out of memory");
    lmdb_room_measure(&lmdb->room, file->env);
    int error = recover(lmdb, &wrong);
    if (error == 0 && wrong == NULL)
        return SEMEL_OK;
    if (error == 0)
        error = MDB_CORRUPTED;
    else
        wrong = mdb_strerror(error);
    return lmdb_file_refuse(problem, path, error, wrong);
}

enum semel_code lmdb_open(const char *path, const struct store_options *options, struct store **ret_store,
                          struct store_problem *ret_problem)
{
    struct lmdb *lmdb = calloc(1, sizeof *lmdb);
    if (lmdb == NULL)
        return store_fail(ret_problem, SEMEL_RESOURCE_EXHAUSTED, "out of memory");
    lmdb->store.ops = &ops;
    lmdb->owner = getpid();
    enum semel_code code = lmdb_file_open(&lmdb->file, path, options, ret_problem);
    if (code != SEMEL_OK) {
        free(lmdb);
        return code;
    }
    code = open_ahead(lmdb, path, ret_problem);
    if (code != SEMEL_OK) {
        lmdb->failed = true;
        close_store(&lmdb->store);
        return code;
    }
    lmdb->store.domain = lmdb->file.domain;
    if (lmdb->file.is_copy)
        lmdb->store.notice =
            "the store is a copy of another file, which may have gone on since: it begins anew, as "
            "another domain; calls that were under way end UNKNOWN";
    *ret_store = &lmdb->store;
    return SEMEL_OK;
}
