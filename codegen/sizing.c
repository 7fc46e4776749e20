/* Reads .options files: a small grammar, a table of the options there are, a table of verdicts.
 *
 * It must not know .proto files.  Reads best next: sizing.h. */
#include "codegen/sizing.h"

#include "idl/names.h"

#include <ctype.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

/* ---- what there is: NanoPBOptions of nanopb 0.4.7 ---- */

static const char *const booleans[] = {"true", "false", "True", "False", "t", "f", "1", "0", NULL};
static const char *const field_types[] = {"FT_DEFAULT", "FT_CALLBACK", "FT_POINTER", "FT_STATIC",
                                          "FT_IGNORE",  "FT_INLINE",   NULL};
static const char *const int_sizes[] = {"IS_DEFAULT", "IS_8", "IS_16", "IS_32", "IS_64", NULL};
static const char *const manglings[] = {"M_NONE", "M_STRIP_PACKAGE", "M_FLATTEN", "M_PACKAGE_INITIALS", NULL};
static const char *const descriptor_sizes[] = {"DS_AUTO", "DS_1", "DS_2", "DS_4", "DS_8", NULL};
static const char *const proto_types[] = {
    "TYPE_DOUBLE",   "TYPE_FLOAT",   "TYPE_INT64",  "TYPE_UINT64", "TYPE_INT32",
    "TYPE_FIXED64",  "TYPE_FIXED32", "TYPE_BOOL",   "TYPE_STRING", "TYPE_GROUP",
    "TYPE_MESSAGE",  "TYPE_BYTES",   "TYPE_UINT32", "TYPE_ENUM",   "TYPE_SFIXED32",
    "TYPE_SFIXED64", "TYPE_SINT32",  "TYPE_SINT64", NULL};

enum kind { KIND_INTEGER, KIND_SIZE /* at least 1 */, KIND_WORD, KIND_STRING };

struct option_kind {
    const char *name;
    enum kind kind;
    const char *const *words; /* of KIND_WORD */
};

static const struct option_kind kinds[] = {
    {"max_size", KIND_SIZE, NULL},
    {"max_length", KIND_SIZE, NULL},
    {"max_count", KIND_SIZE, NULL},
    {"int_size", KIND_WORD, int_sizes},
    {"type", KIND_WORD, field_types},
    {"long_names", KIND_WORD, booleans},
    {"packed_struct", KIND_WORD, booleans},
    {"packed_enum", KIND_WORD, booleans},
    {"skip_message", KIND_WORD, booleans},
    {"no_unions", KIND_WORD, booleans},
    {"msgid", KIND_INTEGER, NULL},
    {"anonymous_oneof", KIND_WORD, booleans},
    {"proto3", KIND_WORD, booleans},
    {"proto3_singular_msgs", KIND_WORD, booleans},
    {"enum_to_string", KIND_WORD, booleans},
    {"fixed_length", KIND_WORD, booleans},
    {"fixed_count", KIND_WORD, booleans},
    {"submsg_callback", KIND_WORD, booleans},
    {"mangle_names", KIND_WORD, manglings},
    {"callback_datatype", KIND_STRING, NULL},
    {"callback_function", KIND_STRING, NULL},
    {"descriptorsize", KIND_WORD, descriptor_sizes},
    {"default_has", KIND_WORD, booleans},
    {"include", KIND_STRING, NULL},
    {"exclude", KIND_STRING, NULL},
    {"package", KIND_STRING, NULL},
    {"type_override", KIND_WORD, proto_types},
    {"sort_by_tag", KIND_WORD, booleans},
    {"fallback_type", KIND_WORD, field_types},
};
enum { KIND_COUNT = sizeof kinds / sizeof *kinds };

/* ---- what our generated code makes of it ---- */

struct verdict {
    const char *name;
    const char *value; /* NULL: any but "except" */
    const char *except;
    bool warning;
    const char *text;
};

static const char dropped[] =
    "is not filled when a message arrives, since nothing sets its callback: what a peer sends in "
    "it is lost; FT_POINTER keeps it";

static const struct verdict verdicts[] = {
    {"mangle_names", NULL, "M_NONE", false, "changes the C names that services are generated for"},
    {"package", NULL, NULL, false, "changes the C names that services are generated for"},
    {"type", "FT_CALLBACK", NULL, true, dropped},
    {"fallback_type", "FT_CALLBACK", NULL, true, dropped},
    {"submsg_callback", "true", NULL, true, dropped},
};

/* ---- reading ---- */

struct reader {
    struct sizing *sizing;
    struct remarks *remarks;
    struct arena *arena;
    const char *line;
    const char *at;
    uint32_t number;
    const char *pattern;
};

static void tell(struct reader *reader, const char *at, bool warning, const char *text)
{
    struct aim aim = {reader->number, (uint32_t)(at - reader->line) + 1};
    remarks_add(reader->remarks,
                (struct remark){
                    .file = reader->sizing->path, .opened = true, .at = aim, .warning = warning, .text = text});
}

static void skip_space(struct reader *reader)
{
    while (isspace((unsigned char)*reader->at))
        reader->at++;
}

static const char *take(struct reader *reader, size_t length)
{
    const char *word = arena_printf(reader->arena, "%.*s", (int)length, reader->at);
    reader->at += length;
    return word;
}

static size_t word_length(const char *text)
{
    size_t length = *text == '-';
    while (isalnum((unsigned char)text[length]) || text[length] == '_' || text[length] == '.')
        length++;
    return length;
}

static const char *nearest_advice(struct reader *reader, const char *word, const char *const *words,
                                  size_t count)
{
    const char *nearest = name_nearest(word, words, count);
    if (nearest != NULL)
        return arena_printf(reader->arena, "; did you mean \"%s\"?", nearest);
    return "";
}

static const struct option_kind *find_kind(struct reader *reader, const char *name, const char *at)
{
    const char *names[KIND_COUNT];
    for (size_t i = 0; i < KIND_COUNT; i++) {
        names[i] = kinds[i].name;
        if (strcmp(kinds[i].name, name) == 0)
            return &kinds[i];
    }
    tell(reader, at, false,
         arena_printf(reader->arena, "nanopb has no option \"%s\"%s", name,
                      nearest_advice(reader, name, names, KIND_COUNT)));
    return NULL;
}

static bool is_integer(const char *value)
{
    char *end;
    errno = 0;
    long long number = strtoll(value, &end, 0);
    return isdigit((unsigned char)value[*value == '-']) && *end == '\0' && errno == 0 && number >= INT32_MIN &&
           number <= UINT32_MAX;
}

static bool is_word_of(const struct option_kind *kind, const char *value)
{
    for (size_t i = 0; kind->words[i] != NULL; i++)
        if (strcmp(kind->words[i], value) == 0)
            return true;
    return kind->words != booleans && is_integer(value);
}

static bool check_number(struct reader *reader, const struct option_kind *kind, const char *value,
                         const char *at)
{
    const char *problem = NULL;
    if (!is_integer(value))
        problem = "is not a number";
    else if (kind->kind == KIND_SIZE && strtol(value, NULL, 10) < 1)
        problem = "makes an array without elements, which is no C";
    if (problem != NULL)
        tell(reader, at, false, arena_printf(reader->arena, "%s: \"%s\" %s", kind->name, value, problem));
    return problem == NULL;
}

static bool check_value(struct reader *reader, const struct option_kind *kind, const char *value,
                        const char *at)
{
    if (kind->kind == KIND_INTEGER || kind->kind == KIND_SIZE)
        return check_number(reader, kind, value, at);
    if (kind->kind == KIND_STRING) {
        tell(reader, at, false, arena_printf(reader->arena, "%s: \"%s\" must be in quotes", kind->name, value));
        return false;
    }
    if (is_word_of(kind, value))
        return true;
    size_t count = 0;
    while (kind->words[count] != NULL)
        count++;
    tell(reader, at, false,
         arena_printf(reader->arena, "%s: \"%s\" is not one of its values%s", kind->name, value,
                      nearest_advice(reader, value, kind->words, count)));
    return false;
}

static void judge(struct reader *reader, const struct sizing_option *option, const char *at)
{
    for (size_t i = 0; i < sizeof verdicts / sizeof *verdicts; i++) {
        const struct verdict *verdict = &verdicts[i];
        if (strcmp(verdict->name, option->name) != 0 ||
            (verdict->value != NULL && strcmp(verdict->value, option->value) != 0) ||
            (verdict->except != NULL && strcmp(verdict->except, option->value) == 0))
            continue;
        if (verdict->warning && strstr(reader->line, "callback_function") != NULL)
            continue; /* whoever names a function of their own fills the field there */
        tell(reader, at, verdict->warning,
             arena_printf(reader->arena, "%s: %s %s", option->name,
                          verdict->warning ? "the field" : "this option of nanopb", verdict->text));
    }
}

/* A value in quotes, or a word; NULL and told when there is none. */
static const char *read_value(struct reader *reader, const struct option_kind *kind)
{
    const char *start = reader->at;
    if (*start == '"' || *start == '\'') {
        const char *end = strchr(start + 1, *start);
        if (end == NULL || kind->kind != KIND_STRING) {
            tell(reader, start, false,
                 end == NULL ? "the quote is not closed"
                             : arena_printf(reader->arena, "%s: its value has no quotes", kind->name));
            return NULL;
        }
        reader->at++;
        const char *value = take(reader, (size_t)(end - start) - 1);
        reader->at++;
        return value;
    }
    size_t length = word_length(start);
    if (length == 0) {
        tell(reader, start, false, arena_printf(reader->arena, "%s: a value is missing here", kind->name));
        return NULL;
    }
    const char *value = take(reader, length);
    return check_value(reader, kind, value, start) ? value : NULL;
}

static void add_option(struct reader *reader, const char *name, const char *value, const char *at)
{
    struct sizing *sizing = reader->sizing;
    sizing->options = array_grow(sizing->options, sizing->count, sizeof *sizing->options);
    struct sizing_option *option = &sizing->options[sizing->count++];
    *option = (struct sizing_option){
        reader->pattern, name, value, {reader->number, (uint32_t)(at - reader->line) + 1}, reader->number};
    judge(reader, option, at);
}

/* "max_size:16", perhaps with a comma behind; false when the line cannot be read further. */
static bool read_option(struct reader *reader)
{
    const char *start = reader->at;
    size_t length = word_length(start);
    if (length == 0) {
        tell(reader, start, false, "an option of nanopb is missing here, such as max_size:16");
        return false;
    }
    const char *name = take(reader, length);
    const struct option_kind *kind = find_kind(reader, name, start);
    if (kind == NULL)
        return false;
    skip_space(reader);
    if (*reader->at != ':') {
        tell(reader, reader->at, false, arena_printf(reader->arena, "a colon is missing here: %s:VALUE", name));
        return false;
    }
    reader->at++;
    skip_space(reader);
    const char *value = read_value(reader, kind);
    if (value == NULL)
        return false;
    add_option(reader, name, value, start);
    skip_space(reader);
    reader->at += *reader->at == ',' || *reader->at == ';';
    skip_space(reader);
    return true;
}

static void read_line(struct reader *reader)
{
    reader->at = reader->line;
    skip_space(reader);
    if (*reader->at == '\0')
        return;
    size_t length = strcspn(reader->at, " \t\r\v\f");
    reader->pattern = take(reader, length);
    skip_space(reader);
    if (*reader->at == '\0')
        tell(reader, reader->at - length, false,
             arena_printf(reader->arena,
                          "\"%s\" gets no option; a line is a name, a space and options, such as %s "
                          "max_size:16",
                          reader->pattern, reader->pattern));
    while (*reader->at != '\0' && read_option(reader))
        continue;
}

/* Comments become spaces, so that columns stay: those of C within the line, and from // or # to its end. */
static void blank_comments(char *line)
{
    char *start;
    char *end;
    while ((start = strstr(line, "/*")) != NULL && (end = strstr(start + 2, "*/")) != NULL)
        memset(start, ' ', (size_t)(end - start) + 2);
    if ((start = strstr(line, "//")) != NULL)
        *start = '\0';
    line[strcspn(line, "#")] = '\0';
}

void sizing_read(struct sizing *ret_sizing, const char *path, const char *text, struct remarks *remarks)
{
    *ret_sizing = (struct sizing){.path = path};
    struct reader reader = {.sizing = ret_sizing, .remarks = remarks, .arena = remarks->arena};
    while (*text != '\0') {
        size_t length = strcspn(text, "\n");
        char *line = arena_printf(reader.arena, "%.*s", (int)length, text);
        blank_comments(line);
        reader.line = line;
        reader.number++;
        read_line(&reader);
        text += length;
        text += *text == '\n';
    }
}

void sizing_fini(struct sizing *sizing)
{
    free(sizing->options);
    *sizing = (struct sizing){.path = NULL};
}

bool sizing_matches(const char *pattern, const char *name)
{
    return fnmatch(pattern, name, FNM_NOESCAPE) == 0;
}
