/* The order of a round, on paper: which endpoint first, which side by side, and what counts as silence.
 *
 * Reads best next: core/order.h. */
#include "core/order.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "core/limits.h"
#include "core/units.h"

enum { COUNT = 4 };

static struct health health[COUNT];

static struct order_facts facts(void)
{
    memset(health, 0, sizeof health);
    return (struct order_facts){.count = COUNT,
                                .health = health,
                                .failed_last = COUNT,
                                .favourite = COUNT,
                                .witness = COUNT,
                                .now_ns = 1};
}

static void check(const struct order_facts *given, size_t a, size_t b, size_t c, size_t d)
{
    const size_t expected[COUNT] = {a, b, c, d};
    size_t order[COUNT] = {0, 1, 2, 3};
    order_endpoints(given, order);
    for (size_t i = 0; i < COUNT; i++)
        cr_assert_eq(order[i], expected[i], "place %zu is %zu, not %zu", i, order[i], expected[i]);
}

Test(order, of_choice_when_nothing_is_known)
{
    const struct order_facts given = facts();
    check(&given, 0, 1, 2, 3);
}

Test(order, the_healthiest_first_and_the_one_that_failed_last_behind)
{
    struct order_facts given = facts();
    health_failed(&health[0], 0);
    given.failed_last = 2;
    check(&given, 1, 3, 0, 2);
}

Test(order, a_favourite_is_first_however_ill)
{
    struct order_facts given = facts();
    given.favourite = 3;
    check(&given, 3, 0, 1, 2);
    health_failed(&health[3], 0);
    check(&given, 3, 0, 1, 2);
}

/* Failed last binds: the favourite is given its place again by the round after. */
Test(order, a_favourite_that_failed_last_is_last)
{
    struct order_facts given = facts();
    given.favourite = given.failed_last = 1;
    check(&given, 0, 2, 3, 1);
}

/* The hole that is closed: two live servers with separate memories, and a short cut to the first.  Were it tried last,
 * the second would be asked first, and every held call would end UNKNOWN though its own server is there. */
Test(order, the_witness_is_first_even_if_it_failed_last)
{
    struct order_facts given = facts();
    given.witness = given.failed_last = 0;
    check(&given, 0, 1, 2, 3);
    given.witness = given.failed_last = 2;
    given.favourite = 1;
    check(&given, 2, 1, 0, 3);
}

/* ---- side by side ---- */

#define LAST_NS INT64_C(1000000000)
#define STAGGER_NS (LIMIT_DIAL_STAGGER_MS * MS_IN_NS)

Test(order, dials_are_a_stagger_apart)
{
    const struct {
        struct order_pace pace;
        int64_t next_ns;
    } cases[] = {
        {{.running = 0, .last_begun_ns = LAST_NS}, INT64_MIN},
        {{.running = 0, .verdict_wanted = true, .last_begun_ns = LAST_NS}, INT64_MIN},
        {{.running = 1, .last_begun_ns = LAST_NS}, LAST_NS + STAGGER_NS},
        {{.running = 7, .same_endpoint = true, .last_begun_ns = LAST_NS}, LAST_NS + STAGGER_NS},
        {{.running = 1, .failed = true, .last_begun_ns = LAST_NS}, INT64_MIN},
        {{.running = 1, .same_endpoint = true, .verdict_wanted = true, .last_begun_ns = LAST_NS},
         LAST_NS + STAGGER_NS},
        {{.running = 1,
          .same_endpoint = true,
          .verdict_wanted = true,
          .failed = true,
          .last_begun_ns = LAST_NS},
         INT64_MIN},
        /* the promise before speed: not even a failure lets another endpoint in beside the first */
        {{.running = 1, .verdict_wanted = true, .last_begun_ns = LAST_NS}, INT64_MAX},
        {{.running = 1, .verdict_wanted = true, .failed = true, .last_begun_ns = LAST_NS}, INT64_MAX},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        cr_assert_eq(order_next_ns(&cases[i].pace), cases[i].next_ns, "case %zu", i);
}

Test(order, silence_is_told_from_a_reset)
{
    cr_assert(order_is_silence(SEMEL_REASON_HEARTBEAT_MISSED, 0));
    cr_assert(order_is_silence(SEMEL_REASON_PEER_STUCK, 0));
    cr_assert(order_is_silence(SEMEL_REASON_SLOW_READER, 0));
    cr_assert(order_is_silence(SEMEL_REASON_IO_ERROR, ETIMEDOUT), "TCP gave up");
    cr_assert(order_is_silence(SEMEL_REASON_IO_ERROR, EHOSTUNREACH));
    cr_assert_not(order_is_silence(SEMEL_REASON_PEER_CLOSED, 0));
    cr_assert_not(order_is_silence(SEMEL_REASON_IO_ERROR, ECONNRESET));
    cr_assert_not(order_is_silence(SEMEL_REASON_IO_ERROR, EPIPE));
    cr_assert_not(order_is_silence(SEMEL_REASON_BAD_CHECK, 0), "damaged bytes come from someone");
    cr_assert_not(order_is_silence(SEMEL_REASON_DRAINED, 0));
}

/* ---- families ---- */

static void check_families(const char *given, const char *expected)
{
    bool is_six[LIMIT_ADDRESSES];
    size_t order[LIMIT_ADDRESSES];
    size_t count = strlen(given);
    for (size_t i = 0; i < count; i++)
        is_six[i] = given[i] == '6';
    order_families(is_six, count, order);
    cr_assert_eq(strlen(expected), count);
    for (size_t i = 0; i < count; i++)
        cr_assert_eq(order[i], (size_t)(expected[i] - '0'), "%s: place %zu is %zu", given, i, order[i]);
}

Test(order, families_take_turns_and_six_begins)
{
    check_families("", "");
    check_families("4", "0");
    check_families("6", "0");
    check_families("46", "10");
    check_families("64", "01");
    check_families("4466", "2031");
    check_families("6664", "0312");
    check_families("44446", "40123");
    check_families("66666666", "01234567");
}
