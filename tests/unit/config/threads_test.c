/* Readers on four threads while one reloads: each sees a whole set, old or new, and its snapshot stays good.
 * Must not know: how a change is swapped in.
 * Reads best next: signal_test.c. */
#include "support.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "config/properties.h"

TestSuite(threads, .init = workplace_enter, .fini = workplace_leave);

enum { READERS = 4, RELOADS = 400 };

static atomic_bool done;
static atomic_uint torn;
static atomic_uint_fast64_t looks;

/* The file says the same number in three ways; each method has a Deadline of its own so that searches have work. */
static void write_file(int number)
{
    FILE *file = fopen("next.conf", "w");
    cr_assert_not_null(file);
    fprintf(file, "Deadline=%d\nRetryIntervals=%d %d\nWindow=%d\n", number, number, number, number);
    for (int i = 0; i < 20; i++)
        fprintf(file, "demo.Bank.M%d.Deadline=%d\n", i, number);
    cr_assert_eq(fclose(file), 0);
    cr_assert_eq(rename("next.conf", "bank.conf"), 0);
}

static bool is_whole(const struct properties_snapshot *snapshot)
{
    const struct properties_scope scope = {"audit", "demo.Bank.M7"};
    const uint32_t *intervals_ms;
    size_t count;
    int64_t number = snapshot_get_int(snapshot, NULL, PROPERTIES_DEADLINE);
    if (!snapshot_find_intervals(snapshot, &scope, &intervals_ms, &count) || count != 2)
        return false;
    return intervals_ms[0] == number && intervals_ms[1] == number &&
           snapshot_get_int(snapshot, NULL, PROPERTIES_WINDOW) == number &&
           snapshot_get_int(snapshot, &scope, PROPERTIES_DEADLINE) == number;
}

/* As a channel does: one snapshot for many calls, a new one when the generation has moved. */
static void *read_on(void *unused)
{
    (void)unused;
    struct properties_snapshot *snapshot = properties_snapshot(properties);
    uint64_t generation = snapshot_generation(snapshot);
    while (!atomic_load(&done)) {
        if (properties_generation(properties) != snapshot_generation(snapshot)) {
            properties_snapshot_unref(snapshot);
            snapshot = properties_snapshot(properties);
            torn += snapshot_generation(snapshot) < generation;
            generation = snapshot_generation(snapshot);
        }
        torn += !is_whole(snapshot);
        torn += properties_get_int(properties, NULL, PROPERTIES_WINDOW) < 1;
        looks++;
    }
    properties_snapshot_unref(snapshot);
    return NULL;
}

Test(threads, readers_see_all_of_a_reload_or_nothing)
{
    pthread_t readers[READERS];
    write_file(1);
    cr_assert_eq(semel_properties_load(properties, "bank.conf", &status), SEMEL_OK, "%s", status.message);
    for (int i = 0; i < READERS; i++)
        cr_assert_eq(pthread_create(&readers[i], NULL, read_on, NULL), 0);
    for (int i = 2; i <= RELOADS; i++) {
        write_file(i);
        if (i % 7 == 0) /* a bad one in between changes nothing */
            write_text("bank.conf", "Deadline=1\nRetryInterval=1\n");
        cr_assert_eq(semel_properties_reload(properties, &status) == SEMEL_OK, i % 7 != 0, "%s",
                     status.message);
    }
    atomic_store(&done, true);
    for (int i = 0; i < READERS; i++)
        pthread_join(readers[i], NULL);
    cr_assert_eq(torn, 0);
    cr_assert_gt(looks, 0);
    cr_assert_eq(properties_get_int(properties, NULL, PROPERTIES_WINDOW), RELOADS);
}

static void *set_on(void *argument)
{
    const char *key = argument;
    char value[16];
    for (int i = 1; i <= RELOADS; i++) {
        snprintf(value, sizeof value, "%d", i);
        torn += semel_properties_set(properties, key, value, NULL) != SEMEL_OK;
    }
    return NULL;
}

Test(threads, no_change_is_lost_when_many_change)
{
    static const char *const keys[READERS] = {"a.Deadline", "b.Deadline", "c.Deadline", "d.Deadline"};
    pthread_t setters[READERS];
    uint64_t generation = properties_generation(properties);
    for (int i = 0; i < READERS; i++)
        cr_assert_eq(pthread_create(&setters[i], NULL, set_on, (void *)keys[i]), 0);
    for (int i = 0; i < READERS; i++)
        pthread_join(setters[i], NULL);
    cr_assert_eq(torn, 0);
    cr_assert_eq(properties_generation(properties), generation + READERS * RELOADS);
    for (int i = 0; i < READERS; i++) {
        const struct properties_scope scope = {(const char[]){(char)('a' + i), '\0'}, NULL};
        cr_assert_eq(properties_get_int(properties, &scope, PROPERTIES_DEADLINE), RELOADS);
    }
}
