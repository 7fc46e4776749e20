/* Wire bytes: little-endian loads and stores, and one checked reader and writer for every message body.
 * A reader never passes the end of its input: it turns bad and gives zeros, and the caller asks once at the end.
 *
 * Reads best next: frame.h. */
#ifndef CORE_BYTES_H
#define CORE_BYTES_H

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint16_t bytes_load16(const uint8_t *at)
{
    uint16_t little;
    memcpy(&little, at, sizeof little);
    return le16toh(little);
}

static inline uint32_t bytes_load32(const uint8_t *at)
{
    uint32_t little;
    memcpy(&little, at, sizeof little);
    return le32toh(little);
}

static inline uint64_t bytes_load64(const uint8_t *at)
{
    uint64_t little;
    memcpy(&little, at, sizeof little);
    return le64toh(little);
}

static inline void bytes_store16(uint8_t *at, uint16_t value)
{
    uint16_t little = htole16(value);
    memcpy(at, &little, sizeof little);
}

static inline void bytes_store32(uint8_t *at, uint32_t value)
{
    uint32_t little = htole32(value);
    memcpy(at, &little, sizeof little);
}

static inline void bytes_store64(uint8_t *at, uint64_t value)
{
    uint64_t little = htole64(value);
    memcpy(at, &little, sizeof little);
}

struct bytes_reader {
    const uint8_t *at;
    size_t left;
    bool bad; /* something was asked for that is not there */
};

/* Borrows size bytes; NULL when they are not all there. */
static inline const uint8_t *bytes_take(struct bytes_reader *reader, size_t size)
{
    if (reader->bad || reader->left < size) {
        reader->bad = true;
        return NULL;
    }
    const uint8_t *at = reader->at;
    reader->at += size;
    reader->left -= size;
    return at;
}

static inline uint16_t bytes_read16(struct bytes_reader *reader)
{
    const uint8_t *at = bytes_take(reader, 2);
    return at == NULL ? 0 : bytes_load16(at);
}

static inline uint32_t bytes_read32(struct bytes_reader *reader)
{
    const uint8_t *at = bytes_take(reader, 4);
    return at == NULL ? 0 : bytes_load32(at);
}

static inline uint64_t bytes_read64(struct bytes_reader *reader)
{
    const uint8_t *at = bytes_take(reader, 8);
    return at == NULL ? 0 : bytes_load64(at);
}

static inline void bytes_read(struct bytes_reader *reader, void *into, size_t size)
{
    const uint8_t *at = bytes_take(reader, size);
    if (at != NULL)
        memcpy(into, at, size);
    else
        memset(into, 0, size);
}

struct bytes_writer {
    uint8_t *at;
    size_t left;
    bool bad; /* it did not fit; nothing was written past the end */
};

static inline uint8_t *bytes_put(struct bytes_writer *writer, size_t size)
{
    if (writer->bad || writer->left < size) {
        writer->bad = true;
        return NULL;
    }
    uint8_t *at = writer->at;
    writer->at += size;
    writer->left -= size;
    return at;
}

static inline void bytes_write16(struct bytes_writer *writer, uint16_t value)
{
    uint8_t *at = bytes_put(writer, 2);
    if (at != NULL)
        bytes_store16(at, value);
}

static inline void bytes_write32(struct bytes_writer *writer, uint32_t value)
{
    uint8_t *at = bytes_put(writer, 4);
    if (at != NULL)
        bytes_store32(at, value);
}

static inline void bytes_write64(struct bytes_writer *writer, uint64_t value)
{
    uint8_t *at = bytes_put(writer, 8);
    if (at != NULL)
        bytes_store64(at, value);
}

static inline void bytes_write(struct bytes_writer *writer, const void *from, size_t size)
{
    uint8_t *at = bytes_put(writer, size);
    if (at != NULL && size > 0)
        memcpy(at, from, size);
}

#endif
