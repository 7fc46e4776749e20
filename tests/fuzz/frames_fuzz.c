/* What comes in frames, read from any bytes: headers, HELLO, WELCOME, raised errors, receipts.  What is believed must
 * be what would have been written, to the last byte.
 *
 * Reads best next: link_fuzz.c, which reads whole connections. */
#include <string.h>

#include "choices.h"
#include "core/bytes.h"
#include "core/frame.h"
#include "core/handshake.h"
#include "core/raised.h"
#include "core/receipt.h"

enum { LIMIT = 4096, SEQS = 256, SEQS_AGAIN = 4096 };

static const uint64_t seed = UINT64_C(0x5eed);

/* The check is made right: behind it stands what is to be tested. */
static void read_header(const uint8_t *bytes, size_t size)
{
    uint8_t header[FRAME_HEADER_SIZE] = {0}, again[FRAME_HEADER_SIZE];
    struct frame frame;
    memcpy(header, bytes, size < sizeof header ? size : sizeof header);
    frame_seal(header, seed);
    if (frame_read(header, seed, LIMIT, &frame) != SEMEL_REASON_NONE)
        return;
    must(frame.type > FRAME_NONE && frame.type < FRAME_TYPE_COUNT);
    must(frame.body_size <= LIMIT - FRAME_HEADER_SIZE);
    must(frame.type != FRAME_REPLY || (frame.flags & FRAME_OUTCOME_MASK) <= SEMEL_OUTCOME_EXECUTED);
    must((frame.type != FRAME_REPLY && frame.type != FRAME_REFUSE) || frame.aux < SEMEL_REASON_COUNT);
    must((frame.type != FRAME_REQUEST && frame.type != FRAME_CANCEL) || frame.aux < frame.seq);
    frame_write(again, &frame);
    frame_seal(again, seed);
    must(memcmp(header, again, sizeof header) == 0);
    /* A single bit that changes on the way is seen. */
    header[bytes[0] % sizeof header] ^= (uint8_t)(1u << (size % 8));
    must(frame_read(header, seed, LIMIT, &frame) == SEMEL_REASON_BAD_CHECK);
}

static void read_hello(const uint8_t *bytes, size_t size)
{
    uint8_t again[HANDSHAKE_HELLO_SIZE + LIMIT_NODE_NAME];
    struct hello hello;
    enum semel_reason reason = hello_read(bytes, size, &hello);
    must(reason == SEMEL_REASON_NONE || reason == SEMEL_REASON_BAD_FIELD || reason == SEMEL_REASON_BAD_VERSION);
    if (reason == SEMEL_REASON_BAD_VERSION)
        must(hello.nonce == bytes_load64(bytes + HANDSHAKE_NONCE_AT) && hello.version != HANDSHAKE_VERSION);
    if (reason != SEMEL_REASON_NONE)
        return;
    must(hello.attempt > 0 && hello.floor > 0 && hello.name_size <= LIMIT_NODE_NAME);
    must(hello_write(again, &hello) == size && memcmp(again, bytes, size) == 0);
}

static void read_welcome(const uint8_t *bytes, size_t size)
{
    uint8_t again[HANDSHAKE_WELCOME_SIZE], given[HANDSHAKE_WELCOME_SIZE];
    struct welcome welcome;
    if (welcome_read(bytes, size, &welcome) != SEMEL_REASON_NONE)
        return;
    must(size == sizeof again && welcome.window > 0 && welcome.window <= LIMIT_WINDOW_MAX);
    memcpy(given, bytes, sizeof given);
    bytes_store16(given + 2, 0); /* reserved: not looked at */
    welcome_write(again, &welcome);
    must(memcmp(again, given, sizeof again) == 0);
}

static void read_raised(const uint8_t *bytes, size_t size)
{
    struct raised raised;
    uint8_t head[RAISED_HEAD_SIZE];
    if (!raised_read(bytes, size, &raised))
        return;
    must(raised.message == bytes + RAISED_HEAD_SIZE);
    must(RAISED_HEAD_SIZE + raised.message_size + raised.text_size == size);
    raised_write_head(head, raised.id, (uint32_t)raised.message_size);
    must(memcmp(head, bytes, sizeof head) == 0);
}

/* Seq by seq it is written again. */
static void read_receipt(const uint8_t *bytes, size_t size)
{
    const uint64_t next = SEQS_AGAIN;
    uint8_t again[RECEIPT_BODY_MAX];
    size_t again_size = 0;
    uint64_t last = 0;
    struct receipt receipt;
    if (receipt_read(bytes, size, next, &receipt) != SEMEL_REASON_NONE)
        return;
    must(receipt.count > 0 && receipt.count * RECEIPT_RUN_SIZE == size);
    for (uint32_t i = 0; i < receipt.count; i++) {
        const struct receipt_run *run = &receipt.runs[i];
        must(run->count > 0 && run->first > last + (i > 0) && run->first < next &&
             run->count <= next - run->first);
        last = run->first + run->count - 1;
        for (uint32_t n = 0; n < run->count; n++)
            must(receipt_add(again, &again_size, run->first + n));
    }
    must(again_size == size && memcmp(again, bytes, size) == 0);
}

/* Any seqs in any order: what is read is what was added. */
static void write_receipt(const uint8_t *bytes, size_t size)
{
    bool added[SEQS + 1] = {false};
    uint8_t body[RECEIPT_BODY_MAX];
    size_t body_size = 0;
    unsigned count = 0, told = 0;
    struct receipt receipt;
    for (size_t i = 0; i < size; i++) {
        uint64_t seq = bytes[i] + 1u;
        bool fits = receipt_add(body, &body_size, seq);
        must(fits || !added[seq]);
        count += fits && !added[seq];
        added[seq] |= fits;
    }
    must(receipt_read(body, body_size, SEQS + 1, &receipt) == SEMEL_REASON_NONE);
    for (uint32_t i = 0; i < receipt.count; i++)
        for (uint32_t n = 0; n < receipt.runs[i].count; n++, told++)
            must(added[receipt.runs[i].first + n]);
    must(told == count);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (size == 0)
        return 0;
    read_header(bytes, size);
    read_hello(bytes, size);
    read_welcome(bytes, size);
    read_raised(bytes, size);
    read_receipt(bytes, size);
    write_receipt(bytes, size);
    return 0;
}
