/* Property files made by chance from pieces of good ones: never a crash, never a half of a file.
 * Must not know: which of them are good.
 * Reads best next: file_test.c, which has the chosen cases. */
#include "support.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/file.h"
#include "config/properties.h"

TestSuite(fuzz, .init = workplace_enter, .fini = workplace_leave);

enum { ROUNDS = 1000, TEXT_MAX = 2000 };

static unsigned seed;

static size_t below(size_t limit)
{
    return (size_t)rand_r(&seed) % limit;
}

/* Often one of those that rules bind together. */
static enum properties_key pick_key(void)
{
    static const enum properties_key bound[] = {PROPERTIES_RETRY_INTERVALS, PROPERTIES_RETRY_MAX_ATTEMPTS,
                                                PROPERTIES_RETRY_INITIAL_BACKOFF, PROPERTIES_RETRY_MAX_BACKOFF};
    return below(3) == 0 ? bound[below(4)] : (enum properties_key)below(PROPERTIES_KEY_COUNT);
}

static const char *pick_value(enum properties_key key)
{
    static const char *const values[] = {"0",
                                         "1",
                                         "5s",
                                         "2min",
                                         "100",
                                         "1.5",
                                         "-1",
                                         "0 100 500",
                                         "none",
                                         "full",
                                         "wait",
                                         "yes",
                                         "UNAVAILABLE",
                                         "4KiB",
                                         "abc",
                                         "1,,2",
                                         "",
                                         "65",
                                         "1.2345",
                                         "ok",
                                         "ABORTED, OK",
                                         "999999999999999999999"};
    const struct properties_key_info *info = keys_info(key);
    if (keys_are_words(info->type) && below(2) == 0)
        return keys_word(info->type, info->min + (int64_t)below((size_t)(info->max - info->min + 1)));
    return values[below(sizeof values / sizeof *values)];
}

/* Mostly good lines; seldom enough a bad one that many files load. */
static size_t make_text(char *text)
{
    static const char *const scopes[] = {"",   "",    "", "audit.", "demo.Bank.", "demo.Bank.Deposit.",
                                         "..", "a b."};
    size_t used = 0;
    for (size_t lines = below(6); lines > 0; lines--) {
        enum properties_key key = pick_key();
        used += (size_t)snprintf(text + used, TEXT_MAX - used, "%s%s=%s\n", scopes[below(below(9) + 1) % 8],
                                 keys_info(key)->name, pick_value(key));
    }
    for (size_t flips = below(8) == 0 ? 1 + below(4) : 0; flips > 0 && used > 0; flips--)
        text[below(used)] = (char)below(256);
    return used;
}

/* Everything a set of properties says, as one text. */
static void describe(char *text, size_t size)
{
    static const struct properties_scope scopes[] = {
        {NULL, NULL}, {"audit", NULL}, {"audit", "demo.Bank.Deposit"}};
    struct properties_snapshot *snapshot = properties_snapshot(properties);
    size_t used = 0;
    for (size_t i = 0; i < 3 * (size_t)PROPERTIES_KEY_COUNT; i++) {
        const enum properties_key key = (enum properties_key)(i / 3);
        struct value value = {0};
        const char *servers = NULL;
        char formatted[VALUE_TEXT_MAX] = "unset";
        if (key == PROPERTIES_RETRY_INTERVALS)
            properties_get_intervals(properties, &scopes[i % 3], (const uint32_t **)&value.intervals_ms,
                                     &value.interval_count);
        else if (key != PROPERTIES_NAME_SERVERS)
            value.number = properties_get_int(properties, &scopes[i % 3], key);
        else if (snapshot_find_servers(snapshot, &servers))
            value.text = (char *)servers;
        else
            value.number = PROPERTIES_NO_DEFAULT;
        if (value.number != PROPERTIES_NO_DEFAULT)
            value_format(key, &value, formatted);
        used += (size_t)snprintf(text + used, size - used, "%s %s\n", keys_info(key)->name, formatted);
        cr_assert_lt(used, size);
    }
    properties_snapshot_unref(snapshot);
}

static char before[65536], after[65536];

Test(fuzz, a_load_or_reload_does_all_or_nothing)
{
    char text[TEXT_MAX + 1];
    int good = 0, bad = 0;
    write_text("bank.conf", "");
    cr_assert_eq(semel_properties_load(properties, "bank.conf", &status), SEMEL_OK);
    for (unsigned round = 1; round <= ROUNDS; round++) {
        seed = round;
        write_bytes("bank.conf", text, make_text(text));
        describe(before, sizeof before);
        uint64_t generation = properties_generation(properties);
        enum semel_code code = round % 2 ? semel_properties_reload(properties, &status)
                                         : semel_properties_load(properties, "bank.conf", &status);
        describe(after, sizeof after);
        cr_assert(code == SEMEL_OK || code == SEMEL_INVALID_ARGUMENT, "round %u: %s", round, status.message);
        cr_assert_eq(properties_generation(properties), generation + (code == SEMEL_OK), "round %u", round);
        if (code != SEMEL_OK)
            cr_assert_str_eq(before, after, "round %u: %s", round, status.message);
        *(code == SEMEL_OK ? &good : &bad) += 1;
    }
    cr_assert_gt(good, ROUNDS / 10, "%d good, %d bad", good, bad);
    cr_assert_gt(bad, ROUNDS / 10, "%d good, %d bad", good, bad);
}

static void count(const semel_status *problem, void *user)
{
    cr_assert_neq(problem->code, SEMEL_OK);
    cr_assert_gt(strlen(problem->message), 0);
    ++*(int *)user;
}

/* A reading that finds every problem agrees with one that stops at the first. */
Test(fuzz, a_check_finds_problems_where_a_load_fails)
{
    char text[TEXT_MAX + 1];
    for (unsigned round = 1; round <= ROUNDS; round++) {
        struct settings settings = {0};
        int problems = 0;
        seed = round;
        write_bytes("bank.conf", text, make_text(text));
        bool sound = file_check("bank.conf", &settings, count, &problems);
        settings_fini(&settings);
        cr_assert_eq(sound, problems == 0, "round %u", round);
        semel_properties *fresh = semel_properties_create();
        bool loads = semel_properties_load(fresh, "bank.conf", &status) == SEMEL_OK;
        semel_properties_destroy(fresh);
        cr_assert_eq(sound, loads, "round %u: %s", round, status.message);
    }
}
