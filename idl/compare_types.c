/* Compares messages and enums of two states, member by member.
 *
 * It must not know services.  Reads best next: compare_types.h. */
#include "idl/compare_types.h"

#include <stdlib.h>
#include <string.h>

/* Field numbers of protobuf's descriptors, for paths. */
enum {
    MESSAGE_NAME = 1,
    MESSAGE_FIELD = 2,
    ENUM_NAME = 1,
    ENUM_VALUE = 2,
    FIELD_LABEL = 4,
    FIELD_TYPE = 5,
    FIELD_TYPE_NAME = 6,
    FIELD_NUMBER = 3,
    VALUE_NUMBER = 2
};
enum { LABEL_REQUIRED = 2, LABEL_REPEATED = 3 };
enum { TYPE_GROUP = 10, TYPE_MESSAGE = 11, TYPE_ENUM = 14, TYPE_COUNT = 19 };

/* How types travel: those of one group can be read as each other. */
enum group { GROUP_OTHER, GROUP_VARINT, GROUP_ZIGZAG, GROUP_32, GROUP_64, GROUP_BYTES };

static const struct {
    const char *name;
    enum group group;
} types[TYPE_COUNT] = {
    {"?", GROUP_OTHER},       {"double", GROUP_OTHER},  {"float", GROUP_OTHER},   {"int64", GROUP_VARINT},
    {"uint64", GROUP_VARINT}, {"int32", GROUP_VARINT},  {"fixed64", GROUP_64},    {"fixed32", GROUP_32},
    {"bool", GROUP_VARINT},   {"string", GROUP_BYTES},  {"group", GROUP_OTHER},   {"message", GROUP_OTHER},
    {"bytes", GROUP_BYTES},   {"uint32", GROUP_VARINT}, {"enum", GROUP_VARINT},   {"sfixed32", GROUP_32},
    {"sfixed64", GROUP_64},   {"sint32", GROUP_ZIGZAG}, {"sint64", GROUP_ZIGZAG},
};

/* A field or an enum value, for searching. */
struct member {
    int32_t number;
    const char *name;
    pb_size_t index;
};

struct members {
    const struct member *by_number;
    const struct member *by_name;
    size_t count;
};

/* Two declarations of one name. */
struct twins {
    struct comparison *states;
    const struct catalog_item *old;
    const struct catalog_item *now;
    struct members old_members;
    struct members now_members;
};

struct place compare_place(const struct catalog_item *item, int32_t field, int32_t index)
{
    return locations_find(&item->file->locations, item->file->file.name,
                          catalog_path(item->path, field, index));
}

static struct place inner_place(const struct catalog_item *item, int32_t field, int32_t index, int32_t inner)
{
    struct path path = catalog_path(catalog_path(item->path, field, index), inner, -1);
    return locations_find(&item->file->locations, item->file->file.name, path);
}

/* ---- members ---- */

static int by_number(const void *left, const void *right)
{
    const struct member *a = left;
    const struct member *b = right;
    if (a->number != b->number)
        return a->number < b->number ? -1 : 1;
    return a->index < b->index ? -1 : a->index > b->index;
}

static int by_name(const void *left, const void *right)
{
    const struct member *a = left;
    const struct member *b = right;
    int order = strcmp(a->name, b->name);
    return order != 0 ? order : a->index < b->index ? -1 : a->index > b->index;
}

static struct member member_of(const struct catalog_item *item, pb_size_t index)
{
    const char *name = item->message != NULL ? item->message->field[index].name
                                             : item->enumeration->value[index].name;
    int32_t number = item->message != NULL ? item->message->field[index].number
                                           : item->enumeration->value[index].number;
    return (struct member){number, name == NULL ? "" : name, index};
}

static struct members members_of(const struct catalog_item *item, struct arena *arena)
{
    pb_size_t count = item->message != NULL ? item->message->field_count : item->enumeration->value_count;
    struct member *numbers = arena_alloc(arena, count * sizeof *numbers);
    struct member *names = arena_alloc(arena, count * sizeof *names);
    for (pb_size_t i = 0; i < count; i++)
        numbers[i] = names[i] = member_of(item, i);
    if (count > 1) {
        qsort(numbers, count, sizeof *numbers, by_number);
        qsort(names, count, sizeof *names, by_name);
    }
    return (struct members){numbers, names, count};
}

/* The first member of that number, or NULL. */
static const struct member *find_number(const struct members *members, int32_t number)
{
    size_t low = 0;
    size_t high = members->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (members->by_number[middle].number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low < members->count && members->by_number[low].number == number ? &members->by_number[low] : NULL;
}

static const struct member *find_name(const struct members *members, const char *name)
{
    size_t low = 0;
    size_t high = members->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(members->by_name[middle].name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < members->count && strcmp(members->by_name[low].name, name) == 0 ? &members->by_name[low]
                                                                                 : NULL;
}

/* Ends of ranges are exclusive in messages and inclusive in enums. */
static bool is_reserved(const struct catalog_item *item, int32_t number)
{
    bool is_message = item->message != NULL;
    const desc_Range *ranges = is_message ? item->message->reserved_range : item->enumeration->reserved_range;
    pb_size_t count = is_message ? item->message->reserved_range_count
                                 : item->enumeration->reserved_range_count;
    for (pb_size_t i = 0; i < count; i++)
        if (number >= ranges[i].start && (number < ranges[i].end || (!is_message && number == ranges[i].end)))
            return true;
    return false;
}

/* ---- fields ---- */

/* The same number in both states. */
struct fields {
    const struct twins *in;
    const desc_Field *old;
    const desc_Field *now;
    pb_size_t index; /* of now */
    const char *name;
};

static bool is_typed(const desc_Field *field)
{
    return field->type == TYPE_MESSAGE || field->type == TYPE_GROUP || field->type == TYPE_ENUM;
}

/* "int32", or the name of the type; a group has no other use than its field. */
static const char *type_of(const desc_Field *field)
{
    if (is_typed(field) && field->type != TYPE_GROUP && field->type_name != NULL)
        return *field->type_name == '.' ? field->type_name + 1 : field->type_name;
    return types[field->type > 0 && field->type < TYPE_COUNT ? field->type : 0].name;
}

static enum group group_of(const desc_Field *field)
{
    return types[field->type > 0 && field->type < TYPE_COUNT ? field->type : 0].group;
}

static bool same_type(const desc_Field *old, const desc_Field *now)
{
    return old->type == now->type && strcmp(type_of(old), type_of(now)) == 0;
}

static struct place field_place(const struct fields *fields, int32_t inner)
{
    return inner_place(fields->in->now, MESSAGE_FIELD, fields->index, inner);
}

static void compare_field_types(const struct fields *fields)
{
    if (same_type(fields->old, fields->now))
        return;
    struct place place = field_place(fields, is_typed(fields->now) ? FIELD_TYPE_NAME : FIELD_TYPE);
    enum group group = group_of(fields->old);
    if (group != GROUP_OTHER && group == group_of(fields->now))
        diagnostics_warn(
            fields->in->states->list, place,
            "field %d of message %s was %s and is now %s: the same on the wire, but not every value fits "
            "both",
            (int)fields->now->number, fields->name, type_of(fields->old), type_of(fields->now));
    else
        diagnostics_error(
            fields->in->states->list, place,
            "field %d of message %s was %s and is now %s, which travels otherwise; give the new field "
            "a new number",
            (int)fields->now->number, fields->name, type_of(fields->old), type_of(fields->now));
}

static const char *label_name(int32_t label)
{
    return label == LABEL_REPEATED ? "repeated" : label == LABEL_REQUIRED ? "required" : "singular";
}

static void compare_labels(const struct fields *fields)
{
    int32_t old = fields->old->label;
    int32_t now = fields->now->label;
    if (strcmp(label_name(old), label_name(now)) == 0)
        return;
    const char *why = now == LABEL_REQUIRED   ? "old peers may leave it out"
                      : old == LABEL_REQUIRED ? "old peers refuse a message without it"
                                              : "peers would read one value of many, or none";
    diagnostics_error(fields->in->states->list, field_place(fields, FIELD_LABEL),
                      "field %d of message %s was %s and is now %s: %s", (int)fields->now->number, fields->name,
                      label_name(old), label_name(now), why);
}

/* The name of the oneof a field shares with others, or NULL. */
static const char *shared_oneof(const desc_Message *message, const desc_Field *field)
{
    if (!field->has_oneof_index || field->proto3_optional || field->oneof_index < 0 ||
        field->oneof_index >= message->oneof_decl_count)
        return NULL;
    size_t members = 0;
    for (pb_size_t i = 0; i < message->field_count && members < 2; i++)
        members += message->field[i].has_oneof_index && message->field[i].oneof_index == field->oneof_index;
    const char *name = message->oneof_decl[field->oneof_index].name;
    return members < 2 ? NULL : name == NULL ? "" : name;
}

static void compare_oneofs(const struct fields *fields)
{
    const char *old = shared_oneof(fields->in->old->message, fields->old);
    const char *now = shared_oneof(fields->in->now->message, fields->now);
    if ((old == NULL) == (now == NULL))
        return;
    diagnostics_warn(
        fields->in->states->list, field_place(fields, FIELD_NUMBER),
        "field %d of message %s %s oneof %s, which has other members: a peer that sets two of them loses "
        "one",
        (int)fields->now->number, fields->name, now != NULL ? "moved into" : "moved out of",
        now != NULL ? now : old);
}

/* Names do not travel: another name is another meaning, or nothing. */
static void compare_names(const struct fields *fields)
{
    const char *old = fields->old->name == NULL ? "" : fields->old->name;
    const char *now = fields->now->name == NULL ? "" : fields->now->name;
    if (strcmp(old, now) == 0)
        return;
    const struct member *moved = find_name(&fields->in->now_members, old);
    if (moved != NULL)
        diagnostics_error(
            fields->in->states->list, field_place(fields, FIELD_NUMBER),
            "number %d of message %s was field %s, which now has number %d; numbers travel, so they stay",
            (int)fields->now->number, fields->name, old, (int)moved->number);
    else if (same_type(fields->old, fields->now))
        diagnostics_warn(fields->in->states->list, field_place(fields, FIELD_NUMBER),
                         "field %d of message %s was called %s and is now %s: right if only its name changed",
                         (int)fields->now->number, fields->name, old, now);
}

static void tell_removed_field(const struct twins *twins, const struct member *old)
{
    const struct member *moved = find_name(&twins->now_members, old->name);
    if (is_reserved(twins->now, old->number))
        return;
    struct place place = compare_place(twins->now, MESSAGE_NAME, -1);
    if (moved != NULL)
        diagnostics_error(twins->states->list,
                          inner_place(twins->now, MESSAGE_FIELD, moved->index, FIELD_NUMBER),
                          "field %s of message %s had number %d; numbers travel, so they stay", old->name,
                          twins->now->full_name, (int)old->number);
    else
        diagnostics_error(
            twins->states->list, place,
            "field %s of message %s was removed, but its number could be used again; add: reserved %d;",
            old->name, twins->now->full_name, (int)old->number);
}

static void compare_new_field(const struct twins *twins, const struct member *now)
{
    const desc_Field *field = &twins->now->message->field[now->index];
    if (find_number(&twins->old_members, now->number) != NULL)
        return;
    if (is_reserved(twins->old, now->number))
        diagnostics_error(twins->states->list, inner_place(twins->now, MESSAGE_FIELD, now->index, FIELD_NUMBER),
                          "number %d of message %s was reserved: peers may still use it for what it once was",
                          (int)now->number, twins->now->full_name);
    if (field->label == LABEL_REQUIRED)
        diagnostics_error(twins->states->list, inner_place(twins->now, MESSAGE_FIELD, now->index, FIELD_LABEL),
                          "field %d of message %s is new and required: old peers leave it out",
                          (int)now->number, twins->now->full_name);
}

static void compare_messages(const struct twins *twins)
{
    for (size_t i = 0; i < twins->old_members.count; i++) {
        const struct member *old = &twins->old_members.by_number[i];
        const struct member *now = find_number(&twins->now_members, old->number);
        if (now == NULL) {
            tell_removed_field(twins, old);
            continue;
        }
        struct fields fields = {twins, &twins->old->message->field[old->index],
                                &twins->now->message->field[now->index], now->index, twins->now->full_name};
        compare_names(&fields);
        compare_field_types(&fields);
        compare_labels(&fields);
        compare_oneofs(&fields);
    }
    for (size_t i = 0; i < twins->now_members.count; i++)
        compare_new_field(twins, &twins->now_members.by_number[i]);
}

/* ---- enums ---- */

static void compare_value(const struct twins *twins, const struct member *old)
{
    const struct member *now = find_name(&twins->now_members, old->name);
    const struct member *number = find_number(&twins->now_members, old->number);
    struct diagnostics *list = twins->states->list;
    const char *name = twins->now->full_name;
    if (now != NULL && now->number != old->number)
        diagnostics_error(list, inner_place(twins->now, ENUM_VALUE, now->index, VALUE_NUMBER),
                          "value %s of enum %s was %d and is now %d; numbers travel, so they stay", old->name,
                          name, (int)old->number, (int)now->number);
    else if (now == NULL && number != NULL && find_name(&twins->old_members, number->name) == NULL)
        diagnostics_warn(list, inner_place(twins->now, ENUM_VALUE, number->index, VALUE_NUMBER),
                         "value %d of enum %s was called %s and is now %s: right if only its name changed",
                         (int)old->number, name, old->name, number->name);
    else if (now == NULL && number == NULL && !is_reserved(twins->now, old->number))
        diagnostics_error(
            list, compare_place(twins->now, ENUM_NAME, -1),
            "value %s of enum %s was removed, but its number could be used again; add: reserved %d;", old->name,
            name, (int)old->number);
}

static void compare_enums(const struct twins *twins)
{
    for (size_t i = 0; i < twins->old_members.count; i++)
        compare_value(twins, &twins->old_members.by_number[i]);
    for (size_t i = 0; i < twins->now_members.count; i++) {
        const struct member *now = &twins->now_members.by_number[i];
        if (find_number(&twins->old_members, now->number) == NULL && is_reserved(twins->old, now->number))
            diagnostics_error(twins->states->list,
                              inner_place(twins->now, ENUM_VALUE, now->index, VALUE_NUMBER),
                              "number %d of enum %s was reserved: peers may still use it for what it once was",
                              (int)now->number, twins->now->full_name);
    }
}

/* ---- all that is reached ---- */

static void compare_twins(struct comparison *states, const struct catalog_item *old,
                          const struct catalog_item *now)
{
    struct arena *arena = states->list->arena;
    struct twins twins = {states, old, now, members_of(old, arena), members_of(now, arena)};
    if (old->message != NULL)
        compare_messages(&twins);
    else
        compare_enums(&twins);
}

/* Types still to be compared. */
struct queue {
    struct catalog_item **items;
    size_t count;
};

static void push(struct comparison *states, struct queue *queue, const char *name)
{
    struct catalog_item *item = catalog_find_type(&states->old, name);
    if (item == NULL || item->visited)
        return;
    item->visited = true;
    queue->items = array_grow(queue->items, queue->count, sizeof(struct catalog_item *));
    queue->items[queue->count++] = item;
}

void compare_type(struct comparison *states, const char *name)
{
    struct queue queue = {.items = NULL};
    push(states, &queue, name);
    for (size_t i = 0; i < queue.count; i++) {
        const struct catalog_item *old = queue.items[i];
        const struct catalog_item *now = catalog_find_type(&states->now, old->full_name);
        if (now != NULL && (old->message == NULL) == (now->message == NULL))
            compare_twins(states, old, now);
        for (pb_size_t j = 0; old->message != NULL && j < old->message->field_count; j++)
            if (is_typed(&old->message->field[j]))
                push(states, &queue, old->message->field[j].type_name);
    }
    free(queue.items);
}
