/* Builds the model: files, services, methods; reports what is wrong on the way.
 *
 * It must not know the text that is made from it.  Reads best next: model.h, then options.c, check.c,
 * clash.c. */
#include "idl/model.h"

#include "idl/check.h"
#include "idl/clash.h"
#include "idl/cycles.h"
#include "idl/errors.h"
#include "idl/names.h"
#include "idl/options.h"
#include "idl/reserved.h"
#include "idl/types.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

/* Field numbers of protobuf's descriptors, for paths. */
enum {
    FILE_SYNTAX = 12,
    FILE_SERVICE = 6,
    SERVICE_NAME = 1,
    SERVICE_METHOD = 2,
    SERVICE_OPTIONS = 3,
    METHOD_NAME = 1,
    METHOD_INPUT = 2,
    METHOD_OUTPUT = 3,
    METHOD_OPTIONS = 4,
    METHOD_CLIENT_STREAMING = 5,
    METHOD_SERVER_STREAMING = 6,
    FILE_OPTIONS = 8,
    OPTION_NANOPB = 1010
};

/* Values of google.protobuf.MethodOptions.IdempotencyLevel. */
enum { LEVEL_NO_SIDE_EFFECTS = 1, LEVEL_IDEMPOTENT = 2 };

/* One file on its way into the model. */
struct builder {
    struct model *model;
    struct diagnostics *list;
    struct request_file *source;
};

/* One service on its way into the model. */
struct service_builder {
    struct builder *in;
    struct model_service *service;
    struct path path;
    struct model_options options;
};

uint64_t model_method_id(const char *full_name)
{
    return XXH3_64bits(full_name, strlen(full_name));
}

void model_init(struct model *model)
{
    *model = (struct model){.method_id = model_method_id};
}

void model_fini(struct model *model)
{
    arena_fini(&model->arena);
    *model = (struct model){.files = NULL};
}

static struct place place_of(const struct builder *in, struct path path)
{
    return locations_find(&in->source->locations, in->source->file.name, path);
}

static const char *comment_of(const struct builder *in, struct path path)
{
    const char *comment = locations_comment(&in->source->locations, path);
    return comment == NULL ? NULL : arena_copy(&in->model->arena, comment);
}

static const struct model_message *find_type(const struct builder *in, const char *name, struct path path)
{
    if (name == NULL)
        name = "";
    const struct model_message *message = model_find_message(in->model, *name == '.' ? name + 1 : name);
    if (message == NULL)
        diagnostics_error(in->list, place_of(in, path), "\"%s\" is not a known message", name);
    else if (message->map_entry)
        diagnostics_error(in->list, place_of(in, path), "%s is the entry of a map and cannot travel alone",
                          message->full_name);
    else if (message->without_c)
        diagnostics_error(in->list, place_of(in, path),
                          "%s describes .proto files, and no C is made of it; write a message of your own",
                          message->full_name);
    return message;
}

static enum model_mode mode_of(const desc_Method *source)
{
    switch (source->options.has_idempotency_level ? source->options.idempotency_level : 0) {
    case LEVEL_NO_SIDE_EFFECTS: return MODE_NO_SIDE_EFFECTS;
    case LEVEL_IDEMPOTENT: return MODE_IDEMPOTENT;
    default: return MODE_AT_MOST_ONCE;
    }
}

/* Whether the method is left out because it streams; if so, it is told once. */
static bool is_streaming(const struct service_builder *to, const desc_Method *source, struct path path)
{
    bool client = source->client_streaming;
    bool server = source->server_streaming;
    if (!client && !server)
        return false;
    const char *what = client && server ? "requests and replies" : client ? "requests" : "replies";
    path = path_to(path, client ? METHOD_CLIENT_STREAMING : METHOD_SERVER_STREAMING, -1);
    diagnostics_warn(to->in->list, place_of(to->in, path),
                     "method %s.%s streams its %s; streaming is not supported, the method is skipped",
                     to->service->full_name, source->name, what);
    return true;
}

static bool check_method_name(const struct service_builder *to, const desc_Method *source, struct path path)
{
    struct place place = place_of(to->in, path_to(path, METHOD_NAME, -1));
    if (source->name == NULL || !name_is_identifier(source->name)) {
        diagnostics_error(to->in->list, place, "service %s has a method without a valid name",
                          to->service->full_name);
        return false;
    }
    const char *reserved = reserved_as(source->name);
    if (reserved != NULL)
        diagnostics_error(
            to->in->list, place,
            "method name \"%s\" is %s and cannot be a slot of struct %s_handlers; rename the method",
            source->name, reserved, to->service->c_name);
    else if (to->in->source->file.package == NULL && model_find_message(to->in->model, source->name) != NULL)
        diagnostics_warn(to->in->list, place,
                         "method \"%s\" has the very name of a message in C: the header will serve C only; a "
                         "package makes them differ",
                         source->name);
    return true;
}

static void set_options(const struct service_builder *to, const desc_Method *source, struct path path,
                        struct model_method *method)
{
    struct builder *in = to->in;
    const desc_Rules *rules = source->has_options && source->options.has_semel ? &source->options.semel : NULL;
    struct options_source at = {in->model, in->list, in->source,
                                path_to(path_to(path, METHOD_OPTIONS, -1), OPTION_SEMEL, -1)};
    struct model_options written = options_read(&at, rules);
    errors_read(&at, rules, &written);
    method->oneway = rules != NULL && rules->has_oneway && rules->oneway;
    method->transactional = rules != NULL && rules->has_transactional && rules->transactional;
    method->mode = mode_of(source);
    method->deprecated = source->options.has_deprecated && source->options.deprecated;
    method->options = options_merge(method, &written, &to->options);
    errors_settle(&at, method, &written, &to->options);
    check_options(&at, &written);
    check_method(&(struct check_method){method, &written, &at, &to->options, path});
}

static void build_method(const struct service_builder *to, const desc_Method *source, struct path path)
{
    struct builder *in = to->in;
    if (!check_method_name(to, source, path) || is_streaming(to, source, path))
        return;
    struct model_method *method = &to->service->methods[to->service->method_count++];
    struct arena *arena = &in->model->arena;
    method->name = arena_copy(arena, source->name);
    method->full_name = arena_printf(arena, "%s.%s", to->service->full_name, source->name);
    method->c_name = name_flatten(arena, method->full_name);
    method->comment = comment_of(in, path);
    method->place = place_of(in, path_to(path, METHOD_NAME, -1));
    method->id = in->model->method_id(method->full_name);
    method->request = find_type(in, source->input_type, path_to(path, METHOD_INPUT, -1));
    method->reply = find_type(in, source->output_type, path_to(path, METHOD_OUTPUT, -1));
    set_options(to, source, path, method);
}

static void name_service(const struct builder *in, const char *name, struct path path,
                         struct model_service *service)
{
    struct arena *arena = &in->model->arena;
    const char *package = in->source->file.package;
    service->name = arena_copy(arena, name);
    service->full_name = package == NULL || *package == '\0' ? service->name
                                                             : arena_printf(arena, "%s.%s", package, name);
    service->c_name = name_flatten(arena, service->full_name);
    service->comment = comment_of(in, path);
    service->place = place_of(in, path_to(path, SERVICE_NAME, -1));
}

static void build_service(struct builder *in, const desc_Service *source, struct path path,
                          struct model_file *file)
{
    if (source->name == NULL || !name_is_identifier(source->name)) {
        diagnostics_error(in->list, place_of(in, path), "a service has no valid name");
        return;
    }
    struct model_service *service = &file->services[file->service_count];
    name_service(in, source->name, path, service);
    service->deprecated = source->options.has_deprecated && source->options.deprecated;
    service->methods = arena_alloc(&in->model->arena, source->method_count * sizeof *service->methods);

    struct options_source at = {in->model, in->list, in->source,
                                path_to(path_to(path, SERVICE_OPTIONS, -1), OPTION_SEMEL, -1)};
    const desc_Rules *rules = source->has_options && source->options.has_semel ? &source->options.semel : NULL;
    struct service_builder to = {in, service, path, options_read(&at, rules)};
    errors_read(&at, rules, &to.options);
    check_options(&at, &to.options);
    for (pb_size_t i = 0; i < source->method_count; i++)
        build_method(&to, &source->method[i], path_to(path, SERVICE_METHOD, i));
    check_service(&at, &to.options, service);
    if (service->method_count == 0)
        diagnostics_warn(in->list, service->place,
                         "service %s has no method to generate code for, it is skipped", service->full_name);
    else
        file->service_count++;
}

/* Things about a file as a whole that rule out making C of it. */
static bool check_file(const struct builder *in)
{
    const desc_File *file = &in->source->file;
    struct path none = {.depth = 0};
    size_t before = in->list->errors;
    if (!name_is_file(file->name))
        diagnostics_error(in->list, (struct place){"(request)", 0, 0},
                          "a file has no name that is safe to write to");
    if (file->syntax != NULL && strcmp(file->syntax, "editions") == 0)
        diagnostics_error(in->list, place_of(in, path_to(none, FILE_SYNTAX, -1)),
                          "protobuf editions are not supported; write syntax = \"proto3\" or \"proto2\"");
    if (file->package != NULL && *file->package != '\0' && !name_is_dotted(file->package))
        diagnostics_error(in->list, (struct place){file->name, 0, 0}, "the package has no valid name");
    const desc_FileOptions_Nanopb *nanopb = &file->options.nanopb;
    if (nanopb->mangle_names != 0 || nanopb->package != NULL)
        diagnostics_error(in->list, place_of(in, path_to(path_to(none, FILE_OPTIONS, -1), OPTION_NANOPB, -1)),
                          "nanopb's mangle_names and package change C names and are not supported");
    return in->list->errors == before;
}

static const char *stem_of(struct arena *arena, const char *name)
{
    char *stem = arena_copy(arena, name);
    char *dot = strrchr(stem, '.');
    if (dot != NULL && strchr(dot, '/') == NULL && dot != stem)
        *dot = '\0';
    return stem;
}

static void build_file(struct builder *in, struct model_file *file)
{
    const desc_File *source = &in->source->file;
    file->name = arena_copy(&in->model->arena, source->name);
    file->stem = stem_of(&in->model->arena, source->name);
    file->services = arena_alloc(&in->model->arena, source->service_count * sizeof *file->services);
    for (pb_size_t i = 0; i < source->service_count; i++)
        build_service(in, &source->service[i], path_to((struct path){.depth = 0}, FILE_SERVICE, i), file);
}

static int by_id(const void *left, const void *right)
{
    const struct model_method *a = *(const struct model_method *const *)left;
    const struct model_method *b = *(const struct model_method *const *)right;
    if (a->id != b->id)
        return a->id < b->id ? -1 : 1;
    return strcmp(a->full_name, b->full_name);
}

static void check_ids(const struct model *model, struct diagnostics *list)
{
    const struct model_method **methods = NULL;
    size_t count = 0;
    for (size_t i = 0; i < model->file_count; i++)
        for (size_t j = 0; j < model->files[i].service_count; j++)
            for (size_t k = 0; k < model->files[i].services[j].method_count; k++) {
                methods = array_grow(methods, count, sizeof(const struct model_method *));
                methods[count++] = &model->files[i].services[j].methods[k];
            }
    if (count > 1)
        qsort(methods, count, sizeof(const struct model_method *), by_id);
    for (size_t i = 1; i < count; i++)
        if (methods[i]->id == methods[i - 1]->id)
            diagnostics_error(list, methods[i]->place,
                              "method %s has the same id on the wire as %s; rename one of them",
                              methods[i]->full_name, methods[i - 1]->full_name);
    free(methods);
}

/* A request that protoc did not write may lack what every file has. */
static bool check_names_exist(struct request *request, struct diagnostics *list)
{
    for (size_t i = 0; i < request->file_count; i++) {
        if (request->files[i]->file.name == NULL) {
            diagnostics_error(list, (struct place){"(request)", 0, 0}, "a file has no name");
            return false;
        }
    }
    return true;
}

void model_build(struct model *model, struct request *request, struct diagnostics *list)
{
    assert(list->arena == &model->arena && model->method_id != NULL);
    if (!check_names_exist(request, list))
        return;
    types_collect(model, request, list);
    cycles_find(model, request, NULL);
    model->files = arena_alloc(&model->arena, request->file_count * sizeof *model->files);
    for (size_t i = 0; i < request->file_count; i++) {
        struct builder in = {model, list, request->files[i]};
        if (in.source->wanted && check_file(&in))
            build_file(&in, &model->files[model->file_count++]);
    }
    clash_check(model, request, list);
    check_ids(model, list);
    diagnostics_sort(list);
}
