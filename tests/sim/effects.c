/* Counters in LMDB.
 *
 * Reads best next: effects.h. */
#include "effects.h"

#include <assert.h>
#include <string.h>

/* Of LMDB, where nothing may fail. */
static void check(int error)
{
    assert(error == 0);
    (void)error;
}

static void put_ballast(MDB_txn *txn, uint32_t size)
{
    MDB_dbi ballast;
    MDB_val key = {1, (void *)"b"};
    MDB_val value = {size, NULL};
    check(mdb_dbi_open(txn, "ballast", MDB_CREATE, &ballast));
    int error = mdb_put(txn, ballast, &key, &value, MDB_NOOVERWRITE | MDB_RESERVE);
    assert(error == 0 || error == MDB_KEYEXIST);
    if (error == 0)
        memset(value.mv_data, 0, value.mv_size);
}

void effects_open(struct effects *effects, MDB_env *env, uint32_t ballast_bytes)
{
    MDB_txn *txn;
    effects->env = env;
    check(mdb_txn_begin(env, NULL, 0, &txn));
    check(mdb_dbi_open(txn, "counts", MDB_CREATE, &effects->counts));
    if (ballast_bytes > 0)
        put_ballast(txn, ballast_bytes);
    check(mdb_txn_commit(txn));
}

void effects_make_room(const struct effects *effects)
{
    MDB_txn *txn;
    MDB_dbi ballast;
    check(mdb_txn_begin(effects->env, NULL, 0, &txn));
    check(mdb_dbi_open(txn, "ballast", MDB_CREATE, &ballast));
    check(mdb_drop(txn, ballast, 0));
    check(mdb_txn_commit(txn));
}

bool effects_add(const struct effects *effects, MDB_txn *txn, const struct op *op)
{
    uint64_t id = op->id;
    uint32_t count = 0;
    MDB_val key = {sizeof id, &id};
    MDB_val value;
    if (mdb_get(txn, effects->counts, &key, &value) == 0)
        memcpy(&count, value.mv_data, sizeof count);
    count++;
    value = (MDB_val){sizeof count, &count};
    int error = mdb_put(txn, effects->counts, &key, &value, 0);
    assert(error == 0 || error == MDB_MAP_FULL);
    return error == 0;
}

void effects_count(const struct effects *effects)
{
    MDB_txn *txn;
    MDB_cursor *cursor;
    MDB_val key;
    MDB_val value;
    check(mdb_txn_begin(effects->env, NULL, MDB_RDONLY, &txn));
    check(mdb_cursor_open(txn, effects->counts, &cursor));
    while (mdb_cursor_get(cursor, &key, &value, MDB_NEXT) == 0) {
        uint64_t id;
        uint32_t count;
        memcpy(&id, key.mv_data, sizeof id);
        memcpy(&count, value.mv_data, sizeof count);
        history_op(id)->effects += count;
    }
    mdb_cursor_close(cursor);
    mdb_txn_abort(txn);
}
