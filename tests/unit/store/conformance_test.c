/* What every store must do, asked of each: a store that is added to stores.c is tested by all of this.
 *
 * Reads best next: stores.h, runtime/store/store.h. */
#include "stores.h"

TestSuite(conformance, .timeout = 60);

/* Runs a case on each store, in a folder of its own. */
static void on_each(void (*one)(const struct stores_kind *kind))
{
    for (size_t i = 0; i < stores_count; i++) {
        stores_prepare();
        one(&stores_kinds[i]);
        stores_clean();
    }
}

/* ---- what is read back ---- */

struct read_back {
    uint64_t first;
    uint64_t last;
    int count;
    size_t bytes;
    int stop_after; /* 0: never */
};

/* A batch whose bytes tell which it is. */
static size_t fill(uint8_t *bytes, uint64_t number)
{
    size_t size = 1 + (size_t)(number * number * 37 % 9001);
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(number + i * 7);
    return size;
}

static bool on_batch(uint64_t number, const uint8_t *bytes, size_t size, void *user)
{
    static uint8_t expected[16384];
    struct read_back *back = user;
    cr_assert_eq(size, fill(expected, number), "batch %d", (int)number);
    cr_assert_arr_eq(bytes, expected, size);
    cr_assert(back->count == 0 || number == back->last + 1);
    back->first = back->count == 0 ? number : back->first;
    back->last = number;
    back->bytes += size;
    return ++back->count != back->stop_after;
}

static struct read_back load(struct store *store)
{
    struct read_back back = {0};
    struct store_problem problem;
    cr_assert(store->ops->load(store, on_batch, &back, &problem));
    return back;
}

static void commit_filled(struct store *store, uint64_t number, uint64_t wanted_from)
{
    static uint8_t bytes[16384];
    size_t size = fill(bytes, number);
    cr_assert_eq(stores_commit(store, number, bytes, size, wanted_from), STORE_COMMITTED);
}

static void new_is_empty(const struct stores_kind *kind)
{
    struct store *store = stores_open(kind->spec());
    cr_assert_eq(load(store).count, 0);
    cr_assert_eq(load(store).count, 0, "and again");
    cr_assert_eq(store->ops->usage(store).log_bytes, 0);
    cr_assert_gt(store->ops->usage(store).free_bytes, STORES_SIZE / 4);
    cr_assert_not(id_is_none(&store->domain));
    store->ops->close(store);
}

Test(conformance, a_new_store_is_empty)
{
    on_each(new_is_empty);
}

static void tells_back(const struct stores_kind *kind)
{
    struct store *store = stores_open(kind->spec());
    struct id domain = store->domain;
    for (uint64_t number = 1; number <= 50; number++)
        commit_filled(store, number, 1);
    bool durable = store->ops->durable;
    store->ops->close(store);
    store = stores_open(kind->spec());
    struct read_back back = load(store);
    cr_assert_eq(back.count, durable ? 50 : 0, "%s", kind->name);
    cr_assert_eq(id_equal(&store->domain, &domain), durable, "its domain lasts as long as its memory");
    if (durable) {
        cr_assert(back.first == 1 && back.last == 50);
        cr_assert_eq(store->ops->usage(store).log_bytes, back.bytes);
        struct read_back some = {.stop_after = 7};
        struct store_problem problem;
        cr_assert(store->ops->load(store, on_batch, &some, &problem));
        cr_assert_eq(some.count, 7, "it stops when it is told to");
        load(store);
        commit_filled(store, 51, 1);
    }
    store->ops->close(store);
}

Test(conformance, what_is_committed_is_told_after_a_restart_if_the_store_is_durable)
{
    on_each(tells_back);
}

static void deletes(const struct stores_kind *kind)
{
    struct store *store = stores_open(kind->spec());
    load(store);
    for (uint64_t number = 1; number <= 300; number++)
        commit_filled(store, number, number < 100 ? 1 : number - 2);
    for (uint64_t number = 301; number <= 340; number++)
        commit_filled(store, number, 1000);
    cr_assert_lt(store->ops->usage(store).log_bytes, 9001 + 1, "of all that, the newest is left");
    bool durable = store->ops->durable;
    store->ops->close(store);
    store = stores_open(kind->spec());
    struct read_back back = load(store);
    cr_assert(!durable || (back.count == 1 && back.last == 340), "%d", back.count);
    store->ops->close(store);
}

Test(conformance, old_batches_go_and_the_newest_stays)
{
    on_each(deletes);
}

/* ---- commits that are on their way when the store closes ---- */

static void never_told(struct store_commit *commit, enum store_result result, const char *text)
{
    (void)commit, (void)result, (void)text;
    cr_assert_fail("close calls nobody");
}

static void closes(const struct stores_kind *kind)
{
    uint8_t bytes[9001];
    struct store *store = stores_open(kind->spec());
    load(store);
    size_t size = fill(bytes, 1);
    struct store_commit commit = {
        .number = 1, .bytes = bytes, .size = size, .wanted_from = 1, .done = never_told};
    store->ops->commit(store, &commit);
    bool durable = store->ops->durable;
    store->ops->close(store);
    store = stores_open(kind->spec());
    cr_assert_eq(load(store).count, durable ? 1 : 0);
    store->ops->close(store);
}

Test(conformance, close_waits_for_what_was_handed_over)
{
    on_each(closes);
}

/* ---- room ---- */

/* As much as the store says it has always fits. */
static void has_room(const struct stores_kind *kind)
{
    struct store *store = stores_open(kind->spec());
    load(store);
    uint8_t *bytes = calloc(1, STORES_SIZE);
    uint64_t number = 1;
    for (; number < 200 && store->ops->durable; number++) {
        uint64_t room = store->ops->usage(store).free_bytes;
        if (room < 1000)
            break;
        size_t size = (size_t)(room < 1000000 ? room : 1000000);
        cr_assert_eq(stores_commit(store, number, bytes, size, 1), STORE_COMMITTED, "batch %d", (int)number);
    }
    if (store->ops->durable) {
        cr_assert_gt(number, 6);
        cr_assert_lt(number, 200, "it is full in the end");
        for (int i = 0; i < 64; i++, number++)
            cr_assert_eq(stores_commit(store, number, bytes, 4000, number), STORE_COMMITTED,
                         "what ends fits still");
        cr_assert_gt(store->ops->usage(store).free_bytes, STORES_SIZE / 8, "and makes room");
    }
    free(bytes);
    store->ops->close(store);
}

Test(conformance, what_is_said_to_be_free_is)
{
    on_each(has_room);
}

/* A store that is nearly full for a long time, with batches of all sizes: its file does not fall to pieces. */
static void lives_long(const struct stores_kind *kind)
{
    struct store *store = stores_open(kind->spec());
    load(store);
    uint8_t *bytes = calloc(1, 1 << 20);
    for (uint64_t number = 1; number <= 1500; number++) {
        size_t size = 1 + (size_t)(number * 2654435761u % 90000);
        cr_assert_eq(stores_commit(store, number, bytes, size, number > 30 ? number - 30 : 1), STORE_COMMITTED,
                     "batch %d", (int)number);
    }
    free(bytes);
    store->ops->close(store);
}

Test(conformance, lives_long_within_its_size)
{
    on_each(lives_long);
}
