/* Batches of a journal that nobody wrote so: any bytes, and entries of any kind with any numbers behind a checksum that
 * holds.  They are refused, or recalled into tables that are whole: their counts add up, they can be used, and written
 * again whole they are recalled as they were.
 *
 * Reads best next: journal_fuzz.c, where a server wrote them. */
#include <string.h>

#include "choices.h"
#include "core/compact.h"
#include "core/recall.h"

enum { BATCHES = 8, ENTRIES = 24, LIVES = 6, ROOM = 1 << 13 };

struct pile {
    uint8_t *bytes[2 * BATCHES];
    size_t sizes[2 * BATCHES];
    uint64_t numbers[2 * BATCHES];
    unsigned count;
};

/* ---- batches ---- */

static void write_reply(struct bytes_writer *writer, struct choices *choices, uint64_t seq)
{
    uint8_t frame[FRAME_HEADER_SIZE + 64] = {0};
    uint32_t size = choose(choices, 64);
    const struct frame reply = {.type = FRAME_REPLY,
                                .flags = SEMEL_OUTCOME_EXECUTED,
                                .seq = one_in(choices, 8) ? seq + 1 : seq,
                                .digest = frame_digest(0, frame + FRAME_HEADER_SIZE, size),
                                .body_size = size};
    frame_write(frame, &reply);
    frame_seal(frame, UINT64_C(0x31504552454d4553)); /* as core/README.md tells */
    if (one_in(choices, 8))
        frame[choose(choices, FRAME_HEADER_SIZE)] ^= 1;
    bytes_write32(writer, (uint32_t)FRAME_HEADER_SIZE + size);
    bytes_write(writer, frame, FRAME_HEADER_SIZE + size);
}

/* Numbers are small, so that entries have to do with each other. */
static void write_entry(struct bytes_writer *writer, struct choices *choices)
{
    uint8_t kind = (uint8_t)choose(choices, JOURNAL_KIND_COUNT + 1);
    uint64_t life = one_in(choices, 16) ? choose_number(choices) : 1 + choose(choices, LIVES);
    uint64_t seq = one_in(choices, 16) ? choose_number(choices) : 1 + choose(choices, 40);
    bytes_write(writer, &kind, 1);
    bytes_write64(writer, life);
    if (kind == JOURNAL_SESSION) {
        const uint8_t id[16] = {(uint8_t)(1 + (one_in(choices, 8) ? choose(choices, LIVES) : life))};
        bytes_write(writer, id, sizeof id);
        bytes_write64(writer, one_in(choices, 16) ? 7 : 3);
        bytes_write64(writer, choose_number(choices));
        bytes_write64(writer, life + choose(choices, 4));
        bytes_write64(writer, 1 + choose(choices, 20));
    }
    if (kind == JOURNAL_FLOOR || kind == JOURNAL_DONE || kind == JOURNAL_GONE || kind == JOURNAL_RECEIPT ||
        kind == JOURNAL_BEGIN)
        bytes_write64(writer, seq);
    if (kind == JOURNAL_BEGIN) {
        const uint8_t oneway = (uint8_t)choose(choices, 2);
        bytes_write32(writer, one_in(choices, 16) ? (uint32_t)choose_number(choices) : choose(choices, 8));
        bytes_write64(writer, 9);
        bytes_write64(writer, choose_byte(choices));
        bytes_write(writer, &oneway, 1);
    }
    if (kind != JOURNAL_DONE)
        return;
    if (one_in(choices, 2))
        write_reply(writer, choices, seq);
    else
        bytes_write32(writer, one_in(choices, 8) ? (uint32_t)choose_number(choices) : 0);
}

static void seal(struct pile *pile, struct journal *journal, uint64_t last_connection)
{
    pile->numbers[pile->count] = journal->number;
    pile->bytes[pile->count] = journal_seal(journal, last_connection, &pile->sizes[pile->count]);
    must(pile->bytes[pile->count++] != NULL);
}

static void add_batch(struct pile *pile, struct choices *choices, uint64_t number)
{
    struct journal journal;
    journal_init(&journal, number);
    journal.bytes = malloc(ROOM);
    must(journal.bytes != NULL);
    journal.capacity = ROOM;
    struct bytes_writer writer = {journal.bytes + JOURNAL_HEADER_SIZE, ROOM - JOURNAL_HEADER_SIZE, false};
    unsigned entries = choose(choices, ENTRIES);
    for (unsigned i = 0; i < entries; i++)
        write_entry(&writer, choices);
    journal.size = ROOM - writer.left - (one_in(choices, 32) && writer.left < ROOM - 40 ? 1 : 0);
    seal(pile, &journal, one_in(choices, 8) ? choose_number(choices) : 20 + pile->count);
}

/* ---- tables ---- */

static void open_sessions(struct sessions *sessions, struct journal *journal, uint64_t number)
{
    const struct sessions_options options = {.domain_id = {.bytes = {4}},
                                             .hash_seed = 1,
                                             .limit = 4,
                                             .window = LIMIT_WINDOW_MAX,
                                             .lease_ns = 1000,
                                             .keep_reply = 1 << 20,
                                             .keep_total = 1 << 20,
                                             .journal = journal};
    journal_init(journal, number);
    must(sessions_init(sessions, &options));
}

static const char *tell(const struct pile *pile, unsigned from, struct recall *recall,
                        const char *(*fn)(struct recall *recall, struct journal_batch batch))
{
    const char *wrong = NULL;
    for (unsigned i = from; wrong == NULL && i < pile->count; i++) {
        struct journal_batch batch;
        wrong = journal_read(pile->bytes[i], pile->sizes[i], pile->numbers[i], &batch);
        if (wrong == NULL)
            wrong = fn(recall, batch);
    }
    return wrong;
}

/* NULL, or why not. */
static const char *recall_from(const struct pile *pile, unsigned from, struct sessions *sessions)
{
    struct recall recall;
    recall_init(&recall, sessions);
    const char *wrong = tell(pile, from, &recall, recall_sessions);
    if (wrong == NULL)
        wrong = recall_settle(&recall, 0);
    if (wrong == NULL)
        wrong = tell(pile, from, &recall, recall_records);
    must(wrong == NULL || wrong[0] != '\0');
    recall_fini(&recall);
    return wrong;
}

static const struct dedup_record *record_of(const struct dedup_table *table, uint64_t seq)
{
    if (seq < table->floor || seq - table->floor >= table->ring_size)
        return NULL;
    const struct dedup_record *record = &table->ring[seq & (table->ring_size - 1)];
    return record->state == DEDUP_FREE ? NULL : record;
}

static uint64_t check_table(const struct dedup_table *table)
{
    uint64_t kept = table->ring_size * sizeof *table->ring;
    uint32_t records = 0;
    must(table->floor > 0 && table->running == 0 && (table->ring_size & (table->ring_size - 1)) == 0);
    for (uint64_t i = 0; i < table->ring_size; i++) {
        const struct dedup_record *record = &table->ring[i];
        if (record->state == DEDUP_FREE)
            continue;
        records++;
        must(record_of(table, record->seq) == record && record->logged && !record->idempotent);
        must(record->state == DEDUP_BEGUN || record->state == DEDUP_DONE ||
             record->state == DEDUP_DONE_NO_REPLY || (record->state == DEDUP_DONE_RECEIPT && record->oneway));
        if (record->state == DEDUP_DONE) {
            must(record->with.reply->kept && frame_seq_of(record->with.reply->frame) == record->seq);
            kept += reply_size(record->with.reply);
        }
    }
    must(records == table->records);
    return kept;
}

static void check_sessions(const struct sessions *sessions)
{
    uint64_t kept = 0;
    uint32_t count = 0;
    for (struct session *session = sessions->silent_head; session != NULL;
         session = session->silent_next, count++) {
        must(sessions_find(sessions, &session->id) == session && !id_is_none(&session->id));
        must(session->born > 0 && session->born <= session->connection_number);
        must(session->connection_number <= sessions->last_connection && session->attempt > 0);
        must(session->table.life == session->born && session->logged_from > 0);
        kept += check_table(&session->table);
    }
    must(count == sessions->count && kept == sessions->domain.kept_bytes);
}

static bool has_ended(const struct pile *pile, uint64_t life)
{
    struct journal_batch batch;
    struct journal_entry entry;
    for (unsigned i = 0; i < pile->count; i++) {
        must(journal_read(pile->bytes[i], pile->sizes[i], pile->numbers[i], &batch) == NULL);
        while (journal_next(&batch.entries, &entry))
            if (entry.kind == JOURNAL_ENDED && entry.life == life)
                return true;
    }
    return false;
}

/* Whoever is told of, and has not ended, is known. */
static void check_told(const struct pile *pile, const struct sessions *sessions)
{
    struct journal_batch batch;
    struct journal_entry entry;
    for (unsigned i = 0; i < pile->count; i++) {
        must(journal_read(pile->bytes[i], pile->sizes[i], pile->numbers[i], &batch) == NULL);
        while (journal_next(&batch.entries, &entry)) {
            if (entry.kind != JOURNAL_SESSION || has_ended(pile, entry.life))
                continue;
            const struct session *session = sessions_find(sessions, &entry.session);
            must(session != NULL && session->born == entry.life && session->subject == entry.subject);
            must(session->attempt >= entry.attempt && session->connection_number >= entry.connection);
            must(session->table.floor >= entry.floor);
        }
    }
}

/* The same sessions, which remember the same. */
static void check_same(const struct sessions *before, const struct sessions *after)
{
    must(before->count == after->count && before->last_connection == after->last_connection);
    for (struct session *was = before->silent_head; was != NULL; was = was->silent_next) {
        const struct session *is = sessions_find(after, &was->id);
        must(is != NULL && is->born == was->born && is->attempt == was->attempt && is->subject == was->subject);
        must(is->connection_number == was->connection_number && is->table.records == was->table.records);
        for (uint64_t i = 0; i < was->table.ring_size; i++) {
            const struct dedup_record *old = &was->table.ring[i];
            const struct dedup_record *new = old->state == DEDUP_FREE ? NULL : record_of(&is->table, old->seq);
            if (old->state == DEDUP_FREE)
                continue;
            must(new != NULL &&new->state == old->state &&new->digest == old->digest &&new->method ==
                 old->method &&new->oneway == old->oneway);
            if (new->state == DEDUP_DONE)
                must(new->with.reply->out.size == old->with.reply->out.size);
        }
    }
}

/* Every session is written again, a few bytes a batch or all at once; then the old batches can go. */
static bool write_again(struct pile *pile, struct sessions *sessions, struct choices *choices)
{
    struct journal *journal = sessions->domain.journal;
    uint64_t first = journal->number;
    do {
        if (pile->count == 2 * BATCHES - 1)
            return false;
        bool last = pile->count == 2 * BATCHES - 2;
        compact_step(sessions, last ? SIZE_MAX : journal->size + choose_byte(choices) * 8u, UINT64_MAX);
        seal(pile, journal, sessions->last_connection);
    } while (compact_floor(sessions) < first);
    return true;
}

static void use(struct sessions *sessions, struct choices *choices)
{
    struct session *session = sessions->silent_head;
    if (session == NULL)
        return;
    const struct hello hello = {.session = session->id,
                                .attempt = session->attempt + 1,
                                .floor = 1 + choose_byte(choices),
                                .last_domain = sessions->domain_id,
                                .last_connection = choose(choices, 32)};
    struct sessions_judgment judgment = sessions_judge(sessions, &hello, session->subject, 0);
    if (!judgment.accept)
        return;
    must(judgment.session == session &&
         judgment.resumed ==
             (hello.last_connection >= session->born && hello.last_connection <= session->connection_number));
    must(sessions_accept(sessions, &hello, session->subject, &judgment, session, 0) == session);
    for (unsigned i = 0; i < 8; i++) {
        struct dedup_run run;
        const struct dedup_question question = {
            .seq = session->table.floor + choose(choices, 48), .method = 9, .digest = choose_byte(choices)};
        const struct dedup_record *record = record_of(&session->table, question.seq);
        struct dedup_verdict verdict = dedup_admit(&session->table, &question, &run);
        must((verdict.answer == DEDUP_WAIT) <= (record == NULL));
        if (verdict.answer == DEDUP_WAIT)
            must(dedup_withdraw(&run));
    }
    sessions_detach(sessions, session, 0);
}

static void recall_and_use(struct pile *pile, struct choices *choices)
{
    struct sessions sessions, again;
    struct journal journal, unused;
    open_sessions(&sessions, &journal, 1);
    if (recall_from(pile, 0, &sessions) == NULL && pile->count > 0) {
        unsigned old = pile->count;
        journal.number = pile->numbers[old - 1] + 1;
        check_sessions(&sessions);
        check_told(pile, &sessions);
        if (sessions.last_connection < UINT64_MAX / 2 && journal.number != 0 &&
            write_again(pile, &sessions, choices)) {
            open_sessions(&again, &unused, 1);
            must(recall_from(pile, old, &again) == NULL);
            check_sessions(&again);
            check_same(&sessions, &again);
            sessions_fini(&again);
            journal_fini(&unused);
            use(&sessions, choices);
        }
    }
    sessions_fini(&sessions);
    journal_fini(&journal);
}

static void read_any(const uint8_t *bytes, size_t size)
{
    struct journal_batch batch;
    struct journal_entry entry;
    struct bytes_reader entries = {bytes, size, false};
    must(journal_read(bytes, size, 1, &batch) != NULL); /* nobody meets a checksum by chance */
    while (journal_next(&entries, &entry))
        must(entry.life > 0 && entry.kind > JOURNAL_NONE && entry.kind < JOURNAL_KIND_COUNT);
    must(entries.bad || entries.left == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct choices choices = {bytes, size};
    struct pile pile = {.count = 0};
    read_any(bytes, size);
    uint64_t number = one_in(&choices, 32) ? choose_number(&choices) : 1;
    unsigned count = 1 + choose(&choices, BATCHES);
    for (unsigned i = 0; i < count && number > 0; i++, number += 1 + one_in(&choices, 64))
        add_batch(&pile, &choices, number);
    recall_and_use(&pile, &choices);
    for (unsigned i = 0; i < pile.count; i++)
        free(pile.bytes[i]);
    return 0;
}
