/* A walk over the wire format with a stack of its own.
 *
 * It must not know what the fields mean.  Reads best next: nesting.h. */
#include "core/nesting.h"

#include <pb_common.h>

#include "core/limits.h"

/* A message that is being walked: its type, and where it ends. */
struct level {
    const pb_msgdesc_t *fields;
    const uint8_t *end;
};

struct walk {
    const uint8_t *at;
    struct level levels[LIMIT_MESSAGE_DEPTH];
    size_t depth;
};

static size_t left(const struct walk *walk)
{
    return (size_t)(walk->levels[walk->depth - 1].end - walk->at);
}

static bool skip(struct walk *walk, uint64_t size)
{
    if (size > left(walk))
        return false;
    walk->at += size;
    return true;
}

static bool read_varint(struct walk *walk, uint64_t *ret_value)
{
    *ret_value = 0;
    for (unsigned shift = 0; shift < 70 && left(walk) > 0; shift += 7) {
        uint8_t byte = *walk->at++;
        if (shift < 64)
            *ret_value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return true;
    }
    return false;
}

/* The type of the message in this field, or NULL if it holds none. */
static const pb_msgdesc_t *submessage(const pb_msgdesc_t *fields, uint32_t tag)
{
    pb_field_iter_t field;
    if (!pb_field_iter_begin(&field, fields, NULL) || !pb_field_iter_find(&field, tag))
        return NULL;
    return PB_LTYPE_IS_SUBMSG(field.type) ? field.submsg_desc : NULL;
}

static enum nesting walk_sized(struct walk *walk, uint32_t tag)
{
    uint64_t size;
    if (!read_varint(walk, &size) || size > left(walk))
        return NESTING_BROKEN;
    const pb_msgdesc_t *inner = submessage(walk->levels[walk->depth - 1].fields, tag);
    if (inner == NULL) {
        walk->at += size;
        return NESTING_FINE;
    }
    if (walk->depth == LIMIT_MESSAGE_DEPTH)
        return NESTING_TOO_DEEP;
    walk->levels[walk->depth++] = (struct level){inner, walk->at + size};
    return NESTING_FINE;
}

static enum nesting walk_field(struct walk *walk)
{
    enum { VARINT, FIXED64, SIZED, FIXED32 = 5 };
    uint64_t key;
    uint64_t value;
    bool good = read_varint(walk, &key);
    if (!good)
        return NESTING_BROKEN;
    switch (key & 7) {
    case VARINT: good = read_varint(walk, &value); break;
    case FIXED64: good = skip(walk, 8); break;
    case SIZED: return walk_sized(walk, (uint32_t)key >> 3); /* nanopb cuts the key as well */
    case FIXED32: good = skip(walk, 4); break;
    default: good = false; /* groups; nanopb refuses them as well */
    }
    return good ? NESTING_FINE : NESTING_BROKEN;
}

enum nesting nesting_check(const pb_msgdesc_t *fields, const uint8_t *bytes, size_t size)
{
    struct walk walk;
    walk.at = bytes;
    walk.levels[0] = (struct level){fields, bytes + size};
    walk.depth = 1;
    while (walk.depth > 0) {
        if (left(&walk) == 0) {
            walk.depth--;
            continue;
        }
        enum nesting found = walk_field(&walk);
        if (found != NESTING_FINE)
            return found;
    }
    return NESTING_FINE;
}
