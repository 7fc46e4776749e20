/* The five rules of acceptance, over sockets: each decision has its counter and its line in the log, and what is lost
 * is lost before what is accepted.
 *
 * Reads best next: core/README.md, section 6; conformance_foolscap_test.c. */
#include <criterion/criterion.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "fixture.h"
#include "peer.h"

TestSuite(decisions, .timeout = 60);

/* A server without services that writes down what it tells its operator, under the name of its node. */
static struct office {
    semel_node *node;
    semel_server *semel;
    char uri[SEMEL_ENDPOINT_TEXT_MAX];
    pthread_mutex_t mutex;
    char told[16384]; /* "0 text\n" and so on, with the level */
} office = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static void note(enum semel_log_level level, const char *text, void *user)
{
    (void)user;
    pthread_mutex_lock(&office.mutex);
    size_t used = strlen(office.told);
    snprintf(office.told + used, sizeof office.told - used, "%d %s\n", (int)level, text);
    pthread_mutex_unlock(&office.mutex);
}

static void office_open(void)
{
    semel_status status;
    const struct semel_node_options options = {.thread = true, .name = "head", .log = note};
    cr_assert_eq((int)semel_node_open(&options, &office.node, &status), SEMEL_OK);
    cr_assert_eq((int)semel_server_open(office.node, NULL, &office.semel, &status), SEMEL_OK);
    cr_assert_eq((int)semel_server_listen(office.semel, loopback_tcp(), office.uri, &status), SEMEL_OK);
}

static void office_close(void)
{
    semel_node_close(office.node);
}

/* What was told since the last time, which must be this. */
static void expect_told(const char *text)
{
    pthread_mutex_lock(&office.mutex);
    cr_assert_str_eq(office.told, text);
    office.told[0] = '\0';
    pthread_mutex_unlock(&office.mutex);
}

static uint64_t closed_by(enum semel_reason reason)
{
    struct semel_server_stats stats;
    semel_server_get_stats(office.semel, &stats);
    return stats.closed_by[reason];
}

static void expect_counted(uint64_t welcomed, uint64_t resumed)
{
    struct semel_server_stats stats;
    semel_server_get_stats(office.semel, &stats);
    cr_assert_eq(stats.welcomed, welcomed);
    cr_assert_eq(stats.resumed, resumed);
}

/* Offers, and expects WELCOME or (reason) a refusal, after which the server closes. */
static void offer(struct peer *peer, const struct hello *hello, bool resumed)
{
    peer_connect(peer, office.uri);
    cr_assert_eq(peer_greet(peer, hello), resumed);
}

static void offer_in_vain(const struct hello *hello, enum semel_reason reason)
{
    struct peer peer;
    peer_connect(&peer, office.uri);
    peer_send_hello(&peer, hello);
    cr_assert_eq(peer_expect(&peer, FRAME_REFUSE).aux, (uint32_t)reason);
    peer_expect_end(&peer);
    peer_close(&peer);
    while (closed_by(reason) == 0)
        ;
}

static struct hello named(uint64_t session, uint32_t instance)
{
    struct hello hello = peer_some_hello(session);
    hello.node_instance = instance;
    hello.name_size = 5;
    memcpy(hello.name, "clerk", 5);
    return hello;
}

Test(decisions, by_attempt_are_counted_and_told, .init = office_open, .fini = office_close)
{
    struct peer first, second;
    struct hello hello = peer_some_hello(1);
    offer(&first, &hello, false);
    expect_counted(1, 0);
    expect_told("2 server head: connection 1 welcomed: new session, attempt 1\n");

    hello.attempt = 3;
    hello.last_domain = first.welcome.domain;
    hello.last_connection = first.welcome.connection;
    offer(&second, &hello, true);
    expect_counted(2, 1);
    cr_assert_eq(closed_by(SEMEL_REASON_REPLACED), 1);
    expect_told("2 server head: connection 1 closed: replaced by a newer connection of the same session\n"
                "2 server head: connection 2 welcomed: resumed, attempt 3\n");

    offer_in_vain(&hello, SEMEL_REASON_ATTEMPT_DUPLICATE);
    expect_told(
        "2 server head: connection refused: another connection of the same attempt was accepted first\n");
    hello.attempt = 2;
    offer_in_vain(&hello, SEMEL_REASON_ATTEMPT_STALE);
    expect_told("2 server head: connection refused: a delayed connection offer: a newer attempt is known\n");
    expect_counted(2, 1);
    peer_close(&first);
    peer_close(&second);
}

Test(decisions, by_name_are_counted_and_told, .init = office_open, .fini = office_close)
{
    struct peer peers[4];
    struct hello hello = named(1, 1);
    offer(&peers[0], &hello, false);
    expect_told("2 server head: connection 1 welcomed, node clerk: new session, attempt 1\n");
    for (unsigned i = 1; i < 4; i++) {
        char text[512];
        hello = named(i + 1, i + 1);
        offer(&peers[i], &hello, false);
        cr_assert_eq(closed_by(SEMEL_REASON_NAME_TAKEN), i);
        snprintf(text, sizeof text,
                 "2 server head: connection %u closed: replaced by a newer session of the same node name\n"
                 "2 server head: connection %u welcomed, node clerk: new session, attempt 1\n",
                 i, i + 1);
        expect_told(text);
        cr_assert_eq((int)peer_expect(&peers[i - 1], FRAME_REFUSE).aux, SEMEL_REASON_NAME_TAKEN);
        peer_expect_end(&peers[i - 1]);
    }
    hello = named(9, 9);
    offer_in_vain(&hello, SEMEL_REASON_NAME_CONFLICT);
    expect_told("0 server head: connection refused: two nodes share one name, or one restarts again and again: "
                "clerk\n");
    expect_counted(4, 0);
    for (unsigned i = 0; i < 4; i++)
        peer_close(&peers[i]);
}
