/* Collects message types and checks their names.
 *
 * It must not know services.  Reads best next: types.h. */
#include "idl/types.h"

#include "idl/names.h"

#include <stdlib.h>
#include <string.h>

enum { MESSAGE_NAME = 1, MESSAGE_FIELD = 2, FIELD_NAME = 1 };

struct collector {
    struct model *model;
    struct diagnostics *list;
    struct request_file *source;
};

static const char *scoped(struct collector *to, const char *scope, const char *name)
{
    if (scope == NULL || *scope == '\0')
        return arena_copy(&to->model->arena, name);
    return arena_printf(&to->model->arena, "%s.%s", scope, name);
}

static void check_field(struct collector *to, const struct model_message *message, const desc_Field *field,
                        struct place place)
{
    const char *name = field->name == NULL ? "" : field->name;
    if (!name_is_identifier(name)) {
        diagnostics_error(to->list, place, "message %s has a field without a valid name", message->full_name);
        return;
    }
    const char *reserved = name_reserved_as(name);
    if (reserved == NULL)
        return;
    if (strcmp(reserved, "a C keyword") == 0)
        diagnostics_error(to->list, place,
                          "field name \"%s\" is a C keyword, and nanopb makes a struct member of it; rename the field "
                          "(names do not travel, numbers do)",
                          name);
    else if (strcmp(reserved, "a C++ keyword") == 0)
        diagnostics_warn(to->list, place, "field name \"%s\" is a C++ keyword: the header will serve C only",
                         name);
}

static void check_fields(struct collector *to, const struct model_message *message,
                         const struct request_message *source)
{
    const char *file = to->source->file.name;
    for (pb_size_t i = 0; i < source->message.field_count; i++) {
        struct path path = source->path;
        if (path.depth + 3 <= PATH_MAX_DEPTH)
            path = path_to(path_to(path, MESSAGE_FIELD, i), FIELD_NAME, -1);
        check_field(to, message, &source->message.field[i],
                    locations_find(&to->source->locations, file, path));
    }
}

static void add_message(struct collector *to, size_t index, const char **full_names)
{
    const struct request_message *source = &to->source->messages[index];
    const char *name = source->message.name == NULL ? "" : source->message.name;
    struct path path = source->path;
    if (path.depth + 2 <= PATH_MAX_DEPTH)
        path = path_to(path, MESSAGE_NAME, -1);
    struct model_message message = {
        .place = locations_find(&to->source->locations, to->source->file.name, path),
        .field_count = source->message.field_count,
        .wanted = to->source->wanted,
    };
    const char *scope = source->parent == REQUEST_NO_PARENT ? to->source->file.package : full_names[source->parent];
    message.full_name = scoped(to, scope, name);
    full_names[index] = message.full_name;
    message.c_name = name_flatten(&to->model->arena, message.full_name);
    if (!name_is_identifier(name))
        diagnostics_error(to->list, message.place, "a message has no valid name");
    if (to->source->wanted)
        check_fields(to, &message, source);
    to->model->messages[to->model->message_count++] = message;
}

static int by_name(const void *left, const void *right)
{
    const struct model_message *a = left;
    const struct model_message *b = right;
    return strcmp(a->full_name, b->full_name);
}

void types_collect(struct model *model, struct request *request, struct diagnostics *list)
{
    size_t total = 0;
    for (size_t i = 0; i < request->file_count; i++)
        total += request->files[i]->message_count;
    model->messages = arena_alloc(&model->arena, total * sizeof *model->messages);
    for (size_t i = 0; i < request->file_count; i++) {
        struct collector to = {model, list, request->files[i]};
        const char **full_names = arena_alloc(&model->arena, to.source->message_count * sizeof *full_names);
        for (size_t j = 0; j < to.source->message_count; j++)
            add_message(&to, j, full_names); /* a parent stands before its children */
    }
    if (total > 1)
        qsort(model->messages, total, sizeof *model->messages, by_name);
}

const struct model_message *model_find_message(const struct model *model, const char *full_name)
{
    struct model_message key = {.full_name = full_name};
    if (model->message_count == 0)
        return NULL;
    return bsearch(&key, model->messages, model->message_count, sizeof key, by_name);
}
