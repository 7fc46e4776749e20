/* How a connection ended is remembered of its endpoint: leaving in good order is no failure.
 *
 * Reads best next: reconnector_test.c. */
#include <criterion/criterion.h>

#include "client/channel.h"

TestSuite(parted, .timeout = 60);

static semel_properties *properties;
static semel_node *node;
static semel_channel *channel;

static void enter(void)
{
    properties = semel_properties_create();
    cr_assert_eq(semel_properties_set(properties, "BreakerFailures", "1", NULL), SEMEL_OK);
    const struct semel_node_options options = {.properties = properties};
    cr_assert_eq(semel_node_open(&options, &node, NULL), SEMEL_OK);
    cr_assert_eq(semel_channel_open(node, NULL, "unix:@nobody-a,unix:@nobody-b", &channel, NULL), SEMEL_OK);
}

static void leave(void)
{
    semel_channel_close(channel);
    semel_node_close(node);
    semel_properties_destroy(properties);
}

/* As if the second endpoint had been connected to, and that connection were gone now. */
static struct reconnector *lose(bool parted)
{
    struct reconnector *reconnector = &channel->reconnector;
    reconnector->state = RECONNECTOR_CONNECTED;
    reconnector->present = 1;
    reconnector_lost(reconnector, parted, parted ? SEMEL_REASON_DRAINED : SEMEL_REASON_PEER_CLOSED, 0);
    return reconnector;
}

Test(parted, a_drained_endpoint_is_tried_last_and_is_as_healthy_as_before, .init = enter, .fini = leave)
{
    const struct reconnector *reconnector = lose(true);
    cr_assert_eq(reconnector->failed_last, 1);
    cr_assert_eq((int)reconnector->breakers[1].state, BREAKER_CLOSED);
    cr_assert_eq(health_penalty(&reconnector->health[1], node_now(node)), 0);
}

Test(parted, a_lost_endpoint_has_failed, .init = enter, .fini = leave)
{
    const struct reconnector *reconnector = lose(false);
    cr_assert_eq(reconnector->failed_last, 1);
    cr_assert_eq((int)reconnector->breakers[1].state, BREAKER_OPEN);
    cr_assert_gt(health_penalty(&reconnector->health[1], node_now(node)), 0);
    cr_assert_eq((int)reconnector->breakers[0].state, BREAKER_CLOSED);
}
