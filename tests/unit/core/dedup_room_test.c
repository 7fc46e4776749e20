/* The room of the dedup table: its limits, shared by all tables of a store, and the memory that it gives back.
 *
 * Reads best next: sessions_test.c. */
#include "core/dedup.h"

#include "shop.h"
#include "support.h"

/* ---- limits: refuse, never evict ---- */

Test(dedup, a_reply_over_the_keep_limit_is_recorded_without_its_body)
{
    struct shop shop;
    struct dedup_run run;
    shop_open(&shop);
    admit(&shop, 1, &run);
    uint64_t before = shop.domain.kept_bytes;
    cr_assert_not_null(finish(&run, 4096 - FRAME_HEADER_SIZE), "just fits");
    cr_assert_gt(shop.domain.kept_bytes, before);
    before = shop.domain.kept_bytes;
    admit(&shop, 2, &run);
    cr_assert_null(finish(&run, 4097 - FRAME_HEADER_SIZE));
    cr_assert_eq(shop.domain.kept_bytes, before);
    expect_tell(admit(&shop, 2, &run), SEMEL_REASON_REPLY_GONE, SEMEL_OUTCOME_EXECUTED);
    admit(&shop, 3, &run);
    cr_assert(dedup_finish(&run, NULL), "no memory for the reply");
    expect_tell(admit(&shop, 3, &run), SEMEL_REASON_REPLY_GONE, SEMEL_OUTCOME_EXECUTED);
    shop_close(&shop);
}

Test(dedup, a_full_table_refuses_and_forgets_nothing)
{
    struct shop shop;
    struct dedup_run run;
    shop_open(&shop);
    shop.domain.keep_total = 8000;
    uint64_t seq = 1;
    struct dedup_verdict verdict;
    while ((verdict = admit(&shop, seq, &run)).answer == DEDUP_RUN) {
        finish(&run, 500);
        cr_assert_leq(shop.domain.kept_bytes, shop.domain.keep_total);
        cr_assert_lt(++seq, WINDOW);
    }
    expect_tell(verdict, SEMEL_REASON_TABLE_FULL, SEMEL_OUTCOME_NOT_EXECUTED);
    for (uint64_t old = 1; old < seq; old++) {
        verdict = admit(&shop, old, &run);
        cr_assert(verdict.answer == DEDUP_RESEND || verdict.reason == SEMEL_REASON_REPLY_GONE, "%d", (int)old);
    }
    dedup_ack(&shop.table, seq);
    cr_assert_eq(shop.domain.kept_replies, 0);
    cr_assert_eq(admit(&shop, seq, &run).answer, DEDUP_RUN, "room again");
    shop_close(&shop);
}

/* Its client acknowledges nothing before it has ended: what fills the table would stay until its deadline. */
Test(dedup, the_lowest_call_runs_though_what_came_after_it_fills_the_table)
{
    struct shop shop;
    struct dedup_run run;
    shop_open(&shop);
    admit(&shop, 1, &run);
    cr_assert(dedup_withdraw(&run), "it is refused, and will be tried again");
    for (uint64_t seq = 2; seq < 10; seq++) {
        admit(&shop, seq, &run);
        finish(&run, 500);
    }
    shop.domain.keep_total = shop.domain.kept_bytes;
    expect_tell(admit(&shop, 10, &run), SEMEL_REASON_TABLE_FULL, SEMEL_OUTCOME_NOT_EXECUTED);
    cr_assert_eq(admit(&shop, 1, &run).answer, DEDUP_RUN);
    cr_assert_eq(admit(&shop, 1, &run).answer, DEDUP_ATTACH, "once");
    cr_assert_null(finish(&run, 500), "there is no room for its reply");
    cr_assert_leq(shop.domain.kept_bytes, shop.domain.keep_total);
    expect_tell(admit(&shop, 1, &run), SEMEL_REASON_REPLY_GONE, SEMEL_OUTCOME_EXECUTED);
    for (uint64_t seq = 2; seq < 10; seq++)
        cr_assert_eq(admit(&shop, seq, &run).answer, DEDUP_RESEND, "nothing was evicted for it");
    dedup_ack(&shop.table, 10);
    cr_assert_eq(admit(&shop, 10, &run).answer, DEDUP_RUN);
    shop_close(&shop);
}

static void expect_wait(struct shop *shop, uint64_t seq, struct dedup_run *run)
{
    cr_assert_eq(admit(shop, seq, run).answer, DEDUP_WAIT, "seq %d", (int)seq);
    cr_assert_eq(dedup_start(run, false), DEDUP_START);
}

/* The same where it is the store of the journal that is full: what is spared lets it run, as long as there is some. */
Test(dedup, the_lowest_call_runs_though_what_came_after_it_fills_the_store)
{
    const uint64_t size = JOURNAL_BEGIN_SIZE + JOURNAL_DONE_SIZE;
    struct shop shop;
    struct dedup_run run, other;
    struct journal journal;
    shop_open(&shop);
    journal_init(&journal, 1);
    shop.domain.journal = &journal;
    shop.table.life = 1;
    journal.room = 3 * size;
    journal.spare = size;
    expect_wait(&shop, 1, &run);
    cr_assert(dedup_withdraw(&run), "it is refused, and will be tried again");
    for (uint64_t seq = 2; seq < 4; seq++) {
        expect_wait(&shop, seq, &run);
        dedup_finish(&run, NULL);
    }
    expect_tell(admit(&shop, 4, &run), SEMEL_REASON_TABLE_FULL, SEMEL_OUTCOME_NOT_EXECUTED);
    expect_wait(&shop, 1, &run);
    cr_assert_eq(admit(&shop, 1, &other).answer, DEDUP_ATTACH, "once");
    cr_assert(dedup_withdraw(&run), "it is refused once more");
    cr_assert_eq(journal.spare, 0);
    expect_tell(admit(&shop, 1, &run), SEMEL_REASON_TABLE_FULL, SEMEL_OUTCOME_NOT_EXECUTED);
    journal.spare = size;
    dedup_ack(&shop.table, 4);
    expect_tell(admit(&shop, 4, &run), SEMEL_REASON_TABLE_FULL, SEMEL_OUTCOME_NOT_EXECUTED);
    cr_assert_eq(journal.spare, size, "it holds up nobody: nothing would be given back");
    shop_close(&shop);
    journal_fini(&journal);
}

Test(dedup, tables_of_one_store_share_its_limit)
{
    struct shop shop;
    struct dedup_table other;
    struct dedup_run run, runs[2];
    shop_open(&shop);
    dedup_init(&other, &shop.domain, 1, WINDOW);
    admit(&shop, 1, &runs[0]);
    shop.domain.keep_total = shop.domain.kept_bytes + 100;
    struct dedup_question question = ask(1);
    expect_tell(dedup_admit(&other, &question, &run), SEMEL_REASON_TABLE_FULL, SEMEL_OUTCOME_NOT_EXECUTED);
    cr_assert_eq(admit(&shop, 2, &runs[1]).answer, DEDUP_RUN, "within the ring that is there");
    dedup_fini(&other);
    shop_close(&shop);
}

/* ---- the ring goes back ---- */

Test(dedup, trim_gives_an_empty_ring_back)
{
    struct shop shop;
    struct dedup_run run;
    shop_open(&shop);
    dedup_trim(&shop.table); /* there is none yet */
    for (uint64_t life = 0; life < 3; life++) {
        uint64_t seq = 1 + life * 50;
        cr_assert_eq(admit(&shop, seq + 40, &run).answer, DEDUP_RUN);
        cr_assert_gt(shop.domain.kept_bytes, 0);
        finish(&run, 10);
        dedup_ack(&shop.table, seq + 50);
        dedup_trim(&shop.table);
        cr_assert_eq(shop.table.ring_size, 0);
        cr_assert_eq(shop.domain.kept_bytes, 0);
        cr_assert_eq(shop.table.floor, seq + 50, "the floor stays");
        expect_tell(admit(&shop, seq + 40, &run), SEMEL_REASON_STALE, SEMEL_OUTCOME_UNKNOWN);
        cr_assert_null(dedup_find_running(&shop.table, seq + 50), "nothing is looked up in no ring");
    }
    shop_close(&shop);
}

/* Every kind of record keeps its ring, for the client may still ask for it. */
Test(dedup, trim_takes_nothing_that_is_remembered)
{
    struct shop shop;
    struct dedup_run run, other;
    shop_open(&shop);
    admit(&shop, 1, &run);
    dedup_trim(&shop.table);
    cr_assert_eq(admit(&shop, 1, &other).answer, DEDUP_ATTACH);
    finish(&run, 10);
    dedup_trim(&shop.table);
    cr_assert_eq(admit(&shop, 1, &other).answer, DEDUP_RESEND);
    dedup_ack(&shop.table, 2);
    admit(&shop, 2, &run);
    dedup_finish(&run, NULL);
    dedup_trim(&shop.table);
    expect_tell(admit(&shop, 2, &other), SEMEL_REASON_REPLY_GONE, SEMEL_OUTCOME_EXECUTED);
    dedup_ack(&shop.table, 3);
    admit(&shop, 3, &run);
    dedup_withdraw(&run);
    dedup_trim(&shop.table);
    cr_assert_eq(shop.domain.kept_bytes, 0, "a request that was refused leaves nothing");
    shop_close(&shop);
}

/* The ring that is needed to reach seq 2000 from floor 1: the next power of two. */
static void reach_far(struct shop *shop, uint64_t offset, struct dedup_run *run)
{
    shop_open(shop);
    dedup_init(&shop->table, &shop->domain, 1, 65536);
    cr_assert_eq(admit(shop, 1 + offset, run).answer, DEDUP_RUN);
    cr_assert_eq(shop->domain.kept_bytes, shop->table.ring_size * sizeof(struct dedup_record));
}

/* Regression: a burst left its ring behind for as long as the connection lived, at the cost of all other clients. */
Test(dedup, a_large_ring_goes_back_with_the_ack_that_empties_it)
{
    static const struct {
        uint64_t offset, ring;
        bool goes;
    } cases[] = {{15, 16, false},    {1022, 1024, false}, {1023, 1024, false},
                 {1024, 2048, true}, {2047, 2048, true},  {9000, 16384, true}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct shop shop;
        struct dedup_run run;
        reach_far(&shop, cases[i].offset, &run);
        cr_assert_eq(shop.table.ring_size, cases[i].ring);
        finish(&run, 10);
        dedup_ack(&shop.table, cases[i].offset + 1);
        cr_assert_eq(shop.table.ring_size, cases[i].ring, "its record may be asked for");
        cr_assert_eq(admit(&shop, cases[i].offset + 1, &run).answer, DEDUP_RESEND);
        dedup_ack(&shop.table, cases[i].offset + 2);
        uint64_t left = cases[i].goes ? 0 : cases[i].ring;
        cr_assert_eq(shop.table.ring_size, left, "after seq %d", (int)cases[i].offset + 1);
        cr_assert_eq(shop.domain.kept_bytes, left * sizeof(struct dedup_record));
        cr_assert_eq(shop.table.floor, cases[i].offset + 2);
        expect_tell(admit(&shop, cases[i].offset + 1, &run), SEMEL_REASON_STALE, SEMEL_OUTCOME_UNKNOWN);
        cr_assert_eq(admit(&shop, cases[i].offset + 2, &run).answer, DEDUP_RUN, "and it goes on");
        finish(&run, 10);
        shop_close(&shop);
    }
}

Test(dedup, a_large_ring_stays_while_a_request_runs)
{
    struct shop shop;
    struct dedup_run run, again;
    reach_far(&shop, 5000, &run);
    for (uint64_t floor = 2; floor <= 5001; floor += 357)
        dedup_ack(&shop.table, floor);
    cr_assert_eq(shop.table.ring_size, 8192);
    cr_assert_eq(admit(&shop, 5001, &again).answer, DEDUP_ATTACH);
    dedup_ack(&shop.table, 5002);
    cr_assert_eq(shop.domain.kept_bytes, 0);
    cr_assert_null(run.table, "nobody wants its result any more");
    cr_assert_not(dedup_finish(&run, NULL));
    shop_close(&shop);
}

enum { SHARED_ROOM = 96 * sizeof(struct dedup_record) };

/* One ran, so that its ring has as many places as its seq asks for, and a reply of this size is kept. */
static void run_one(struct dedup_table *table, uint64_t seq, size_t reply_size)
{
    struct dedup_question question = {.seq = seq, .method = 1};
    struct dedup_run run;
    cr_assert_eq(dedup_admit(table, &question, &run).answer, DEDUP_RUN);
    finish(&run, reply_size);
}

/* Regression: all was acknowledged and nothing ran, and yet the store refused, for rings were never given back. */
Test(dedup, idle_tables_do_not_fill_the_store)
{
    struct dedup_domain domain = {.keep_reply = 1000, .keep_total = SHARED_ROOM};
    struct dedup_table idle, other;
    dedup_init(&idle, &domain, 1, 1024);
    dedup_init(&other, &domain, 1, 1024);
    run_one(&idle, 64, 0);
    struct dedup_question question = {.seq = 64, .method = 1};
    struct dedup_run run;
    expect_tell(dedup_admit(&other, &question, &run), SEMEL_REASON_TABLE_FULL, SEMEL_OUTCOME_NOT_EXECUTED);
    dedup_ack(&idle, 64);
    cr_assert_eq(idle.ring_size, 64, "its record may be asked for");
    dedup_ack(&idle, 65);
    cr_assert_eq(idle.ring_size, 0);
    cr_assert_eq(dedup_admit(&other, &question, &run).answer, DEDUP_RUN);
    dedup_fini(&idle);
    dedup_fini(&other);
    cr_assert_eq(domain.kept_bytes, 0);
}

/* Regression: a client that was connected and idle held an empty ring for ever, and a recovery of another, which found
 * no room beside it and could acknowledge nothing before its end, was refused for as long (simulation, seed 55191). */
Test(dedup, an_idle_ring_goes_back_once_room_is_scarce)
{
    struct dedup_domain domain = {.keep_reply = 4096, .keep_total = SHARED_ROOM};
    struct dedup_table idle, recovering;
    dedup_init(&idle, &domain, 1, 1024);
    dedup_init(&recovering, &domain, 1, 1024);
    run_one(&idle, 32, 0);
    dedup_ack(&idle, 33);
    dedup_ack(&idle, 33);
    cr_assert_eq(idle.ring_size, 32, "there is room enough: at one call at a time it is worth keeping");
    run_one(&recovering, 16, 10);
    run_one(&recovering, 32, 10);
    struct dedup_question question = {.seq = 48, .method = 1};
    struct dedup_run run;
    expect_tell(dedup_admit(&recovering, &question, &run), SEMEL_REASON_TABLE_FULL, SEMEL_OUTCOME_NOT_EXECUTED);
    dedup_ack(&recovering, 1);
    cr_assert_eq(recovering.records, 2, "what is not acknowledged stays");
    dedup_ack(&idle, 33); /* as its next PING says */
    cr_assert_eq(idle.ring_size, 0);
    cr_assert_eq(idle.floor, 33);
    cr_assert_eq(dedup_admit(&recovering, &question, &run).answer, DEDUP_RUN);
    question.seq = 32;
    expect_tell(dedup_admit(&idle, &question, &run), SEMEL_REASON_STALE, SEMEL_OUTCOME_UNKNOWN);
    dedup_fini(&idle);
    dedup_fini(&recovering);
    cr_assert_eq(domain.kept_bytes, 0);
}
