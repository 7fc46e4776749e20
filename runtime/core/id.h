/* 128-bit ids: sessions and domains.  All zeros means "none".
 *
 * Reads best next: handshake.h. */
#ifndef CORE_ID_H
#define CORE_ID_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct id {
    uint8_t bytes[16];
};

static inline bool id_equal(const struct id *a, const struct id *b)
{
    return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

static inline bool id_is_none(const struct id *id)
{
    static const struct id none;
    return id_equal(id, &none);
}

#endif
