/* The LMDB store writes ahead: what a crash finds there, and how it comes to its place.
 *
 * Reads best next: ahead_test.c, runtime/store/lmdb.c. */
#include "requests.h"

#include <fcntl.h>
#include <lmdb.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/ahead.h"

TestSuite(lmdb_ahead, .timeout = 60, .init = requests_prepare, .fini = stores_clean);

enum { AREA_PAGES = STORES_SIZE / 256 / AHEAD_PAGE - 1 };

/* How many batches are in their place. */
static int count_in_tree(struct store *store)
{
    MDB_txn *txn;
    MDB_dbi journal;
    MDB_stat stat;
    cr_assert_eq(mdb_txn_begin(store->ops->environment(store), NULL, MDB_RDONLY, &txn), 0);
    cr_assert_eq(mdb_dbi_open(txn, "semel.journal", 0, &journal), 0);
    cr_assert_eq(mdb_stat(txn, journal, &stat), 0);
    mdb_txn_abort(txn);
    return (int)stat.ms_entries;
}

/* Runs in a process that ends without a word, as by kill -9. */
static void crash_after(void (*work)(struct store *store))
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        struct store *store = stores_open(spec);
        load_count(store);
        work(store);
        _exit(0);
    }
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void commit_range(struct store *store, uint64_t from, uint64_t to, uint64_t wanted_from)
{
    for (uint64_t number = from; number <= to; number++)
        if (stores_commit(store, number, "0123456789", 10, wanted_from) != STORE_COMMITTED)
            abort();
}

static void commit_5(struct store *store)
{
    commit_range(store, 1, 5, 1);
    if (count_in_tree(store) != 0)
        abort();
}

static void commit_many(struct store *store)
{
    commit_range(store, 1, 40, 1);
}

Test(lmdb_ahead, what_was_committed_is_there_after_a_crash)
{
    crash_after(commit_5);
    struct store *store = stores_open(spec);
    cr_assert_eq(count_in_tree(store), 5, "it comes to its place at once");
    cr_assert_eq(load_count(store), 5);
    cr_assert_eq(store->ops->usage(store).log_bytes, 50);
    commit_range(store, 6, 7, 1);
    cr_assert_eq(count_in_tree(store), 5);
    cr_assert_eq(store->ops->usage(store).log_bytes, 70);
    store->ops->close(store);
    store = stores_open(spec);
    cr_assert_eq(load_count(store), 7);
    cr_assert_eq(count_in_tree(store), 7);
    store->ops->close(store);
}

Test(lmdb_ahead, goes_round_and_round)
{
    crash_after(commit_many);
    struct store *store = stores_open(spec);
    cr_assert_eq(load_count(store), 40);
    store->ops->close(store);
}

/* The first that finds no page makes a transaction, and takes all others along but those that are wanted no more. */
Test(lmdb_ahead, what_is_wanted_no_more_never_comes_to_the_tree)
{
    struct store *store = stores_open(spec);
    load_count(store);
    for (uint64_t number = 1; number <= AREA_PAGES; number++)
        commit_range(store, number, number, number - 1);
    cr_assert_eq(count_in_tree(store), 0);
    commit_range(store, AREA_PAGES + 1, AREA_PAGES + 1, AREA_PAGES);
    cr_assert_eq(count_in_tree(store), 2);
    cr_assert_eq(store->ops->usage(store).oldest, AREA_PAGES);
    cr_assert_eq(load_count(store), 2);
    store->ops->close(store);
}

static void commit_and_free(struct store *store)
{
    commit_range(store, 1, 20, 1);
    for (uint64_t number = 21; number <= 60; number++)
        commit_range(store, number, number, number - 2);
}

/* Whatever is left, it is a row without a hole, up to the newest. */
static bool expect_row(uint64_t number, const uint8_t *bytes, size_t size, void *user)
{
    uint64_t *last = user;
    (void)bytes, (void)size;
    cr_assert(*last == 0 || number == *last + 1, "%d", (int)number);
    *last = number;
    return true;
}

Test(lmdb_ahead, what_is_told_is_a_row_up_to_the_newest)
{
    struct store_problem problem;
    uint64_t last = 0;
    crash_after(commit_and_free);
    struct store *store = stores_open(spec);
    cr_assert(store->ops->load(store, expect_row, &last, &problem));
    cr_assert_eq(last, 60);
    cr_assert_lt(load_count(store), 20, "the old ones went");
    store->ops->close(store);
}

/* ---- a StoreSize that was lowered ---- */

static struct store *open_of_size(uint64_t size_bytes)
{
    struct store *store = NULL;
    struct store_problem problem = {.text = ""};
    const struct store_options options = {
        .fresh = {.bytes = {1}}, .secret = stores_secret, .size_bytes = size_bytes};
    cr_assert_eq(store_open(spec, &options, &store, &problem), SEMEL_OK, "%s", problem.text);
    return store;
}

/* 9 MB in the tree, and what fills the pages ahead of it. */
static void fill_large_store(void)
{
    static uint8_t bytes[300000];
    struct store *store = open_of_size(4 * STORES_SIZE);
    load_count(store);
    for (uint64_t number = 1; number <= 40; number++)
        if (stores_commit(store, number, bytes, number <= 30 ? sizeof bytes : 9000, 1) != STORE_COMMITTED)
            abort();
}

Test(lmdb_ahead, it_comes_to_its_place_in_a_store_that_was_made_smaller_than_it_is)
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        fill_large_store();
        _exit(0);
    }
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    struct store *store = open_of_size(STORES_SIZE);
    cr_assert_eq(load_count(store), 40);
    cr_assert_eq(store->ops->usage(store).free_bytes, 0, "there is no room for new work");
    store->ops->close(store);
}

/* ---- handlers ---- */

static void put_in(struct store *store, MDB_dbi dbi, bool keep)
{
    MDB_txn *txn = store->ops->enter(store);
    MDB_val word = {5, (void *)"alice"};
    cr_assert_not_null(txn);
    cr_assert_eq(mdb_put(txn, dbi, &word, &word, 0), 0);
    cr_assert(store->ops->leave(store, keep));
}

Test(lmdb_ahead, a_handler_that_joins_takes_what_was_written_ahead_along)
{
    struct store *store = stores_open(spec);
    load_count(store);
    MDB_dbi own = stores_open_own(store);
    commit_range(store, 1, 3, 1);
    put_in(store, own, false);
    cr_assert_eq(count_in_tree(store), 0, "it was undone, and they with it");
    commit_range(store, 4, 4, 1);
    put_in(store, own, true);
    cr_assert_eq(count_in_tree(store), 0);
    commit_range(store, 5, 5, 1);
    cr_assert_eq(count_in_tree(store), 5);
    commit_range(store, 6, 6, 1);
    cr_assert_eq(load_count(store), 5);
    store->ops->close(store);
    store = stores_open(spec);
    cr_assert_eq(load_count(store), 6);
    store->ops->close(store);
}

static void join_without_commit(struct store *store)
{
    MDB_dbi own = stores_open_own(store);
    commit_range(store, 1, 3, 1);
    put_in(store, own, true);
}

Test(lmdb_ahead, what_a_handler_has_not_committed_is_gone_and_nothing_else)
{
    crash_after(join_without_commit);
    struct store *store = stores_open(spec);
    MDB_dbi own = stores_open_own(store);
    MDB_txn *txn;
    MDB_stat stat;
    cr_assert_eq(load_count(store), 3);
    cr_assert_eq(mdb_txn_begin(store->ops->environment(store), NULL, MDB_RDONLY, &txn), 0);
    cr_assert_eq(mdb_stat(txn, own, &stat), 0);
    cr_assert_eq(stat.ms_entries, 0);
    mdb_txn_abort(txn);
    store->ops->close(store);
}

/* ---- damage ---- */

/* Turns a bit of the n-th copy of the batches' bytes in the file. */
static void damage_batch(int which)
{
    static uint8_t file[1 << 20];
    int fd = open(path, O_RDWR | O_CLOEXEC);
    ssize_t size = read(fd, file, sizeof file);
    cr_assert_gt(size, 10);
    for (ssize_t at = 0; at < size - 10; at++)
        if (memcmp(file + at, "0123456789", 10) == 0 && which-- == 0) {
            cr_assert_eq(pwrite(fd, "X", 1, at), 1);
            close(fd);
            return;
        }
    cr_assert_fail("the file has no such batch");
}

Test(lmdb_ahead, one_that_is_missing_is_damage)
{
    crash_after(commit_5);
    damage_batch(3);
    struct store_problem problem = stores_refusal(spec);
    cr_assert_eq(problem.code, SEMEL_DATA_LOSS);
    cr_assert_not_null(
        strstr(problem.text, "is damaged (a batch that was written ahead is missing); restore a backup"), "%s",
        problem.text);
    problem = stores_refusal(spec);
    cr_assert_eq(problem.code, SEMEL_DATA_LOSS, "and stays so");
}

Test(lmdb_ahead, the_last_one_that_was_cut_was_never_told)
{
    crash_after(commit_5);
    damage_batch(4);
    struct store *store = stores_open(spec);
    cr_assert_eq(load_count(store), 4);
    commit_range(store, 5, 5, 1);
    store->ops->close(store);
    store = stores_open(spec);
    cr_assert_eq(load_count(store), 5);
    store->ops->close(store);
}

/* A copy begins anew, and nothing that stands in its area counts. */
Test(lmdb_ahead, a_copy_knows_nothing_of_what_was_written_ahead)
{
    char copy[300];
    char command[2048];
    snprintf(copy, sizeof copy, "%s", stores_path("copy"));
    crash_after(commit_5);
    snprintf(command, sizeof command, "cp %s %s && rm %s && cp %s %s && rm %s", path, copy, path, copy, path,
             copy);
    cr_assert_eq(system(command), 0);
    struct store *store = stores_open(spec);
    cr_assert_not_null(store->notice);
    cr_assert_eq(load_count(store), 0);
    commit_range(store, 1, 1, 1);
    store->ops->close(store);
    store = stores_open(spec);
    cr_assert_eq(load_count(store), 1);
    store->ops->close(store);
}
