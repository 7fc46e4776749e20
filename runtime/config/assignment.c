/* One "Key=Value", from text to a setting.  Whatever could make a value be silently ignored is refused here.
 * Must not know: where the text was read.
 * Reads best next: properties.c, which finds the settings again. */
#include "config/assignment.h"

#include <string.h>

#include "config/limits.h"
#include "config/nearest.h"

static enum semel_code unknown_key(const char *text, const struct report_place *place, semel_status *status)
{
    struct report_quote quote;
    bool case_only = false;
    const char *nearest = keys_info(nearest_key(text, &case_only))->name;
    return report_bad(status, place, "unknown key \"%s\"; %sdid you mean \"%s\"?",
                      report_quote_end(&quote, text), case_only ? "case matters, " : "", nearest);
}

/* No more than the names of an IDL and simple channel names need: "demo.*" or "demo.Bank/Deposit" would be
 * taken for a channel that never is. */
static bool is_scope_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
           c == '.';
}

/* Names between dots, none of them empty. */
static bool is_scope(const char *scope, size_t length)
{
    if (length == 0 || length > CONFIG_SCOPE_MAX || scope[0] == '.' || scope[length - 1] == '.')
        return false;
    for (size_t i = 0; i < length; i++) {
        if (!is_scope_byte(scope[i]) || (scope[i] == '.' && scope[i + 1] == '.'))
            return false;
    }
    return true;
}

static enum semel_code check_scope(const char *text, size_t length, const struct properties_key_info *info,
                                   const struct report_place *place, semel_status *status)
{
    struct report_quote quote;
    report_quote_end(&quote, text);
    if (!is_scope(text, length))
        return report_bad(status, place,
                          "\"%s\": what stands before %s is not the name of a method, service or channel",
                          quote.text, info->name);
    if (info->reach == PROPERTIES_REACH_NODE)
        return report_bad(status, place, "\"%s\": %s holds for the whole node; write \"%s\" alone", quote.text,
                          info->name, info->name);
    if (info->reach == PROPERTIES_REACH_CHANNEL && memchr(text, '.', length))
        return report_bad(
            status, place,
            "\"%s\": %s holds for a channel, whose name has no dot here, not for a method or service",
            quote.text, info->name);
    return SEMEL_OK;
}

static enum semel_code check_once(const struct settings *settings, enum properties_key key, const char *text,
                                  size_t scope_length, const struct report_place *place, semel_status *status)
{
    const struct setting *earlier = settings_find(settings, key, text, scope_length);
    if (place->source != REPORT_FILE || !earlier)
        return SEMEL_OK;
    struct report_quote quote;
    return report_bad(status, place, "\"%s\" is set twice, first in line %d", report_quote_end(&quote, text),
                      earlier->place.line);
}

enum semel_code assignment_report_stored(enum settings_result result, const struct report_place *place,
                                         semel_status *status)
{
    switch (result) {
    case SETTINGS_OK: return SEMEL_OK;
    case SETTINGS_NO_MEMORY: return report_no_memory(status);
    case SETTINGS_FULL: break;
    }
    return report_fail(status, SEMEL_RESOURCE_EXHAUSTED, place, "more than %d properties", CONFIG_SETTINGS_MAX);
}

enum semel_code assignment_apply(struct settings *settings, const char *key_text, const char *value_text,
                                 const struct report_place *place, semel_status *status)
{
    enum properties_key key;
    size_t scope_length;
    if (!keys_find(key_text, &key, &scope_length))
        return unknown_key(key_text, place, status);
    const struct properties_key_info *info = keys_info(key);
    enum semel_code code = SEMEL_OK;
    if (strcmp(key_text, info->name) != 0)
        code = check_scope(key_text, scope_length, info, place, status);
    if (code == SEMEL_OK)
        code = check_once(settings, key, key_text, scope_length, place, status);
    struct value value;
    if (code == SEMEL_OK)
        code = value_parse(key, key_text, value_text, place, &value, status);
    if (code != SEMEL_OK)
        return code;
    enum settings_result result = settings_put(settings, key, key_text, scope_length, &value, place);
    if (result != SETTINGS_OK)
        value_fini(&value);
    return assignment_report_stored(result, place, status);
}
