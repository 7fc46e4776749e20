/* The dedup table under any order of requests, completions, acknowledgements and lives of its session, against what it
 * has to remember: nothing that is not idempotent runs twice, no reply changes, nothing is promised that is not kept.
 *
 * Reads best next: sessions_fuzz.c. */
#include <string.h>

#include "choices.h"
#include "core/dedup.h"
#include "core/frame.h"

enum { SEQS = 160, RUNS = 64, METHOD = 7, WINDOW = 24 };

/* What is known of a seq in the present life. */
struct fact {
    bool put; /* a record must be there: not withdrawn, not acknowledged */
    bool done;
    bool idempotent;
    uint64_t digest;
    uint64_t mark; /* in the reply; 0: it has none */
    unsigned started;
    struct run *run;
};

struct run {
    struct dedup_run run;
    bool busy;
    bool forgotten; /* nobody will ask */
    bool idempotent;
    uint64_t seq;
};

struct bench {
    struct dedup_domain domain;
    struct dedup_table table;
    struct fact facts[SEQS];
    struct run runs[RUNS];
    uint64_t marks;
};

static bool is_known(uint64_t seq)
{
    return seq < SEQS;
}

/* The records of seqs below are gone. */
static void forget_below(struct bench *bench, uint64_t floor)
{
    for (uint64_t seq = 0; seq < SEQS && seq < floor; seq++) {
        struct fact *fact = &bench->facts[seq];
        if (fact->put && !fact->done)
            fact->run->forgotten = true;
        fact->put = false;
    }
}

static void check(const struct bench *bench)
{
    unsigned records = 0, running = 0;
    for (uint64_t seq = 0; seq < SEQS; seq++) {
        const struct fact *fact = &bench->facts[seq];
        records += fact->put;
        running += fact->put && !fact->done;
        if (fact->put && !fact->done)
            must(dedup_find_running(&bench->table, seq) == &fact->run->run);
        else
            must(dedup_find_running(&bench->table, seq) == NULL);
    }
    must(bench->table.records == records && bench->table.running == running);
    must(bench->domain.kept_bytes <= bench->domain.keep_total);
    for (unsigned i = 0; i < RUNS; i++)
        if (bench->runs[i].busy)
            must(atomic_load(&bench->runs[i].run.forgotten) == bench->runs[i].forgotten &&
                 (bench->runs[i].run.table == NULL) == bench->runs[i].forgotten);
}

static struct run *free_run(struct bench *bench)
{
    for (unsigned i = 0; i < RUNS; i++)
        if (!bench->runs[i].busy)
            return &bench->runs[i];
    return NULL;
}

static struct dedup_question choose_question(struct bench *bench, struct choices *choices)
{
    uint64_t seq = bench->table.floor + choose(choices, WINDOW + 4);
    if (one_in(choices, 8))
        seq = choose_number(choices);
    struct dedup_question question = {
        .seq = seq, .method = METHOD, .digest = seq * 3, .idempotent = seq % 4 == 0};
    if (one_in(choices, 16))
        question.digest ^= 1;
    if (one_in(choices, 32))
        question.idempotent = !question.idempotent;
    question.expired = one_in(choices, 16);
    question.unfit = one_in(choices, 16) ? SEMEL_REASON_OVERLOADED : SEMEL_REASON_NONE;
    return question;
}

static void check_reply(const struct fact *fact, const struct reply *reply)
{
    uint64_t mark;
    must(reply != NULL && reply->kept && fact->done && fact->mark != 0);
    memcpy(&mark, reply_body((struct reply *)reply), sizeof mark);
    must(mark == fact->mark);
}

/* What the table said of a seq that has a record. */
static void check_met(const struct fact *fact, const struct dedup_question *question,
                      const struct dedup_verdict *verdict)
{
    if (fact->digest != question->digest || fact->idempotent != question->idempotent)
        must(verdict->answer == DEDUP_TELL && verdict->reason == SEMEL_REASON_FALSE_RETRY);
    else if (!fact->done)
        must(verdict->answer == DEDUP_ATTACH);
    else if (fact->mark == 0)
        must(verdict->answer == DEDUP_TELL && verdict->reason == SEMEL_REASON_REPLY_GONE &&
             verdict->outcome == SEMEL_OUTCOME_EXECUTED);
    else {
        must(verdict->answer == DEDUP_RESEND);
        check_reply(fact, verdict->reply);
    }
}

static void admit(struct bench *bench, struct choices *choices)
{
    struct dedup_question question = choose_question(bench, choices);
    struct run *run = free_run(bench);
    if (run == NULL)
        return;
    struct dedup_verdict peeked = dedup_peek(&bench->table, &question);
    struct dedup_verdict verdict = dedup_admit(&bench->table, &question, &run->run);
    bool full = verdict.reason == SEMEL_REASON_TABLE_FULL;
    must(peeked.answer == verdict.answer || (peeked.answer == DEDUP_RUN && full));
    if (question.seq < bench->table.floor) {
        must(verdict.answer == DEDUP_TELL && verdict.reason == SEMEL_REASON_STALE &&
             verdict.outcome == SEMEL_OUTCOME_UNKNOWN);
        return;
    }
    if (question.seq - bench->table.floor >= WINDOW) {
        must(verdict.answer == DEDUP_CUT);
        return;
    }
    if (!is_known(question.seq)) { /* beyond what is remembered here: take it back */
        if (verdict.answer == DEDUP_RUN)
            must(dedup_withdraw(&run->run));
        return;
    }
    struct fact *fact = &bench->facts[question.seq];
    if (fact->put) {
        check_met(fact, &question, &verdict);
        return;
    }
    if (question.expired || question.unfit != SEMEL_REASON_NONE || full) {
        must(verdict.answer == DEDUP_TELL && verdict.outcome == SEMEL_OUTCOME_NOT_EXECUTED);
        return;
    }
    must(verdict.answer == DEDUP_RUN);
    must(question.idempotent || fact->started == 0); /* never twice in one life */
    fact->started += !question.idempotent;
    *run = (struct run){.run = run->run, .busy = true, .idempotent = question.idempotent, .seq = question.seq};
    *fact = (struct fact){.put = true,
                          .idempotent = question.idempotent,
                          .digest = question.digest,
                          .started = fact->started,
                          .run = run};
}

static struct reply *make_reply(struct bench *bench, size_t body_size)
{
    struct reply *reply = reply_create(NULL, body_size);
    must(reply != NULL);
    bench->marks++;
    memset(reply_body(reply), 0, body_size);
    memcpy(reply_body(reply), &bench->marks, sizeof bench->marks);
    reply_write(reply, &(struct frame){.type = FRAME_REPLY, .seq = 1, .body_size = body_size});
    return reply;
}

static void finish(struct bench *bench, struct choices *choices)
{
    struct run *run = &bench->runs[choose(choices, RUNS)];
    if (!run->busy)
        return;
    struct fact *fact = &bench->facts[run->seq];
    struct reply *reply = one_in(choices, 8) ? NULL : make_reply(bench, 8 + choose_byte(choices) * 8u);
    size_t size = reply != NULL ? reply->out.size : 0;
    uint64_t kept_before = bench->domain.kept_replies;
    bool wanted = dedup_finish(&run->run, reply);
    bool kept = bench->domain.kept_replies > kept_before;
    must(wanted == !run->forgotten);
    must(!kept || (wanted && !run->idempotent && size <= bench->domain.keep_reply));
    if (!run->forgotten) {
        fact->done = true;
        fact->mark = kept ? bench->marks : 0;
        fact->put = !run->idempotent;
    }
    reply_settle(reply);
    run->busy = false;
}

static void withdraw(struct bench *bench, struct choices *choices)
{
    struct run *run = &bench->runs[choose(choices, RUNS)];
    if (!run->busy)
        return;
    must(dedup_withdraw(&run->run) == !run->forgotten);
    if (!run->forgotten) {
        bench->facts[run->seq].put = false;
        bench->facts[run->seq].started = 0; /* it did nothing */
    }
    run->busy = false;
}

static void acknowledge(struct bench *bench, struct choices *choices)
{
    uint64_t floor = bench->table.floor + choose(choices, 8);
    if (one_in(choices, 16))
        floor = choose_number(choices);
    dedup_ack(&bench->table, floor);
    must(bench->table.floor >= floor);
    forget_below(bench, bench->table.floor);
}

/* The session is answered NEW: whatever ran is on its own. */
static void begin_life(struct bench *bench, struct choices *choices)
{
    uint64_t floor = 1 + choose(choices, SEQS / 2);
    dedup_fini(&bench->table);
    must(bench->domain.kept_bytes == 0 && bench->domain.kept_replies == 0);
    forget_below(bench, SEQS);
    memset(bench->facts, 0, sizeof bench->facts);
    dedup_init(&bench->table, &bench->domain, floor, WINDOW);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct choices choices = {bytes, size};
    static struct bench bench;
    memset(&bench, 0, sizeof bench);
    bench.domain = (struct dedup_domain){.keep_reply = 256 + 8u * choose_byte(&choices),
                                         .keep_total = 16u * sizeof(struct dedup_record) *
                                                       choose(&choices, 32)};
    dedup_init(&bench.table, &bench.domain, 1 + choose(&choices, 4), WINDOW);
    while (choices.left > 0) {
        switch (choose(&choices, 8)) {
        case 0: finish(&bench, &choices); break;
        case 1: finish(&bench, &choices); break;
        case 2: withdraw(&bench, &choices); break;
        case 3: acknowledge(&bench, &choices); break;
        case 4:
            dedup_trim(&bench.table);
            if (one_in(&choices, 16))
                begin_life(&bench, &choices);
            break;
        default: admit(&bench, &choices); break;
        }
        check(&bench);
    }
    dedup_fini(&bench.table);
    must(bench.domain.kept_bytes == 0 && bench.domain.kept_replies == 0);
    return 0;
}
