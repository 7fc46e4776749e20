/* Whatever LMDB itself leaves behind is fine, after a crash too.
 *
 * Reads best next: runtime/store/lmdb_check.h, damage_test.c. */
#include "image.h"
#include "stores.h"

#include <fcntl.h>
#include <lmdb.h>
#include <unistd.h>

#include "store/lmdb_check.h"

enum { DATABASES = 7 };

static char path[280];
static char spec[300];

static void prepare(void)
{
    stores_prepare();
    snprintf(path, sizeof path, "%s", stores_path("requests"));
    snprintf(spec, sizeof spec, "lmdb:%s", path);
}

TestSuite(check, .timeout = 120, .init = prepare, .fini = stores_clean);

/* ---- whatever LMDB writes is fine ---- */

static const unsigned kinds[DATABASES] = {0,
                                          MDB_DUPSORT,
                                          MDB_DUPSORT | MDB_DUPFIXED,
                                          MDB_DUPSORT | MDB_DUPFIXED | MDB_INTEGERDUP,
                                          MDB_INTEGERKEY,
                                          MDB_REVERSEKEY | MDB_DUPSORT | MDB_REVERSEDUP,
                                          MDB_INTEGERKEY | MDB_DUPSORT | MDB_INTEGERDUP};

static uint64_t chance(uint64_t end)
{
    static uint64_t state = 0x9e3779b97f4a7c15;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state % end;
}

static MDB_val some_key(unsigned flags, uint8_t *room)
{
    uint64_t number = chance(200);
    size_t size = (flags & MDB_INTEGERKEY) != 0 ? 8 : 8 + number * 2;
    memset(room, 'k', size);
    memcpy(room, &number, sizeof number);
    return (MDB_val){size, room};
}

static MDB_val some_value(unsigned flags, uint8_t *room)
{
    uint64_t number = chance(900);
    size_t size = 8;
    if ((flags & MDB_DUPSORT) == 0)
        size = chance(20) == 0 ? chance(30000) : chance(300);
    else if ((flags & MDB_INTEGERDUP) == 0)
        size = (flags & MDB_DUPFIXED) != 0 ? 13 : 8 + number % 400;
    memset(room, 'v', size);
    memcpy(room, &number, sizeof number);
    return (MDB_val){size, room};
}

static void put_or_delete(MDB_txn *txn, const MDB_dbi *databases, unsigned puts_of_100)
{
    static uint8_t key_room[512], value_room[30000];
    uint64_t which = chance(DATABASES);
    MDB_val key = some_key(kinds[which], key_room);
    MDB_val value = some_value(kinds[which], value_room);
    int error = MDB_NOTFOUND;
    if (chance(100) < puts_of_100)
        error = mdb_put(txn, databases[which], &key, &value, 0);
    else if (chance(200) == 0)
        error = mdb_drop(txn, databases[which], 0);
    else
        error = mdb_del(txn, databases[which], &key, chance(2) == 0 ? &value : NULL);
    cr_assert(error == 0 || error == MDB_NOTFOUND, "%s", mdb_strerror(error));
}

static void expect_fine(const char *which)
{
    struct store_problem problem = {.text = ""};
    int fd = open(which, O_RDONLY | O_CLOEXEC);
    cr_assert_geq(fd, 0);
    cr_assert_eq(lmdb_check(fd, which, &problem), SEMEL_OK, "%s", problem.text);
    close(fd);
}

static void work(MDB_env *env, const MDB_dbi *databases)
{
    MDB_txn *txn, *within;
    cr_assert_eq(mdb_txn_begin(env, NULL, 0, &txn), 0);
    unsigned puts = (unsigned)(20 + chance(70));
    for (uint64_t i = chance(100); i > 0; i--)
        put_or_delete(txn, databases, puts);
    cr_assert_eq(mdb_txn_begin(env, txn, 0, &within), 0);
    for (uint64_t i = chance(10); i > 0; i--)
        put_or_delete(within, databases, puts);
    if (chance(2) == 0)
        mdb_txn_abort(within);
    else
        cr_assert_eq(mdb_txn_commit(within), 0);
    cr_assert_eq(mdb_txn_commit(txn), 0);
}

static void open_all(MDB_env *env, MDB_dbi *databases)
{
    MDB_txn *txn;
    cr_assert_eq(mdb_txn_begin(env, NULL, 0, &txn), 0);
    for (unsigned i = 0; i < DATABASES; i++) {
        char name[] = {(char)('a' + i), '\0'};
        cr_assert_eq(mdb_dbi_open(txn, name, MDB_CREATE | kinds[i], &databases[i]), 0);
    }
    cr_assert_eq(mdb_txn_commit(txn), 0);
}

/* Hundreds of transactions, and a reader that keeps pages from being used again for a while. */
Test(check, accepts_whatever_lmdb_leaves_behind)
{
    MDB_env *env;
    MDB_dbi databases[DATABASES];
    MDB_txn *reader = NULL;
    char copy[300];
    snprintf(copy, sizeof copy, "%s", stores_path("copy"));
    cr_assert_eq(mdb_env_create(&env), 0);
    cr_assert_eq(mdb_env_set_maxdbs(env, DATABASES), 0);
    cr_assert_eq(mdb_env_set_mapsize(env, 256 << 20), 0);
    cr_assert_eq(mdb_env_open(env, path, MDB_NOSUBDIR | MDB_NOTLS | MDB_NOSYNC, 0600), 0);
    expect_fine(path);
    open_all(env, databases);
    for (unsigned i = 0; i < 300; i++) {
        work(env, databases);
        expect_fine(path);
        if (i % 100 == 20)
            cr_assert_eq(mdb_txn_begin(env, NULL, MDB_RDONLY, &reader), 0);
        if (i % 100 == 60)
            mdb_txn_abort(reader);
        if (i % 50 != 0)
            continue;
        cr_assert_eq(mdb_env_copy2(env, copy, i % 100 == 0 ? MDB_CP_COMPACT : 0), 0);
        expect_fine(copy);
        cr_assert_eq(unlink(copy), 0);
    }
    mdb_env_close(env);
}

/* ---- what looks like damage, and is none ---- */

static void expect_usable(void)
{
    image_write(path);
    expect_fine(path);
    struct store *store = stores_open(spec);
    cr_assert_eq(stores_commit(store, 21, "abc", 3, 1), STORE_COMMITTED);
    store->ops->close(store);
    expect_fine(path);
}

/* A crash while a head was written: what came before its last number may be there already. */
Test(check, accepts_a_head_that_was_not_finished)
{
    image_make(path);
    struct lmdb_head older = image_head(!image_newer());
    older.main.root = older.free.root = 5000;
    older.last_page = SIZE_MAX;
    image_set_head(!image_newer(), &older);
    expect_usable();
}

/* A disk that was full took a part of a page. */
Test(check, accepts_an_end_within_a_page)
{
    image_make(path);
    memset(image + image_size, 'x', 1000);
    image_size += 1000;
    expect_usable();
}

/* LMDB 0.9.24 does, when a cursor goes on after it has deleted one of many values. */
Test(check, accepts_entries_of_handlers_that_lmdb_miscounted)
{
    image_make(path);
    struct lmdb_tree tree = image_tree("handler");
    tree.entries += 3;
    image_set_tree("handler", tree);
    expect_usable();
}

/* Pages that were free again before their commit are never written. */
Test(check, accepts_an_end_before_pages_that_are_free)
{
    image_make(path);
    struct lmdb_head head = image_head_now();
    size_t beyond = ++head.last_page;
    uint8_t *list = image_free_list();
    size_t count;
    memcpy(&count, list, sizeof count);
    cr_assert_gt(count, 0);
    memcpy(list + 8, &beyond, sizeof beyond); /* the highest one stands first */
    image_set_head(image_newer(), &head);
    expect_usable();
}

Test(check, accepts_a_file_that_is_empty)
{
    image_write(path);
    expect_fine(path);
    struct store *store = stores_open(spec);
    store->ops->close(store);
    expect_fine(path);
}

/* Whatever a crash, or anybody, left in LMDB's lock file: it is made anew when nobody has it open. */
Test(check, needs_no_lock_file)
{
    char lock[300];
    image_make(path);
    snprintf(lock, sizeof lock, "%s-lock", path);
    FILE *garbage = fopen(lock, "wb");
    cr_assert_eq(fwrite(image, 1, 100, garbage), 100);
    fclose(garbage);
    expect_usable();
}
