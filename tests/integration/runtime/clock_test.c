/* An application that takes its time inside the loop: what starts afterwards in the same turn has all of its time.
 *
 * Reads best next: net/loop.h. */
#include <criterion/criterion.h>
#include <time.h>

#include "client/channel.h"
#include "core/units.h"
#include "engine.h"
#include "peer.h"
#include "server/request.h"

TestSuite(clock, .timeout = 60);

enum { LONG_MS = 50, GIVEN_MS = 60000 };

static int64_t read_clock(clockid_t clock, int (*read)(clockid_t, struct timespec *))
{
    struct timespec at;
    cr_assert_eq(read(clock, &at), 0);
    return at.tv_sec * S_IN_NS + at.tv_nsec;
}

static int64_t ended_ns; /* when it had taken its time */

static void take_long(void)
{
    int64_t end_ns = read_clock(CLOCK_MONOTONIC, clock_gettime) + LONG_MS * MS_IN_NS;
    do
        ended_ns = read_clock(CLOCK_MONOTONIC, clock_gettime);
    while (ended_ns < end_ns);
}

/* The least that something ends at which is given its time from then on: the loop's clock may be a tick old. */
static int64_t least_ns(void)
{
    int64_t tick_ns = read_clock(CLOCK_MONOTONIC_COARSE, clock_getres);
    cr_assert_lt(tick_ns, LONG_MS * MS_IN_NS / 2);
    return ended_ns - tick_ns + GIVEN_MS * MS_IN_NS;
}

/* ---- a server ---- */

static enum semel_code take_long_first(struct server *server, semel_request *request, probe_Request *in,
                                       probe_Reply *out)
{
    (void)out;
    if (in->op == 1)
        take_long();
    else
        cr_assert_geq(request->deadline_ns, least_ns(), "it came after %u", server_all_runs(server));
    return SEMEL_OK;
}

/* Requests that are read in one turn. */
static void serve(unsigned count, server_handler *handler)
{
    struct server server;
    struct peer peer;
    uint8_t bodies[2][16], bytes[1024];
    size_t size = 0;
    struct hello hello = peer_some_hello(1);
    server_open(&server, NULL);
    server.handler = handler;
    peer_connect(&peer, server.uri);
    cr_assert_not(peer_greet(&peer, &hello));
    for (unsigned i = 0; i < count; i++) {
        struct frame request = peer_request(i + 1, 1, ADD, bodies[i], peer_body(bodies[i], i + 1));
        request.time_ms = GIVEN_MS;
        size += peer_build(&peer, &request, bytes + size, sizeof bytes - size);
    }
    cr_assert(peer_write(&peer, bytes, size));
    for (uint64_t seq = 1; seq <= count; seq++)
        cr_assert_eq(peer_expect(&peer, FRAME_REPLY).seq, seq);
    peer_close(&peer);
    server_close(&server);
}

Test(clock, of_a_server_goes_on_while_a_handler_works)
{
    serve(2, take_long_first);
}

static enum semel_code take_long_and_ask(struct server *server, semel_request *request, probe_Request *in,
                                         probe_Reply *out)
{
    (void)server;
    (void)in;
    (void)out;
    take_long();
    int64_t most_ns = request->deadline_ns + GIVEN_MS * MS_IN_NS - least_ns();
    int64_t left_ms = semel_request_deadline_ms(request);
    cr_assert(left_ms > 0 && left_ms * MS_IN_NS <= most_ns, "%lld ms", (long long)left_ms);
    return SEMEL_OK;
}

Test(clock, of_a_handler_that_asks_what_is_left_goes_on)
{
    serve(1, take_long_and_ask);
}

/* ---- a client ---- */

static struct server server;
static struct client client;
static struct watch watch;

static void enter(void)
{
    server_open(&server, NULL);
    client_open(&client, NULL, server.uri);
    semel_status status = engine_call(&client, ADD, 1, NULL); /* it is connected */
    check_status(&status, OK, NONE, EXECUTED);
    server.handler = server_keep;
    watch_init(&watch);
}

static void leave(void)
{
    semel_request_finish(server_pending(&server, 0), &(probe_Reply){.op = 2});
    check_status(watch_wait(&watch), OK, NONE, EXECUTED);
    client_close(&client);
    server_close(&server);
}

static const struct call *only_call(void)
{
    const struct outbox_call *slot = outbox_from(&client.channel->outbox, 0);
    cr_assert_not_null(slot);
    return container_of(slot, struct call, slot);
}

static void start_call(void)
{
    semel_call_options options = OPTIONS(GIVEN_MS, NULL, -1, SEMEL_ON_UNAVAILABLE_UNSET);
    options.attempt_timeout_ms = GIVEN_MS;
    cr_assert_eq(
        probe_Probe_Add_start(client.channel, &(probe_Request){.op = 2}, &options, NULL, watch_replied, &watch),
        SEMEL_OK);
}

static void take_long_and_start(void *arg)
{
    (void)arg;
    take_long();
    start_call();
    cr_assert_geq(only_call()->deadline_ns, least_ns());
}

Test(clock, of_a_client_goes_on_while_a_callback_works, .init = enter, .fini = leave)
{
    on_node(client.node, take_long_and_start, NULL);
}

static void start_and_take_long(void *arg)
{
    (void)arg;
    start_call();
    take_long();
}

static void look_at_attempt(void *arg)
{
    const struct call *call = only_call();
    (void)arg;
    cr_assert_eq(call->slot.state, OUTBOX_WRITTEN);
    cr_assert_geq(call->retry.due_ns, least_ns());
}

/* It leaves when the callback has returned, and the time of its attempt begins then. */
Test(clock, of_an_attempt_begins_when_it_leaves, .init = enter, .fini = leave)
{
    on_node(client.node, start_and_take_long, NULL);
    server_pending(&server, 0);
    on_node(client.node, look_at_attempt, NULL);
}
