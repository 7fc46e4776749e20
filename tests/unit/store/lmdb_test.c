/* The LMDB store beyond what every store must do: files that are not ours, damage, copies, owners.
 *
 * Reads best next: lmdb_room_test.c, runtime/store/lmdb_file.c. */
#include "requests.h"

#include <fcntl.h>
#include <lmdb.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

TestSuite(lmdb, .timeout = 60, .init = requests_prepare, .fini = stores_clean);

static void expect_refused(enum semel_code code, const char *text)
{
    struct store_problem problem = stores_refusal(spec);
    cr_assert_eq(problem.code, code, "%s: %s", semel_code_name(problem.code), problem.text);
    cr_assert_not_null(strstr(problem.text, text), "'%s' says nothing of '%s'", problem.text, text);
}

/* Changes the file of a store with LMDB itself. */
static void meddle(void (*change)(MDB_txn *txn))
{
    MDB_env *env;
    MDB_txn *txn;
    cr_assert_eq(mdb_env_create(&env), 0);
    mdb_env_set_maxdbs(env, 8);
    mdb_env_set_mapsize(env, STORES_SIZE);
    cr_assert_eq(mdb_env_open(env, path, MDB_NOSUBDIR, 0600), 0);
    cr_assert_eq(mdb_txn_begin(env, NULL, 0, &txn), 0);
    change(txn);
    cr_assert_eq(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
}

static MDB_val get(MDB_txn *txn, const char *database, const void *key, size_t size, MDB_dbi *ret_dbi)
{
    MDB_val name = {size, (void *)key};
    MDB_val value;
    cr_assert_eq(mdb_dbi_open(txn, database, 0, ret_dbi), 0);
    cr_assert_eq(mdb_get(txn, *ret_dbi, &name, &value), 0);
    return value;
}

/* ---- what is not ours ---- */

static void fill_file(const char *bytes, size_t size)
{
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    cr_assert_eq(fwrite(bytes, 1, size, file), size);
    fclose(file);
}

Test(lmdb, refuses_what_is_no_lmdb_file)
{
    char bytes[8192];
    memset(bytes, 'x', sizeof bytes);
    fill_file(bytes, sizeof bytes);
    expect_refused(SEMEL_FAILED_PRECONDITION, "is no LMDB file; name another one");
    fill_file(bytes, 100);
    expect_refused(SEMEL_FAILED_PRECONDITION, "is no LMDB file");
    struct stat stat_now;
    cr_assert_eq(stat(path, &stat_now), 0);
    cr_assert_eq(stat_now.st_size, 100, "and leaves it alone");
}

static void put_foreign(MDB_txn *txn)
{
    MDB_dbi dbi;
    MDB_val word = {3, (void *)"abc"};
    cr_assert_eq(mdb_dbi_open(txn, NULL, 0, &dbi), 0);
    cr_assert_eq(mdb_put(txn, dbi, &word, &word, 0), 0);
}

Test(lmdb, refuses_the_file_of_another_program)
{
    meddle(put_foreign);
    expect_refused(SEMEL_FAILED_PRECONDITION, "is the LMDB file of another program; name another one");
}

static void change_meta(MDB_txn *txn, size_t at, int by)
{
    MDB_dbi dbi;
    MDB_val value = get(txn, "semel.meta", "semel.meta", 10, &dbi);
    uint8_t copy[64];
    MDB_val key = {10, (void *)"semel.meta"};
    MDB_val changed = {value.mv_size, copy};
    memcpy(copy, value.mv_data, value.mv_size);
    copy[at] = (uint8_t)(copy[at] + by);
    cr_assert_eq(mdb_put(txn, dbi, &key, &changed, 0), 0);
}

static void raise_version(MDB_txn *txn)
{
    change_meta(txn, 8, 1);
}

static void lower_version(MDB_txn *txn)
{
    change_meta(txn, 8, -1);
}

Test(lmdb, refuses_a_newer_format_and_says_both)
{
    make_store(1);
    meddle(raise_version);
    expect_refused(SEMEL_FAILED_PRECONDITION, "has format 4, this program knows 3: use the newer program");
}

Test(lmdb, refuses_an_older_format_and_says_both)
{
    make_store(1);
    meddle(lower_version);
    expect_refused(SEMEL_FAILED_PRECONDITION, "has format 2, this program knows 3: use the older program");
}

static void change_domain(MDB_txn *txn)
{
    change_meta(txn, 20, 1);
}

Test(lmdb, refuses_a_damaged_domain)
{
    make_store(1);
    meddle(change_domain);
    expect_refused(SEMEL_DATA_LOSS, "is damaged (its domain); restore a backup");
}

Test(lmdb, refuses_places_where_no_file_can_be)
{
    snprintf(spec, sizeof spec, "lmdb:%s/none/requests", path);
    expect_refused(SEMEL_NOT_FOUND, "No such file or directory");
    cr_assert_eq(mkdir(path, 0700), 0);
    snprintf(spec, sizeof spec, "lmdb:%s", path);
    struct store_problem problem = stores_refusal(spec);
    cr_assert_neq(problem.text[0], '\0');
    cr_assert_eq(rmdir(path), 0);
}

/* ---- damage of the journal ---- */

static void expect_no_load(const char *text)
{
    struct store *store = stores_open(spec);
    struct store_problem problem = {.text = ""};
    int count = 0;
    cr_assert_not(store->ops->load(store, count_batch, &count, &problem));
    cr_assert_eq(problem.code, SEMEL_DATA_LOSS);
    cr_assert_str_eq(problem.text, text);
    store->ops->close(store);
}

static void put_piece(MDB_txn *txn, const void *key_bytes, size_t size)
{
    MDB_dbi dbi;
    MDB_val key = {size, (void *)key_bytes};
    MDB_val value = {3, (void *)"abc"};
    cr_assert_eq(mdb_dbi_open(txn, "semel.journal", 0, &dbi), 0);
    cr_assert_eq(mdb_put(txn, dbi, &key, &value, 0), 0);
}

static void put_short_key(MDB_txn *txn)
{
    put_piece(txn, "\0\0\0", 3);
}

static void put_number_0(MDB_txn *txn)
{
    put_piece(txn, "\0\0\0\0\0\0\0\0\0\0\0\0", 12);
}

static void put_piece_2(MDB_txn *txn)
{
    put_piece(txn, "\0\0\0\0\0\0\0\1\0\0\0\2", 12);
}

Test(lmdb, refuses_keys_that_make_no_sense)
{
    make_store(2);
    meddle(put_short_key);
    expect_no_load("a key of the journal has a wrong size");
}

Test(lmdb, refuses_a_batch_without_a_number)
{
    make_store(2);
    meddle(put_number_0);
    expect_no_load("a batch has no number");
}

Test(lmdb, refuses_a_batch_with_a_hole)
{
    make_store(2);
    meddle(put_piece_2);
    expect_no_load("a piece of a batch is missing");
}

/* ---- copies ---- */

/* As a backup is made, or a file is moved to another disk. */
static void copy_file(const char *from, const char *to)
{
    char bytes[4096];
    size_t size;
    FILE *in = fopen(from, "rb");
    FILE *out = fopen(to, "wb");
    cr_assert(in != NULL && out != NULL);
    while ((size = fread(bytes, 1, sizeof bytes, in)) > 0)
        cr_assert_eq(fwrite(bytes, 1, size, out), size);
    cr_assert_eq(fclose(out), 0);
    fclose(in);
}

static void put_account(MDB_txn *txn)
{
    MDB_dbi dbi;
    MDB_val word = {3, (void *)"abc"};
    cr_assert_eq(mdb_dbi_open(txn, "accounts", MDB_CREATE, &dbi), 0);
    cr_assert_eq(mdb_put(txn, dbi, &word, &word, 0), 0);
}

static void find_account(MDB_txn *txn)
{
    MDB_dbi dbi;
    cr_assert_eq(get(txn, "accounts", "abc", 3, &dbi).mv_size, 3);
}

/* Opens a file, expects so many batches in it, and adds one. */
static struct id reopen(int batches, bool copied)
{
    struct store *store = stores_open(spec);
    struct id domain = store->domain;
    cr_assert_eq(load_count(store), batches);
    cr_assert_eq(store->notice != NULL, copied);
    cr_assert_eq(stores_commit(store, (uint64_t)batches + 1, "0123456789", 10, 1), STORE_COMMITTED);
    store->ops->close(store);
    return domain;
}

Test(lmdb, a_copy_is_another_domain_that_remembers_nothing_but_what_is_the_applications)
{
    char copy[280];
    snprintf(copy, sizeof copy, "%s", stores_path("copy"));
    make_store(2);
    meddle(put_account);
    struct id original = reopen(2, false);
    copy_file(path, copy);
    snprintf(spec, sizeof spec, "lmdb:%s", copy);
    struct id domain = reopen(0, true);
    cr_assert_not(id_equal(&domain, &original));
    struct id again = reopen(1, false);
    cr_assert(id_equal(&again, &domain), "from then on it is a file like any other");
    snprintf(path, sizeof path, "%s", copy);
    meddle(find_account);
}

Test(lmdb, a_backup_that_takes_the_place_of_its_original_is_another_domain)
{
    char copy[280];
    snprintf(copy, sizeof copy, "%s", stores_path("copy"));
    make_store(2);
    copy_file(path, copy);
    struct id original = reopen(2, false);
    cr_assert_eq(rename(copy, path), 0);
    struct id domain = reopen(0, true);
    cr_assert_not(id_equal(&domain, &original));
    copy_file(path, copy);
    cr_assert_eq(unlink(path), 0);
    copy_file(copy, path); /* may get the very inode that was just given back */
    struct id third = reopen(0, true);
    cr_assert_not(id_equal(&third, &domain));
}

Test(lmdb, a_file_that_was_renamed_stays_what_it_is)
{
    char moved[280];
    snprintf(moved, sizeof moved, "%s", stores_path("moved"));
    make_store(2);
    struct id original = reopen(2, false);
    cr_assert_eq(rename(path, moved), 0);
    snprintf(spec, sizeof spec, "lmdb:%s", moved);
    struct id domain = reopen(3, false);
    cr_assert(id_equal(&domain, &original));
}

/* ---- one owner ---- */

Test(lmdb, has_one_owner_who_is_named)
{
    struct store *store = stores_open(spec);
    char pid[32];
    snprintf(pid, sizeof pid, "process %ld has ", (long)getpid());
    expect_refused(SEMEL_FAILED_PRECONDITION, pid);
    store->ops->close(store);
    store = stores_open(spec);
    store->ops->close(store);
}

/* One file has many names, and all of them lead to the same records. */
static void expect_owned_as(const char *name)
{
    char pid[32];
    snprintf(pid, sizeof pid, "process %ld has ", (long)getpid());
    snprintf(spec, sizeof spec, "lmdb:%s", name);
    expect_refused(SEMEL_FAILED_PRECONDITION, pid);
    snprintf(spec, sizeof spec, "lmdb:%s", path);
}

Test(lmdb, has_one_owner_by_whatever_name)
{
    char symbolic[280];
    char hard[280];
    char linked_folder[280];
    char through[300];
    snprintf(symbolic, sizeof symbolic, "%s", stores_path("symbolic"));
    snprintf(hard, sizeof hard, "%s", stores_path("hard"));
    snprintf(linked_folder, sizeof linked_folder, "%s", stores_path("folder"));
    struct store *store = stores_open(spec);
    cr_assert_eq(symlink("requests", symbolic), 0);
    cr_assert_eq(link(path, hard), 0);
    cr_assert_eq(symlink(".", linked_folder), 0);
    snprintf(through, sizeof through, "%s/requests", linked_folder);
    expect_owned_as(symbolic);
    expect_owned_as(hard);
    expect_owned_as(through);
    store->ops->close(store);
    snprintf(spec, sizeof spec, "lmdb:%s", symbolic);
    store = stores_open(spec);
    expect_owned_as(path);
    expect_owned_as(hard);
    store->ops->close(store);
    cr_assert_eq(unlink(linked_folder), 0);
}

/* Whoever tidies up takes no ownership away, nor gives LMDB's lock to two files. */
Test(lmdb, has_one_owner_though_its_files_are_removed)
{
    char owner[300];
    snprintf(owner, sizeof owner, "%s-owner", path);
    struct store *store = stores_open(spec);
    cr_assert_eq(unlink(owner), 0);
    expect_owned_as(path);
    store->ops->close(store);
    store = stores_open(spec);
    cr_assert_eq(unlink(path), 0);
    expect_owned_as(path);
    store->ops->close(store);
    store = stores_open(spec);
    store->ops->close(store);
}

/* A program that is started has nothing of it: it may outlive the owner, whose successor must get the file. */
Test(lmdb, no_descriptor_of_it_goes_to_another_program)
{
    struct store *store = stores_open(spec);
    /* The shell's parent is this process: the same look must find them there. */
    cr_assert_eq(system("ls -l /proc/$PPID/fd | grep -qF /requests"), 0);
    cr_assert_neq(system("ls -l /proc/$$/fd | grep -F /requests >&2"), 0, "a descriptor is inherited");
    store->ops->close(store);
}

/* What a child that was forked commits would stand under the number of its parent's next batch: it could say that what
 * its parent runs just now never ran. */
Test(lmdb, a_child_that_was_forked_commits_nothing)
{
    struct store *store = stores_open(spec);
    int status;
    load_count(store);
    cr_assert_eq(stores_commit(store, 1, "abc", 3, 1), STORE_COMMITTED);
    pid_t child = fork();
    if (child == 0) {
        bool refused = store->ops->enter(store) == NULL &&
                       stores_commit(store, 2, "child", 5, 1) == STORE_FAILED;
        store->ops->close(store);
        _exit(refused ? 0 : 1);
    }
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    expect_refused(SEMEL_FAILED_PRECONDITION, "has "); /* it took no ownership along */
    cr_assert_eq(stores_commit(store, 2, "parent", 6, 1), STORE_COMMITTED);
    store->ops->close(store);
    store = stores_open(spec);
    cr_assert_eq(load_count(store), 2);
    store->ops->close(store);
}

/* The kernel ends an ownership with its process, however that ends. */
Test(lmdb, an_owner_that_was_killed_leaves_nothing_behind)
{
    int ready[2];
    cr_assert_eq(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        struct store *store = stores_open(spec);
        (void)store;
        (void)!write(ready[1], "x", 1);
        for (;;)
            pause();
    }
    char byte;
    char pid[32];
    cr_assert_eq(read(ready[0], &byte, 1), 1);
    snprintf(pid, sizeof pid, "process %ld has ", (long)child);
    expect_refused(SEMEL_FAILED_PRECONDITION, pid);
    kill(child, SIGKILL);
    cr_assert_eq(waitpid(child, NULL, 0), child);
    struct store *store = stores_open(spec);
    store->ops->close(store);
    close(ready[0]);
    close(ready[1]);
}
