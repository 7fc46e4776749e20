/* All that a request declares, by full name: messages, enums and services of every file, imports included.
 *
 * Unlike the model it judges nothing and leaves nothing out, so that any two states can be compared.  It must not know
 * what they are compared for.  Reads best next: compare.h. */
#ifndef IDL_CATALOG_H
#define IDL_CATALOG_H

#include "idl/arena.h"
#include "idl/request.h"

#include <stdbool.h>

/* One declaration.  Exactly one of message, enumeration and service is set; all pointers are borrowed from the request,
 * but for full_name. */
struct catalog_item {
    const char *full_name;
    struct request_file *file;
    struct path path; /* to the declaration; cut where it is too deep */
    const desc_Message *message;
    const desc_Enum *enumeration;
    const desc_Service *service;
    bool visited; /* for whoever walks them */
};

struct catalog {
    struct arena *arena;        /* borrowed: holds all of it */
    struct catalog_item *items; /* messages and enums, which share their names, sorted by name */
    size_t count;
    struct catalog_item *services; /* in the order of the files */
    size_t service_count;
};

void catalog_build(struct catalog *ret_catalog, struct request *request, struct arena *arena);

/* A name of a type as protoc writes it, with a dot in front, or without; NULL if there is none. */
struct catalog_item *catalog_find_type(const struct catalog *catalog, const char *name);
struct catalog_item *catalog_find_service(const struct catalog *catalog, const char *full_name);

/* The path one step deeper, or the same where paths end. */
struct path catalog_path(struct path from, int32_t field, int32_t index);

#endif
