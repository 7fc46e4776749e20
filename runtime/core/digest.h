/* The hash under every frame: XXH3-64.  It finds damage and mix-ups; it is no defence against a forger on the wire
 * (that is what TLS is for).
 *
 * Reads best next: frame.h. */
#ifndef CORE_DIGEST_H
#define CORE_DIGEST_H

#include <stddef.h>
#include <stdint.h>

uint64_t digest(const void *bytes, size_t size, uint64_t seed);

#endif
