/* Node names (rule 5): a restarted node wins, two nodes that share a name are told, and users do not meet.
 *
 * Reads best next: retry_test.c. */
#include "core/sessions.h"

#include <signal.h>

#include "clients.h"
#include "support.h"

Test(sessions, rule_5_a_restarted_node_wins_at_once)
{
    struct sessions sessions = open_sessions(10);
    struct client clients[2] = {client_new(1, "bank-1"), client_new(2, "bank-1")};
    connect_client(&sessions, &clients[0], 0);
    struct sessions_judgment judgment = offer(&sessions, &clients[1], 1);
    cr_assert(judgment.accept && !judgment.resumed);
    cr_assert_eq(judgment.displaced, clients[0].session);
    cr_assert_null(clients[0].session->connection);
    close_sessions(&sessions, clients, 2);
}

Test(sessions, rule_5_other_names_and_no_names_do_not_meet)
{
    struct sessions sessions = open_sessions(10);
    static const char *const names[] = {"bank-1", "bank-2", "bank", "bank-10", "", ""};
    struct client clients[6];
    for (uint8_t i = 0; i < 6; i++) {
        clients[i] = client_new((uint8_t)(i + 1), names[i]);
        cr_assert_null(offer(&sessions, &clients[i], 0).displaced);
    }
    for (int i = 0; i < 6; i++)
        cr_assert_not_null(clients[i].session->connection);
    close_sessions(&sessions, clients, 6);
}

Test(sessions, rule_5_two_nodes_that_share_a_name_are_told)
{
    struct sessions sessions = open_sessions(10);
    struct client clients[2] = {client_new(1, "bank-1"), client_new(2, "bank-1")};
    connect_client(&sessions, &clients[0], 0);
    for (int i = 1; i <= LIMIT_NAME_DISPLACEMENTS; i++)
        connect_client(&sessions, &clients[i % 2], i);
    struct client *holder = &clients[LIMIT_NAME_DISPLACEMENTS % 2];
    struct client *other = &clients[1 - LIMIT_NAME_DISPLACEMENTS % 2];
    struct sessions_judgment judgment = offer(&sessions, other, 5);
    cr_assert_not(judgment.accept);
    cr_assert_eq(judgment.refusal, SEMEL_REASON_NAME_CONFLICT);
    cr_assert_not_null(holder->session->connection, "who has it keeps it");
    lose(&sessions, holder, 6);
    cr_assert(connect_client(&sessions, holder, 7), "and may reconnect at any time");
    int64_t later = LIMIT_NAME_CONFLICT_MS * INT64_C(1000000) + 8;
    cr_assert(connect_client(&sessions, other, later), "after the window the other may win again");
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
        bob->session = offer_as(&sessions, &bob->hello, BOB, i, &judgment);
        cr_assert_not_null(bob->session);
        cr_assert_neq(judgment.displaced, alice->session);
        cr_assert_not_null(alice->session->connection, "uid 1001 closes the connection of uid 1000");
    }
    bob->hello.session.bytes[0]++;
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
        struct sessions_judgment judgment = offer(&sessions, &clients[i % 2], i);
        cr_assert(judgment.accept);
        cr_assert_eq(judgment.displaced, clients[1 - i % 2].session);
    }
    struct client *other = &clients[LIMIT_NAME_DISPLACEMENTS % 2];
    struct session *displaced = other->session;
    cr_assert_eq(offer(&sessions, other, 5).refusal, SEMEL_REASON_NAME_CONFLICT);
    other->session = displaced;
    struct client third = client_new(3, "a");
    cr_assert_null(offer(&sessions, &third, 5).displaced, "the old name is free");
    cr_assert_not_null(third.session);
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
    cr_assert_null(offer(&sessions, &clients[1], 2).displaced);
    cr_assert_not_null(clients[0].session->connection);
    close_sessions(&sessions, clients, 2);
}

Test(sessions, rule_5_accepting_beside_what_it_displaces_is_a_bug, .signal = SIGABRT)
{
    struct sessions sessions = open_sessions(10);
    struct client clients[2] = {client_new(1, "bank-1"), client_new(2, "bank-1")};
    connect_client(&sessions, &clients[0], 0);
    clients[1].hello.attempt = 1;
    struct sessions_judgment judgment = sessions_judge(&sessions, &clients[1].hello, ALICE, 1);
    sessions_accept(&sessions, &clients[1].hello, ALICE, &judgment, &connections[2], 1);
}
