/* The register of all C names, sorted so that twins meet.
 *
 * It must know which names the emitters make.  Reads best next: clash.h. */
#include "idl/clash.h"

#include "idl/names.h"

#include <stdlib.h>
#include <string.h>

/* What nanopb makes of a message, and what codegen/ makes of a service and of a method. */
static const char *const message_names[] = {
    "", "_fields", "_msg", "_size", "_init_default", "_init_zero", "_DEFAULT", "_CALLBACK", "_FIELDLIST", NULL};
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

static void add(struct register_ *names, struct owner owner, const char *c_name, const char *const *suffixes)
{
    struct owner *kept = arena_alloc(&names->model->arena, sizeof *kept);
    *kept = owner;
    for (; *suffixes != NULL; suffixes++) {
        names->entries = array_grow(names->entries, names->count, sizeof *names->entries);
        const char *name = arena_printf(&names->model->arena, "%s%s", c_name, *suffixes);
        names->entries[names->count] = (struct entry){name, kept, names->count};
        names->count++;
    }
}

static void add_messages(struct register_ *names)
{
    for (size_t i = 0; i < names->model->message_count; i++) {
        const struct model_message *message = &names->model->messages[i];
        add(names, (struct owner){"message", message->full_name, message->place, message->wanted},
            message->c_name, message_names);
    }
}

/* nanopb puts the name of the enum before that of each value. */
static void add_values(struct register_ *names, const struct model_enum *item)
{
    for (size_t i = 0; item->values[i] != NULL; i++) {
        struct arena *arena = &names->model->arena;
        const char *full_name = arena_printf(arena, "%s.%s", item->full_name, item->values[i]);
        add(names, (struct owner){"enum value", full_name, item->place, item->wanted},
            arena_printf(arena, "%s_%s", item->c_name, item->values[i]), one_name);
    }
}

static void add_enums(struct register_ *names)
{
    for (size_t i = 0; i < names->model->enum_count; i++) {
        const struct model_enum *item = &names->model->enums[i];
        add(names, (struct owner){"enum", item->full_name, item->place, item->wanted}, item->c_name, one_name);
        add_values(names, item);
    }
}

/* The names in the receipt of a method; full_name says whose they are. */
static void add_error(struct register_ *names, const struct model_method *method, const char *member,
                      const char *full_name)
{
    struct arena *arena = &names->model->arena;
    struct owner owner = {"error", full_name, method->place, true};
    add(names, owner, arena_printf(arena, "%s_error_%s", method->c_name, member), one_name);
    add(names, owner, arena_printf(arena, "%s_raise_%s", method->c_name, member), one_name);
}

static void add_method(struct register_ *names, const struct model_method *method)
{
    struct arena *arena = &names->model->arena;
    add(names, (struct owner){"method", method->full_name, method->place, true}, method->c_name, method_names);
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
    add(names, (struct owner){"service", service->full_name, service->place, true}, service->c_name,
        service_names);
    for (size_t i = 0; i < service->method_count; i++)
        add_method(names, &service->methods[i]);
}

static int by_name(const void *left, const void *right)
{
    const struct entry *a = left;
    const struct entry *b = right;
    int order = strcmp(a->c_name, b->c_name);
    return order != 0 ? order : a->order < b->order ? -1 : a->order > b->order;
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

static void tell(struct register_ *names, const char *c_name, const struct owner *first,
                 const struct owner *second)
{
    diagnostics_error(names->list, second->place,
                      "%s %s needs the C name %s, which %s %s (%s:%u:%u) needs as well; rename one of them",
                      second->kind, second->full_name, c_name, first->kind, first->full_name, first->place.file,
                      (unsigned)first->place.line, (unsigned)first->place.column);
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
        if (!first->wanted && !second->wanted)
            continue;
        if (is_told(told, told_count, first, second))
            continue;
        told = array_grow(told, told_count, sizeof *told);
        told[told_count++] = (struct told){first, second};
        tell(names, names->entries[i].c_name, first, second);
    }
    free(told);
}

void clash_check(struct model *model, struct diagnostics *list)
{
    struct register_ names = {.model = model, .list = list};
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
