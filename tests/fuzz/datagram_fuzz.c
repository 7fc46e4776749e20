/* Datagrams: any bytes, from anybody; and those of our own, damaged, cut, grown, or taken for a frame of a stream.
 * What is believed was written, to the last byte, and may travel so.
 *
 * Reads best next: ../../runtime/core/datagram.h. */
#include <string.h>

#include "choices.h"
#include "core/bytes.h"
#include "core/datagram.h"
#include "core/handshake.h"
#include "core/link.h"

enum { ROOM = LIMIT_DATAGRAM + 8, METHOD_AT = 16, AUX_AT = 24, DIGEST_AT = 32, CHECK_AT = 40 };

/* Exactly as long as it is, so that a sanitizer sees who reads on. */
static uint8_t *copy_of(const uint8_t *bytes, size_t size)
{
    uint8_t *copy = calloc(1, size > 0 ? size : 1);
    must(copy != NULL);
    if (size > 0)
        memcpy(copy, bytes, size);
    return copy;
}

static bool is_named(enum semel_reason reason)
{
    return reason == SEMEL_REASON_TOO_LARGE || reason == SEMEL_REASON_BAD_SIZE ||
           reason == SEMEL_REASON_BAD_CHECK || reason == SEMEL_REASON_BAD_TYPE ||
           reason == SEMEL_REASON_BAD_FIELD || reason == SEMEL_REASON_BAD_VERSION ||
           reason == SEMEL_REASON_BAD_DIGEST;
}

/* The server's side.  Whether it is believed. */
static bool receive(const uint8_t *bytes, size_t size)
{
    uint8_t *copy = copy_of(bytes, size);
    uint8_t again[ROOM];
    struct frame frame;
    enum semel_reason reason = datagram_read(copy, size, &frame);
    must(reason == SEMEL_REASON_NONE || is_named(reason));
    if (reason == SEMEL_REASON_NONE) {
        must(size >= FRAME_HEADER_SIZE && size <= LIMIT_DATAGRAM && frame.body == copy + FRAME_HEADER_SIZE);
        must(frame.flags == (FRAME_IDEMPOTENT | FRAME_ONEWAY) && frame.seq != 0);
        memcpy(again, copy, size);
        datagram_write(again, frame.seq, frame.method, frame.body_size);
        must(frame.body_size + FRAME_HEADER_SIZE == size && memcmp(again, copy, AUX_AT) == 0);
        /* aux and time say nothing here, and are not looked at; but the check covers them */
        must(memcmp(again + DIGEST_AT, copy + DIGEST_AT, CHECK_AT - DIGEST_AT) == 0);
    }
    free(copy);
    return reason == SEMEL_REASON_NONE;
}

/* The client's side: what the network gave back of it, the beginning at least. */
static bool recognise(const uint8_t *bytes, size_t size)
{
    uint8_t *copy = copy_of(bytes, size);
    struct frame frame;
    bool known = datagram_recognise(copy, size, &frame);
    must(!known || (size >= FRAME_HEADER_SIZE && frame.type == FRAME_DATAGRAM));
    must(!known || frame.method == bytes_load64(copy + METHOD_AT));
    free(copy);
    return known;
}

/* A stream takes no datagram, whatever state it is in. */
static void offer_to_stream(const uint8_t *bytes, size_t size, struct choices *choices)
{
    struct link link;
    struct frame frame;
    size_t frame_size;
    enum semel_reason bad = SEMEL_REASON_NONE;
    link_init(&link, one_in(choices, 2) ? LINK_CLIENT : LINK_SERVER, choose_number(choices));
    if (one_in(choices, 2)) {
        link.state = LINK_OPEN;
        link_open(&link, one_in(choices, 2) ? DATAGRAM_SEED : choose_number(choices), 4096);
    }
    enum link_result result = link_parse(&link, bytes, size, &frame, &frame_size, &bad);
    must(result != LINK_FRAME || frame.type != FRAME_DATAGRAM);
}

/* Its check and digest are made right again: behind them stands what is to be tested. */
static void make_right(uint8_t *bytes, size_t size)
{
    if (size < FRAME_HEADER_SIZE)
        return;
    bytes_store64(bytes + DIGEST_AT, frame_digest(bytes_load64(bytes + METHOD_AT), bytes + FRAME_HEADER_SIZE,
                                                  size - FRAME_HEADER_SIZE));
    frame_seal(bytes, DATAGRAM_SEED);
}

static void send_own(struct choices *choices)
{
    uint8_t bytes[ROOM];
    size_t body = choose_byte(choices) * (size_t)(LIMIT_DATAGRAM - FRAME_HEADER_SIZE) / 255;
    size_t size = FRAME_HEADER_SIZE + body;
    memset(bytes, choose_byte(choices), sizeof bytes);
    uint64_t seq = choose_number(choices);
    datagram_write(bytes, seq == 0 ? 1 : seq, choose_number(choices), body);
    must(receive(bytes, size) && recognise(bytes, size));
    offer_to_stream(bytes, size, choices);
    must(!receive(bytes, size - 1) && !receive(bytes, size + 1));
    must(recognise(bytes, size - (body > 0)));
    bytes[choose_byte(choices) * size / 256] ^= (uint8_t)(1u << choose(choices, 8));
    must(!receive(bytes, size)); /* a single bit is seen */
    unsigned changes = choose(choices, 4);
    for (unsigned i = 0; i < changes; i++)
        bytes[one_in(choices, 4) ? choose_byte(choices) * size / 256 : choose(choices, CHECK_AT)] = choose_byte(
            choices);
    make_right(bytes, size);
    (void)receive(bytes, size);
    (void)recognise(bytes, size);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct choices choices = {bytes, size};
    if (size < FRAME_HEADER_SIZE)
        must(!receive(bytes, size));
    (void)receive(bytes, size);
    (void)recognise(bytes, size);
    if (size >= FRAME_HEADER_SIZE && size <= ROOM) {
        uint8_t *copy = copy_of(bytes, size);
        make_right(copy, size);
        (void)receive(copy, size);
        (void)recognise(copy, size);
        free(copy);
    }
    while (choices.left > 0)
        send_own(&choices);
    return 0;
}
