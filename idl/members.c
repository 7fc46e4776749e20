/* Fields as members of a C struct.
 *
 * It must not know names outside of the struct.  Reads best next: members.h. */
#include "idl/members.h"

#include "idl/names.h"
#include "idl/reserved.h"

#include <stdlib.h>
#include <string.h>

/* Field numbers of protobuf's descriptors, for paths, and its enumerators. */
enum { MESSAGE_FIELD = 2, MESSAGE_ONEOF = 8, FIELD_NAME = 1, FIELD_NUMBER = 3, ONEOF_NAME = 1 };
enum { LABEL_OPTIONAL = 1, LABEL_REPEATED = 3 };
enum { TYPE_STRING = 9, TYPE_GROUP = 10, TYPE_MESSAGE = 11, TYPE_BYTES = 12, TYPE_ENUM = 14 };

static struct place place_in(const struct members_source *source, int32_t list, pb_size_t index, int32_t part)
{
    struct path path = source->message->path;
    if (path.depth + 3 <= PATH_MAX_DEPTH)
        path = path_to(path_to(path, list, index), part, -1);
    return locations_find(&source->file->locations, source->file->file.name, path);
}

/* The oneof of a field, those that proto3 makes of "optional" left out. */
static const char *oneof_of(const desc_Message *message, const desc_Field *field)
{
    if (!field->has_oneof_index || field->proto3_optional || field->oneof_index < 0 ||
        field->oneof_index >= message->oneof_decl_count)
        return NULL;
    const char *name = message->oneof_decl[field->oneof_index].name;
    return name == NULL ? "" : name;
}

/* A field that may be missing and is no pointer. */
static bool has_presence(const struct members_source *source, const desc_Field *field)
{
    const char *syntax = source->file->file.syntax;
    bool proto3 = syntax != NULL && strcmp(syntax, "proto3") == 0;
    if (field->label != LABEL_OPTIONAL || field->type == TYPE_STRING || field->type == TYPE_BYTES)
        return false;
    return !proto3 || field->proto3_optional || field->type == TYPE_MESSAGE;
}

static enum model_field_kind kind_of(const desc_Field *field)
{
    switch (field->type) {
    case TYPE_MESSAGE: return FIELD_MESSAGE;
    case TYPE_ENUM: return FIELD_ENUM;
    case TYPE_BYTES: return FIELD_BYTES;
    default: return FIELD_OTHER;
    }
}

struct model_field *members_collect(const struct members_source *source)
{
    const desc_Message *message = &source->message->message;
    struct model_field *fields = arena_alloc(&source->model->arena, message->field_count * sizeof *fields);
    for (pb_size_t i = 0; i < message->field_count; i++) {
        const desc_Field *field = &message->field[i];
        const char *oneof = oneof_of(message, field);
        fields[i] = (struct model_field){
            .name = field->name == NULL ? "" : field->name,
            .oneof = oneof,
            .place = place_in(source, MESSAGE_FIELD, i, FIELD_NAME),
            .kind = kind_of(field),
            .repeated = field->label == LABEL_REPEATED,
            .has = oneof == NULL && has_presence(source, field),
        };
    }
    return fields;
}

/* ---- each name alone ---- */

static void check_name(struct diagnostics *list, struct place place, const char *what, const char *name)
{
    const char *reserved = reserved_as(name);
    if (reserved == NULL)
        return;
    if (reserved_for_cpp_only(name))
        diagnostics_warn(list, place, "%s name \"%s\" is a C++ keyword: the header will serve C only", what,
                         name);
    else
        diagnostics_error(list, place,
                          "%s name \"%s\" is %s, and nanopb makes a struct member of it; rename the %s (names "
                          "do not travel, numbers do)",
                          what, name, reserved, what);
}

static void check_field(const struct members_source *source, const struct model_message *message,
                        pb_size_t index)
{
    const desc_Field *field = &source->message->message.field[index];
    const struct model_field *member = &message->fields[index];
    if (!name_is_identifier(member->name)) {
        diagnostics_error(source->list, member->place, "message %s has a field without a valid name",
                          message->full_name);
        return;
    }
    check_name(source->list, member->place, "field", member->name);
    if (field->type == TYPE_GROUP)
        diagnostics_error(source->list, member->place,
                          "field \"%s\" is a group, which nanopb cannot make C of; write a message and a field "
                          "of its type",
                          member->name);
    if (field->number > MEMBERS_TAG_MAX)
        diagnostics_error(source->list, place_in(source, MESSAGE_FIELD, index, FIELD_NUMBER),
                          "field number %d of \"%s\" is more than %d, the largest that the nanopb library is "
                          "built for",
                          (int)field->number, member->name, MEMBERS_TAG_MAX);
}

static void check_oneofs(const struct members_source *source, const struct model_message *message)
{
    const desc_Message *from = &source->message->message;
    for (pb_size_t i = 0; i < from->oneof_decl_count; i++) {
        const char *name = from->oneof_decl[i].name == NULL ? "" : from->oneof_decl[i].name;
        struct place place = place_in(source, MESSAGE_ONEOF, i, ONEOF_NAME);
        if (!name_is_identifier(name))
            diagnostics_error(source->list, place, "message %s has a oneof without a valid name",
                              message->full_name);
        else
            check_name(source->list, place, "oneof", name);
    }
}

/* ---- all names together ---- */

struct member {
    const char *name;
    const char *why; /* NULL: the field is called so, else for what nanopb adds it */
    const struct model_field *field;
};

struct members {
    struct arena *arena;
    struct member *items;
    size_t count;
};

static void add(struct members *to, const char *name, const char *why, const struct model_field *field)
{
    to->items[to->count++] = (struct member){name, why, field};
}

static void add_field(struct members *to, const struct model_field *field)
{
    if (field->oneof != NULL) {
        add(to, arena_printf(to->arena, "which_%s", field->oneof), "oneof", field);
        return; /* it is a member of the union alone */
    }
    add(to, field->name, NULL, field);
    if (field->repeated)
        add(to, arena_printf(to->arena, "%s_count", field->name), "repeated field", field);
    else if (field->has)
        add(to, arena_printf(to->arena, "has_%s", field->name), "optional field", field);
}

static int by_name(const void *left, const void *right)
{
    const struct member *a = left;
    const struct member *b = right;
    int order = strcmp(a->name, b->name);
    return order != 0 ? order : (a->why != NULL) - (b->why != NULL);
}

/* Two that nanopb adds for the same oneof are one. */
static bool are_twins(const struct member *a, const struct member *b)
{
    if (strcmp(a->name, b->name) != 0)
        return false;
    return a->field->oneof == NULL || b->field->oneof == NULL || a->why == NULL || b->why == NULL;
}

static void tell_twins(const struct members_source *source, const struct member *first,
                       const struct member *second)
{
    const char *of = second->field->oneof != NULL ? second->field->oneof : second->field->name;
    const char *why = second->why == NULL ? "field" : second->why;
    diagnostics_error(
        source->list, first->field->place,
        "%s \"%s\" stands in the way of the C member %s, which nanopb adds for the %s \"%s\"; rename one "
        "of them",
        first->why == NULL ? "field" : first->why, first->field->name, second->name, why, of);
}

static void check_twins(const struct members_source *source, const struct model_message *message)
{
    struct members members = {.arena = &source->model->arena};
    members.items = arena_alloc(members.arena, (2 * message->field_count + 1) * sizeof *members.items);
    static const struct model_field range = {.name = "extensions"};
    for (size_t i = 0; i < message->field_count; i++)
        add_field(&members, &message->fields[i]);
    if (source->message->message.extension_range_count > 0)
        add(&members, "extensions", "range of numbers", &range);
    if (members.count > 1)
        qsort(members.items, members.count, sizeof *members.items, by_name);
    for (size_t i = 1; i < members.count; i++)
        if (are_twins(&members.items[i - 1], &members.items[i]))
            tell_twins(source, &members.items[i - 1], &members.items[i]);
}

/* ---- names of types: a member of C may be called like one, a member of C++ not if its struct uses the type ---- */

static int by_text(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

static bool is_type_of_nanopb(const char *name)
{
    static const char *const types[] = {"int32_t",   "int64_t",   "uint32_t",         "uint64_t",
                                        "pb_size_t", "pb_byte_t", "pb_bytes_array_t", "pb_extension_t"};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strcmp(name, types[i]) == 0)
            return true;
    return false;
}

static void check_types(const struct members_source *source, const struct model_message *message)
{
    const desc_Message *from = &source->message->message;
    const char **types = arena_alloc(&source->model->arena, from->field_count * sizeof *types);
    size_t count = 0;
    for (pb_size_t i = 0; i < from->field_count; i++)
        if (from->field[i].type_name != NULL && *from->field[i].type_name == '.')
            types[count++] = name_flatten(&source->model->arena, from->field[i].type_name + 1);
    if (count > 1)
        qsort(types, count, sizeof *types, by_text);
    for (size_t i = 0; i < message->field_count; i++) {
        const char *name = message->fields[i].name;
        if (is_type_of_nanopb(name) ||
            (count > 0 && bsearch(&name, types, count, sizeof *types, by_text) != NULL))
            diagnostics_warn(source->list, message->fields[i].place,
                             "field \"%s\" has the very name of a type in C: the header will serve C only",
                             name);
    }
}

void members_check(const struct members_source *source, const struct model_message *message)
{
    for (pb_size_t i = 0; i < source->message->message.field_count; i++)
        check_field(source, message, i);
    check_oneofs(source, message);
    check_twins(source, message);
    check_types(source, message);
}
