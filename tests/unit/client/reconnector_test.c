/* The order in which a channel tries its endpoints: a list that nobody listens at but for some, told by who is dialled.
 *
 * Listeners hang up at once, so that every dial fails; the order in which they saw one is the order of the round.
 *
 * Reads best next: client/reconnector.h. */
#include "client/reconnector.h"

#include <criterion/criterion.h>
#include <semel/call.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client/channel.h"
#include "core/order.h"

TestSuite(reconnector, .timeout = 60);

enum { ENDPOINTS = 3 };

static struct door {
    struct loop_io io;
    int fd;
} doors[ENDPOINTS];

static char uris[ENDPOINTS * SEMEL_ENDPOINT_TEXT_MAX];
static char
    seen[64]; /* a digit for each dial that came through, a letter for each round the call was told of */
static semel_node *node;
static semel_channel *channel;

static bool one_after_the_other;

int64_t __real_order_next_ns(const struct order_pace *pace);
int64_t __wrap_order_next_ns(const struct order_pace *pace);

/* The linker lets the client ask here when its next dial may begin: two side by side, as when this process was away for
 * so long, would come through in any order. */
int64_t __wrap_order_next_ns(const struct order_pace *pace)
{
    int64_t due_ns = __real_order_next_ns(pace);
    return one_after_the_other && due_ns != INT64_MIN ? INT64_MAX : due_ns;
}

static void tell(char what)
{
    size_t length = strlen(seen);
    if (length + 1 < sizeof seen)
        seen[length] = what;
}

static void on_dial(struct loop_io *io, bool readable, bool writable)
{
    (void)readable;
    (void)writable;
    struct door *door = (struct door *)io;
    int fd = accept(door->fd, NULL, NULL);
    cr_assert_geq(fd, 0);
    close(fd);
    tell((char)('0' + (door - doors)));
}

static void enter(void)
{
    one_after_the_other = true;
    cr_assert_eq(semel_node_open(NULL, &node, NULL), SEMEL_OK);
    for (int i = 0; i < ENDPOINTS; i++) {
        char uri[64];
        struct endpoint endpoint;
        size_t count;
        const char *message;
        snprintf(uri, sizeof uri, "unix:@semel-reconnector-%d-%d", (int)getpid(), i);
        cr_assert_eq(endpoint_resolve(uri, &endpoint, 1, &count, &message), SEMEL_REASON_NONE);
        cr_assert_eq(endpoint.transport->listen(&endpoint, &doors[i].fd), 0);
        loop_io_open(&node->loop, &doors[i].io, doors[i].fd, on_dial);
        loop_io_want(&doors[i].io, true, false);
        snprintf(uris + strlen(uris), sizeof uris - strlen(uris), "%s%s", i == 0 ? "" : ",", uri);
    }
    cr_assert_eq(semel_channel_open(node, NULL, uris, &channel, NULL), SEMEL_OK);
}

static void leave(void)
{
    semel_channel_close(channel);
    for (int i = 0; i < ENDPOINTS; i++) {
        loop_io_close(&doors[i].io);
        close(doors[i].fd);
    }
    semel_node_close(node);
}

static void shut(int i)
{
    loop_io_close(&doors[i].io);
    close(doors[i].fd);
    doors[i].fd = -1;
}

/* Begins a round as a call would, and turns the loop until it is over. */
static void run_round(void)
{
    loop_refresh(&node->loop);
    reconnector_want(&channel->reconnector, 0);
    while (channel->reconnector.state != RECONNECTOR_IDLE)
        loop_run_once(&node->loop);
    for (int i = 0; i < 5; i++)
        ev_run(node->loop.ev, EVRUN_NOWAIT); /* doors whose dials are over before they looked */
}

Test(reconnector, a_round_is_every_endpoint_once_in_order, .init = enter, .fini = leave)
{
    run_round();
    cr_assert_str_eq(seen, "012");
    cr_assert_eq(channel->stats.dials, ENDPOINTS);
    cr_assert_eq(channel->reconnector.state, RECONNECTOR_IDLE);
}

Test(reconnector, the_endpoint_that_failed_last_is_tried_last, .init = enter, .fini = leave)
{
    run_round();
    channel->reconnector.failed_last = 0; /* as if a live connection there had been lost */
    run_round();
    cr_assert_str_eq(seen, "012120");
    cr_assert_eq(channel->reconnector.failed_last, 0);
    channel->reconnector.failed_last = 1;
    run_round();
    cr_assert_str_eq(seen, "012120021");
}

Test(reconnector, one_that_nobody_listens_at_is_passed_over_at_once, .init = enter, .fini = leave)
{
    shut(1);
    run_round();
    cr_assert_str_eq(seen, "02");
    cr_assert_eq(channel->stats.dials, ENDPOINTS);
    cr_assert_eq(channel->stats.closed_by[SEMEL_REASON_CONNECT_FAILED], 1);
    shut(0);
    shut(2);
    run_round();
    cr_assert_str_eq(seen, "02");
    cr_assert_eq(channel->stats.dials, 2 * ENDPOINTS);
}

Test(reconnector, a_random_order_is_every_endpoint_once_too, .init = enter, .fini = leave)
{
    channel->reconnector.selection = PROPERTIES_SELECTION_RANDOM;
    for (int round = 0; round < 20; round++) {
        size_t last = channel->reconnector.failed_last;
        memset(seen, 0, sizeof seen);
        run_round();
        cr_assert_eq(strlen(seen), ENDPOINTS);
        for (char digit = '0'; digit < '0' + ENDPOINTS; digit++)
            cr_assert_not_null(strchr(seen, digit), "%s", seen);
        if (last < ENDPOINTS)
            cr_assert_eq(seen[ENDPOINTS - 1], (char)('0' + last), "%s", seen);
    }
}

Test(reconnector, wishes_meanwhile_are_one_round, .init = enter, .fini = leave)
{
    reconnector_want(&channel->reconnector, 0);
    reconnector_want(&channel->reconnector, 0);
    reconnector_want(&channel->reconnector, loop_now(&node->loop) + 1000000);
    run_round();
    cr_assert_str_eq(seen, "012");
    cr_assert_not(timer_running(&channel->reconnector.wait));
}

Test(reconnector, an_earlier_wish_moves_the_round_forward, .init = enter, .fini = leave)
{
    int64_t now_ns = loop_refresh(&node->loop);
    reconnector_want(&channel->reconnector, now_ns + INT64_C(3600000000000));
    reconnector_want(&channel->reconnector, now_ns + INT64_C(7200000000000));
    cr_assert_eq(channel->reconnector.state, RECONNECTOR_WAITING);
    cr_assert_eq(channel->reconnector.wait.due_ns, now_ns + INT64_C(3600000000000));
    reconnector_want(&channel->reconnector, now_ns + INT64_C(1000000));
    cr_assert_eq(channel->reconnector.wait.due_ns, now_ns + INT64_C(1000000));
    while (channel->reconnector.state != RECONNECTOR_IDLE)
        loop_run_once(&node->loop);
    cr_assert_eq(channel->stats.dials, ENDPOINTS);
}

/* ---- with a call ---- */

static pb_msgdesc_t nothing = {.field_count = 0};

static const struct semel_method method = {
    .name = "test.Doors.Knock",
    .id = 1,
    .request_fields = &nothing,
    .reply_fields = &nothing,
    .request_size = 1,
    .reply_size = 1,
};

/* Every endpoint before any wait: the hour would be longer than the test. */
Test(reconnector, a_call_has_seen_all_endpoints_before_it_waits, .init = enter, .fini = leave)
{
    const uint32_t waits[] = {0, 3600000};
    semel_call_options options = SEMEL_CALL_OPTIONS_INIT;
    options.deadline_ms = SEMEL_DEADLINE_NONE;
    options.retry_intervals_ms = waits;
    options.retry_interval_count = 2;
    options.on_unavailable = SEMEL_ON_UNAVAILABLE_FAIL;
    semel_call call;
    char in = 0;
    cr_assert_eq(semel_call_start(channel, &method, &in, &options, &call, NULL, NULL), SEMEL_OK);
    cr_assert_eq(channel->stats.dials, 0, "never inside the start");
    while (!timer_running(&channel->reconnector.wait))
        loop_run_once(&node->loop);
    for (int i = 0; i < 5; i++)
        ev_run(node->loop.ev, EVRUN_NOWAIT);
    cr_assert_str_eq(seen, "012012", "a round, a retry at once, and then the hour");
    cr_assert_eq(channel->stats.dials, 2 * ENDPOINTS);
}
