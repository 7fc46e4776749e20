/* Where further attempts of a hedged call go: to the endpoints after the present one, in turn.
 *
 * Reads best next: client/hedge.h. */
#include <criterion/criterion.h>
#include <string.h>

#include "client/channel.h"

TestSuite(beside, .timeout = 60);

static semel_node *node;
static semel_channel *channel;

static void enter(void)
{
    cr_assert_eq(semel_node_open(NULL, &node, NULL), SEMEL_OK);
}

static void leave(void)
{
    semel_channel_close(channel);
    semel_node_close(node);
}

static void open_to(const char *endpoints)
{
    cr_assert_eq(semel_channel_open(node, "side", endpoints, &channel, NULL), SEMEL_OK);
}

static const char *first_of(uint32_t n)
{
    const semel_channel *other = channel_beside(channel, n);
    cr_assert(other != NULL && other != channel && other->is_beside);
    cr_assert_eq(other->reconnector.endpoint_count, channel->reconnector.endpoint_count);
    return other->reconnector.endpoints[0].text;
}

Test(beside, with_one_endpoint_it_is_the_channel_itself, .init = enter, .fini = leave)
{
    open_to("unix:@side-a");
    for (uint32_t n = 0; n < 5; n++)
        cr_assert_eq(channel_beside(channel, n), channel);
}

Test(beside, the_others_take_turns, .init = enter, .fini = leave)
{
    open_to("unix:@side-a,unix:@side-b,unix:@side-c");
    cr_assert_str_eq(first_of(0), "unix:@side-b");
    cr_assert_str_eq(first_of(1), "unix:@side-c");
    cr_assert_str_eq(first_of(2), "unix:@side-b");
    cr_assert_eq(channel_beside(channel, 0), channel_beside(channel, 2), "one for each endpoint");
}

Test(beside, they_come_after_the_present_one, .init = enter, .fini = leave)
{
    open_to("unix:@side-a,unix:@side-b,unix:@side-c");
    struct reconnector *reconnector = &channel->reconnector;
    reconnector->present = 1;
    cr_assert_str_eq(first_of(0), "unix:@side-c");
    cr_assert_str_eq(first_of(1), "unix:@side-a");
    const semel_channel *other = channel_beside(channel, 0);
    cr_assert_str_eq(other->reconnector.endpoints[1].text, "unix:@side-a", "it goes on around the list");
}

/* Sessions are not shared: what a further attempt ran is no record of the first one's. */
Test(beside, each_has_a_session_of_its_own, .init = enter, .fini = leave)
{
    open_to("unix:@side-a,unix:@side-b,unix:@side-c");
    const semel_channel *b = channel_beside(channel, 0);
    const semel_channel *c = channel_beside(channel, 1);
    cr_assert_not(id_equal(&b->session, &channel->session));
    cr_assert_not(id_equal(&b->session, &c->session));
}
