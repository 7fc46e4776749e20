/* Receipts: the body of a RECEIPT frame, which acknowledges executed oneways by runs of their seqs.
 *
 * It must not know which seqs are oneways, nor on which side it is.  Reads best next: dedup.h (the side that ran them),
 * outbox.h (the side that waits). */
#ifndef CORE_RECEIPT_H
#define CORE_RECEIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <semel/status.h>

#include "core/limits.h"

/* A run on the wire: the first seq (8 bytes) and how many follow one another (4). */
#define RECEIPT_RUN_SIZE 12u
#define RECEIPT_BODY_MAX (LIMIT_RECEIPT_RUNS * RECEIPT_RUN_SIZE)

struct receipt_run {
    uint64_t first;
    uint32_t count;
};

struct receipt {
    uint32_t count;
    struct receipt_run runs[LIMIT_RECEIPT_RUNS];
};

/* Adds a seq to a body of *size bytes, at first 0, with room for RECEIPT_BODY_MAX; in it already is fine.  The runs
 * stay in their order and apart.  false: it does not fit any more, and nothing has changed. */
bool receipt_add(uint8_t *body, size_t *size, uint64_t seq);

/* Reads a body.  next: the next seq that would be given; a receipt that names it or a later one is nonsense, as is an
 * empty run, seq 0, and runs that are out of order, overlap or touch.  Errors: BAD_SIZE, BAD_FIELD. */
enum semel_reason receipt_read(const uint8_t *body, size_t size, uint64_t next, struct receipt *ret_receipt);

#endif
