/* semelc: the one command that turns FILE.proto into FILE.pb.h, FILE.pb.c, FILE.semel.h and FILE.semel.c, and that
 * tells what a .proto declares and whether a change of it breaks who speaks the old one.
 *
 * protoc reads the files once, into memory; all else works on what it made of them.  The rules of the language are in
 * idl/.  Reads best next: arguments.h, set.h, sizes.h, output.h. */
#include "codegen/arguments.h"
#include "codegen/depfile.h"
#include "codegen/describe.h"
#include "codegen/emit.h"
#include "codegen/output.h"
#include "codegen/process.h"
#include "codegen/set.h"
#include "codegen/sizes.h"
#include "codegen/tools.h"
#include "idl/compare.h"
#include "idl/imports.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct job {
    struct arena arena;
    struct arguments arguments;
    struct tools tools;
    struct remarks remarks;
    const char **names; /* of the files, as protoc names them; no two alike */
    size_t name_count;
    int set_file;    /* in memory: protoc writes it, and reads it again for nanopb */
    struct text set; /* what is in it */
    struct request request;
    struct model model;
    struct diagnostics list;
    struct sizes sizes;
    struct output output;
};

/* ---- import directories ---- */

/* What is left of file below directory, as protoc sees it; NULL: it is not below. */
static const char *name_below(const char *directory, const char *file)
{
    size_t length = strcmp(directory, ".") == 0 ? 0 : strlen(directory);
    if (strncmp(file, directory, length) != 0 || (length == 0 && *file == '/'))
        return NULL;
    const char *rest = file + length;
    if (length > 0 && directory[length - 1] != '/' && *rest++ != '/')
        return NULL;
    bool leaves = strncmp(rest, "../", 3) == 0 || strstr(rest, "/../") != NULL;
    return leaves ? NULL : rest;
}

static const char *find_name(const struct imports *imports, const char *file)
{
    for (size_t i = 0; i < imports->count; i++) {
        const char *name = name_below(imports->directories[i], file);
        if (name != NULL)
            return name;
    }
    return NULL;
}

static const char *directory_of(struct arena *arena, const char *file)
{
    const char *slash = strrchr(file, '/');
    if (slash == NULL)
        return ".";
    return slash == file ? "/" : arena_printf(arena, "%.*s", (int)(slash - file), file);
}

/* A file outside of every directory adds its own; those of google/protobuf keep their names even then. */
static void add_own_directory(struct job *job, const char *file)
{
    struct imports *imports = &job->arguments.imports;
    const char *google = job->tools.google_protos == NULL ? NULL : name_below(job->tools.google_protos, file);
    if (find_name(imports, file) != NULL)
        return;
    bool well_known = google != NULL && strncmp(google, "google/protobuf/", 16) == 0;
    imports->directories[imports->count++] = well_known ? job->tools.google_protos
                                                        : directory_of(&job->arena, file);
}

static void complete_imports(struct job *job)
{
    struct imports *imports = &job->arguments.imports;
    /* nanopb ships an old copy of google/protobuf/descriptor.proto: protoc's own goes first. */
    const char *const more[ARGUMENTS_MORE_IMPORTS] = {job->tools.semel_protos, job->tools.google_protos,
                                                      job->tools.nanopb_protos};
    for (size_t i = 0; i < job->arguments.file_count; i++)
        add_own_directory(job, job->arguments.files[i]);
    for (size_t i = 0; i < ARGUMENTS_MORE_IMPORTS; i++)
        if (more[i] != NULL)
            imports->directories[imports->count++] = more[i];
    job->names = arena_alloc(&job->arena, job->arguments.file_count * sizeof *job->names);
    for (size_t i = 0; i < job->arguments.file_count; i++) {
        const char *name = find_name(imports, job->arguments.files[i]);
        size_t twin = 0;
        while (twin < job->name_count && strcmp(job->names[twin], name) != 0)
            twin++;
        if (twin == job->name_count)
            job->names[job->name_count++] = name;
    }
}

/* protoc takes a colon for the end of a directory and offers no way to quote one. */
static bool imports_are_clean(const struct job *job)
{
    for (size_t i = 0; i < job->arguments.imports.count; i++) {
        const char *directory = job->arguments.imports.directories[i];
        if (strchr(directory, ':') != NULL) {
            report_own("protoc cannot look into %s: its name has a colon", directory);
            return false;
        }
    }
    return true;
}

/* ---- what protoc makes of the files ---- */

/* Runs protoc and takes down what it says; false when it did not do its work. */
static bool run_protoc(struct job *job, char **argv, const char *directory)
{
    struct text said = {.bytes = NULL};
    size_t before = remarks_errors(&job->remarks);
    int status = process_run(argv, directory, &said);
    int reason = errno;
    if (said.size > 0)
        remarks_read(&job->remarks, said.bytes, status != 0);
    text_fini(&said);
    if (process_interrupted())
        report_own("interrupted; nothing was written");
    else if (status < 0)
        report_own("cannot run %s: %s", job->tools.protoc, strerror(reason));
    else if (status != 0 && remarks_errors(&job->remarks) == before)
        report_own("%s failed with status %d and said nothing", job->tools.protoc, status);
    return status == 0 && remarks_errors(&job->remarks) == 0 && !process_interrupted();
}

static char **reader_arguments(struct job *job)
{
    const struct imports *imports = &job->arguments.imports;
    struct arena *arena = &job->arena;
    char **argv = arena_alloc(arena, (6 + imports->count + job->arguments.file_count) * sizeof *argv);
    size_t count = 0;
    argv[count++] = arena_copy(arena, job->tools.protoc);
    argv[count++] = arena_copy(arena, "--error_format=gcc");
    argv[count++] = arena_copy(arena, "--include_imports");
    argv[count++] = arena_copy(arena, "--include_source_info");
    argv[count++] = arena_printf(arena, "--descriptor_set_out=/dev/fd/%d", job->set_file);
    for (size_t i = 0; i < imports->count; i++)
        argv[count++] = arena_printf(arena, "-I=%s",
                                     imports->directories[i]); /* what stands before = is prefixed */
    for (size_t i = 0; i < job->arguments.file_count; i++)
        argv[count++] = arena_copy(arena, job->arguments.files[i]);
    return argv;
}

static bool read_files(struct job *job)
{
    const char *problem;
    job->set_file = memfd_create("semelc", 0); /* protoc inherits it */
    if (job->set_file < 0) {
        report_own("cannot make a file in memory: %s", strerror(errno));
        return false;
    }
    if (!run_protoc(job, reader_arguments(job), NULL))
        return false;
    if (!set_load_from(job->set_file, &job->set)) {
        report_own("cannot read what protoc wrote: %s", strerror(errno));
        return false;
    }
    if (!set_parse(&job->set, job->names, job->name_count, &job->request, &problem)) {
        report_own("cannot read what protoc wrote: %s", problem);
        return false;
    }
    model_build(&job->model, &job->request, &job->list);
    remarks_take(&job->remarks, &job->list);
    return job->list.errors == 0;
}

/* ---- making C ---- */

static bool emit(struct job *job, const char *stem, const char *suffix, const struct model_file *file,
                 void (*emitter)(struct text *, const struct model_file *))
{
    struct text text = {.bytes = NULL};
    emitter(&text, file);
    const char *name = arena_printf(&job->arena, "%s%s", stem, suffix);
    bool written = output_write(&job->arena, job->output.made, name, text.bytes, text.size);
    text_fini(&text);
    return written;
}

static bool emit_services(struct job *job)
{
    for (size_t i = 0; i < job->model.file_count; i++) {
        const struct model_file *file = &job->model.files[i];
        if (!emit(job, file->stem, ".semel.h", file, emit_header) ||
            !emit(job, file->stem, ".semel.c", file, emit_source))
            return false;
    }
    return true;
}

/* protoc joins the options of plugins with commas, and nanopb takes quotes for its own. */
static bool is_passable(const char *name)
{
    return strpbrk(name, ",\"'") == NULL;
}

/* nanopb runs inside the workshop, where its copies of the .options files are, so that no path of the user has to
 * pass through protoc's way of quoting the options of plugins.  Files imported for their options alone need no
 * header: -x leaves them out. */
static char **nanopb_arguments(struct job *job)
{
    struct arena *arena = &job->arena;
    size_t unused_count;
    const char *const *unused = imports_without_use(&job->model, &job->request, &unused_count);
    char **argv = arena_alloc(arena, (8 + unused_count + job->name_count) * sizeof *argv);
    size_t count = 0;
    argv[count++] = arena_copy(arena, job->tools.protoc);
    argv[count++] = arena_copy(arena, "--error_format=gcc");
    argv[count++] = arena_printf(arena, "--plugin=protoc-gen-nanopb=%s", job->tools.nanopb_plugin);
    argv[count++] = arena_printf(arena, "--descriptor_set_in=/dev/fd/%d", job->set_file);
    argv[count++] = arena_copy(arena, "--nanopb_opt=-sfallback_type:FT_POINTER");
    argv[count++] = arena_copy(arena, "--nanopb_opt=-xsemel/options.proto");
    argv[count++] = arena_copy(arena, "--nanopb_out=../made");
    for (size_t i = 0; i < unused_count; i++)
        if (is_passable(unused[i]))
            argv[count++] = arena_printf(arena, "--nanopb_opt=-x%s", unused[i]);
    for (size_t i = 0; i < job->name_count; i++)
        argv[count++] = arena_copy(arena, job->names[i]);
    return argv;
}

static bool make_messages(struct job *job)
{
    size_t before = job->remarks.count;
    bool made = run_protoc(job, nanopb_arguments(job), job->output.notes);
    sizes_aim(&job->sizes, before);
    return made;
}

/* Everything that is made, to its place; false with errno and the path that could not be written. */
static bool publish(struct job *job, const struct text *rule, const char **ret_culprit)
{
    if (!output_publish(&job->output, &job->arena, ret_culprit))
        return false;
    *ret_culprit = job->arguments.depfile;
    return rule->size == 0 || output_replace(&job->arena, job->arguments.depfile, rule->bytes, rule->size);
}

static void add_targets(struct job *job, struct text *rule)
{
    static const char *const suffixes[] = {".pb.h", ".pb.c", ".semel.h", ".semel.c"};
    if (job->arguments.depfile_target != NULL) {
        depfile_add_target(rule, job->arguments.depfile_target);
        return;
    }
    const char *out = strcmp(job->arguments.out, ".") == 0 ? "" : job->arguments.out;
    const char *slash = *out == '\0' || strcmp(out, "/") == 0 ? "" : "/";
    for (size_t i = 0; i < job->model.file_count; i++)
        for (size_t j = 0; j < sizeof suffixes / sizeof *suffixes; j++)
            depfile_add_target(
                rule, arena_printf(&job->arena, "%s%s%s%s", out, slash, job->model.files[i].stem, suffixes[j]));
}

static void make_rule(struct job *job, struct text *rule)
{
    if (job->arguments.depfile == NULL)
        return;
    add_targets(job, rule);
    for (size_t i = 0; i < job->request.file_count; i++)
        depfile_add_source(rule,
                           report_path(&job->arena, &job->arguments.imports, job->request.files[i]->file.name));
    for (size_t i = 0; i < job->sizes.count; i++)
        if (job->sizes.files[i].path != NULL)
            depfile_add_source(rule, job->sizes.files[i].path);
    depfile_end(rule);
}

static bool make_and_publish(struct job *job)
{
    const char *culprit = NULL;
    struct text rule = {.bytes = NULL};
    bool written = output_open(&job->output, &job->arena, job->arguments.out, &culprit) && emit_services(job) &&
                   sizes_write(&job->sizes, job->output.notes);
    bool made = written && make_messages(job);
    if (made) {
        make_rule(job, &rule);
        written = publish(job, &rule, &culprit);
    }
    if (!written)
        report_own("cannot write to %s: %s", culprit, strerror(errno));
    text_fini(&rule);
    output_close(&job->output, &job->arena);
    return made && written;
}

static bool generate(struct job *job)
{
    struct cycles cycles;
    cycles_find(&job->model, &job->request, &cycles);
    sizes_collect(&job->sizes, &job->request, &job->model, &cycles, &job->arguments.imports, &job->remarks);
    bool good = remarks_errors(&job->remarks) == 0 && make_and_publish(job);
    sizes_fini(&job->sizes);
    return good;
}

/* ---- the other tasks ---- */

static bool describe(struct job *job)
{
    bool written = job->arguments.task == TASK_DESCRIBE_JSON ? describe_json(stdout, &job->model)
                                                             : describe_tables(stdout, &job->model);
    if (!written)
        report_own("cannot write to stdout: %s", strerror(errno));
    return written;
}

static bool save(struct job *job)
{
    struct text bytes = {.bytes = NULL};
    const char *path = job->arguments.save;
    bool written = set_strip(&job->set, &bytes) && output_replace(&job->arena, path, bytes.bytes, bytes.size);
    if (!written)
        report_own("cannot write to %s: %s", path, strerror(errno));
    text_fini(&bytes);
    return written;
}

static bool compare(struct job *job, struct request *old)
{
    struct diagnostics changes;
    diagnostics_init(&changes, &job->model.arena);
    compare_requests(old, &job->request, &changes);
    remarks_take(&job->remarks, &changes);
    bool same = changes.errors == 0;
    diagnostics_fini(&changes);
    return same;
}

static bool check(struct job *job)
{
    const char *path = job->arguments.against;
    struct text bytes;
    struct request old = {.files = NULL};
    const char *problem = NULL;
    bool good = false;
    if (!set_load(path, &bytes))
        report_own("cannot read %s: %s", path, strerror(errno));
    else if (!set_parse(&bytes, NULL, 0, &old, &problem) ||
             (problem = compare_problem(&old, &job->arena)) != NULL)
        report_own("%s is not what semelc --save or protoc --include_imports -o writes: %s", path, problem);
    else
        good = compare(job, &old);
    request_fini(&old);
    text_fini(&bytes);
    return good;
}

static bool work(struct job *job)
{
    if (!read_files(job))
        return false;
    switch (job->arguments.task) {
    case TASK_GENERATE: return generate(job);
    case TASK_DESCRIBE:
    case TASK_DESCRIBE_JSON: return describe(job);
    case TASK_SAVE: return save(job);
    case TASK_CHECK: return check(job);
    }
    return false;
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
    job->remarks.arena = &job->arena;
    job->set_file = -1;
    model_init(&job->model);
    diagnostics_init(&job->list, &job->model.arena);
    bool good = imports_are_clean(job) && work(job);
    report_remarks(&job->remarks, &job->arguments.imports);
    remarks_fini(&job->remarks);
    diagnostics_fini(&job->list);
    model_fini(&job->model);
    request_fini(&job->request);
    text_fini(&job->set);
    if (job->set_file >= 0)
        close(job->set_file);
    return good;
}

int main(int argc, char **argv)
{
    struct job job = {.set_file = -1};
    enum parsed parsed = arguments_parse(&job.arguments, &job.arena, argc, argv);
    bool good = parsed == PARSED_DONE || (parsed == PARSED_RUN && run(&job));
    arena_fini(&job.arena);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
