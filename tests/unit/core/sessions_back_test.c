/* Sessions that the server calls back: whether what it wrote may be replayed, and who is told of a forgotten one.
 *
 * Reads best next: runtime/core/README.md, section 6. */
#include "clients.h"

#define OTHER_PROCESS UINT64_C(0x2c)

/* A client that serves calls back; its table is the n-th. */
static struct client serving(uint8_t number, uint32_t table)
{
    struct client client = client_new(number, "");
    client.hello.window = 16;
    client.hello.table = table;
    return client;
}

static struct sessions_judgment judge_next(const struct sessions *sessions, const struct client *client)
{
    struct hello hello = client->hello;
    hello.attempt++;
    return sessions_judge(sessions, &hello, ALICE, 0);
}

Test(sessions_back, what_was_written_is_replayed_to_the_table_that_saw_it)
{
    struct sessions sessions = open_sessions(10);
    struct client client = serving(1, 1);
    cr_assert_not(judge_next(&sessions, &client).back_resumed, "an unknown session");
    connect_client(&sessions, &client, 0);
    cr_assert_eq(client.session->back_window, 16);
    cr_assert_eq(client.session->back_table, 1);
    struct sessions_judgment judgment = judge_next(&sessions, &client);
    cr_assert(judgment.resumed && judgment.back_resumed);
    close_sessions(&sessions, &client, 1);
}

/* The server that served the channel was closed, and its table with it. */
Test(sessions_back, another_table_of_the_same_session_remembers_nothing)
{
    struct sessions sessions = open_sessions(10);
    struct client client = serving(1, 1);
    connect_client(&sessions, &client, 0);
    static const uint32_t tables[] = {0, 2, UINT32_MAX};
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        client.hello.table = tables[i];
        client.hello.window = tables[i] == 0 ? 0 : 16;
        struct sessions_judgment judgment = judge_next(&sessions, &client);
        cr_assert(judgment.resumed && !judgment.back_resumed, "table %u", tables[i]);
    }
    connect_client(&sessions, &client, 1);
    cr_assert_eq(client.session->back_table, UINT32_MAX);
    cr_assert(judge_next(&sessions, &client).back_resumed, "the one that was told last");
    close_sessions(&sessions, &client, 1);
}

Test(sessions_back, who_never_served_resumes_nothing)
{
    struct sessions sessions = open_sessions(10);
    struct client client = client_new(1, "");
    connect_client(&sessions, &client, 0);
    struct sessions_judgment judgment = judge_next(&sessions, &client);
    cr_assert(judgment.resumed && !judgment.back_resumed);
    close_sessions(&sessions, &client, 1);
}

/* Two processes share a domain: the client went to the other one, and emptied its table for it.  This one, to which it
 * comes back, must not replay what it wrote before. */
Test(sessions_back, another_process_of_the_same_domain_came_between)
{
    struct sessions sessions = open_sessions(10);
    struct client client = serving(1, 1);
    connect_client(&sessions, &client, 0);
    client.hello.last_incarnation = OTHER_PROCESS;
    struct sessions_judgment judgment = judge_next(&sessions, &client);
    cr_assert(judgment.resumed && !judgment.back_resumed);
    close_sessions(&sessions, &client, 1);
}

/* A client that has seen no WELCOME has run nothing: whatever was written to it may be written again. */
Test(sessions_back, who_has_seen_no_welcome_has_run_nothing)
{
    struct sessions sessions = open_sessions(10);
    struct client client = serving(1, 1);
    offer(&sessions, &client, 0);
    sessions_welcomed(client.session, &client.hello); /* it left, and got lost */
    struct sessions_judgment judgment = judge_next(&sessions, &client);
    cr_assert(judgment.resumed && judgment.back_resumed);
    close_sessions(&sessions, &client, 1);
}

/* The lost verdict, the other way round: the call back was written on connection 1, the session was forgotten, the
 * WELCOME of connection 2 said NEW and was never seen.  The client still has its table; the server knows nothing of
 * the call any more, and begins anew: what it writes must not meet records of the life before. */
Test(sessions_back, a_lost_verdict_resumes_nothing)
{
    struct sessions sessions = open_sessions(10);
    struct client client = serving(1, 1);
    connect_client(&sessions, &client, 0);
    lose(&sessions, &client, 0);
    sessions_expire(&sessions, LEASE);
    struct sessions_judgment lost = offer(&sessions, &client, LEASE);
    cr_assert(lost.accept && !lost.resumed && !lost.back_resumed);
    struct sessions_judgment judgment = judge_next(&sessions, &client);
    cr_assert_not_null(judgment.session, "it is known");
    cr_assert(!judgment.resumed && !judgment.back_resumed);
    connect_client(&sessions, &client, LEASE + 1);
    cr_assert(judge_next(&sessions, &client).back_resumed, "now it has been seen");
    close_sessions(&sessions, &client, 1);
}

/* A client comes back with another table, which has seen nothing; a durable store holds its WELCOME, and the connection
 * breaks before that leaves.  Nobody was told: the next offer of that table is judged the same. */
Test(sessions_back, a_verdict_that_was_never_told_is_given_again)
{
    struct sessions sessions = open_sessions(10);
    struct client client = serving(1, 1);
    connect_client(&sessions, &client, 0);
    lose(&sessions, &client, 1);
    client.hello.table = 2;
    struct sessions_judgment held = offer(&sessions, &client, 2);
    cr_assert(held.resumed && !held.back_resumed);
    lose(&sessions, &client, 3);
    struct sessions_judgment judgment = judge_next(&sessions, &client);
    cr_assert(judgment.resumed && !judgment.back_resumed, "what table 1 ran would run again in table 2");
    connect_client(&sessions, &client, 4);
    cr_assert(judge_next(&sessions, &client).back_resumed);
    close_sessions(&sessions, &client, 1);
}

/* ---- the end ---- */

static struct session *forgotten[8];
static int forgotten_count;

static void note(struct session *session)
{
    cr_assert_null(session->connection);
    forgotten[forgotten_count++] = session;
    session->peer = NULL;
}

static struct sessions open_watched(uint32_t limit)
{
    struct sessions sessions = open_sessions(limit);
    sessions.forgetting = note;
    forgotten_count = 0;
    return sessions;
}

Test(sessions_back, a_peer_is_told_when_its_session_expires_and_nobody_else)
{
    struct sessions sessions = open_watched(10);
    struct client clients[2] = {serving(1, 1), serving(2, 1)};
    connect_client(&sessions, &clients[0], 0);
    connect_client(&sessions, &clients[1], 0);
    struct session *called = clients[0].session;
    called->peer = &sessions;
    lose(&sessions, &clients[0], 0);
    lose(&sessions, &clients[1], 0);
    sessions_expire(&sessions, LEASE - 1);
    cr_assert_eq(forgotten_count, 0);
    sessions_expire(&sessions, LEASE);
    cr_assert_eq(sessions.expired, 2);
    cr_assert(forgotten_count == 1 && forgotten[0] == called);
    close_sessions(&sessions, clients, 0);
    cr_assert_eq(forgotten_count, 1);
}

Test(sessions_back, a_peer_is_told_when_its_session_makes_room)
{
    struct sessions sessions = open_watched(1);
    struct client clients[2] = {serving(1, 1), serving(2, 1)};
    connect_client(&sessions, &clients[0], 0);
    struct session *called = clients[0].session;
    called->peer = &sessions;
    lose(&sessions, &clients[0], 0);
    connect_client(&sessions, &clients[1], 1);
    cr_assert(forgotten_count == 1 && forgotten[0] == called);
    close_sessions(&sessions, &clients[1], 1);
}

/* What goes on in a new life of the session goes on through the same peer. */
Test(sessions_back, a_new_life_is_not_the_end)
{
    struct sessions sessions = open_watched(10);
    struct client client = serving(1, 1);
    connect_client(&sessions, &client, 0);
    client.session->peer = &sessions;
    client.hello.last_domain.bytes[0]++;
    struct sessions_judgment judgment = offer(&sessions, &client, 1);
    cr_assert(judgment.accept && !judgment.resumed && !judgment.back_resumed);
    cr_assert_eq(forgotten_count, 0);
    cr_assert_eq(client.session->peer, &sessions);
    close_sessions(&sessions, &client, 1);
    cr_assert_eq(forgotten_count, 1, "when the server closes");
}
