/* The registry of methods.
 *
 * Reads best next: services.h. */
#include "server/services.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include "server/request.h"

/* Requests kept for the next ones, a method. */
enum { SPARE_REQUESTS = 1024, FIRST_TABLE = 32 };

void services_init(struct services *services)
{
    *services = (struct services){0};
}

void services_fini(struct services *services)
{
    for (size_t i = 0; i < services->table_size; i++) {
        if (services->table[i] == NULL)
            continue;
        pool_fini(&services->table[i]->requests);
        free(services->table[i]);
    }
    free(services->table);
}

/* The place of an id: where it is, or where it would go. */
static size_t place(struct services_entry *const *table, size_t size, uint64_t id)
{
    size_t at = (size_t)(id ^ id >> 32) & (size - 1);
    while (table[at] != NULL && table[at]->method->id != id)
        at = (at + 1) & (size - 1);
    return at;
}

static bool reserve(struct services *services, size_t count)
{
    size_t size = services->table_size == 0 ? FIRST_TABLE : services->table_size;
    while (size < count * 2)
        size *= 2;
    if (size == services->table_size)
        return true;
    struct services_entry **table = calloc(size, sizeof(struct services_entry *));
    if (table == NULL)
        return false;
    for (size_t i = 0; i < services->table_size; i++)
        if (services->table[i] != NULL)
            table[place(table, size, services->table[i]->method->id)] = services->table[i];
    free(services->table);
    services->table = table;
    services->table_size = size;
    return true;
}

static bool is_implemented(const struct semel_method *method, const void *handlers)
{
    void (*handler)(void);
    memcpy(&handler, (const char *)handlers + method->handler_offset, sizeof handler);
    return handler != NULL;
}

static size_t align_up(size_t size)
{
    return (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
}

static struct services_entry *create(const struct semel_method *method, const void *handlers, void *user)
{
    struct services_entry *entry = calloc(1, sizeof *entry);
    if (entry == NULL)
        return NULL;
    entry->method = method;
    entry->handlers = handlers;
    entry->user = user;
    entry->implemented = is_implemented(method, handlers);
    entry->in_offset = align_up(sizeof(struct semel_request));
    entry->out_offset = entry->in_offset + align_up(method->request_size);
    pool_init(&entry->requests, entry->out_offset + align_up(method->reply_size), SPARE_REQUESTS);
    return entry;
}

static void destroy_all(struct services_entry **entries, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(entries[i]);
    free(entries);
}

/* Entries for all methods of a service; NULL: no memory. */
static struct services_entry **create_all(const struct semel_service *service, const void *handlers, void *user)
{
    struct services_entry **entries = calloc(service->method_count + 1, sizeof(struct services_entry *));
    for (size_t i = 0; entries != NULL && i < service->method_count; i++) {
        entries[i] = create(&service->methods[i], handlers, user);
        if (entries[i] == NULL) {
            destroy_all(entries, i);
            return NULL;
        }
    }
    return entries;
}

static bool is_known(const struct services *services, const struct semel_service *service)
{
    for (size_t i = 0; i < service->method_count; i++) {
        if (services_find(services, service->methods[i].id) != NULL)
            return true;
        for (size_t k = 0; k < i; k++)
            if (service->methods[k].id == service->methods[i].id)
                return true;
    }
    return false;
}

enum services_add_result services_add(struct services *services, const struct semel_service *service,
                                      const void *handlers, void *user)
{
    if (service->version != SEMEL_SERVICE_VERSION)
        return SERVICES_WRONG_VERSION;
    if (is_known(services, service))
        return SERVICES_EXISTS;
    if (!reserve(services, services->count + service->method_count))
        return SERVICES_NO_MEMORY;
    struct services_entry **entries = create_all(service, handlers, user);
    if (entries == NULL)
        return SERVICES_NO_MEMORY;
    for (size_t i = 0; i < service->method_count; i++)
        services->table[place(services->table, services->table_size, entries[i]->method->id)] = entries[i];
    services->count += service->method_count;
    free(entries);
    return SERVICES_ADDED;
}

struct services_entry *services_find(const struct services *services, uint64_t id)
{
    if (services->table_size == 0)
        return NULL;
    return services->table[place(services->table, services->table_size, id)];
}
