/* Batches, handlers, closing and opening, from a seed.
 *
 * Reads best next: history.h. */
#include "history.h"

#include <criterion/criterion.h>
#include <lmdb.h>
#include <string.h>

#include "disk.h"
#include "outage.h"
#include "store/ahead.h"

enum { NOISE = 1 << 20, BATCH_MAX = 128 << 10 };

static uint64_t choose(struct history *history, uint64_t below)
{
    return outage_random(&history->seed, below);
}

/* Bytes that differ from one batch to the next, at every place. */
static const uint8_t *bytes_of(uint64_t content)
{
    static uint8_t noise[NOISE + BATCH_MAX];
    static bool made;
    uint64_t state = 88172645463325252;
    for (size_t i = 0; !made && i < sizeof noise; i++)
        noise[i] = (uint8_t)outage_random(&state, 256);
    made = true;
    return noise + content * 7919 % NOISE;
}

void history_hear(struct history_promise *promise, int mark, uint64_t value)
{
    switch (mark) {
    case MARK_OPENED: promise->opened = true; break;
    case MARK_HANDED: promise->handed = true; break;
    case MARK_LOADED:
    case MARK_PROMISED:
        promise->last = value;
        promise->handed = false;
        break;
    case MARK_OWN_HANDED: promise->own_handed = true; break;
    default:
        promise->own = value;
        promise->own_handed = false;
        break;
    }
}

static void happens(struct history *history, int mark, uint64_t value)
{
    history_hear(&history->promise, mark, value);
    disk_mark(mark, value);
}

/* ---- what the application has ---- */

static uint64_t read_number(struct store *store, const char *key)
{
    MDB_txn *txn;
    MDB_dbi dbi;
    MDB_val name = {strlen(key), (void *)key};
    MDB_val value;
    uint64_t number = 0;
    cr_assert_eq(mdb_txn_begin(store->ops->environment(store), NULL, MDB_RDONLY, &txn), 0);
    int error = mdb_dbi_open(txn, "accounts", 0, &dbi);
    if (error == 0)
        error = mdb_get(txn, dbi, &name, &value);
    if (error == 0)
        memcpy(&number, value.mv_data, sizeof number);
    cr_assert(error == 0 || error == MDB_NOTFOUND, "%s", mdb_strerror(error));
    mdb_txn_abort(txn);
    return number;
}

static int write_number(MDB_txn *txn, const char *key, uint64_t number, size_t size)
{
    MDB_dbi dbi;
    MDB_val name = {strlen(key), (void *)key};
    MDB_val value = {size, NULL};
    int error = mdb_dbi_open(txn, "accounts", MDB_CREATE, &dbi);
    if (error == 0)
        error = mdb_put(txn, dbi, &name, &value, MDB_RESERVE);
    if (error == 0) {
        memset(value.mv_data, (int)number, size);
        memcpy(value.mv_data, &number, sizeof number);
    }
    return error;
}

/* A transaction of the application's own: the file gets a new head, and no batch comes to its place. */
static void commit_own(struct history *history, struct store *store)
{
    MDB_txn *txn;
    uint64_t number = history->promise.own + 1;
    cr_assert_eq(mdb_txn_begin(store->ops->environment(store), NULL, 0, &txn), 0);
    cr_assert_eq(write_number(txn, "own", number, 8 + (size_t)choose(history, 9000)), 0);
    happens(history, MARK_OWN_HANDED, number);
    cr_assert_eq(mdb_txn_commit(txn), 0);
    happens(history, MARK_OWN_PROMISED, number);
}

static void join(struct history *history, struct store *store)
{
    MDB_txn *txn = store->ops->enter(store);
    uint64_t number = history->joined + 1;
    bool keep = choose(history, 4) != 0;
    cr_assert_not_null(txn);
    cr_assert_eq(write_number(txn, "joined", number, 8 + (size_t)choose(history, 3000)), 0);
    cr_assert(store->ops->leave(store, keep));
    if (keep)
        history->joined = number;
}

/* ---- batches ---- */

static enum store_result result_told;

static void on_done(struct store_commit *commit, enum store_result result, const char *text)
{
    (void)commit, (void)text;
    result_told = result;
}

static size_t last_transaction(struct store *store)
{
    MDB_envinfo info;
    cr_assert_eq(mdb_env_info(store->ops->environment(store), &info), 0);
    return info.me_last_txnid;
}

static void commit(struct history *history, struct store *store, size_t size, uint64_t wanted_from)
{
    uint64_t number = history->promise.last + 1;
    cr_assert_lt(number, HISTORY_MAX);
    struct history_batch *batch = &history->batches[number];
    *batch = (struct history_batch){.content = history->next_content++,
                                    .size = size,
                                    .wanted_from = wanted_from,
                                    .joined = history->joined};
    struct store_commit commit = {.number = number,
                                  .bytes = bytes_of(batch->content),
                                  .size = size,
                                  .wanted_from = wanted_from,
                                  .done = on_done};
    size_t transaction = last_transaction(store);
    happens(history, MARK_HANDED, number);
    store->ops->commit(store, &commit);
    store->ops->poll(store);
    *(last_transaction(store) == transaction ? &history->ahead : &history->at_once) += 1;
    cr_assert_eq(result_told, STORE_COMMITTED, "batch %d of %zu bytes", (int)number, size);
    happens(history, MARK_PROMISED, number);
}

/* Of a few bytes; as many as fill pages, or nearly; of some pages; larger than all that is written ahead. */
static size_t choose_size(struct history *history)
{
    size_t pages = 1 + (size_t)choose(history, 7);
    switch (choose(history, 20)) {
    case 0: return 1 + (size_t)choose(history, BATCH_MAX / 2);
    case 1:
    case 2:
    case 3:
    case 4: return pages * AHEAD_PAGE - AHEAD_HEADER_SIZE - 2 + (size_t)choose(history, 5);
    case 5:
    case 6:
    case 7: return 1 + (size_t)choose(history, 16000);
    default: return 1 + (size_t)choose(history, 400);
    }
}

/* Now and then everything is wanted no more at once. */
static uint64_t choose_wanted(struct history *history)
{
    uint64_t last = history->promise.last;
    uint64_t before = history->batches[last].wanted_from;
    uint64_t wanted = last + 1;
    if (choose(history, 12) == 0)
        return wanted + choose(history, 2);
    for (size_t bytes = 0; wanted > 1 && wanted > before && bytes < history->kept_bytes; wanted--)
        bytes += history->batches[wanted - 1].size;
    return wanted;
}

static void commit_any(struct history *history, struct store *store)
{
    if (choose(history, 5) == 0)
        for (uint64_t joins = choose(history, 3) + 1; joins > 0; joins--)
            join(history, store);
    size_t size = choose_size(history);
    uint64_t wanted_from = choose_wanted(history);
    uint64_t room = store->ops->usage(store).free_bytes;
    if (size > room / 2)
        size = 1 + size % 400;
    commit(history, store, size, wanted_from);
}

void history_go_on(struct history *history, struct store *store)
{
    commit(history, store, 1 + (size_t)choose(history, 50), choose_wanted(history));
}

/* ---- what it tells ---- */

struct telling {
    const struct history *history;
    uint64_t first; /* 0: none yet */
    uint64_t last;
    const char *wrong;
};

static bool on_batch(uint64_t number, const uint8_t *bytes, size_t size, void *user)
{
    struct telling *telling = user;
    const struct history_promise *promise = &telling->history->promise;
    if (telling->first != 0 && number != telling->last + 1)
        telling->wrong = "the batches are no row";
    else if (number > promise->last + promise->handed)
        telling->wrong = "there is a batch that nobody wrote";
    else if (telling->history->batches[number].size != size ||
             memcmp(bytes, bytes_of(telling->history->batches[number].content), size) != 0)
        telling->wrong = "a batch has other bytes than were written";
    if (telling->first == 0)
        telling->first = number;
    telling->last = number;
    return telling->wrong == NULL;
}

static const char *check_batches(const struct history *history, const struct telling *telling)
{
    const struct history_promise *promise = &history->promise;
    uint64_t wanted = history->batches[telling->last].wanted_from;
    if (telling->last < promise->last)
        return "a batch that was promised is lost";
    if (telling->last > 0 && telling->first > (wanted < telling->last ? wanted : telling->last))
        return "a batch that is wanted is lost";
    return NULL;
}

const char *history_check(struct history *history, struct store *store)
{
    struct telling telling = {.history = history};
    struct store_problem problem;
    if (store->notice != NULL || (history->promise.opened && !id_equal(&history->domain, &store->domain)))
        return "it is another domain";
    if (!store->ops->load(store, on_batch, &telling, &problem))
        return "it can not be read";
    const char *wrong = telling.wrong != NULL ? telling.wrong : check_batches(history, &telling);
    if (wrong != NULL)
        return wrong;
    uint64_t own = read_number(store, "own");
    if (own != history->promise.own && !(history->promise.own_handed && own == history->promise.own + 1))
        return "what the application committed is lost";
    history->joined = read_number(store, "joined");
    if (history->joined != history->batches[telling.last].joined)
        return "what a handler wrote is there without its batch, or is not there with it";
    history->domain = store->domain;
    happens(history, MARK_OPENED, 0);
    happens(history, MARK_OWN_PROMISED, own);
    happens(history, MARK_LOADED, telling.last);
    return NULL;
}

static uint64_t secret_state;

static uint64_t make_secret(void)
{
    return outage_random(&secret_state, UINT64_MAX);
}

struct store *history_open(struct history *history, const char *spec, struct store_problem *ret_problem)
{
    struct store *store = NULL;
    struct store_options options = {.secret = make_secret, .size_bytes = history->size_bytes};
    secret_state = history->seed;
    for (size_t i = 0; i < sizeof options.fresh.bytes; i++)
        options.fresh.bytes[i] = (uint8_t)(1 + choose(history, 255));
    return store_open(spec, &options, &store, ret_problem) == SEMEL_OK ? store : NULL;
}

struct store *history_step(struct history *history, struct store *store, const char *spec)
{
    struct store_problem problem = {.text = ""};
    uint64_t what = choose(history, 20);
    if (what == 0) {
        store->ops->close(store);
        store = history_open(history, spec, &problem);
        cr_assert_not_null(store, "%s", problem.text);
        const char *wrong = history_check(history, store);
        cr_assert_null(wrong, "closed and opened: %s", wrong);
    } else if (what < 3) {
        commit_own(history, store);
    } else {
        commit_any(history, store);
    }
    return store;
}
