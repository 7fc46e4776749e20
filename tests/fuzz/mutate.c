/* Changes one record, anywhere in a tree of messages.
 *
 * It must not know any schema.  Reads best next: mutate.h. */
#include "mutate.h"

#include <string.h>

enum { WIRE_VARINT = 0, WIRE_BYTES = 2 };

/* One field as it stands in the bytes. */
struct record {
    const char *start;
    const char *value; /* behind the tag and, of bytes, the length */
    const char *end;
    uint64_t tag;
};

uint64_t mutate_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* NULL when the bytes end too early. */
static const char *read_varint(const char *at, const char *end, uint64_t *ret_value)
{
    *ret_value = 0;
    for (unsigned shift = 0; at < end && shift < 64; shift += 7) {
        unsigned char byte = (unsigned char)*at++;
        *ret_value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return at;
    }
    return NULL;
}

static void add_varint(struct text *out, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        text_add(out, &(char){(char)(value | 0x80)}, 1);
    text_add(out, &(char){(char)value}, 1);
}

static bool read_record(const char *at, const char *end, struct record *ret_record)
{
    uint64_t size;
    ret_record->start = at;
    at = read_varint(at, end, &ret_record->tag);
    if (at == NULL)
        return false;
    ret_record->value = at;
    switch (ret_record->tag & 7) {
    case WIRE_VARINT: ret_record->end = read_varint(at, end, &size); break;
    case WIRE_BYTES:
        at = read_varint(at, end, &size);
        if (at == NULL || size > (uint64_t)(end - at))
            return false;
        ret_record->value = at;
        ret_record->end = at + size;
        break;
    case 1: ret_record->end = end - at >= 8 ? at + 8 : NULL; break;
    case 5: ret_record->end = end - at >= 4 ? at + 4 : NULL; break;
    default: return false;
    }
    return ret_record->end != NULL;
}

static size_t count_records(const char *at, const char *end)
{
    struct record record;
    size_t count = 0;
    for (; at < end; at = record.end, count++)
        if (!read_record(at, end, &record))
            return 0;
    return count;
}

static struct record find_record(const char *at, const char *end, size_t index)
{
    struct record record = {at, at, at, 0};
    for (size_t i = 0; i <= index && read_record(at, end, &record); i++)
        at = record.end;
    return record;
}

static void add_bytes(struct text *out, uint64_t tag, const char *value, size_t size)
{
    add_varint(out, tag);
    add_varint(out, size);
    text_add(out, value, size);
}

static void add_changed_number(struct text *out, const struct record *record, uint64_t *state)
{
    static const uint64_t numbers[] = {0,
                                       1,
                                       2,
                                       3,
                                       5,
                                       10,
                                       11,
                                       17,
                                       64,
                                       65536,
                                       0x7fffffff,
                                       0x80000000,
                                       UINT64_MAX,
                                       UINT64_MAX - 1,
                                       UINT64_C(1) << 63};
    uint64_t choice = mutate_random(state) % (sizeof numbers / sizeof *numbers + 1);
    add_varint(out, record->tag);
    add_varint(out, choice < sizeof numbers / sizeof *numbers ? numbers[choice] : mutate_random(state));
}

static void add_changed_text(struct text *out, const struct record *record, uint64_t *state)
{
    static const char *const texts[] = {"",         ".",    "int",       "_",        "a.b",   "..",
                                        "A",        "\"",   "*/",        "delete",   "NONE",  "size_t",
                                        "proto3",   "5s",   "0",         "editions", "a\nb",  "semel",
                                        ".demo.In", "../x", "x/y.proto", "-1",       "linux", "has_a"};
    size_t size = (size_t)(record->end - record->value);
    const char *text = texts[mutate_random(state) % (sizeof texts / sizeof *texts)];
    switch (mutate_random(state) % 4) {
    case 0: add_bytes(out, record->tag, text, strlen(text)); return;
    case 1: add_bytes(out, record->tag, record->value, size == 0 ? 0 : mutate_random(state) % size); return;
    default: break;
    }
    size_t start = out->size;
    add_bytes(out, record->tag, record->value, size);
    if (out->size > start && size > 0)
        out->bytes[out->size - 1 - mutate_random(state) % size] = (char)mutate_random(state);
}

/* Another tag of the same type. */
static void add_moved(struct text *out, const struct record *record, uint64_t *state)
{
    static const uint32_t tags[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 17, 34, 51717};
    add_varint(out,
               (uint64_t)tags[mutate_random(state) % (sizeof tags / sizeof *tags)] << 3 | (record->tag & 7));
    if ((record->tag & 7) == WIRE_BYTES)
        add_varint(out, (uint64_t)(record->end - record->value));
    text_add(out, record->value, (size_t)(record->end - record->value));
}

static void change(const struct record *record, uint64_t *state, struct text *out)
{
    size_t size = (size_t)(record->end - record->start);
    switch (mutate_random(state) % 8) {
    case 0: return; /* dropped */
    case 1:
        text_add(out, record->start, size);
        text_add(out, record->start, size);
        return;
    case 2: add_moved(out, record, state); return;
    case 3: text_add(out, record->start, mutate_random(state) % size); return; /* no longer a message */
    default: break;
    }
    if ((record->tag & 7) == WIRE_VARINT)
        add_changed_number(out, record, state);
    else if ((record->tag & 7) == WIRE_BYTES)
        add_changed_text(out, record, state);
    else
        text_add(out, record->start, size);
}

void mutate(const char *bytes, size_t size, uint64_t *state, struct text *out)
{
    const char *end = bytes + size;
    size_t count = count_records(bytes, end);
    if (count == 0) {
        text_add(out, bytes, size);
        return;
    }
    /* The file to generate stands last, behind its imports: most changes go there. */
    size_t index = mutate_random(state) % 4 == 0 ? 0
                                                 : count - 1 - mutate_random(state) % (count < 6 ? count : 6);
    if (mutate_random(state) % 2 == 0)
        index = mutate_random(state) % count;
    struct record record = find_record(bytes, end, index);
    text_add(out, bytes, (size_t)(record.start - bytes));
    bool message = (record.tag & 7) == WIRE_BYTES && count_records(record.value, record.end) > 0;
    if (message && mutate_random(state) % 8 != 0) {
        struct text inner = {.bytes = NULL};
        mutate(record.value, (size_t)(record.end - record.value), state, &inner);
        add_bytes(out, record.tag, inner.size == 0 ? "" : inner.bytes, inner.size);
        text_fini(&inner);
    } else {
        change(&record, state, out);
    }
    text_add(out, record.end, (size_t)(end - record.end));
}
