/* Parses the command line: one table of options.
 *
 * It must not know how anything is done.  Reads best next: arguments.h. */
#include "codegen/arguments.h"

#include "idl/names.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef SEMEL_VERSION
#error "the build defines SEMEL_VERSION"
#endif

static const char help[] =
    "semelc - makes C of the services in .proto files\n"
    "\n"
    "  semelc [-I DIR]... [-o DIR] [--depfile FILE] FILE.proto...\n"
    "  semelc [-I DIR]... --describe[=json] FILE.proto...\n"
    "  semelc [-I DIR]... --save STATE FILE.proto...\n"
    "  semelc [-I DIR]... --check-against STATE FILE.proto...\n"
    "\n"
    "For each FILE.proto the first form writes\n"
    "  FILE.pb.h     FILE.pb.c      the messages, as plain structs of nanopb\n"
    "  FILE.semel.h  FILE.semel.c   the services: client stubs, a struct of server handlers, tables\n"
    "The others write none of these.\n"
    "\n"
    "  -I DIR                  where imports are looked for (may be given again); a FILE outside of all\n"
    "                          adds its own folder; below DIR, output keeps the folders FILE has there\n"
    "  -o DIR                  where output goes; made if missing (default: the current directory)\n"
    "  --depfile FILE          also writes a rule for make or ninja: the output depends on every .proto\n"
    "                          and .options file that was read\n"
    "  --depfile-target NAME   the left side of that rule (default: the files that are made)\n"
    "  --describe              prints services, methods, ids, types and options in tables\n"
    "  --describe=json         the same for programs\n"
    "  --save STATE            writes what the files declare, imports included, and nothing else\n"
    "  --check-against STATE   fails if a peer built from STATE could no longer talk to one built from\n"
    "                          the files; STATE may come from protoc --include_imports -o as well\n"
    "  --help                  shows this\n"
    "  --version               shows the version\n"
    "\n"
    "A FILE.options beside FILE.proto, or below a DIR, is given to nanopb: it sets sizes of strings and\n"
    "arrays; without it whatever has no bound is a pointer, and so are fields through which a message\n"
    "contains itself.  Options of methods come from semel/options.proto, which every FILE can import.\n"
    "On any error the exit status is 1 and nothing is written; a file whose text would not change is not\n"
    "touched.\n"
    "\n"
    "Try it:\n"
    "  cat > hello.proto <<'END'\n"
    "  syntax = \"proto3\";\n"
    "  package hello;\n"
    "  message Name { string name = 1; }\n"
    "  message Greeting { string text = 1; }\n"
    "  service Greeter { rpc Greet(Name) returns (Greeting); }\n"
    "  END\n"
    "  semelc hello.proto                          # four files of C\n"
    "  semelc --describe hello.proto               # what travels, and how calls behave\n"
    "  semelc --save hello.pb hello.proto          # keep this state; later, and in CI:\n"
    "  semelc --check-against hello.pb hello.proto\n";

struct parser {
    struct arguments *arguments;
    struct arena *arena;
    char **argv;
    int index;
    const char *task; /* the option that chose the task, NULL: none yet */
};

/* Does what an option asks for; value is NULL when it has none. */
typedef enum parsed option_handler(struct parser *parser, const char *option, const char *value);

enum value { VALUE_NONE, VALUE_NEEDED, VALUE_ALLOWED };

struct option {
    const char *name; /* "-o" or "--save" */
    enum value value;
    const char *noun; /* what the value is */
    option_handler *handle;
};

/* ---- what options do ---- */

static enum parsed show_help(struct parser *parser, const char *option, const char *value)
{
    (void)parser;
    (void)option;
    (void)value;
    fputs(help, stdout);
    return PARSED_DONE;
}

static enum parsed show_version(struct parser *parser, const char *option, const char *value)
{
    (void)parser;
    (void)option;
    (void)value;
    puts("semelc " SEMEL_VERSION);
    return PARSED_DONE;
}

/* Without empty and "." parts, as protoc compares paths. */
static const char *tidy_path(struct arena *arena, const char *path)
{
    char *tidy = arena_alloc(arena, strlen(path) + 2);
    char *end = tidy;
    if (*path == '/')
        *end++ = '/';
    while (*path != '\0') {
        size_t length = strcspn(path, "/");
        bool nothing = length == 0 || (length == 1 && *path == '.');
        if (!nothing) {
            if (end != tidy && end[-1] != '/')
                *end++ = '/';
            memcpy(end, path, length);
            end += length;
        }
        path += length;
        path += *path == '/';
    }
    if (end == tidy)
        *end = '.';
    return tidy;
}

static enum parsed add_import(struct parser *parser, const char *option, const char *value)
{
    (void)option;
    struct imports *imports = &parser->arguments->imports;
    const char *directory = tidy_path(parser->arena, value);
    for (size_t i = 0; i < imports->count; i++)
        if (strcmp(imports->directories[i], directory) == 0)
            return PARSED_RUN;
    imports->directories[imports->count++] = directory;
    return PARSED_RUN;
}

static enum parsed set_out(struct parser *parser, const char *option, const char *value)
{
    (void)option;
    parser->arguments->out = tidy_path(parser->arena, value);
    return PARSED_RUN;
}

static enum parsed set_depfile(struct parser *parser, const char *option, const char *value)
{
    (void)option;
    parser->arguments->depfile = value;
    return PARSED_RUN;
}

static enum parsed set_depfile_target(struct parser *parser, const char *option, const char *value)
{
    (void)option;
    parser->arguments->depfile_target = value;
    return PARSED_RUN;
}

static enum parsed set_task(struct parser *parser, const char *option, enum task task)
{
    if (parser->task != NULL) {
        report_own("%s and %s cannot be done in one run", parser->task, option);
        return PARSED_WRONG;
    }
    parser->task = option;
    parser->arguments->task = task;
    return PARSED_RUN;
}

static enum parsed set_describe(struct parser *parser, const char *option, const char *value)
{
    if (value != NULL && strcmp(value, "json") != 0) {
        report_own("--describe prints tables, --describe=json prints JSON; there is no --describe=%s", value);
        return PARSED_WRONG;
    }
    return set_task(parser, option, value == NULL ? TASK_DESCRIBE : TASK_DESCRIBE_JSON);
}

static enum parsed set_save(struct parser *parser, const char *option, const char *value)
{
    parser->arguments->save = value;
    return set_task(parser, option, TASK_SAVE);
}

static enum parsed set_against(struct parser *parser, const char *option, const char *value)
{
    parser->arguments->against = value;
    return set_task(parser, option, TASK_CHECK);
}

static const struct option options[] = {
    {"-I", VALUE_NEEDED, "a directory", add_import},
    {"-o", VALUE_NEEDED, "a directory", set_out},
    {"-h", VALUE_NONE, NULL, show_help},
    {"--help", VALUE_NONE, NULL, show_help},
    {"--version", VALUE_NONE, NULL, show_version},
    {"--depfile", VALUE_NEEDED, "a file to write", set_depfile},
    {"--depfile-target", VALUE_NEEDED, "a name", set_depfile_target},
    {"--describe", VALUE_ALLOWED, "json or nothing", set_describe},
    {"--save", VALUE_NEEDED, "a file to write", set_save},
    {"--check-against", VALUE_NEEDED, "a file that --save has written", set_against},
};
enum { OPTION_COUNT = sizeof options / sizeof *options };

/* ---- parsing ---- */

static enum parsed unknown_option(const char *name)
{
    const char *names[OPTION_COUNT];
    size_t count = 0;
    for (size_t i = 0; i < OPTION_COUNT; i++)
        if (options[i].name[1] == '-')
            names[count++] = options[i].name;
    const char *nearest = name[1] == '-' ? name_nearest(name, names, count) : NULL;
    if (nearest != NULL)
        report_own("unknown option %s; did you mean %s?", name, nearest);
    else
        report_own("unknown option %s; semelc --help tells which there are", name);
    return PARSED_WRONG;
}

static const struct option *find_option(const char *name)
{
    for (size_t i = 0; i < OPTION_COUNT; i++)
        if (strcmp(options[i].name, name) == 0)
            return &options[i];
    return NULL;
}

/* Parts "--save=X", "-oX" and "--save" into name and value; value NULL when there is none in the word. */
static const char *split(struct arena *arena, const char *word, const char **ret_value)
{
    size_t length = word[1] == '-' ? strcspn(word, "=") : 2;
    *ret_value = word[length] == '\0' ? NULL : word + length + (word[1] == '-');
    return arena_printf(arena, "%.*s", (int)length, word);
}

static enum parsed parse_option(struct parser *parser)
{
    const char *value;
    const char *name = split(parser->arena, parser->argv[parser->index], &value);
    const struct option *option = find_option(name);
    if (option == NULL)
        return unknown_option(name);
    if (option->value == VALUE_NONE && value != NULL) {
        report_own("%s takes no value", name);
        return PARSED_WRONG;
    }
    if (option->value == VALUE_NEEDED && value == NULL && parser->argv[parser->index + 1] != NULL)
        value = parser->argv[++parser->index];
    if (option->value == VALUE_NEEDED && (value == NULL || *value == '\0')) {
        report_own("%s needs %s; semelc --help tells more", name, option->noun);
        return PARSED_WRONG;
    }
    return option->handle(parser, name, value);
}

static bool ends_with(const char *text, const char *suffix)
{
    size_t length = strlen(text);
    size_t tail = strlen(suffix);
    return length > tail && strcmp(text + length - tail, suffix) == 0;
}

static bool add_file(struct parser *parser, const char *file)
{
    struct arguments *arguments = parser->arguments;
    if (!ends_with(file, ".proto")) {
        report_own("%s does not end in .proto", file);
        return false;
    }
    if (access(file, R_OK) != 0) {
        fprintf(stderr, "%s: error: %s\n", file, strerror(errno));
        return false;
    }
    const char *path = tidy_path(parser->arena, file);
    if (*path == '-') {
        report_own("%s: protoc takes a name that starts with - for an option", file);
        return false;
    }
    for (size_t i = 0; i < arguments->file_count; i++)
        if (strcmp(arguments->files[i], path) == 0)
            return true;
    arguments->files[arguments->file_count++] = path;
    return true;
}

/* What fits together only by the whole line. */
static bool check_whole(const struct parser *parser)
{
    const struct arguments *arguments = parser->arguments;
    if (arguments->file_count == 0)
        report_own("no FILE.proto given; semelc --help tells more");
    else if (arguments->depfile_target != NULL && arguments->depfile == NULL)
        report_own("--depfile-target needs --depfile");
    else if (parser->task != NULL && (arguments->depfile != NULL || arguments->out != NULL))
        report_own("%s makes no C, so there is nothing for -o and --depfile", parser->task);
    else
        return true;
    return false;
}

enum parsed arguments_parse(struct arguments *ret_arguments, struct arena *arena, int argc, char **argv)
{
    size_t room = (size_t)argc;
    *ret_arguments = (struct arguments){.task = TASK_GENERATE};
    ret_arguments->files = arena_alloc(arena, room * sizeof *ret_arguments->files);
    ret_arguments->imports.directories = arena_alloc(arena, (room + ARGUMENTS_MORE_IMPORTS) *
                                                                sizeof *ret_arguments->imports.directories);
    struct parser parser = {.arguments = ret_arguments, .arena = arena, .argv = argv};
    bool in_options = true;
    bool good = true;
    for (parser.index = 1; parser.index < argc; parser.index++) {
        const char *word = argv[parser.index];
        if (in_options && strcmp(word, "--") == 0) {
            in_options = false;
        } else if (in_options && word[0] == '-' && word[1] != '\0') {
            enum parsed parsed = parse_option(&parser);
            if (parsed != PARSED_RUN)
                return parsed;
        } else {
            good = add_file(&parser, word) && good;
        }
    }
    good = good && check_whole(&parser);
    if (ret_arguments->out == NULL)
        ret_arguments->out = ".";
    return good ? PARSED_RUN : PARSED_WRONG;
}
