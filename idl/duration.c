/* Durations as people write them.
 *
 * It must not know which option holds one.  Reads best next: duration.h. */
#include "idl/duration.h"

#include <stddef.h>
#include <string.h>

static const struct unit {
    const char *suffix;
    int64_t ms;
} units[] = {{"", 1}, {"ms", 1}, {"s", 1000}, {"min", 60000}};

static const struct unit *find_unit(const char *suffix)
{
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (strcmp(suffix, units[i].suffix) == 0)
            return &units[i];
    return NULL;
}

bool duration_parse(const char *text, int64_t *ret_ms)
{
    if (*text < '0' || *text > '9')
        return false;
    int64_t value = 0;
    for (; *text >= '0' && *text <= '9'; text++) {
        if (value > (INT64_MAX - 9) / 10)
            return false;
        value = value * 10 + (*text - '0');
    }
    const struct unit *unit = find_unit(text);
    if (unit == NULL || value > INT64_MAX / unit->ms)
        return false;
    *ret_ms = value * unit->ms;
    return true;
}
