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
    {"is not a field or extension of message", "(semel.",
     "A method has (semel.method), a service (semel.service)"},
    {"MethodOptions.IdempotencyLevel\" has no value", NULL,
     "idempotency_level is NO_SIDE_EFFECTS or IDEMPOTENT"},
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
    "transactional",
};
enum {
    METHOD_OPTIONS = sizeof option_names / sizeof *option_names,
    SERVICE_OPTIONS = METHOD_OPTIONS - 2 /* the last two are of methods only */
};

static bool is_of_methods_only(const char *name)
{
    for (size_t i = SERVICE_OPTIONS; i < METHOD_OPTIONS; i++)
        if (strcmp(name, option_names[i]) == 0)
            return true;
    return false;
}

/* "a, b and c" */
static const char *list_options(struct arena *arena, size_t count)
{
    const char *list = option_names[0];
    for (size_t i = 1; i < count; i++)
        list = arena_printf(arena, "%s%s%s", list, i + 1 < count ? ", " : " and ", option_names[i]);
    return list;
}

/* What follows start in text, up to the quote; NULL if start is not in it. */
static const char *quoted_after(struct arena *arena, const char *text, const char *start)
{
    const char *at = strstr(text, start);
    if (at == NULL)
        return NULL;
    at += strlen(start);
    return arena_printf(arena, "%.*s", (int)strcspn(at, "\""), at);
}

/* "... has no field named "deadlin"." or "Option "(semel.method).deadlin" unknown. ..." */
static const char *advise_field(struct arena *arena, const char *text)
{
    bool service = strstr(text, "\"semel.ServiceOptions\"") != NULL;
    const char *name = NULL;
    if (service || strstr(text, "\"semel.MethodOptions\"") != NULL)
        name = quoted_after(arena, text, "Options\" has no field named \"");
    if (name == NULL && (name = quoted_after(arena, text, "Option \"(semel.method).")) == NULL) {
        name = quoted_after(arena, text, "Option \"(semel.service).");
        service = name != NULL;
    }
    if (name == NULL)
        return NULL;
    const char *unknown = strstr(text, "\" unknown. ");
    if (unknown != NULL) /* what follows asks for an import that is there */
        text = arena_printf(arena, "%.*s", (int)(unknown - text) + 10, text);
    size_t count = service ? SERVICE_OPTIONS : METHOD_OPTIONS;
    if (service && is_of_methods_only(name))
        return arena_printf(arena, "%s  It is an option of methods", text);
    const char *nearest = name_nearest(name, option_names, count);
    if (nearest != NULL)
        return arena_printf(arena, "%s  Did you mean \"%s\"?", text, nearest);
    return arena_printf(arena, "%s  There are %s", text, list_options(arena, count));
}

static const char word_letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
static const char *const scalars[] = {"double",   "float",    "int32",  "int64",   "uint32",
                                      "uint64",   "sint32",   "sint64", "fixed32", "fixed64",
                                      "sfixed32", "sfixed64", "bool",   "string",  "bytes"};
enum { SCALAR_COUNT = sizeof scalars / sizeof *scalars };

/* The name that "message NAME {" or "enum NAME {" declares at text, or NULL. */
static const char *declared_at(struct arena *arena, const char *text)
{
    size_t keyword = strspn(text, word_letters);
    if (!(keyword == 7 && strncmp(text, "message", 7) == 0) && !(keyword == 4 && strncmp(text, "enum", 4) == 0))
        return NULL;
    const char *name = text + keyword + strspn(text + keyword, " \t\r\n");
    size_t length = strspn(name, word_letters);
    const char *after = name + length + strspn(name + length, " \t\r\n");
    return length > 0 && *after == '{' ? arena_printf(arena, "%.*s", (int)length, name) : NULL;
}

/* "Acount" is not defined: the types this file declares, and those of the language, may be near. */
static const char *advise_type(struct arena *arena, const char *text, const char *file)
{
    const char *name = *text == '"' ? arena_printf(arena, "%.*s", (int)strcspn(text + 1, "\""), text + 1)
                                    : NULL;
    if (name == NULL || file == NULL || strstr(text, "\" is not defined.") == NULL || strlen(name) < 2)
        return NULL;
    const char *nearest = name_nearest(name, scalars, SCALAR_COUNT);
    while (*file != '\0') {
        const char *declared = declared_at(arena, file);
        /* One of the very name stands where it cannot be seen: inside another message. */
        if (declared != NULL && strcmp(declared, name_last_part(name)) != 0) {
            const char *both[] = {declared, nearest};
            nearest = name_nearest(name, both, nearest == NULL ? 1 : 2);
        }
        size_t word = strspn(file, word_letters);
        file += word > 0 ? word : 1;
    }
    return nearest == NULL ? NULL : arena_printf(arena, "%s  Did you mean \"%s\"?", text, nearest);
}

const char *advice_add(struct arena *arena, const char *text, const char *source, const char *file)
{
    const char *advised = advise_field(arena, text);
    if (advised == NULL)
        advised = advise_type(arena, text, file);
    if (advised != NULL)
        return advised;
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
    return text;
}
