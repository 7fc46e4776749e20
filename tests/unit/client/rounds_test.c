/* Rounds over endpoints with a past: the healthiest first, the one that failed last at the end, and none whose breaker
 * is open.  Nobody listens anywhere: every dial fails at once, and the order of the round can be read afterwards.
 *
 * Reads best next: client/reconnector.h. */
#include <criterion/criterion.h>
#include <string.h>

#include "client/channel.h"

TestSuite(rounds, .timeout = 60);

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
        cr_assert_eq(reconnector->round.order[i], expected[i], "place %zu is %zu", i,
                     reconnector->round.order[i]);
}

static void fail(size_t endpoint, int times)
{
    while (times-- > 0)
        health_failed(&reconnector->health[endpoint], node_now(node));
}

static void connect_to(size_t endpoint)
{
    reconnector->state = RECONNECTOR_CONNECTED;
    reconnector->present = endpoint;
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
    reconnector_lost(reconnector, true, SEMEL_REASON_DRAINED, 0);
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
    cr_assert_eq((int)reconnector->round.reason, SEMEL_REASON_BREAKER_OPEN);
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
    reconnector_lost(reconnector, true, SEMEL_REASON_DRAINED, 0);
    cr_assert_not(reconnector_trouble(reconnector), "there is no connection to give any");
}

/* ---- the favourite ---- */

Test(rounds, pinned_comes_back_to_the_one_that_was_connected, .init = enter, .fini = leave)
{
    reconnector->selection = PROPERTIES_SELECTION_PINNED;
    reconnector->favourite = 2;
    run_round();
    check_order(2, 0, 1, 3);
    reconnector->failed_last = 2;
    run_round();
    cr_assert_eq(reconnector->round.order[ENDPOINTS - 1], 2, "failed last is tried last");
}

Test(rounds, ordered_has_no_favourite, .init = enter, .fini = leave)
{
    reconnector->favourite = 2;
    run_round();
    check_order(0, 1, 2, 3);
}

/* No call is held for a verdict: the endpoint that was lost has nothing to say. */
Test(rounds, a_witness_is_asked_only_where_a_verdict_is_wanted, .init = enter, .fini = leave)
{
    connect_to(0);
    reconnector_lost(reconnector, false, SEMEL_REASON_PEER_CLOSED, 0);
    cr_assert_eq(reconnector->witness, 0);
    run_round();
    check_order(1, 2, 3, 0);
    cr_assert_eq(reconnector->witness, ENDPOINTS, "one round later it is forgotten");
    connect_to(0);
    reconnector_lost(reconnector, false, SEMEL_REASON_HEARTBEAT_MISSED, 0);
    cr_assert_eq(reconnector->witness, ENDPOINTS, "silence has no witness");
}

/* ---- rounds that no call asks for ---- */

/* The round that has been asked for is over: the next wait has begun. */
static void end_round(void)
{
    while (!timer_running(&reconnector->wait))
        ev_run(node->loop.ev, EVRUN_NOWAIT);
    cr_assert_eq((int)reconnector->state, RECONNECTOR_WAITING);
}

/* The wait began somewhere between before_ns and now. */
static void check_wait(int64_t before_ns, int64_t most_ms, size_t round)
{
    int64_t due_ns = reconnector->wait.due_ns;
    cr_assert_geq(due_ns - before_ns, most_ms * INT64_C(1000000) / 2, "after %zu: %lld ns", round,
                  (long long)(due_ns - before_ns));
    cr_assert_leq(due_ns - node_now(node), most_ms * INT64_C(1000000), "after %zu: %lld ns", round,
                  (long long)(due_ns - node_now(node)));
}

Test(rounds, an_eager_channel_waits_longer_after_each_and_begins_anew_when_woken, .init = enter, .fini = leave)
{
    reconnector->channel->stays = 1;
    reconnector->backoff.max_ms = 1000;
    for (int again = 0; again < 2; again++) {
        const int64_t waits_ms[] = {100, 200, 400, 800, 1000, 1000};
        const size_t rounds = sizeof waits_ms / sizeof *waits_ms;
        for (size_t round = 1; round <= rounds; round++) {
            if (round == 1)
                reconnector_wake(reconnector);
            else
                reconnector_want(reconnector, 0);
            loop_timer_stop(&node->loop, &reconnector->wait);
            int64_t before_ns = node_now(node);
            end_round();
            /* More than one, if a wait was over in the turn in which it began. */
            cr_assert_geq(reconnector->rounds_failed, round);
            round = reconnector->rounds_failed;
            check_wait(before_ns, waits_ms[round < rounds ? round - 1 : rounds - 1], round);
        }
    }
}

/* A server that welcomes and hangs up is not dialled without a pause; one that was live for long is dialled at once. */
Test(rounds, an_eager_channel_goes_by_when_it_was_connected, .init = enter, .fini = leave)
{
    reconnector->channel->stays = 1;
    connect_to(1);
    reconnector->round_begun_ns = node_now(node);
    reconnector_lost(reconnector, false, SEMEL_REASON_PEER_CLOSED, 0);
    reconnector_tend(reconnector);
    cr_assert(timer_running(&reconnector->wait));
    cr_assert_geq(reconnector->wait.due_ns - reconnector->round_begun_ns, INT64_C(50000000));
    reconnector->state = RECONNECTOR_IDLE;
    loop_timer_stop(&node->loop, &reconnector->wait);
    reconnector->round_begun_ns = node_now(node) - INT64_C(1000000000);
    reconnector_tend(reconnector);
    cr_assert(reconnector->begin.queued);
    cr_assert_not(timer_running(&reconnector->wait));
}

/* What was left for a better one is followed by that at once, but only once. */
Test(rounds, a_connection_that_is_renewed_is_followed_without_a_wait, .init = enter, .fini = leave)
{
    reconnector->channel->stays = 1;
    connect_to(1);
    reconnector->round_begun_ns = node_now(node);
    reconnector->renewing = true;
    reconnector_lost(reconnector, true, SEMEL_REASON_PEER_CLOSED, 0);
    reconnector_tend(reconnector);
    cr_assert(reconnector->begin.queued);
    cr_assert_not(timer_running(&reconnector->wait));
    end_round();
    cr_assert_geq(reconnector->rounds_failed, 1);
}

Test(rounds, a_channel_that_need_not_stay_is_left_alone, .init = enter, .fini = leave)
{
    connect_to(1);
    reconnector_lost(reconnector, false, SEMEL_REASON_PEER_CLOSED, 0);
    reconnector_tend(reconnector);
    cr_assert_eq((int)reconnector->state, RECONNECTOR_IDLE);
}
