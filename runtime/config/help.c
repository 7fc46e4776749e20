/* semel_properties_help: every key in one line.
 * Must not know: values that were set.
 * Reads best next: keys.h, where the text comes from. */
#include "config/help.h"

#include <semel/properties.h>
#include <stdio.h>

#include "config/number.h"

static const char *const scopes[] = {
    [PROPERTIES_REACH_CALL] = "method, service, channel",
    [PROPERTIES_REACH_CHANNEL] = "channel",
    [PROPERTIES_REACH_NODE] = "-",
};

static void describe_number(const struct properties_key_info *info, const char *type, enum number_kind kind,
                            struct help_row *ret)
{
    char min[NUMBER_TEXT_MAX], max[NUMBER_TEXT_MAX], fallback[NUMBER_TEXT_MAX];
    number_format(kind, info->min, min);
    number_format(kind, info->max, max);
    if (info->fallback == PROPERTIES_NO_DEFAULT)
        snprintf(fallback, sizeof fallback, "unset");
    else
        number_format(kind, info->fallback, fallback);
    snprintf(ret->value, sizeof ret->value, "%s, %s to %s", type, min, max);
    snprintf(ret->fallback, sizeof ret->fallback, "%s", fallback);
}

static void describe_words(const struct properties_key_info *info, struct help_row *ret)
{
    size_t used = 0;
    for (int64_t i = info->min; i <= info->max; i++)
        used += (size_t)snprintf(ret->value + used, sizeof ret->value - used, "%s%s", used > 0 ? ", " : "",
                                 keys_word(info->type, i));
    snprintf(ret->fallback, sizeof ret->fallback, "%s", keys_word(info->type, info->fallback));
}

void help_row(enum properties_key key, struct help_row *ret)
{
    const struct properties_key_info *info = keys_info(key);
    ret->key = info->name;
    ret->scope = scopes[info->reach];
    ret->meaning = info->help;
    switch (info->type) {
    case PROPERTIES_TYPE_INTERVALS: describe_number(info, "list of ms", NUMBER_PLAIN, ret); break;
    case PROPERTIES_TYPE_DURATION: describe_number(info, "duration", NUMBER_DURATION, ret); break;
    case PROPERTIES_TYPE_SIZE: describe_number(info, "bytes", NUMBER_SIZE, ret); break;
    case PROPERTIES_TYPE_COUNT: describe_number(info, "number", NUMBER_PLAIN, ret); break;
    case PROPERTIES_TYPE_FACTOR: describe_number(info, "factor", NUMBER_FACTOR, ret); break;
    case PROPERTIES_TYPE_CODES:
        snprintf(ret->value, sizeof ret->value, "list of codes");
        snprintf(ret->fallback, sizeof ret->fallback, "none");
        break;
    case PROPERTIES_TYPE_SERVERS:
        snprintf(ret->value, sizeof ret->value, "list of addresses");
        snprintf(ret->fallback, sizeof ret->fallback, "unset");
        break;
    case PROPERTIES_TYPE_ON_UNAVAILABLE:
    case PROPERTIES_TYPE_SELECTION:
    case PROPERTIES_TYPE_JITTER:
    case PROPERTIES_TYPE_CONNECT:
    case PROPERTIES_TYPE_SWITCH: describe_words(info, ret); break;
    }
}

size_t semel_properties_help(char *text, size_t size)
{
    size_t used = 0;
    for (int key = 0; key < PROPERTIES_KEY_COUNT; key++) {
        struct help_row row;
        help_row((enum properties_key)key, &row);
        /* As snprintf does: the rest is counted where there is no room for it. */
        size_t room = used < size ? size - used : 0;
        used += (size_t)snprintf(room > 0 ? text + used : NULL, room, "%-22s %-32s %-8s  %s\n", row.key,
                                 row.value, row.fallback, row.meaning);
    }
    return used;
}
