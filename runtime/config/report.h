/* Filling a semel_status with what was wrong with a property, and where: one line that a person can act on.
 * Must not know: keys and their types.
 * Reads best next: report.c. */
#ifndef CONFIG_REPORT_H
#define CONFIG_REPORT_H
#include <semel/status.h>

enum report_source { REPORT_PROGRAM, REPORT_FILE, REPORT_ARGUMENTS };

/* Where a key and value came from; starts every message. */
struct report_place {
    enum report_source source;
    const char *file; /* REPORT_FILE: the path; REPORT_ARGUMENTS: the argument or NULL; borrowed */
    int line;         /* REPORT_FILE: 0 if the whole file is meant */
};

/* Longest text of report_origin with its terminator. */
#define REPORT_ORIGIN_MAX 80
/* Names a place: "bank.conf:12", "--Deadline=3s", "the program". */
void report_origin(const struct report_place *place, char text[REPORT_ORIGIN_MAX]);

/* Text from outside, made fit for a message: cut to a length that leaves room for the rest, control and
 * non-ASCII bytes as \xNN.  Returns quote->text. */
struct report_quote {
    char text[64];
};
const char *report_quote(struct report_quote *quote, const char *text);
/* The same for the first length bytes of text. */
const char *report_quote_part(struct report_quote *quote, const char *text, size_t length);
/* The same, cut at the front: the end of a path or scoped key says more than its beginning. */
const char *report_quote_end(struct report_quote *quote, const char *text);

/* Fills status (may be NULL) with INVALID_ARGUMENT, BAD_PROPERTY and "place: message"; a message that is too
 * long ends in "...".  Returns INVALID_ARGUMENT. */
enum semel_code report_bad(semel_status *status, const struct report_place *place, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same with a code of your own. */
enum semel_code report_fail(semel_status *status, enum semel_code code, const struct report_place *place,
                            const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Adds text to the message of status (may be NULL) if it fits whole. */
void report_append(semel_status *status, const char *text);

/* RESOURCE_EXHAUSTED with reason NO_MEMORY. */
enum semel_code report_no_memory(semel_status *status);

#endif
