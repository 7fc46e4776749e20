/* Deadlines along a chain of servers: whoever serves a call waits no longer for others than its own caller waits.
 *
 * Reads best next: net/inherit.h. */
#include <stddef.h>
#include <time.h>

#include "engine.h"

TestSuite(inherit, .timeout = 60);

enum { SPENT_MS = 30, MAX_OPS = 16 };

/* A -> B -> C, each on a node of its own; A and B reach the next one over a node of their own, or over their server's.
 * Each test has a process of its own. */
static struct server a, b, c;
static struct client user, to_b, to_c;
static semel_channel *own_channel; /* to C, on the node of A */
static int64_t left_ms[3][MAX_OPS];
static semel_status inner[2];

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

/* Works for a while: a handler that computes. */
static void spend(int64_t ms)
{
    for (int64_t end_ms = now_ms() + ms; now_ms() < end_ms;)
        ;
}

static void note_left(int at, const probe_Request *in, const semel_request *request)
{
    left_ms[at][in->op] = semel_request_deadline_ms(request);
}

static enum semel_code at_c(struct server *server, semel_request *request, probe_Request *in, probe_Reply *out)
{
    (void)server, (void)out;
    note_left(2, in, request);
    return SEMEL_OK;
}

static enum semel_code pass_on(struct client *next, semel_request *request, unsigned op, semel_status *status)
{
    probe_Reply reply;
    enum semel_code code = probe_Probe_Add(next->channel, &(probe_Request){.op = op}, &reply, NULL, status);
    if (code != SEMEL_OK)
        return semel_request_error(request, code, "%s", status->message);
    probe_Probe_Add_release(&reply);
    return SEMEL_OK;
}

static enum semel_code at_b(struct server *server, semel_request *request, probe_Request *in, probe_Reply *out)
{
    (void)server, (void)out;
    note_left(1, in, request);
    spend(SPENT_MS);
    return pass_on(&to_c, request, in->op, &inner[1]);
}

static enum semel_code at_a(struct server *server, semel_request *request, probe_Request *in, probe_Reply *out)
{
    (void)server, (void)out;
    note_left(0, in, request);
    spend(SPENT_MS);
    return pass_on(&to_b, request, in->op, &inner[0]);
}

static void enter(void)
{
    server_open(&a, NULL);
    server_open(&b, NULL);
    server_open(&c, NULL);
    a.handler = at_a;
    b.handler = at_b;
    c.handler = at_c;
    client_open(&user, NULL, a.uri);
    client_open(&to_b, LIST("RetryIntervals=0 0 0"), b.uri);
    client_open(&to_c, LIST("RetryIntervals=0 0 0"), c.uri);
    cr_assert_eq(semel_channel_open(a.node, "own", c.uri, &own_channel, NULL), SEMEL_OK);
}

static void leave(void)
{
    client_close(&user);
    server_close(&a);
    client_close(&to_b);
    server_close(&b);
    client_close(&to_c);
    server_close(&c);
}

static semel_status call_a(unsigned op, int64_t deadline_ms)
{
    const semel_call_options options = OPTIONS(deadline_ms, NULL, -1, SEMEL_ON_UNAVAILABLE_UNSET);
    return engine_call(&user, ADD, op, &options);
}

Test(inherit, the_time_that_is_left_shrinks_along_the_chain, .init = enter, .fini = leave)
{
    semel_status status = call_a(1, 10000);
    check_status(&status, OK, NONE, EXECUTED);
    cr_assert_leq(left_ms[0][1], 10000);
    cr_assert_leq(left_ms[1][1], left_ms[0][1] - SPENT_MS + 1);
    cr_assert_leq(left_ms[2][1], left_ms[1][1] - SPENT_MS + 1);
    cr_assert_gt(left_ms[2][1], 0);
}

Test(inherit, without_a_deadline_there_is_none_to_hand_down, .init = enter, .fini = leave)
{
    semel_status status = call_a(1, SEMEL_DEADLINE_NONE);
    check_status(&status, OK, NONE, EXECUTED);
    cr_assert_eq(left_ms[0][1], -1);
    cr_assert_gt(left_ms[1][1], 50000, "its own default holds");
}

/* What is left is used up at B: C never starts it, and the failure says that it did not run there. */
Test(inherit, expired_work_is_never_started_at_the_end_of_the_chain, .init = enter, .fini = leave)
{
    semel_status status = call_a(1, SPENT_MS * 3 / 2);
    cr_assert_eq((int)status.code, SEMEL_DEADLINE_EXCEEDED);
    client_close(&user); /* after this A has nothing to answer; B's handler ends by itself */
    client_open(&user, NULL, a.uri);
    a.handler = server_count;
    status = engine_call(&user, ADD, 2, NULL); /* by then A's handler has returned */
    check_status(&status, OK, NONE, EXECUTED);
    b.handler = server_count;
    status = engine_call(&to_b, ADD, 3, NULL); /* and B's */
    check_status(&status, OK, NONE, EXECUTED);
    cr_assert_eq(server_runs(&c, 1), 0);
    cr_assert_eq((int)inner[1].code, server_runs(&b, 1) > 0 ? SEMEL_DEADLINE_EXCEEDED : 0);
    cr_assert_eq((int)inner[1].outcome, server_runs(&b, 1) > 0 ? SEMEL_OUTCOME_NOT_EXECUTED : 0);
}

/* ---- asynchronous stubs on the server's own node ---- */

static void on_c_answered(const probe_Reply *reply, const semel_status *status, void *request)
{
    (void)reply;
    inner[0] = *status;
    if (status->code == SEMEL_OK)
        semel_request_finish(request, &(probe_Reply){.op = 1});
    else
        semel_request_fail(request, status->code, status->message);
}

static enum semel_code ask_own(struct server *server, semel_request *request, probe_Request *in,
                               probe_Reply *out)
{
    (void)server, (void)out;
    note_left(0, in, request);
    const probe_Request next = {.op = in->op};
    enum semel_code code = probe_Probe_Add_start(own_channel, &next, NULL, NULL, on_c_answered, request);
    return code == SEMEL_OK ? SEMEL_PENDING : code;
}

Test(inherit, an_asynchronous_call_of_a_handler_inherits_on_its_own_node, .init = enter, .fini = leave)
{
    a.handler = ask_own;
    for (unsigned op = 1; op < 8; op++) {
        int64_t deadline_ms = 20000 + 1000 * (int64_t)op;
        semel_status status = call_a(op, deadline_ms);
        check_status(&status, OK, NONE, EXECUTED);
        cr_assert_leq(left_ms[0][op], deadline_ms);
        cr_assert_leq(left_ms[2][op], left_ms[0][op]);
        cr_assert_gt(left_ms[2][op], 0);
    }
}

/* Returns whether it got as far as C before its deadline. */
static bool let_pass(unsigned op, int64_t deadline_ms)
{
    semel_status status = call_a(op, deadline_ms);
    cr_assert_eq((int)status.code, SEMEL_DEADLINE_EXCEEDED);
    if (status.outcome == SEMEL_OUTCOME_NOT_EXECUTED)
        return false;
    server_wait_runs(&a, op, 1);
    while (server_stats(&a).running > 0)
        ;
    cr_assert_eq((int)inner[0].code, SEMEL_DEADLINE_EXCEEDED);
    return inner[0].outcome == SEMEL_OUTCOME_UNKNOWN;
}

/* The pending request and the call it waits for end together, each once. */
Test(inherit, a_pending_request_ends_with_the_call_it_waits_for, .init = enter, .fini = leave)
{
    a.handler = ask_own;
    c.handler = server_keep;
    unsigned op = 1;
    while (!let_pass(op, INT64_C(100) << op)) /* twice the time on a machine that has much to do */
        op++;
    semel_request *kept = server_pending(&c, 0);
    while (!semel_request_cancelled(kept))
        server_stats(&c);
    semel_request_finish(kept, &(probe_Reply){.op = 1});
}

/* ---- what is not of this handler ---- */

static struct client shared; /* nobody runs it */
static bool next_started;

/* The callback of a call that has nothing to do with the handler whose thread turns the loop. */
static void on_unrelated(const probe_Reply *reply, const semel_status *status, void *arg)
{
    (void)reply, (void)arg;
    const probe_Request next = {.op = 3};
    cr_assert_eq((int)status->code, SEMEL_OK);
    next_started = probe_Probe_Add_start(shared.channel, &next, NULL, NULL, NULL, NULL) == SEMEL_OK;
}

static enum semel_code drive_shared(struct server *server, semel_request *request, probe_Request *in,
                                    probe_Reply *out)
{
    (void)server, (void)out;
    return pass_on(&shared, request, in->op, &inner[0]);
}

Test(inherit, a_callback_of_an_unrelated_call_does_not, .init = enter, .fini = leave)
{
    const probe_Request first = {.op = 1};
    a.handler = drive_shared;
    client_open_unrun(&shared, NULL, c.uri);
    cr_assert_eq(probe_Probe_Add_start(shared.channel, &first, NULL, NULL, on_unrelated, NULL), SEMEL_OK);
    semel_status status = call_a(2, 5000);
    check_status(&status, OK, NONE, EXECUTED);
    cr_assert(next_started);
    cr_assert_eq((int)semel_channel_flush(shared.channel, 50000), SEMEL_OK);
    cr_assert_leq(left_ms[2][2], 5000, "the handler's own call inherits");
    cr_assert_gt(left_ms[2][3], 50000, "the other one has inherited");
    client_close(&shared);
}
