/* The register of all C names, sorted so that twins meet.
 *
 * It must know which names the emitters make.  Reads best next: clash.h. */
#include "idl/clash.h"

#include "idl/names.h"
#include "idl/reserved.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* What nanopb makes of a message, of an enum (its tag and macros have "_" in front) and of an extension, and what
 * codegen/ makes of a service and of a method.  tests/golden/register.py holds the lists against generated files. */
static const char *const message_names[] = {
    "",          "_fields",    "_msg",      "_size",        "_init_default", "_init_zero", "_DEFAULT",
    "_CALLBACK", "_FIELDLIST", "_callback", "_submsg_info", "_field_info",   NULL};
static const char *const enum_names[] = {"_MIN", "_MAX", "_ARRAYSIZE", NULL};
static const char *const extension_names[] = {"",
                                              "_tag",
                                              "extmsg",
                                              "extmsg_fields",
                                              "extmsg_msg",
                                              "extmsg_size",
                                              "extmsg_default",
                                              "extmsg_DEFAULT",
                                              "extmsg_CALLBACK",
                                              "extmsg_FIELDLIST",
                                              "extmsg_submsg_info",
                                              "extmsg_field_info",
                                              NULL};
static const char *const service_names[] = {"_service",  "_methods", "_method", "_method_count",
                                            "_handlers", "_serve",   NULL};
static const char *const method_names[] = {
    "",         "_index",   "_start",      "_done",   "_reply",         "_release", "_dispatch", "_deliver",
    "_retries", "_options", "_error_kind", "_errors", "_error_release", "_error",   NULL};
static const char *const one_name[] = {"", NULL};

struct owner {
    const char *kind; /* "message" */
    const char *full_name;
    struct place place;
    bool wanted;
    const struct owner *parent; /* of a field its message, else NULL */
};

struct entry {
    const char *c_name;
    const struct owner *owner;
    size_t order;
};

struct register_ {
    struct model *model;
    struct diagnostics *list;
    struct entry *entries;
    size_t count;
};

static const struct owner *own(struct register_ *names, const char *kind, const char *full_name,
                               struct place place, bool wanted)
{
    struct owner *owner = arena_alloc(&names->model->arena, sizeof *owner);
    *owner = (struct owner){kind, full_name, place, wanted, NULL};
    return owner;
}

/* A part of another owner: a field, an enum value. */
static const struct owner *own_part(struct register_ *names, const char *kind, const char *full_name,
                                    struct place place, const struct owner *parent)
{
    struct owner *owner = arena_alloc(&names->model->arena, sizeof *owner);
    *owner = (struct owner){kind, full_name, place, parent->wanted, parent};
    return owner;
}

static void add(struct register_ *names, const struct owner *owner, const char *c_name,
                const char *const *suffixes)
{
    for (; *suffixes != NULL; suffixes++) {
        names->entries = array_grow(names->entries, names->count, sizeof *names->entries);
        const char *name = arena_printf(&names->model->arena, "%s%s", c_name, *suffixes);
        names->entries[names->count] = (struct entry){name, owner, names->count};
        names->count++;
    }
}

/* The runtime's own services may live in packages below semel. */
static void check_prefix(struct register_ *names, const struct owner *owner, const char *c_name)
{
    const char *prefix = reserved_prefix(c_name);
    bool ours = strncmp(owner->full_name, "semel.", 6) == 0 && strchr(owner->full_name + 6, '.') != NULL;
    if (prefix != NULL && owner->wanted && !ours)
        diagnostics_error(
            names->list, owner->place,
            "%s %s: C names that start with %s belong to the runtime; choose another name or package",
            owner->kind, owner->full_name, prefix);
}

static char *as_guard(char *text)
{
    for (char *c = text; *c != '\0'; c++)
        *c = isalnum((unsigned char)*c) ? (char)toupper((unsigned char)*c) : '_';
    return text;
}

/* What C, C++ and the headers have taken. */
static void add_words(struct register_ *names)
{
    for (const struct reserved_table *table = reserved_tables; table->words != NULL; table++)
        for (size_t i = 0; i < table->count; i++)
            add(names, own(names, NULL, table->what, (struct place){NULL, 0, 0}, false), table->words[i],
                one_name);
}

/* The guards of both headers: two files with the same one could not be used together. */
static void add_file(struct register_ *names, const struct request_file *source)
{
    struct arena *arena = &names->model->arena;
    const desc_File *file = &source->file;
    const struct owner *owner = own(names, "file", arena_copy(arena, file->name),
                                    (struct place){file->name, 0, 0}, source->wanted);
    const char *dot = strrchr(file->name, '.');
    int stem = (int)(dot == NULL ? strlen(file->name) : (size_t)(dot - file->name));
    bool packaged = file->package != NULL && *file->package != '\0';
    char *pb = arena_printf(arena, "PB_%s%s%.*s_PB_H_INCLUDED", packaged ? file->package : "",
                            packaged ? "_" : "", stem, file->name);
    char *semel = arena_printf(arena, "SEMEL_FILE_%.*s_H", stem, file->name);
    add(names, owner, as_guard(pb), one_name);
    add(names, owner, as_guard(semel), one_name);
}

/* "" and "_fields" of "demo_In"; the tag of a struct or enum has a "_" in front. */
static void add_tag(struct register_ *names, const struct owner *owner, const char *c_name)
{
    add(names, owner, arena_printf(&names->model->arena, "_%s", c_name), one_name);
}

static void add_field(struct register_ *names, const struct model_message *message,
                      const struct model_field *field, const struct owner *parent)
{
    struct arena *arena = &names->model->arena;
    const char *full_name = arena_printf(arena, "%s.%s", message->full_name, field->name);
    const struct owner *owner = own_part(names, "field", full_name, field->place, parent);
    const char *tag = arena_printf(arena, "%s_%s", message->c_name, field->name);
    const char *type = field->oneof == NULL
                           ? tag
                           : arena_printf(arena, "%s_%s_%s", message->c_name, field->oneof, field->name);
    add(names, owner, arena_printf(arena, "%s_tag", tag), one_name);
    if (field->kind == FIELD_MESSAGE)
        add(names, owner, arena_printf(arena, "%s_MSGTYPE", type), one_name);
    else if (field->kind == FIELD_ENUM)
        add(names, owner, arena_printf(arena, "%s_ENUMTYPE", type), one_name);
    else if (field->kind == FIELD_BYTES)
        add(names, owner, arena_printf(arena, "%s_t", tag), one_name);
}

static void add_messages(struct register_ *names)
{
    for (size_t i = 0; i < names->model->message_count; i++) {
        const struct model_message *message = &names->model->messages[i];
        const struct owner *owner = own(names, "message", message->full_name, message->place, message->wanted);
        if (message->without_c)
            continue;
        check_prefix(names, owner, message->c_name);
        add(names, owner, message->c_name, message_names);
        add_tag(names, owner, message->c_name);
        for (size_t j = 0; j < message->field_count; j++)
            add_field(names, message, &message->fields[j], owner);
    }
}

static void add_extensions(struct register_ *names)
{
    for (size_t i = 0; i < names->model->extension_count; i++) {
        const struct model_extension *item = &names->model->extensions[i];
        const struct owner *owner = own(names, "extension", item->full_name, item->place, item->wanted);
        check_prefix(names, owner, item->c_name);
        add(names, owner, item->c_name, extension_names);
    }
}

/* nanopb puts the name of the enum before that of each value. */
static void add_values(struct register_ *names, const struct model_enum *item, const struct owner *owner)
{
    for (size_t i = 0; item->values[i] != NULL; i++) {
        struct arena *arena = &names->model->arena;
        const char *full_name = arena_printf(arena, "%s.%s", item->full_name, item->values[i]);
        add(names, own_part(names, "enum value", full_name, item->place, owner),
            arena_printf(arena, "%s_%s", item->c_name, item->values[i]), one_name);
    }
}

static void add_enums(struct register_ *names)
{
    for (size_t i = 0; i < names->model->enum_count; i++) {
        const struct model_enum *item = &names->model->enums[i];
        const struct owner *owner = own(names, "enum", item->full_name, item->place, item->wanted);
        check_prefix(names, owner, item->c_name);
        add(names, owner, item->c_name, one_name);
        add_tag(names, owner, item->c_name);
        add(names, owner, arena_printf(&names->model->arena, "_%s", item->c_name), enum_names);
        add_values(names, item, owner);
    }
}

/* The names in the receipt of a method; full_name says whose they are. */
static void add_error(struct register_ *names, const struct model_method *method, const char *member,
                      const char *full_name)
{
    struct arena *arena = &names->model->arena;
    const struct owner *owner = own(names, "error", full_name, method->place, true);
    add(names, owner, arena_printf(arena, "%s_error_%s", method->c_name, member), one_name);
    add(names, owner, arena_printf(arena, "%s_raise_%s", method->c_name, member), one_name);
}

static void add_method(struct register_ *names, const struct model_method *method)
{
    struct arena *arena = &names->model->arena;
    add(names, own(names, "method", method->full_name, method->place, true), method->c_name, method_names);
    for (size_t i = 0; i < method->options.error_count; i++) {
        const struct model_error *error = &method->options.errors[i];
        add_error(names, method, error->member,
                  arena_printf(arena, "%s of %s", error->message->full_name, method->full_name));
    }
    if (method->options.error_count > 0)
        add_error(names, method, "NONE", arena_printf(arena, "NONE of %s", method->full_name));
}

static void add_service(struct register_ *names, const struct model_service *service)
{
    const struct owner *owner = own(names, "service", service->full_name, service->place, true);
    check_prefix(names, owner, service->c_name);
    add(names, owner, service->c_name, service_names);
    for (size_t i = 0; i < service->method_count; i++)
        add_method(names, &service->methods[i]);
}

/* Short names first: of several names that clash, the one that the others are made of is told. */
static int by_name(const void *left, const void *right)
{
    const struct entry *a = left;
    const struct entry *b = right;
    size_t a_length = strlen(a->c_name);
    size_t b_length = strlen(b->c_name);
    if (a_length != b_length)
        return a_length < b_length ? -1 : 1;
    int order = strcmp(a->c_name, b->c_name);
    return order != 0 ? order : a->order < b->order ? -1 : a->order > b->order;
}

static const struct owner *root(const struct owner *owner)
{
    return owner->parent == NULL ? owner : owner->parent;
}

/* Two things that clash once may clash in several derived names; only the first is told. */
struct told {
    const struct owner *first;
    const struct owner *second;
};

static bool is_told(const struct told *told, size_t count, const struct owner *first,
                    const struct owner *second)
{
    for (size_t i = 0; i < count; i++)
        if (told[i].first == first && told[i].second == second)
            return true;
    return false;
}

static const char *place_text(struct arena *arena, const struct place *place)
{
    if (place->line == 0)
        return place->file;
    return arena_printf(arena, "%s:%u:%u", place->file, (unsigned)place->line, (unsigned)place->column);
}

static void tell(struct register_ *names, const char *c_name, const struct owner *first,
                 const struct owner *second)
{
    if (first->kind == NULL)
        diagnostics_error(names->list, second->place,
                          "%s %s needs the C name %s, which is %s; rename it, or put it into a package",
                          second->kind, second->full_name, c_name, first->full_name);
    else
        diagnostics_error(names->list, second->place,
                          "%s %s needs the C name %s, which %s %s (%s) needs as well; rename one of them",
                          second->kind, second->full_name, c_name, first->kind, first->full_name,
                          place_text(&names->model->arena, &first->place));
}

static bool is_included(const struct owner *owner)
{
    static const char *const kinds[] = {"message", "enum", "file"};
    for (size_t i = 0; owner->kind != NULL && i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(owner->kind, kinds[i]) == 0)
            return true;
    return false;
}

/* Files that are not to be generated are not judged, but for types and files: their headers are included all
 * the same. */
static bool matters(const struct owner *first, const struct owner *second)
{
    return first->wanted || second->wanted || (is_included(first) && is_included(second));
}

static void find_twins(struct register_ *names)
{
    struct told *told = NULL;
    size_t told_count = 0;
    for (size_t i = 1; i < names->count; i++) {
        const struct owner *first = names->entries[i - 1].owner;
        const struct owner *second = names->entries[i].owner;
        if (strcmp(names->entries[i - 1].c_name, names->entries[i].c_name) != 0 || first == second)
            continue;
        if (!matters(first, second))
            continue;
        if (is_told(told, told_count, root(first), root(second)))
            continue;
        told = array_grow(told, told_count, sizeof *told);
        told[told_count++] = (struct told){root(first), root(second)};
        tell(names, names->entries[i].c_name, first, second);
    }
    free(told);
}

void clash_check(struct model *model, const struct request *request, struct diagnostics *list)
{
    struct register_ names = {.model = model, .list = list};
    add_words(&names);
    for (size_t i = 0; i < request->file_count; i++)
        add_file(&names, request->files[i]);
    add_extensions(&names);
    add_messages(&names);
    add_enums(&names);
    for (size_t i = 0; i < model->file_count; i++)
        for (size_t j = 0; j < model->files[i].service_count; j++)
            add_service(&names, &model->files[i].services[j]);
    if (names.count > 1)
        qsort(names.entries, names.count, sizeof *names.entries, by_name);
    find_twins(&names);
    free(names.entries);
}
