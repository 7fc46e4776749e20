/* The services of a server: methods by their id.
 *
 * Reads best next: dispatch.h. */
#ifndef SERVER_SERVICES_H
#define SERVER_SERVICES_H

#include <semel/service.h>

#include "core/pool.h"

/* One method with who handles it. */
struct services_entry {
    const struct semel_method *method;
    const void *handlers;
    void *user;
    bool implemented; /* its slot in the handlers is filled */
    size_t in_offset; /* of the decoded messages within a request's memory */
    size_t out_offset;
    struct pool requests; /* memory of requests of this method */
};

struct services {
    struct services_entry **table; /* open addressing by id; a power of two, at most half full */
    size_t table_size;
    size_t count;
};

void services_init(struct services *services);
/* No request may be left (asserted by the pools). */
void services_fini(struct services *services);

enum services_add_result { SERVICES_ADDED, SERVICES_EXISTS, SERVICES_WRONG_VERSION, SERVICES_NO_MEMORY };
/* All methods of a service, or none. */
enum services_add_result services_add(struct services *services, const struct semel_service *service,
                                      const void *handlers, void *user);

/* NULL: not known. */
struct services_entry *services_find(const struct services *services, uint64_t id);

#endif
