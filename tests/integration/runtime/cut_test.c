/* A conversation is cut after each of its bytes in turn, in each direction: every call succeeds, and every handler runs
 * exactly once.
 *
 * Reads best next: proxy.h. */
#include <criterion/criterion.h>
#include <stddef.h>

#include "fixture.h"
#include "proxy.h"

TestSuite(cut, .timeout = 60);

/* Numbers that are all equally long on the wire. */
enum { CALLS = 3, FIRST_OP = 1000 };

static void talk(struct client *client, enum method method, unsigned first_op, uint64_t cut_after)
{
    struct watch watches[CALLS];
    for (unsigned i = 0; i < CALLS; i++)
        watch_start(&watches[i], client, method, first_op + i, NULL);
    for (unsigned i = 0; i < CALLS; i++) {
        char text[4096];
        semel_status_explain(watch_wait(&watches[i]), text, sizeof text);
        cr_assert_eq(watches[i].status.code, SEMEL_OK, "cut after %llu: %s", (unsigned long long)cut_after,
                     text);
        cr_assert(method == TELL || watches[i].reply.op == first_op + i);
    }
    for (unsigned i = 0; i < CALLS; i++)
        cr_assert_eq(watch_times(&watches[i]), 1);
}

/* One conversation; returns the bytes that passed in this direction. */
static uint64_t converse(struct server *server, enum method method, enum proxy_direction direction,
                         uint64_t cut_after, unsigned first_op)
{
    struct proxy proxy;
    struct client client;
    proxy_open(&proxy, server->uri, direction, cut_after);
    client_open(&client, NULL, proxy.uri);
    talk(&client, method, first_op, cut_after);
    client_close(&client);
    proxy_close(&proxy);
    /* A cut within BYE leads to no further connection. */
    cr_assert(proxy.connections >= 1 && proxy.connections <= 1 + proxy.cuts);
    for (unsigned i = 0; i < CALLS && (method == ADD || method == TELL); i++)
        cr_assert_eq(server_runs(server, first_op + i), 1, "cut after %llu: call %u ran %u times",
                     (unsigned long long)cut_after, i, server_runs(server, first_op + i));
    return proxy.passed[direction];
}

static void cut_everywhere(enum method method, enum proxy_direction direction)
{
    struct server server;
    unsigned before = descriptors();
    unsigned op = FIRST_OP;
    server_open(&server, NULL);
    uint64_t whole = converse(&server, method, direction, UINT64_MAX, op);
    for (uint64_t cut_after = 1; cut_after <= whole; cut_after++)
        converse(&server, method, direction, cut_after, op += CALLS);
    server_close(&server);
    cr_assert_eq(descriptors(), before);
}

Test(cut, at_most_once_after_every_byte_to_the_server)
{
    cut_everywhere(ADD, PROXY_TO_SERVER);
}

Test(cut, at_most_once_after_every_byte_to_the_client)
{
    cut_everywhere(ADD, PROXY_TO_CLIENT);
}

Test(cut, idempotent_after_every_byte_to_the_server)
{
    cut_everywhere(SET, PROXY_TO_SERVER);
}

Test(cut, idempotent_after_every_byte_to_the_client)
{
    cut_everywhere(SET, PROXY_TO_CLIENT);
}

Test(cut, oneways_after_every_byte_to_the_server)
{
    cut_everywhere(TELL, PROXY_TO_SERVER);
}

Test(cut, oneways_after_every_byte_to_the_client)
{
    cut_everywhere(TELL, PROXY_TO_CLIENT);
}
