/* The power goes, at any moment of a store's life, and again in the life after it: what was promised is there.
 *
 * A life is drawn from a seed and runs once, while its disk is listened to.  Then, for moments of it, files are made as
 * the disk may hold them: all that was flushed, and any part of what was not.  Each is opened: every batch that was
 * told to be committed must be there, in its row and byte for byte; one in flight is whole or absent, and what its
 * handlers wrote with it; nothing else is there; no file is refused, and the store goes on.  Some live on like that, up
 * to four times, and so do processes that were killed and whose disk loses its power in the next life.
 *
 * Longer: POWER_LIVES=200 unit_store_power.  README.md tells what it finds.  Reads best next: outage.h, history.h. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "disk.h"
#include "history.h"
#include "outage.h"
#include "requests.h"

enum { GENERATIONS = 4, LIVES = 2, STEPS = 24 };

static struct tally {
    unsigned images;
    unsigned generations[GENERATIONS];
    unsigned in_flight; /* images with something not flushed */
    unsigned ahead;     /* batches of first lives */
    unsigned at_once;
} tally;

static void prepare(void)
{
    requests_prepare();
    tally = (struct tally){0};
}

TestSuite(power, .timeout = 600, .init = prepare, .fini = stores_clean);

/* One generation, with what it takes to go through it. */
struct life {
    unsigned generation;
    uint64_t state;         /* of the choice of moments and losses */
    struct outage before;   /* the disk it began with */
    struct history began;   /* what was promised then */
    struct history history; /* and at its end */
    struct disk_trace trace;
};

static struct life *life_make(unsigned generation, uint64_t seed)
{
    struct life *life = calloc(1, sizeof *life);
    cr_assert_not_null(life);
    life->generation = generation;
    life->state = seed;
    outage_init(&life->before);
    return life;
}

static void life_free(struct life *life)
{
    outage_fini(&life->before);
    disk_trace_fini(&life->trace);
    free(life);
}

/* What is being looked at, for whoever reads of a failure. */
static char place[120];

static struct store *open_checked(struct history *history)
{
    struct store_problem problem = {.text = ""};
    struct store *store = history_open(history, spec, &problem);
    cr_assert_not_null(store, "%s: %s", place, problem.text);
    const char *wrong = history_check(history, store);
    cr_assert_null(wrong, "%s: %s", place, wrong);
    return store;
}

/* A whole life, from the file as it stands. */
static void live(struct life *life)
{
    life->history = life->began;
    disk_listen(path, &life->trace);
    struct store *store = open_checked(&life->history);
    for (int step = 0; step < STEPS; step++)
        store = history_step(&life->history, store, spec);
    store->ops->close(store);
    disk_stop();
}

static void go_through(struct life *life);

/* Without room for what is written ahead, with 7 pages for it, with 15. */
static const uint64_t sizes[] = {4 << 20, 8 << 20, 16 << 20};

/* Another life begins with what this one has left.  killed: nothing of it is lost, but most is not flushed either. */
static void live_on(const struct life *life, const struct outage *outage, const struct outage_image *image,
                    const struct history *history, uint64_t seed, bool killed)
{
    struct life *next = life_make(life->generation + 1, seed | 1);
    if (killed) {
        outage_copy(&next->before, outage);
    } else {
        memcpy(next->before.durable.bytes, image->bytes, image->size);
        next->before.durable.size = image->size;
    }
    next->began = *history;
    next->began.size_bytes = sizes[outage_random(&next->state, 2) + (history->size_bytes > sizes[0])];
    live(next);
    go_through(next);
    life_free(next);
}

/* What was promised at a moment; the batches as they were then. */
static void recall(const struct life *life, const struct history_promise *promise, bool loaded,
                   struct history *ret_history)
{
    *ret_history = loaded ? life->history : life->began;
    ret_history->promise = *promise;
    ret_history->domain = life->history.domain;
    ret_history->next_content = life->history.next_content;
}

/* It goes on, and what it says then is true, too. */
static void expect_kept(struct history *history)
{
    struct store *store = open_checked(history);
    history_go_on(history, store);
    store->ops->close(store);
    if (outage_random(&history->seed, 4) != 0)
        return;
    store = open_checked(history);
    store->ops->close(store);
}

static void lose_power(struct life *life, const struct outage *outage, const struct history_promise *promise,
                       bool loaded, enum outage_loss loss)
{
    static struct outage_image images[GENERATIONS];
    static struct history history[GENERATIONS];
    struct outage_image *image = &images[life->generation];
    if (image->bytes == NULL)
        *image = outage_image_make();
    outage_make(outage, loss, &life->state, image);
    disk_fill(path, image->bytes, image->size);
    tally.images++;
    tally.generations[life->generation]++;
    tally.in_flight += outage->count > 0;
    recall(life, promise, loaded, &history[life->generation]);
    struct history *then = &history[life->generation];
    then->seed = life->state;
    uint64_t rarely = loss == OUTAGE_NONE_LOST ? 12 : 60;
    bool goes_on = life->generation + 1 < GENERATIONS && outage_random(&life->state, rarely) == 0;
    if (goes_on)
        live_on(life, outage, image, then, life->state, loss == OUTAGE_NONE_LOST);
    else
        expect_kept(then);
}

static void lose_power_at(struct life *life, const struct outage *outage, const struct history_promise *promise,
                          bool loaded, size_t event)
{
    uint64_t rarely = UINT64_C(1) << 2 * life->generation;
    for (enum outage_loss loss = 0; loss < OUTAGE_LOSSES; loss++) {
        if (outage->count == 0 && loss > OUTAGE_ALL_LOST)
            return;
        if (outage_random(&life->state, 2 * rarely) != 0)
            continue;
        snprintf(place, sizeof place, "generation %u, event %zu, loss %d, of %zu writes", life->generation,
                 event, (int)loss, outage->count);
        lose_power(life, outage, promise, loaded, loss);
    }
}

/* The life once more, as its disk saw it. */
static void go_through(struct life *life)
{
    struct outage *outage = &(struct outage){0};
    struct history_promise promise = life->began.promise;
    bool loaded = false;
    outage_init(outage);
    outage_copy(outage, &life->before);
    for (size_t i = 0; i < life->trace.count; i++) {
        const struct disk_event *event = &life->trace.events[i];
        outage_hear(outage, event);
        if (event->kind == DISK_MARK) {
            history_hear(&promise, event->mark, event->value);
            loaded |= event->mark == MARK_LOADED;
        }
        if (event->kind != DISK_FLUSH)
            lose_power_at(life, outage, &promise, loaded, i);
        if (event->direct)
            outage_end_direct(outage);
    }
    outage_fini(outage);
}

static void live_from(uint64_t seed, uint64_t size_bytes, uint64_t kept_bytes)
{
    struct life *life = life_make(0, seed * 0x9e3779b97f4a7c15 | 1);
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    cr_assert_geq(fd, 0);
    close(fd);
    life->began.seed = life->state;
    life->began.size_bytes = size_bytes;
    life->began.kept_bytes = kept_bytes;
    life->began.next_content = 1;
    live(life);
    tally.ahead += life->history.ahead;
    tally.at_once += life->history.at_once;
    go_through(life);
    life_free(life);
}

static void live_all(uint64_t size_bytes, uint64_t lives)
{
    const char *wanted = getenv("POWER_LIVES");
    lives = wanted != NULL ? strtoull(wanted, NULL, 10) : lives;
    for (uint64_t seed = 1; seed <= lives; seed++)
        live_from(seed, size_bytes, seed % 2 == 0 ? 20000 : 400000);
    printf("%u files (%u with something not flushed), of them in later lives: %u, %u, %u\n", tally.images,
           tally.in_flight, tally.generations[1], tally.generations[2], tally.generations[3]);
    cr_assert_gt(tally.in_flight, lives * 100, "it has looked at something");
}

Test(power, what_is_written_ahead_is_there)
{
    live_all(sizes[1], LIVES);
    cr_assert_gt(tally.ahead, 0);
    cr_assert_gt(tally.at_once, 0, "and so is what comes to its place");
}

Test(power, what_is_written_at_once_is_there)
{
    live_all(sizes[0], LIVES);
    cr_assert_eq(tally.ahead, 0, "there are no pages for it");
    cr_assert_gt(tally.at_once, 0);
}

Test(power, the_name_of_a_new_file_is_flushed_before_it_is_used)
{
    unsigned before = disk_folder_flushes();
    struct store *store = stores_open(spec);
    cr_assert_gt(disk_folder_flushes(), before);
    store->ops->close(store);
}
