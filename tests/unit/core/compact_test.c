/* Compaction where there is little room: no more is written than may be, and whenever it stops nothing is lost.
 *
 * Reads best next: crash.h; recall_model_test.c, where anything happens. */
#include "crash.h"

TestSuite(compact, .timeout = 60);

enum { CALLS = 40, REPLY = 700 };

static struct sessions sessions;
static struct client client;

/* One session with kept replies, a batch each; the seqs of every fifth are oneway. */
static void open_full(void)
{
    books_open(&books);
    sessions = open_on(&books, 64);
    client = client_new(1, "");
    connect_client(&sessions, &client, 0);
    for (uint64_t seq = 1; seq <= CALLS; seq++) {
        struct dedup_run run;
        ask_waiting(&client, seq, &run, false);
        dedup_start(&run, false);
        if (is_oneway(seq))
            dedup_finish_oneway(&run);
        else
            finish_kept(&run, REPLY);
        books_commit(&books, &sessions);
    }
}

static void close_full(void)
{
    close_sessions(&sessions, &client, 1);
    books_close(&books);
}

/* Of a server that would start on what is committed: everything is remembered from the floor on. */
static void expect_remembered(uint64_t floor)
{
    struct sessions again;
    restart(&again, 0);
    for (uint64_t seq = floor; seq <= CALLS; seq++)
        cr_assert_eq(ask_again(&again, &client, seq).answer, is_oneway(seq) ? DEDUP_RECEIPT : DEDUP_RESEND,
                     "%d", (int)seq);
    cr_assert_eq(ask_again(&again, &client, CALLS + 1).answer, DEDUP_RUN);
    sessions_fini(&again);
}

static bool is_done(uint64_t from)
{
    return compact_floor(&sessions) >= from;
}

Test(compact, writes_no_more_than_may_be_and_all_in_the_end)
{
    open_full();
    uint64_t from = books.next;
    int batches = 0;
    for (; !is_done(from); batches++) {
        uint64_t before = books.log_bytes;
        compact_step(&sessions, SIZE_MAX, 2000);
        cr_assert_leq(books.journal.size, 2000);
        books_commit(&books, &sessions);
        expect_remembered(1);
        cr_assert_leq(books.log_bytes, before + 2000);
        cr_assert_lt(batches, 100);
    }
    cr_assert_gt(batches, CALLS * REPLY / 2000);
    cr_assert_geq(books.oldest, from, "what was there before is wanted no more");
    close_full();
}

Test(compact, the_next_piece_is_what_it_says)
{
    open_full();
    uint64_t from = books.next;
    cr_assert_eq(compact_next_bytes(&sessions), JOURNAL_SESSION_SIZE);
    while (!is_done(from)) {
        uint64_t least = JOURNAL_HEADER_SIZE + compact_next_bytes(&sessions);
        compact_step(&sessions, SIZE_MAX, least - 1);
        cr_assert(journal_is_empty(&books.journal), "less than it says is too little");
        compact_step(&sessions, 1, least);
        cr_assert(is_done(from) || !journal_is_empty(&books.journal), "so much is enough");
        cr_assert_leq(books.journal.size, least);
        books_commit(&books, &sessions);
    }
    cr_assert_eq(compact_next_bytes(&sessions), JOURNAL_SESSION_SIZE, "it could begin anew");
    compact_step(&sessions, SIZE_MAX, UINT64_MAX);
    cr_assert_eq(compact_next_bytes(&sessions), 0);
    expect_remembered(1);
    close_full();
}

/* For want of room, for as long as it may be; what happens meanwhile is told as ever. */
Test(compact, stops_half_way_and_goes_on_whatever_has_happened)
{
    open_full();
    uint64_t from = books.next;
    compact_step(&sessions, SIZE_MAX, 5000);
    books_commit(&books, &sessions);
    cr_assert_not(is_done(from));
    for (int i = 0; i < 10; i++) {
        compact_step(&sessions, SIZE_MAX, 0);
        cr_assert(journal_is_empty(&books.journal));
        dedup_ack(&client.session->table, 3 + (uint64_t)i);
        dedup_log_floor(&client.session->table);
        books_commit(&books, &sessions);
        expect_remembered(3 + (uint64_t)i);
    }
    cr_assert_eq(books.oldest, 1, "nothing goes before all is told again");
    lose(&sessions, &client, 0);
    cr_assert(connect_client(&sessions, &client, 0));
    compact_step(&sessions, SIZE_MAX, UINT64_MAX);
    books_commit(&books, &sessions);
    cr_assert(is_done(from));
    books_commit(&books, &sessions);
    cr_assert_geq(books.oldest, from);
    expect_remembered(12);
    close_full();
}

/* A client may acknowledge all seqs but the last one there is. */
Test(compact, forgets_the_very_last_seq_no_more_than_any_other)
{
    struct dedup_run run;
    open_full();
    dedup_ack(&client.session->table, UINT64_MAX);
    ask_waiting(&client, UINT64_MAX, &run, false);
    dedup_start(&run, false);
    finish_kept(&run, REPLY);
    books_commit(&books, &sessions);
    uint64_t from = books.next;
    for (int batches = 0; !is_done(from); batches++) {
        cr_assert_lt(batches, 10);
        compact_step(&sessions, SIZE_MAX,
                     batches < 2 ? JOURNAL_HEADER_SIZE + JOURNAL_SESSION_SIZE : UINT64_MAX);
        books_commit(&books, &sessions);
    }
    struct sessions again;
    restart(&again, 0);
    cr_assert_eq(ask_again(&again, &client, UINT64_MAX).answer, DEDUP_RESEND);
    sessions_fini(&again);
    close_full();
}
