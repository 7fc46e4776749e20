/* semel_properties_set: every type, range and scope, and the message for each way to get it wrong.
 * Must not know: files and command lines.
 * Reads best next: lookup_test.c. */
#include "support.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/limits.h"
#include "config/properties.h"

TestSuite(set, .init = workplace_enter, .fini = workplace_leave);

static void expect_int(const char *key_text, const char *value, enum properties_key key, int64_t expected)
{
    int64_t got = -1;
    expect_set(key_text, value, SEMEL_OK, "");
    cr_assert(properties_find_int(properties, NULL, key, &got), "%s", key_text);
    cr_assert_eq(got, expected, "%s=%s: %" PRId64, key_text, value, got);
}

Test(set, each_type)
{
    expect_int("Deadline", "1500ms", PROPERTIES_DEADLINE, 1500);
    expect_int("Deadline", "0", PROPERTIES_DEADLINE, 0);
    expect_int("FrameLimit", "64KiB", PROPERTIES_FRAME_LIMIT, 65536);
    expect_int("MaxOutstanding", "7", PROPERTIES_MAX_OUTSTANDING, 7);
    expect_int("OnUnavailable", "wait", PROPERTIES_ON_UNAVAILABLE, SEMEL_ON_UNAVAILABLE_WAIT);
    expect_int("OnUnavailable", "fail", PROPERTIES_ON_UNAVAILABLE, SEMEL_ON_UNAVAILABLE_FAIL);
    expect_int("OnUnavailable", "drop", PROPERTIES_ON_UNAVAILABLE, SEMEL_ON_UNAVAILABLE_DROP);
    expect_int("EndpointSelection", "random", PROPERTIES_ENDPOINT_SELECTION, PROPERTIES_SELECTION_RANDOM);
    expect_int("EndpointSelection", "ordered", PROPERTIES_ENDPOINT_SELECTION, PROPERTIES_SELECTION_ORDERED);
    expect_int("Trace.Retry", "2", PROPERTIES_TRACE_RETRY, 2);
}

static bool is_number(const struct properties_key_info *info)
{
    return info->type == PROPERTIES_TYPE_DURATION || info->type == PROPERTIES_TYPE_SIZE ||
           info->type == PROPERTIES_TYPE_COUNT;
}

/* So that no rule between keys stands in the way. */
static void start_anew(void)
{
    semel_properties_destroy(properties);
    properties = semel_properties_create();
}

Test(set, both_ends_of_every_range_are_inside)
{
    for (int key = 0; key < PROPERTIES_KEY_COUNT; key++) {
        const struct properties_key_info *info = keys_info((enum properties_key)key);
        char text[32];
        if (!is_number(info))
            continue;
        start_anew();
        snprintf(text, sizeof text, "%" PRId64, info->min);
        expect_int(info->name, text, (enum properties_key)key, info->min);
        snprintf(text, sizeof text, "%" PRId64, info->max);
        expect_int(info->name, text, (enum properties_key)key, info->max);
    }
}

Test(set, beyond_both_ends_of_every_range_is_refused)
{
    for (int key = 0; key < PROPERTIES_KEY_COUNT; key++) {
        const struct properties_key_info *info = keys_info((enum properties_key)key);
        char text[32];
        if (!is_number(info))
            continue;
        snprintf(text, sizeof text, "%" PRId64, info->max + 1);
        cr_assert_eq(semel_properties_set(properties, info->name, text, &status), SEMEL_INVALID_ARGUMENT);
        cr_assert_not_null(strstr(status.message, "is outside"), "%s", status.message);
        snprintf(text, sizeof text, "%" PRId64, info->min - 1);
        cr_assert_eq(semel_properties_set(properties, info->name, text, &status), SEMEL_INVALID_ARGUMENT);
        cr_assert_eq(strncmp(status.message, info->name, strlen(info->name)), 0, "%s", status.message);
    }
}

static void expect_intervals(const char *text, const uint32_t *expected, size_t expected_count)
{
    const uint32_t *intervals_ms = NULL;
    size_t count = 999;
    expect_set("RetryIntervals", text, SEMEL_OK, "");
    cr_assert(properties_find_intervals(properties, NULL, &intervals_ms, &count));
    cr_assert_not_null(intervals_ms);
    cr_assert_eq(count, expected_count, "\"%s\": %zu", text, count);
    cr_assert_arr_eq(intervals_ms, expected, count * sizeof *expected, "\"%s\"", text);
}

Test(set, intervals)
{
    const uint32_t three[] = {0, 100, 500};
    const uint32_t largest[] = {3600000};
    expect_intervals("0 100 500", three, 3);
    expect_intervals("0,100,500", three, 3);
    expect_intervals("0, 100 ,500", three, 3);
    expect_intervals(" 0\t100  500 ", three, 3);
    expect_intervals("0", three, 1);
    expect_intervals("3600000", largest, 1);
    expect_intervals("-1", three, 0);
}

Test(set, sixty_four_intervals_and_no_more)
{
    const size_t width = sizeof "3600000 " - 1;
    char text[65 * sizeof "3600000 "] = "";
    uint32_t expected[64];
    for (size_t i = 0; i < 64; i++) {
        expected[i] = 3600000;
        snprintf(text + i * width, width + 1, "3600000 ");
    }
    expect_intervals(text, expected, 64);
    snprintf(text + 64 * width, 2, "1");
    expect_set("RetryIntervals", text, SEMEL_INVALID_ARGUMENT, "RetryIntervals: more than 64 waits");
}

Test(set, bad_intervals)
{
    static const char *const texts[] = {"",   " ",    "-1 100", "100 -1", "-2",   "1,,2",  ",1",
                                        "1,", "1, ,", "1;2",    "100ms",  "1 5s", "0 1.5", "x"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char message[SEMEL_MESSAGE_MAX];
        snprintf(message, sizeof message,
                 "RetryIntervals: \"%s\" is not a list of waits in ms (0 100 500), nor -1 alone for no retry",
                 texts[i]);
        expect_set("RetryIntervals", texts[i], SEMEL_INVALID_ARGUMENT, message);
    }
    expect_set("RetryIntervals", "1 3600001 2", SEMEL_INVALID_ARGUMENT,
               "RetryIntervals: a wait of \"3600001\" is outside 0 to 3600000 ms");
    expect_set("RetryIntervals", "99999999999999999999", SEMEL_INVALID_ARGUMENT,
               "RetryIntervals: a wait of \"99999999999999999999\" is outside 0 to 3600000 ms");
}

Test(set, factors_and_words)
{
    expect_int("RetryBackoffMultiplier", "1.125", PROPERTIES_RETRY_BACKOFF_MULTIPLIER, 1125);
    expect_int("RetryBackoffMultiplier", "100", PROPERTIES_RETRY_BACKOFF_MULTIPLIER, 100000);
    expect_int("RetryJitter", "none", PROPERTIES_RETRY_JITTER, SEMEL_JITTER_NONE);
    expect_int("RetryJitter", "decorrelated", PROPERTIES_RETRY_JITTER, SEMEL_JITTER_DECORRELATED);
    expect_int("AdaptiveLimit", "yes", PROPERTIES_ADAPTIVE_LIMIT, 1);
    expect_int("AdaptiveLimit", "no", PROPERTIES_ADAPTIVE_LIMIT, 0);
}

Test(set, codes)
{
    expect_int("RetryableCodes", "UNAVAILABLE", PROPERTIES_RETRYABLE_CODES, 1 << SEMEL_UNAVAILABLE);
    expect_int("RetryableCodes", "UNAVAILABLE ABORTED", PROPERTIES_RETRYABLE_CODES,
               1 << SEMEL_UNAVAILABLE | 1 << SEMEL_ABORTED);
    expect_int("RetryableCodes", " CANCELLED ,\tUNAUTHENTICATED ", PROPERTIES_RETRYABLE_CODES,
               1 << SEMEL_CANCELLED | 1 << SEMEL_UNAUTHENTICATED);
    expect_int("RetryableCodes", "none", PROPERTIES_RETRYABLE_CODES, 0);
    expect_int("RetryableCodes", " none ", PROPERTIES_RETRYABLE_CODES, 0);
}

Test(set, all_codes_at_once)
{
    char text[512];
    int length = 0;
    for (int code = 1; code <= SEMEL_UNAUTHENTICATED; code++)
        length += snprintf(text + length, sizeof text - (size_t)length, "%s%s", code > 1 ? "," : "",
                           semel_code_name((enum semel_code)code));
    expect_int("RetryableCodes", text, PROPERTIES_RETRYABLE_CODES, PROPERTIES_CODES_MAX);
}

Test(set, bad_codes)
{
    static const char *const lists[] = {
        "", " ", ",ABORTED", "ABORTED,", "ABORTED,,UNKNOWN", "none ABORTED", "ABORTED none", "none,none"};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        char message[SEMEL_MESSAGE_MAX];
        snprintf(message, sizeof message,
                 "RetryableCodes: \"%s\" is not a list of codes (UNAVAILABLE ABORTED), nor none alone",
                 lists[i]);
        expect_set("RetryableCodes", lists[i], SEMEL_INVALID_ARGUMENT, message);
    }
    expect_set("RetryableCodes", "ABORTED UNAVAILBLE", SEMEL_INVALID_ARGUMENT,
               "RetryableCodes: \"UNAVAILBLE\" is not a code; did you mean \"UNAVAILABLE\"?");
    expect_set("RetryableCodes", "unavailable", SEMEL_INVALID_ARGUMENT,
               "RetryableCodes: \"unavailable\" is not a code; case matters, did you mean \"UNAVAILABLE\"?");
    expect_set("RetryableCodes", "ABORTED OK", SEMEL_INVALID_ARGUMENT, "RetryableCodes: OK is not a failure");
    expect_set("RetryableCodes", "ABORTED UNKNOWN ABORTED", SEMEL_INVALID_ARGUMENT,
               "RetryableCodes: ABORTED is named twice");
    expect_set("RetryableCodes", "14", SEMEL_INVALID_ARGUMENT,
               "RetryableCodes: \"14\" is not a code; did you mean \"OK\"?");
}

Test(set, bad_values_say_what_would_do)
{
    static const struct {
        const char *key, *value, *message;
    } cases[] = {
        {"Deadline", "", "Deadline: \"\" is not a duration (500, 500ms, 5s or 2min)"},
        {"Deadline", "-1", "Deadline: \"-1\" is not a duration (500, 500ms, 5s or 2min)"},
        {"Deadline", "5S", "Deadline: \"5S\" is not a duration (500, 500ms, 5s or 2min)"},
        {"Deadline", " 5s", "Deadline: \" 5s\" is not a duration (500, 500ms, 5s or 2min)"},
        {"Deadline", "1441min", "Deadline: \"1441min\" is outside 0 to 1440min"},
        {"Heartbeat", "49", "Heartbeat: \"49\" is outside 50ms to 60min"},
        {"KeepReply", "1KB", "KeepReply: \"1KB\" is not a size (4096, 4KiB or 1MiB)"},
        {"FrameLimit", "4095", "FrameLimit: \"4095\" is outside 4KiB to 256MiB"},
        {"Window", "1KiB", "Window: \"1KiB\" is not a whole number"},
        {"Window", "0", "Window: \"0\" is outside 1 to 65536"},
        {"Trace.Retry", "3", "Trace.Retry: \"3\" is outside 0 to 2"},
        {"OnUnavailable", "", "OnUnavailable: \"\" is not one of wait, fail, drop"},
        {"OnUnavailable", "FAIL", "OnUnavailable: \"FAIL\" is not one of wait, fail, drop"},
        {"a.OnUnavailable", "2", "a.OnUnavailable: \"2\" is not one of wait, fail, drop"},
        {"RetryJitter", "Full", "RetryJitter: \"Full\" is not one of none, full, equal, decorrelated"},
        {"AdaptiveLimit", "true", "AdaptiveLimit: \"true\" is not one of no, yes"},
        {"RetryMaxAttempts", "0", "RetryMaxAttempts: \"0\" is outside 1 to 65"},
        {"RetryMaxAttempts", "66", "RetryMaxAttempts: \"66\" is outside 1 to 65"},
        {"RetryBackoffMultiplier", "0.999", "RetryBackoffMultiplier: \"0.999\" is outside 1 to 100"},
        {"RetryBackoffMultiplier", "100.001", "RetryBackoffMultiplier: \"100.001\" is outside 1 to 100"},
        {"RetryBackoffMultiplier", "1.2345",
         "RetryBackoffMultiplier: \"1.2345\" is not a number with at most three decimals (2 or 1.5)"},
        {"HedgeMax", "17", "HedgeMax: \"17\" is outside 0 to 16"},
        {"EndpointSelection", "rand", "EndpointSelection: \"rand\" is not one of ordered, random, pinned"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect_set(cases[i].key, cases[i].value, SEMEL_INVALID_ARGUMENT, cases[i].message);
}

Test(set, name_servers_are_addresses)
{
    static const char *const wrong[] = {
        "",        "localhost",     "10.0.0",         "10.0.0.1:", "10.0.0.1:0", "[::1]",
        "[::1]:",  "[10.0.0.1]:53", "10.0.0.1:65536", "::1:x",     "10.0.0.1,",  "1.2.3.4,,::1",
        "[::1:53", "10.0.0.1:5 3",  "[]:53",          "1.2.3.4:-1"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char message[160];
        snprintf(message, sizeof message,
                 "NameServers: \"%s\" is not a list of name servers (10.0.0.1, 10.0.0.1:53 or [::1]:53)",
                 wrong[i]);
        expect_set("NameServers", wrong[i], SEMEL_INVALID_ARGUMENT, message);
    }
    expect_set("NameServers", "1.1.1.1 1.1.1.2 1.1.1.3 1.1.1.4 1.1.1.5 1.1.1.6 1.1.1.7 1.1.1.8 1.1.1.9",
               SEMEL_INVALID_ARGUMENT, "NameServers: more than 8 name servers");
    expect_set("NameServers",
               "1234:1234:1234:1234:1234:1234:255.255.255.255 [1234:1234:1234:1234:1234:1234:1234:1234]:65535",
               SEMEL_OK, "");
}

Test(set, unknown_keys_name_the_nearest)
{
    expect_set("Deadlin", "5s", SEMEL_INVALID_ARGUMENT, "unknown key \"Deadlin\"; did you mean \"Deadline\"?");
    expect_set("demo.Bank.heartbeat", "5s", SEMEL_INVALID_ARGUMENT,
               "unknown key \"demo.Bank.heartbeat\"; case matters, did you mean \"Heartbeat\"?");
    expect_set(" Deadline", "5s", SEMEL_INVALID_ARGUMENT,
               "unknown key \" Deadline\"; did you mean \"Deadline\"?");
    cr_assert_eq(semel_properties_set(properties, "", "5s", &status), SEMEL_INVALID_ARGUMENT);
}

Test(set, every_key_in_every_scope_it_may_not_stand_in)
{
    for (int key = 0; key < PROPERTIES_KEY_COUNT; key++) {
        const struct properties_key_info *info = keys_info((enum properties_key)key);
        const char *value = keys_are_words(info->type)               ? keys_word(info->type, info->max)
                            : info->type == PROPERTIES_TYPE_CODES    ? "ABORTED"
                            : info->type == PROPERTIES_TYPE_SIZE     ? "4194304"
                            : info->type == PROPERTIES_TYPE_DURATION ? "1s"
                            : info->type == PROPERTIES_TYPE_SERVERS  ? "::1"
                                                                     : "1";
        char in_channel[64], in_method[64];
        snprintf(in_channel, sizeof in_channel, "audit.%s", info->name);
        snprintf(in_method, sizeof in_method, "demo.Bank.Deposit.%s", info->name);
        cr_assert_eq(semel_properties_set(properties, info->name, value, NULL), SEMEL_OK, "%s", info->name);
        cr_assert_eq(semel_properties_set(properties, in_channel, value, NULL) == SEMEL_OK,
                     info->reach != PROPERTIES_REACH_NODE, "%s", in_channel);
        cr_assert_eq(semel_properties_set(properties, in_method, value, NULL) == SEMEL_OK,
                     info->reach == PROPERTIES_REACH_CALL, "%s", in_method);
    }
}

Test(set, wrong_scopes_say_where_the_key_belongs)
{
    expect_set("audit.Window", "5", SEMEL_INVALID_ARGUMENT,
               "\"audit.Window\": Window holds for the whole node; write \"Window\" alone");
    expect_set(
        "demo.Bank.FrameLimit", "5MiB", SEMEL_INVALID_ARGUMENT,
        "\"demo.Bank.FrameLimit\": FrameLimit holds for a channel, whose name has no dot here, not for a "
        "method or service");
}

Test(set, scopes_that_can_not_match_are_refused)
{
    static const char *const scopes[] = {"",    ".",   "a..b", ".a",       "a.",   "a b",   "demo.*",
                                         "a/b", "a=b", "a:b",  "\xc3\xa4", "a\nb", "-\x01", "\"a\""};
    for (size_t i = 0; i < sizeof scopes / sizeof *scopes; i++) {
        char key[64];
        snprintf(key, sizeof key, "%s.Deadline", scopes[i]);
        cr_assert_eq(semel_properties_set(properties, key, "5s", &status), SEMEL_INVALID_ARGUMENT, "%s", key);
        cr_assert_not_null(strstr(status.message, "is not the name of a method, service or channel"), "%s",
                           status.message);
    }
}

Test(set, scope_length_is_limited)
{
    char key[CONFIG_SCOPE_MAX + sizeof ".Deadline" + 1];
    memset(key, 'a', sizeof key);
    memcpy(key + CONFIG_SCOPE_MAX, ".Deadline", sizeof ".Deadline");
    expect_set(key, "5s", SEMEL_OK, "");
    key[CONFIG_SCOPE_MAX] = 'a';
    memcpy(key + CONFIG_SCOPE_MAX + 1, ".Deadline", sizeof ".Deadline");
    expect_set(
        key, "5s", SEMEL_INVALID_ARGUMENT,
        "\"...aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.Deadline\": what stands before Deadline is "
        "not the name of a method, service or channel");
}

Test(set, a_later_value_replaces)
{
    expect_int("Deadline", "5s", PROPERTIES_DEADLINE, 5000);
    expect_int("Deadline", "6s", PROPERTIES_DEADLINE, 6000);
    expect_set("RetryIntervals", "1 2 3", SEMEL_OK, "");
    expect_set("RetryIntervals", "-1", SEMEL_OK, "");
    const uint32_t *intervals_ms;
    size_t count;
    cr_assert(properties_find_intervals(properties, NULL, &intervals_ms, &count));
    cr_assert_eq(count, 0);
}

Test(set, a_refused_value_leaves_the_old_one)
{
    expect_int("Deadline", "5s", PROPERTIES_DEADLINE, 5000);
    cr_assert_eq(semel_properties_set(properties, "Deadline", "x", NULL), SEMEL_INVALID_ARGUMENT);
    cr_assert_eq(properties_get_int(properties, NULL, PROPERTIES_DEADLINE), 5000);
}

Test(set, hostile_text_is_escaped_and_cut_in_the_message)
{
    char *value = malloc(1000001);
    memset(value, 'x', 1000000);
    value[1000000] = '\0';
    expect_set(
        "Window", value, SEMEL_INVALID_ARGUMENT,
        "Window: \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...\" is not a whole number");
    cr_assert_eq(semel_properties_set(properties, value, "5", &status), SEMEL_INVALID_ARGUMENT);
    cr_assert_lt(strlen(status.message), SEMEL_MESSAGE_MAX);
    free(value);
    expect_set("Window", "\x1b[31m\n\\\xff", SEMEL_INVALID_ARGUMENT,
               "Window: \"\\x1b[31m\\x0a\\x5c\\xff\" is not a whole number");
}

Test(set, null_texts_are_refused)
{
    expect_set(NULL, "5s", SEMEL_INVALID_ARGUMENT, "a property needs a key and a value");
    expect_set("Deadline", NULL, SEMEL_INVALID_ARGUMENT, "a property needs a key and a value");
}

/* Most of them come from a file: each change by itself makes a new set of all. */
Test(set, number_of_settings_is_limited)
{
    char key[64];
    FILE *file = fopen("many.conf", "w");
    for (int i = 0; i < CONFIG_SETTINGS_MAX - 100; i++)
        fprintf(file, "c%d.Deadline=5s\n", i);
    fclose(file);
    cr_assert_eq(semel_properties_load(properties, "many.conf", &status), SEMEL_OK);
    for (int i = CONFIG_SETTINGS_MAX - 100; i < CONFIG_SETTINGS_MAX; i++) {
        snprintf(key, sizeof key, "c%d.Deadline", i);
        cr_assert_eq(semel_properties_set(properties, key, "5s", NULL), SEMEL_OK);
    }
    expect_set("Deadline", "5s", SEMEL_RESOURCE_EXHAUSTED, "more than 8192 properties");
    expect_set("c17.Deadline", "6s", SEMEL_OK, ""); /* replacing takes no room */
    expect_load_text("Deadline=5s\n", SEMEL_RESOURCE_EXHAUSTED, "more than 8192 properties");
    expect_load_text("c18.Deadline=6s\n", SEMEL_OK, "");
}

Test(set, destroy_accepts_null)
{
    semel_properties_destroy(NULL);
}
