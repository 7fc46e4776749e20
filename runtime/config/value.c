/* A reader for each type of value.  Each says what it would have accepted: messages are the manual people read.
 * Must not know: scopes, files, or where values are kept.
 * Reads best next: settings.c. */
#include "config/value.h"

#include <arpa/inet.h>
#include <assert.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/limits.h"
#include "config/nearest.h"
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
    uint32_t intervals_ms[LIMIT_RETRY_INTERVALS] = {0};
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

static const char *code_name(size_t place)
{
    return semel_code_name((enum semel_code)place);
}

/* One name of a code; *codes grows by it. */
static enum semel_code read_code(const struct job *job, const char *text, size_t length, int64_t *codes)
{
    struct report_quote quote;
    const char *name = report_quote_part(&quote, text, length);
    bool case_only;
    size_t nearest = nearest_of(text, length, code_name, SEMEL_UNAUTHENTICATED + 1, &case_only);
    const char *meant = code_name(nearest);
    if (strlen(meant) != length || memcmp(meant, text, length) != 0)
        return report_bad(job->status, job->place, "%s: \"%s\" is not a code; %sdid you mean \"%s\"?",
                          job->key.text, name, case_only ? "case matters, " : "", meant);
    if (nearest == SEMEL_OK)
        return report_bad(job->status, job->place, "%s: OK is not a failure", job->key.text);
    int64_t bit = INT64_C(1) << nearest;
    if (*codes & bit)
        return report_bad(job->status, job->place, "%s: %s is named twice", job->key.text, meant);
    *codes |= bit;
    return SEMEL_OK;
}

static enum semel_code bad_codes(const struct job *job)
{
    return bad_number(job, "a list of codes (UNAVAILABLE ABORTED), nor none alone");
}

static enum semel_code read_codes(const struct job *job, struct value *ret)
{
    int64_t codes = 0;
    bool none = false;
    const char *text = job->text + strspn(job->text, blanks);
    const char *separator;
    do {
        size_t length = strcspn(text, " \t,");
        bool is_none = length == 4 && memcmp(text, "none", 4) == 0;
        if (length == 0 || none || (is_none && codes != 0))
            return bad_codes(job);
        none = is_none;
        enum semel_code code = is_none ? SEMEL_OK : read_code(job, text, length, &codes);
        if (code != SEMEL_OK)
            return code;
        separator = text + length;
        text = skip_separator(separator);
    } while (*text);
    if (strchr(separator, ','))
        return bad_codes(job);
    *ret = (struct value){.number = codes};
    return SEMEL_OK;
}

/* An address with or without a port: 10.0.0.1, 10.0.0.1:53, ::1 or [::1]:53. */
static bool is_server(const char *text)
{
    char host[INET6_ADDRSTRLEN];
    unsigned char address[sizeof(struct in6_addr)];
    bool bracketed = *text == '[';
    const char *end = bracketed ? strchr(text, ']') : strchr(text, ':');
    if (!bracketed && end != NULL && strchr(end + 1, ':') != NULL)
        end = NULL; /* IPv6 without a port */
    size_t length = end != NULL ? (size_t)(end - text) - bracketed : strlen(text);
    if (length >= sizeof host || (bracketed && end == NULL))
        return false;
    memcpy(host, text + bracketed, length);
    host[length] = '\0';
    bool six = strchr(host, ':') != NULL;
    if (inet_pton(six ? AF_INET6 : AF_INET, host, address) != 1 || (bracketed && !six))
        return false;
    const char *port = end == NULL ? "" : end + bracketed;
    int64_t number;
    if (*port == '\0')
        return !bracketed;
    return *port == ':' && number_parse(NUMBER_PLAIN, port + 1, strlen(port + 1), &number) && number > 0 &&
           number <= UINT16_MAX;
}

static enum semel_code bad_servers(const struct job *job)
{
    return bad_number(job, "a list of name servers (10.0.0.1, 10.0.0.1:53 or [::1]:53)");
}

static enum semel_code read_servers(const struct job *job, struct value *ret)
{
    char all[CONFIG_SERVERS_MAX * (CONFIG_SERVER_TEXT + 1)];
    size_t used = 0;
    const char *text = job->text + strspn(job->text, blanks);
    const char *separator;
    for (size_t count = 0;; count++) {
        char server[CONFIG_SERVER_TEXT + 1];
        size_t length = strcspn(text, " \t,");
        if (count == CONFIG_SERVERS_MAX)
            return report_bad(job->status, job->place, "%s: more than %d name servers", job->key.text,
                              CONFIG_SERVERS_MAX);
        if (length > CONFIG_SERVER_TEXT)
            return bad_servers(job);
        memcpy(server, text, length);
        server[length] = '\0';
        if (!is_server(server))
            return bad_servers(job);
        used += (size_t)snprintf(all + used, sizeof all - used, "%s%s", count > 0 ? " " : "", server);
        separator = text + length;
        text = skip_separator(separator);
        if (*text == '\0')
            break;
    }
    if (strchr(separator, ','))
        return bad_servers(job);
    char *copy = strdup(all);
    if (copy == NULL)
        return report_no_memory(job->status);
    *ret = (struct value){.text = copy};
    return SEMEL_OK;
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
    case PROPERTIES_TYPE_FACTOR:
        return read_number(&job, NUMBER_FACTOR, "a number with at most three decimals (2 or 1.5)", ret);
    case PROPERTIES_TYPE_CODES: return read_codes(&job, ret);
    case PROPERTIES_TYPE_ON_UNAVAILABLE:
    case PROPERTIES_TYPE_SELECTION:
    case PROPERTIES_TYPE_JITTER:
    case PROPERTIES_TYPE_CONNECT:
    case PROPERTIES_TYPE_SWITCH: return read_word(&job, ret);
    case PROPERTIES_TYPE_SERVERS: return read_servers(&job, ret);
    }
    assert(false && "a type without a reader");
    return SEMEL_INTERNAL;
}

static void format_intervals(const struct value *value, char text[VALUE_TEXT_MAX])
{
    size_t used = 0;
    for (size_t i = 0; i < value->interval_count; i++)
        used += (size_t)snprintf(text + used, VALUE_TEXT_MAX - used, "%s%" PRIu32, i > 0 ? " " : "",
                                 value->intervals_ms[i]);
    if (value->interval_count == 0)
        used = (size_t)snprintf(text, VALUE_TEXT_MAX, "-1");
    assert(used < VALUE_TEXT_MAX);
}

static void format_codes(int64_t codes, char text[VALUE_TEXT_MAX])
{
    size_t used = (size_t)snprintf(text, VALUE_TEXT_MAX, "%s", codes == 0 ? "none" : "");
    for (int code = SEMEL_OK; code <= SEMEL_UNAUTHENTICATED; code++) {
        if (codes & (INT64_C(1) << code))
            used += (size_t)snprintf(text + used, VALUE_TEXT_MAX - used, "%s%s", used > 0 ? " " : "",
                                     semel_code_name((enum semel_code)code));
    }
    assert(used < VALUE_TEXT_MAX);
}

void value_format(enum properties_key key, const struct value *value, char text[VALUE_TEXT_MAX])
{
    const enum properties_type type = keys_info(key)->type;
    switch (type) {
    case PROPERTIES_TYPE_INTERVALS: format_intervals(value, text); break;
    case PROPERTIES_TYPE_DURATION: number_format(NUMBER_DURATION, value->number, text); break;
    case PROPERTIES_TYPE_SIZE: number_format(NUMBER_SIZE, value->number, text); break;
    case PROPERTIES_TYPE_COUNT: number_format(NUMBER_PLAIN, value->number, text); break;
    case PROPERTIES_TYPE_FACTOR: number_format(NUMBER_FACTOR, value->number, text); break;
    case PROPERTIES_TYPE_SERVERS: snprintf(text, VALUE_TEXT_MAX, "%s", value->text); break;
    case PROPERTIES_TYPE_CODES: format_codes(value->number, text); break;
    case PROPERTIES_TYPE_ON_UNAVAILABLE:
    case PROPERTIES_TYPE_SELECTION:
    case PROPERTIES_TYPE_JITTER:
    case PROPERTIES_TYPE_CONNECT:
    case PROPERTIES_TYPE_SWITCH: snprintf(text, VALUE_TEXT_MAX, "%s", keys_word(type, value->number)); break;
    }
}

void value_fini(struct value *value)
{
    free(value->intervals_ms);
    free(value->text);
    *value = (struct value){0};
}
