/* Compares services and methods of two states.
 *
 * It must not know where the states come from.  Reads best next: compare.h. */
#include "idl/compare.h"

#include "idl/compare_types.h"
#include "idl/model.h"

#include <stdlib.h>
#include <string.h>

/* Field numbers of protobuf's descriptors, for paths. */
enum {
    SERVICE_NAME = 1,
    SERVICE_METHOD = 2,
    METHOD_NAME = 1,
    METHOD_INPUT = 2,
    METHOD_OUTPUT = 3,
    METHOD_OPTIONS = 4,
    METHOD_CLIENT_STREAMING = 5,
    METHOD_SERVER_STREAMING = 6,
    OPTION_IDEMPOTENCY = 34,
    OPTION_SEMEL = 51717,
    OPTION_ONEWAY = 3,
    OPTION_ERRORS = 5
};
enum { TYPE_GROUP = 10, TYPE_MESSAGE = 11, TYPE_ENUM = 14 };

/* A method of a state, with what it needs to be judged. */
struct side {
    const struct catalog_item *service;
    const desc_Method *method;
    int32_t index;
};

struct pair {
    struct comparison *states;
    const char *name; /* full, of both */
    struct side old;
    struct side now;
};

static const char *shown(const char *type)
{
    return type == NULL ? "" : *type == '.' ? type + 1 : type;
}

/* Of the new method: a field of its descriptor, or one in an option of it. */
static struct place place_of(const struct pair *pair, int32_t field, int32_t inner, int32_t innermost)
{
    struct path path = catalog_path(pair->now.service->path, SERVICE_METHOD, pair->now.index);
    path = catalog_path(path, field, -1);
    if (inner > 0)
        path = catalog_path(path, inner, -1);
    if (innermost > 0)
        path = catalog_path(path, innermost, -1);
    struct request_file *file = pair->now.service->file;
    return locations_find(&file->locations, file->file.name, path);
}

/* ---- methods ---- */

static void compare_carried(const struct pair *pair, const char *what, int32_t field, const char *old,
                            const char *now)
{
    if (strcmp(shown(old), shown(now)) != 0)
        diagnostics_error(pair->states->list, place_of(pair, field, 0, 0),
                          "the %s of method %s was %s and is now %s", what, pair->name, shown(old), shown(now));
    compare_type(pair->states, old);
}

static enum model_mode mode_of(const desc_Method *method)
{
    switch (method->options.has_idempotency_level ? method->options.idempotency_level : 0) {
    case 1: return MODE_NO_SIDE_EFFECTS;
    case 2: return MODE_IDEMPOTENT;
    default: return MODE_AT_MOST_ONCE;
    }
}

static void compare_modes(const struct pair *pair)
{
    static const char *const names[] = {"at-most-once", "IDEMPOTENT", "NO_SIDE_EFFECTS"};
    enum model_mode old = mode_of(pair->old.method);
    enum model_mode now = mode_of(pair->now.method);
    struct place place = place_of(pair, now == MODE_AT_MOST_ONCE ? METHOD_NAME : METHOD_OPTIONS,
                                  now == MODE_AT_MOST_ONCE ? 0 : OPTION_IDEMPOTENCY, 0);
    if (old == now)
        return;
    if (old != MODE_AT_MOST_ONCE && now != MODE_AT_MOST_ONCE)
        diagnostics_warn(pair->states->list, place,
                         "method %s was %s and is now %s: the same on the wire, another promise to callers",
                         pair->name, names[old], names[now]);
    else
        diagnostics_error(pair->states->list, place,
                          "method %s was %s and is now %s: both peers must agree on it, or calls are refused",
                          pair->name, names[old], names[now]);
}

static bool is_oneway(const desc_Method *method)
{
    return method->has_options && method->options.has_semel && method->options.semel.has_oneway &&
           method->options.semel.oneway;
}

static void compare_oneway(const struct pair *pair)
{
    bool now = is_oneway(pair->now.method);
    if (is_oneway(pair->old.method) == now)
        return;
    struct place place = now ? place_of(pair, METHOD_OPTIONS, OPTION_SEMEL, OPTION_ONEWAY)
                             : place_of(pair, METHOD_NAME, 0, 0);
    diagnostics_error(pair->states->list, place, "method %s was %s and is now %s", pair->name,
                      now ? "answered" : "oneway",
                      now ? "oneway: who waits for an answer gets none" : "answered");
}

static void compare_stream(const struct pair *pair, const char *what, int32_t field, bool old, bool now)
{
    if (old != now)
        diagnostics_error(pair->states->list, place_of(pair, now ? field : METHOD_NAME, 0, 0),
                          "method %s %s its %s", pair->name, now ? "now streams" : "no longer streams", what);
}

/* ---- errors a method can raise ---- */

/* Calls visit for each name a method declares, its own and those of its service. */
typedef void name_visitor(struct pair *pair, const struct side *other, const char *name);

static void each_error(struct pair *pair, const struct side *side, const struct side *other,
                       name_visitor *visit)
{
    const desc_Service *service = side->service->service;
    if (is_oneway(side->method))
        return;
    if (side->method->has_options && side->method->options.has_semel)
        for (pb_size_t i = 0; i < side->method->options.semel.errors_count; i++)
            visit(pair, other, side->method->options.semel.errors[i]);
    if (service->has_options && service->options.has_semel)
        for (pb_size_t i = 0; i < service->options.semel.errors_count; i++)
            visit(pair, other, service->options.semel.errors[i]);
}

static bool holds(char *const *names, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(shown(names[i]), shown(name)) == 0)
            return true;
    return false;
}

static bool declares(const struct side *side, const char *name)
{
    const desc_Method *method = side->method;
    const desc_Service *service = side->service->service;
    if (is_oneway(method))
        return false;
    return (method->has_options && method->options.has_semel &&
            holds(method->options.semel.errors, method->options.semel.errors_count, name)) ||
           (service->has_options && service->options.has_semel &&
            holds(service->options.semel.errors, service->options.semel.errors_count, name));
}

static void visit_old_error(struct pair *pair, const struct side *now, const char *name)
{
    if (declares(now, name))
        compare_type(pair->states, name);
    else
        diagnostics_warn(
            pair->states->list, place_of(pair, METHOD_NAME, 0, 0),
            "method %s no longer raises %s: old servers still do, and new clients get it as UNKNOWN "
            "with its text",
            pair->name, shown(name));
}

static void visit_new_error(struct pair *pair, const struct side *old, const char *name)
{
    if (!declares(old, name))
        diagnostics_warn(pair->states->list, place_of(pair, METHOD_OPTIONS, OPTION_SEMEL, OPTION_ERRORS),
                         "errors: method %s newly raises \"%s\": old clients get it as UNKNOWN with its text",
                         pair->name, shown(name));
}

/* ---- services ---- */

static void compare_methods(struct pair *pair)
{
    const desc_Method *old = pair->old.method;
    const desc_Method *now = pair->now.method;
    compare_carried(pair, "request", METHOD_INPUT, old->input_type, now->input_type);
    compare_carried(pair, "reply", METHOD_OUTPUT, old->output_type, now->output_type);
    compare_modes(pair);
    compare_oneway(pair);
    compare_stream(pair, "requests", METHOD_CLIENT_STREAMING, old->client_streaming, now->client_streaming);
    compare_stream(pair, "replies", METHOD_SERVER_STREAMING, old->server_streaming, now->server_streaming);
    each_error(pair, &pair->old, &pair->now, visit_old_error);
    each_error(pair, &pair->now, &pair->old, visit_new_error);
}

static int32_t find_method(const desc_Service *service, const char *name)
{
    for (pb_size_t i = 0; i < service->method_count; i++)
        if (service->method[i].name != NULL && strcmp(service->method[i].name, name) == 0)
            return i;
    return -1;
}

static void compare_services(struct comparison *states, const struct catalog_item *old,
                             const struct catalog_item *now)
{
    for (pb_size_t i = 0; i < old->service->method_count; i++) {
        const desc_Method *method = &old->service->method[i];
        const char *short_name = method->name == NULL ? "" : method->name;
        const char *name = arena_printf(states->list->arena, "%s.%s", old->full_name, short_name);
        int32_t index = find_method(now->service, short_name);
        if (index < 0) {
            diagnostics_error(
                states->list, compare_place(now, SERVICE_NAME, -1),
                "method %s was removed; a method that was only renamed is another one to its peers, for "
                "the id that travels is the hash of the full name",
                name);
            continue;
        }
        struct pair pair = {states, name, {old, method, i}, {now, &now->service->method[index], index}};
        compare_methods(&pair);
    }
}

/* The file something gone was in: by its name, which outlives the old state. */
static struct place place_of_file(const struct comparison *states, const struct catalog_item *old)
{
    return (struct place){arena_copy(states->list->arena, old->file->file.name), 0, 0};
}

static bool has_file(const struct request *request, const char *name)
{
    for (size_t i = 0; i < request->file_count; i++)
        if (strcmp(request->files[i]->file.name, name) == 0)
            return true;
    return false;
}

static void tell_removed_service(struct comparison *states, const struct catalog_item *old,
                                 const struct request *now)
{
    const char *file = old->file->file.name;
    if (has_file(now, file))
        diagnostics_error(
            states->list, place_of_file(states, old),
            "service %s was removed; one that was only renamed is another one to its peers, for the ids "
            "that travel are hashes of full names",
            old->full_name);
    else
        diagnostics_error(states->list, place_of_file(states, old),
                          "service %s is not in the files given; name %s too if it is still there",
                          old->full_name, file);
}

void compare_requests(struct request *old, struct request *now, struct diagnostics *list)
{
    struct comparison states = {.list = list};
    catalog_build(&states.old, old, list->arena);
    catalog_build(&states.now, now, list->arena);
    for (size_t i = 0; i < states.old.service_count; i++) {
        const struct catalog_item *service = &states.old.services[i];
        const struct catalog_item *match = catalog_find_service(&states.now, service->full_name);
        if (match == NULL)
            tell_removed_service(&states, service, now);
        else
            compare_services(&states, service, match);
    }
    diagnostics_sort(list);
}

/* ---- whether a state is whole ---- */

static int by_text(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

static const char *missing_import(const struct request *state, struct arena *arena)
{
    const char **names = arena_alloc(arena, state->file_count * sizeof *names);
    for (size_t i = 0; i < state->file_count; i++) {
        names[i] = state->files[i]->file.name;
        if (names[i] == NULL)
            return "a file has no name";
    }
    qsort(names, state->file_count, sizeof *names, by_text);
    for (size_t i = 0; i < state->file_count; i++) {
        const desc_File *file = &state->files[i]->file;
        for (pb_size_t j = 0; j < file->dependency_count; j++) {
            const char *import = file->dependency[j];
            if (bsearch(&import, names, state->file_count, sizeof *names, by_text) == NULL)
                return arena_printf(arena,
                                    "%s, which %s imports, is not in it; protoc puts imports in with "
                                    "--include_imports",
                                    import, file->name);
        }
    }
    return NULL;
}

static const char *missing_type(const struct catalog *catalog, struct arena *arena, const char *name,
                                const char *user)
{
    if (catalog_find_type(catalog, name) != NULL)
        return NULL;
    return arena_printf(arena, "type %s, which %s uses, is not in it", shown(name), user);
}

static const char *missing_in_message(const struct catalog *catalog, struct arena *arena,
                                      const struct catalog_item *item)
{
    const char *problem = NULL;
    for (pb_size_t i = 0; i < item->message->field_count && problem == NULL; i++) {
        const desc_Field *field = &item->message->field[i];
        if (field->type == TYPE_MESSAGE || field->type == TYPE_GROUP || field->type == TYPE_ENUM)
            problem = missing_type(catalog, arena, field->type_name, item->full_name);
    }
    return problem;
}

static const char *missing_in_service(const struct catalog *catalog, struct arena *arena,
                                      const struct catalog_item *item)
{
    const char *problem = NULL;
    for (pb_size_t i = 0; i < item->service->method_count && problem == NULL; i++) {
        const desc_Method *method = &item->service->method[i];
        problem = missing_type(catalog, arena, method->input_type, item->full_name);
        if (problem == NULL)
            problem = missing_type(catalog, arena, method->output_type, item->full_name);
    }
    return problem;
}

const char *compare_problem(struct request *state, struct arena *arena)
{
    struct catalog catalog;
    const char *problem = missing_import(state, arena);
    if (problem != NULL)
        return problem;
    catalog_build(&catalog, state, arena);
    for (size_t i = 0; i < catalog.count && problem == NULL; i++)
        if (catalog.items[i].message != NULL)
            problem = missing_in_message(&catalog, arena, &catalog.items[i]);
    for (size_t i = 0; i < catalog.service_count && problem == NULL; i++)
        problem = missing_in_service(&catalog, arena, &catalog.services[i]);
    return problem;
}
