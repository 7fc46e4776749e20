/* Receipts on their way out: the oneways that were executed in a turn of the loop are acknowledged by one frame at its
 * end, not by one each.
 *
 * It must not know requests or sessions, nor on which side of the wire it is.  Reads best next: core/receipt.h. */
#ifndef NET_RECEIPTS_H
#define NET_RECEIPTS_H

#include "core/receipt.h"
#include "net/wire.h"

struct receipts_counters {
    uint64_t frames;
    uint64_t oneways; /* named in them */
};

/* Embedded in the owner of a wire; at first all zero but counters. */
struct receipts {
    struct receipts_counters *counters; /* borrowed */
    struct reply *reply;                /* the frame that is being filled; NULL: none */
    size_t size;                        /* of its body so far */
};

/* Notes an executed oneway; its receipt leaves with the frames of this turn, in this order in the send queue.
 * false: no memory, so that the peer must learn of it in another way. */
bool receipts_note(struct receipts *receipts, struct wire *wire, uint64_t order, uint64_t seq);

/* What was noted goes into the send queue: call it when the wire says that it is writing. */
void receipts_flush(struct receipts *receipts, struct wire *wire, uint64_t order);

/* Forgets what was noted: the wire is gone. */
void receipts_drop(struct receipts *receipts);

#endif
