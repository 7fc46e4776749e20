/* Reading and writing whole numbers with units.  No strtol: it takes signs, spaces and the locale's digits.
 * Must not know: keys, ranges, or why a text was refused.
 * Reads best next: value.c. */
#include "config/number.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct unit {
    const char *name;
    int64_t factor;
};

/* Largest first; a bare number is in the last one. */
static const struct unit plain_units[] = {{"", 1}};
static const struct unit duration_units[] = {{"min", 60000}, {"s", 1000}, {"ms", 1}};
static const struct unit size_units[] = {{"MiB", 1048576}, {"KiB", 1024}, {"", 1}};

static const struct {
    const struct unit *units;
    size_t count;
} kinds[] = {
    [NUMBER_PLAIN] = {plain_units, 1},
    [NUMBER_DURATION] = {duration_units, 3},
    [NUMBER_SIZE] = {size_units, 3},
};

static bool find_factor(enum number_kind kind, const char *name, size_t length, int64_t *ret)
{
    for (size_t i = 0; i < kinds[kind].count; i++) {
        const struct unit *unit = &kinds[kind].units[i];
        if (strlen(unit->name) == length && memcmp(unit->name, name, length) == 0) {
            *ret = unit->factor;
            return true;
        }
    }
    *ret = 1;
    return length == 0;
}

bool number_parse(enum number_kind kind, const char *text, size_t length, int64_t *ret)
{
    int64_t value = 0;
    int64_t factor;
    size_t digits = 0;
    bool overflow = false;
    for (; digits < length && text[digits] >= '0' && text[digits] <= '9'; digits++) {
        overflow |= __builtin_mul_overflow(value, 10, &value);
        overflow |= __builtin_add_overflow(value, text[digits] - '0', &value);
    }
    if (digits == 0 || !find_factor(kind, text + digits, length - digits, &factor))
        return false;
    overflow |= __builtin_mul_overflow(value, factor, &value);
    *ret = overflow ? INT64_MAX : value;
    return true;
}

void number_format(enum number_kind kind, int64_t value, char text[NUMBER_TEXT_MAX])
{
    assert(value >= 0);
    const struct unit *unit = kinds[kind].units;
    while (value % unit->factor != 0)
        unit++;
    if (value == 0)
        unit = &plain_units[0]; /* no unit makes it more exact */
    snprintf(text, NUMBER_TEXT_MAX, "%" PRId64 "%s", value / unit->factor, unit->name);
}
