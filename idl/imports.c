/* Follows the types that files take from each other.
 *
 * It must not know how a header is included.  Reads best next: imports.h. */
#include "idl/imports.h"

#include <stdlib.h>
#include <string.h>

/* Where a type is declared. */
struct declared {
    const char *full_name;
    const char *file;
};

struct follower {
    struct model *model;
    const struct request *request;
    struct declared *types; /* sorted */
    size_t type_count;
    bool *needed; /* by file */
    bool *taken;  /* by file: whether the file at hand takes a type from it */
    bool *seen;   /* by file: on a walk along public imports */
    size_t *queue;
    size_t queued;
};

static int by_name(const void *left, const void *right)
{
    const struct declared *a = left;
    const struct declared *b = right;
    return strcmp(a->full_name, b->full_name);
}

static void collect_types(struct follower *to)
{
    const struct model *model = to->model;
    to->types = arena_alloc(&to->model->arena, (model->message_count + model->enum_count) * sizeof *to->types);
    for (size_t i = 0; i < model->message_count; i++)
        to->types[to->type_count++] = (struct declared){model->messages[i].full_name,
                                                        model->messages[i].place.file};
    for (size_t i = 0; i < model->enum_count; i++)
        to->types[to->type_count++] = (struct declared){model->enums[i].full_name, model->enums[i].place.file};
    if (to->type_count > 1)
        qsort(to->types, to->type_count, sizeof *to->types, by_name);
}

static size_t find_file(const struct follower *in, const char *name)
{
    size_t i = 0;
    while (i < in->request->file_count && strcmp(in->request->files[i]->file.name, name) != 0)
        i++;
    return i; /* file_count: there is none */
}

static void need(struct follower *to, size_t file)
{
    if (to->needed[file])
        return;
    to->needed[file] = true;
    to->queue[to->queued++] = file;
}

static void take(struct follower *to, const char *type)
{
    if (type == NULL || to->type_count == 0)
        return;
    struct declared key = {.full_name = *type == '.' ? type + 1 : type};
    const struct declared *found = bsearch(&key, to->types, to->type_count, sizeof key, by_name);
    size_t file = found == NULL ? to->request->file_count : find_file(to, found->file);
    if (file < to->request->file_count)
        to->taken[file] = true;
}

static void take_fields(struct follower *to, const desc_Field *fields, pb_size_t count)
{
    for (pb_size_t i = 0; i < count; i++)
        take(to, fields[i].type_name);
}

static void take_rules(struct follower *to, const desc_Rules *rules)
{
    for (pb_size_t i = 0; i < rules->errors_count; i++)
        take(to, rules->errors[i]);
}

static void take_services(struct follower *to, const desc_File *file)
{
    for (pb_size_t i = 0; i < file->service_count; i++) {
        const desc_Service *service = &file->service[i];
        take_rules(to, &service->options.semel);
        for (pb_size_t j = 0; j < service->method_count; j++) {
            take(to, service->method[j].input_type);
            take(to, service->method[j].output_type);
            take_rules(to, &service->method[j].options.semel);
        }
    }
}

/* Whether file, or one that it hands on, is taken from. */
static bool hands_on(struct follower *in, size_t file)
{
    if (file >= in->request->file_count || in->seen[file])
        return false;
    in->seen[file] = true;
    const desc_File *source = &in->request->files[file]->file;
    bool found = in->taken[file];
    for (pb_size_t i = 0; i < source->public_dependency_count; i++) {
        int32_t index = source->public_dependency[i];
        if (index >= 0 && index < source->dependency_count)
            found |= hands_on(in, find_file(in, source->dependency[index]));
    }
    return found;
}

/* What a file hands on stays in its header, needed or not. */
static void need_handed_on(struct follower *to)
{
    for (size_t i = 0; i < to->request->file_count; i++)
        if (to->seen[i])
            need(to, i);
}

static void follow(struct follower *to, size_t index)
{
    const struct request_file *file = to->request->files[index];
    memset(to->taken, 0, to->request->file_count * sizeof *to->taken);
    for (size_t i = 0; i < file->message_count; i++) {
        take_fields(to, file->messages[i].message.field, file->messages[i].message.field_count);
        take_fields(to, file->messages[i].message.extension, file->messages[i].message.extension_count);
    }
    take_fields(to, file->file.extension, file->file.extension_count);
    take_services(to, &file->file);
    for (pb_size_t i = 0; i < file->file.dependency_count; i++) {
        memset(to->seen, 0, to->request->file_count * sizeof *to->seen);
        if (hands_on(to, find_file(to, file->file.dependency[i])))
            need_handed_on(to);
    }
}

const char *const *imports_without_use(struct model *model, const struct request *request, size_t *ret_count)
{
    struct arena *arena = &model->arena;
    size_t count = request->file_count;
    struct follower follower = {.model = model, .request = request};
    follower.needed = arena_alloc(arena, count * sizeof *follower.needed);
    follower.taken = arena_alloc(arena, count * sizeof *follower.taken);
    follower.seen = arena_alloc(arena, count * sizeof *follower.seen);
    follower.queue = arena_alloc(arena, count * sizeof *follower.queue);
    collect_types(&follower);
    for (size_t i = 0; i < count; i++)
        if (request->files[i]->wanted)
            need(&follower, i);
    for (size_t done = 0; done < follower.queued; done++)
        follow(&follower, follower.queue[done]);
    const char **names = arena_alloc(arena, count * sizeof *names);
    *ret_count = 0;
    for (size_t i = 0; i < count; i++)
        if (!follower.needed[i])
            names[(*ret_count)++] = arena_copy(arena, request->files[i]->file.name);
    return names;
}
