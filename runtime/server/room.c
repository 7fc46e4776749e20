/* Room.
 *
 * Reads best next: room.h, ledger.c. */
#include "server/room.h"

#include "core/compact.h"

enum {
    /* The journal may be twice as long as what it tells, and this: less would write everything again and again. */
    SLACK_BYTES = 1 << 20,
    /* Written again in one batch, beside as much as the batch itself: more would make a commit slow. */
    AGAIN_BYTES = 64 << 10,
};

void room_init(struct room *room, struct store *store, struct sessions *sessions, struct journal *journal)
{
    *room = (struct room){.store = store, .sessions = sessions, .journal = journal};
}

static struct store_usage usage_of(const struct room *room)
{
    return room->store->ops->usage(room->store);
}

static uint64_t less(uint64_t bytes, uint64_t taken)
{
    return bytes > taken ? bytes - taken : 0;
}

/* New work must leave room to write everything that lives once more: else a file that is full could not be compacted,
 * and would stay so for ever.  What the open batch holds is not in the file yet. */
void room_measure(struct room *room)
{
    struct store_usage usage = usage_of(room);
    if (usage.free_bytes == UINT64_MAX) {
        room->journal->room = UINT64_MAX;
        return;
    }
    uint64_t again = compact_live_bytes(room->sessions) / 2; /* free_bytes is half of what is free, too */
    uint64_t open = room->journal->size;
    room->journal->room = less(usage.free_bytes - usage.free_bytes / 4, again + open);
    room->journal->spare = less(usage.spare_bytes, open);
}

/* Whether the journal is to be written again, a piece with each batch.  Once begun that goes on to its end: given up
 * half way it would only have cost room. */
static bool is_compacting(struct room *room, const struct store_usage *usage)
{
    uint64_t live = compact_live_bytes(room->sessions);
    uint64_t slack = usage->free_bytes < SLACK_BYTES ? usage->free_bytes : SLACK_BYTES;
    bool is_long = usage->log_bytes > 2 * live + slack;
    bool fits = live / 2 <= usage->spare_bytes || live <= AGAIN_BYTES;
    room->compacts = is_long && (fits || room->compacts);
    return room->compacts;
}

void room_compact(struct room *room)
{
    struct store_usage usage = usage_of(room);
    if (is_compacting(room, &usage))
        compact_step(room->sessions, 2 * room->journal->size + AGAIN_BYTES, usage.next_bytes);
}

/* Whether the next batch can take the piece that comes next, or what it can take grows with it. */
static bool can_compact(const struct room *room, const struct store_usage *usage)
{
    uint64_t size = journal_size_with(room->journal, compact_next_bytes(room->sessions));
    return size <= usage->next_bytes || usage->next_bytes < usage->spare_bytes / 2;
}

/* The newest batch stays, and be it empty: where there is no more than that, nothing can be made of it. */
bool room_can_be_made(struct room *room)
{
    struct store_usage usage = usage_of(room);
    if (room->journal->room >= AGAIN_BYTES || usage.log_bytes <= JOURNAL_HEADER_SIZE)
        return false;
    return usage.oldest < compact_floor(room->sessions) ||
           (is_compacting(room, &usage) && can_compact(room, &usage));
}
