/* What a server knows after a crash is what it knew when the last batch was sealed, whatever was deleted before.
 *
 * Reads best next: crash.h, runtime/core/recall.h; recall_model_test.c, where anything happens. */
#include "crash.h"

TestSuite(recall, .timeout = 120);

/* ---- one case after the other ---- */

struct shop {
    struct sessions sessions;
    struct client client;
    struct dedup_run runs[8];
};

static struct shop *open_shop(void)
{
    static struct shop shop;
    books_open(&books);
    shop.sessions = open_on(&books, 64);
    shop.client = client_new(1, "");
    connect_client(&shop.sessions, &shop.client, 0);
    return &shop;
}

static void close_shop(struct shop *shop)
{
    close_sessions(&shop->sessions, &shop->client, 1);
    books_close(&books);
}

static void expect_after_restart(struct shop *shop, uint64_t seq, enum dedup_answer answer,
                                 enum semel_reason reason)
{
    struct sessions again;
    restart(&again, 0);
    struct dedup_verdict verdict = ask_again(&again, &shop->client, seq);
    cr_assert_eq(verdict.answer, answer, "seq %d: %d", (int)seq, (int)verdict.answer);
    cr_assert_eq(verdict.reason, reason, "%s", semel_reason_name(verdict.reason));
    sessions_fini(&again);
}

Test(recall, what_began_and_has_no_end_may_have_run)
{
    struct shop *shop = open_shop();
    ask_waiting(&shop->client, 1, &shop->runs[0], false);
    books_commit(&books, &shop->sessions);
    expect_after_restart(shop, 1, DEDUP_TELL, SEMEL_REASON_BEGUN);
    cr_assert_eq(dedup_start(&shop->runs[0], false), DEDUP_START);
    finish_kept(&shop->runs[0], 10);
    expect_after_restart(shop, 1, DEDUP_TELL, SEMEL_REASON_BEGUN);
    books_commit(&books, &shop->sessions);
    expect_after_restart(shop, 1, DEDUP_RESEND, SEMEL_REASON_NONE);
    expect_after_restart(shop, 2, DEDUP_RUN, SEMEL_REASON_NONE);
    close_shop(shop);
}

Test(recall, a_kept_reply_comes_back_byte_for_byte)
{
    struct shop *shop = open_shop();
    ask_waiting(&shop->client, 1, &shop->runs[0], false);
    dedup_start(&shop->runs[0], false);
    finish_kept(&shop->runs[0], 700);
    books_commit(&books, &shop->sessions);
    struct sessions again;
    restart(&again, 0);
    struct reply *kept = ask_again(&again, &shop->client, 1).reply;
    struct reply *original = reply_for(1, 700);
    cr_assert_eq(kept->out.size, original->out.size);
    frame_seal(kept->frame, 1);
    frame_seal(original->frame, 1);
    cr_assert_arr_eq(kept->frame, original->frame, original->out.size);
    reply_settle(original);
    sessions_fini(&again);
    close_shop(shop);
}

Test(recall, a_reply_too_large_to_keep_is_gone_but_it_ran)
{
    struct shop *shop = open_shop();
    ask_waiting(&shop->client, 1, &shop->runs[0], false);
    dedup_start(&shop->runs[0], false);
    finish_kept(&shop->runs[0], 5000);
    books_commit(&books, &shop->sessions);
    expect_after_restart(shop, 1, DEDUP_TELL, SEMEL_REASON_REPLY_GONE);
    close_shop(shop);
}

Test(recall, a_oneway_that_ran_is_acknowledged_again)
{
    struct shop *shop = open_shop();
    ask_waiting(&shop->client, 5, &shop->runs[0], false);
    ask_waiting(&shop->client, 10, &shop->runs[1], true);
    dedup_start(&shop->runs[0], false);
    dedup_start(&shop->runs[1], false);
    books_commit(&books, &shop->sessions);
    expect_after_restart(shop, 5, DEDUP_TELL, SEMEL_REASON_BEGUN);
    expect_after_restart(shop, 10, DEDUP_RUN, SEMEL_REASON_NONE);
    cr_assert(dedup_finish_oneway(&shop->runs[0]));
    dedup_log_receipt(&shop->runs[1]);
    books_commit(&books, &shop->sessions);
    cr_assert(dedup_finish_oneway(&shop->runs[1]));
    expect_after_restart(shop, 5, DEDUP_RECEIPT, SEMEL_REASON_NONE);
    expect_after_restart(shop, 10, DEDUP_RECEIPT, SEMEL_REASON_NONE);
    close_shop(shop);
}

Test(recall, what_was_withdrawn_is_new)
{
    struct shop *shop = open_shop();
    ask_waiting(&shop->client, 1, &shop->runs[0], false);
    ask_waiting(&shop->client, 2, &shop->runs[1], false);
    ask_waiting(&shop->client, 3, &shop->runs[2], false);
    books_commit(&books, &shop->sessions);
    cr_assert_eq(dedup_start(&shop->runs[0], false), DEDUP_START);
    dedup_withdraw(&shop->runs[0]);
    cr_assert_eq(dedup_start(&shop->runs[1], true), DEDUP_START_LATE);
    cr_assert_eq(dedup_cancel(&shop->runs[2]), SEMEL_OUTCOME_NOT_EXECUTED);
    books_commit(&books, &shop->sessions);
    for (uint64_t seq = 1; seq <= 3; seq++)
        expect_after_restart(shop, seq, DEDUP_RUN, SEMEL_REASON_NONE);
    close_shop(shop);
}

Test(recall, a_transactional_request_is_there_with_its_commit_only)
{
    struct shop *shop = open_shop();
    ask_waiting(&shop->client, 1, &shop->runs[0], true);
    books_commit(&books, &shop->sessions);
    expect_after_restart(shop, 1, DEDUP_RUN, SEMEL_REASON_NONE);
    cr_assert_eq(dedup_start(&shop->runs[0], false), DEDUP_START);
    struct reply *reply = reply_for(1, 10);
    dedup_log_outcome(&shop->runs[0], reply);
    expect_after_restart(shop, 1, DEDUP_RUN, SEMEL_REASON_NONE);
    books_commit(&books, &shop->sessions);
    expect_after_restart(shop, 1, DEDUP_RESEND, SEMEL_REASON_NONE);
    cr_assert(dedup_finish(&shop->runs[0], reply));
    cr_assert(journal_is_empty(&books.journal), "its end is not told twice");
    close_shop(shop);
}

Test(recall, a_commit_that_failed_leaves_it_unknown)
{
    struct shop *shop = open_shop();
    ask_waiting(&shop->client, 1, &shop->runs[0], true);
    cr_assert_eq(dedup_start(&shop->runs[0], false), DEDUP_START);
    struct reply *reply = reply_for(1, 10);
    dedup_log_outcome(&shop->runs[0], reply);
    cr_assert(dedup_lose(&shop->runs[0]));
    reply_settle(reply);
    struct dedup_verdict verdict = ask_again(&shop->sessions, &shop->client, 1);
    cr_assert(verdict.answer == DEDUP_TELL && verdict.reason == SEMEL_REASON_BEGUN &&
              verdict.outcome == SEMEL_OUTCOME_UNKNOWN);
    close_shop(shop);
}

Test(recall, what_waits_and_is_forgotten_does_not_start)
{
    struct shop *shop = open_shop();
    ask_waiting(&shop->client, 1, &shop->runs[0], false);
    dedup_ack(&shop->client.session->table, 2);
    cr_assert_eq(dedup_start(&shop->runs[0], false), DEDUP_START_UNWANTED);
    close_shop(shop);
}

Test(recall, what_was_acknowledged_is_not_remembered)
{
    struct shop *shop = open_shop();
    struct dedup_table *table = &shop->client.session->table;
    ask_waiting(&shop->client, 1, &shop->runs[0], false);
    dedup_start(&shop->runs[0], false);
    finish_kept(&shop->runs[0], 10);
    books_commit(&books, &shop->sessions);
    dedup_log_floor(table);
    cr_assert(journal_is_empty(&books.journal), "nothing has gone");
    dedup_ack(table, 2);
    dedup_log_floor(table);
    cr_assert_not(journal_is_empty(&books.journal));
    books_commit(&books, &shop->sessions);
    struct sessions again;
    restart(&again, 0);
    struct session *session = sessions_find(&again, &shop->client.hello.session);
    cr_assert(session->table.records == 0 && session->table.floor == 2);
    expect_after_restart(shop, 1, DEDUP_TELL, SEMEL_REASON_STALE);
    sessions_fini(&again);
    close_shop(shop);
}

/* ---- sessions ---- */

Test(recall, a_session_is_resumed_with_a_whole_lease)
{
    struct shop *shop = open_shop();
    ask_waiting(&shop->client, 1, &shop->runs[0], false);
    books_commit(&books, &shop->sessions);
    struct sessions again;
    restart(&again, 5 * LEASE);
    sessions_expire(&again, 6 * LEASE - 1);
    struct client client = shop->client;
    cr_assert(connect_client(&again, &client, 6 * LEASE - 1), "RESUMED");
    lose(&again, &client, 6 * LEASE);
    sessions_expire(&again, 8 * LEASE);
    cr_assert_eq(again.count, 0);
    sessions_fini(&again);
    close_shop(shop);
}

Test(recall, who_owns_a_session_and_its_attempts_are_remembered)
{
    struct shop *shop = open_shop();
    books_commit(&books, &shop->sessions);
    struct sessions again;
    restart(&again, 0);
    struct hello late = shop->client.hello;
    cr_assert_eq(judge(&again, &late, ALICE, 0).refusal, SEMEL_REASON_ATTEMPT_DUPLICATE);
    late.attempt++;
    cr_assert_eq(judge(&again, &late, BOB, 0).refusal, SEMEL_REASON_SUBJECT_MISMATCH);
    cr_assert(judge(&again, &late, ALICE, 0).resumed);
    sessions_fini(&again);
    close_shop(shop);
}

/* The lost verdict (README.md, section 6), with a crash after each step. */
Test(recall, a_lost_verdict_stays_lost_across_crashes)
{
    struct shop *shop = open_shop();
    ask_waiting(&shop->client, 1, &shop->runs[0], false);
    dedup_start(&shop->runs[0], false);
    finish_kept(&shop->runs[0], 10);
    lose(&shop->sessions, &shop->client, 0);
    sessions_expire(&shop->sessions, LEASE);
    cr_assert_not(offer(&shop->sessions, &shop->client, LEASE).resumed);
    books_commit(&books, &shop->sessions);
    struct sessions again;
    restart(&again, LEASE); /* its WELCOME was never seen */
    struct client client = shop->client;
    client.session = NULL;
    cr_assert_not(offer(&again, &client, LEASE).resumed, "or it would replay seq 1 into an empty table");
    lose(&again, &client, LEASE);
    sessions_fini(&again);
    close_shop(shop);
}

Test(recall, connection_numbers_never_go_back)
{
    struct shop *shop = open_shop();
    uint64_t last = shop->client.session->connection_number;
    lose(&shop->sessions, &shop->client, 0);
    books_commit(&books, &shop->sessions);
    sessions_expire(&shop->sessions, LEASE);
    for (int i = 0; i < 3; i++)
        books_commit(&books, &shop->sessions);
    cr_assert_eq(books.oldest, books.next - 1, "one batch is left, and tells of no session");
    struct sessions again;
    restart(&again, 0);
    cr_assert_eq(again.count, 0);
    cr_assert_eq(again.last_connection, last);
    sessions_fini(&again);
    close_shop(shop);
}

/* A new life forgets what the old one remembered; a crash must not bring back half of it. */
Test(recall, of_a_session_only_its_last_life_comes_back)
{
    struct shop *shop = open_shop();
    ask_waiting(&shop->client, 1, &shop->runs[0], false);
    books_commit(&books, &shop->sessions);
    lose(&shop->sessions, &shop->client, 0);
    shop->client.hello.last_connection = 77; /* of another life: NEW */
    cr_assert_not(connect_client(&shop->sessions, &shop->client, 0));
    lose(&shop->sessions, &shop->client, 0);
    books_commit(&books, &shop->sessions);
    expect_after_restart(shop, 1, DEDUP_RUN, SEMEL_REASON_NONE);
    sessions_expire(&shop->sessions, LEASE);
    books_commit(&books, &shop->sessions);
    struct sessions again;
    restart(&again, 0);
    cr_assert_eq(again.count, 0);
    sessions_fini(&again);
    shop->client.session = NULL;
    close_shop(shop);
}

/* ---- hostile entries ---- */

/* Batches whose checksum is right and whose entries are not: they are refused, or do no harm. */
Test(recall, makes_no_more_of_hostile_entries_than_they_say)
{
    struct rng rng = {99};
    struct shop *shop = open_shop();
    for (int i = 0; i < 6; i++) {
        ask_waiting(&shop->client, (uint64_t)i + 1, &shop->runs[i], false);
        dedup_start(&shop->runs[i], false);
        if (i % 2 == 0)
            finish_kept(&shop->runs[i], 30);
    }
    books_commit(&books, &shop->sessions);
    size_t size = books.batches[1].size - JOURNAL_HEADER_SIZE;
    int refused = 0;
    for (int i = 0; i < 20000; i++) {
        uint8_t *bytes = exact_copy(books.batches[1].bytes + JOURNAL_HEADER_SIZE, size);
        for (uint64_t changes = 1 + rng_below(&rng, 4); changes > 0; changes--)
            bytes[rng_below(&rng, size)] = (uint8_t)rng_next(&rng);
        struct journal_batch batch = {.number = 1, .last_connection = 9, .entries = {bytes, size, false}};
        struct sessions again = open_on(NULL, 64);
        struct recall recall;
        recall_init(&recall, &again);
        const char *wrong = recall_sessions(&recall, batch);
        if (wrong == NULL)
            wrong = recall_settle(&recall, 0);
        if (wrong == NULL)
            wrong = recall_records(&recall, batch);
        refused += wrong != NULL;
        recall_fini(&recall);
        sessions_fini(&again);
        free(bytes);
    }
    cr_assert_gt(refused, 5000);
    close_shop(shop);
}

static const char *recall_two(const struct journal_entry *first, const struct journal_entry *second)
{
    struct sessions again = open_on(NULL, 64);
    books_open(&books);
    journal_write(&books.journal, first);
    journal_write(&books.journal, second);
    again.last_connection = 9;
    again.domain.journal = &books.journal;
    books_commit(&books, &again);
    again.domain.journal = NULL;
    again.last_connection = 0;
    const char *wrong = books_recall(&books, &again, 0);
    sessions_fini(&again);
    books_close(&books);
    return wrong;
}

Test(recall, refuses_what_contradicts_itself)
{
    struct journal_entry one = {
        .kind = JOURNAL_SESSION, .life = 3, .session = {{1}}, .attempt = 1, .connection = 3, .floor = 1};
    struct journal_entry other = one;
    cr_assert_null(recall_two(&one, &one));
    other.session.bytes[0] = 2;
    cr_assert_str_eq(recall_two(&one, &other), "two sessions share a life");
    other = one;
    other.subject = 5;
    cr_assert_str_eq(recall_two(&one, &other), "two sessions share a life");
    other = one;
    other.life = other.connection = 4;
    cr_assert_str_eq(recall_two(&one, &other), "a session has two lives");
    other = one;
    other.connection = 10;
    cr_assert_str_eq(recall_two(&one, &other), "an entry has a connection number that was never given");
}

Test(recall, refuses_a_journal_with_a_hole)
{
    struct shop *shop = open_shop();
    for (int i = 0; i < 3; i++)
        books_commit(&books, &shop->sessions);
    struct recall recall;
    struct journal_batch batch;
    recall_init(&recall, &shop->sessions);
    cr_assert_null(journal_read(books.batches[1].bytes, books.batches[1].size, 1, &batch));
    cr_assert_null(recall_sessions(&recall, batch));
    cr_assert_null(journal_read(books.batches[3].bytes, books.batches[3].size, 3, &batch));
    cr_assert_str_eq(recall_sessions(&recall, batch), "a batch is missing");
    recall_fini(&recall);
    close_shop(shop);
}
