/* Numbers, read strictly and written short: whole ones with a unit behind them ("500", "5s", "4KiB"), and factors.
 * Must not know: keys, ranges, or why a text was refused.
 * Reads best next: value.c. */
#ifndef CONFIG_NUMBER_H
#define CONFIG_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum number_kind {
    NUMBER_PLAIN,
    NUMBER_DURATION, /* ms, s, min; bare: ms */
    NUMBER_SIZE,     /* KiB, MiB; bare: bytes */
    NUMBER_FACTOR,   /* thousandths, written "2" or "1.125" */
};

/* Longest text of number_format with its terminator. */
#define NUMBER_TEXT_MAX 32

/* Reads length bytes of text: digits, then perhaps a unit, nothing else: no sign or space, and no fraction but the
 * one to three decimals of a factor.  What is
 * too large for *ret reads as INT64_MAX, for the range check to refuse.  Returns false if it is not such a
 * number. */
bool number_parse(enum number_kind kind, const char *text, size_t length, int64_t *ret);

/* Writes value, which is not negative, in the largest unit that holds it exactly. */
void number_format(enum number_kind kind, int64_t value, char text[NUMBER_TEXT_MAX]);

#endif
