/* The dedup table: a ring of records, and the decision over each request in the order the promise demands.
 *
 * Reads best next: dedup.h. */
#include "core/dedup.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
    FIRST_RING = 16,
    /* A ring that once had to be larger is given back when it is empty; smaller ones are worth keeping. */
    KEPT_RING = 1024,
    /* When this part of all room is taken, none of it is worth keeping for nothing. */
    SCARCE_PART = 2,
};

void dedup_init(struct dedup_table *table, struct dedup_domain *domain, uint64_t floor, uint32_t window)
{
    assert(floor > 0 && window > 0);
    *table = (struct dedup_table){.domain = domain, .floor = floor, .window = window};
}

static struct dedup_record *slot(const struct dedup_table *table, uint64_t seq)
{
    return &table->ring[seq & (table->ring_size - 1)];
}

/* What a journal needs for it. */
static uint64_t told_bytes(const struct dedup_record *record)
{
    if (!record->logged)
        return 0;
    size_t reply = record->state == DEDUP_DONE ? record->with.reply->out.size : 0;
    return JOURNAL_BEGIN_SIZE + JOURNAL_DONE_SIZE + reply;
}

static void forget(struct dedup_table *table, struct dedup_record *record)
{
    table->floor_ahead |= record->logged;
    table->domain->told_bytes -= told_bytes(record);
    if (record->state == DEDUP_RUNNING || record->state == DEDUP_WAITING) {
        record->with.run->table = NULL;
        atomic_store(&record->with.run->forgotten, true);
        table->running--;
    } else if (record->state == DEDUP_DONE) {
        struct reply *reply = record->with.reply;
        table->domain->kept_bytes -= reply_size(reply);
        table->domain->kept_replies--;
        reply->kept = false;
        reply_settle(reply);
    }
    record->state = DEDUP_FREE;
    table->records--;
}

void dedup_fini(struct dedup_table *table)
{
    for (uint64_t i = 0; i < table->ring_size; i++)
        if (table->ring[i].state != DEDUP_FREE)
            forget(table, &table->ring[i]);
    assert(table->running == 0 && table->records == 0);
    dedup_trim(table);
}

void dedup_trim(struct dedup_table *table)
{
    if (table->records > 0)
        return;
    table->domain->kept_bytes -= table->ring_size * sizeof *table->ring;
    free(table->ring);
    table->ring = NULL;
    table->ring_size = 0;
}

/* The records and the floor itself. */
static void raise_floor(struct dedup_table *table, uint64_t floor)
{
    /* A floor far ahead is a client's right; the walk is bounded by the ring all the same. */
    uint64_t steps = floor - table->floor < table->ring_size ? floor - table->floor : table->ring_size;
    for (uint64_t i = 0; i < steps; i++) {
        struct dedup_record *record = slot(table, table->floor + i);
        if (record->state != DEDUP_FREE)
            forget(table, record);
    }
    table->floor = floor;
}

static bool is_scarce(const struct dedup_domain *domain)
{
    return domain->kept_bytes >= domain->keep_total / SCARCE_PART;
}

void dedup_ack(struct dedup_table *table, uint64_t floor)
{
    if (floor > table->floor)
        raise_floor(table, floor);
    /* Also where the floor stays: room may have become scarce since, and who is idle says no more than this. */
    if (table->ring_size > KEPT_RING || is_scarce(table->domain))
        dedup_trim(table);
}

/* The record of a seq within the window, or NULL. */
static struct dedup_record *find(const struct dedup_table *table, uint64_t seq)
{
    if (seq - table->floor >= table->ring_size)
        return NULL;
    struct dedup_record *record = slot(table, seq);
    return record->state == DEDUP_FREE ? NULL : record;
}

/* Makes the ring reach seq.  false: the store's limit or the memory does not allow it. */
static bool reach(struct dedup_table *table, uint64_t seq)
{
    uint64_t size = table->ring_size == 0 ? FIRST_RING : table->ring_size;
    while (seq - table->floor >= size)
        size *= 2;
    if (size == table->ring_size)
        return true;
    uint64_t growth = (size - table->ring_size) * sizeof *table->ring;
    if (table->domain->kept_bytes + growth > table->domain->keep_total)
        return false;
    struct dedup_table grown = *table;
    grown.ring = calloc(size, sizeof *grown.ring);
    if (grown.ring == NULL)
        return false;
    grown.ring_size = size;
    for (uint64_t i = 0; i < table->ring_size; i++)
        if (table->ring[i].state != DEDUP_FREE)
            *slot(&grown, table->ring[i].seq) = table->ring[i];
    free(table->ring);
    *table = grown;
    table->domain->kept_bytes += growth;
    return true;
}

static struct dedup_verdict tell(enum semel_reason reason, enum semel_outcome outcome)
{
    return (struct dedup_verdict){.answer = DEDUP_TELL, .reason = reason, .outcome = outcome};
}

/* Step 3: the request has been here before. */
static struct dedup_verdict meet(const struct dedup_record *record, const struct dedup_question *question)
{
    if (record->digest != question->digest || record->method != question->method ||
        record->idempotent != question->idempotent || record->oneway != question->oneway)
        return tell(SEMEL_REASON_FALSE_RETRY, SEMEL_OUTCOME_NOT_EXECUTED);
    switch (record->state) {
    case DEDUP_WAITING:
    case DEDUP_RUNNING: return (struct dedup_verdict){.answer = DEDUP_ATTACH};
    case DEDUP_DONE: return (struct dedup_verdict){.answer = DEDUP_RESEND, .reply = record->with.reply};
    case DEDUP_DONE_RECEIPT: return (struct dedup_verdict){.answer = DEDUP_RECEIPT};
    case DEDUP_DONE_NO_REPLY: return tell(SEMEL_REASON_REPLY_GONE, SEMEL_OUTCOME_EXECUTED);
    default: return tell(SEMEL_REASON_BEGUN, SEMEL_OUTCOME_UNKNOWN);
    }
}

/* Whether what is known of it must be on its way to last before it runs. */
static bool has_to_wait(const struct dedup_table *table, const struct dedup_question *question)
{
    if (table->domain->journal == NULL)
        return false;
    return question->transactional || (!question->idempotent && table->life != 0);
}

/* A client that waits for this one acknowledges none of what it did after it: refused for want of the very room that
 * takes, in memory or in the store, it would be refused for ever.  It adds no record's place to the ring, and its reply
 * goes if it finds none; in the store it takes of what is spared, which its end gives back. */
static bool holds_up_others(const struct dedup_table *table, const struct dedup_question *question)
{
    return question->seq == table->floor && table->records > 0;
}

static bool is_full(const struct dedup_domain *domain)
{
    return domain->kept_bytes >= domain->keep_total;
}

/* Step 4: it is new.  RUN, WAIT: nothing speaks against it. */
static struct dedup_verdict weigh(const struct dedup_table *table, const struct dedup_question *question)
{
    if (question->expired)
        return tell(SEMEL_REASON_EXPIRED, SEMEL_OUTCOME_NOT_EXECUTED);
    if (question->unfit != SEMEL_REASON_NONE)
        return tell(question->unfit, SEMEL_OUTCOME_NOT_EXECUTED);
    if (!question->idempotent && is_full(table->domain) && !holds_up_others(table, question))
        return tell(SEMEL_REASON_TABLE_FULL, SEMEL_OUTCOME_NOT_EXECUTED);
    return (struct dedup_verdict){.answer = has_to_wait(table, question) ? DEDUP_WAIT : DEDUP_RUN};
}

struct dedup_verdict dedup_peek(const struct dedup_table *table, const struct dedup_question *question)
{
    /* Whether a stale request ran was told to the client long ago; now nobody knows. */
    if (question->seq < table->floor)
        return tell(SEMEL_REASON_STALE, SEMEL_OUTCOME_UNKNOWN);
    if (question->seq - table->floor >= table->window)
        return (struct dedup_verdict){.answer = DEDUP_CUT, .reason = SEMEL_REASON_OUTSIDE_WINDOW};
    const struct dedup_record *record = find(table, question->seq);
    return record != NULL ? meet(record, question) : weigh(table, question);
}

/* ---- the journal ---- */

static void log_seq(struct dedup_table *table, enum journal_kind kind, uint64_t seq)
{
    journal_write(table->domain->journal,
                  &(struct journal_entry){.kind = kind, .life = table->life, .seq = seq});
}

/* What no crash may forget: the fingerprint, and with it the floor. */
static void log_begin(struct dedup_table *table, struct dedup_record *record)
{
    journal_write(table->domain->journal, &(struct journal_entry){.kind = JOURNAL_BEGIN,
                                                                  .life = table->life,
                                                                  .seq = record->seq,
                                                                  .floor = table->floor,
                                                                  .method = record->method,
                                                                  .digest = record->digest,
                                                                  .oneway = record->oneway});
    table->domain->told_bytes -= told_bytes(record); /* it may be there already */
    record->logged = true;
    table->domain->told_bytes += told_bytes(record);
    table->floor_ahead = false;
}

/* reply: NULL: it is not kept. */
static void log_done(struct dedup_table *table, uint64_t seq, const struct reply *reply)
{
    assert(reply == NULL || frame_seq_of(reply->frame) == seq);
    journal_write(table->domain->journal,
                  &(struct journal_entry){.kind = JOURNAL_DONE,
                                          .life = table->life,
                                          .seq = seq,
                                          .reply = reply != NULL ? reply->frame : NULL,
                                          .reply_size = reply != NULL ? reply->out.size : 0});
}

void dedup_log_floor(struct dedup_table *table)
{
    if (table->domain->journal == NULL || !table->floor_ahead)
        return;
    journal_write(table->domain->journal,
                  &(struct journal_entry){.kind = JOURNAL_FLOOR, .life = table->life, .floor = table->floor});
    table->floor_ahead = false;
}

/* ---- a request's way ---- */

/* The record stands before anything runs. */
static void put(struct dedup_table *table, const struct dedup_question *question, struct dedup_run *run,
                bool waits)
{
    struct dedup_record *record = slot(table, question->seq);
    run->table = table;
    run->seq = question->seq;
    atomic_init(&run->forgotten, false);
    *record = (struct dedup_record){.seq = question->seq,
                                    .method = question->method,
                                    .digest = question->digest,
                                    .state = waits ? DEDUP_WAITING : DEDUP_RUNNING,
                                    .idempotent = question->idempotent,
                                    .oneway = question->oneway,
                                    .with.run = run};
    table->running++;
    table->records++;
    if (waits && !question->transactional && table->life != 0)
        log_begin(table, record);
}

struct dedup_verdict dedup_admit(struct dedup_table *table, const struct dedup_question *question,
                                 struct dedup_run *run)
{
    struct dedup_verdict verdict = dedup_peek(table, question);
    bool waits = verdict.answer == DEDUP_WAIT;
    if (verdict.answer != DEDUP_RUN && !waits)
        return verdict;
    bool urgent = holds_up_others(table, question);
    if (!reach(table, question->seq) || (waits && !journal_admits(table->domain->journal, urgent)))
        return tell(SEMEL_REASON_TABLE_FULL, SEMEL_OUTCOME_NOT_EXECUTED);
    put(table, question, run, waits);
    return verdict;
}

struct dedup_run *dedup_find_running(const struct dedup_table *table, uint64_t seq)
{
    if (seq < table->floor)
        return NULL;
    const struct dedup_record *record = find(table, seq);
    bool alive = record != NULL && (record->state == DEDUP_RUNNING || record->state == DEDUP_WAITING);
    return alive ? record->with.run : NULL;
}

/* The record of a waiting or running request, or NULL if it was acknowledged or forgotten meanwhile. */
static struct dedup_record *record_of(const struct dedup_run *run)
{
    if (run->table == NULL)
        return NULL;
    struct dedup_record *record = slot(run->table, run->seq);
    assert((record->state == DEDUP_RUNNING || record->state == DEDUP_WAITING) && record->seq == run->seq &&
           record->with.run == run);
    return record;
}

enum dedup_start dedup_start(struct dedup_run *run, bool expired)
{
    struct dedup_record *record = record_of(run);
    if (record == NULL)
        return DEDUP_START_UNWANTED;
    assert(record->state == DEDUP_WAITING);
    if (expired) {
        dedup_withdraw(run);
        return DEDUP_START_LATE;
    }
    record->state = DEDUP_RUNNING;
    return DEDUP_START;
}

enum semel_outcome dedup_cancel(struct dedup_run *run)
{
    const struct dedup_record *record = record_of(run);
    if (record == NULL || record->state == DEDUP_RUNNING)
        return SEMEL_OUTCOME_UNKNOWN;
    dedup_withdraw(run);
    return SEMEL_OUTCOME_NOT_EXECUTED;
}

static bool may_keep(const struct dedup_domain *domain, const struct reply *reply)
{
    return reply != NULL && reply->out.size <= domain->keep_reply &&
           domain->kept_bytes + reply_size(reply) <= domain->keep_total;
}

static void keep(struct dedup_domain *domain, struct dedup_record *record, struct reply *reply)
{
    domain->told_bytes -= told_bytes(record);
    record->state = DEDUP_DONE;
    record->with.reply = reply;
    domain->told_bytes += told_bytes(record);
    reply->kept = true;
    domain->kept_bytes += reply_size(reply);
    domain->kept_replies++;
}

/* The reply as the journal keeps it; NULL: it does not. */
static const struct reply *kept_by_journal(const struct dedup_domain *domain, const struct reply *reply)
{
    return may_keep(domain, reply) && journal_takes_reply(domain->journal, reply->out.size) ? reply : NULL;
}

/* What a crash must find with what the handler wrote.  NULL: nothing is to be written. */
static struct dedup_record *log_committed(struct dedup_run *run)
{
    struct dedup_record *record = record_of(run);
    if (record == NULL || record->idempotent || run->table->life == 0)
        return NULL;
    assert(!record->logged);
    log_begin(run->table, record);
    record->outcome_logged = true;
    return record;
}

void dedup_log_outcome(struct dedup_run *run, const struct reply *reply)
{
    if (log_committed(run) != NULL)
        log_done(run->table, run->seq, kept_by_journal(run->table->domain, reply));
}

void dedup_log_receipt(struct dedup_run *run)
{
    if (log_committed(run) != NULL)
        log_seq(run->table, JOURNAL_RECEIPT, run->seq);
}

/* It runs no longer.  Returns its record, unless that goes: what is idempotent leaves none. */
static struct dedup_record *leave(struct dedup_run *run, struct dedup_record *record)
{
    struct dedup_table *table = run->table;
    run->table = NULL;
    table->running--;
    if (!record->idempotent)
        return record;
    record->state = DEDUP_FREE;
    table->records--;
    return NULL;
}

bool dedup_end_lasts(const struct dedup_run *run, enum semel_code code)
{
    const struct dedup_record *record = record_of(run);
    return record == NULL || !record->idempotent || code == SEMEL_OK;
}

bool dedup_finish(struct dedup_run *run, struct reply *reply)
{
    struct dedup_record *record = record_of(run);
    if (record == NULL)
        return false;
    struct dedup_table *table = run->table;
    if (record->logged && !record->outcome_logged)
        log_done(table, record->seq, kept_by_journal(table->domain, reply));
    record = leave(run, record);
    if (record == NULL)
        return true;
    if (may_keep(table->domain, reply)) {
        keep(table->domain, record, reply);
    } else {
        record->state = DEDUP_DONE_NO_REPLY;
    }
    return true;
}

bool dedup_finish_oneway(struct dedup_run *run)
{
    struct dedup_record *record = record_of(run);
    if (record == NULL)
        return false;
    assert(record->oneway);
    if (record->logged && !record->outcome_logged)
        log_seq(run->table, JOURNAL_RECEIPT, run->seq);
    record = leave(run, record);
    if (record != NULL)
        record->state = DEDUP_DONE_RECEIPT;
    return true;
}

bool dedup_withdraw(struct dedup_run *run)
{
    struct dedup_record *record = record_of(run);
    if (record == NULL)
        return false;
    if (record->logged)
        log_seq(run->table, JOURNAL_GONE, run->seq);
    run->table->domain->told_bytes -= told_bytes(record);
    run->table->running--;
    run->table->records--;
    run->table = NULL;
    record->state = DEDUP_FREE;
    return true;
}

bool dedup_lose(struct dedup_run *run)
{
    struct dedup_record *record = record_of(run);
    if (record == NULL)
        return false;
    run->table->running--;
    run->table->records -= record->idempotent;
    run->table = NULL;
    record->state = record->idempotent ? DEDUP_FREE : DEDUP_BEGUN;
    return true;
}

/* ---- from the journal and back ---- */

/* A record of which only the beginning is known; NULL: no memory.  What was promised is kept whatever the limits say
 * now: they hold for new work only. */
static struct dedup_record *recall(struct dedup_table *table, uint64_t seq)
{
    struct dedup_domain *domain = table->domain;
    uint64_t limit = domain->keep_total;
    domain->keep_total = UINT64_MAX;
    bool reached = reach(table, seq);
    domain->keep_total = limit;
    return reached ? slot(table, seq) : NULL;
}

bool dedup_recall_begin(struct dedup_table *table, const struct journal_entry *begin)
{
    dedup_ack(table, begin->floor);
    if (begin->seq < table->floor || find(table, begin->seq) != NULL)
        return true;
    struct dedup_record *record = recall(table, begin->seq);
    if (record == NULL)
        return false;
    *record = (struct dedup_record){.seq = begin->seq,
                                    .method = begin->method,
                                    .digest = begin->digest,
                                    .state = DEDUP_BEGUN,
                                    .oneway = begin->oneway,
                                    .logged = true};
    table->domain->told_bytes += told_bytes(record);
    table->records++;
    return true;
}

bool dedup_recall_done(struct dedup_table *table, const struct journal_entry *done)
{
    struct dedup_record *record = done->seq < table->floor ? NULL : find(table, done->seq);
    if (record == NULL || record->state != DEDUP_BEGUN)
        return true;
    if (done->reply_size == 0) {
        record->state = DEDUP_DONE_NO_REPLY;
        return true;
    }
    struct reply *reply = reply_create(NULL, done->reply_size - FRAME_HEADER_SIZE);
    if (reply == NULL)
        return false;
    memcpy(reply->frame, done->reply, done->reply_size);
    reply->out.size = done->reply_size;
    keep(table->domain, record, reply);
    return true;
}

void dedup_recall_receipt(struct dedup_table *table, uint64_t seq)
{
    struct dedup_record *record = seq < table->floor ? NULL : find(table, seq);
    if (record != NULL && record->state == DEDUP_BEGUN && record->oneway)
        record->state = DEDUP_DONE_RECEIPT;
}

void dedup_recall_gone(struct dedup_table *table, uint64_t seq)
{
    struct dedup_record *record = seq < table->floor ? NULL : find(table, seq);
    if (record != NULL && record->state == DEDUP_BEGUN) {
        table->domain->told_bytes -= told_bytes(record);
        record->state = DEDUP_FREE;
        table->records--;
    }
}

static void log_record_again(struct dedup_table *table, struct dedup_record *record)
{
    log_begin(table, record);
    if (record->state == DEDUP_DONE || record->state == DEDUP_DONE_NO_REPLY)
        log_done(table, record->seq, record->state == DEDUP_DONE ? record->with.reply : NULL);
    else if (record->state == DEDUP_DONE_RECEIPT)
        log_seq(table, JOURNAL_RECEIPT, record->seq);
}

bool dedup_log_again(struct dedup_table *table, uint64_t *seq, size_t batch_size, uint64_t most_size)
{
    const struct journal *journal = table->domain->journal;
    if (*seq < table->floor)
        *seq = table->floor;
    for (; *seq - table->floor < table->ring_size; ++*seq) {
        struct dedup_record *record = find(table, *seq);
        if (record == NULL || !record->logged)
            continue;
        if (journal->size >= batch_size || journal_size_with(journal, told_bytes(record)) > most_size)
            return false;
        log_record_again(table, record);
    }
    return true;
}

uint64_t dedup_next_bytes(const struct dedup_table *table, uint64_t seq)
{
    if (seq < table->floor)
        seq = table->floor;
    for (; seq - table->floor < table->ring_size; seq++) {
        const struct dedup_record *record = find(table, seq);
        if (record != NULL && record->logged)
            return told_bytes(record);
    }
    return 0;
}
