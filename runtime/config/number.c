/* Reading and writing numbers.  No strtol: it takes signs, spaces and the locale's digits.
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

/* Reads the digits that text starts with; INT64_MAX if they are too many.  Returns how many there are. */
static size_t read_digits(const char *text, size_t length, int64_t *ret)
{
    int64_t value = 0;
    size_t digits = 0;
    bool overflow = false;
    for (; digits < length && text[digits] >= '0' && text[digits] <= '9'; digits++) {
        overflow |= __builtin_mul_overflow(value, 10, &value);
        overflow |= __builtin_add_overflow(value, text[digits] - '0', &value);
    }
    *ret = overflow ? INT64_MAX : value;
    return digits;
}

/* Reads what follows the whole part of a factor: nothing, or a point and up to three decimals. */
static bool read_thousandths(const char *text, size_t length, int64_t *ret)
{
    *ret = 0;
    if (length == 0)
        return true;
    if (*text != '.' || length < 2 || length > 4 || read_digits(text + 1, length - 1, ret) != length - 1)
        return false;
    for (size_t decimals = length - 1; decimals < 3; decimals++)
        *ret *= 10;
    return true;
}

bool number_parse(enum number_kind kind, const char *text, size_t length, int64_t *ret)
{
    int64_t value, thousandths = 0, factor = 1000;
    size_t digits = read_digits(text, length, &value);
    if (digits == 0)
        return false;
    bool understood = kind == NUMBER_FACTOR ? read_thousandths(text + digits, length - digits, &thousandths)
                                            : find_factor(kind, text + digits, length - digits, &factor);
    if (!understood)
        return false;
    bool overflow = __builtin_mul_overflow(value, factor, &value);
    overflow |= __builtin_add_overflow(value, thousandths, &value);
    *ret = overflow ? INT64_MAX : value;
    return true;
}

static void format_factor(int64_t value, char text[NUMBER_TEXT_MAX])
{
    int length = snprintf(text, NUMBER_TEXT_MAX, "%" PRId64 ".%03d", value / 1000, (int)(value % 1000));
    while (text[length - 1] == '0')
        length--;
    text[text[length - 1] == '.' ? length - 1 : length] = '\0';
}

void number_format(enum number_kind kind, int64_t value, char text[NUMBER_TEXT_MAX])
{
    assert(value >= 0);
    if (kind == NUMBER_FACTOR) {
        format_factor(value, text);
        return;
    }
    const struct unit *unit = kinds[kind].units;
    while (value % unit->factor != 0)
        unit++;
    if (value == 0)
        unit = &plain_units[0]; /* no unit makes it more exact */
    snprintf(text, NUMBER_TEXT_MAX, "%" PRId64 "%s", value / unit->factor, unit->name);
}
