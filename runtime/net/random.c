/* getrandom(2).
 *
 * Reads best next: random.h. */
#include "net/random.h"

#include <assert.h>
#include <errno.h>
#include <sys/random.h>

void random_bytes(void *into, size_t size)
{
    uint8_t *at = into;
    while (size > 0) {
        ssize_t got = getrandom(at, size, 0);
        if (got < 0 && errno == EINTR)
            continue;
        assert(got > 0);
        at += got;
        size -= (size_t)got;
    }
}

uint64_t random_u64(void)
{
    uint64_t value;
    random_bytes(&value, sizeof value);
    return value;
}

struct id random_id(void)
{
    struct id id;
    do
        random_bytes(id.bytes, sizeof id.bytes);
    while (id_is_none(&id));
    return id;
}
