/* Recall: which lives last, then what each remembers.
 *
 * Reads best next: recall.h. */
#include "core/recall.h"

#include <stdlib.h>

void recall_init(struct recall *recall, struct sessions *sessions)
{
    *recall = (struct recall){.sessions = sessions};
}

void recall_fini(struct recall *recall)
{
    free(recall->lives);
    free(recall->ended);
}

/* ---- the first telling ---- */

/* Room for one more in a growing array.  false: no memory. */
static bool grow(void **array, size_t count, size_t *capacity, size_t size)
{
    if (count < *capacity)
        return true;
    size_t wider = *capacity == 0 ? 64 : *capacity * 2;
    void *grown = realloc(*array, wider * size);
    if (grown == NULL)
        return false;
    *array = grown;
    *capacity = wider;
    return true;
}

static bool add_life(struct recall *recall, const struct journal_entry *entry)
{
    void *lives = recall->lives;
    if (!grow(&lives, recall->life_count, &recall->life_capacity, sizeof *recall->lives))
        return false;
    recall->lives = lives;
    recall->lives[recall->life_count++] = (struct recall_life){.entry = *entry};
    return true;
}

static bool add_ended(struct recall *recall, uint64_t life)
{
    void *ended = recall->ended;
    if (!grow(&ended, recall->ended_count, &recall->ended_capacity, sizeof *recall->ended))
        return false;
    recall->ended = ended;
    recall->ended[recall->ended_count++] = life;
    return true;
}

static const char *take_number(struct recall *recall, const struct journal_batch *batch)
{
    if (recall->first_batch == 0)
        recall->first_batch = batch->number;
    else if (batch->number != recall->last_batch + 1)
        return "a batch is missing";
    recall->last_batch = batch->number;
    if (batch->last_connection < recall->last_connection)
        return "a batch is older than the one before it";
    recall->last_connection = batch->last_connection;
    return NULL;
}

const char *recall_sessions(struct recall *recall, struct journal_batch batch)
{
    struct journal_entry entry;
    const char *problem = take_number(recall, &batch);
    while (problem == NULL && journal_next(&batch.entries, &entry)) {
        /* No life may be given twice: see "the lost verdict" in README.md, section 6. */
        if (entry.life > batch.last_connection || entry.connection > batch.last_connection)
            problem = "an entry has a connection number that was never given";
        else if ((entry.kind == JOURNAL_SESSION && !add_life(recall, &entry)) ||
                 (entry.kind == JOURNAL_ENDED && !add_ended(recall, entry.life)))
            problem = RECALL_NO_MEMORY;
    }
    return problem == NULL && batch.entries.bad ? "an entry makes no sense" : problem;
}

/* ---- between ---- */

static int compare(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

static int by_life(const void *a, const void *b)
{
    const struct recall_life *left = a;
    const struct recall_life *right = b;
    int order = compare(left->entry.life, right->entry.life);
    return order != 0 ? order : compare(left->entry.connection, right->entry.connection);
}

static int by_number(const void *a, const void *b)
{
    return compare(*(const uint64_t *)a, *(const uint64_t *)b);
}

/* Of each life the entry with the highest connection stays; the attempt and the floor never go back. */
static const char *merge_lives(struct recall *recall)
{
    size_t kept = 0;
    for (size_t i = 0; i < recall->life_count; i++) {
        struct recall_life *last = kept > 0 ? &recall->lives[kept - 1] : NULL;
        const struct journal_entry *entry = &recall->lives[i].entry;
        if (last == NULL || last->entry.life != entry->life) {
            recall->lives[kept++] = recall->lives[i];
            continue;
        }
        if (!id_equal(&last->entry.session, &entry->session) || last->entry.subject != entry->subject)
            return "two sessions share a life";
        uint64_t floor = last->entry.floor > entry->floor ? last->entry.floor : entry->floor;
        uint64_t attempt = last->entry.attempt > entry->attempt ? last->entry.attempt : entry->attempt;
        last->entry = *entry;
        last->entry.floor = floor;
        last->entry.attempt = attempt;
    }
    recall->life_count = kept;
    return NULL;
}

static bool has_ended(const struct recall *recall, uint64_t life)
{
    return recall->ended_count > 0 &&
           bsearch(&life, recall->ended, recall->ended_count, sizeof life, by_number);
}

const char *recall_settle(struct recall *recall, int64_t now_ns)
{
    if (recall->life_count > 0)
        qsort(recall->lives, recall->life_count, sizeof *recall->lives, by_life);
    if (recall->ended_count > 0)
        qsort(recall->ended, recall->ended_count, sizeof *recall->ended, by_number);
    const char *problem = merge_lives(recall);
    if (problem != NULL)
        return problem;
    for (size_t i = 0; i < recall->life_count; i++) {
        struct recall_life *life = &recall->lives[i];
        if (has_ended(recall, life->entry.life))
            continue;
        if (sessions_find(recall->sessions, &life->entry.session) != NULL)
            return "a session has two lives";
        life->session = sessions_recall(recall->sessions, &life->entry, now_ns);
        if (life->session == NULL)
            return RECALL_NO_MEMORY;
        sessions_logged_from(recall->sessions, life->session, recall->first_batch);
    }
    recall->sessions->last_connection = recall->last_connection;
    return NULL;
}

/* ---- the second telling ---- */

static struct session *session_of(const struct recall *recall, uint64_t number)
{
    size_t low = 0;
    size_t high = recall->life_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (recall->lives[middle].entry.life < number)
            low = middle + 1;
        else
            high = middle;
    }
    bool found = low < recall->life_count && recall->lives[low].entry.life == number;
    return found ? recall->lives[low].session : NULL;
}

const char *recall_records(struct recall *recall, struct journal_batch batch)
{
    struct journal_entry entry;
    bool memory = true;
    while (memory && journal_next(&batch.entries, &entry)) {
        struct session *session = session_of(recall, entry.life);
        if (session == NULL)
            continue; /* what a life remembered that has ended */
        switch (entry.kind) {
        case JOURNAL_FLOOR: dedup_ack(&session->table, entry.floor); break;
        case JOURNAL_BEGIN: memory = dedup_recall_begin(&session->table, &entry); break;
        case JOURNAL_DONE: memory = dedup_recall_done(&session->table, &entry); break;
        case JOURNAL_RECEIPT: dedup_recall_receipt(&session->table, entry.seq); break;
        case JOURNAL_GONE: dedup_recall_gone(&session->table, entry.seq); break;
        default: break;
        }
    }
    return memory ? NULL : RECALL_NO_MEMORY;
}
