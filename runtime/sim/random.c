/* The random numbers of the runtime (net/random.h), from the seed of the world: every host has its own.
 *
 * Reads best next: chance.h. */
#include "net/random.h"

#include <assert.h>
#include <string.h>

#include "sim/host.h"

uint64_t random_u64(void)
{
    assert(world != NULL && world->turn != NULL);
    return chance_next(&world->turn->host->chance);
}

void random_bytes(void *into, size_t size)
{
    uint8_t *at = into;
    while (size > 0) {
        uint64_t value = random_u64();
        size_t part = size < sizeof value ? size : sizeof value;
        memcpy(at, &value, part);
        at += part;
        size -= part;
    }
}

struct id random_id(void)
{
    struct id id;
    do
        random_bytes(id.bytes, sizeof id.bytes);
    while (id_is_none(&id));
    return id;
}
