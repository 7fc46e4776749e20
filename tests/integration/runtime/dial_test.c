/* Dials side by side: who wins, what becomes of the others, and when there is one at a time.
 *
 * Reads best next: client/round.h, core/order.h. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine.h"

TestSuite(dial, .timeout = 60);

/* Longer than any test: who waits for it has hung. */
#define PATIENT "ConnectTimeout=15s"

/* A peer whose HELLO has come, and which has said nothing. */
static void take_dial(struct peer *peer, int listener)
{
    peer_accept(peer, listener);
    peer_take_hello(peer);
}

/* Two peers, and a call that is started by a client of both. */
struct race {
    int listeners[2];
    struct client client;
    struct watch watch;
    struct peer one;
    struct peer two;
};

/* The first is dialled, and the second when that has failed. */
static void race_open_alone(struct race *race, const char *property)
{
    char one_uri[SEMEL_ENDPOINT_TEXT_MAX], two_uri[SEMEL_ENDPOINT_TEXT_MAX], list[ENGINE_LIST];
    race->listeners[0] = peer_listen(one_uri);
    race->listeners[1] = peer_listen(two_uri);
    client_open(&race->client, LIST(PATIENT, property), engine_list(list, one_uri, two_uri));
    watch_start(&race->watch, &race->client, ADD, 1, NULL);
    take_dial(&race->one, race->listeners[0]);
}

/* The second is dialled beside it. */
static void race_open(struct race *race, const char *property)
{
    dials_go_side_by_side();
    race_open_alone(race, property);
}

static void race_take_second(struct race *race)
{
    take_dial(&race->two, race->listeners[1]);
}

/* The winner, which has said WELCOME, answers what it is asked. */
static void race_answer(struct race *race, struct peer *winner)
{
    struct frame request = peer_expect(winner, FRAME_REQUEST);
    peer_reply_ok(winner, &request, "", 0);
    check_status(watch_wait(&race->watch), OK, NONE, EXECUTED);
}

/* After the client is closed. */
static void race_close(struct race *race)
{
    peer_close(&race->one);
    peer_close(&race->two);
    close(race->listeners[0]);
    close(race->listeners[1]);
}

static void expect_cancelled(struct client *client, uint64_t dials, uint64_t cancelled)
{
    struct semel_channel_stats stats = client_stats(client);
    cr_assert_eq(stats.dials, dials, "%llu dials", (unsigned long long)stats.dials);
    cr_assert_eq(stats.dials_cancelled, cancelled, "%llu cancelled", (unsigned long long)stats.dials_cancelled);
    cr_assert_eq(stats.closed_by[SEMEL_REASON_CLOSED_LOCALLY], cancelled);
    cr_assert_eq(stats.connections, 1);
    cr_assert_eq(stats.retries, 0, "a round is one attempt");
}

/* ---- who wins ---- */

/* The first is silent; the second begins beside it, under the same number, and is welcomed. */
Test(dial, the_first_welcome_wins_and_the_other_is_closed)
{
    struct race race;
    const struct welcome welcome = peer_some_welcome();
    race_open(&race, NULL);
    race_take_second(&race);
    cr_assert_eq(race.one.hello.attempt, 1);
    cr_assert_eq(race.two.hello.attempt, 1, "dials side by side are one attempt");
    cr_assert_neq(race.one.hello.nonce, race.two.hello.nonce);
    peer_welcome(&race.two, &welcome, false);
    peer_expect_end(&race.one);
    race_answer(&race, &race.two);
    expect_cancelled(&race.client, 2, 1);
    client_close(&race.client);
    race_close(&race);
}

/* The loser may be first in the list, and the winner be the one that began first. */
Test(dial, one_that_is_slow_may_still_win)
{
    struct race race;
    const struct welcome welcome = peer_some_welcome();
    race_open(&race, NULL);
    race_take_second(&race);
    peer_welcome(&race.one, &welcome, false);
    peer_expect_end(&race.two);
    race_answer(&race, &race.one);
    expect_cancelled(&race.client, 2, 1);
    client_close(&race.client);
    race_close(&race);
}

static int held_pipe[2];

static void hold(void *unused)
{
    char byte;
    (void)unused;
    cr_assert_eq(read(held_pipe[0], &byte, 1), 1);
}

static void close_held(void)
{
    close(held_pipe[0]);
    close(held_pipe[1]);
}

/* Which of two is asked something; the other sees the end of its connection, perhaps before. */
static bool was_taken(const struct peer *one, const struct peer *two)
{
    struct pollfd ends[] = {{.fd = one->fd, .events = POLLIN}, {.fd = two->fd, .events = POLLIN}};
    char peeked;
    cr_assert_gt(poll(ends, 2, 10000), 0);
    if ((ends[0].revents & POLLIN) != 0)
        return recv(one->fd, &peeked, 1, MSG_PEEK) == 1;
    return recv(two->fd, &peeked, 1, MSG_PEEK) != 1;
}

/* Both WELCOMEs are on their way before the client looks: it takes one, and the other server loses nothing by it. */
Test(dial, of_two_welcomes_in_flight_one_is_taken)
{
    struct race race;
    const struct welcome welcome = peer_some_welcome();
    race_open(&race, NULL);
    race_take_second(&race);
    cr_assert_eq(pipe(held_pipe), 0);
    cr_assert_eq(semel_node_post(race.client.node, hold, NULL), SEMEL_OK);
    peer_welcome(&race.one, &welcome, false);
    peer_welcome(&race.two, &welcome, false);
    cr_assert_eq(write(held_pipe[1], "", 1), 1);
    bool first_won = was_taken(&race.one, &race.two);
    struct peer *winner = first_won ? &race.one : &race.two, *loser = first_won ? &race.two : &race.one;
    struct frame request = peer_expect(winner, FRAME_REQUEST);
    peer_reply_ok(winner, &request, "", 0);
    peer_expect_end(loser);
    check_status(watch_wait(&race.watch), OK, NONE, EXECUTED);
    expect_cancelled(&race.client, 2, 1);
    client_close(&race.client);
    race_close(&race);
    close_held();
}

/* A loser that was refused before costs no time: the next begins at once. */
Test(dial, a_refused_one_gives_way_at_once)
{
    char dead[SEMEL_ENDPOINT_TEXT_MAX], list[ENGINE_LIST];
    struct server server;
    struct client client;
    loopback_dead(dead);
    server_open(&server, NULL);
    client_open(&client, LIST(PATIENT), engine_list(list, dead, server.uri));
    semel_status status = engine_call(&client, ADD, 1, NULL);
    check_status(&status, OK, NONE, EXECUTED);
    expect_cancelled(&client, 2, 0);
    client_close(&client);
    server_close(&server);
}

/* A port whose queue of connections is full: no packet is answered. */
struct void_port {
    char uri[SEMEL_ENDPOINT_TEXT_MAX];
    int listener;
    int fillers[4];
};

static void void_port_open(struct void_port *port)
{
    struct sockaddr_in address = loopback_any();
    socklen_t size = sizeof address;
    port->listener = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert(bind(port->listener, (struct sockaddr *)&address, size) == 0 && listen(port->listener, 0) == 0 &&
              getsockname(port->listener, (struct sockaddr *)&address, &size) == 0);
    snprintf(port->uri, sizeof port->uri, "tcp://%s:%u", loopback_here(), ntohs(address.sin_port));
    for (int i = 0; i < 4; i++) {
        port->fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        int result = connect(port->fillers[i], (struct sockaddr *)&address, size);
        cr_assert(result == 0 || errno == EINPROGRESS);
    }
}

static void void_port_close(struct void_port *port)
{
    for (int i = 0; i < 4; i++)
        close(port->fillers[i]);
    close(port->listener);
}

Test(dial, one_that_is_still_connecting_is_cancelled)
{
    char list[ENGINE_LIST];
    struct void_port nowhere;
    struct server server;
    struct client client;
    void_port_open(&nowhere);
    server_open(&server, NULL);
    dials_go_side_by_side();
    client_open(&client, LIST(PATIENT), engine_list(list, nowhere.uri, server.uri));
    semel_status status = engine_call(&client, ADD, 1, NULL);
    check_status(&status, OK, NONE, EXECUTED);
    cr_assert_lt(status.elapsed_us, 10000000);
    expect_cancelled(&client, 2, 1);
    client_close(&client);
    server_close(&server);
    void_port_close(&nowhere);
}

/* One connects to nobody, one is silent after HELLO, the third is a server. */
Test(dial, three_in_parallel)
{
    char silent[SEMEL_ENDPOINT_TEXT_MAX], list[ENGINE_LIST];
    unsigned before = descriptors();
    struct void_port nowhere;
    struct server server;
    struct client client;
    struct peer peer;
    void_port_open(&nowhere);
    int listener = peer_listen(silent);
    server_open(&server, NULL);
    dials_go_side_by_side();
    client_open(&client, LIST(PATIENT), engine_list3(list, nowhere.uri, silent, server.uri));
    semel_status status = engine_call(&client, ADD, 1, NULL);
    check_status(&status, OK, NONE, EXECUTED);
    take_dial(&peer, listener);
    peer_expect_end(&peer);
    expect_cancelled(&client, 3, 2);
    peer_close(&peer);
    close(listener);
    client_close(&client);
    server_close(&server);
    void_port_close(&nowhere);
    cr_assert_eq(descriptors(), before);
}

/* A channel that is closed amid a race leaves nothing behind. */
Test(dial, a_race_goes_with_its_channel)
{
    struct race race;
    race_open(&race, NULL);
    race_take_second(&race);
    client_close(&race.client);
    peer_expect_end(&race.one);
    peer_expect_end(&race.two);
    check_status(watch_wait(&race.watch), CANCELLED, CHANNEL_CLOSED, NOT_EXECUTED);
    race_close(&race);
}

/* ---- one server at two addresses ---- */

/* The server sleeps until both dials are there: the later one is a double of the first, and is refused as such. */
Test(dial, two_to_one_server_are_one_connection)
{
    char more[SEMEL_ENDPOINT_TEXT_MAX], list[ENGINE_LIST];
    struct server server;
    struct client client;
    struct watch watch;
    server_open(&server, NULL);
    cr_assert_eq(semel_server_listen(server.semel, loopback_tcp(), more, NULL), SEMEL_OK);
    cr_assert_eq(pipe(held_pipe), 0);
    cr_assert_eq(semel_node_post(server.node, hold, NULL), SEMEL_OK);
    dials_go_side_by_side();
    client_open(&client, LIST(PATIENT), engine_list(list, server.uri, more));
    watch_start(&watch, &client, ADD, 1, NULL);
    while (client_stats(&client).frames_out < 2)
        ;
    cr_assert_eq(write(held_pipe[1], "", 1), 1);
    check_status(watch_wait(&watch), OK, NONE, EXECUTED);
    cr_assert_eq(client_stats(&client).dials, 2);
    cr_assert_eq(client_stats(&client).connections, 1);
    server_wait_closed_by(&server, ATTEMPT_DUPLICATE, 1);
    semel_status status = engine_call(&client, ADD, 2, NULL);
    check_status(&status, OK, NONE, EXECUTED);
    cr_assert_eq(server_stats(&server).closed_by[SEMEL_REASON_REPLACED], 0, "the winner was left alone");
    client_close(&client);
    server_close(&server);
    close_held();
}

/* The first dial was welcomed, but its WELCOME is lost; the second is refused as its double.  Then the number is used
 * up: the address is dialled again under the next one, and the call has not noticed. */
Test(dial, a_welcome_lost_in_a_race_is_asked_for_again)
{
    struct race race;
    struct peer again;
    const struct welcome welcome = peer_some_welcome();
    const struct frame refuse = {.type = FRAME_REFUSE, .aux = SEMEL_REASON_ATTEMPT_DUPLICATE};
    race_open(&race, "RetryIntervals=-1");
    race_take_second(&race);
    race.two.seed_out = race.two.nonce;
    cr_assert(peer_send(&race.two, &refuse));
    peer_expect_end(&race.two);
    shutdown(race.one.fd, SHUT_RDWR);
    take_dial(&again, race.listeners[1]);
    cr_assert_eq(again.hello.attempt, 2);
    peer_welcome(&again, &welcome, false);
    race_answer(&race, &again);
    cr_assert_eq(race.watch.status.attempts, 1);
    client_close(&race.client);
    peer_close(&again);
    race_close(&race);
}

/* One after the other each is an attempt of its own: whoever lost a WELCOME is not refused as a double. */
Test(dial, one_that_goes_alone_draws_its_own_number)
{
    struct race race;
    race_open_alone(&race, NULL);
    shutdown(race.one.fd, SHUT_RDWR);
    race_take_second(&race);
    cr_assert_eq(race.one.hello.attempt, 1);
    cr_assert_eq(race.two.hello.attempt, 2);
    client_close(&race.client);
    race_close(&race);
    cr_assert_eq((int)watch_wait(&race.watch)->reason, SEMEL_REASON_CHANNEL_CLOSED);
}

/* ---- while a verdict is waited for ---- */

enum { LONG_MS = 600000 };

struct held_scene {
    char one_uri[SEMEL_ENDPOINT_TEXT_MAX];
    int one_listener;
    struct peer one;
    struct server two;
    struct client client;
    struct watch watch;
};

/* An at-most-once call is written to the first, which has not answered; the second lives. */
static void held_open(struct held_scene *scene, enum method method, uint32_t heartbeat_ms)
{
    char list[ENGINE_LIST];
    struct welcome welcome = peer_some_welcome();
    welcome.heartbeat_ms = heartbeat_ms;
    scene->one_listener = peer_listen(scene->one_uri);
    server_open(&scene->two, NULL);
    client_open(&scene->client, LIST(PATIENT, "Deadline=0"), engine_list(list, scene->one_uri, scene->two.uri));
    watch_start(&scene->watch, &scene->client, method, 1, NULL);
    peer_serve(&scene->one, scene->one_listener, &welcome, false);
    (void)peer_expect(&scene->one, FRAME_REQUEST);
}

static void held_close(struct held_scene *scene)
{
    client_close(&scene->client);
    server_close(&scene->two);
    peer_close(&scene->one);
    close(scene->one_listener);
}

/* A short cut between two live servers with memories of their own.  The one that has the record is asked first, and
 * alone for as long as it takes: not even the stagger lets the other in. */
Test(dial, after_a_reset_the_witness_is_asked_first_and_alone)
{
    struct held_scene scene;
    struct watch clock;
    struct welcome welcome = peer_some_welcome();
    const semel_call_options brief = OPTIONS(600, NULL, -1, SEMEL_ON_UNAVAILABLE_WAIT);
    held_open(&scene, ADD, LONG_MS);
    dials_go_side_by_side();
    peer_close(&scene.one);
    take_dial(&scene.one, scene.one_listener);
    watch_start(&clock, &scene.client, ADD, 2, &brief); /* more than two staggers long */
    check_status(watch_wait(&clock), DEADLINE_EXCEEDED, DEADLINE, NOT_EXECUTED);
    cr_assert_eq(client_stats(&scene.client).dials, 2, "nobody else was dialled");
    welcome.connection = 2;
    peer_welcome(&scene.one, &welcome, true);
    struct frame replay = peer_expect(&scene.one, FRAME_REQUEST);
    peer_reply_ok(&scene.one, &replay, "", 0);
    check_status(watch_wait(&scene.watch), OK, NONE, EXECUTED);
    cr_assert_eq(scene.watch.status.replays, 1);
    cr_assert_eq(server_all_runs(&scene.two), 0);
    held_close(&scene);
}

/* Once: it is gone, and the other server is asked in the same round.  That has not run it, but the first may have. */
Test(dial, a_witness_that_is_gone_holds_nobody_up)
{
    struct held_scene scene;
    held_open(&scene, ADD, LONG_MS);
    close(scene.one_listener);
    scene.one_listener = dup(scene.one.fd);
    shutdown(scene.one.fd, SHUT_RDWR);
    check_status(watch_wait(&scene.watch), UNAVAILABLE, DOMAIN_CHANGED, UNKNOWN);
    cr_assert_eq(client_stats(&scene.client).dials, 3);
    semel_status status = engine_call(&scene.client, ADD, 3, NULL);
    check_status(&status, OK, NONE, EXECUTED);
    held_close(&scene);
}

/* A server that went silent is tried last, as the rule is; the verdict of the other one ends the call. */
Test(dial, after_silence_the_other_server_is_asked_first)
{
    struct held_scene scene;
    held_open(&scene, ADD, 300);
    check_status(watch_wait(&scene.watch), UNAVAILABLE, DOMAIN_CHANGED, UNKNOWN);
    cr_assert_eq(client_stats(&scene.client).dials, 2, "the silent one was not dialled again");
    struct semel_channel_stats stats = client_stats(&scene.client);
    cr_assert_eq(stats.closed_by[SEMEL_REASON_HEARTBEAT_MISSED] + stats.closed_by[SEMEL_REASON_PEER_STUCK], 1);
    held_close(&scene);
}

/* An idempotent call loses nothing elsewhere: the endpoint that failed last is tried last, reset or not. */
Test(dial, an_idempotent_call_waits_for_no_witness)
{
    struct held_scene scene;
    held_open(&scene, SET, LONG_MS);
    shutdown(scene.one.fd, SHUT_RDWR);
    check_status(watch_wait(&scene.watch), OK, NONE, EXECUTED);
    cr_assert_eq(server_runs(&scene.two, 1), 1);
    cr_assert_eq(client_stats(&scene.client).dials, 2);
    held_close(&scene);
}

/* ---- transports ---- */

Test(dial, every_kind_of_address_is_reached)
{
    char folder[] = "/tmp/semel-dial-XXXXXX", path[64], name[64];
    cr_assert_not_null(mkdtemp(folder));
    snprintf(path, sizeof path, "unix:%s/s", folder);
    snprintf(name, sizeof name, "unix:@semel-dial-%d", (int)getpid());
    const char *const uris[] = {loopback_tcp(), path, name, "tcp://[::1]:0"};
    for (unsigned i = 0; i < (loopback_has_six() ? 4 : 3); i++) {
        struct server server;
        struct client client;
        server_open_at(&server, NULL, uris[i]);
        client_open(&client, NULL, server.uri);
        semel_status status = engine_call(&client, ADD, 1, NULL);
        check_status(&status, OK, NONE, EXECUTED);
        client_close(&client);
        server_close(&server);
    }
    cr_assert_eq(rmdir(folder), 0, "the socket file was left behind");
}
