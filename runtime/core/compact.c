/* Compaction: one session after the other, from the oldest.
 *
 * Reads best next: compact.h. */
#include "core/compact.h"

uint64_t compact_floor(const struct sessions *sessions)
{
    return sessions->logged_head != NULL ? sessions->logged_head->logged_from
                                         : sessions->domain.journal->number;
}

/* The session that comes next, if the open batch is to tell more than it does; NULL: none. */
static struct session *first_of(const struct sessions *sessions)
{
    struct session *first = sessions->logged_head;
    return first != NULL && first->logged_from < sessions->domain.journal->number ? first : NULL;
}

uint64_t compact_next_bytes(const struct sessions *sessions)
{
    const struct session *first = first_of(sessions);
    if (first == NULL)
        return 0;
    bool begun = sessions->rewritten == first;
    return begun ? dedup_next_bytes(&first->table, sessions->rewritten_seq) : JOURNAL_SESSION_SIZE;
}

void compact_step(struct sessions *sessions, size_t batch_size, uint64_t most_size)
{
    const struct journal *journal = sessions->domain.journal;
    struct session *first;
    while ((first = first_of(sessions)) != NULL && journal->size < batch_size) {
        if (sessions->rewritten != first) {
            if (journal_size_with(journal, JOURNAL_SESSION_SIZE) > most_size)
                return;
            sessions->rewritten = first;
            sessions->rewritten_from = journal->number;
            sessions->rewritten_seq = 0;
            sessions_log(sessions, first);
        }
        if (!dedup_log_again(&first->table, &sessions->rewritten_seq, batch_size, most_size))
            return;
        /* Those behind it have not been written later than this piece began; it may have taken several batches. */
        sessions_logged_from(sessions, first, sessions->rewritten_from);
    }
}

uint64_t compact_live_bytes(const struct sessions *sessions)
{
    return sessions->domain.told_bytes + (uint64_t)sessions->count * JOURNAL_SESSION_SIZE;
}
