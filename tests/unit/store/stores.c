/* The stores under test.
 *
 * Reads best next: stores.h. */
#include "stores.h"

#include <dirent.h>
#include <stdio.h>
#include <unistd.h>

static char folder[64];

void stores_prepare(void)
{
    /* Hundreds of commits; that a disk is slow to flush is not what is tested. */
    bool quick = access("/dev/shm", W_OK) == 0;
    snprintf(folder, sizeof folder, "%sstore-test-XXXXXX", quick ? "/dev/shm/" : "");
    cr_assert_not_null(mkdtemp(folder));
}

void stores_clean(void)
{
    char path[512];
    DIR *entries = opendir(folder);
    cr_assert_not_null(entries);
    for (struct dirent *entry; (entry = readdir(entries)) != NULL;) {
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        (void)unlink(path);
    }
    closedir(entries);
    cr_assert_eq(rmdir(folder), 0, "%s", folder);
}

const char *stores_path(const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static const char *memory_spec(void)
{
    return "memory";
}

static const char *lmdb_spec(void)
{
    static char spec[300];
    snprintf(spec, sizeof spec, "lmdb:%s", stores_path("requests"));
    return spec;
}

const struct stores_kind stores_kinds[] = {{"memory", memory_spec}, {"lmdb", lmdb_spec}};
const size_t stores_count = sizeof stores_kinds / sizeof *stores_kinds;

uint64_t stores_secret(void)
{
    return (uint64_t)getpid();
}

static struct store_options options = {
    .fresh = {.bytes = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}},
    .secret = stores_secret,
    .size_bytes = STORES_SIZE};

struct store *stores_open(const char *spec)
{
    struct store *store = NULL;
    struct store_problem problem = {.text = ""};
    options.fresh.bytes[0]++; /* no two are alike */
    cr_assert_eq(store_open(spec, &options, &store, &problem), SEMEL_OK, "%s: %s", spec, problem.text);
    return store;
}

struct store_problem stores_refusal(const char *spec)
{
    struct store *store = NULL;
    struct store_problem problem = {.text = ""};
    enum semel_code code = store_open(spec, &options, &store, &problem);
    cr_assert_neq(code, SEMEL_OK, "%s", spec);
    cr_assert_eq(code, problem.code);
    cr_assert_null(store, "%s was refused", spec);
    return problem;
}

struct waiting {
    struct store_commit commit;
    enum store_result result;
    int told;
};

static void on_done(struct store_commit *commit, enum store_result result, const char *text)
{
    struct waiting *waiting = (struct waiting *)commit;
    cr_assert_eq(text[0] == '\0', result == STORE_COMMITTED, "a failure has a text: '%s'", text);
    waiting->result = result;
    waiting->told++;
}

static void on_ready(void *user)
{
    ++*(int *)user;
}

enum store_result stores_commit(struct store *store, uint64_t number, const void *bytes, size_t size,
                                uint64_t wanted_from)
{
    int ready = 0;
    struct waiting waiting = {
        .commit = {
            .number = number, .bytes = bytes, .size = size, .wanted_from = wanted_from, .done = on_done}};
    store->ready = on_ready;
    store->ready_user = &ready;
    store->ops->commit(store, &waiting.commit);
    cr_assert_eq(waiting.told, 0, "never inside commit");
    cr_assert_eq(ready, 1, "it says that there is something to hear");
    store->ops->poll(store);
    cr_assert_eq(waiting.told, 1);
    store->ops->poll(store);
    cr_assert_eq(waiting.told, 1, "once only");
    return waiting.result;
}

MDB_dbi stores_open_own(struct store *store)
{
    MDB_txn *txn;
    MDB_dbi dbi;
    cr_assert_eq(mdb_txn_begin(store->ops->environment(store), NULL, 0, &txn), 0);
    cr_assert_eq(mdb_dbi_open(txn, "accounts", MDB_CREATE, &dbi), 0);
    cr_assert_eq(mdb_txn_commit(txn), 0);
    return dbi;
}
