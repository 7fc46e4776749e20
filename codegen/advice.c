/* A table of complaints and advice.
 *
 * It must not know places.  Reads best next: advice.h. */
#include "codegen/advice.h"

#include "idl/names.h"

#include <string.h>

struct advice {
    const char *complaint; /* a part of the text */
    const char *source;    /* how the source goes on at the place, NULL: anything */
    const char *advice;    /* instead of the text when it starts with "!", else behind it */
};

static const struct advice table[] = {
    {"Expected top-level statement", "edition",
     "!protobuf editions are not supported; write syntax = \"proto3\" or \"proto2\""},
    {"Option \"(semel.", NULL,
     "There are (semel.method) and (semel.service), and they need: import \"semel/options.proto\""},
    {"for field \"on_unavailable\"", NULL, "on_unavailable is WAIT, FAIL or DROP"},
    {"for field \"retry_jitter\"", NULL, "retry_jitter is NONE, FULL, EQUAL or DECORRELATED"},
    {"for field \"retryable_codes\"", NULL, "Codes are written as in UNAVAILABLE or RESOURCE_EXHAUSTED"},
    {"Expected string, got", NULL, "A duration is written in quotes: deadline: \"5s\""},
    {"the nanopb generator failed", NULL,
     "Look for an option of nanopb that does not fit, in the .proto or its .options file"},
};

static const char *const option_names[] = {
    "deadline",
    "attempt_timeout",
    "retry_intervals_ms",
    "retry_max_attempts",
    "retry_initial_backoff",
    "retry_max_backoff",
    "retry_backoff_multiplier",
    "retry_jitter",
    "retry_max_elapsed",
    "retryable_codes",
    "hedge_delay",
    "hedge_max",
    "on_unavailable",
    "errors",
    "oneway",
};
enum { OPTION_COUNT = sizeof option_names / sizeof *option_names };

/* "a, b and c" */
static const char *list_options(struct arena *arena)
{
    const char *list = option_names[0];
    for (size_t i = 1; i < OPTION_COUNT; i++)
        list = arena_printf(arena, "%s%s%s", list, i + 1 < OPTION_COUNT ? ", " : " and ", option_names[i]);
    return list;
}

/* "... has no field named "deadlin"." */
static const char *advise_field(struct arena *arena, const char *text)
{
    static const char complaint[] = "Options\" has no field named \"";
    const char *start = strstr(text, complaint);
    if (start == NULL || strstr(text, "\"semel.") == NULL)
        return NULL;
    start += strlen(complaint);
    const char *name = arena_printf(arena, "%.*s", (int)strcspn(start, "\""), start);
    const char *nearest = name_nearest(name, option_names, OPTION_COUNT);
    if (nearest != NULL)
        return arena_printf(arena, "%s  Did you mean \"%s\"?", text, nearest);
    return arena_printf(arena, "%s  There are %s", text, list_options(arena));
}

const char *advice_add(struct arena *arena, const char *text, const char *source)
{
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const struct advice *entry = &table[i];
        if (strstr(text, entry->complaint) == NULL)
            continue;
        if (entry->source != NULL &&
            (source == NULL || strncmp(source, entry->source, strlen(entry->source)) != 0))
            continue;
        if (*entry->advice == '!')
            return entry->advice + 1;
        const char *part = text[strlen(text) - 1] == '.' ? "" : ".";
        return arena_printf(arena, "%s%s  %s", text, part, entry->advice);
    }
    const char *advised = advise_field(arena, text);
    return advised != NULL ? advised : text;
}
