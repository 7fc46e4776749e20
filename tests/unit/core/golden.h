/* The golden frames: one small conversation, as the fields that make each frame and as the bytes on the wire.
 * The same bytes stand in runtime/core/README.md; frame_test.c checks fields, bytes and README against each other.
 *
 * Reads best next: frame_test.c. */
#ifndef TESTS_CORE_GOLDEN_H
#define TESTS_CORE_GOLDEN_H

#include "core/handshake.h"
#include "core/link.h"

#define GOLDEN_CLIENT_NONCE UINT64_C(0x1111111111111111)
#define GOLDEN_SERVER_NONCE UINT64_C(0x2222222222222222)
#define GOLDEN_METHOD UINT64_C(0x0a89e8769eeabc73)      /* demo.Bank.Deposit */
#define GOLDEN_PEER_METHOD UINT64_C(0x2ff5be39eebd755d) /* demo.Thermometer.Read */
#define GOLDEN_HINT_METHOD UINT64_C(0xee212ae38055dac6) /* demo.Thermometer.Hint */
#define GOLDEN_STRIDE UINT64_C(0x9e3779b97f4a7c15)
#define GOLDEN_ROOM 256

struct golden {
    const char *name;
    struct frame frame; /* digest, body and body_size are filled in by golden_write */
    uint64_t seed;
    const char *hex;
};

#define GOLDEN_COUNT 13
extern const struct golden golden[GOLDEN_COUNT];

/* Writes the frame from its fields; returns its size. */
size_t golden_write(const struct golden *one, uint8_t *bytes);

#endif
