/* Sessions: the five rules of acceptance, the cases that broke others before us, and the lost verdict.
 *
 * Reads best next: sessions_name_test.c. */
#include "core/sessions.h"

#include <signal.h>
#include <stdio.h>

#include "clients.h"
#include "support.h"

static const struct id another_domain = {{0xe0, 0xe1}};

/* ---- the five rules ---- */

Test(sessions, rule_1_an_unknown_session_is_new)
{
    struct sessions sessions = open_sessions(10);
    struct client client = client_new(1, "");
    struct sessions_judgment judgment = offer(&sessions, &client, 0);
    cr_assert(judgment.accept && !judgment.resumed);
    cr_assert_null(judgment.session);
    cr_assert_eq(displaced.count, 0);
    cr_assert_eq(client.session->connection_number, 1);
    cr_assert_eq(client.session->born, 1);
    cr_assert_eq(sessions.count, 1);
    close_sessions(&sessions, &client, 1);
}

Test(sessions, rule_2_a_higher_attempt_is_resumed_with_its_records)
{
    struct sessions sessions = open_sessions(10);
    struct client client = client_new(1, "");
    struct dedup_run run;
    connect_client(&sessions, &client, 0);
    request(&client, 1, &run);
    lose(&sessions, &client, 1);
    cr_assert(connect_client(&sessions, &client, 2));
    cr_assert_eq(replay(&client, 1), DEDUP_ATTACH);
    cr_assert_eq(client.session->connection_number, 2);
    cr_assert_eq(client.session->born, 1);
    close_sessions(&sessions, &client, 1);
}

Test(sessions, rule_2_the_old_connection_goes_first)
{
    struct sessions sessions = open_sessions(10);
    struct client client = client_new(1, "");
    connect_client(&sessions, &client, 0);
    client.hello.attempt++;
    struct sessions_judgment judgment = sessions_judge(&sessions, &client.hello, ALICE, 1);
    cr_assert(judgment.accept && judgment.resumed);
    cr_assert_eq(judgment.session->connection, &connections[1], "to be closed by the caller");
    close_sessions(&sessions, &client, 1);
}

Test(sessions, rule_2_accepting_beside_a_live_connection_is_a_bug, .signal = SIGABRT)
{
    struct sessions sessions = open_sessions(10);
    struct client client = client_new(1, "");
    connect_client(&sessions, &client, 0);
    client.hello.attempt++;
    struct sessions_judgment judgment = sessions_judge(&sessions, &client.hello, ALICE, 1);
    sessions_accept(&sessions, &client.hello, ALICE, &judgment, &connections[2], 1);
}

Test(sessions, rules_3_and_4_equal_and_lower_attempts_are_refused)
{
    struct sessions sessions = open_sessions(10);
    struct client client = client_new(1, "");
    client.hello.attempt = 9;
    connect_client(&sessions, &client, 0);
    for (int live = 1; live >= 0; live--) {
        for (uint64_t attempt = 1; attempt <= 10; attempt++) {
            struct hello hello = client.hello;
            hello.attempt = attempt;
            struct sessions_judgment judgment = sessions_judge(&sessions, &hello, ALICE, 0);
            cr_assert_not(judgment.accept);
            cr_assert_eq(judgment.refusal,
                         attempt == 10 ? SEMEL_REASON_ATTEMPT_DUPLICATE : SEMEL_REASON_ATTEMPT_STALE);
        }
        if (live)
            lose(&sessions, &client, 0); /* remembered without a live connection, too */
    }
    close_sessions(&sessions, &client, 1);
}

Test(sessions, a_session_belongs_to_its_subject)
{
    struct sessions sessions = open_sessions(10);
    struct client client = client_new(1, "");
    connect_client(&sessions, &client, 0);
    static const uint64_t strangers[] = {BOB, 0, SESSIONS_ANYONE};
    for (size_t i = 0; i < 3; i++) {
        for (uint64_t attempt = 0; attempt < 4; attempt++) {
            struct hello hello = client.hello;
            hello.attempt = attempt;
            struct sessions_judgment judgment = sessions_judge(&sessions, &hello, strangers[i], 0);
            cr_assert_not(judgment.accept);
            cr_assert_eq(judgment.refusal, SEMEL_REASON_SUBJECT_MISMATCH);
        }
    }
    close_sessions(&sessions, &client, 1);
}

/* ---- cases that broke others ---- */

/* Bounced client: it went away without a word, and comes back while the server still believes in the old connection. */
Test(sessions, bounced_client)
{
    struct sessions sessions = open_sessions(10);
    struct client client = client_new(1, "");
    struct dedup_run run;
    connect_client(&sessions, &client, 0);
    request(&client, 1, &run);
    cr_assert(connect_client(&sessions, &client, 1), "at once, not after TCP gives up");
    cr_assert_eq(replay(&client, 1), DEDUP_ATTACH);
    close_sessions(&sessions, &client, 1);
}

/* A NAT forgot the connection: to the server it lives, to the client it is dead.  The same again and again. */
Test(sessions, nat_entry_dropped)
{
    struct sessions sessions = open_sessions(10);
    struct client client = client_new(1, "");
    connect_client(&sessions, &client, 0);
    for (int i = 1; i < 20; i++)
        cr_assert(connect_client(&sessions, &client, i));
    cr_assert_eq(sessions.count, 1);
    close_sessions(&sessions, &client, 1);
}

/* Ancient client: a restarted program has another session; its old life is no obstacle. */
Test(sessions, restarted_client_does_not_wait_for_its_past)
{
    struct sessions sessions = open_sessions(10);
    struct client clients[2] = {client_new(1, ""), client_new(2, "")};
    connect_client(&sessions, &clients[0], 0);
    cr_assert_not(connect_client(&sessions, &clients[1], 1));
    cr_assert_not_null(clients[0].session->connection);
    close_sessions(&sessions, clients, 2);
}

/* Lost decision: the server has accepted, the client has not heard of it. */
Test(sessions, lost_welcomes_do_not_lose_the_session)
{
    struct sessions sessions = open_sessions(10);
    struct client client = client_new(1, "");
    struct dedup_run run;
    connect_client(&sessions, &client, 0);
    request(&client, 1, &run);
    for (int lost = 0; lost < 5; lost++)
        cr_assert(offer(&sessions, &client, lost).resumed);
    cr_assert(connect_client(&sessions, &client, 9));
    cr_assert_eq(replay(&client, 1), DEDUP_ATTACH);
    close_sessions(&sessions, &client, 1);
}

Test(sessions, lost_first_welcomes)
{
    struct sessions sessions = open_sessions(10);
    struct client client = client_new(1, "");
    for (int lost = 0; lost < 3; lost++)
        cr_assert(offer(&sessions, &client, lost).accept);
    connect_client(&sessions, &client, 9);
    cr_assert_eq(replay(&client, 1), DEDUP_RUN);
    close_sessions(&sessions, &client, 1);
}

Test(sessions, parallel_dials_of_one_round_give_one_connection)
{
    struct sessions sessions = open_sessions(10);
    struct client client = client_new(1, "");
    connect_client(&sessions, &client, 0);
    for (int dial = 0; dial < 4; dial++) {
        struct sessions_judgment judgment;
        struct hello hello = client.hello;
        hello.attempt = 2;
        struct session *session = offer_as(&sessions, &hello, ALICE, dial, &judgment);
        cr_assert_eq(session != NULL, dial == 0);
        if (dial > 0)
            cr_assert_eq(judgment.refusal, SEMEL_REASON_ATTEMPT_DUPLICATE);
    }
    close_sessions(&sessions, &client, 1);
}

Test(sessions, a_delayed_offer_does_not_displace_its_successor)
{
    struct sessions sessions = open_sessions(10);
    struct client client = client_new(1, "");
    connect_client(&sessions, &client, 0);
    struct hello delayed = client.hello;
    delayed.attempt = 2;
    client.hello.attempt = 2;
    connect_client(&sessions, &client, 1);
    struct sessions_judgment judgment = sessions_judge(&sessions, &delayed, ALICE, 2);
    cr_assert_not(judgment.accept);
    cr_assert_eq(judgment.refusal, SEMEL_REASON_ATTEMPT_STALE);
    cr_assert_not_null(client.session->connection);
    close_sessions(&sessions, &client, 1);
}

/* ---- the lost verdict ---- */

/* README.md tells this story.  A session is forgotten; its client is answered NEW, and never hears it.  Were the next
 * answer RESUMED, the client would replay a request that has run, into a table that does not know it. */
Test(sessions, a_lost_verdict_is_given_again)
{
    for (int lost = 0; lost < 4; lost++) {
        struct sessions sessions = open_sessions(10);
        struct client client = client_new(1, "");
        struct dedup_run run;
        connect_client(&sessions, &client, 0);
        request(&client, 1, &run);
        dedup_finish(&run, NULL);
        lose(&sessions, &client, 0);
        sessions_expire(&sessions, LEASE);
        cr_assert_eq(sessions.count, 0);
        for (int i = 0; i < lost; i++)
            cr_assert_not(offer(&sessions, &client, LEASE + i).resumed, "NEW, and its WELCOME is lost");
        cr_assert_not(connect_client(&sessions, &client, LEASE + 9), "NEW again, after %d lost", lost);
        lose(&sessions, &client, LEASE + 10);
        cr_assert(connect_client(&sessions, &client, LEASE + 11), "heard at last: from here on it resumes");
        close_sessions(&sessions, &client, 1);
    }
}

/* The same, with a delayed old HELLO that brings the session back to life before its client comes. */
Test(sessions, a_delayed_hello_after_expiry_resumes_nothing)
{
    for (int before = 0; before < 2; before++) {
        struct sessions sessions = open_sessions(10);
        struct client client = client_new(1, "");
        struct dedup_run run;
        struct hello delayed = client.hello;
        delayed.attempt = 2;
        if (before == 0)
            delayed.last_domain = domain, delayed.last_connection = 1;
        connect_client(&sessions, &client, 0);
        client.hello.attempt = 2;
        connect_client(&sessions, &client, 1);
        request(&client, 1, &run);
        dedup_finish(&run, NULL);
        lose(&sessions, &client, 1);
        sessions_expire(&sessions, LEASE + 1);
        struct sessions_judgment judgment;
        struct session *ghost = offer_as(&sessions, &delayed, ALICE, LEASE + 2, &judgment);
        cr_assert(ghost != NULL && !judgment.resumed);
        cr_assert_not(connect_client(&sessions, &client, LEASE + 3));
        close_sessions(&sessions, &client, 1);
    }
}

Test(sessions, a_client_of_another_domain_is_new)
{
    struct sessions sessions = open_sessions(10);
    struct client client = client_new(1, "");
    struct dedup_run run;
    connect_client(&sessions, &client, 0);
    request(&client, 1, &run);
    dedup_finish(&run, NULL);
    client.hello.last_domain = another_domain; /* it was elsewhere meanwhile, and has heard NEW there */
    client.hello.floor = 2;
    cr_assert_not(connect_client(&sessions, &client, 1));
    cr_assert_eq(client.session->table.records, 0, "nothing of the old life is wanted");
    cr_assert_eq(client.session->table.floor, 2);
    close_sessions(&sessions, &client, 1);
}

Test(sessions, only_connections_of_this_life_resume)
{
    struct sessions sessions = open_sessions(10);
    struct client client = client_new(1, "");
    for (int i = 0; i < 5; i++) {
        struct client other = client_new((uint8_t)(10 + i), "");
        connect_client(&sessions, &other, 0);
        lose(&sessions, &other, 0);
    }
    connect_client(&sessions, &client, 0); /* born with number 6 */
    connect_client(&sessions, &client, 0); /* 7 */
    for (uint64_t last = 0; last < 12; last++) {
        struct hello hello = client.hello;
        hello.attempt++;
        hello.last_connection = last;
        cr_assert_eq(sessions_judge(&sessions, &hello, ALICE, 0).resumed, last == 6 || last == 7, "%d",
                     (int)last);
    }
    close_sessions(&sessions, &client, 1);
}

/* The promise over random histories: a request that ran is never run again by a client that believes the verdicts it
 * hears, whatever is lost, delayed, expired or displaced on the way. */
static bool wander(struct sessions *sessions, struct client *client, struct rng *rng, int64_t *now)
{
    *now += (int64_t)rng_below(rng, rng_below(rng, 5) == 0 ? 90 : 10) * SECOND;
    sessions_expire(sessions, *now);
    if (rng_below(rng, 6) == 0) { /* an old HELLO arrives */
        struct hello delayed = client->hello;
        struct sessions_judgment judgment;
        delayed.attempt = 1 + rng_below(rng, client->hello.attempt + 1);
        if (rng_below(rng, 2) == 0)
            memset(&delayed.last_domain, 0, sizeof delayed.last_domain);
        struct session *ghost = offer_as(sessions, &delayed, ALICE, *now, &judgment);
        if (ghost != NULL && delayed.attempt > client->hello.attempt)
            client->hello.attempt = delayed.attempt; /* it was one of ours, and is lost */
        if (ghost != NULL && rng_below(rng, 2) == 0)
            sessions_detach(sessions, ghost, *now);
    }
    struct sessions_judgment judgment = offer(sessions, client, *now);
    if (!judgment.accept || rng_below(rng, 3) == 0)
        return false; /* refused, or its WELCOME is lost */
    welcome(client, judgment);
    return true;
}

Test(sessions, no_history_runs_a_request_twice)
{
    struct rng rng = {16};
    uint64_t resumed = 0, renewed = 0;
    for (int history = 0; history < 300; history++) {
        struct sessions sessions = open_sessions(10);
        struct client client = client_new(1, "");
        int64_t now = 0;
        uint64_t next = 1;
        bool pending = false; /* written, ran, its reply never seen */
        for (int round = 0; round < 60; round++) {
            if (!wander(&sessions, &client, &rng, &now))
                goto lost;
            if (pending && client.welcomed_resumed)
                cr_assert_eq(replay(&client, next - 1), DEDUP_TELL, "it ran: the record must know it");
            resumed += pending && client.welcomed_resumed;
            renewed += pending && !client.welcomed_resumed;
            client.hello.floor = next;
            dedup_ack(&client.session->table, next);
            struct dedup_run run;
            request(&client, next++, &run);
            dedup_finish(&run, NULL);
            pending = true;
        lost:
            if (client.session != NULL && rng_below(&rng, 4) > 0 && client.session->connection != NULL)
                sessions_detach(&sessions, client.session, now);
            client.session = NULL;
        }
        while (sessions.count > 0 && sessions.silent_head == NULL) {
            client.hello.attempt++;
            offer(&sessions, &client, now);
            sessions_detach(&sessions, client.session, now);
        }
        client.session = NULL;
        close_sessions(&sessions, &client, 1);
    }
    cr_assert_gt(resumed, 1000);
    cr_assert_gt(renewed, 100);
}

/* ---- leases and limits ---- */

Test(sessions, leases_run_out_in_the_order_of_silence)
{
    struct sessions sessions = open_sessions(10);
    struct client clients[5];
    cr_assert_eq(sessions_next_expiry(&sessions), INT64_MAX);
    for (uint8_t i = 0; i < 5; i++) {
        clients[i] = client_new((uint8_t)(i + 1), "");
        connect_client(&sessions, &clients[i], 0);
    }
    cr_assert_eq(sessions_next_expiry(&sessions), INT64_MAX, "a live session has no lease to lose");
    static const int order[] = {3, 1, 4, 0};
    for (int i = 0; i < 4; i++)
        lose(&sessions, &clients[order[i]], i * SECOND);
    connect_client(&sessions, &clients[1], 5 * SECOND);
    cr_assert_eq(sessions_next_expiry(&sessions), LEASE);
    sessions_expire(&sessions, LEASE - 1);
    cr_assert_eq(sessions.count, 5);
    sessions_expire(&sessions, LEASE);
    cr_assert_eq(sessions.count, 4);
    cr_assert_eq(sessions_next_expiry(&sessions), LEASE + 2 * SECOND, "the one that came back has none");
    sessions_expire(&sessions, LEASE + 100 * SECOND);
    cr_assert_eq(sessions.count, 2);
    cr_assert_eq(sessions.expired, 3);
    cr_assert(connect_client(&sessions, &clients[1], LEASE + 100 * SECOND));
    cr_assert_not(connect_client(&sessions, &clients[3], LEASE + 100 * SECOND));
    close_sessions(&sessions, clients, 5);
}

Test(sessions, a_full_table_makes_room_only_where_nothing_is_lost)
{
    struct sessions sessions = open_sessions(3);
    struct client clients[5];
    struct dedup_run runs[3];
    for (uint8_t i = 0; i < 5; i++)
        clients[i] = client_new((uint8_t)(i + 1), "");
    for (int i = 0; i < 3; i++) {
        connect_client(&sessions, &clients[i], i);
        request(&clients[i], 1, &runs[i]);
    }
    cr_assert_eq(offer(&sessions, &clients[3], 9).refusal, SEMEL_REASON_TOO_MANY_SESSIONS, "all live");
    for (int i = 0; i < 3; i++)
        lose(&sessions, &clients[i], i);
    cr_assert_eq(offer(&sessions, &clients[3], 9).refusal, SEMEL_REASON_TOO_MANY_SESSIONS,
                 "all silent, each with a record");
    cr_assert_eq(sessions.count, 3);
    dedup_withdraw(&runs[1]);
    offer(&sessions, &clients[3], 9);
    cr_assert_not_null(clients[3].session);
    cr_assert_eq(sessions.count, 3);
    cr_assert(connect_client(&sessions, &clients[0], 10), "kept");
    cr_assert_eq(replay(&clients[0], 1), DEDUP_ATTACH);
    cr_assert(connect_client(&sessions, &clients[2], 10), "kept");
    lose(&sessions, &clients[3], 11);
    cr_assert_not(connect_client(&sessions, &clients[1], 12), "forgotten, and told so");
    close_sessions(&sessions, clients, 5);
}

/* Regression: a full table closed the connection of a node first, and only then refused the one that came for it. */
Test(sessions, a_full_table_displaces_nobody)
{
    struct sessions sessions = open_sessions(2);
    struct client clients[3] = {client_new(1, "bank-1"), client_new(2, ""), client_new(3, "bank-1")};
    struct dedup_run runs[2];
    for (int i = 0; i < 2; i++) {
        connect_client(&sessions, &clients[i], 0);
        request(&clients[i], 1, &runs[i]);
    }
    struct sessions_judgment judgment = offer(&sessions, &clients[2], 1);
    cr_assert_not(judgment.accept);
    cr_assert_eq(judgment.refusal, SEMEL_REASON_TOO_MANY_SESSIONS);
    cr_assert_eq(displaced.count, 0);
    cr_assert_not_null(clients[0].session->connection);
    cr_assert(connect_client(&sessions, &clients[1], 2), "who is known needs no room");
    close_sessions(&sessions, clients, 2);
}

/* Regression: the hash was seeded with the domain id, which every client is told: it could choose ids that meet. */
Test(sessions, only_the_secret_seed_decides_who_meets_in_a_bucket)
{
    enum { COUNT = 48 };
    struct sessions tables[3] = {open_sessions_with(64, domain, 1), open_sessions_with(64, another_domain, 1),
                                 open_sessions_with(64, domain, 2)};
    for (uint8_t i = 0; i < COUNT; i++) {
        char name[8];
        snprintf(name, sizeof name, "n-%u", i);
        for (int t = 0; t < 3; t++) {
            struct client client = client_new(i, name);
            connect_client(&tables[t], &client, 0);
            lose(&tables[t], &client, 0);
        }
    }
    int moved[3] = {0};
    for (int t = 1; t < 3; t++)
        for (uint32_t i = 0; i < tables[0].bucket_count; i++) {
            moved[t] += (tables[0].buckets[i] == NULL) != (tables[t].buckets[i] == NULL);
            moved[t] += (tables[0].name_buckets[i] == NULL) != (tables[t].name_buckets[i] == NULL);
        }
    cr_assert_eq(moved[1], 0, "the domain id is no secret, and decides nothing");
    cr_assert_gt(moved[2], 20);
    for (int t = 0; t < 3; t++)
        close_sessions(&tables[t], NULL, 0);
}

Test(sessions, a_session_that_falls_silent_gives_its_empty_ring_back)
{
    struct sessions sessions = open_sessions(3);
    struct client client = client_new(1, "");
    struct dedup_run run;
    for (uint64_t seq = 1; seq < 4; seq++) {
        connect_client(&sessions, &client, 0);
        request(&client, seq, &run);
        dedup_finish(&run, NULL);
        struct session *session = client.session;
        lose(&sessions, &client, 0);
        cr_assert_gt(sessions.domain.kept_bytes, 0, "its record may be asked for");
        cr_assert(connect_client(&sessions, &client, 0));
        dedup_ack(&session->table, seq + 1);
        lose(&sessions, &client, 0);
        cr_assert_eq(sessions.domain.kept_bytes, 0);
    }
    close_sessions(&sessions, &client, 0);
}

Test(sessions, running_requests_outlive_their_session)
{
    struct sessions sessions = open_sessions(3);
    struct client client = client_new(1, "");
    struct dedup_run run;
    connect_client(&sessions, &client, 0);
    request(&client, 1, &run);
    lose(&sessions, &client, 0);
    sessions_expire(&sessions, LEASE);
    cr_assert_null(run.table);
    cr_assert_not(dedup_finish(&run, NULL));
    close_sessions(&sessions, &client, 0);
}

Test(sessions, many_come_and_go_and_nothing_stays)
{
    enum { COUNT = 200 };
    static struct client clients[COUNT];
    struct rng rng = {17};
    struct sessions sessions = open_sessions(150);
    for (uint32_t i = 0; i < COUNT; i++) {
        char name[16];
        snprintf(name, sizeof name, "node-%u", i % 40);
        clients[i] = channel_new((uint8_t)i, i % 2 == 0 ? name : "", i / 80); /* two channels a life */
    }
    int64_t now = 0;
    for (int step = 0; step < 50000; step++) {
        struct client *client = &clients[rng_below(&rng, COUNT)];
        now += SECOND / 20;
        sessions_expire(&sessions, now);
        struct sessions_judgment judgment = offer(&sessions, client, now);
        if (client->session == NULL)
            continue;
        welcome(client, judgment);
        cr_assert_leq(sessions.count, 150);
        struct dedup_run run;
        struct dedup_question question = {.seq = client->session->table.floor, .method = 1};
        if (dedup_admit(&client->session->table, &question, &run).answer == DEDUP_RUN) {
            struct reply *reply = reply_create(NULL, 64);
            reply_write(reply, &(struct frame){.type = FRAME_REPLY, .body_size = 64});
            dedup_finish(&run, reply);
            reply_settle(reply);
        }
        if (rng_below(&rng, 3) == 0)
            dedup_ack(&client->session->table, question.seq + 1);
        if (rng_below(&rng, 4) > 0)
            sessions_detach(&sessions, client->session, now);
    }
    cr_assert_gt(sessions.expired, 0);
    for (uint32_t i = 0; i < sessions.bucket_count; i++)
        for (struct session *session = sessions.buckets[i]; session != NULL; session = session->next_in_bucket)
            if (session->connection != NULL)
                sessions_detach(&sessions, session, now);
    close_sessions(&sessions, clients, 0);
}

Test(sessions, leaving_with_a_live_connection_is_a_bug, .signal = SIGABRT)
{
    struct sessions sessions = open_sessions(3);
    struct client client = client_new(1, "");
    connect_client(&sessions, &client, 0);
    sessions_fini(&sessions);
}
