/* Collects message and enum types and checks their names.
 *
 * It must not know services.  Reads best next: types.h. */
#include "idl/types.h"

#include "idl/members.h"
#include "idl/names.h"

#include <stdlib.h>
#include <string.h>

/* Field numbers of protobuf's descriptors, for paths. */
enum {
    FILE_ENUM = 5,
    FILE_EXTENSION = 7,
    MESSAGE_NAME = 1,
    MESSAGE_ENUM = 4,
    MESSAGE_EXTENSION = 6,
    ENUM_NAME = 1,
    FIELD_NAME = 1
};

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

static const char *const *value_names(struct collector *to, const desc_Enum *source, struct place place)
{
    const char **names = arena_alloc(&to->model->arena, (source->value_count + 1U) * sizeof(const char *));
    for (pb_size_t i = 0; i < source->value_count; i++) {
        names[i] = source->value[i].name == NULL ? "" : source->value[i].name;
        if (!name_is_identifier(names[i]))
            diagnostics_error(to->list, place, "an enum has a value without a valid name");
    }
    return names;
}

static void add_enum(struct collector *to, const char *scope, const desc_Enum *source, struct path path)
{
    const char *name = source->name == NULL ? "" : source->name;
    if (path.depth + 2 <= PATH_MAX_DEPTH)
        path = path_to(path, ENUM_NAME, -1);
    struct model_enum *item = &to->model->enums[to->model->enum_count++];
    item->place = locations_find(&to->source->locations, to->source->file.name, path);
    item->full_name = scoped(to, scope, name);
    item->c_name = name_flatten(&to->model->arena, item->full_name);
    item->values = value_names(to, source, item->place);
    item->wanted = to->source->wanted;
    if (!name_is_identifier(name))
        diagnostics_error(to->list, item->place, "an enum has no valid name");
}

static void add_enums(struct collector *to, const char **full_names)
{
    const desc_File *file = &to->source->file;
    for (pb_size_t i = 0; i < file->enum_type_count; i++)
        add_enum(to, file->package, &file->enum_type[i], path_to((struct path){.depth = 0}, FILE_ENUM, i));
    for (size_t i = 0; i < to->source->message_count; i++) {
        const struct request_message *message = &to->source->messages[i];
        for (pb_size_t j = 0; j < message->message.enum_type_count; j++) {
            struct path path = message->path;
            if (path.depth + 2 <= PATH_MAX_DEPTH)
                path = path_to(path, MESSAGE_ENUM, j);
            add_enum(to, full_names[i], &message->message.enum_type[j], path);
        }
    }
}

static void check_extension(struct collector *to, const struct model_extension *item, const desc_Field *field,
                            const char *name)
{
    if (!name_is_identifier(name))
        diagnostics_error(to->list, item->place, "an extension has no valid name");
    if (field->number > MEMBERS_TAG_MAX)
        diagnostics_error(
            to->list, item->place,
            "number %d of extension %s is more than %d, the largest that the nanopb library is built "
            "for; a file that others import for its options alone needs no C",
            (int)field->number, item->full_name, MEMBERS_TAG_MAX);
}

static void add_extensions_of(struct collector *to, const char *scope, const desc_Field *fields,
                              pb_size_t count, struct path path, int32_t list)
{
    for (pb_size_t i = 0; i < count; i++) {
        const char *name = fields[i].name == NULL ? "" : fields[i].name;
        struct path at = path;
        if (at.depth + 3 <= PATH_MAX_DEPTH)
            at = path_to(path_to(at, list, i), FIELD_NAME, -1);
        struct model_extension *item = &to->model->extensions[to->model->extension_count++];
        item->place = locations_find(&to->source->locations, to->source->file.name, at);
        item->full_name = scoped(to, scope, name);
        item->c_name = name_flatten(&to->model->arena, item->full_name);
        item->wanted = to->source->wanted;
        if (item->wanted)
            check_extension(to, item, &fields[i], name);
    }
}

static void add_extensions(struct collector *to, const char **full_names)
{
    const desc_File *file = &to->source->file;
    add_extensions_of(to, file->package, file->extension, file->extension_count, (struct path){.depth = 0},
                      FILE_EXTENSION);
    for (size_t i = 0; i < to->source->message_count; i++) {
        const struct request_message *message = &to->source->messages[i];
        add_extensions_of(to, full_names[i], message->message.extension, message->message.extension_count,
                          message->path, MESSAGE_EXTENSION);
    }
}

/* Files that nanopb leaves out: they speak of .proto files only. */
static bool is_without_c(const char *file)
{
    static const char *const files[] = {"google/protobuf/descriptor.proto", "nanopb.proto",
                                        "semel/options.proto"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (strcmp(file, files[i]) == 0)
            return true;
    return false;
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
        .map_entry = source->message.options.has_map_entry && source->message.options.map_entry,
        .without_c = is_without_c(to->source->file.name),
    };
    const char *scope = source->parent == REQUEST_NO_PARENT ? to->source->file.package
                                                            : full_names[source->parent];
    message.full_name = scoped(to, scope, name);
    full_names[index] = message.full_name;
    message.c_name = name_flatten(&to->model->arena, message.full_name);
    if (!name_is_identifier(name))
        diagnostics_error(to->list, message.place, "a message has no valid name");
    struct members_source members = {to->model, to->list, to->source, source};
    message.fields = members_collect(&members);
    if (to->source->wanted)
        members_check(&members, &message);
    to->model->messages[to->model->message_count++] = message;
}

static int by_name(const void *left, const void *right)
{
    const struct model_message *a = left;
    const struct model_message *b = right;
    return strcmp(a->full_name, b->full_name);
}

static void make_room(struct model *model, const struct request *request)
{
    size_t messages = 0;
    size_t enums = 0;
    size_t extensions = 0;
    for (size_t i = 0; i < request->file_count; i++) {
        const struct request_file *file = request->files[i];
        messages += file->message_count;
        enums += file->file.enum_type_count;
        extensions += file->file.extension_count;
        for (size_t j = 0; j < file->message_count; j++) {
            enums += file->messages[j].message.enum_type_count;
            extensions += file->messages[j].message.extension_count;
        }
    }
    model->messages = arena_alloc(&model->arena, messages * sizeof *model->messages);
    model->enums = arena_alloc(&model->arena, enums * sizeof *model->enums);
    model->extensions = arena_alloc(&model->arena, extensions * sizeof *model->extensions);
}

void types_collect(struct model *model, struct request *request, struct diagnostics *list)
{
    make_room(model, request);
    for (size_t i = 0; i < request->file_count; i++) {
        struct collector to = {model, list, request->files[i]};
        const char **full_names = arena_alloc(&model->arena, to.source->message_count * sizeof(const char *));
        for (size_t j = 0; j < to.source->message_count; j++)
            add_message(&to, j, full_names); /* a parent stands before its children */
        add_enums(&to, full_names);
        add_extensions(&to, full_names);
    }
    if (model->message_count > 1)
        qsort(model->messages, model->message_count, sizeof *model->messages, by_name);
}

const struct model_message *model_find_message(const struct model *model, const char *full_name)
{
    struct model_message key = {.full_name = full_name};
    if (model->message_count == 0)
        return NULL;
    return bsearch(&key, model->messages, model->message_count, sizeof key, by_name);
}
