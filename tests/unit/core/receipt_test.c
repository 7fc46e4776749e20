/* Receipts: runs are gathered in any order, and read back only if every one of them makes sense.
 *
 * Reads best next: core/receipt.h. */
#include "core/receipt.h"

#include <signal.h>

#include "core/bytes.h"
#include "support.h"

#define NEXT UINT64_C(1000)

struct draft {
    uint8_t body[RECEIPT_BODY_MAX];
    size_t size;
};

static void write_run(struct draft *draft, uint64_t first, uint32_t count)
{
    cr_assert_leq(draft->size + 12, sizeof draft->body);
    bytes_store64(draft->body + draft->size, first);
    bytes_store32(draft->body + draft->size + 8, count);
    draft->size += 12;
}

static enum semel_reason read_draft(const struct draft *draft, uint64_t next, struct receipt *ret)
{
    /* Exactly as long as it is, so that a sanitizer sees who reads on. */
    uint8_t *copy = malloc(draft->size > 0 ? draft->size : 1);
    memcpy(copy, draft->body, draft->size);
    enum semel_reason reason = receipt_read(copy, draft->size, next, ret);
    free(copy);
    return reason;
}

static void expect_runs(const struct draft *draft, const struct receipt_run *runs, uint32_t count)
{
    struct receipt receipt;
    cr_assert_eq(read_draft(draft, NEXT, &receipt), SEMEL_REASON_NONE);
    cr_assert_eq(receipt.count, count);
    for (uint32_t i = 0; i < count; i++) {
        cr_assert_eq(receipt.runs[i].first, runs[i].first, "run %u", i);
        cr_assert_eq(receipt.runs[i].count, runs[i].count, "run %u", i);
    }
}

static void add(struct draft *draft, uint64_t seq)
{
    cr_assert(receipt_add(draft->body, &draft->size, seq));
}

/* ---- writing ---- */

Test(receipt, oneways_in_their_order_are_one_run)
{
    struct draft draft = {.size = 0};
    for (uint64_t seq = 1; seq < NEXT; seq++)
        add(&draft, seq);
    cr_assert_eq(draft.size, 12);
    expect_runs(&draft, (const struct receipt_run[]){{1, NEXT - 1}}, 1);
}

Test(receipt, oneways_in_any_order_become_sorted_runs)
{
    static const uint64_t seqs[] = {20, 10, 30, 12, 11, 21, 9, 29, 10, 20, 30};
    struct draft draft = {.size = 0};
    for (size_t i = 0; i < sizeof seqs / sizeof *seqs; i++)
        add(&draft, seqs[i]);
    expect_runs(&draft, (const struct receipt_run[]){{9, 4}, {20, 2}, {29, 2}}, 3);
}

Test(receipt, a_gap_that_is_filled_joins_two_runs)
{
    struct draft draft = {.size = 0};
    add(&draft, 1);
    add(&draft, 3);
    add(&draft, 5);
    expect_runs(&draft, (const struct receipt_run[]){{1, 1}, {3, 1}, {5, 1}}, 3);
    add(&draft, 2);
    expect_runs(&draft, (const struct receipt_run[]){{1, 3}, {5, 1}}, 2);
    add(&draft, 4);
    expect_runs(&draft, (const struct receipt_run[]){{1, 5}}, 1);
}

Test(receipt, that_is_full_takes_what_belongs_to_a_run_of_its_own_and_nothing_else)
{
    struct draft draft = {.size = 0};
    for (uint64_t i = 1; i <= LIMIT_RECEIPT_RUNS; i++)
        add(&draft, i * 10);
    cr_assert_eq(draft.size, RECEIPT_BODY_MAX);
    struct draft before = draft;
    cr_assert_not(receipt_add(draft.body, &draft.size, 5));
    cr_assert_not(receipt_add(draft.body, &draft.size, 205));
    cr_assert_not(receipt_add(draft.body, &draft.size, 999));
    cr_assert_eq(draft.size, before.size);
    cr_assert_eq(memcmp(draft.body, before.body, sizeof draft.body), 0, "nothing has changed");
    add(&draft, 10); /* in it already */
    add(&draft, 11);
    add(&draft, 19);
    struct receipt receipt;
    cr_assert_eq(read_draft(&draft, NEXT, &receipt), SEMEL_REASON_NONE);
    cr_assert_eq(receipt.runs[0].count, 2);
    cr_assert_eq(receipt.runs[1].first, 19);
}

Test(receipt, names_no_more_than_its_reader_is_ready_to_walk)
{
    struct draft draft = {.size = 0};
    struct receipt receipt;
    for (uint64_t seq = 7; seq < 7 + LIMIT_RECEIPT_ONEWAYS; seq++)
        add(&draft, seq);
    cr_assert_not(receipt_add(draft.body, &draft.size, 7 + LIMIT_RECEIPT_ONEWAYS));
    cr_assert_not(receipt_add(draft.body, &draft.size, 6));
    cr_assert_not(receipt_add(draft.body, &draft.size, 1));
    cr_assert_eq(read_draft(&draft, UINT64_MAX, &receipt), SEMEL_REASON_NONE);
    cr_assert_eq(receipt.runs[0].count, LIMIT_RECEIPT_ONEWAYS);
}

Test(receipt, of_seq_0_is_a_bug, .signal = SIGABRT)
{
    struct draft draft = {.size = 0};
    receipt_add(draft.body, &draft.size, 0);
}

/* ---- reading ---- */

static enum semel_reason read_runs(const struct receipt_run *runs, size_t count)
{
    struct draft draft = {.size = 0};
    struct receipt receipt;
    for (size_t i = 0; i < count; i++)
        write_run(&draft, runs[i].first, runs[i].count);
    return read_draft(&draft, NEXT, &receipt);
}

#define READ(...)                                                                                              \
    read_runs((const struct receipt_run[]){__VA_ARGS__},                                                       \
              sizeof((const struct receipt_run[]){__VA_ARGS__}) / sizeof(struct receipt_run))

Test(receipt, that_makes_no_sense_is_not_believed)
{
    cr_assert_eq(READ({1, 1}), SEMEL_REASON_NONE);
    cr_assert_eq(READ({1, 0}), SEMEL_REASON_BAD_FIELD, "an empty run");
    cr_assert_eq(READ({0, 1}), SEMEL_REASON_BAD_FIELD, "seq 0 is never given");
    cr_assert_eq(READ({0, 5}), SEMEL_REASON_BAD_FIELD);
    cr_assert_eq(READ({999, 1}), SEMEL_REASON_NONE, "the newest");
    cr_assert_eq(READ({999, 2}), SEMEL_REASON_BAD_FIELD, "one that was not given yet");
    cr_assert_eq(READ({1000, 1}), SEMEL_REASON_BAD_FIELD);
    cr_assert_eq(READ({1001, 1}), SEMEL_REASON_BAD_FIELD);
    cr_assert_eq(READ({UINT64_MAX, 1}), SEMEL_REASON_BAD_FIELD);
    cr_assert_eq(READ({UINT64_MAX - 3, 10}), SEMEL_REASON_BAD_FIELD, "around the end");
    cr_assert_eq(READ({1, UINT32_MAX}), SEMEL_REASON_BAD_FIELD);
    cr_assert_eq(READ({5, 2}, {8, 1}), SEMEL_REASON_NONE, "apart");
    cr_assert_eq(READ({5, 2}, {7, 1}), SEMEL_REASON_BAD_FIELD, "they touch");
    cr_assert_eq(READ({5, 2}, {6, 1}), SEMEL_REASON_BAD_FIELD, "they overlap");
    cr_assert_eq(READ({5, 2}, {5, 2}), SEMEL_REASON_BAD_FIELD, "twice");
    cr_assert_eq(READ({8, 1}, {5, 2}), SEMEL_REASON_BAD_FIELD, "out of order");
    cr_assert_eq(READ({8, 1}, {1, 100}), SEMEL_REASON_BAD_FIELD);
}

Test(receipt, of_a_wrong_size_is_not_believed)
{
    struct draft draft = {.size = 0};
    struct receipt receipt;
    for (uint64_t i = 1; i <= LIMIT_RECEIPT_RUNS; i++)
        write_run(&draft, i * 2, 1);
    for (size_t size = 0; size <= RECEIPT_BODY_MAX; size++) {
        draft.size = size;
        cr_assert_eq(read_draft(&draft, NEXT, &receipt),
                     size > 0 && size % 12 == 0 ? SEMEL_REASON_NONE : SEMEL_REASON_BAD_SIZE, "%zu bytes", size);
    }
    uint8_t large[RECEIPT_BODY_MAX + 12] = {0};
    memcpy(large, draft.body, sizeof draft.body);
    cr_assert_eq(receipt_read(large, sizeof large, NEXT, &receipt), SEMEL_REASON_BAD_SIZE);
}

Test(receipt, of_more_than_any_window_is_not_believed)
{
    struct draft draft = {.size = 0};
    struct receipt receipt;
    write_run(&draft, 1, LIMIT_RECEIPT_ONEWAYS);
    cr_assert_eq(read_draft(&draft, UINT64_MAX, &receipt), SEMEL_REASON_NONE);
    write_run(&draft, LIMIT_RECEIPT_ONEWAYS + 2, 1);
    cr_assert_eq(read_draft(&draft, UINT64_MAX, &receipt), SEMEL_REASON_BAD_FIELD);
}

/* ---- both ---- */

/* Any set of seqs, gathered in any order: what is read is the set. */
Test(receipt, says_what_was_added)
{
    struct rng rng = {5};
    for (int round = 0; round < 2000; round++) {
        bool named[64] = {false}, read[64] = {false};
        struct draft draft = {.size = 0};
        struct receipt receipt;
        unsigned count = 1 + (unsigned)rng_below(&rng, 80);
        for (unsigned i = 0; i < count; i++) {
            uint64_t seq = 1 + rng_below(&rng, 59);
            cr_assert(receipt_add(draft.body, &draft.size, seq), "30 runs hold any set of 59");
            named[seq] = true;
        }
        cr_assert_eq(read_draft(&draft, 60, &receipt), SEMEL_REASON_NONE);
        for (uint32_t i = 0; i < receipt.count; i++)
            for (uint32_t k = 0; k < receipt.runs[i].count; k++)
                read[receipt.runs[i].first + k] = true;
        cr_assert_eq(memcmp(named, read, sizeof named), 0, "round %d", round);
    }
}
