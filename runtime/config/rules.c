/* Each rule looks at one setting and its counterpart in the same scope.
 * Must not know: text forms, and where settings are kept.
 * Reads best next: snapshot.c. */
#include "config/rules.h"

#include <stdio.h>
#include <string.h>

/* The key that says the same in another way.  Returns false if there is none. */
static bool find_rival(enum properties_key key, enum properties_key *ret)
{
    if (key != PROPERTIES_RETRY_INTERVALS && key != PROPERTIES_RETRY_MAX_ATTEMPTS)
        return false;
    *ret = key == PROPERTIES_RETRY_INTERVALS ? PROPERTIES_RETRY_MAX_ATTEMPTS : PROPERTIES_RETRY_INTERVALS;
    return true;
}

static const struct setting *beside(const struct settings *settings, const struct setting *item,
                                    enum properties_key key)
{
    return settings_find(settings, key, item->scope, strlen(item->scope));
}

/* "demo.Bank.Deadline", fit for a message. */
static const char *written(const struct setting *item, struct report_quote *quote)
{
    const char *name = keys_info(item->key)->name;
    char text[sizeof quote->text * 2];
    size_t scope_length = strlen(item->scope);
    /* Of a long scope the end says more. */
    size_t skipped = scope_length > sizeof quote->text ? scope_length - sizeof quote->text : 0;
    snprintf(text, sizeof text, "%s%s%s", item->scope + skipped, scope_length > 0 ? "." : "", name);
    return report_quote_end(quote, text);
}

static enum semel_code check_rivals(const struct settings *settings, const struct setting *item,
                                    semel_status *status)
{
    if (item->key != PROPERTIES_RETRY_INTERVALS)
        return SEMEL_OK;
    const struct setting *later = beside(settings, item, PROPERTIES_RETRY_MAX_ATTEMPTS);
    const struct setting *earlier = item;
    if (!later)
        return SEMEL_OK;
    if (later->place.line < earlier->place.line) {
        earlier = later;
        later = item;
    }
    struct report_quote quote;
    char origin[REPORT_ORIGIN_MAX];
    report_origin(&earlier->place, origin);
    return report_bad(status, &later->place,
                      "%s: RetryIntervals and RetryMaxAttempts can not both hold in one scope; the other is "
                      "set by %s",
                      written(later, &quote), origin);
}

/* The key whose value a cap must not be below.  Returns false if key is no cap. */
static bool find_capped(enum properties_key key, enum properties_key *ret)
{
    if (key != PROPERTIES_RETRY_MAX_BACKOFF && key != PROPERTIES_RECONNECT_MAX)
        return false;
    *ret = key == PROPERTIES_RECONNECT_MAX ? PROPERTIES_RECONNECT_INITIAL : PROPERTIES_RETRY_INITIAL_BACKOFF;
    return true;
}

static enum semel_code check_order(const struct settings *settings, const struct setting *item,
                                   semel_status *status)
{
    enum properties_key capped;
    if (!find_capped(item->key, &capped))
        return SEMEL_OK;
    const struct setting *initial = beside(settings, item, capped);
    if (!initial || initial->value.number <= item->value.number)
        return SEMEL_OK;
    struct report_quote quote;
    char origin[REPORT_ORIGIN_MAX], max_text[VALUE_TEXT_MAX], initial_text[VALUE_TEXT_MAX];
    value_format(item->key, &item->value, max_text);
    value_format(initial->key, &initial->value, initial_text);
    report_origin(&initial->place, origin);
    return report_bad(status, &item->place, "%s: %s is below %s, %s, set by %s", written(item, &quote),
                      max_text, keys_info(capped)->name, initial_text, origin);
}

enum semel_code rules_check_rivals(const struct settings *settings, semel_status *status)
{
    enum semel_code code = SEMEL_OK;
    for (size_t i = 0; i < settings->count && code == SEMEL_OK; i++)
        code = check_rivals(settings, settings->items[i], status);
    return code;
}

enum semel_code rules_check_order(const struct settings *settings, semel_status *status)
{
    enum semel_code code = SEMEL_OK;
    for (size_t i = 0; i < settings->count && code == SEMEL_OK; i++)
        code = check_order(settings, settings->items[i], status);
    return code;
}

unsigned rules_check_each(const struct settings *settings, rules_break_fn *found, void *user)
{
    semel_status status;
    unsigned breaks = 0;
    for (size_t i = 0; i < settings->count; i++) {
        if (check_rivals(settings, settings->items[i], &status) == SEMEL_OK &&
            check_order(settings, settings->items[i], &status) == SEMEL_OK)
            continue;
        found(&status, user);
        breaks++;
    }
    return breaks;
}

enum settings_result rules_merge(struct settings *into, const struct settings *from)
{
    enum settings_result result = settings_merge(into, from);
    for (size_t i = 0; i < from->count && result == SETTINGS_OK; i++) {
        enum properties_key rival;
        if (find_rival(from->items[i]->key, &rival) && !beside(from, from->items[i], rival))
            settings_remove(into, rival, from->items[i]->scope);
    }
    return result;
}
