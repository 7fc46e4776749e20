/* The LMDB store where there is no room, on the disk or in the file, and handlers that join its transactions.
 *
 * Reads best next: runtime/store/lmdb.c. */
#include "requests.h"

#include <lmdb.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

TestSuite(lmdb_room, .timeout = 60, .init = requests_prepare, .fini = stores_clean);

/* ---- a disk that is full ---- */

/* A limit of the file's size stands for it: LMDB's own write fails, in the middle of a commit. */
static void limit_file(rlim_t bytes)
{
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit limit;
    cr_assert_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void fail_in_the_middle(void)
{
    struct store *store = stores_open(spec);
    load_count(store);
    uint8_t *bytes = calloc(1, 1 << 20);
    for (uint64_t number = 1; number <= 3; number++)
        cr_assert_eq(stores_commit(store, number, "abc", 3, 1), STORE_COMMITTED);
    limit_file(256 << 10);
    cr_assert_neq(stores_commit(store, 4, bytes, 1 << 20, 1), STORE_COMMITTED);
    limit_file(RLIM_INFINITY);
    cr_assert_eq(stores_commit(store, 5, "abc", 3, 1), STORE_FAILED,
                 "what comes later must not be there alone");
    free(bytes);
    store->ops->close(store);
}

Test(lmdb_room, a_commit_that_fails_is_the_last)
{
    fail_in_the_middle();
    struct store *store = stores_open(spec);
    cr_assert_eq(load_count(store), 3);
    cr_assert_eq(stores_commit(store, 4, "abc", 3, 1), STORE_COMMITTED, "after a restart it goes on");
    store->ops->close(store);
}

/* A backup that takes its time: what is deleted meanwhile stays until it has ended, and is not said to be free. */
Test(lmdb_room, what_somebody_still_reads_is_not_free)
{
    struct store *store = stores_open(spec);
    MDB_txn *reader;
    uint8_t *bytes = calloc(1, 1 << 20);
    uint64_t number = 1;
    load_count(store);
    cr_assert_eq(stores_commit(store, number, "abc", 3, 1), STORE_COMMITTED);
    cr_assert_eq(mdb_txn_begin(store->ops->environment(store), NULL, MDB_RDONLY, &reader), 0);
    while (store->ops->usage(store).free_bytes > 0) {
        uint64_t room = store->ops->usage(store).free_bytes;
        number++;
        cr_assert_lt(number, 200, "each batch replaces the one before it, and none is free");
        cr_assert_eq(stores_commit(store, number, bytes, room < 300000 ? room : 300000, number),
                     STORE_COMMITTED);
    }
    for (int i = 0; i < 32; i++, number++)
        cr_assert_eq(stores_commit(store, number + 1, bytes, 1000, number), STORE_COMMITTED,
                     "what ends fits still");
    mdb_txn_abort(reader);
    for (int i = 0; i < 2; i++, number++)
        cr_assert_eq(stores_commit(store, number + 1, bytes, 1000, number), STORE_COMMITTED);
    cr_assert_gt(store->ops->usage(store).free_bytes, STORES_SIZE / 4);
    free(bytes);
    store->ops->close(store);
}

/* As mdb_copy does, which is killed then.  Returns when it reads. */
static pid_t read_elsewhere(void)
{
    int ready[2];
    char byte;
    cr_assert_eq(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        MDB_env *env;
        MDB_txn *txn;
        bool reads = mdb_env_create(&env) == 0 &&
                     mdb_env_open(env, path, MDB_NOSUBDIR | MDB_RDONLY, 0600) == 0 &&
                     mdb_txn_begin(env, NULL, MDB_RDONLY, &txn) == 0;
        (void)!write(ready[1], reads ? "r" : "x", 1);
        for (;;)
            pause();
    }
    cr_assert_eq(read(ready[0], &byte, 1), 1);
    cr_assert_eq(byte, 'r');
    close(ready[0]);
    close(ready[1]);
    return child;
}

Test(lmdb_room, what_one_who_was_killed_has_read_is_free_again)
{
    struct store *store = stores_open(spec);
    uint8_t *bytes = calloc(1, 1 << 20);
    uint64_t number = 1;
    load_count(store);
    cr_assert_eq(stores_commit(store, number, "abc", 3, 1), STORE_COMMITTED);
    pid_t reader = read_elsewhere();
    for (int i = 0; i < 16; i++, number++)
        cr_assert_eq(stores_commit(store, number + 1, bytes, 200000, number), STORE_COMMITTED);
    uint64_t pinned = store->ops->usage(store).free_bytes;
    cr_assert_lt(pinned, STORES_SIZE / 4);
    cr_assert_eq(kill(reader, SIGKILL), 0);
    cr_assert_eq(waitpid(reader, NULL, 0), reader);
    for (int i = 0; i < 64; i++, number++)
        cr_assert_eq(stores_commit(store, number + 1, bytes, 200000, number), STORE_COMMITTED);
    cr_assert_gt(store->ops->usage(store).free_bytes, pinned + STORES_SIZE / 8);
    free(bytes);
    store->ops->close(store);
}

/* What the last commit gave back is the next but one's. */
Test(lmdb_room, knows_what_the_next_batch_can_have)
{
    struct store *store = stores_open(spec);
    uint8_t *bytes = calloc(1, STORES_SIZE);
    load_count(store);
    cr_assert_eq(stores_commit(store, 1, bytes, STORES_SIZE / 16 * 13, 1), STORE_COMMITTED);
    cr_assert_eq(stores_commit(store, 2, "abc", 3, 2), STORE_COMMITTED);
    struct store_usage usage = store->ops->usage(store);
    cr_assert_gt(usage.free_bytes, STORES_SIZE / 4);
    cr_assert_lt(usage.next_bytes, STORES_SIZE / 8);
    cr_assert_eq(stores_commit(store, 3, bytes, usage.next_bytes, 2), STORE_COMMITTED, "so much fits");
    usage = store->ops->usage(store);
    cr_assert_gt(usage.next_bytes, STORES_SIZE / 4);
    cr_assert_geq(usage.spare_bytes, usage.free_bytes);
    free(bytes);
    store->ops->close(store);
}

/* ---- pieces ---- */

/* Of what the journal holds: pages that belong to one piece, and pieces. */
static MDB_stat journal_stat(struct store *store)
{
    MDB_txn *txn;
    MDB_dbi dbi;
    MDB_stat stat;
    cr_assert_eq(mdb_txn_begin(store->ops->environment(store), NULL, MDB_RDONLY, &txn), 0);
    cr_assert_eq(mdb_dbi_open(txn, "semel.journal", 0, &dbi), 0);
    cr_assert_eq(mdb_stat(txn, dbi, &stat), 0);
    mdb_txn_abort(txn);
    return stat;
}

Test(lmdb_room, pieces_are_large_until_the_file_fills_up)
{
    static uint8_t bytes[100000];
    struct store *store = stores_open(spec);
    uint64_t number = 1;
    load_count(store);
    cr_assert_eq(stores_commit(store, number++, bytes, sizeof bytes, 1), STORE_COMMITTED);
    cr_assert_eq(journal_stat(store).ms_entries, 2);
    cr_assert_eq(journal_stat(store).ms_overflow_pages, 16 + 9);
    cr_assert_eq(stores_commit(store, number++, bytes, 7 * 4096 + 4, 1), STORE_COMMITTED);
    cr_assert_eq(journal_stat(store).ms_entries, 4, "an eighth page would be empty");
    cr_assert_eq(journal_stat(store).ms_overflow_pages, 16 + 9 + 7);
    while (store->ops->usage(store).log_bytes < STORES_SIZE / 2)
        cr_assert_eq(stores_commit(store, number++, bytes, sizeof bytes, 1), STORE_COMMITTED);
    MDB_stat before = journal_stat(store);
    cr_assert_eq(stores_commit(store, number++, bytes, sizeof bytes, 1), STORE_COMMITTED);
    cr_assert_eq(journal_stat(store).ms_overflow_pages, before.ms_overflow_pages, "any two pages will do");
    cr_assert_eq(journal_stat(store).ms_entries, before.ms_entries + 50);
    store->ops->close(store);
}

/* ---- handlers that join ---- */

static void put_in(struct store *store, MDB_dbi dbi, const char *word, bool keep)
{
    MDB_txn *txn = store->ops->enter(store);
    MDB_val value = {strlen(word), (void *)word};
    cr_assert_not_null(txn);
    cr_assert_eq(mdb_put(txn, dbi, &value, &value, 0), 0);
    cr_assert(store->ops->leave(store, keep));
}

static int count_own(struct store *store, MDB_dbi dbi)
{
    MDB_txn *txn;
    MDB_stat stat;
    cr_assert_eq(mdb_txn_begin(store->ops->environment(store), NULL, MDB_RDONLY, &txn), 0);
    cr_assert_eq(mdb_stat(txn, dbi, &stat), 0);
    mdb_txn_abort(txn);
    return (int)stat.ms_entries;
}

Test(lmdb_room, what_handlers_keep_is_committed_with_the_batch)
{
    struct store *store = stores_open(spec);
    load_count(store);
    MDB_dbi own = stores_open_own(store);
    put_in(store, own, "alice", true);
    put_in(store, own, "bob", false);
    put_in(store, own, "carol", true);
    cr_assert_eq(count_own(store, own), 0, "not yet");
    cr_assert_eq(stores_commit(store, 1, "abc", 3, 1), STORE_COMMITTED);
    cr_assert_eq(count_own(store, own), 2);
    put_in(store, own, "dave", true);
    store->ops->close(store); /* as a crash would: without the commit */
    store = stores_open(spec);
    cr_assert_eq(load_count(store), 1);
    own = stores_open_own(store);
    cr_assert_eq(count_own(store, own), 2);
    store->ops->close(store);
}

/* Whoever else wants to write on this thread would wait for an open transaction for ever. */
Test(lmdb_room, a_handler_that_is_undone_alone_leaves_no_transaction_open)
{
    struct store *store = stores_open(spec);
    MDB_txn *txn;
    load_count(store);
    MDB_dbi own = stores_open_own(store);
    put_in(store, own, "alice", false);
    cr_assert_eq(mdb_txn_begin(store->ops->environment(store), NULL, 0, &txn), 0);
    mdb_txn_abort(txn);
    put_in(store, own, "bob", true);
    cr_assert_eq(stores_commit(store, 1, "abc", 3, 1), STORE_COMMITTED);
    cr_assert_eq(count_own(store, own), 1);
    store->ops->close(store);
}

Test(lmdb_room, what_is_forsaken_is_undone_at_once_and_is_the_end)
{
    struct store *store = stores_open(spec);
    MDB_txn *txn;
    load_count(store);
    MDB_dbi own = stores_open_own(store);
    put_in(store, own, "alice", true);
    store->ops->forsake(store);
    cr_assert_eq(mdb_txn_begin(store->ops->environment(store), NULL, 0, &txn), 0);
    mdb_txn_abort(txn);
    cr_assert_eq(count_own(store, own), 0);
    cr_assert_null(store->ops->enter(store));
    cr_assert_eq(stores_commit(store, 1, "abc", 3, 1), STORE_FAILED);
    store->ops->close(store);
}

/* One that found no room, and did not look at what it was told: LMDB allows nothing more in its transaction. */
static void break_in(struct store *store, MDB_dbi dbi)
{
    MDB_val key = {1, (void *)"x"};
    MDB_val value = {.mv_size = STORES_SIZE};
    MDB_txn *txn = store->ops->enter(store);
    cr_assert_not_null(txn);
    cr_assert_eq(mdb_put(txn, dbi, &key, &value, MDB_RESERVE), MDB_MAP_FULL);
    cr_assert_not(store->ops->leave(store, true), "it can not be kept");
}

Test(lmdb_room, a_handler_that_broke_its_transaction_takes_no_other_along)
{
    struct store *store = stores_open(spec);
    load_count(store);
    MDB_dbi own = stores_open_own(store);
    put_in(store, own, "alice", true);
    break_in(store, own);
    put_in(store, own, "bob", true);
    cr_assert_eq(stores_commit(store, 1, "abc", 3, 1), STORE_COMMITTED);
    cr_assert_eq(count_own(store, own), 2);
    break_in(store, own); /* alone in its batch */
    put_in(store, own, "carol", true);
    cr_assert_eq(stores_commit(store, 2, "abc", 3, 1), STORE_COMMITTED);
    cr_assert_eq(count_own(store, own), 3);
    store->ops->close(store);
}

Test(lmdb_room, what_handlers_wrote_goes_with_a_commit_that_fails)
{
    struct store *store = stores_open(spec);
    load_count(store);
    MDB_dbi own = stores_open_own(store);
    uint8_t *bytes = calloc(1, 1 << 20);
    put_in(store, own, "alice", true);
    limit_file(64 << 10);
    cr_assert_neq(stores_commit(store, 1, bytes, 1 << 20, 1), STORE_COMMITTED);
    limit_file(RLIM_INFINITY);
    cr_assert_null(store->ops->enter(store), "no handler joins a store that has failed");
    store->ops->close(store);
    store = stores_open(spec);
    own = stores_open_own(store);
    cr_assert_eq(count_own(store, own), 0);
    free(bytes);
    store->ops->close(store);
}

Test(lmdb_room, keeps_databases_of_the_application_apart)
{
    struct store *store = stores_open(spec);
    stores_open_own(store);
    store->ops->close(store);
    make_store(3);
    store = stores_open(spec);
    cr_assert_eq(load_count(store), 3);
    store->ops->close(store);
}
