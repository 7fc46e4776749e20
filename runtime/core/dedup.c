/* The dedup table: a ring of records, and the decision over each request in the order the promise demands.
 *
 * Reads best next: dedup.h. */
#include "core/dedup.h"

#include <assert.h>
#include <stdlib.h>

enum {
    FIRST_RING = 16,
    /* A ring that once had to be larger is given back when it is empty; smaller ones are worth keeping. */
    KEPT_RING = 1024,
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

static void forget(struct dedup_table *table, struct dedup_record *record)
{
    if (record->state == DEDUP_RUNNING) {
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

void dedup_ack(struct dedup_table *table, uint64_t floor)
{
    if (floor <= table->floor)
        return;
    /* A floor far ahead is a client's right; the walk is bounded by the ring all the same. */
    uint64_t steps = floor - table->floor < table->ring_size ? floor - table->floor : table->ring_size;
    for (uint64_t i = 0; i < steps; i++) {
        struct dedup_record *record = slot(table, table->floor + i);
        if (record->state != DEDUP_FREE)
            forget(table, record);
    }
    table->floor = floor;
    if (table->ring_size > KEPT_RING)
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
    case DEDUP_RUNNING: return (struct dedup_verdict){.answer = DEDUP_ATTACH};
    case DEDUP_DONE: return (struct dedup_verdict){.answer = DEDUP_RESEND, .reply = record->with.reply};
    case DEDUP_DONE_RECEIPT: return (struct dedup_verdict){.answer = DEDUP_RECEIPT};
    case DEDUP_DONE_NO_REPLY: return tell(SEMEL_REASON_REPLY_GONE, SEMEL_OUTCOME_EXECUTED);
    default: return tell(SEMEL_REASON_BEGUN, SEMEL_OUTCOME_UNKNOWN);
    }
}

/* Step 4: it is new.  RUN: nothing speaks against it. */
static struct dedup_verdict weigh(const struct dedup_table *table, const struct dedup_question *question)
{
    if (question->expired)
        return tell(SEMEL_REASON_EXPIRED, SEMEL_OUTCOME_NOT_EXECUTED);
    if (question->unfit != SEMEL_REASON_NONE)
        return tell(question->unfit, SEMEL_OUTCOME_NOT_EXECUTED);
    if (!question->idempotent && table->domain->kept_bytes >= table->domain->keep_total)
        return tell(SEMEL_REASON_TABLE_FULL, SEMEL_OUTCOME_NOT_EXECUTED);
    return (struct dedup_verdict){.answer = DEDUP_RUN};
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

/* The record stands before anything runs. */
static void put(struct dedup_table *table, const struct dedup_question *question, struct dedup_run *run)
{
    run->table = table;
    run->seq = question->seq;
    atomic_init(&run->forgotten, false);
    *slot(table, question->seq) = (struct dedup_record){.seq = question->seq,
                                                        .method = question->method,
                                                        .digest = question->digest,
                                                        .state = DEDUP_RUNNING,
                                                        .idempotent = question->idempotent,
                                                        .oneway = question->oneway,
                                                        .with.run = run};
    table->running++;
    table->records++;
}

struct dedup_verdict dedup_admit(struct dedup_table *table, const struct dedup_question *question,
                                 struct dedup_run *run)
{
    struct dedup_verdict verdict = dedup_peek(table, question);
    if (verdict.answer != DEDUP_RUN)
        return verdict;
    if (!reach(table, question->seq))
        return tell(SEMEL_REASON_TABLE_FULL, SEMEL_OUTCOME_NOT_EXECUTED);
    put(table, question, run);
    return verdict;
}

struct dedup_run *dedup_find_running(const struct dedup_table *table, uint64_t seq)
{
    if (seq < table->floor)
        return NULL;
    const struct dedup_record *record = find(table, seq);
    return record != NULL && record->state == DEDUP_RUNNING ? record->with.run : NULL;
}

/* The record of a running request, or NULL if it was acknowledged or forgotten meanwhile. */
static struct dedup_record *record_of(const struct dedup_run *run)
{
    if (run->table == NULL)
        return NULL;
    struct dedup_record *record = slot(run->table, run->seq);
    assert(record->state == DEDUP_RUNNING && record->seq == run->seq && record->with.run == run);
    return record;
}

static bool may_keep(const struct dedup_domain *domain, const struct reply *reply)
{
    return reply != NULL && reply->out.size <= domain->keep_reply &&
           domain->kept_bytes + reply_size(reply) <= domain->keep_total;
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

bool dedup_finish(struct dedup_run *run, struct reply *reply)
{
    struct dedup_record *record = record_of(run);
    if (record == NULL)
        return false;
    struct dedup_table *table = run->table;
    record = leave(run, record);
    if (record == NULL)
        return true;
    if (may_keep(table->domain, reply)) {
        record->state = DEDUP_DONE;
        record->with.reply = reply;
        reply->kept = true;
        table->domain->kept_bytes += reply_size(reply);
        table->domain->kept_replies++;
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
    run->table->running--;
    run->table->records--;
    run->table = NULL;
    record->state = DEDUP_FREE;
    return true;
}
