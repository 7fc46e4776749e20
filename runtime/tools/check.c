/* semel config check: every mistake of property files in one run, and settings that can have no effect.
 * Must not know: how a line is read.
 * Reads best next: config/file.h, config/rules.h. */
#include <stdio.h>
#include <string.h>

#include "config/file.h"
#include "config/rules.h"
#include "tools/arguments.h"

struct findings {
    unsigned errors;
    unsigned warnings;
};

static void print_error(const semel_status *status, void *user)
{
    struct findings *findings = user;
    printf("%s\n", status->message);
    findings->errors++;
}

static void warn(struct findings *findings, const struct setting *setting, const char *what,
                 const struct setting *because)
{
    char here[REPORT_ORIGIN_MAX], there[REPORT_ORIGIN_MAX];
    report_origin(&setting->place, here);
    report_origin(&because->place, there);
    printf("%s: warning: %s %s (%s)\n", here, keys_info(setting->key)->name, what, there);
    findings->warnings++;
}

static const struct setting *beside(const struct settings *settings, const struct setting *setting,
                                    enum properties_key key)
{
    return settings_find(settings, key, setting->scope, strlen(setting->scope));
}

/* Whether any scope sets key. */
static bool is_anywhere(const struct settings *settings, enum properties_key key)
{
    for (size_t i = 0; i < settings->count; i++) {
        if (settings->items[i]->key == key)
            return true;
    }
    return false;
}

/* Parts of a backoff beside a list of waits, where nothing asks for the backoff. */
static bool is_idle_backoff(const struct settings *settings, const struct setting *setting,
                            const struct setting **ret_because)
{
    bool part = setting->key == PROPERTIES_RETRY_INITIAL_BACKOFF ||
                setting->key == PROPERTIES_RETRY_MAX_BACKOFF ||
                setting->key == PROPERTIES_RETRY_BACKOFF_MULTIPLIER || setting->key == PROPERTIES_RETRY_JITTER;
    *ret_because = part ? beside(settings, setting, PROPERTIES_RETRY_INTERVALS) : NULL;
    return *ret_because && !is_anywhere(settings, PROPERTIES_RETRY_MAX_ATTEMPTS);
}

static bool is_dropped_retry(const struct settings *settings, const struct setting *setting,
                             const struct setting **ret_because)
{
    bool retry = setting->key == PROPERTIES_RETRY_INTERVALS || setting->key == PROPERTIES_RETRY_MAX_ATTEMPTS;
    *ret_because = retry ? beside(settings, setting, PROPERTIES_ON_UNAVAILABLE) : NULL;
    return *ret_because && (*ret_because)->value.number == SEMEL_ON_UNAVAILABLE_DROP;
}

static bool is_late_timeout(const struct settings *settings, const struct setting *setting,
                            const struct setting **ret_because)
{
    bool timeout = setting->key == PROPERTIES_ATTEMPT_TIMEOUT && setting->value.number > 0;
    *ret_because = timeout ? beside(settings, setting, PROPERTIES_DEADLINE) : NULL;
    return *ret_because && (*ret_because)->value.number > 0 &&
           setting->value.number >= (*ret_because)->value.number;
}

static void warn_of_idle(const struct settings *settings, struct findings *findings)
{
    for (size_t i = 0; i < settings->count; i++) {
        const struct setting *setting = settings->items[i], *because;
        if (is_idle_backoff(settings, setting, &because))
            warn(findings, setting, "has no effect: RetryIntervals holds in the same scope", because);
        if (is_dropped_retry(settings, setting, &because))
            warn(findings, setting, "has no effect: OnUnavailable=drop in the same scope never retries",
                 because);
        if (is_late_timeout(settings, setting, &because))
            warn(findings, setting, "has no effect: it is not shorter than Deadline in the same scope",
                 because);
    }
}

/* What a later file sets again. */
static void warn_of_replaced(const struct settings *all, const struct settings *later,
                             struct findings *findings)
{
    for (size_t i = 0; i < later->count; i++) {
        const struct setting *earlier = beside(all, later->items[i], later->items[i]->key);
        if (earlier)
            warn(findings, earlier, "is replaced by a later file", later->items[i]);
    }
}

static enum tool_exit check_files(char **paths, int count)
{
    struct findings findings = {0};
    struct settings all = {0};
    semel_status status;
    for (int i = 0; i < count; i++) {
        struct settings settings = {0};
        file_check(paths[i], &settings, print_error, &findings);
        warn_of_replaced(&all, &settings, &findings);
        if (rules_merge(&all, &settings) != SETTINGS_OK) {
            printf("%s: too many properties in all files\n", paths[i]);
            findings.errors++;
        }
        settings_fini(&settings);
    }
    /* Each file alone is in order: what is not comes of two of them. */
    if (findings.errors == 0 && rules_check_order(&all, &status) != SEMEL_OK)
        print_error(&status, &findings);
    warn_of_idle(&all, &findings);
    settings_fini(&all);
    printf("%d file%s, %u error%s, %u warning%s\n", count, count == 1 ? "" : "s", findings.errors,
           findings.errors == 1 ? "" : "s", findings.warnings, findings.warnings == 1 ? "" : "s");
    return findings.errors > 0 ? TOOL_BAD : TOOL_GOOD;
}

enum tool_exit check_command(int argc, char **argv)
{
    static const struct arguments_usage usage = {
        .head = "Usage: semel config check FILE...\n\nReads property files as a program would, and finds every "
                "mistake "
                "in one run: FILE:LINE, the key,\nand what would be right.  Warns of what can have no effect.  "
                "Files are "
                "read in this order; a later\none wins, as if each was loaded after the other.\n",
        .tail =
            "\nExit code: 0 no errors (there may be warnings), 1 errors.\nTry: semel config check bank.conf\n",
        .operand = "FILE"};
    struct arguments arguments;
    enum tool_exit exit_code;
    if (!arguments_read(&arguments, &usage, argc, argv, &exit_code))
        return exit_code;
    if (arguments.operand_count == 0)
        exit_code = arguments_complain("config check needs a file");
    else
        exit_code = check_files(arguments.operands, arguments.operand_count);
    arguments_fini(&arguments);
    return exit_code;
}
