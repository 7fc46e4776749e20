/* A reader for each type of value.  Each says what it would have accepted: messages are the manual people read.
 * Must not know: scopes, files, or where values are kept.
 * Reads best next: settings.c. */
#include "config/value.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/number.h"

/* What every reader needs to work and to complain. */
struct job {
    const struct properties_key_info *info;
    struct report_quote key; /* as written, with its scope */
    const char *text;
    const struct report_place *place;
    semel_status *status;
};

static const char blanks[] = " \t";

static enum semel_code bad_number(const struct job *job, const char *wanted)
{
    struct report_quote quote;
    return report_bad(job->status, job->place, "%s: \"%s\" is not %s", job->key.text,
                      report_quote(&quote, job->text), wanted);
}

static enum semel_code read_number(const struct job *job, enum number_kind kind, const char *wanted,
                                   struct value *ret)
{
    int64_t number;
    if (!number_parse(kind, job->text, strlen(job->text), &number))
        return bad_number(job, wanted);
    if (number < job->info->min || number > job->info->max) {
        struct report_quote quote;
        char min[NUMBER_TEXT_MAX], max[NUMBER_TEXT_MAX];
        number_format(kind, job->info->min, min);
        number_format(kind, job->info->max, max);
        return report_bad(job->status, job->place, "%s: \"%s\" is outside %s to %s", job->key.text,
                          report_quote(&quote, job->text), min, max);
    }
    *ret = (struct value){.number = number};
    return SEMEL_OK;
}

static enum semel_code read_word(const struct job *job, struct value *ret)
{
    struct report_quote quote;
    char words[64];
    size_t used = 0;
    for (int64_t i = job->info->min; i <= job->info->max; i++) {
        const char *word = keys_word(job->info->type, i);
        if (strcmp(word, job->text) == 0) {
            *ret = (struct value){.number = i};
            return SEMEL_OK;
        }
        used += (size_t)snprintf(words + used, sizeof words - used, "%s%s", used > 0 ? ", " : "", word);
        assert(used < sizeof words);
    }
    return report_bad(job->status, job->place, "%s: \"%s\" is not one of %s", job->key.text,
                      report_quote(&quote, job->text), words);
}

static enum semel_code bad_intervals(const struct job *job)
{
    return bad_number(job, "a list of waits in ms (0 100 500), nor -1 alone for no retry");
}

static enum semel_code read_interval(const struct job *job, const char *text, size_t length, uint32_t *ret)
{
    int64_t number;
    if (!number_parse(NUMBER_PLAIN, text, length, &number))
        return bad_intervals(job);
    if (number < job->info->min || number > job->info->max) {
        struct report_quote quote;
        char max[NUMBER_TEXT_MAX];
        number_format(NUMBER_PLAIN, job->info->max, max);
        return report_bad(job->status, job->place, "%s: a wait of \"%s\" is outside 0 to %s ms", job->key.text,
                          report_quote_part(&quote, text, length), max);
    }
    *ret = (uint32_t)number;
    return SEMEL_OK;
}

static enum semel_code keep_intervals(const struct job *job, const uint32_t *intervals_ms, size_t count,
                                      struct value *ret)
{
    /* One more than needed, so that an empty list is not NULL. */
    uint32_t *copy = calloc(count + 1, sizeof *copy);
    if (!copy)
        return report_no_memory(job->status);
    memcpy(copy, intervals_ms, count * sizeof *copy);
    *ret = (struct value){.intervals_ms = copy, .interval_count = count};
    return SEMEL_OK;
}

/* Goes past blanks and, where more waits may follow, one comma. */
static const char *skip_separator(const char *text)
{
    text += strspn(text, blanks);
    if (*text == ',')
        text += 1 + strspn(text + 1, blanks);
    return text;
}

static enum semel_code read_intervals(const struct job *job, struct value *ret)
{
    uint32_t intervals_ms[LIMIT_RETRY_INTERVALS];
    size_t count = 0;
    if (strcmp(job->text, "-1") == 0)
        return keep_intervals(job, intervals_ms, 0, ret);
    const char *text = job->text + strspn(job->text, blanks);
    const char *separator;
    do {
        size_t length = strcspn(text, " \t,");
        if (count == LIMIT_RETRY_INTERVALS)
            return report_bad(job->status, job->place, "%s: more than %d waits", job->key.text,
                              LIMIT_RETRY_INTERVALS);
        enum semel_code code = read_interval(job, text, length, &intervals_ms[count++]);
        if (code != SEMEL_OK)
            return code;
        separator = text + length;
        text = skip_separator(separator);
    } while (*text);
    if (strchr(separator, ','))
        return bad_intervals(job);
    return keep_intervals(job, intervals_ms, count, ret);
}

enum semel_code value_parse(enum properties_key key, const char *written_key, const char *text,
                            const struct report_place *place, struct value *ret, semel_status *status)
{
    struct job job = {.info = keys_info(key), .text = text, .place = place, .status = status};
    report_quote_end(&job.key, written_key);
    switch (job.info->type) {
    case PROPERTIES_TYPE_INTERVALS: return read_intervals(&job, ret);
    case PROPERTIES_TYPE_DURATION:
        return read_number(&job, NUMBER_DURATION, "a duration (500, 500ms, 5s or 2min)", ret);
    case PROPERTIES_TYPE_SIZE: return read_number(&job, NUMBER_SIZE, "a size (4096, 4KiB or 1MiB)", ret);
    case PROPERTIES_TYPE_COUNT: return read_number(&job, NUMBER_PLAIN, "a whole number", ret);
    case PROPERTIES_TYPE_ON_UNAVAILABLE:
    case PROPERTIES_TYPE_SELECTION: return read_word(&job, ret);
    }
    assert(false && "a type without a reader");
    return SEMEL_INTERNAL;
}

void value_fini(struct value *value)
{
    free(value->intervals_ms);
    *value = (struct value){0};
}
