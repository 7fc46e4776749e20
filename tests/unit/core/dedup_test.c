/* The dedup table: each line of semantics.md, section 4, and random requests against a naive model.
 *
 * Reads best next: dedup_room_test.c. */
#include "core/dedup.h"

#include <signal.h>

#include "shop.h"
#include "support.h"

/* ---- the life of one request ---- */

Test(dedup, a_request_runs_once)
{
    struct shop shop;
    struct dedup_run run, again;
    shop_open(&shop);
    cr_assert_eq(admit(&shop, 1, &run).answer, DEDUP_RUN);
    cr_assert_eq(dedup_find_running(&shop.table, 1), &run);
    for (int i = 0; i < 3; i++)
        cr_assert_eq(admit(&shop, 1, &again).answer, DEDUP_ATTACH);
    struct reply *reply = finish(&run, 30);
    cr_assert_null(dedup_find_running(&shop.table, 1));
    uint8_t bytes[FRAME_HEADER_SIZE + 30];
    memcpy(bytes, reply->frame, sizeof bytes);
    for (int i = 0; i < 3; i++) {
        struct dedup_verdict verdict = admit(&shop, 1, &again);
        cr_assert_eq(verdict.answer, DEDUP_RESEND);
        cr_assert_eq(verdict.reply, reply);
        cr_assert_eq(verdict.reply->out.size, sizeof bytes);
        cr_assert_eq(memcmp(verdict.reply->frame, bytes, sizeof bytes), 0, "the same bytes each time");
    }
    dedup_ack(&shop.table, 2);
    expect_tell(admit(&shop, 1, &again), SEMEL_REASON_STALE, SEMEL_OUTCOME_UNKNOWN);
    shop_close(&shop);
}

Test(dedup, an_idempotent_request_leaves_nothing)
{
    struct shop shop;
    struct dedup_run run;
    struct dedup_question question = ask(1);
    question.idempotent = true;
    shop_open(&shop);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(dedup_admit(&shop.table, &question, &run).answer, DEDUP_RUN);
        cr_assert_eq(dedup_admit(&shop.table, &question, &run).answer, DEDUP_ATTACH);
        cr_assert_null(finish(&run, 30));
        cr_assert_eq(shop.table.records, 0);
        cr_assert_eq(shop.domain.kept_replies, 0);
    }
    shop_close(&shop);
}

Test(dedup, a_refusal_by_the_handler_leaves_room_for_a_retry)
{
    struct shop shop;
    struct dedup_run run;
    shop_open(&shop);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(admit(&shop, 1, &run).answer, DEDUP_RUN);
        cr_assert(dedup_withdraw(&run));
        cr_assert_eq(shop.table.records, 0);
        cr_assert_eq(shop.table.running, 0);
    }
    shop_close(&shop);
}

/* An executed oneway is acknowledged as often as it is asked for, and keeps no reply for it. */
Test(dedup, an_executed_oneway_is_acknowledged_again)
{
    struct shop shop;
    struct dedup_run run, again;
    struct dedup_question question = ask(1);
    shop_open(&shop);
    question.oneway = true;
    cr_assert_eq(dedup_admit(&shop.table, &question, &run).answer, DEDUP_RUN);
    cr_assert_eq(dedup_admit(&shop.table, &question, &again).answer, DEDUP_ATTACH);
    uint64_t kept_bytes = shop.domain.kept_bytes;
    cr_assert(dedup_finish_oneway(&run));
    cr_assert_eq(shop.domain.kept_bytes, kept_bytes);
    cr_assert_eq(shop.domain.kept_replies, 0);
    for (int reason = 0; reason < SEMEL_REASON_COUNT; reason++) {
        question.expired = reason % 2 == 1;
        question.unfit = (enum semel_reason)reason;
        cr_assert_eq(dedup_admit(&shop.table, &question, &again).answer, DEDUP_RECEIPT);
    }
    cr_assert_eq(shop.table.running, 0);
    cr_assert_eq(shop.table.records, 1);
    dedup_ack(&shop.table, 2);
    expect_tell(dedup_admit(&shop.table, &question, &again), SEMEL_REASON_STALE, SEMEL_OUTCOME_UNKNOWN);
    cr_assert_eq(shop.table.records, 0);
    shop_close(&shop);
}

Test(dedup, a_oneway_that_fails_keeps_its_reply)
{
    struct shop shop;
    struct dedup_run run, again;
    struct dedup_question question = ask(1);
    shop_open(&shop);
    question.oneway = true;
    cr_assert_eq(dedup_admit(&shop.table, &question, &run).answer, DEDUP_RUN);
    struct reply *reply = finish(&run, 30);
    struct dedup_verdict verdict = dedup_admit(&shop.table, &question, &again);
    cr_assert_eq(verdict.answer, DEDUP_RESEND);
    cr_assert_eq(verdict.reply, reply);
    shop_close(&shop);
}

Test(dedup, an_idempotent_oneway_leaves_nothing)
{
    struct shop shop;
    struct dedup_run run;
    struct dedup_question question = ask(1);
    shop_open(&shop);
    question.oneway = question.idempotent = true;
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(dedup_admit(&shop.table, &question, &run).answer, DEDUP_RUN);
        cr_assert(dedup_finish_oneway(&run));
        cr_assert_eq(shop.table.records, 0);
    }
    shop_close(&shop);
}

Test(dedup, a_oneway_that_finishes_for_nobody_says_so)
{
    struct shop shop;
    struct dedup_run run;
    struct dedup_question question = ask(1);
    shop_open(&shop);
    question.oneway = true;
    cr_assert_eq(dedup_admit(&shop.table, &question, &run).answer, DEDUP_RUN);
    dedup_ack(&shop.table, 2);
    cr_assert_not(dedup_finish_oneway(&run));
    shop_close(&shop);
}

/* Whether somebody waits for a reply belongs to what a request is: the answer would be of the wrong kind. */
Test(dedup, a_replay_that_is_no_longer_oneway_is_a_false_retry)
{
    struct shop shop;
    struct dedup_run runs[2], again;
    shop_open(&shop);
    for (uint64_t seq = 1; seq <= 2; seq++) {
        struct dedup_question question = ask(seq);
        question.oneway = seq == 1;
        cr_assert_eq(dedup_admit(&shop.table, &question, &runs[seq - 1]).answer, DEDUP_RUN);
        question.oneway = !question.oneway;
        expect_tell(dedup_admit(&shop.table, &question, &again), SEMEL_REASON_FALSE_RETRY,
                    SEMEL_OUTCOME_NOT_EXECUTED);
    }
    cr_assert(dedup_finish_oneway(&runs[0]));
    expect_tell(admit(&shop, 1, &again), SEMEL_REASON_FALSE_RETRY, SEMEL_OUTCOME_NOT_EXECUTED);
    shop_close(&shop);
}

Test(dedup, acknowledging_what_somebody_waits_for_is_a_bug, .signal = SIGABRT)
{
    struct shop shop;
    struct dedup_run run;
    shop_open(&shop);
    admit(&shop, 1, &run);
    dedup_finish_oneway(&run);
}

/* ---- the order of the tests ---- */

Test(dedup, stale_comes_before_everything)
{
    struct shop shop;
    struct dedup_run run;
    shop_open(&shop);
    cr_assert_eq(admit(&shop, 4, &run).answer, DEDUP_RUN);
    finish(&run, 10);
    dedup_ack(&shop.table, 5);
    struct dedup_question question = {.seq = 4,
                                      .method = 6,
                                      .digest = 1,
                                      .idempotent = true,
                                      .expired = true,
                                      .unfit = SEMEL_REASON_DRAINING};
    expect_tell(dedup_admit(&shop.table, &question, &run), SEMEL_REASON_STALE, SEMEL_OUTCOME_UNKNOWN);
    shop_close(&shop);
}

Test(dedup, window_comes_before_admission)
{
    struct shop shop;
    struct dedup_run run;
    shop_open(&shop);
    static const uint64_t outside[] = {1 + WINDOW, 2 + WINDOW, UINT64_MAX, UINT64_MAX / 2, 0};
    for (size_t i = 0; outside[i] != 0; i++) {
        struct dedup_question question = ask(outside[i]);
        question.expired = true;
        question.unfit = SEMEL_REASON_OVERLOADED;
        struct dedup_verdict verdict = dedup_admit(&shop.table, &question, &run);
        cr_assert_eq(verdict.answer, DEDUP_CUT);
        cr_assert_eq(verdict.reason, SEMEL_REASON_OUTSIDE_WINDOW);
    }
    cr_assert_eq(admit(&shop, WINDOW, &run).answer, DEDUP_RUN, "the last of the window");
    shop_close(&shop);
}

/* A replay is answered from its record whatever has become of the server or of the time since. */
Test(dedup, record_comes_before_deadline_and_admission)
{
    struct shop shop;
    struct dedup_run run, large, running, again;
    shop_open(&shop);
    admit(&shop, 1, &run);
    admit(&shop, 2, &large);
    admit(&shop, 3, &running);
    struct reply *reply = finish(&run, 10);
    finish(&large, 5000);
    for (int reason = 0; reason < SEMEL_REASON_COUNT; reason++) {
        struct dedup_question question = ask(1);
        question.expired = true;
        question.unfit = (enum semel_reason)reason;
        cr_assert_eq(dedup_admit(&shop.table, &question, &again).reply, reply);
        question = ask(2);
        question.unfit = (enum semel_reason)reason;
        expect_tell(dedup_admit(&shop.table, &question, &again), SEMEL_REASON_REPLY_GONE,
                    SEMEL_OUTCOME_EXECUTED);
        question = ask(3);
        question.expired = true;
        question.unfit = (enum semel_reason)reason;
        cr_assert_eq(dedup_admit(&shop.table, &question, &again).answer, DEDUP_ATTACH);
    }
    shop_close(&shop);
}

Test(dedup, deadline_comes_before_admission)
{
    struct shop shop;
    struct dedup_run run;
    struct dedup_question question = ask(1);
    shop_open(&shop);
    question.expired = true;
    question.unfit = SEMEL_REASON_OVERLOADED;
    expect_tell(dedup_admit(&shop.table, &question, &run), SEMEL_REASON_EXPIRED, SEMEL_OUTCOME_NOT_EXECUTED);
    question.expired = false;
    expect_tell(dedup_admit(&shop.table, &question, &run), SEMEL_REASON_OVERLOADED, SEMEL_OUTCOME_NOT_EXECUTED);
    question.unfit = SEMEL_REASON_NONE;
    cr_assert_eq(shop.table.records, 0, "a refusal leaves no record");
    cr_assert_eq(dedup_admit(&shop.table, &question, &run).answer, DEDUP_RUN,
                 "and the same seq may come again");
    shop_close(&shop);
}

/* ---- false retry ---- */

static void expect_false_retry(struct shop *shop, uint64_t seq)
{
    struct dedup_run run;
    struct dedup_question question = ask(seq);
    question.digest++;
    expect_tell(dedup_admit(&shop->table, &question, &run), SEMEL_REASON_FALSE_RETRY,
                SEMEL_OUTCOME_NOT_EXECUTED);
    question = ask(seq);
    question.method++;
    expect_tell(dedup_admit(&shop->table, &question, &run), SEMEL_REASON_FALSE_RETRY,
                SEMEL_OUTCOME_NOT_EXECUTED);
    question = ask(seq);
    question.idempotent = true;
    expect_tell(dedup_admit(&shop->table, &question, &run), SEMEL_REASON_FALSE_RETRY,
                SEMEL_OUTCOME_NOT_EXECUTED);
}

Test(dedup, another_request_under_the_same_seq_is_not_run)
{
    struct shop shop;
    struct dedup_run runs[3];
    shop_open(&shop);
    for (uint64_t i = 0; i < 3; i++)
        admit(&shop, i + 1, &runs[i]);
    finish(&runs[1], 10);
    finish(&runs[2], 5000);
    for (uint64_t seq = 1; seq <= 3; seq++)
        expect_false_retry(&shop, seq);
    cr_assert_eq(dedup_find_running(&shop.table, 1), &runs[0], "the true one is not disturbed");
    shop_close(&shop);
}

Test(dedup, begun_is_told_as_unknown)
{
    struct shop shop;
    struct dedup_run run;
    shop_open(&shop);
    admit(&shop, 1, &run);
    /* What a durable store finds after a crash. */
    shop.table.ring[1].state = DEDUP_BEGUN;
    shop.table.running--;
    expect_tell(admit(&shop, 1, &run), SEMEL_REASON_BEGUN, SEMEL_OUTCOME_UNKNOWN);
    expect_false_retry(&shop, 1);
    dedup_ack(&shop.table, 2);
    cr_assert_eq(shop.table.records, 0);
    shop_close(&shop);
}

/* ---- acknowledgement ---- */

Test(dedup, an_ack_frees_what_is_below_it_and_no_more)
{
    struct shop shop;
    struct dedup_run runs[40];
    shop_open(&shop);
    for (uint64_t i = 0; i < 40; i++) {
        admit(&shop, i + 1, &runs[i]);
        finish(&runs[i], 100);
    }
    for (uint64_t floor = 1; floor <= 41; floor++) {
        dedup_ack(&shop.table, floor);
        dedup_ack(&shop.table, floor > 5 ? floor - 5 : 1);
        cr_assert_eq(shop.table.floor, floor, "it never goes back");
        cr_assert_eq(shop.table.records, 41 - floor);
        cr_assert_eq(shop.domain.kept_replies, 41 - floor);
    }
    shop_close(&shop);
}

Test(dedup, a_huge_ack_is_no_work)
{
    struct shop shop;
    struct dedup_run run;
    shop_open(&shop);
    for (uint64_t seq = 1; seq <= 20; seq++)
        admit(&shop, seq, &run), finish(&run, 10);
    dedup_ack(&shop.table, UINT64_MAX - 2); /* ends at once */
    cr_assert_eq(shop.table.records, 0);
    expect_tell(admit(&shop, 20, &run), SEMEL_REASON_STALE, SEMEL_OUTCOME_UNKNOWN);
    cr_assert_eq(admit(&shop, UINT64_MAX, &run).answer, DEDUP_RUN);
    dedup_withdraw(&run);
    shop_close(&shop);
}

Test(dedup, acknowledged_while_it_runs)
{
    struct shop shop;
    struct dedup_run run, other;
    shop_open(&shop);
    admit(&shop, 1, &run);
    admit(&shop, 2, &other);
    dedup_ack(&shop.table, 2);
    cr_assert_null(run.table);
    cr_assert_eq(shop.table.running, 1);
    struct reply *reply = new_reply(10);
    cr_assert_not(dedup_finish(&run, reply), "nobody wants it");
    cr_assert_not(reply->kept);
    reply_settle(reply);
    cr_assert_not(dedup_withdraw(&run));
    expect_tell(admit(&shop, 1, &run), SEMEL_REASON_STALE, SEMEL_OUTCOME_UNKNOWN);
    shop_close(&shop);
}

Test(dedup, finished_after_the_session_is_forgotten)
{
    struct shop shop;
    struct dedup_run runs[3];
    shop_open(&shop);
    for (uint64_t i = 0; i < 3; i++)
        admit(&shop, i + 1, &runs[i]);
    shop_close(&shop);
    cr_assert_null(finish(&runs[0], 10));
    cr_assert_not(dedup_finish(&runs[1], NULL));
    cr_assert_not(dedup_withdraw(&runs[2]));
    cr_assert_eq(shop.domain.kept_bytes, 0);
}

/* A reply that is still in a send queue when its record goes is freed by whoever comes last. */
Test(dedup, an_acknowledged_reply_outlives_its_record_in_the_send_queue)
{
    struct shop shop;
    struct dedup_run run;
    shop_open(&shop);
    admit(&shop, 1, &run);
    struct reply *reply = new_reply(10);
    cr_assert(dedup_finish(&run, reply));
    reply->out.queued = true;
    dedup_ack(&shop.table, 2);
    cr_assert_not(reply->kept);
    cr_assert_eq(reply_body(reply)[0], 10, "still there");
    reply->out.queued = false;
    reply_settle(reply);
    shop_close(&shop);
}

/* ---- against a naive model: every seq ever, in an array ---- */

enum model_state { NEVER, RUNS, KEPT, GONE, ACKNOWLEDGED };

struct model_record {
    enum model_state state;
    uint64_t digest;
    bool idempotent;
    struct dedup_run run;
    struct reply *reply;
    int executions;
    int refusals; /* handlers that refused: these executions do not count */
};

enum { MODEL_SEQS = 60000, MODEL_TABLES = 3, MODEL_WINDOW = 200 };

struct model {
    struct dedup_domain domain;
    struct dedup_table tables[MODEL_TABLES];
    struct model_record *records[MODEL_TABLES]; /* by seq */
    uint64_t floors[MODEL_TABLES];
    uint64_t newest[MODEL_TABLES];
    int answers[8];
};

static uint64_t model_kept_bytes(const struct model *model)
{
    uint64_t bytes = 0;
    for (int t = 0; t < MODEL_TABLES; t++) {
        bytes += model->tables[t].ring_size * sizeof(struct dedup_record);
        for (uint64_t seq = model->floors[t]; seq <= model->newest[t]; seq++)
            if (model->records[t][seq].state == KEPT)
                bytes += reply_size(model->records[t][seq].reply);
    }
    return bytes;
}

static void model_new(struct model *model, int t, const struct dedup_question *question,
                      struct dedup_verdict verdict)
{
    struct model_record *record = &model->records[t][question->seq];
    if (question->expired) {
        expect_tell(verdict, SEMEL_REASON_EXPIRED, SEMEL_OUTCOME_NOT_EXECUTED);
    } else if (question->unfit != SEMEL_REASON_NONE) {
        expect_tell(verdict, question->unfit, SEMEL_OUTCOME_NOT_EXECUTED);
    } else if (verdict.answer == DEDUP_TELL) {
        expect_tell(verdict, SEMEL_REASON_TABLE_FULL, SEMEL_OUTCOME_NOT_EXECUTED);
        /* At most one ring of the whole window is missing. */
        cr_assert_gt(model->domain.kept_bytes + 256 * sizeof(struct dedup_record), model->domain.keep_total);
    } else {
        cr_assert_eq(verdict.answer, DEDUP_RUN);
        record->state = RUNS;
        record->digest = question->digest;
        record->idempotent = question->idempotent;
        record->executions++;
        if (!record->idempotent)
            cr_assert_eq(record->executions - record->refusals, 1, "an at-most-once request ran twice");
    }
}

static void model_request(struct model *model, struct rng *rng)
{
    int t = (int)rng_below(rng, MODEL_TABLES);
    uint64_t low = model->floors[t] > 10 ? model->floors[t] - 10 : 1;
    uint64_t seq = low + rng_below(rng, model->newest[t] + 3 - low);
    if (rng_below(rng, 200) == 0)
        seq = model->floors[t] + MODEL_WINDOW - 2 + rng_below(rng, 5);
    struct dedup_question question = {
        .seq = seq,
        .method = 1,
        .digest = seq * 7 + (rng_below(rng, 50) == 0),
        .idempotent = seq % 4 == 0,
        .oneway = seq % 3 == 0,
        .expired = rng_below(rng, 20) == 0,
        .unfit = rng_below(rng, 20) == 0 ? SEMEL_REASON_OVERLOADED : SEMEL_REASON_NONE,
    };
    struct model_record *record = &model->records[t][seq];
    struct dedup_verdict verdict = dedup_admit(&model->tables[t], &question, &record->run);
    model->answers[verdict.answer]++;
    if (seq < model->floors[t]) {
        expect_tell(verdict, SEMEL_REASON_STALE, SEMEL_OUTCOME_UNKNOWN);
        return;
    }
    if (seq >= model->floors[t] + MODEL_WINDOW) {
        cr_assert_eq(verdict.answer, DEDUP_CUT);
        return;
    }
    model->newest[t] = seq > model->newest[t] ? seq : model->newest[t];
    if (record->state == NEVER)
        model_new(model, t, &question, verdict);
    else if (record->digest != question.digest)
        expect_tell(verdict, SEMEL_REASON_FALSE_RETRY, SEMEL_OUTCOME_NOT_EXECUTED);
    else if (record->state == RUNS)
        cr_assert_eq(verdict.answer, DEDUP_ATTACH);
    else if (record->state == KEPT)
        cr_assert(verdict.answer == DEDUP_RESEND && verdict.reply == record->reply);
    else if (record->state == ACKNOWLEDGED)
        cr_assert_eq(verdict.answer, DEDUP_RECEIPT);
    else
        expect_tell(verdict, SEMEL_REASON_REPLY_GONE, SEMEL_OUTCOME_EXECUTED);
}

static void model_finish(struct model *model, struct rng *rng)
{
    int t = (int)rng_below(rng, MODEL_TABLES);
    uint64_t seq = model->floors[t] + rng_below(rng, model->newest[t] + 1 - model->floors[t] + 1);
    struct model_record *record = &model->records[t][seq];
    if (record->state != RUNS)
        return;
    cr_assert_eq(dedup_find_running(&model->tables[t], seq), &record->run);
    if (rng_below(rng, 6) == 0) {
        cr_assert(dedup_withdraw(&record->run));
        record->state = NEVER;
        record->refusals++;
        return;
    }
    if (seq % 3 == 0 && rng_below(rng, 4) > 0) {
        uint64_t kept_bytes = model->domain.kept_bytes;
        cr_assert(dedup_finish_oneway(&record->run));
        cr_assert_eq(model->domain.kept_bytes, kept_bytes, "no reply is kept");
        record->state = record->idempotent ? NEVER : ACKNOWLEDGED;
        return;
    }
    struct reply *reply = new_reply(rng_below(rng, 5) == 0 ? 1500 : rng_below(rng, 300));
    cr_assert(dedup_finish(&record->run, reply));
    if (record->idempotent)
        cr_assert_not(reply->kept);
    if (reply->out.size > model->domain.keep_reply)
        cr_assert_not(reply->kept);
    record->state = record->idempotent ? NEVER : reply->kept ? KEPT : GONE;
    record->reply = reply;
    reply_settle(reply);
}

static void model_ack(struct model *model, struct rng *rng)
{
    int t = (int)rng_below(rng, MODEL_TABLES);
    uint64_t floor = model->floors[t] + rng_below(rng, model->newest[t] + 2 - model->floors[t]);
    for (uint64_t seq = model->floors[t]; seq < floor; seq++) {
        struct model_record *record = &model->records[t][seq];
        if (record->state != RUNS)
            continue;
        dedup_ack(&model->tables[t], floor); /* its handler goes on, for nobody */
        cr_assert_not(dedup_finish(&record->run, NULL));
    }
    dedup_ack(&model->tables[t], floor);
    model->floors[t] = floor;
    model->newest[t] = model->newest[t] < floor ? floor : model->newest[t];
}

static uint64_t model_lowest(const struct model *model)
{
    uint64_t most = 0;
    for (int t = 0; t < MODEL_TABLES; t++)
        most = model->newest[t] > most ? model->newest[t] : most;
    return most;
}

Test(dedup, keeps_to_the_model)
{
    static struct model model;
    struct rng rng = {11};
    model.domain = (struct dedup_domain){.keep_reply = 1000, .keep_total = 60000};
    for (int t = 0; t < MODEL_TABLES; t++) {
        model.records[t] = calloc(MODEL_SEQS, sizeof *model.records[t]);
        model.floors[t] = model.newest[t] = 1;
        dedup_init(&model.tables[t], &model.domain, 1, MODEL_WINDOW);
    }
    int steps = 0;
    for (; steps < 300000 && model_lowest(&model) < MODEL_SEQS - 2 * MODEL_WINDOW; steps++) {
        uint64_t dice = rng_below(&rng, 200);
        if (dice < 110)
            model_request(&model, &rng);
        else if (dice < 198)
            model_finish(&model, &rng);
        else
            model_ack(&model, &rng);
        cr_assert_leq(model.domain.kept_bytes, model.domain.keep_total);
        if (steps % 64 == 0)
            cr_assert_eq(model.domain.kept_bytes, model_kept_bytes(&model));
    }
    cr_assert_geq(steps, 200000);
    cr_assert_eq(model.answers[DEDUP_WAIT], 0, "nothing waits without a journal");
    for (int answer = DEDUP_RUN; answer <= DEDUP_CUT; answer++)
        cr_assert(answer == DEDUP_WAIT || model.answers[answer] > 300, "answer %d was met %d times", answer,
                  model.answers[answer]);
    for (int t = 0; t < MODEL_TABLES; t++) {
        dedup_fini(&model.tables[t]);
        free(model.records[t]);
    }
    cr_assert_eq(model.domain.kept_bytes, 0);
    cr_assert_eq(model.domain.kept_replies, 0);
}

Test(dedup, a_window_of_nothing_is_a_bug, .signal = SIGABRT)
{
    struct dedup_domain domain = {0};
    struct dedup_table table;
    dedup_init(&table, &domain, 1, 0);
}

Test(dedup, an_end_lasts_that_is_the_same_for_every_replay)
{
    struct shop shop;
    struct dedup_run once, often;
    const struct dedup_question question = {.seq = 2, .idempotent = true};
    shop_open(&shop);
    admit(&shop, 1, &once);
    dedup_admit(&shop.table, &question, &often);
    cr_assert(dedup_end_lasts(&once, SEMEL_OK) && dedup_end_lasts(&once, SEMEL_NOT_FOUND));
    cr_assert(dedup_end_lasts(&often, SEMEL_OK) && !dedup_end_lasts(&often, SEMEL_NOT_FOUND));
    shop_close(&shop);
}
