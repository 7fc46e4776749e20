/* Changes bytes that have no structure worth keeping: the other mutate().
 *
 * It must not know what they mean.  Reads best next: mutate.h. */
#include "mutate.h"

#include <string.h>

uint64_t mutate_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static size_t below(uint64_t *state, size_t end)
{
    return (size_t)(mutate_random(state) % end);
}

/* Numbers at which something ends. */
static char edge(uint64_t *state)
{
    static const unsigned char edges[] = {0, 1, 2, 3, 4, 8, 16, 31, 32, 63, 64, 127, 128, 223, 224, 254, 255};
    return (char)edges[below(state, sizeof edges)];
}

static void overwrite(struct text *out, uint64_t *state)
{
    size_t at = below(state, out->size);
    size_t count = 1 + below(state, 8);
    for (size_t i = at; i < out->size && i < at + count; i++)
        out->bytes[i] = mutate_random(state) % 2 == 0 ? edge(state) : (char)mutate_random(state);
}

static void flip(struct text *out, uint64_t *state)
{
    out->bytes[below(state, out->size)] ^= (char)(1 << below(state, 8));
}

void mutate(const char *bytes, size_t size, uint64_t *state, struct text *out)
{
    if (size == 0) {
        text_add(out, &(char){edge(state)}, 1);
        return;
    }
    size_t from = below(state, size);
    size_t count = 1 + below(state, size - from < 32 ? size - from : 32);
    switch (mutate_random(state) % 5) {
    case 0: /* a piece is left out */
        text_add(out, bytes, from);
        text_add(out, bytes + from + count, size - from - count);
        break;
    case 1: /* a piece comes again, somewhere */
        text_add(out, bytes, size);
        text_add(out, bytes + from, count);
        break;
    case 2: /* the end comes first */
        text_add(out, bytes + from, size - from);
        text_add(out, bytes, from);
        break;
    case 3:
        text_add(out, bytes, size);
        flip(out, state);
        break;
    default:
        text_add(out, bytes, size);
        overwrite(out, state);
        break;
    }
}
