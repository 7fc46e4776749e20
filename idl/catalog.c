/* Collects declarations.
 *
 * It must not know what they are compared for.  Reads best next: catalog.h. */
#include "idl/catalog.h"

#include <stdlib.h>
#include <string.h>

/* Field numbers of protobuf's descriptors, for paths. */
enum { FILE_ENUM = 5, FILE_SERVICE = 6, MESSAGE_ENUM = 4 };

struct path catalog_path(struct path from, int32_t field, int32_t index)
{
    if (from.depth + 2 > PATH_MAX_DEPTH)
        return from;
    return path_to(from, field, index);
}

static const char *scoped(struct catalog *catalog, const char *scope, const char *name)
{
    if (name == NULL)
        name = "";
    if (scope == NULL || *scope == '\0')
        return arena_copy(catalog->arena, name);
    return arena_printf(catalog->arena, "%s.%s", scope, name);
}

static void add_enums(struct catalog *catalog, struct request_file *file, const char *scope,
                      const desc_Enum *enums, size_t count, struct path path, int32_t field)
{
    for (size_t i = 0; i < count; i++)
        catalog->items[catalog->count++] = (struct catalog_item){
            .full_name = scoped(catalog, scope, enums[i].name),
            .file = file,
            .path = catalog_path(path, field, (int32_t)i),
            .enumeration = &enums[i]};
}

static void add_services(struct catalog *catalog, struct request_file *file)
{
    for (pb_size_t i = 0; i < file->file.service_count; i++)
        catalog->services[catalog->service_count++] = (struct catalog_item){
            .full_name = scoped(catalog, file->file.package, file->file.service[i].name),
            .file = file,
            .path = path_to((struct path){.depth = 0}, FILE_SERVICE, i),
            .service = &file->file.service[i]};
}

static void add_file(struct catalog *catalog, struct request_file *file)
{
    const struct path none = {.depth = 0};
    const char **names = arena_alloc(catalog->arena, file->message_count * sizeof(const char *));
    add_enums(catalog, file, file->file.package, file->file.enum_type, file->file.enum_type_count, none,
              FILE_ENUM);
    for (size_t i = 0; i < file->message_count; i++) {
        const struct request_message *message = &file->messages[i];
        const char *scope = message->parent == REQUEST_NO_PARENT ? file->file.package : names[message->parent];
        names[i] = scoped(catalog, scope, message->message.name);
        catalog->items[catalog->count++] = (struct catalog_item){
            .full_name = names[i], .file = file, .path = message->path, .message = &message->message};
        add_enums(catalog, file, names[i], message->message.enum_type, message->message.enum_type_count,
                  message->path, MESSAGE_ENUM);
    }
    add_services(catalog, file);
}

static void make_room(struct catalog *catalog, const struct request *request)
{
    size_t items = 0;
    size_t services = 0;
    for (size_t i = 0; i < request->file_count; i++) {
        const struct request_file *file = request->files[i];
        items += file->message_count + file->file.enum_type_count;
        services += file->file.service_count;
        for (size_t j = 0; j < file->message_count; j++)
            items += file->messages[j].message.enum_type_count;
    }
    catalog->items = arena_alloc(catalog->arena, items * sizeof *catalog->items);
    catalog->services = arena_alloc(catalog->arena, services * sizeof *catalog->services);
}

static int by_name(const void *left, const void *right)
{
    const struct catalog_item *a = left;
    const struct catalog_item *b = right;
    return strcmp(a->full_name, b->full_name);
}

void catalog_build(struct catalog *ret_catalog, struct request *request, struct arena *arena)
{
    *ret_catalog = (struct catalog){.arena = arena};
    make_room(ret_catalog, request);
    for (size_t i = 0; i < request->file_count; i++)
        add_file(ret_catalog, request->files[i]);
    if (ret_catalog->count > 1)
        qsort(ret_catalog->items, ret_catalog->count, sizeof *ret_catalog->items, by_name);
}

struct catalog_item *catalog_find_type(const struct catalog *catalog, const char *name)
{
    if (name == NULL || catalog->count == 0)
        return NULL;
    struct catalog_item key = {.full_name = *name == '.' ? name + 1 : name};
    return bsearch(&key, catalog->items, catalog->count, sizeof key, by_name);
}

struct catalog_item *catalog_find_service(const struct catalog *catalog, const char *full_name)
{
    for (size_t i = 0; i < catalog->service_count; i++)
        if (strcmp(catalog->services[i].full_name, full_name) == 0)
            return &catalog->services[i];
    return NULL;
}
