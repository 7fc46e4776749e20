/* Lanes: who is told what, in which order, when hosts attach and detach and guests come and go.
 *
 * Reads best next: runtime/net/lane.h. */
#include "net/lane.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* What was told, one word each. */
static char told[256];

static void tell(const char *word)
{
    size_t length = strlen(told);
    snprintf(told + length, sizeof told - length, "%s%s", length > 0 ? " " : "", word);
}

static void expect_told(const char *words)
{
    cr_assert_str_eq(told, words);
    told[0] = '\0';
}

static void attached(struct lane *lane, bool resumed)
{
    cr_assert_not_null(lane->wire);
    tell(resumed ? "resumed" : "new");
}

static void detached(struct lane *lane, enum semel_reason reason, int os_error)
{
    cr_assert_null(lane->wire);
    cr_assert_eq((int)reason, SEMEL_REASON_PEER_CLOSED);
    cr_assert_eq(os_error, 7);
    tell("detached");
}

static void ended(struct lane *lane, bool gone)
{
    (void)lane;
    tell(gone ? "gone" : "ended");
}

static void entered(struct lane *lane)
{
    cr_assert_not_null(lane->guest);
    tell("entered");
}

static void left(struct lane *lane)
{
    cr_assert(lane->guest == NULL && lane->user == NULL);
    tell("left");
}

static const struct lane_guest guest = {.attached = attached, .detached = detached, .ended = ended};
static const struct lane_host host = {.entered = entered, .left = left};
static const struct lane_host silent_host;
static struct wire wire;

Test(lane, a_guest_is_told_of_each_connection)
{
    struct lane lane;
    lane_init(&lane, NULL, &host);
    lane_enter(&lane, &guest, &lane);
    expect_told("entered");
    lane_attach(&lane, &wire, 3, false);
    cr_assert(lane.wire == &wire && lane.connection == 3);
    lane_detach(&lane, SEMEL_REASON_PEER_CLOSED, 7);
    cr_assert_eq(lane.connection, 0);
    lane_attach(&lane, &wire, 4, true);
    lane_detach(&lane, SEMEL_REASON_PEER_CLOSED, 7);
    expect_told("new detached resumed detached");
    lane_end(&lane, false);
    lane_end(&lane, true);
    expect_told("ended gone");
}

/* It has written nothing before, so that there is nothing to resume. */
Test(lane, who_comes_late_finds_the_connection)
{
    struct lane lane;
    lane_init(&lane, NULL, &host);
    lane_attach(&lane, &wire, 3, true);
    expect_told("");
    lane_enter(&lane, &guest, &lane);
    expect_told("new entered");
    lane_leave(&lane);
    expect_told("left");
    lane_detach(&lane, SEMEL_REASON_PEER_CLOSED, 7);
    expect_told("");
    cr_assert_null(lane.wire);
}

Test(lane, detaching_twice_is_told_once)
{
    struct lane lane;
    lane_init(&lane, NULL, &silent_host);
    lane_enter(&lane, &guest, &lane);
    lane_detach(&lane, SEMEL_REASON_PEER_CLOSED, 7);
    lane_attach(&lane, &wire, 3, false);
    lane_detach(&lane, SEMEL_REASON_PEER_CLOSED, 7);
    lane_detach(&lane, SEMEL_REASON_PEER_CLOSED, 7);
    expect_told("new detached");
    lane_leave(&lane);
}

Test(lane, a_second_guest_is_a_bug, .signal = SIGABRT)
{
    struct lane lane;
    lane_init(&lane, NULL, &host);
    lane_enter(&lane, &guest, &lane);
    lane_enter(&lane, &guest, &lane);
}

Test(lane, ending_on_a_connection_is_a_bug, .signal = SIGABRT)
{
    struct lane lane;
    lane_init(&lane, NULL, &host);
    lane_enter(&lane, &guest, &lane);
    lane_attach(&lane, &wire, 3, false);
    lane_end(&lane, true);
}
