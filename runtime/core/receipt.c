/* Runs of seqs as bytes.
 *
 * Reads best next: receipt.h. */
#include "core/receipt.h"

#include <assert.h>
#include <string.h>

#include "core/bytes.h"

static struct receipt_run load(const uint8_t *body, size_t i)
{
    const uint8_t *at = body + i * RECEIPT_RUN_SIZE;
    return (struct receipt_run){bytes_load64(at), bytes_load32(at + 8)};
}

static void store(uint8_t *body, size_t i, struct receipt_run run)
{
    uint8_t *at = body + i * RECEIPT_RUN_SIZE;
    bytes_store64(at, run.first);
    bytes_store32(at + 8, run.count);
}

static uint64_t total(const uint8_t *body, size_t count)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += load(body, i).count;
    return sum;
}

/* How many runs begin at seq or before; most oneways finish in their order, so the search begins at the end. */
static size_t runs_up_to(const uint8_t *body, size_t count, uint64_t seq)
{
    while (count > 0 && load(body, count - 1).first > seq)
        count--;
    return count;
}

/* A run of its own before the at-th. */
static bool insert(uint8_t *body, size_t *size, size_t at, uint64_t seq)
{
    uint8_t *place = body + at * RECEIPT_RUN_SIZE;
    if (*size + RECEIPT_RUN_SIZE > RECEIPT_BODY_MAX)
        return false;
    memmove(place + RECEIPT_RUN_SIZE, place, *size - at * RECEIPT_RUN_SIZE);
    store(body, at, (struct receipt_run){seq, 1});
    *size += RECEIPT_RUN_SIZE;
    return true;
}

/* The run before at and the one at it have met. */
static void join(uint8_t *body, size_t *size, size_t at)
{
    uint8_t *place = body + at * RECEIPT_RUN_SIZE;
    struct receipt_run before = load(body, at - 1);
    before.count += load(body, at).count;
    store(body, at - 1, before);
    *size -= RECEIPT_RUN_SIZE;
    memmove(place, place + RECEIPT_RUN_SIZE, *size - at * RECEIPT_RUN_SIZE);
}

bool receipt_add(uint8_t *body, size_t *size, uint64_t seq)
{
    size_t count = *size / RECEIPT_RUN_SIZE;
    size_t at = runs_up_to(body, count, seq);
    struct receipt_run before = at > 0 ? load(body, at - 1) : (struct receipt_run){0};
    struct receipt_run after = at < count ? load(body, at) : (struct receipt_run){0};
    assert(seq != 0 && *size <= RECEIPT_BODY_MAX && *size % RECEIPT_RUN_SIZE == 0);
    if (at > 0 && seq - before.first < before.count)
        return true;
    if (total(body, count) >= LIMIT_RECEIPT_ONEWAYS)
        return false;
    if (at > 0 && seq - before.first == before.count) {
        before.count++;
        store(body, at - 1, before);
        if (at < count && after.first == seq + 1)
            join(body, size, at);
        return true;
    }
    if (at < count && after.first == seq + 1) {
        store(body, at, (struct receipt_run){seq, after.count + 1});
        return true;
    }
    return insert(body, size, at, seq);
}

enum semel_reason receipt_read(const uint8_t *body, size_t size, uint64_t next, struct receipt *ret_receipt)
{
    if (size == 0 || size > RECEIPT_BODY_MAX || size % RECEIPT_RUN_SIZE != 0)
        return SEMEL_REASON_BAD_SIZE;
    ret_receipt->count = (uint32_t)(size / RECEIPT_RUN_SIZE);
    uint64_t end = 0; /* the first seq behind the run before: it would belong to that run */
    uint64_t sum = 0;
    for (uint32_t i = 0; i < ret_receipt->count; i++) {
        struct receipt_run run = load(body, i);
        if (run.count == 0 || run.first <= end || run.first >= next || run.count > next - run.first)
            return SEMEL_REASON_BAD_FIELD;
        sum += run.count;
        end = run.first + run.count;
        ret_receipt->runs[i] = run;
    }
    return sum <= LIMIT_RECEIPT_ONEWAYS ? SEMEL_REASON_NONE : SEMEL_REASON_BAD_FIELD;
}
