/* Pieces: cutting, finding, putting together.
 *
 * Reads best next: lmdb_pieces.h. */
#include "store/lmdb_pieces.h"

#include <stdlib.h>
#include <string.h>

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
};

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

/* ---- writing ---- */

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

int lmdb_pieces_put(MDB_txn *txn, MDB_dbi journal, uint64_t number, const uint8_t *bytes, size_t size,
                    bool in_a_row)
{
    uint8_t key_bytes[KEY_SIZE];
    uint32_t piece = 0;
    size_t taken;
    for (size_t at = 0; at < size; at += taken, piece++) {
        taken = piece_size(size - at, in_a_row);
        MDB_val key = make_key(key_bytes, number, piece);
        MDB_val value = {taken, (void *)(bytes + at)};
        int error = mdb_put(txn, journal, &key, &value, MDB_APPEND);
        if (error != 0)
            return error;
    }
    return 0;
}

int lmdb_pieces_delete(MDB_txn *txn, MDB_dbi journal, uint64_t from, uint64_t stop, uint64_t *bytes)
{
    uint8_t key_bytes[KEY_SIZE];
    MDB_cursor *cursor;
    MDB_val key = make_key(key_bytes, from, 0);
    MDB_val piece;
    int error = mdb_cursor_open(txn, journal, &cursor);
    if (error != 0)
        return error;
    error = mdb_cursor_get(cursor, &key, &piece, MDB_SET_RANGE);
    while (error == 0 && load_big_endian(key.mv_data, 8) < stop) {
        *bytes -= piece.mv_size;
        error = mdb_cursor_del(cursor, 0);
        if (error == 0)
            error = mdb_cursor_get(cursor, &key, &piece, MDB_NEXT); /* the one behind the deleted */
    }
    mdb_cursor_close(cursor);
    return error == MDB_NOTFOUND ? 0 : error; /* all were older */
}

/* ---- reading ---- */

int lmdb_pieces_last(MDB_txn *txn, MDB_dbi journal, uint64_t *ret_last)
{
    MDB_cursor *cursor;
    MDB_val key;
    MDB_val piece;
    *ret_last = 0;
    int error = mdb_cursor_open(txn, journal, &cursor);
    if (error != 0)
        return error;
    error = mdb_cursor_get(cursor, &key, &piece, MDB_LAST);
    if (error == 0 && key.mv_size == KEY_SIZE)
        *ret_last = load_big_endian(key.mv_data, 8);
    else if (error == 0)
        error = MDB_CORRUPTED;
    mdb_cursor_close(cursor);
    return error == MDB_NOTFOUND ? 0 : error;
}

static const char no_memory[] = "out of memory";

struct loading {
    store_batch_fn *each;
    void *user;
    struct lmdb_log *log;
    uint64_t number; /* of the batch that is being read; 0: none */
    uint64_t pieces;
    uint8_t *bytes; /* that batch */
    size_t size;
    size_t capacity;
    bool stopped;
};

/* Adds a piece to the batch that is being read.  false: no memory. */
static bool gather(struct loading *loading, const MDB_val *piece)
{
    size_t size = loading->size + piece->mv_size;
    if (size > loading->capacity) {
        uint8_t *bytes = realloc(loading->bytes, size * 2);
        if (bytes == NULL)
            return false;
        loading->bytes = bytes;
        loading->capacity = size * 2;
    }
    memcpy(loading->bytes + loading->size, piece->mv_data, piece->mv_size);
    loading->size = size;
    return true;
}

static void tell_loaded(struct loading *loading)
{
    if (loading->number != 0 && !loading->stopped)
        loading->stopped = !loading->each(loading->number, loading->bytes, loading->size, loading->user);
    loading->size = 0;
    loading->pieces = 0;
}

/* NULL, or what is wrong. */
static const char *take_piece(struct loading *loading, const MDB_val *key, const MDB_val *piece)
{
    if (key->mv_size != KEY_SIZE)
        return "a key of the journal has a wrong size";
    uint64_t number = load_big_endian(key->mv_data, 8);
    if (number == 0)
        return "a batch has no number";
    if (number != loading->number) {
        tell_loaded(loading);
        loading->log->oldest = loading->log->oldest == 0 ? number : loading->log->oldest;
        loading->number = number;
    }
    if (load_big_endian((const uint8_t *)key->mv_data + 8, 4) != loading->pieces++)
        return "a piece of a batch is missing";
    loading->log->tree_bytes += piece->mv_size;
    return gather(loading, piece) ? NULL : no_memory;
}

/* NULL, or what is wrong. */
static const char *load_all(MDB_txn *txn, MDB_dbi journal, struct loading *loading)
{
    MDB_cursor *cursor;
    MDB_val key;
    MDB_val piece;
    const char *wrong = NULL;
    int error = mdb_cursor_open(txn, journal, &cursor);
    if (error != 0)
        return mdb_strerror(error);
    while (wrong == NULL && !loading->stopped && (error = mdb_cursor_get(cursor, &key, &piece, MDB_NEXT)) == 0)
        wrong = take_piece(loading, &key, &piece);
    mdb_cursor_close(cursor);
    if (wrong == NULL && error == MDB_NOTFOUND)
        tell_loaded(loading);
    else if (wrong == NULL && !loading->stopped)
        wrong = mdb_strerror(error);
    return wrong;
}

bool lmdb_pieces_load(const struct lmdb_file *file, store_batch_fn *each, void *user, struct lmdb_log *ret_log,
                      struct store_problem *problem)
{
    struct loading loading = {.each = each, .user = user, .log = ret_log};
    MDB_txn *txn;
    *ret_log = (struct lmdb_log){0};
    int error = mdb_txn_begin(file->env, NULL, MDB_RDONLY, &txn);
    if (error != 0) {
        store_fail(problem, lmdb_file_code_of(error), "cannot read: %s", mdb_strerror(error));
        return false;
    }
    const char *wrong = load_all(txn, file->journal, &loading);
    mdb_txn_abort(txn);
    free(loading.bytes);
    if (wrong == NULL)
        return true;
    store_fail(problem, wrong == no_memory ? SEMEL_RESOURCE_EXHAUSTED : SEMEL_DATA_LOSS, "%s", wrong);
    return false;
}
