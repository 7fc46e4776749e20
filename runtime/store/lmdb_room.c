/* Measuring an LMDB file.
 *
 * Reads best next: lmdb_room.h. */
#include "store/lmdb_room.h"

#include <stdio.h>
#include <string.h>

enum {
    /* Kept free for what must always be possible: DONE, GONE, sessions that come back, compaction. */
    RESERVE_PART = 8,
    /* Pages a commit takes beside those of its batch: it copies what it changes, up to the roots of all trees, and what
     * it gives back for that is the next but one's. */
    COPIED_PAGES = 32,
};

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
            /* They are in order: a backup of an hour leaves thousands of no use behind it. */
            if (given_back_by >= oldest && oldest != last_txn)
                break;
            *pages += count;
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

/* The free list is counted only once half of the file has been used. */
static void measure(struct lmdb_room *room, MDB_env *env, const MDB_envinfo *info)
{
    MDB_stat stat;
    mdb_env_stat(env, &stat);
    uint64_t total = info->me_mapsize / stat.ms_psize;
    uint64_t pages = total > info->me_last_pgno + 1 ? total - info->me_last_pgno - 1 : 0;
    room->unused_bytes = pages < total / 2 ? 0 : pages * stat.ms_psize;
    uint64_t next_pages = pages;
    if (pages < total / 2)
        add_free_pages(env, info->me_last_txnid, &pages, &next_pages);
    uint64_t reserve = total / RESERVE_PART;
    room->free_bytes = bytes_beyond(pages, reserve, stat.ms_psize);
    room->spare_bytes = bytes_beyond(pages, reserve / 2, stat.ms_psize);
    room->next_bytes = bytes_beyond(next_pages, COPIED_PAGES, stat.ms_psize);
}

void lmdb_room_measure(struct lmdb_room *room, MDB_env *env)
{
    MDB_envinfo info;
    mdb_env_info(env, &info);
    if (room->measured == info.me_last_txnid)
        return;
    room->measured = info.me_last_txnid;
    measure(room, env, &info);
}
