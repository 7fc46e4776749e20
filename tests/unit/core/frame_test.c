/* Frame headers: golden bytes, every damaged byte, every size, every field that no honest peer sends.
 *
 * Reads best next: handshake_test.c. */
#include "core/frame.h"

#include <signal.h>
#include <stdio.h>
#include <xxhash.h>

#include "core/bytes.h"
#include "core/limits.h"
#include "core/receipt.h"
#include "golden.h"
#include "support.h"

#define SEED UINT64_C(0x5eed)
#define LIMIT 8192u

/* Seals a header for a body of this size, which need not be there, and reads it back from exactly its own memory. */
static enum semel_reason read_back(const struct frame *frame, size_t limit, struct frame *ret_frame)
{
    uint8_t *header = malloc(FRAME_HEADER_SIZE);
    frame_write(header, frame);
    frame_seal(header, SEED);
    enum semel_reason reason = frame_read(header, SEED, limit, ret_frame);
    free(header);
    return reason;
}

static size_t least_body(enum frame_type type)
{
    if (type == FRAME_RECEIPT)
        return RECEIPT_RUN_SIZE;
    return type == FRAME_HELLO ? HANDSHAKE_HELLO_SIZE : type == FRAME_WELCOME ? HANDSHAKE_WELCOME_SIZE : 0;
}

static struct frame fair_frame(enum frame_type type)
{
    return (struct frame){.type = type,
                          .flags = type == FRAME_DATAGRAM ? FRAME_IDEMPOTENT | FRAME_ONEWAY : 0,
                          .seq = 5,
                          .method = 7,
                          .digest = 9,
                          .body_size = least_body(type)};
}

/* ---- golden ---- */

Test(frame, golden_frames_are_what_the_code_writes)
{
    for (size_t i = 0; i < GOLDEN_COUNT; i++) {
        uint8_t expected[GOLDEN_ROOM], written[GOLDEN_ROOM];
        size_t size = unhex(golden[i].hex, expected, sizeof expected);
        cr_assert_eq(golden_write(&golden[i], written), size, "%s", golden[i].name);
        cr_assert_eq(memcmp(written, expected, size), 0, "%s", golden[i].name);
        const char *type = frame_type_name(golden[i].frame.type);
        cr_assert_eq(strncmp(golden[i].name, type, strlen(type)), 0, "%s", golden[i].name);
    }
}

/* The byte table of README.md, read without the help of the code under test. */
Test(frame, golden_frames_have_each_field_at_its_place)
{
    for (size_t i = 0; i < GOLDEN_COUNT; i++) {
        uint8_t at[GOLDEN_ROOM];
        size_t size = unhex(golden[i].hex, at, sizeof at);
        const struct frame *frame = &golden[i].frame;
        cr_assert_eq((size_t)(at[0] | at[1] << 8), size, "%s", golden[i].name);
        cr_assert_eq(at[4], (uint8_t)frame->type);
        cr_assert_eq(at[5], frame->flags);
        cr_assert_eq(at[6] | at[7] << 8, frame->code);
        uint64_t seq, method, body_digest, check;
        memcpy(&seq, at + 8, 8);
        memcpy(&method, at + 16, 8);
        memcpy(&body_digest, at + 32, 8);
        memcpy(&check, at + 40, 8);
        cr_assert_eq(seq, frame->seq);
        cr_assert_eq(method, frame->method);
        cr_assert_eq(body_digest, XXH3_64bits_withSeed(at + 48, size - 48, method), "%s", golden[i].name);
        cr_assert_eq(check, XXH3_64bits_withSeed(at, 40, golden[i].seed), "%s", golden[i].name);
    }
}

Test(frame, golden_frames_read_back)
{
    for (size_t i = 0; i < GOLDEN_COUNT; i++) {
        uint8_t bytes[GOLDEN_ROOM];
        size_t size = unhex(golden[i].hex, bytes, sizeof bytes);
        uint8_t *header = exact_copy(bytes, FRAME_HEADER_SIZE);
        struct frame frame;
        cr_assert_eq(frame_read(header, golden[i].seed, LIMIT, &frame), SEMEL_REASON_NONE, "%s",
                     golden[i].name);
        cr_assert_eq(frame.type, golden[i].frame.type);
        cr_assert_eq(frame.flags, golden[i].frame.flags);
        cr_assert_eq(frame.code, golden[i].frame.code);
        cr_assert_eq(frame.seq, golden[i].frame.seq);
        cr_assert_eq(frame.aux, golden[i].frame.aux);
        cr_assert_eq(frame.time_ms, golden[i].frame.time_ms);
        cr_assert_eq(frame.body_size, size - FRAME_HEADER_SIZE);
        cr_assert_null(frame.body);
        free(header);
    }
}

/* The magic number is the seed of HELLO's check only: in the header it would be a method that nobody has. */
Test(frame, hello_carries_the_magic_in_its_seed_alone)
{
    uint8_t bytes[GOLDEN_ROOM], expected[8] = {0}, magic[8] = "SEMEL1";
    uint64_t seed, check;
    memcpy(&seed, magic, 8);
    unhex(golden[0].hex, bytes, sizeof bytes);
    cr_assert_eq(memcmp(bytes + 16, expected, 8), 0, "method is 0");
    memcpy(&check, bytes + 40, 8);
    cr_assert_eq(check, XXH3_64bits_withSeed(bytes, 40, seed));
}

Test(frame, type_and_seq_of_a_header_of_our_own)
{
    static const uint64_t seqs[] = {0, 1, 255, 256, UINT32_MAX, UINT64_C(0x0102030405060708), UINT64_MAX};
    for (size_t i = 0; i < GOLDEN_COUNT; i++) {
        uint8_t bytes[GOLDEN_ROOM];
        unhex(golden[i].hex, bytes, sizeof bytes);
        uint8_t *header = exact_copy(bytes, FRAME_HEADER_SIZE);
        cr_assert_eq(frame_type_of(header), golden[i].frame.type, "%s", golden[i].name);
        cr_assert_eq(frame_seq_of(header), golden[i].frame.seq, "%s", golden[i].name);
        for (size_t s = 0; s < sizeof seqs / sizeof *seqs; s++) {
            frame_stamp_seq(header, seqs[s]);
            cr_assert_eq(frame_seq_of(header), seqs[s]);
        }
        frame_stamp(header, UINT32_MAX, UINT32_MAX);
        cr_assert_eq(frame_seq_of(header), UINT64_MAX, "no stamp touches another field");
        cr_assert_eq(frame_type_of(header), golden[i].frame.type);
        free(header);
    }
}

/* Collects what stands between ```golden-NAME and ``` in the README. */
static size_t golden_of_readme(const char *name, uint8_t *into, size_t room)
{
    FILE *readme = fopen(CORE_README, "r");
    cr_assert_not_null(readme, "%s", CORE_README);
    char line[512], fence[64], text[4096] = "";
    snprintf(fence, sizeof fence, "```golden-%s\n", name);
    bool inside = false;
    while (fgets(line, sizeof line, readme) != NULL) {
        if (inside && strncmp(line, "```", 3) == 0)
            break;
        if (inside)
            strncat(text, line, sizeof text - strlen(text) - 1);
        inside = inside || strcmp(line, fence) == 0;
    }
    fclose(readme);
    return unhex(text, into, room);
}

Test(frame, golden_frames_of_the_readme_are_these)
{
    for (size_t i = 0; i < GOLDEN_COUNT; i++) {
        uint8_t told[GOLDEN_ROOM], written[GOLDEN_ROOM];
        size_t size = golden_write(&golden[i], written);
        cr_assert_eq(golden_of_readme(golden[i].name, told, sizeof told), size, "%s", golden[i].name);
        cr_assert_eq(memcmp(told, written, size), 0, "%s", golden[i].name);
    }
}

/* ---- the check ---- */

Test(frame, every_changed_header_byte_is_noticed)
{
    for (size_t i = 0; i < GOLDEN_COUNT; i++) {
        uint8_t bytes[GOLDEN_ROOM];
        unhex(golden[i].hex, bytes, sizeof bytes);
        uint8_t *header = exact_copy(bytes, FRAME_HEADER_SIZE);
        for (size_t at = 0; at < FRAME_HEADER_SIZE; at++) {
            for (unsigned change = 1; change < 256; change++) {
                struct frame frame;
                header[at] = (uint8_t)(bytes[at] ^ change);
                cr_assert_eq(frame_read(header, golden[i].seed, LIMIT, &frame), SEMEL_REASON_BAD_CHECK);
            }
            header[at] = bytes[at];
        }
        free(header);
    }
}

Test(frame, another_seed_is_noticed)
{
    uint8_t bytes[GOLDEN_ROOM];
    unhex(golden[3].hex, bytes, sizeof bytes);
    struct frame frame;
    for (int bit = 0; bit < 64; bit++)
        cr_assert_eq(frame_read(bytes, golden[3].seed ^ UINT64_C(1) << bit, LIMIT, &frame),
                     SEMEL_REASON_BAD_CHECK);
    cr_assert_eq(frame_read(bytes, ~golden[3].seed, LIMIT, &frame), SEMEL_REASON_BAD_CHECK);
}

Test(frame, a_bad_header_leaves_the_result_alone)
{
    uint8_t header[FRAME_HEADER_SIZE] = {0};
    struct frame frame = {.seq = 77};
    cr_assert_neq(frame_read(header, SEED, LIMIT, &frame), SEMEL_REASON_NONE);
    cr_assert_eq(frame.seq, 77);
}

Test(frame, stamp_changes_only_aux_and_time)
{
    uint8_t before[FRAME_HEADER_SIZE], after[FRAME_HEADER_SIZE];
    struct frame frame = fair_frame(FRAME_REQUEST);
    frame_write(before, &frame);
    memcpy(after, before, sizeof after);
    frame_stamp(after, 3, 0x01020304);
    cr_assert_eq(memcmp(before, after, 24), 0);
    cr_assert_eq(memcmp(after + 24, "\x03\0\0\0\x04\x03\x02\x01", 8), 0);
    cr_assert_eq(memcmp(before + 32, after + 32, 8), 0);
}

/* A frame that only carries the ack floor is used again and again: its seq is all that changes. */
Test(frame, stamp_seq_changes_only_seq)
{
    uint8_t before[FRAME_HEADER_SIZE], after[FRAME_HEADER_SIZE];
    struct frame frame = fair_frame(FRAME_PING);
    frame_write(before, &frame);
    frame_seal(before, SEED);
    memcpy(after, before, sizeof after);
    frame_stamp_seq(after, UINT64_C(0x1112131415161718));
    cr_assert_eq(memcmp(before, after, 8), 0);
    cr_assert_eq(bytes_load64(after + 8), UINT64_C(0x1112131415161718));
    cr_assert_eq(memcmp(before + 16, after + 16, FRAME_HEADER_SIZE - 16), 0);
    cr_assert_eq(frame_read(after, SEED, LIMIT, &frame), SEMEL_REASON_BAD_CHECK, "until it is sealed again");
    frame_seal(after, SEED);
    cr_assert_eq(frame_read(after, SEED, LIMIT, &frame), SEMEL_REASON_NONE);
    cr_assert_eq(frame.seq, UINT64_C(0x1112131415161718));
}

Test(frame, type_of_a_header_of_our_own)
{
    for (int type = FRAME_HELLO; type < FRAME_TYPE_COUNT; type++) {
        uint8_t header[FRAME_HEADER_SIZE];
        struct frame frame = fair_frame((enum frame_type)type);
        frame_write(header, &frame);
        cr_assert_eq(frame_type_of(header), type);
    }
}

/* ---- sizes ---- */

static enum semel_reason read_size(enum frame_type type, uint32_t size, size_t limit)
{
    uint8_t *header = malloc(FRAME_HEADER_SIZE);
    struct frame frame = fair_frame(type);
    frame_write(header, &frame);
    bytes_store32(header, size);
    frame_seal(header, SEED);
    enum semel_reason reason = frame_read(header, SEED, limit, &frame);
    if (reason == SEMEL_REASON_NONE)
        cr_assert_eq(frame.body_size, size - FRAME_HEADER_SIZE);
    free(header);
    return reason;
}

static bool size_is_fair(enum frame_type type, uint64_t size, size_t limit)
{
    switch (type) {
    case FRAME_HELLO: return size >= 48 + 96 && size <= 48 + 96 + 64 && size <= limit;
    case FRAME_WELCOME: return size == 48 + 60 && size <= limit;
    case FRAME_REFUSE: return size >= 48 && size <= 48 + 255 && size <= limit;
    case FRAME_DATAGRAM: return size >= 48 && size <= 1200 && size <= limit;
    case FRAME_RECEIPT: return size >= 48 + 12 && size <= 48 + 30 * 12 && size <= limit;
    case FRAME_REQUEST:
    case FRAME_REPLY: return size >= 48 && size <= limit;
    default: return size == 48;
    }
}

static void check_size(uint32_t size, size_t limit)
{
    for (int type = FRAME_HELLO; type < FRAME_TYPE_COUNT; type++) {
        enum semel_reason expected = size_is_fair((enum frame_type)type, size, limit) ? SEMEL_REASON_NONE
                                                                                      : SEMEL_REASON_BAD_SIZE;
        cr_assert_eq(read_size((enum frame_type)type, size, limit), expected, "%s of %u, limit %zu",
                     frame_type_name((enum frame_type)type), size, limit);
    }
}

Test(frame, each_type_has_its_sizes)
{
    static const size_t limits[] = {FRAME_HEADER_SIZE, FRAME_HEADER_SIZE + 1, LIMIT_HANDSHAKE_FRAME, LIMIT,
                                    UINT32_MAX};
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        for (uint32_t size = 0; size <= 1024; size++)
            check_size(size, limits[i]);
        for (int bit = 10; bit < 32; bit++)
            for (int near = -1; near <= 1; near++)
                check_size((uint32_t)((INT64_C(1) << bit) + near), limits[i]);
        check_size(UINT32_MAX - 1, limits[i]);
        check_size(UINT32_MAX, limits[i]);
    }
}

Test(frame, a_limit_under_the_header_is_a_bug, .signal = SIGABRT)
{
    struct frame frame = fair_frame(FRAME_PING);
    read_back(&frame, FRAME_HEADER_SIZE - 1, &frame);
}

Test(frame, a_body_over_32_bits_is_a_bug, .signal = SIGABRT)
{
    uint8_t header[FRAME_HEADER_SIZE];
    frame_write(header,
                &(struct frame){.type = FRAME_REQUEST, .body_size = UINT32_MAX - FRAME_HEADER_SIZE + 1});
}

/* ---- fields ---- */

Test(frame, unknown_types_are_refused)
{
    for (unsigned type = 0; type < 256; type++) {
        struct frame frame = fair_frame(FRAME_PING), read;
        frame.type = (enum frame_type)type;
        frame.flags = fair_frame(frame.type).flags;
        frame.body_size = least_body(frame.type);
        bool known = type >= 1 && type <= 12;
        enum semel_reason reason = read_back(&frame, LIMIT, &read);
        cr_assert_eq(reason, known ? SEMEL_REASON_NONE : SEMEL_REASON_BAD_TYPE, "type %u", type);
    }
}

Test(frame, unknown_flags_are_refused)
{
    static const uint8_t allowed[FRAME_TYPE_COUNT] = {
        [FRAME_WELCOME] = 1, [FRAME_REFUSE] = 8, [FRAME_REQUEST] = 1 | 2, [FRAME_REPLY] = 1 | 2 | 4 | 8};
    for (int type = FRAME_HELLO; type < FRAME_TYPE_COUNT; type++) {
        for (unsigned flags = 0; flags < 256; flags++) {
            struct frame frame = fair_frame((enum frame_type)type), read;
            frame.flags = (uint8_t)flags;
            bool fair = (flags & ~(unsigned)allowed[type]) == 0;
            if (type == FRAME_DATAGRAM)
                fair = flags == 3; /* nothing else may come twice */
            if (type == FRAME_REPLY && (flags & 3) == 3)
                fair = false; /* no such outcome */
            if (type == FRAME_REPLY && (flags & 4) != 0 && (flags & 3) != SEMEL_OUTCOME_NOT_EXECUTED)
                fair = false; /* a refusal is the word that it did not run */
            cr_assert_eq(read_back(&frame, LIMIT, &read), fair ? SEMEL_REASON_NONE : SEMEL_REASON_BAD_FIELD,
                         "%s flags %u", frame_type_name((enum frame_type)type), flags);
        }
    }
}

/* Regression: a REPLY said "refused, and it may have run", and the client was to choose what to believe. */
Test(frame, a_refusal_that_may_have_run_is_no_refusal)
{
    static const struct {
        enum semel_outcome outcome;
        bool fair;
    } cases[] = {
        {SEMEL_OUTCOME_UNKNOWN, false}, {SEMEL_OUTCOME_NOT_EXECUTED, true}, {SEMEL_OUTCOME_EXECUTED, false}};
    for (size_t i = 0; i < 3; i++) {
        for (unsigned elsewhere = 0; elsewhere <= FRAME_ELSEWHERE; elsewhere += FRAME_ELSEWHERE) {
            struct frame frame = fair_frame(FRAME_REPLY), read;
            frame.code = SEMEL_UNAVAILABLE;
            frame.aux = SEMEL_REASON_OVERLOADED;
            frame.flags = (uint8_t)(FRAME_REFUSED | (unsigned)cases[i].outcome | elsewhere);
            cr_assert_eq(read_back(&frame, LIMIT, &read),
                         cases[i].fair ? SEMEL_REASON_NONE : SEMEL_REASON_BAD_FIELD, "outcome %d", (int)i);
        }
    }
}

Test(frame, reply_codes_and_reasons_are_of_the_lists)
{
    struct frame frame = fair_frame(FRAME_REPLY), read;
    for (unsigned code = 0; code < 400; code++) {
        frame.code = (uint16_t)code;
        cr_assert_eq(read_back(&frame, LIMIT, &read), code <= 16 ? SEMEL_REASON_NONE : SEMEL_REASON_BAD_FIELD);
    }
    frame.code = UINT16_MAX;
    cr_assert_eq(read_back(&frame, LIMIT, &read), SEMEL_REASON_BAD_FIELD);
    static const enum frame_type with_reason[] = {FRAME_REPLY, FRAME_REFUSE};
    for (size_t i = 0; i < 2; i++) {
        frame = fair_frame(with_reason[i]);
        frame.aux = SEMEL_REASON_COUNT - 1;
        cr_assert_eq(read_back(&frame, LIMIT, &read), SEMEL_REASON_NONE);
        frame.aux = SEMEL_REASON_COUNT;
        cr_assert_eq(read_back(&frame, LIMIT, &read), SEMEL_REASON_BAD_FIELD);
        frame.aux = UINT32_MAX;
        cr_assert_eq(read_back(&frame, LIMIT, &read), SEMEL_REASON_BAD_FIELD);
    }
}

/* aux is how far the ack floor is behind seq, and the floor is at least 1. */
Test(frame, ack_floor_is_at_least_one)
{
    static const enum frame_type types[] = {FRAME_REQUEST, FRAME_CANCEL};
    static const struct {
        uint64_t seq;
        uint32_t aux;
        bool fair;
    } cases[] = {{0, 0, false}, {1, 0, true},  {1, 1, false},          {9, 8, true},
                 {9, 9, false}, {0, 5, false}, {9, UINT32_MAX, false}, {UINT64_MAX, UINT32_MAX, true}};
    for (size_t t = 0; t < 2; t++) {
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            struct frame frame = fair_frame(types[t]), read;
            frame.seq = cases[i].seq;
            frame.aux = cases[i].aux;
            cr_assert_eq(read_back(&frame, LIMIT, &read),
                         cases[i].fair ? SEMEL_REASON_NONE : SEMEL_REASON_BAD_FIELD);
        }
    }
}

Test(frame, random_headers_are_never_believed)
{
    struct rng rng = {5};
    for (int i = 0; i < 200000; i++) {
        uint64_t words[6];
        for (size_t w = 0; w < 6; w++)
            words[w] = rng_next(&rng);
        struct frame frame;
        cr_assert_eq(frame_read((const uint8_t *)words, SEED, LIMIT, &frame), SEMEL_REASON_BAD_CHECK);
    }
}

/* A peer that seals what it likes: whatever is believed keeps to the rules above. */
Test(frame, random_sealed_headers_are_sorted_out)
{
    struct rng rng = {6};
    int believed = 0;
    for (int i = 0; i < 200000; i++) {
        uint8_t header[FRAME_HEADER_SIZE];
        for (size_t at = 0; at < sizeof header; at += 8)
            bytes_store64(header + at, rng_next(&rng));
        bytes_store32(header, (uint32_t)(FRAME_HEADER_SIZE + rng_below(&rng, 200)));
        header[4] = (uint8_t)rng_below(&rng, 12);
        header[5] &= (uint8_t)rng_next(&rng) & 15;
        header[6] &= 31;
        header[7] = 0;
        if (rng_below(&rng, 2) == 0)
            bytes_store32(header + 24, (uint32_t)rng_below(&rng, 100));
        frame_seal(header, SEED);
        struct frame frame;
        if (frame_read(header, SEED, LIMIT, &frame) != SEMEL_REASON_NONE)
            continue;
        believed++;
        cr_assert(frame.type > FRAME_NONE && frame.type < FRAME_TYPE_COUNT);
        cr_assert(size_is_fair(frame.type, FRAME_HEADER_SIZE + frame.body_size, LIMIT));
        if (frame.type == FRAME_REPLY)
            cr_assert(frame.code <= 16 && frame.aux < SEMEL_REASON_COUNT && (frame.flags & 3) != 3);
        if (frame.type == FRAME_REPLY && (frame.flags & 4) != 0)
            cr_assert_eq(frame.flags & 3, SEMEL_OUTCOME_NOT_EXECUTED);
    }
    cr_assert_gt(believed, 1000);
}

Test(frame, types_have_names)
{
    static const char *const names[] = {"NONE", "HELLO", "WELCOME", "REFUSE", "REQUEST", "REPLY",   "CANCEL",
                                        "PING", "PONG",  "GOAWAY",  "BYE",    "RECEIPT", "DATAGRAM"};
    for (int type = 0; type < FRAME_TYPE_COUNT; type++)
        cr_assert_str_eq(frame_type_name((enum frame_type)type), names[type], "wire numbers are append-only");
    cr_assert_str_eq(frame_type_name((enum frame_type)FRAME_TYPE_COUNT), "?");
    cr_assert_str_eq(frame_type_name((enum frame_type)255), "?");
}
