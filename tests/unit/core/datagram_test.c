/* Datagrams: only a whole one, of our own kind and of this version, is believed.
 *
 * Reads best next: core/datagram.h. */
#include "core/datagram.h"

#include <signal.h>

#include "core/bytes.h"
#include "core/handshake.h"
#include "support.h"

enum { BODY = 20, METHOD = 77 };

struct draft {
    uint8_t bytes[FRAME_HEADER_SIZE + BODY];
};

static struct draft fair(void)
{
    struct draft draft;
    memset(draft.bytes, 0x5a, sizeof draft.bytes);
    datagram_write(draft.bytes, 3, METHOD, BODY);
    return draft;
}

static enum semel_reason read_bytes(const uint8_t *bytes, size_t size, struct frame *ret_frame)
{
    /* Exactly as long as it is, so that a sanitizer sees who reads on. */
    uint8_t *copy = malloc(size > 0 ? size : 1);
    memcpy(copy, bytes, size);
    enum semel_reason reason = datagram_read(copy, size, ret_frame);
    if (reason == SEMEL_REASON_NONE)
        ret_frame->body = NULL; /* it pointed into the copy */
    free(copy);
    return reason;
}

static enum semel_reason read_draft(const struct draft *draft)
{
    struct frame frame;
    return read_bytes(draft->bytes, sizeof draft->bytes, &frame);
}

Test(datagram, is_read_as_it_was_written)
{
    struct draft draft = fair();
    struct frame frame;
    cr_assert_eq(read_bytes(draft.bytes, sizeof draft.bytes, &frame), SEMEL_REASON_NONE);
    cr_assert_eq(frame.type, FRAME_DATAGRAM);
    cr_assert_eq(frame.seq, 3);
    cr_assert_eq(frame.method, METHOD);
    cr_assert_eq(frame.flags, FRAME_IDEMPOTENT | FRAME_ONEWAY);
    cr_assert_eq(frame.body_size, BODY);
}

/* The table of README.md, read without the help of the code under test. */
Test(datagram, has_each_field_at_its_place)
{
    struct draft draft = fair();
    cr_assert_eq(bytes_load32(draft.bytes), sizeof draft.bytes);
    cr_assert_eq(draft.bytes[4], 12);
    cr_assert_eq(draft.bytes[5], 3);
    cr_assert_eq(bytes_load16(draft.bytes + 6), 1, "the version");
    cr_assert_eq(bytes_load64(draft.bytes + 8), 3);
    cr_assert_eq(bytes_load64(draft.bytes + 16), METHOD);
    cr_assert_eq(bytes_load64(draft.bytes + 24), 0);
}

Test(datagram, of_every_size_but_its_own_is_not_believed)
{
    struct draft draft = fair();
    struct frame frame;
    uint8_t longer[LIMIT_DATAGRAM + 2] = {0};
    for (size_t size = 0; size < sizeof draft.bytes; size++)
        cr_assert_eq(read_bytes(draft.bytes, size, &frame), SEMEL_REASON_BAD_SIZE, "%zu bytes", size);
    memcpy(longer, draft.bytes, sizeof draft.bytes);
    for (size_t size = sizeof draft.bytes + 1; size <= LIMIT_DATAGRAM; size++)
        cr_assert_eq(read_bytes(longer, size, &frame), SEMEL_REASON_BAD_SIZE, "%zu bytes", size);
    cr_assert_eq(read_bytes(longer, LIMIT_DATAGRAM + 1, &frame), SEMEL_REASON_TOO_LARGE);
    cr_assert_eq(datagram_read(NULL, SIZE_MAX, &frame), SEMEL_REASON_TOO_LARGE, "its bytes are not looked at");
}

Test(datagram, of_the_largest_size_is_believed)
{
    uint8_t bytes[LIMIT_DATAGRAM] = {0};
    struct frame frame;
    datagram_write(bytes, 1, METHOD, LIMIT_DATAGRAM - FRAME_HEADER_SIZE);
    cr_assert_eq(read_bytes(bytes, sizeof bytes, &frame), SEMEL_REASON_NONE);
}

Test(datagram, over_the_largest_size_is_a_bug, .signal = SIGABRT)
{
    uint8_t bytes[LIMIT_DATAGRAM + 1] = {0};
    datagram_write(bytes, 1, METHOD, LIMIT_DATAGRAM - FRAME_HEADER_SIZE + 1);
}

Test(datagram, with_any_bit_turned_is_not_believed)
{
    for (size_t bit = 0; bit < sizeof(struct draft) * 8; bit++) {
        struct draft draft = fair();
        draft.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        cr_assert_eq(read_draft(&draft),
                     bit / 8 < FRAME_HEADER_SIZE ? SEMEL_REASON_BAD_CHECK : SEMEL_REASON_BAD_DIGEST);
    }
}

/* Writes a header with some field changed, sealed as it should be. */
static enum semel_reason read_changed(size_t at, uint8_t value)
{
    struct draft draft = fair();
    draft.bytes[at] = value;
    frame_seal(draft.bytes, DATAGRAM_SEED);
    return read_draft(&draft);
}

Test(datagram, of_another_kind_is_not_believed)
{
    cr_assert_eq(read_changed(4, FRAME_REQUEST), SEMEL_REASON_BAD_TYPE);
    cr_assert_eq(read_changed(4, 0), SEMEL_REASON_BAD_TYPE);
    cr_assert_eq(read_changed(4, FRAME_TYPE_COUNT), SEMEL_REASON_BAD_TYPE);
    cr_assert_eq(read_changed(6, 2), SEMEL_REASON_BAD_VERSION);
    cr_assert_eq(read_changed(6, 0), SEMEL_REASON_BAD_VERSION);
    cr_assert_eq(read_changed(8, 0), SEMEL_REASON_BAD_FIELD, "seq 0");
    for (unsigned flags = 0; flags < 256; flags++)
        cr_assert_eq(read_changed(5, (uint8_t)flags), flags == 3 ? SEMEL_REASON_NONE : SEMEL_REASON_BAD_FIELD,
                     "flags %u: what may not run again, or waits for an answer, can not be said", flags);
}

/* Sealed as any frame of a stream is, the same bytes are no datagram. */
Test(datagram, is_no_frame_of_a_stream)
{
    static const uint64_t seeds[] = {HANDSHAKE_MAGIC, 0, ~DATAGRAM_SEED, UINT64_C(0x1111111111111111)};
    for (size_t i = 0; i < sizeof seeds / sizeof *seeds; i++) {
        struct draft draft = fair();
        frame_seal(draft.bytes, seeds[i]);
        cr_assert_eq(read_draft(&draft), SEMEL_REASON_BAD_CHECK);
    }
}

Test(datagram, that_comes_back_is_recognised_by_its_header)
{
    struct draft draft = fair();
    struct frame frame;
    cr_assert_not(datagram_recognise(draft.bytes, FRAME_HEADER_SIZE - 1, &frame), "too little of it");
    cr_assert(datagram_recognise(draft.bytes, FRAME_HEADER_SIZE, &frame));
    cr_assert_eq(frame.method, METHOD);
    draft.bytes[9]++;
    cr_assert_not(datagram_recognise(draft.bytes, sizeof draft.bytes, &frame));
}

Test(datagram, carries_oneways_that_may_run_again_alone)
{
    struct semel_method method = {.oneway = true, .mode = SEMEL_IDEMPOTENT};
    cr_assert(datagram_carries(&method));
    method.mode = SEMEL_AT_MOST_ONCE;
    cr_assert_not(datagram_carries(&method));
    method.oneway = false;
    method.mode = SEMEL_IDEMPOTENT;
    cr_assert_not(datagram_carries(&method));
    method.mode = SEMEL_NO_SIDE_EFFECTS;
    cr_assert_not(datagram_carries(&method));
}

Test(datagram, of_seq_0_is_a_bug, .signal = SIGABRT)
{
    struct draft draft;
    datagram_write(draft.bytes, 0, METHOD, BODY);
}
