/* Node names (rule 5): a restarted node wins, its channels live side by side, two nodes that share a name are told, and
 * users do not meet.
 *
 * Reads best next: retry_test.c. */
#include "core/sessions.h"

#include <signal.h>

#include "clients.h"
#include "support.h"

#define CONFLICT_NS (LIMIT_NAME_CONFLICT_MS * INT64_C(1000000))

static bool is_live(const struct client *client)
{
    return client->session != NULL && client->session->connection != NULL;
}

/* ---- lives of one node ---- */

Test(sessions, rule_5_a_restarted_node_wins_at_once)
{
    struct sessions sessions = open_sessions(10);
    struct client clients[2] = {client_new(1, "bank-1"), client_new(2, "bank-1")};
    connect_client(&sessions, &clients[0], 0);
    struct sessions_judgment judgment = offer(&sessions, &clients[1], 1);
    cr_assert(judgment.accept && !judgment.resumed);
    cr_assert(displaced.count == 1 && displaced.sessions[0] == clients[0].session);
    cr_assert_not(is_live(&clients[0]));
    cr_assert_eq(clients[1].session->name->displacements, 1);
    close_sessions(&sessions, clients, 2);
}

/* Regression: two channels of one named node displaced each other until one was refused for good. */
Test(sessions, rule_5_channels_of_one_life_live_side_by_side)
{
    struct sessions sessions = open_sessions(10);
    struct client clients[3];
    for (uint8_t i = 0; i < 3; i++)
        clients[i] = channel_new((uint8_t)(i + 1), "bank-1", 7);
    for (int round = 0; round < 3 * LIMIT_NAME_DISPLACEMENTS; round++) {
        for (int i = 0; i < 3; i++) {
            cr_assert_eq(connect_client(&sessions, &clients[i], round), round > 0);
            cr_assert_eq(displaced.count, 0);
        }
        for (int i = 0; i < 3; i++)
            cr_assert(is_live(&clients[i]));
        lose(&sessions, &clients[round % 3], round);
    }
    cr_assert_eq(clients[0].session->name->displacements, 0);
    close_sessions(&sessions, clients, 3);
}

/* Each of them may leave first, and the others keep the name: a restarted node still finds them. */
Test(sessions, rule_5_a_channel_that_leaves_takes_no_name_from_the_others)
{
    for (int first = 0; first < 3; first++) {
        struct sessions sessions = open_sessions(10);
        struct client clients[4];
        for (uint8_t i = 0; i < 4; i++)
            clients[i] = channel_new((uint8_t)(i + 1), "bank-1", i < 3 ? 7 : 8);
        for (int i = 0; i < 3; i++)
            connect_client(&sessions, &clients[i], 0);
        lose(&sessions, &clients[first], 0);
        sessions_expire(&sessions, LEASE);
        cr_assert_eq(sessions.count, 2);
        connect_client(&sessions, &clients[3], LEASE + 1);
        cr_assert_eq(displaced.count, 2);
        close_sessions(&sessions, clients, 4);
    }
}

Test(sessions, rule_5_a_restarted_node_displaces_every_channel_of_its_past)
{
    struct sessions sessions = open_sessions(10);
    struct client clients[5] = {channel_new(1, "bank-1", 7), channel_new(2, "bank-1", 7),
                                channel_new(3, "bank-1", 8), channel_new(4, "bank-1", 8),
                                channel_new(5, "bank-2", 7)};
    connect_client(&sessions, &clients[0], 0);
    connect_client(&sessions, &clients[1], 0);
    connect_client(&sessions, &clients[4], 0);
    connect_client(&sessions, &clients[2], 1);
    cr_assert_eq(displaced.count, 2);
    cr_assert(displaced.sessions[0] != displaced.sessions[1]);
    cr_assert(!is_live(&clients[0]) && !is_live(&clients[1]));
    cr_assert_eq(clients[2].session->name->displacements, 1, "one life, however many channels it had");
    connect_client(&sessions, &clients[3], 2);
    cr_assert_eq(displaced.count, 0, "its own first channel is no other life");
    cr_assert(is_live(&clients[2]) && is_live(&clients[3]));
    cr_assert_eq(clients[2].session->name->displacements, 1);
    cr_assert(is_live(&clients[4]), "the instance alone makes no node");
    close_sessions(&sessions, clients, 5);
}

/* The judgment names one that is in the way at a time, and changes nothing: who is asked again gives the next. */
Test(sessions, rule_5_one_is_named_at_a_time)
{
    struct sessions sessions = open_sessions(10);
    struct client clients[3] = {channel_new(1, "bank-1", 7), channel_new(2, "bank-1", 7),
                                channel_new(3, "bank-1", 8)};
    connect_client(&sessions, &clients[0], 0);
    connect_client(&sessions, &clients[1], 0);
    clients[2].hello.attempt = 1;
    const struct hello *hello = &clients[2].hello;
    struct session *first = judge(&sessions, hello, ALICE, 1).displaced;
    cr_assert(first == clients[0].session || first == clients[1].session);
    cr_assert(is_live(&clients[0]) && is_live(&clients[1]));
    sessions_detach(&sessions, first, 1);
    struct session *second = judge(&sessions, hello, ALICE, 1).displaced;
    cr_assert_eq(second, first == clients[0].session ? clients[1].session : clients[0].session);
    sessions_detach(&sessions, second, 1);
    cr_assert_null(judge(&sessions, hello, ALICE, 1).displaced);
    close_sessions(&sessions, clients, 0);
}

/* No honest client changes its instance within a session; if one does, it is not in its own way. */
Test(sessions, rule_5_a_session_does_not_displace_itself)
{
    struct sessions sessions = open_sessions(10);
    struct client client = channel_new(1, "bank-1", 7), sibling = channel_new(2, "bank-1", 8);
    connect_client(&sessions, &client, 0);
    for (uint32_t instance = 8; instance < 20; instance++) {
        client.hello.node_instance = instance;
        cr_assert(connect_client(&sessions, &client, 1));
        cr_assert_eq(displaced.count, 0);
        cr_assert_eq(client.session->node_instance, instance);
    }
    connect_client(&sessions, &sibling, 2);
    cr_assert_eq(displaced.count, 1, "the instance it came with last counts");
    close_sessions(&sessions, &sibling, 1);
}

/* ---- conflicts ---- */

Test(sessions, rule_5_other_names_and_no_names_do_not_meet)
{
    struct sessions sessions = open_sessions(10);
    static const char *const names[] = {"bank-1", "bank-2", "bank", "bank-10", "", ""};
    struct client clients[6];
    for (uint8_t i = 0; i < 6; i++) {
        clients[i] = client_new((uint8_t)(i + 1), names[i]);
        cr_assert(offer(&sessions, &clients[i], 0).accept);
        cr_assert_eq(displaced.count, 0);
    }
    for (int i = 0; i < 6; i++)
        cr_assert(is_live(&clients[i]));
    close_sessions(&sessions, clients, 6);
}

Test(sessions, rule_5_two_nodes_that_share_a_name_are_told)
{
    struct sessions sessions = open_sessions(10);
    struct client clients[2] = {client_new(1, "bank-1"), client_new(2, "bank-1")};
    connect_client(&sessions, &clients[0], 0);
    for (int i = 1; i <= LIMIT_NAME_DISPLACEMENTS; i++) {
        connect_client(&sessions, &clients[i % 2], i);
        cr_assert_eq(displaced.count, 1);
        cr_assert_eq(clients[0].session->name->displacements, i);
    }
    struct client *holder = &clients[LIMIT_NAME_DISPLACEMENTS % 2];
    struct client *other = &clients[1 - LIMIT_NAME_DISPLACEMENTS % 2];
    for (int i = 0; i < 3; i++) {
        struct sessions_judgment judgment = offer(&sessions, other, 5);
        cr_assert_not(judgment.accept);
        cr_assert_eq(judgment.refusal, SEMEL_REASON_NAME_CONFLICT);
        cr_assert(is_live(holder), "who has it keeps it");
    }
    cr_assert(connect_client(&sessions, holder, 6), "and may reconnect at any time");
    lose(&sessions, holder, 7);
    cr_assert(connect_client(&sessions, holder, 8));
    cr_assert_eq(offer(&sessions, other, CONFLICT_NS).refusal, SEMEL_REASON_NAME_CONFLICT);
    cr_assert(connect_client(&sessions, other, CONFLICT_NS + 1), "after the window the other may win again");
    cr_assert_eq(other->session->name->displacements, 1, "and the count begins anew");
    close_sessions(&sessions, clients, 2);
}

/* Two nodes with two channels each: lives are counted, not channels, and one live channel holds the name. */
Test(sessions, rule_5_two_nodes_with_two_channels_that_share_a_name_are_told)
{
    struct sessions sessions = open_sessions(10);
    struct client clients[4];
    for (uint8_t i = 0; i < 4; i++)
        clients[i] = channel_new((uint8_t)(i + 1), "bank-1", i / 2);
    for (int turn = 0; turn <= LIMIT_NAME_DISPLACEMENTS; turn++) {
        struct client *pair = &clients[turn % 2 * 2];
        connect_client(&sessions, &pair[0], turn);
        cr_assert_eq(displaced.count, turn == 0 ? 0 : 2);
        connect_client(&sessions, &pair[1], turn);
        cr_assert_eq(displaced.count, 0);
    }
    struct client *holder = &clients[LIMIT_NAME_DISPLACEMENTS % 2 * 2];
    struct client *other = &clients[2 - LIMIT_NAME_DISPLACEMENTS % 2 * 2];
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(offer(&sessions, &other[i], 9).refusal, SEMEL_REASON_NAME_CONFLICT);
        cr_assert(is_live(&holder[0]) && is_live(&holder[1]));
    }
    lose(&sessions, &holder[0], 9);
    cr_assert_eq(offer(&sessions, &other[0], 9).refusal, SEMEL_REASON_NAME_CONFLICT, "one channel is enough");
    lose(&sessions, &holder[1], 9);
    cr_assert(connect_client(&sessions, &other[0], 9), "nobody is in the way any more");
    close_sessions(&sessions, clients, 4);
}

/* Regression: a name that changed hands was counted even if its holder had left, and a third start was refused. */
Test(sessions, rule_5_clean_leavers_never_conflict)
{
    struct sessions sessions = open_sessions(100);
    struct client clients[3 * LIMIT_NAME_DISPLACEMENTS * 2];
    for (uint8_t i = 0; i < sizeof clients / sizeof *clients; i++) {
        clients[i] = channel_new((uint8_t)(i + 1), "job", i / 2);
        cr_assert_not(connect_client(&sessions, &clients[i], i));
        cr_assert_eq(displaced.count, 0);
        cr_assert_eq(clients[i].session->name->displacements, 0);
        if (i % 2 == 0)
            continue; /* two channels a life */
        lose(&sessions, &clients[i - 1], i);
        lose(&sessions, &clients[i], i);
    }
    close_sessions(&sessions, clients, 0);
}

/* What is judged stale or doubled displaces nobody, under whatever name it comes. */
Test(sessions, rule_5_a_refused_offer_displaces_nobody)
{
    struct sessions sessions = open_sessions(10);
    struct client clients[2] = {client_new(1, "bank-1"), client_new(2, "bank-1")};
    clients[0].hello.attempt = 4;
    connect_client(&sessions, &clients[0], 0);
    connect_client(&sessions, &clients[1], 1);
    for (uint64_t attempt = 1; attempt <= 5; attempt++) {
        struct sessions_judgment judgment;
        clients[0].hello.attempt = attempt;
        cr_assert_null(offer_as(&sessions, &clients[0].hello, ALICE, 2, &judgment));
        cr_assert(is_live(&clients[1]));
    }
    close_sessions(&sessions, clients, 2);
}

/* Regression: whoever knew the name of another user's node could close its connection. */
Test(sessions, rule_5_a_name_is_no_weapon_against_another_user)
{
    struct sessions sessions = open_sessions(20);
    struct client clients[2] = {client_new(1, "bank-1"), client_new(2, "bank-1")};
    struct client *alice = &clients[0], *bob = &clients[1];
    connect_client(&sessions, alice, 0);
    bob->hello.attempt = 1;
    for (int i = 0; i <= LIMIT_NAME_DISPLACEMENTS; i++) {
        struct sessions_judgment judgment;
        bob->hello.session.bytes[0]++; /* restarted again and again */
        bob->hello.node_instance++;
        bob->session = offer_as(&sessions, &bob->hello, BOB, i, &judgment);
        cr_assert_not_null(bob->session);
        cr_assert_eq(displaced.count, i > 0);
        cr_assert(is_live(alice), "uid 1001 closes the connection of uid 1000");
    }
    bob->hello.session.bytes[0]++;
    bob->hello.node_instance++;
    cr_assert_eq(sessions_judge(&sessions, &bob->hello, BOB, 8).refusal, SEMEL_REASON_NAME_CONFLICT);
    lose(&sessions, alice, 9);
    cr_assert(connect_client(&sessions, alice, 10), "his conflict is none of hers");
    close_sessions(&sessions, clients, 2);
}

/* Regression: a session that came back under another name kept its old one, and took the new one unnoticed. */
Test(sessions, rule_5_a_session_that_changes_its_name_is_counted)
{
    struct sessions sessions = open_sessions(10);
    struct client clients[2] = {client_new(1, "a"), client_new(2, "b")};
    connect_client(&sessions, &clients[0], 0);
    connect_client(&sessions, &clients[1], 0);
    clients[0].hello.name[0] = 'b';
    for (int i = 0; i < LIMIT_NAME_DISPLACEMENTS; i++) {
        cr_assert(offer(&sessions, &clients[i % 2], i).accept);
        cr_assert(displaced.count == 1 && displaced.sessions[0] == clients[1 - i % 2].session);
    }
    struct client *other = &clients[LIMIT_NAME_DISPLACEMENTS % 2];
    struct session *silent = other->session;
    cr_assert_eq(offer(&sessions, other, 5).refusal, SEMEL_REASON_NAME_CONFLICT);
    other->session = silent;
    struct client third = client_new(3, "a");
    cr_assert(offer(&sessions, &third, 5).accept);
    cr_assert_eq(displaced.count, 0, "the old name is free");
    sessions_detach(&sessions, third.session, 5);
    close_sessions(&sessions, clients, 2);
}

Test(sessions, rule_5_a_name_may_be_given_up)
{
    struct sessions sessions = open_sessions(10);
    struct client clients[2] = {client_new(1, "a"), client_new(2, "a")};
    connect_client(&sessions, &clients[0], 0);
    clients[0].hello.name_size = 0;
    cr_assert(connect_client(&sessions, &clients[0], 1));
    cr_assert_null(clients[0].session->name);
    cr_assert(offer(&sessions, &clients[1], 2).accept);
    cr_assert_eq(displaced.count, 0);
    cr_assert(is_live(&clients[0]));
    close_sessions(&sessions, clients, 2);
}

/* ---- with a full table ---- */

/* Regression: a node that was killed found the table full of its own past, and was refused until the lease ran out. */
Test(sessions, rule_5_a_restarted_node_gets_into_a_full_table)
{
    struct sessions sessions = open_sessions(4);
    struct client clients[6] = {channel_new(1, "bank-1", 7), channel_new(2, "bank-1", 7),
                                client_new(3, ""),           client_new(4, "bank-2"),
                                channel_new(5, "bank-1", 8), channel_new(6, "bank-1", 8)};
    struct dedup_run runs[2];
    for (int i = 0; i < 4; i++)
        connect_client(&sessions, &clients[i], 0);
    for (int i = 0; i < 2; i++)
        request(&clients[2 + i], 1, &runs[i]);
    struct client stranger = client_new(7, "bank-3");
    cr_assert_eq(offer(&sessions, &stranger, 1).refusal, SEMEL_REASON_TOO_MANY_SESSIONS);
    for (int i = 4; i < 6; i++) {
        cr_assert_not(connect_client(&sessions, &clients[i], 2));
        cr_assert_eq(displaced.count, i == 4 ? 2 : 0);
        cr_assert_eq(sessions.count, 4);
    }
    for (int i = 2; i < 4; i++) {
        cr_assert(is_live(&clients[i]), "nobody else has to make room");
        cr_assert_eq(replay(&clients[i], 1), DEDUP_ATTACH);
    }
    cr_assert_eq(offer(&sessions, &stranger, 3).refusal, SEMEL_REASON_TOO_MANY_SESSIONS);
    close_sessions(&sessions, clients + 2, 4);
}

/* ---- contracts ---- */

Test(sessions, rule_5_accepting_beside_what_it_displaces_is_a_bug, .signal = SIGABRT)
{
    struct sessions sessions = open_sessions(10);
    struct client clients[2] = {client_new(1, "bank-1"), client_new(2, "bank-1")};
    connect_client(&sessions, &clients[0], 0);
    clients[1].hello.attempt = 1;
    struct sessions_judgment judgment = sessions_judge(&sessions, &clients[1].hello, ALICE, 1);
    sessions_accept(&sessions, &clients[1].hello, ALICE, &judgment, &connections[2], 1);
}

/* A judgment is of one moment: what it displaces being gone, it is asked for anew. */
Test(sessions, rule_5_accepting_without_judging_again_is_a_bug, .signal = SIGABRT)
{
    struct sessions sessions = open_sessions(10);
    struct client clients[2] = {client_new(1, "bank-1"), client_new(2, "bank-1")};
    connect_client(&sessions, &clients[0], 0);
    clients[1].hello.attempt = 1;
    struct sessions_judgment judgment = sessions_judge(&sessions, &clients[1].hello, ALICE, 1);
    sessions_detach(&sessions, judgment.displaced, 1);
    sessions_accept(&sessions, &clients[1].hello, ALICE, &judgment, &connections[2], 1);
}
