/* Compaction: keeps the journal short.
 *
 * Batches are deleted from the oldest on, never out of the middle: what is left is a whole journal of every session
 * that lives.  The sessions stand in a list by the batch from which on the journal tells all of them.  The first of
 * it is written again, as it is now, a piece a turn; once it is there whole, it needs no batch before that, and
 * goes to the end of the list.
 *
 * It must not know when, nor how many bytes are too many.  Reads best next: compact.c. */
#ifndef CORE_COMPACT_H
#define CORE_COMPACT_H

#include "core/sessions.h"

/* No session needs a batch below this one. */
uint64_t compact_floor(const struct sessions *sessions);

/* Writes more of the first session again, until the open batch has this size, but never so much that it has more than
 * most_size.  Nothing to do is fine; so is to go on much later, whatever has happened meanwhile. */
void compact_step(struct sessions *sessions, size_t batch_size, uint64_t most_size);

/* How many bytes the next piece of that takes; 0: nothing is left to be written. */
uint64_t compact_next_bytes(const struct sessions *sessions);

/* About how many bytes a journal has that tells everything once. */
uint64_t compact_live_bytes(const struct sessions *sessions);

#endif
