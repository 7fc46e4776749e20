/* semel_properties_reload: what is read again, what wins afterwards, and that a bad file changes nothing.
 * Must not know: how layers are kept.
 * Reads best next: threads_test.c. */
#include "support.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/limits.h"
#include "config/properties.h"

TestSuite(reload, .init = workplace_enter, .fini = workplace_leave);

static int64_t get(enum properties_key key)
{
    return properties_get_int(properties, NULL, key);
}

static void expect_reload(enum semel_code code, const char *message)
{
    uint64_t generation = properties_generation(properties);
    memset(&status, 0x5a, sizeof status);
    cr_assert_eq(semel_properties_reload(properties, &status), code, "%s", status.message);
    cr_assert_str_eq(status.message, message);
    cr_assert_eq(properties_generation(properties), generation + (code == SEMEL_OK));
}

static void load(const char *path)
{
    cr_assert_eq(semel_properties_load(properties, path, &status), SEMEL_OK, "%s", status.message);
}

Test(reload, nothing_loaded_is_nothing_to_do)
{
    expect_reload(SEMEL_OK, "");
    expect_set("Deadline", "5s", SEMEL_OK, "");
    expect_reload(SEMEL_OK, "");
    cr_assert_eq(get(PROPERTIES_DEADLINE), 5000);
}

Test(reload, new_values_come_and_old_ones_go)
{
    expect_load_text("Deadline=5s\nLease=1min\n", SEMEL_OK, "");
    write_text("bank.conf", "Deadline=6s\nRetryIntervals=1 2\n");
    cr_assert_eq(get(PROPERTIES_DEADLINE), 5000);
    expect_reload(SEMEL_OK, "");
    const uint32_t *intervals_ms;
    size_t count;
    cr_assert_eq(get(PROPERTIES_DEADLINE), 6000);
    cr_assert_eq(get(PROPERTIES_LEASE), 300000, "a line that is gone is the default again");
    cr_assert(properties_find_intervals(properties, NULL, &intervals_ms, &count));
    cr_assert_eq(count, 2);
}

Test(reload, a_bad_file_changes_nothing)
{
    expect_load_text("Deadline=5s\n", SEMEL_OK, "");
    write_text("other.conf", "Window=7\n");
    load("other.conf");
    write_text("bank.conf", "Deadline=6s\nWindow=8\n");
    write_text("other.conf", "Lease=1min\nWindo=9\n");
    expect_reload(SEMEL_INVALID_ARGUMENT, "other.conf:2: unknown key \"Windo\"; did you mean \"Window\"?");
    cr_assert_eq(get(PROPERTIES_DEADLINE), 5000);
    cr_assert_eq(get(PROPERTIES_WINDOW), 7);
    cr_assert_eq(get(PROPERTIES_LEASE), 300000);
    write_text("other.conf", "Lease=1min\n");
    expect_reload(SEMEL_OK, "");
    cr_assert_eq(get(PROPERTIES_WINDOW), 8);
}

Test(reload, a_file_that_is_gone_changes_nothing)
{
    expect_load_text("Deadline=5s\n", SEMEL_OK, "");
    unlink("bank.conf");
    expect_reload(SEMEL_NOT_FOUND, "bank.conf: No such file or directory");
    cr_assert_eq(get(PROPERTIES_DEADLINE), 5000);
    cr_assert_eq(semel_properties_reload(properties, NULL), SEMEL_NOT_FOUND);
}

Test(reload, layers_keep_their_order)
{
    expect_set("Deadline", "1s", SEMEL_OK, "");
    expect_set("Lease", "1s", SEMEL_OK, "");
    expect_load_text("Deadline=2s\nHeartbeat=2s\nWindow=2\n", SEMEL_OK, "");
    expect_set("Heartbeat", "3s", SEMEL_OK, "");
    write_text("other.conf", "Window=4\n");
    load("other.conf");
    expect_reload(SEMEL_OK, "");
    cr_assert_eq(get(PROPERTIES_DEADLINE), 2000, "a file wins over what was set before it");
    cr_assert_eq(get(PROPERTIES_LEASE), 1000);
    cr_assert_eq(get(PROPERTIES_HEARTBEAT), 3000, "and gives way to what was set after it");
    cr_assert_eq(get(PROPERTIES_WINDOW), 4);
    write_text("bank.conf", "Heartbeat=9s\nWindow=9\n");
    write_text("other.conf", "");
    expect_reload(SEMEL_OK, "");
    cr_assert_eq(get(PROPERTIES_DEADLINE), 1000, "what the file covered shows again");
    cr_assert_eq(get(PROPERTIES_HEARTBEAT), 3000);
    cr_assert_eq(get(PROPERTIES_WINDOW), 9);
}

Test(reload, the_command_line_stays_above_its_file)
{
    char *argv[] = {(char *)"x", (char *)"--Deadline=7s", (char *)"--config", (char *)"bank.conf", NULL};
    int argc = 4;
    write_text("bank.conf", "Deadline=5s\n");
    cr_assert_eq(semel_properties_parse_args(properties, &argc, argv, &status), SEMEL_OK);
    write_text("bank.conf", "Deadline=6s\nWindow=9\n");
    expect_reload(SEMEL_OK, "");
    cr_assert_eq(get(PROPERTIES_DEADLINE), 7000);
    cr_assert_eq(get(PROPERTIES_WINDOW), 9);
}

Test(reload, rivals_displace_each_other_again)
{
    expect_load_text("RetryIntervals=1 2\n", SEMEL_OK, "");
    expect_set("RetryMaxAttempts", "4", SEMEL_OK, "");
    expect_reload(SEMEL_OK, "");
    cr_assert_eq(get(PROPERTIES_RETRY_MAX_ATTEMPTS), 4);
    cr_assert_eq(properties_level(properties, NULL, PROPERTIES_RETRY_INTERVALS), PROPERTIES_LEVEL_UNSET);
}

Test(reload, rules_between_layers_hold)
{
    expect_load_text("RetryInitialBackoff=1s\n", SEMEL_OK, "");
    expect_set("RetryMaxBackoff", "2s", SEMEL_OK, "");
    write_text("bank.conf", "\nRetryInitialBackoff=3s\n");
    expect_reload(SEMEL_INVALID_ARGUMENT,
                  "RetryMaxBackoff: 2s is below RetryInitialBackoff, 3s, set by bank.conf:2");
    cr_assert_eq(get(PROPERTIES_RETRY_INITIAL_BACKOFF), 1000);
}

Test(reload, the_file_is_found_from_another_folder)
{
    expect_load_text("Deadline=5s\n", SEMEL_OK, "");
    write_text("bank.conf", "Deadline=6s\n");
    char folder[4096];
    cr_assert_not_null(getcwd(folder, sizeof folder));
    cr_assert_eq(chdir("/"), 0);
    expect_reload(SEMEL_OK, "");
    cr_assert_eq(get(PROPERTIES_DEADLINE), 6000);
    cr_assert_eq(chdir(folder), 0);
}

/* As configuration is often replaced: a link that is turned. */
Test(reload, a_link_is_followed_anew)
{
    write_text("one.conf", "Deadline=1s\n");
    write_text("two.conf", "Deadline=2s\n");
    cr_assert_eq(symlink("one.conf", "current"), 0);
    load("current");
    cr_assert_eq(unlink("current"), 0);
    cr_assert_eq(symlink("two.conf", "current"), 0);
    expect_reload(SEMEL_OK, "");
    cr_assert_eq(get(PROPERTIES_DEADLINE), 2000);
}

Test(reload, what_can_be_read_once_only_is_not_read_again)
{
    expect_load_text("Deadline=5s\n", SEMEL_OK, "");
    unlink("bank.conf");
    cr_assert_eq(mkfifo("bank.conf", 0600), 0);
    expect_reload(SEMEL_INVALID_ARGUMENT, "bank.conf: can not be read again: not a plain file");
    cr_assert_eq(get(PROPERTIES_DEADLINE), 5000);
}

Test(reload, a_snapshot_stays_as_it_was)
{
    expect_load_text("RetryIntervals=1 2 3\n", SEMEL_OK, "");
    struct properties_snapshot *snapshot = properties_snapshot(properties);
    const uint32_t *intervals_ms;
    size_t count;
    snapshot_get_intervals(snapshot, NULL, &intervals_ms, &count);
    write_text("bank.conf", "RetryIntervals=9\n");
    expect_reload(SEMEL_OK, "");
    cr_assert_neq(snapshot_generation(snapshot), properties_generation(properties));
    semel_properties_destroy(properties);
    properties = NULL;
    cr_assert_eq(count, 3);
    cr_assert_eq(intervals_ms[2], 3);
    properties_snapshot_unref(snapshot);
}

Test(reload, no_properties_have_no_snapshot)
{
    cr_assert_null(properties_snapshot(NULL));
    cr_assert_eq(properties_generation(NULL), 0);
    cr_assert_eq(snapshot_generation(NULL), 0);
    cr_assert_eq(snapshot_get_int(NULL, NULL, PROPERTIES_DEADLINE), 60000);
    properties_snapshot_unref(NULL);
}

/* The same file again and again takes one place, and what is set between takes another. */
Test(reload, a_file_loaded_often_is_one_layer)
{
    for (int i = 0; i < 2 * CONFIG_LAYERS_MAX; i++) {
        char value[16];
        snprintf(value, sizeof value, "%d", i + 1);
        expect_load_text("Deadline=5s\n", SEMEL_OK, "");
        expect_set("Window", value, SEMEL_OK, "");
    }
    expect_reload(SEMEL_OK, "");
    cr_assert_eq(get(PROPERTIES_WINDOW), 2 * CONFIG_LAYERS_MAX);
}

Test(reload, the_number_of_files_is_limited)
{
    char name[32];
    for (int i = 0; i < CONFIG_LAYERS_MAX; i++) {
        snprintf(name, sizeof name, "%d.conf", i);
        write_text(name, "Deadline=5s\n");
        enum semel_code code = semel_properties_load(properties, name, &status);
        if (code == SEMEL_OK)
            continue;
        cr_assert_eq(i, CONFIG_LAYERS_MAX - 1, "two places are asked for: one may be needed above the file");
        cr_assert_eq(code, SEMEL_RESOURCE_EXHAUSTED);
    }
    expect_reload(SEMEL_OK, "");
}
