/* semelc: the one command that turns FILE.proto into FILE.pb.h, FILE.pb.c, FILE.semel.h and FILE.semel.c.
 *
 * It drives protoc with two plugins and shows their complaints well; all rules of the language are in idl/.
 * Reads best next: tools.h, output.h, report.h. */
#include "codegen/output.h"
#include "codegen/process.h"
#include "codegen/report.h"
#include "codegen/tools.h"

#include <errno.h>
#include <stdbool.h>
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
    "Usage: semelc [-I DIR]... [-o DIR] FILE.proto...\n"
    "\n"
    "For each FILE.proto it writes\n"
    "  FILE.pb.h     FILE.pb.c      the messages, as plain structs of nanopb\n"
    "  FILE.semel.h  FILE.semel.c   the services: client stubs, a struct of server handlers, tables\n"
    "\n"
    "  -I DIR      where imports are looked for (may be given again); a FILE outside of every DIR\n"
    "              adds its own folder.  Below DIR, output keeps the folders FILE has there.\n"
    "  -o DIR      where output goes; made if missing (default: the current directory)\n"
    "  --help      shows this\n"
    "  --version   shows the version\n"
    "\n"
    "A FILE.options beside FILE.proto is given to nanopb: it sets sizes of strings and arrays; without it\n"
    "whatever has no bound is a pointer.  Options of methods come from semel/options.proto, which every\n"
    "FILE can import.  On any error the exit status is 1 and no file is written; a file whose text would\n"
    "not change is not touched.\n"
    "\n"
    "Try it:\n"
    "  cat > hello.proto <<'END'\n"
    "  syntax = \"proto3\";\n"
    "  package hello;\n"
    "  message Name { string name = 1; }\n"
    "  message Greeting { string text = 1; }\n"
    "  service Greeter { rpc Greet(Name) returns (Greeting); }\n"
    "  END\n"
    "  semelc hello.proto\n";

struct job {
    struct arena arena;
    const char *out;
    const char **files;
    size_t file_count;
    struct imports imports;
    struct tools tools;
    struct output output;
};

/* ---- the command line ---- */

enum parsed { PARSED_RUN, PARSED_DONE, PARSED_WRONG };

static void add_import(struct job *job, const char *directory)
{
    for (size_t i = 0; i < job->imports.count; i++)
        if (strcmp(job->imports.directories[i], directory) == 0)
            return;
    job->imports.directories[job->imports.count++] = directory;
}

/* Without "./" in front and "/" behind, so that directories compare. */
static const char *tidy_path(struct arena *arena, const char *path)
{
    while (path[0] == '.' && path[1] == '/') {
        path += 2;
        path += strspn(path, "/");
    }
    char *tidy = arena_copy(arena, *path == '\0' ? "." : path);
    for (size_t length = strlen(tidy); length > 1 && tidy[length - 1] == '/'; length--)
        tidy[length - 1] = '\0';
    return tidy;
}

/* The value of an option that takes one, "-oDIR" or "-o DIR"; NULL, and reported, when there is none. */
static const char *option_value(char **argv, int *index)
{
    const char *option = argv[*index];
    const char *value = option[2] != '\0' ? option + 2 : argv[++*index];
    if (value == NULL || *value == '\0') {
        report_own("%.2s needs a directory; semelc --help tells more", option);
        return NULL;
    }
    return value;
}

static enum parsed parse_option(struct job *job, char **argv, int *index)
{
    const char *option = argv[*index];
    if (strcmp(option, "--help") == 0 || strcmp(option, "-h") == 0) {
        fputs(help, stdout);
        return PARSED_DONE;
    }
    if (strcmp(option, "--version") == 0) {
        puts("semelc " SEMEL_VERSION);
        return PARSED_DONE;
    }
    if (option[1] != 'I' && option[1] != 'o') {
        report_own("unknown option %s; semelc --help tells which there are", option);
        return PARSED_WRONG;
    }
    char which = option[1];
    const char *value = option_value(argv, index);
    if (value == NULL)
        return PARSED_WRONG;
    value = tidy_path(&job->arena, value);
    if (which == 'I')
        add_import(job, value);
    else
        job->out = value;
    return PARSED_RUN;
}

static bool ends_with(const char *text, const char *suffix)
{
    size_t length = strlen(text);
    size_t tail = strlen(suffix);
    return length > tail && strcmp(text + length - tail, suffix) == 0;
}

static bool add_file(struct job *job, const char *file)
{
    if (!ends_with(file, ".proto")) {
        report_own("%s does not end in .proto", file);
        return false;
    }
    if (access(file, R_OK) != 0) {
        fprintf(stderr, "%s: error: %s\n", file, strerror(errno));
        return false;
    }
    job->files[job->file_count++] = tidy_path(&job->arena, file);
    return true;
}

static enum parsed parse_arguments(struct job *job, int argc, char **argv)
{
    size_t room = (size_t)argc;
    job->files = arena_alloc(&job->arena, room * sizeof *job->files);
    /* Each argument is at most one directory; two more come from the tools. */
    job->imports.directories = arena_alloc(&job->arena, (room + 2) * sizeof *job->imports.directories);
    bool options = true;
    bool good = true;
    for (int i = 1; i < argc; i++) {
        if (options && strcmp(argv[i], "--") == 0) {
            options = false;
        } else if (options && argv[i][0] == '-' && argv[i][1] != '\0') {
            enum parsed parsed = parse_option(job, argv, &i);
            if (parsed != PARSED_RUN)
                return parsed;
        } else {
            good = add_file(job, argv[i]) && good;
        }
    }
    if (good && job->file_count == 0) {
        report_own("no FILE.proto given; semelc --help tells more");
        good = false;
    }
    return good ? PARSED_RUN : PARSED_WRONG;
}

/* ---- import directories ---- */

static bool covers(const char *directory, const char *file)
{
    if (strcmp(directory, ".") == 0)
        return *file != '/' && strncmp(file, "../", 3) != 0;
    size_t length = strlen(directory);
    return strncmp(file, directory, length) == 0 && (file[length] == '/' || directory[length - 1] == '/');
}

static void add_own_directory(struct job *job, const char *file)
{
    for (size_t i = 0; i < job->imports.count; i++)
        if (covers(job->imports.directories[i], file))
            return;
    char *directory = arena_copy(&job->arena, file);
    char *slash = strrchr(directory, '/');
    if (slash == NULL)
        directory = arena_copy(&job->arena, ".");
    else
        slash[slash == directory] = '\0';
    add_import(job, directory);
}

static void complete_imports(struct job *job)
{
    for (size_t i = 0; i < job->file_count; i++)
        add_own_directory(job, job->files[i]);
    add_import(job, job->tools.semel_protos);
    if (job->tools.nanopb_protos != NULL)
        add_import(job, job->tools.nanopb_protos);
}

/* protoc joins the options of a plugin with commas and offers no way to quote one. */
static bool imports_are_clean(const struct job *job)
{
    for (size_t i = 0; i < job->imports.count; i++) {
        if (strpbrk(job->imports.directories[i], ",\"'") != NULL) {
            report_own("protoc cannot pass on the directory %s: its name has a comma or a quote",
                       job->imports.directories[i]);
            return false;
        }
    }
    return true;
}

/* ---- the run ---- */

static char **protoc_arguments(struct job *job)
{
    struct arena *arena = &job->arena;
    char **argv = arena_alloc(arena, (16 + 2 * job->imports.count + job->file_count) * sizeof *argv);
    size_t count = 0;
    argv[count++] = arena_copy(arena, job->tools.protoc);
    argv[count++] = arena_copy(arena, "--error_format=gcc");
    argv[count++] = arena_printf(arena, "--plugin=protoc-gen-semel=%s", job->tools.semel_plugin);
    argv[count++] = arena_printf(arena, "--plugin=protoc-gen-nanopb=%s", job->tools.nanopb_plugin);
    /* semel first: a name that nanopb would stumble over gets a clear error before nanopb sees it. */
    argv[count++] = arena_printf(arena, "--semel_out=%s", job->output.workshop);
    argv[count++] = arena_printf(arena, "--nanopb_out=%s", job->output.workshop);
    argv[count++] = arena_copy(arena, "--nanopb_opt=-q");
    argv[count++] = arena_copy(arena, "--nanopb_opt=-sfallback_type:FT_POINTER");
    argv[count++] = arena_copy(arena, "--nanopb_opt=-xsemel/options.proto");
    for (size_t i = 0; i < job->imports.count; i++) {
        argv[count++] = arena_printf(arena, "-I%s", job->imports.directories[i]);
        argv[count++] = arena_printf(arena, "--nanopb_opt=-I%s", job->imports.directories[i]);
    }
    for (size_t i = 0; i < job->file_count; i++)
        argv[count++] = arena_copy(arena, job->files[i]);
    return argv;
}

static bool run_protoc(struct job *job)
{
    struct text said = {.bytes = NULL};
    int status = process_run(protoc_arguments(job), &said);
    int reason = errno;
    size_t errors = said.size == 0 ? 0 : report_protoc(said.bytes, status != 0, &job->imports, &job->arena);
    text_fini(&said);
    if (process_interrupted())
        report_own("interrupted; nothing was written");
    else if (status < 0)
        report_own("cannot run %s: %s", job->tools.protoc, strerror(reason));
    else if (status != 0 && errors == 0)
        report_own("%s failed with status %d and said nothing", job->tools.protoc, status);
    return status == 0 && errors == 0 && !process_interrupted();
}

static bool generate(struct job *job)
{
    const char *culprit = NULL;
    bool opened = output_open(&job->output, &job->arena, job->out, &culprit);
    bool good = opened && run_protoc(job);
    if (good) {
        good = output_publish(&job->output, &job->arena, &culprit);
        opened = good;
    }
    if (!opened)
        report_own("cannot write to %s: %s", culprit, strerror(errno));
    output_close(&job->output, &job->arena);
    return good;
}

static bool run(struct job *job)
{
    const char *missing = tools_find(&job->arena, &job->tools);
    if (missing != NULL) {
        report_own("%s", missing);
        return false;
    }
    complete_imports(job);
    process_catch_signals();
    return imports_are_clean(job) && generate(job);
}

int main(int argc, char **argv)
{
    struct job job = {.out = "."};
    enum parsed parsed = parse_arguments(&job, argc, argv);
    bool good = parsed == PARSED_DONE || (parsed == PARSED_RUN && run(&job));
    arena_fini(&job.arena);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
