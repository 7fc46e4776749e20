/* Endpoints whose host is a name: looked up in each round, by a name server that may be wrong, slow or hostile.
 *
 * Reads best next: names.h, net/resolver.h. */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "engine.h"
#include "names.h"

TestSuite(name, .timeout = 60);

static unsigned port_of(const char *uri)
{
    return (unsigned)strtoul(strrchr(uri, ':') + 1, NULL, 10);
}

/* "tcp://bank.test:PORT" */
static const char *named(char *into, unsigned port)
{
    snprintf(into, SEMEL_ENDPOINT_TEXT_MAX, "tcp://bank.test:%u", port);
    return into;
}

struct scene {
    struct names names;
    struct server server; /* here */
    struct client client; /* to its port at bank.test */
    char uri[SEMEL_ENDPOINT_TEXT_MAX];
};

/* port: of the server; 0: any. */
static void scene_open_at(struct scene *scene, enum names_manner manner, const char *addresses,
                          const char *property, unsigned port)
{
    char at[SEMEL_ENDPOINT_TEXT_MAX];
    names_open(&scene->names);
    names_say(&scene->names, manner, addresses);
    snprintf(at, sizeof at, "tcp://%s:%u", loopback_here(), port);
    server_open_at(&scene->server, NULL, at);
    client_open(&scene->client, LIST(scene->names.property, "RetryIntervals=-1", property),
                named(scene->uri, port_of(scene->server.uri)));
}

static void scene_open(struct scene *scene, enum names_manner manner, const char *addresses,
                       const char *property)
{
    scene_open_at(scene, manner, addresses, property, 0);
}

static void scene_close(struct scene *scene)
{
    client_close(&scene->client);
    server_close(&scene->server);
    names_close(&scene->names);
}

static void expect_ok(struct scene *scene, unsigned op)
{
    semel_status status = engine_call(&scene->client, ADD, op, NULL);
    check_status(&status, OK, NONE, EXECUTED);
    cr_assert_eq(status.attempts, 1);
    cr_assert_eq(server_runs(&scene->server, op), 1);
}

/* By another channel of the node, for which ConnectTimeout is long. */
static void expect_ok_next(struct scene *scene, unsigned op)
{
    struct client next = scene->client;
    cr_assert_eq(semel_channel_open(next.node, "next", scene->uri, &next.channel, NULL), SEMEL_OK);
    semel_status status = engine_call(&next, ADD, op, NULL);
    check_status(&status, OK, NONE, EXECUTED);
    cr_assert_eq(status.attempts, 1);
    semel_channel_close(next.channel);
}

static void expect_unresolved(struct scene *scene, unsigned op)
{
    semel_status status = engine_call(&scene->client, ADD, op, NULL);
    check_status(&status, UNAVAILABLE, NAME_UNRESOLVED, NOT_EXECUTED);
    check_explains(&status, "the host name has no known address");
    check_explains(&status, scene->uri);
    cr_assert_eq(server_runs(&scene->server, op), 0);
}

Test(name, is_looked_up_when_a_connection_is_sought)
{
    struct scene scene;
    scene_open(&scene, NAMES_ANSWER, "here", NULL);
    cr_assert_eq(names_asked(&scene.names), 0, "opening a channel asks nobody");
    expect_ok(&scene, 1);
    cr_assert_eq(names_asked(&scene.names), 2, "one question a family");
    expect_ok(&scene, 2);
    cr_assert_eq(names_asked(&scene.names), 2, "a connection that lives needs no name");
    scene_close(&scene);
}

/* Nobody listens at the first address: the second is dialled at once, in the same attempt. */
Test(name, whose_first_address_is_dead_is_reached_at_the_second)
{
    struct scene scene;
    scene_open(&scene, NAMES_ANSWER, "elsewhere here", NULL);
    expect_ok(&scene, 1);
    cr_assert_eq(client_stats(&scene.client).dials, 2);
    cr_assert_eq(client_stats(&scene.client).dials_cancelled, 0);
    scene_close(&scene);
}

/* Both families: IPv6 first, then in turn.  At [::1] and elsewhere nobody listens. */
Test(name, of_both_families_is_dialled_in_turns)
{
    struct scene scene;
    scene_open_at(&scene, NAMES_TOGETHER, "elsewhere here ::1", NULL,
                  20000); /* of no range that is given away */
    expect_ok(&scene, 1);
    cr_assert_eq(client_stats(&scene.client).dials, 3, "::1, elsewhere, here");
    scene_close(&scene);
}

Test(name, with_a_server_at_its_ipv6_address_is_reached_there_first)
{
    struct scene scene;
    struct server six;
    if (!loopback_has_six())
        return;
    server_open_at(&six, NULL, "tcp://[::1]:0");
    scene_open_at(&scene, NAMES_TOGETHER, "here ::1", NULL, port_of(six.uri));
    semel_status status = engine_call(&scene.client, ADD, 1, NULL);
    check_status(&status, OK, NONE, EXECUTED);
    cr_assert_eq(server_runs(&six, 1), 1);
    cr_assert_eq(client_stats(&scene.client).dials, 1);
    server_close(&six);
    scene_close(&scene);
}

/* The story of a service that moves: the next round follows its name. */
Test(name, that_moved_is_followed)
{
    struct scene scene;
    struct server moved;
    char uri[SEMEL_ENDPOINT_TEXT_MAX];
    scene_open(&scene, NAMES_ANSWER, "here", "RetryIntervals=0 0");
    expect_ok(&scene, 1);
    snprintf(uri, sizeof uri, "tcp://%s:%u", loopback_elsewhere(), port_of(scene.server.uri));
    server_open_at(&moved, NULL, uri);
    names_say(&scene.names, NAMES_ANSWER, "elsewhere");
    semel_server_close(scene.server.semel);
    semel_status status = engine_call(&scene.client, ADD, 2, NULL);
    check_status(&status, OK, NONE, EXECUTED);
    cr_assert_eq(server_runs(&moved, 2), 1);
    server_close(&moved);
    scene_close(&scene);
}

Test(name, that_does_not_exist_is_a_failed_dial_and_may_come_to_exist)
{
    struct scene scene;
    scene_open(&scene, NAMES_ANSWER, "", NULL);
    expect_unresolved(&scene, 1);
    cr_assert_eq(client_stats(&scene.client).dials, 1);
    cr_assert_eq(client_stats(&scene.client).closed_by[SEMEL_REASON_NAME_UNRESOLVED], 1);
    names_say(&scene.names, NAMES_ANSWER, "here");
    expect_ok(&scene, 2);
    scene_close(&scene);
}

Test(name, whose_server_is_silent_is_given_up_in_time)
{
    struct scene scene;
    scene_open(&scene, NAMES_SILENT, "here", "test.ConnectTimeout=300");
    semel_status status = engine_call(&scene.client, ADD, 1, NULL);
    check_status(&status, UNAVAILABLE, NAME_UNRESOLVED, NOT_EXECUTED);
    check_explains(&status, "timed out");
    cr_assert_geq(status.elapsed_us, 299000);
    cr_assert_lt(status.elapsed_us, 5000000);
    names_say(&scene.names, NAMES_ANSWER, "here");
    expect_ok_next(&scene, 2);
    scene_close(&scene);
}

/* What a broken middlebox does: the other family is not waited for. */
Test(name, of_which_one_family_is_never_answered_is_reached_by_the_other)
{
    struct scene scene;
    scene_open(&scene, NAMES_SIX_LOST, "here", "ConnectTimeout=10s");
    semel_status status = engine_call(&scene.client, ADD, 1, NULL);
    check_status(&status, OK, NONE, EXECUTED);
    cr_assert_lt(status.elapsed_us, 5000000, "it took %lld us", (long long)status.elapsed_us);
    scene_close(&scene);
}

/* Other endpoints need not wait for a name that nobody answers for. */
Test(name, that_hangs_does_not_hold_up_the_next_endpoint)
{
    struct names names;
    struct server server;
    struct client client;
    char list[ENGINE_LIST];
    names_open(&names);
    names_say(&names, NAMES_SILENT, "");
    server_open(&server, NULL);
    dials_go_side_by_side();
    client_open(&client, LIST(names.property, "RetryIntervals=-1", "ConnectTimeout=15s"),
                engine_list(list, "tcp://bank.test:1", server.uri));
    semel_status status = engine_call(&client, ADD, 1, NULL);
    check_status(&status, OK, NONE, EXECUTED);
    cr_assert_lt(status.elapsed_us, 10000000);
    client_close(&client); /* with a question that is still open */
    server_close(&server);
    names_close(&names);
}

/* Whatever comes back, the look-up ends in its time, and the next one is well. */
Test(name, hostile_answers_are_no_addresses)
{
    static const enum names_manner manners[] = {NAMES_GARBAGE, NAMES_OTHER_ID, NAMES_SHORT,
                                                NAMES_LOOP,    NAMES_LENGTH,   NAMES_SERVFAIL};
    struct scene scene;
    scene_open(&scene, NAMES_ANSWER, "", "test.ConnectTimeout=200");
    for (unsigned i = 0; i < sizeof manners / sizeof *manners; i++) {
        names_say(&scene.names, manners[i], "here");
        expect_unresolved(&scene, 1 + i);
    }
    names_say(&scene.names, NAMES_ANSWER, "here");
    expect_ok_next(&scene, 100);
    scene_close(&scene);
}

/* Nobody listens at any of the 25. */
Test(name, of_too_many_addresses_is_dialled_at_a_few)
{
    struct scene scene;
    scene_open(&scene, NAMES_MANY, "", NULL);
    semel_status status = engine_call(&scene.client, ADD, 1, NULL);
    check_status(&status, UNAVAILABLE, CONNECT_FAILED, NOT_EXECUTED);
    cr_assert_eq(client_stats(&scene.client).dials, 8);
    scene_close(&scene);
}

Test(name, in_the_hosts_file_is_asked_of_nobody)
{
    struct names names;
    struct server server;
    struct client client;
    char uri[SEMEL_ENDPOINT_TEXT_MAX];
    names_open(&names);
    names_say(&names, NAMES_ANSWER, "elsewhere");
    server_open_at(&server, NULL, "tcp://127.0.0.1:0");
    snprintf(uri, sizeof uri, "tcp://localhost:%u", port_of(server.uri));
    client_open(&client, LIST(names.property), uri);
    semel_status status = engine_call(&client, ADD, 1, NULL);
    check_status(&status, OK, NONE, EXECUTED);
    cr_assert_eq(names_asked(&names), 0);
    client_close(&client);
    server_close(&server);
    names_close(&names);
}

/* A node is closed, and with it the channel, while a name is being looked up. */
Test(name, that_is_being_looked_up_goes_with_its_node)
{
    unsigned before = descriptors();
    struct scene scene;
    struct watch watch;
    scene_open(&scene, NAMES_SILENT, "", NULL);
    watch_start(&watch, &scene.client, ADD, 1, NULL);
    while (names_asked(&scene.names) < 2)
        ;
    scene_close(&scene);
    check_status(watch_wait(&watch), CANCELLED, CHANNEL_CLOSED, NOT_EXECUTED);
    cr_assert_eq(descriptors(), before);
}

/* Twice the reconnects of twenty channels of one node: look-ups side by side, each with its own answer. */
Test(name, is_looked_up_by_many_channels_at_once)
{
    enum { CHANNELS = 20 };
    struct scene scene;
    semel_channel *channels[CHANNELS];
    scene_open(&scene, NAMES_ANSWER, "here", NULL);
    for (int i = 0; i < CHANNELS; i++)
        cr_assert_eq(semel_channel_open(scene.client.node, NULL, scene.uri, &channels[i], NULL), SEMEL_OK);
    for (int i = 0; i < CHANNELS; i++)
        semel_channel_wake(channels[i]);
    server_wait_gauge(&scene.server, offsetof(struct semel_server_stats, connections), CHANNELS);
    for (int i = 0; i < CHANNELS; i++)
        semel_channel_close(channels[i]);
    cr_assert_eq(names_asked(&scene.names), 2 * CHANNELS);
    scene_close(&scene);
}
