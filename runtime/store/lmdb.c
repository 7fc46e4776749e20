/* The LMDB store: batches in a file that outlives the process.
 *
 * A batch is cut into pieces, under its number and theirs: large ones as long as there is room in a row for them, for
 * these are written in one go; small ones in a file that fills up, of which any two free pages will do, so that it
 * does not become too full of holes for a large batch.  A commit is one transaction: the pieces, a few deletions, and
 * what transactional handlers have written.  LMDB commits before it returns; it is told later all the same.
 *
 * Reads best next: store.h, lmdb_file.h. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/bytes.h"
#include "core/units.h"
#include "store/lmdb_file.h"

enum {
    KEY_SIZE = 12,
    /* Half a page of 4096 bytes, less what LMDB needs around it: larger values take whole pages in a row. */
    PIECE_SMALL = 2016,
    /* Such pages, less what LMDB needs in the first of them. */
    PAGE = 4096,
    PAGE_START = 16,
    PAGES_IN_A_ROW_MAX = 16,
    /* As much of a large piece may stay empty: more would make the file larger than it is worth. */
    EMPTY_PART = 8,
    /* A batch is cut into large pieces while it needs no more than this part of what was never used of the file: there
     * is room in a row then, even if handlers write twice as much into the same transaction. */
    IN_A_ROW_PART = 4,
    /* Batches deleted in one commit: more than one, so that what has gathered goes; few, so that no commit is long. */
    DELETES_A_COMMIT = 8,
    /* Kept free for what must always be possible: DONE, GONE, sessions that come back, compaction. */
    RESERVE_PART = 8,
    /* Pages a commit takes beside those of its batch: it copies what it changes, up to the roots of all trees, and what
     * it gives back for that is the next but one's. */
    COPIED_PAGES = 32,
};

struct lmdb {
    struct store store;
    struct lmdb_file file;
    pid_t owner;     /* the process that opened it */
    MDB_txn *txn;    /* open for the next commit, when a handler has joined it */
    MDB_txn *joined; /* that handler's, within it */
    bool kept;       /* txn holds what a handler has written */
    uint64_t log_bytes;
    struct store_usage room; /* the last three of it */
    uint64_t unused_bytes;   /* at the end of the file; 0: it has nearly reached its size */
    size_t measured;         /* the transaction after which they were so */
    uint64_t oldest;         /* batch; 0: none */
    bool failed;
    char text[STORE_TEXT_MAX]; /* why */
    struct store_ended ended;
    uint8_t *loaded; /* the batch that is being read */
    size_t loaded_capacity;
};

static struct lmdb *lmdb_of(struct store *store)
{
    return container_of(store, struct lmdb, store);
}

static void store_big_endian64(uint8_t *at, uint64_t value)
{
    for (int i = 7; i >= 0; i--, value >>= 8)
        at[i] = (uint8_t)value;
}

static uint64_t load_big_endian(const uint8_t *at, int size)
{
    uint64_t value = 0;
    for (int i = 0; i < size; i++)
        value = value << 8 | at[i];
    return value;
}

/* Big-endian, so that the keys are in order. */
static MDB_val make_key(uint8_t *bytes, uint64_t number, uint32_t piece)
{
    store_big_endian64(bytes, (uint64_t)piece); /* its low half comes to stand behind the number */
    memmove(bytes + 8, bytes + 4, 4);
    store_big_endian64(bytes, number);
    return (MDB_val){KEY_SIZE, bytes};
}

/* ---- how much room there is ---- */

/* What a line of LMDB's list of readers says ("PID THREAD TXN"; "-" in place of TXN: it reads nothing now). */
static int note_reader(const char *line, void *oldest)
{
    size_t txn;
    if (sscanf(line, "%*d %*x %zu", &txn) == 1 && txn < *(size_t *)oldest)
        *(size_t *)oldest = txn;
    return 0;
}

/* The first transaction that somebody may still look at; last_txn: nobody looks at an earlier one.  A process that was
 * killed reads no more, but LMDB waits for it until it is asked to look. */
static size_t oldest_reader(MDB_env *env, size_t last_txn)
{
    size_t oldest = last_txn;
    int dead = 0;
    (void)mdb_reader_list(env, note_reader, &oldest);
    if (oldest == last_txn || mdb_reader_check(env, &dead) != 0 || dead == 0)
        return oldest;
    oldest = last_txn;
    (void)mdb_reader_list(env, note_reader, &oldest);
    return oldest;
}

/* Adds the pages that transactions have given back.  Nothing that one who reads may look at is free before he has
 * ended, be it a backup that takes an hour; what the last transaction gave back is not yet the next one's. */
static void add_free_pages(MDB_env *env, size_t last_txn, uint64_t *pages, uint64_t *next_pages)
{
    const MDB_dbi free_list = 0;
    size_t oldest = oldest_reader(env, last_txn);
    MDB_txn *txn;
    MDB_cursor *cursor;
    MDB_val key;
    MDB_val value;
    if (mdb_txn_begin(env, NULL, MDB_RDONLY, &txn) != 0)
        return;
    if (mdb_cursor_open(txn, free_list, &cursor) == 0) {
        while (mdb_cursor_get(cursor, &key, &value, MDB_NEXT) == 0) {
            size_t given_back_by;
            size_t count;
            memcpy(&given_back_by, key.mv_data, sizeof given_back_by);
            memcpy(&count, value.mv_data, sizeof count);
            *pages += given_back_by < oldest || oldest == last_txn ? count : 0;
            *next_pages += given_back_by < oldest ? count : 0;
        }
        mdb_cursor_close(cursor);
    }
    mdb_txn_abort(txn);
}

/* What a batch overwrites is free two commits later: only half of what is free counts. */
static uint64_t bytes_beyond(uint64_t pages, uint64_t kept, size_t page_size)
{
    return pages > kept ? (pages - kept) * page_size / 2 : 0;
}

/* The free list is counted only once the file has nearly reached its size. */
static void measure(struct lmdb *lmdb)
{
    MDB_envinfo info;
    MDB_stat stat;
    mdb_env_info(lmdb->file.env, &info);
    mdb_env_stat(lmdb->file.env, &stat);
    lmdb->measured = info.me_last_txnid;
    uint64_t total = info.me_mapsize / stat.ms_psize;
    uint64_t pages = total > info.me_last_pgno + 1 ? total - info.me_last_pgno - 1 : 0;
    lmdb->unused_bytes = pages < total / 2 ? 0 : pages * stat.ms_psize;
    uint64_t next_pages = pages;
    if (pages < total / 2)
        add_free_pages(lmdb->file.env, info.me_last_txnid, &pages, &next_pages);
    uint64_t reserve = total / RESERVE_PART;
    lmdb->room.free_bytes = bytes_beyond(pages, reserve, stat.ms_psize);
    lmdb->room.spare_bytes = bytes_beyond(pages, reserve / 2, stat.ms_psize);
    lmdb->room.next_bytes = bytes_beyond(next_pages, COPIED_PAGES, stat.ms_psize);
}

/* The application may have committed something since. */
static struct store_usage usage(struct store *store)
{
    struct lmdb *lmdb = lmdb_of(store);
    MDB_envinfo info;
    mdb_env_info(lmdb->file.env, &info);
    if (info.me_last_txnid != lmdb->measured)
        measure(lmdb);
    struct store_usage usage = lmdb->room;
    usage.log_bytes = lmdb->log_bytes;
    usage.oldest = lmdb->oldest;
    return usage;
}

/* ---- loading ---- */

static const char no_memory[] = "out of memory";

/* Adds a piece to the batch that is being read.  false: no memory. */
static bool gather(struct lmdb *lmdb, size_t *size, const MDB_val *piece)
{
    if (*size + piece->mv_size > lmdb->loaded_capacity) {
        size_t capacity = (*size + piece->mv_size) * 2;
        uint8_t *loaded = realloc(lmdb->loaded, capacity);
        if (loaded == NULL)
            return false;
        lmdb->loaded = loaded;
        lmdb->loaded_capacity = capacity;
    }
    memcpy(lmdb->loaded + *size, piece->mv_data, piece->mv_size);
    *size += piece->mv_size;
    return true;
}

struct loading {
    store_batch_fn *each;
    void *user;
    uint64_t number; /* of the batch that is being read; 0: none */
    uint64_t pieces;
    size_t size;
    bool stopped;
};

static void tell_loaded(struct lmdb *lmdb, struct loading *loading)
{
    if (loading->number != 0 && !loading->stopped)
        loading->stopped = !loading->each(loading->number, lmdb->loaded, loading->size, loading->user);
    loading->size = 0;
    loading->pieces = 0;
}

/* NULL, or what is wrong. */
static const char *take_piece(struct lmdb *lmdb, struct loading *loading, const MDB_val *key,
                              const MDB_val *piece)
{
    if (key->mv_size != KEY_SIZE)
        return "a key of the journal has a wrong size";
    uint64_t number = load_big_endian(key->mv_data, 8);
    if (number == 0)
        return "a batch has no number";
    if (number != loading->number) {
        tell_loaded(lmdb, loading);
        lmdb->oldest = lmdb->oldest == 0 ? number : lmdb->oldest;
        loading->number = number;
    }
    if (load_big_endian((const uint8_t *)key->mv_data + 8, 4) != loading->pieces++)
        return "a piece of a batch is missing";
    lmdb->log_bytes += piece->mv_size;
    return gather(lmdb, &loading->size, piece) ? NULL : no_memory;
}

static bool load(struct store *store, store_batch_fn *each, void *user, struct store_problem *problem)
{
    struct lmdb *lmdb = lmdb_of(store);
    struct loading loading = {.each = each, .user = user};
    MDB_txn *txn;
    MDB_cursor *cursor;
    MDB_val key;
    MDB_val piece;
    const char *wrong = NULL;
    lmdb->log_bytes = lmdb->oldest = 0;
    int error = mdb_txn_begin(lmdb->file.env, NULL, MDB_RDONLY, &txn);
    if (error != 0) {
        store_fail(problem, lmdb_file_code_of(error), "cannot read: %s", mdb_strerror(error));
        return false;
    }
    error = mdb_cursor_open(txn, lmdb->file.journal, &cursor);
    if (error == 0) {
        while (wrong == NULL && !loading.stopped &&
               (error = mdb_cursor_get(cursor, &key, &piece, MDB_NEXT)) == 0)
            wrong = take_piece(lmdb, &loading, &key, &piece);
        mdb_cursor_close(cursor);
    }
    if (wrong == NULL && error == MDB_NOTFOUND)
        tell_loaded(lmdb, &loading);
    else if (wrong == NULL && !loading.stopped)
        wrong = mdb_strerror(error);
    mdb_txn_abort(txn);
    free(lmdb->loaded);
    lmdb->loaded = NULL;
    lmdb->loaded_capacity = 0;
    if (wrong == NULL)
        return true;
    store_fail(problem, wrong == no_memory ? SEMEL_RESOURCE_EXHAUSTED : SEMEL_DATA_LOSS, "%s", wrong);
    return false;
}

/* ---- committing ---- */

/* How much of what is left the next piece takes.  A large one has its pages for itself: all of it may go into one that
 * leaves little of its last page empty; else as much as fills pages, and the rest in small ones, which share theirs. */
static size_t piece_size(size_t left, bool in_a_row)
{
    const size_t most = PAGES_IN_A_ROW_MAX * PAGE - PAGE_START;
    size_t filled = (left + PAGE_START) / PAGE * PAGE;
    if (!in_a_row || filled == 0)
        return left < PIECE_SMALL ? left : PIECE_SMALL;
    if (left > most)
        return most;
    size_t empty = (filled + PAGE - PAGE_START - left) % PAGE;
    return empty <= left / EMPTY_PART ? left : filled - PAGE_START;
}

static int put_batch(struct lmdb *lmdb, const struct store_commit *commit)
{
    uint8_t bytes[KEY_SIZE];
    uint32_t piece = 0;
    size_t size;
    bool in_a_row = commit->size <= lmdb->unused_bytes / IN_A_ROW_PART;
    for (size_t at = 0; at < commit->size; at += size, piece++) {
        size = piece_size(commit->size - at, in_a_row);
        MDB_val key = make_key(bytes, commit->number, piece);
        MDB_val value = {size, (void *)(commit->bytes + at)};
        int error = mdb_put(lmdb->txn, lmdb->file.journal, &key, &value, MDB_APPEND);
        if (error != 0)
            return error;
        lmdb->log_bytes += size;
    }
    if (lmdb->oldest == 0)
        lmdb->oldest = commit->number;
    return 0;
}

/* Deletes from the oldest on; the newest batch always stays, for it knows the last connection number. */
static int delete_batches(struct lmdb *lmdb, const struct store_commit *commit)
{
    uint64_t stop = lmdb->oldest + DELETES_A_COMMIT;
    if (stop > commit->wanted_from)
        stop = commit->wanted_from;
    if (stop > commit->number)
        stop = commit->number;
    if (lmdb->oldest >= stop)
        return 0;
    uint8_t bytes[KEY_SIZE];
    MDB_cursor *cursor;
    MDB_val key = make_key(bytes, lmdb->oldest, 0);
    MDB_val piece;
    int error = mdb_cursor_open(lmdb->txn, lmdb->file.journal, &cursor);
    if (error != 0)
        return error;
    error = mdb_cursor_get(cursor, &key, &piece, MDB_SET_RANGE);
    while (error == 0 && load_big_endian(key.mv_data, 8) < stop) {
        lmdb->log_bytes -= piece.mv_size;
        error = mdb_cursor_del(cursor, 0);
        if (error == 0)
            error = mdb_cursor_get(cursor, &key, &piece, MDB_NEXT); /* the one behind the deleted */
    }
    mdb_cursor_close(cursor);
    lmdb->oldest = stop;
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

/* A process that was forked commits nothing: its parent goes on with the very same numbers. */
static int begin(struct lmdb *lmdb)
{
    if (getpid() != lmdb->owner)
        return NOT_OWNER;
    return lmdb->txn != NULL ? 0 : mdb_txn_begin(lmdb->file.env, NULL, 0, &lmdb->txn);
}

static enum store_result write_batch(struct lmdb *lmdb, const struct store_commit *commit)
{
    if (lmdb->failed)
        return STORE_FAILED;
    int error = begin(lmdb);
    if (error != 0)
        return fail(lmdb, error, STORE_FAILED);
    error = put_batch(lmdb, commit);
    if (error == 0)
        error = delete_batches(lmdb, commit);
    MDB_txn *txn = lmdb->txn;
    lmdb->txn = NULL;
    lmdb->kept = false;
    if (error != 0) {
        mdb_txn_abort(txn);
        return fail(lmdb, error, STORE_FAILED);
    }
    /* Where a commit fails, it may have come as far as to be found by the next who opens the file. */
    error = mdb_txn_commit(txn);
    if (error != 0)
        return fail(lmdb, error, STORE_UNKNOWN);
    measure(lmdb);
    return STORE_COMMITTED;
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

static void close_store(struct store *store)
{
    struct lmdb *lmdb = lmdb_of(store);
    assert(lmdb->joined == NULL);
    if (lmdb->txn != NULL)
        mdb_txn_abort(lmdb->txn);
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
    lmdb->store.domain = lmdb->file.domain;
    if (lmdb->file.is_copy)
        lmdb->store.notice =
            "the store is a copy of another file, which may have gone on since: it begins anew, as "
            "another domain; calls that were under way end UNKNOWN";
    measure(lmdb);
    *ret_store = &lmdb->store;
    return SEMEL_OK;
}
