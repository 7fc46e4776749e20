/* Collects the .options files of a run.
 *
 * It must not know how nanopb is run.  Reads best next: sizes.h. */
#include "codegen/sizes.h"

#include "codegen/output.h"
#include "codegen/set.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- the user's files ---- */

static const char *options_name(struct arena *arena, const char *proto)
{
    size_t length = strlen(proto);
    const char *dot = strrchr(proto, '.');
    if (dot != NULL && strchr(dot, '/') == NULL)
        length = (size_t)(dot - proto);
    return arena_printf(arena, "%.*s.options", (int)length, proto);
}

/* nanopb looks here first, then in each directory of imports, and takes the first it finds. */
static const char *find_file(struct arena *arena, const struct imports *imports, const char *name)
{
    struct stat status;
    if (stat(name, &status) == 0 && S_ISREG(status.st_mode))
        return name;
    for (size_t i = 0; i < imports->count; i++) {
        const char *path = strcmp(imports->directories[i], ".") == 0
                               ? name
                               : arena_printf(arena, "%s/%s", imports->directories[i], name);
        if (stat(path, &status) == 0 && S_ISREG(status.st_mode))
            return path;
    }
    return NULL;
}

/* How many bytes the UTF-8 letter at text has; 0: it is none. */
static size_t letter_size(const unsigned char *text)
{
    size_t size = *text < 0x80   ? 1
                  : *text < 0xc2 ? 0
                  : *text < 0xe0 ? 2
                  : *text < 0xf0 ? 3
                  : *text < 0xf5 ? 4
                                 : 0;
    for (size_t i = 1; i < size; i++)
        if ((text[i] & 0xc0) != 0x80)
            return 0;
    return size;
}

static bool is_text(const struct text *bytes)
{
    if (bytes->size == 0)
        return true;
    const unsigned char *at = (const unsigned char *)bytes->bytes;
    while (*at != '\0' && letter_size(at) > 0)
        at += letter_size(at);
    return at == (const unsigned char *)bytes->bytes + bytes->size;
}

static void read_file(struct sizes *sizes, struct sizes_file *file)
{
    struct arena *arena = sizes->remarks->arena;
    struct text bytes;
    struct remark remark = {.file = file->path, .opened = true};
    if (!set_load(file->path, &bytes))
        remark.text = arena_printf(arena, "cannot be read: %s", strerror(errno));
    else if (!is_text(&bytes))
        remark.text = "is not text in UTF-8";
    else if (bytes.size > 0)
        file->text = arena_copy(arena, bytes.bytes);
    text_fini(&bytes);
    if (remark.text != NULL)
        remarks_add(sizes->remarks, remark);
    sizing_read(&file->sizing, file->path, file->text, sizes->remarks);
}

/* ---- circles ---- */

/* Whether the pattern of an option reaches a field: by its own name, or by that of its message. */
static bool reaches(const struct sizing_option *option, const char *message, const char *field)
{
    return sizing_matches(option->pattern, field) || sizing_matches(option->pattern, message);
}

/* Whether the user decides the type of a field; a decision for a value cannot stand, and is told. */
static bool is_decided(struct sizes *sizes, const struct sizes_file *file, const char *message,
                       const char *field)
{
    bool decided = false;
    for (size_t i = 0; i < file->sizing.count; i++) {
        const struct sizing_option *option = &file->sizing.options[i];
        if (strcmp(option->name, "type") != 0 || strcmp(option->value, "FT_DEFAULT") == 0 ||
            !reaches(option, message, field))
            continue;
        decided = true;
        if (strcmp(option->value, "FT_STATIC") != 0 && strcmp(option->value, "FT_INLINE") != 0)
            continue;
        remarks_add(
            sizes->remarks,
            (struct remark){.file = file->path,
                            .opened = true,
                            .at = option->at,
                            .text = arena_printf(sizes->remarks->arena,
                                                 "type: through %s, %s contains itself, which no C struct can; "
                                                 "leave it away or write type:FT_POINTER",
                                                 field, message)});
    }
    return decided;
}

static void add_pointers(struct sizes *sizes, struct sizes_file *file, const char *proto,
                         const struct cycles *cycles)
{
    struct arena *arena = sizes->remarks->arena;
    struct text text = {.bytes = NULL};
    text_addf(&text, "%s\n", file->text);
    size_t before = text.size;
    for (size_t i = 0; i < cycles->count; i++) {
        const struct cycle_field *field = &cycles->fields[i];
        if (strcmp(field->file, proto) != 0)
            continue;
        const char *full_name = arena_printf(arena, "%s.%s", field->message, field->name);
        if (!is_decided(sizes, file, field->message, full_name))
            text_addf(&text, "%s type:FT_POINTER\n", full_name);
    }
    if (text.size > before)
        file->text = arena_copy(arena, text.bytes);
    text_fini(&text);
}

/* ---- messages that services need ---- */

static bool is_skipped(const struct sizing_option *option)
{
    return strcmp(option->name, "skip_message") == 0 && strchr("tT1", option->value[0]) != NULL;
}

static void check_needed(struct sizes *sizes, const struct sizes_file *file, const struct model_method *method,
                         const struct model_message *message)
{
    if (message == NULL)
        return;
    for (size_t i = 0; i < file->sizing.count; i++) {
        const struct sizing_option *option = &file->sizing.options[i];
        if (!is_skipped(option) || !sizing_matches(option->pattern, message->full_name))
            continue;
        remarks_add(sizes->remarks,
                    (struct remark){.file = file->path,
                                    .opened = true,
                                    .at = option->at,
                                    .text = arena_printf(sizes->remarks->arena,
                                                         "skip_message: method %s needs message %s",
                                                         method->full_name, message->full_name)});
    }
}

static void check_method(struct sizes *sizes, const struct sizes_file *file, const struct model_method *method)
{
    check_needed(sizes, file, method, method->request);
    check_needed(sizes, file, method, method->reply);
    for (size_t i = 0; i < method->options.error_count; i++)
        check_needed(sizes, file, method, method->options.errors[i].message);
}

static void check_methods(struct sizes *sizes, const struct sizes_file *file, const struct model *model)
{
    for (size_t i = 0; i < model->file_count; i++)
        for (size_t j = 0; j < model->files[i].service_count; j++)
            for (size_t k = 0; k < model->files[i].services[j].method_count; k++)
                check_method(sizes, file, &model->files[i].services[j].methods[k]);
}

void sizes_collect(struct sizes *ret_sizes, const struct request *request, const struct model *model,
                   const struct cycles *cycles, const struct imports *imports, struct remarks *remarks)
{
    *ret_sizes = (struct sizes){.remarks = remarks};
    ret_sizes->files = arena_alloc(remarks->arena, request->file_count * sizeof *ret_sizes->files);
    for (size_t i = 0; i < request->file_count; i++) {
        const char *proto = request->files[i]->file.name;
        struct sizes_file *file = &ret_sizes->files[ret_sizes->count++];
        *file = (struct sizes_file){.name = options_name(remarks->arena, proto), .text = ""};
        file->path = find_file(remarks->arena, imports, file->name);
        if (file->path != NULL)
            read_file(ret_sizes, file);
        add_pointers(ret_sizes, file, proto, cycles);
        check_methods(ret_sizes, file, model);
    }
}

void sizes_fini(struct sizes *sizes)
{
    for (size_t i = 0; i < sizes->count; i++)
        sizing_fini(&sizes->files[i].sizing);
    sizes->count = 0;
}

bool sizes_write(const struct sizes *sizes, const char *directory)
{
    for (size_t i = 0; i < sizes->count; i++) {
        const struct sizes_file *file = &sizes->files[i];
        if (*file->text != '\0' &&
            !output_write(sizes->remarks->arena, directory, file->name, file->text, strlen(file->text)))
            return false;
    }
    return true;
}

/* Where a pattern that text quotes stands. */
static uint32_t line_of(const struct sizing *sizing, const char *text)
{
    for (size_t i = 0; i < sizing->count; i++) {
        const struct sizing_option *option = &sizing->options[i];
        size_t length = strlen(option->pattern);
        const char *quote = strchr(text, '"');
        if (quote != NULL && strncmp(quote + 1, option->pattern, length) == 0 && quote[1 + length] == '"')
            return option->pattern_line;
    }
    return 0;
}

static void aim_one(const struct sizes *sizes, struct remark *remark)
{
    for (size_t i = 0; i < sizes->count; i++) {
        const struct sizes_file *file = &sizes->files[i];
        if (file->path == NULL || strncmp(remark->file, "./", 2) != 0 ||
            strcmp(remark->file + 2, file->name) != 0)
            continue;
        remark->file = file->path;
        remark->opened = true;
        if (remark->at.line == 0)
            remark->at = (struct aim){line_of(&file->sizing, remark->text), 1};
        return;
    }
}

void sizes_aim(const struct sizes *sizes, size_t first)
{
    for (size_t i = first; i < sizes->remarks->count; i++)
        if (sizes->remarks->items[i].file != NULL)
            aim_one(sizes, &sizes->remarks->items[i]);
}
