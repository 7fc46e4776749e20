/* Rounds over endpoints with a past: the healthiest first, the one that failed last at the end, and none whose breaker
 * is open.  Nobody listens anywhere: every dial fails at once, and the order of the round can be read afterwards.
 *
 * Reads best next: client/reconnector.h. */
#include <criterion/criterion.h>
#include <string.h>

#include "client/channel.h"

TestSuite(rounds, .timeout = 10);

enum { ENDPOINTS = 4 };

static semel_properties *properties;
static semel_node *node;
static semel_channel *channel;
static struct reconnector *reconnector;

static void enter(void)
{
    properties = semel_properties_create();
    cr_assert_eq(semel_properties_set(properties, "BreakerFailures", "3", NULL), SEMEL_OK);
    cr_assert_eq(semel_properties_set(properties, "BreakerOpenTime", "3600000", NULL), SEMEL_OK);
    const struct semel_node_options options = {.properties = properties};
    cr_assert_eq(semel_node_open(&options, &node, NULL), SEMEL_OK);
    cr_assert_eq(semel_channel_open(node, NULL, "unix:@rounds-0,unix:@rounds-1,unix:@rounds-2,unix:@rounds-3",
                                    &channel, NULL),
                 SEMEL_OK);
    reconnector = &channel->reconnector;
}

static void leave(void)
{
    semel_channel_close(channel);
    semel_node_close(node);
    semel_properties_destroy(properties);
}

/* How many endpoints it has dialled. */
static uint64_t run_round(void)
{
    uint64_t before = channel->stats.dials;
    loop_refresh(&node->loop);
    reconnector_want(reconnector, 0);
    while (reconnector->state != RECONNECTOR_IDLE)
        ev_run(node->loop.ev, EVRUN_NOWAIT); /* the round is over within the turn */
    return channel->stats.dials - before;
}

static void check_order(size_t a, size_t b, size_t c, size_t d)
{
    const size_t expected[ENDPOINTS] = {a, b, c, d};
    for (size_t i = 0; i < ENDPOINTS; i++)
        cr_assert_eq(reconnector->order[i], expected[i], "place %zu is %zu", i, reconnector->order[i]);
}

static void fail(size_t endpoint, int times)
{
    while (times-- > 0)
        health_failed(&reconnector->health[endpoint], node_now(node));
}

static void connect_to(size_t endpoint)
{
    reconnector->state = RECONNECTOR_CONNECTED;
    reconnector->order[0] = endpoint;
    reconnector->at = 0;
    reconnector->unproved = true;
}

Test(rounds, the_healthiest_is_first_and_equals_keep_their_order, .init = enter, .fini = leave)
{
    fail(0, 3);
    fail(2, 1);
    cr_assert_eq(run_round(), ENDPOINTS);
    check_order(1, 3, 2, 0);
    cr_assert_eq(reconnector->failed_last, 0);
}

/* The one that failed last has a place of its own, however ill the others are. */
Test(rounds, the_one_that_failed_last_is_last, .init = enter, .fini = leave)
{
    fail(0, 5);
    reconnector->failed_last = 1;
    run_round();
    check_order(2, 3, 0, 1);
}

/* A minute without failures makes up for most of one. */
Test(rounds, what_failed_long_ago_is_forgotten, .init = enter, .fini = leave)
{
    fail(0, 1);
    fail(1, 1);
    reconnector->health[0].changed_ns -= INT64_C(600000000000);
    run_round();
    check_order(0, 2, 3, 1);
}

Test(rounds, an_endpoint_that_answered_comes_back, .init = enter, .fini = leave)
{
    fail(0, 2);
    fail(1, 2);
    connect_to(1);
    reconnector_prove(reconnector);
    cr_assert_not(reconnector->unproved);
    reconnector_lost(reconnector, true);
    reconnector->failed_last = ENDPOINTS;
    run_round();
    check_order(2, 3, 1, 0);
}

Test(rounds, an_open_breaker_lets_nobody_dial, .init = enter, .fini = leave)
{
    for (int i = 0; i < 3; i++)
        breaker_failed(&reconnector->breakers[1], node_now(node));
    cr_assert_not(reconnector_is_barred(reconnector));
    cr_assert_eq(run_round(), ENDPOINTS - 1);
    cr_assert_eq(run_round(), ENDPOINTS - 1);
    cr_assert_eq(run_round(), ENDPOINTS - 1);
    cr_assert(reconnector_is_barred(reconnector), "three failures of each");
    cr_assert_eq(run_round(), 0);
    cr_assert_eq((int)reconnector->round_reason, SEMEL_REASON_BREAKER_OPEN);
}

Test(rounds, after_its_time_one_probe_is_let_through, .init = enter, .fini = leave)
{
    for (int i = 0; i < 3; i++)
        run_round();
    cr_assert_eq(run_round(), 0);
    reconnector->breakers[2].until_ns = 0;
    cr_assert_not(reconnector_is_barred(reconnector));
    cr_assert_eq(run_round(), 1);
    cr_assert_eq((int)reconnector->breakers[2].state, BREAKER_OPEN, "the probe has failed");
    cr_assert_gt(reconnector->breakers[2].until_ns - node_now(node), INT64_C(3600000000000),
                 "longer than the first time");
    cr_assert_eq(run_round(), 0);
}

Test(rounds, trouble_on_a_live_connection_opens_a_breaker_and_an_answer_closes_it, .init = enter, .fini = leave)
{
    connect_to(3);
    cr_assert_not(reconnector_trouble(reconnector));
    cr_assert_not(reconnector_trouble(reconnector));
    cr_assert(reconnector_trouble(reconnector));
    cr_assert_eq((int)reconnector->breakers[3].state, BREAKER_OPEN);
    reconnector_prove(reconnector);
    cr_assert_eq((int)reconnector->breakers[3].state, BREAKER_CLOSED);
    cr_assert_eq(reconnector->breakers[3].failures, 0);
    reconnector_lost(reconnector, true);
    cr_assert_not(reconnector_trouble(reconnector), "there is no connection to give any");
}
