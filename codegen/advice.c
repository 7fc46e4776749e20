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
    {"Unknown enumeration value of", NULL, "on_unavailable is WAIT, FAIL or DROP"},
    {"Expected string, got", NULL, "A duration is written in quotes: deadline: \"5s\""},
    {"the nanopb generator failed", NULL,
     "Look for an option of nanopb that does not fit, in the .proto or its .options file"},
};

static const char *const option_names[] = {"retry_intervals_ms", "deadline", "oneway", "on_unavailable",
                                           "errors"};

/* "... has no field named "deadlin"." */
static const char *advise_field(struct arena *arena, const char *text)
{
    static const char complaint[] = "\"semel.MethodOptions\" has no field named \"";
    const char *start = strstr(text, complaint);
    if (start == NULL)
        return NULL;
    start += strlen(complaint);
    const char *name = arena_printf(arena, "%.*s", (int)strcspn(start, "\""), start);
    const char *nearest = name_nearest(name, option_names, sizeof option_names / sizeof *option_names);
    if (nearest != NULL)
        return arena_printf(arena, "%s  Did you mean \"%s\"?", text, nearest);
    return arena_printf(arena, "%s  There are retry_intervals_ms, deadline, oneway, on_unavailable and errors",
                        text);
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
