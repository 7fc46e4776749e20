/* The bytes that travel, and a check that they came back.  The check is cheap and the same for echo and floor: the
 * length, and a few bytes at each end.
 * It must not know: who carries them.  Reads best next: echo_client.c, floor_client.c. */
#ifndef BENCH_PAYLOAD_H
#define BENCH_PAYLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Without a short period, so that bytes out of place are seen. */
static inline void payload_fill(uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)((i + 1) * UINT64_C(0x9e3779b97f4a7c15) >> 56);
}

/* Whether size bytes at got are what stands at sent: both ends are compared. */
static inline bool payload_matches(const uint8_t *sent, const uint8_t *got, size_t size)
{
    enum { END = 8 };
    if (size <= 2 * END)
        return size == 0 || memcmp(sent, got, size) == 0;
    return memcmp(sent, got, END) == 0 && memcmp(sent + size - END, got + size - END, END) == 0;
}

#endif
