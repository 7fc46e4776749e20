/* Protobuf's wire format, only as much as requests need.
 * Must not know: idl/.
 * Reads best next: wire.h. */
#include "wire.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static void put(struct wire *wire, unsigned char byte)
{
    assert(wire->size < WIRE_ROOM);
    wire->bytes[wire->size++] = byte;
}

static void varint(struct wire *wire, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        put(wire, (unsigned char)(value | 0x80));
    put(wire, (unsigned char)value);
}

void wire_int(struct wire *wire, uint32_t tag, int64_t value)
{
    varint(wire, (uint64_t)tag << 3);
    varint(wire, (uint64_t)value);
}

void wire_string(struct wire *wire, uint32_t tag, const char *text)
{
    varint(wire, ((uint64_t)tag << 3) | 2);
    varint(wire, strlen(text));
    while (*text != '\0')
        put(wire, (unsigned char)*text++);
}

void wire_begin(struct wire *wire, uint32_t tag)
{
    assert(wire->depth < WIRE_DEPTH);
    varint(wire, ((uint64_t)tag << 3) | 2);
    wire->starts[wire->depth++] = wire->size;
}

/* The length was not known at the beginning: the contents move to make room for it. */
void wire_end(struct wire *wire)
{
    assert(wire->depth > 0);
    size_t start = wire->starts[--wire->depth];
    size_t length = wire->size - start;
    static unsigned char contents[WIRE_ROOM];
    memcpy(contents, wire->bytes + start, length);
    wire->size = start;
    varint(wire, length);
    assert(wire->size + length <= WIRE_ROOM);
    memcpy(wire->bytes + wire->size, contents, length);
    wire->size += length;
}

void wire_message(struct wire *wire, const char *name, int fields)
{
    wire_begin(wire, FILE_MESSAGE);
    wire_string(wire, MESSAGE_NAME, name);
    for (int i = 0; i < fields; i++) {
        char field[24];
        snprintf(field, sizeof field, "value%d", i);
        wire_begin(wire, MESSAGE_FIELD);
        wire_string(wire, 1, field);
        wire_end(wire);
    }
    wire_end(wire);
}

void wire_begin_method(struct wire *wire, const char *name, const char *input, const char *output)
{
    wire_begin(wire, SERVICE_METHOD);
    wire_string(wire, METHOD_NAME, name);
    wire_string(wire, METHOD_INPUT, input);
    wire_string(wire, METHOD_OUTPUT, output);
}

void wire_location(struct wire *wire, const int *path, size_t depth, int line, int column, const char *comment)
{
    wire_begin(wire, LOCATIONS_LOCATION);
    wire_begin(wire, LOCATION_PATH);
    for (size_t i = 0; i < depth; i++)
        varint(wire, (uint64_t)path[i]);
    wire_end(wire);
    wire_begin(wire, LOCATION_SPAN);
    varint(wire, (uint64_t)line);
    varint(wire, (uint64_t)column);
    varint(wire, (uint64_t)column + 1);
    wire_end(wire);
    if (comment != NULL)
        wire_string(wire, LOCATION_LEADING, comment);
    wire_end(wire);
}
