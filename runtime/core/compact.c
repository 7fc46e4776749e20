/* Compaction: one session after the other, from the oldest.
 *
 * Reads best next: compact.h. */
#include "core/compact.h"

uint64_t compact_floor(const struct sessions *sessions)
{
    return sessions->logged_head != NULL ? sessions->logged_head->logged_from
                                         : sessions->domain.journal->number;
}

void compact_step(struct sessions *sessions, size_t batch_size)
{
    const struct journal *journal = sessions->domain.journal;
    struct session *first = sessions->logged_head;
    while (first != NULL && first->logged_from < journal->number && journal->size < batch_size) {
        if (sessions->rewritten != first) {
            sessions->rewritten = first;
            sessions->rewritten_from = journal->number;
            sessions->rewritten_seq = 0;
            sessions_log(sessions, first);
        }
        sessions->rewritten_seq = dedup_log_again(&first->table, sessions->rewritten_seq, batch_size);
        if (sessions->rewritten_seq != UINT64_MAX)
            return;
        /* Those behind it have not been written later than this piece began; it may have taken several batches. */
        sessions_logged_from(sessions, first, sessions->rewritten_from);
        first = sessions->logged_head;
    }
}

uint64_t compact_live_bytes(const struct sessions *sessions)
{
    return sessions->domain.told_bytes + (uint64_t)sessions->count * JOURNAL_SESSION_SIZE;
}
