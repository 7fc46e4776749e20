/* XXH3-64, inlined for short input, and with the widest instructions of this machine for long input.
 * Knows nothing of frames.
 *
 * Reads best next: digest.h. */
#include "core/digest.h"

/* Up to here XXH3 uses no wide instructions, so that a dispatch on them would only cost. */
#define SHORT_INPUT 240

#define XXH_INLINE_ALL
#include <xxhash.h>

#if defined(__x86_64__)
/* Exported by libxxhash on x86 (xxh_x86dispatch.h), declared here because that header and the inlined hash exclude
 * each other in one file. */
uint64_t XXH3_64bits_withSeed_dispatch(const void *input, size_t size, uint64_t seed);
#define LONG_DIGEST XXH3_64bits_withSeed_dispatch
#else
#define LONG_DIGEST XXH3_64bits_withSeed
#endif

uint64_t digest(const void *bytes, size_t size, uint64_t seed)
{
    if (size <= SHORT_INPUT)
        return XXH3_64bits_withSeed(bytes, size, seed);
    return LONG_DIGEST(bytes, size, seed);
}
