/* Messages about properties.  All text from outside passes report_quote, so a hostile file can not write escape
 * sequences to an operator's terminal or push the useful part out of the message.
 * Must not know: keys and their types.
 * Reads best next: settings.c. */
#include "config/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char cut_mark[] = "...";

static bool is_plain(char c)
{
    return c >= ' ' && c <= '~' && c != '\\';
}

static void escape(char *out, size_t size, const char *text, size_t length)
{
    const size_t room = size - sizeof cut_mark;
    size_t used = 0;
    for (size_t i = 0; i < length; i++) {
        size_t needed = is_plain(text[i]) ? 1 : 4;
        if (used + needed > room) {
            memcpy(out + used, cut_mark, sizeof cut_mark);
            return;
        }
        if (needed == 1)
            out[used] = text[i];
        else
            snprintf(out + used, 5, "\\x%02x", (unsigned char)text[i]);
        used += needed;
    }
    out[used] = '\0';
}

const char *report_quote_part(struct report_quote *quote, const char *text, size_t length)
{
    escape(quote->text, sizeof quote->text, text, length);
    return quote->text;
}

const char *report_quote(struct report_quote *quote, const char *text)
{
    return report_quote_part(quote, text, strlen(text));
}

const char *report_quote_end(struct report_quote *quote, const char *text)
{
    const size_t mark = sizeof cut_mark - 1;
    const size_t shown = sizeof quote->text - 2 * sizeof cut_mark;
    size_t length = strlen(text);
    if (length <= shown)
        return report_quote_part(quote, text, length);
    memcpy(quote->text, cut_mark, mark);
    escape(quote->text + mark, sizeof quote->text - mark, text + length - shown, shown);
    return quote->text;
}

void report_origin(const struct report_place *place, char text[REPORT_ORIGIN_MAX])
{
    struct report_quote quote;
    if (place->source == REPORT_FILE)
        snprintf(text, REPORT_ORIGIN_MAX, "%s:%d", report_quote_end(&quote, place->file), place->line);
    else if (place->source == REPORT_ARGUMENTS && place->file)
        snprintf(text, REPORT_ORIGIN_MAX, "%s", report_quote(&quote, place->file));
    else
        snprintf(text, REPORT_ORIGIN_MAX, "the program");
}

static size_t write_place(char *text, size_t size, const struct report_place *place)
{
    struct report_quote quote;
    int length = 0;
    if (place->source == REPORT_ARGUMENTS) {
        length = snprintf(text, size, "command line: ");
    } else if (place->source == REPORT_FILE) {
        report_quote_end(&quote, place->file);
        if (place->line > 0)
            length = snprintf(text, size, "%s:%d: ", quote.text, place->line);
        else
            length = snprintf(text, size, "%s: ", quote.text);
    }
    return (size_t)length;
}

static void fill(semel_status *status, enum semel_code code, const struct report_place *place,
                 const char *format, va_list args)
{
    const size_t size = sizeof status->message;
    semel_status_init(status);
    status->code = code;
    status->reason = SEMEL_REASON_BAD_PROPERTY;
    size_t used = write_place(status->message, size, place);
    int wanted = vsnprintf(status->message + used, size - used, format, args);
    if (wanted >= (int)(size - used))
        memcpy(status->message + size - sizeof cut_mark, cut_mark, sizeof cut_mark);
}

enum semel_code report_bad(semel_status *status, const struct report_place *place, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (status)
        fill(status, SEMEL_INVALID_ARGUMENT, place, format, args);
    va_end(args);
    return SEMEL_INVALID_ARGUMENT;
}

enum semel_code report_fail(semel_status *status, enum semel_code code, const struct report_place *place,
                            const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (status)
        fill(status, code, place, format, args);
    va_end(args);
    return code;
}

void report_append(semel_status *status, const char *text)
{
    if (!status)
        return;
    size_t used = strlen(status->message);
    if (used + strlen(text) < sizeof status->message)
        memcpy(status->message + used, text, strlen(text) + 1);
}

enum semel_code report_no_memory(semel_status *status)
{
    if (status) {
        semel_status_init(status);
        status->code = SEMEL_RESOURCE_EXHAUSTED;
        status->reason = SEMEL_REASON_NO_MEMORY;
        snprintf(status->message, sizeof status->message, "no memory for properties");
    }
    return SEMEL_RESOURCE_EXHAUSTED;
}
