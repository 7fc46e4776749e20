/* A conversation in both directions is cut after each of its bytes in turn: each call calls back before it answers, all
 * succeed, and every handler at both ends runs exactly once.  Then the same with connections cut again and again,
 * at places drawn from a seed, with deadlines and cancellations in between.
 *
 * Reads best next: back.h, proxy.h, cut_test.c. */
#include <criterion/criterion.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "back.h"
#include "proxy.h"

TestSuite(back_cut, .timeout = 120);

/* Numbers that are all equally long on the wire. */
enum { CALLS = 2, FIRST_OP = 1000 };

static void talk(struct agent *agent, enum method method, unsigned first_op, uint64_t cut_after)
{
    struct watch watches[CALLS];
    for (unsigned i = 0; i < CALLS; i++)
        watch_start(&watches[i], &agent->client, method, first_op + i, NULL);
    for (unsigned i = 0; i < CALLS; i++) {
        char text[4096];
        semel_status_explain(watch_wait(&watches[i]), text, sizeof text);
        cr_assert_eq(watches[i].status.code, SEMEL_OK, "cut after %llu: %s", (unsigned long long)cut_after,
                     text);
        cr_assert_eq(watches[i].reply.op, first_op + i);
    }
    for (unsigned i = 0; i < CALLS; i++)
        cr_assert_eq(watch_times(&watches[i]), 1);
}

/* One conversation; returns the bytes that passed in this direction. */
static uint64_t converse(struct server *server, enum method method, enum proxy_direction direction,
                         uint64_t cut_after, unsigned first_op)
{
    struct proxy proxy;
    struct agent agent;
    proxy_open(&proxy, server->uri, direction, cut_after);
    agent_open(&agent, NULL, proxy.uri);
    talk(&agent, method, first_op, cut_after);
    for (unsigned i = 0; i < CALLS && method == ADD; i++) {
        cr_assert_eq(server_runs(server, first_op + i), 1, "cut after %llu: call %u ran %u times",
                     (unsigned long long)cut_after, i, server_runs(server, first_op + i));
        cr_assert_eq(server_runs(&agent.served, first_op + i), 1, "cut after %llu: call back %u ran %u times",
                     (unsigned long long)cut_after, i, server_runs(&agent.served, first_op + i));
    }
    agent_close(&agent);
    proxy_close(&proxy);
    cr_assert_geq(proxy.connections, 1);
    return proxy.passed[direction];
}

static void cut_everywhere(enum method method, enum proxy_direction direction)
{
    struct server server;
    unsigned before = descriptors();
    unsigned op = FIRST_OP;
    server_open(&server, NULL);
    server.handler = back_ask;
    uint64_t whole = converse(&server, method, direction, UINT64_MAX, op);
    for (uint64_t cut_after = 1; cut_after <= whole; cut_after++)
        converse(&server, method, direction, cut_after, op += CALLS);
    cr_assert_eq(back_failures(), 0);
    server_close(&server);
    cr_assert_eq(descriptors(), before);
}

Test(back_cut, at_most_once_after_every_byte_to_the_server)
{
    cut_everywhere(ADD, PROXY_TO_SERVER);
}

Test(back_cut, at_most_once_after_every_byte_to_the_client)
{
    cut_everywhere(ADD, PROXY_TO_CLIENT);
}

Test(back_cut, idempotent_after_every_byte_to_the_server)
{
    cut_everywhere(SET, PROXY_TO_SERVER);
}

Test(back_cut, idempotent_after_every_byte_to_the_client)
{
    cut_everywhere(SET, PROXY_TO_CLIENT);
}

/* ---- cut again and again ---- */

enum {
    OPS_EACH = 600,
    WINDOW = 64,
    PROXIES = 12,
    LIST_SIZE = PROXIES * SEMEL_ENDPOINT_TEXT_MAX,
    HELD_OP = OPS - 1
};

static uint64_t next_random(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *state >> 33;
}

/* Calls of the client, each of which calls back, and calls back that nobody asked for, side by side. */
struct attack {
    uint64_t random;
    struct server server;
    struct agent agent;
    struct proxy proxies[PROXIES];
    semel_channel *back;
    struct watch there[OPS_EACH];      /* ops from 0 */
    struct watch back_there[OPS_EACH]; /* ops from OPS_EACH */
    bool gentle;                       /* no deadlines, no cancels: all must succeed */
};

/* One request is kept, and is the way to the client; the others call back. */
static enum semel_code keep_one(struct server *server, semel_request *request, probe_Request *in,
                                probe_Reply *out)
{
    return in->op == HELD_OP ? server_keep(server, request, in, out) : back_ask(server, request, in, out);
}

static void attack_open(struct attack *attack, uint64_t seed, struct watch *held)
{
    char list[LIST_SIZE] = "";
    attack->random = seed;
    server_open(&attack->server, LIST("RetryIntervals=0 0 1 1 5 5 10 10 20 20 50 50", "MaxQueueAge=0"));
    attack->server.handler = keep_one;
    for (int i = 0; i < PROXIES; i++) {
        proxy_open(&attack->proxies[i], attack->server.uri, i % 2 == 0 ? PROXY_TO_CLIENT : PROXY_TO_SERVER,
                   500 + next_random(&attack->random) % 20000);
        /* Who waits for a verdict comes back to where the connection was: it must find the next cut. */
        attack->proxies[i].mortal = i < PROXIES - 1;
        snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s", i > 0 ? "," : "",
                 attack->proxies[i].uri);
    }
    agent_open(&attack->agent, LIST("RetryIntervals=0 0 1 1 5 5 10 10 20 20 50 50", "MaxQueueAge=0"), list);
    watch_start(held, &attack->agent.client, ADD, HELD_OP, NULL);
    attack->back = back_open(&attack->server, server_pending(&attack->server, 0), "back");
}

static semel_call_options draw_options(struct attack *attack, uint64_t draw)
{
    semel_call_options options = SEMEL_CALL_OPTIONS_INIT;
    options.deadline_ms = !attack->gentle && draw % 7 == 0 ? (int64_t)(draw % 40) + 1 : 30000;
    return options;
}

/* Even ops are at most once. */
static enum method method_of(unsigned op)
{
    return op % 2 == 0 ? ADD : SET;
}

static void start_pair(struct attack *attack, unsigned op)
{
    struct client caller = {.node = attack->server.node, .channel = attack->back};
    uint64_t draw = next_random(&attack->random);
    semel_call_options options = draw_options(attack, draw);
    watch_start(&attack->there[op], &attack->agent.client, method_of(op), op, &options);
    watch_start(&attack->back_there[op], &caller, method_of(op), OPS_EACH + op, &options);
    if (!attack->gentle && draw % 11 == 0)
        watch_cancel(&attack->there[op], &attack->agent.client);
    if (!attack->gentle && draw % 13 == 0)
        watch_cancel(&attack->back_there[op], &caller);
}

/* What was told is what happened. */
static void judge(const struct attack *attack, struct watch *watch, unsigned op, unsigned runs)
{
    const semel_status *status = &watch->status;
    char text[4096];
    semel_status_explain(status, text, sizeof text);
    cr_assert_eq(watch_times(watch), 1, "op %u ended %u times", op, watch_times(watch));
    if (attack->gentle)
        cr_assert_eq((int)status->code, SEMEL_OK, "op %u: %s", op, text);
    if (method_of(op) == ADD)
        cr_assert_leq(runs, 1, "op %u ran %u times: %s", op, runs, text);
    if (status->outcome == SEMEL_OUTCOME_NOT_EXECUTED)
        cr_assert_eq(runs, 0, "op %u ran %u times and was told as NOT_EXECUTED: %s", op, runs, text);
    if (status->outcome == SEMEL_OUTCOME_EXECUTED)
        cr_assert_geq(runs, 1, "op %u did not run and was told as EXECUTED: %s", op, text);
}

static void attack_close(struct attack *attack, struct watch *held)
{
    semel_request_finish(server_pending(&attack->server, 0), &(probe_Reply){.op = HELD_OP});
    cr_assert_eq((int)watch_wait(held)->code, SEMEL_OK, "%s", held->status.message);
    cr_assert_eq((int)semel_channel_flush(attack->back, 50000), SEMEL_OK);
    semel_channel_close(attack->back);
    unsigned cuts = 0;
    agent_close(&attack->agent);
    for (int i = 0; i < PROXIES; i++) {
        proxy_close(&attack->proxies[i]);
        cuts += attack->proxies[i].cuts;
    }
    server_close(&attack->server);
    cr_assert_gt(cuts, 2, "%u cuts", cuts);
}

static void run_attack(uint64_t seed, bool gentle)
{
    static struct attack attack;
    struct watch held;
    memset(&attack, 0, sizeof attack);
    attack.gentle = gentle;
    attack_open(&attack, seed, &held);
    for (unsigned op = 0; op < OPS_EACH; op++) {
        if (op >= WINDOW) {
            watch_wait(&attack.there[op - WINDOW]);
            watch_wait(&attack.back_there[op - WINDOW]);
        }
        start_pair(&attack, op);
    }
    for (unsigned op = 0; op < OPS_EACH; op++) {
        watch_wait(&attack.there[op]);
        watch_wait(&attack.back_there[op]);
    }
    unsigned asked = 0;
    for (unsigned op = 0; op < OPS_EACH; op++) {
        judge(&attack, &attack.there[op], op, server_runs(&attack.server, op));
        judge(&attack, &attack.back_there[op], op, server_runs(&attack.agent.served, OPS_EACH + op));
        if (method_of(op) == ADD) /* what the handlers asked back */
            cr_assert_leq(server_runs(&attack.agent.served, op), 1, "op %u", op);
        asked += server_runs(&attack.agent.served, op);
    }
    if (gentle)
        cr_assert_geq(asked, OPS_EACH);
    attack_close(&attack, &held);
}

Test(back_cut, both_directions_survive_repeated_cuts_and_every_call_succeeds)
{
    for (uint64_t seed = 1; seed <= 3; seed++)
        run_attack(seed, true);
}

Test(back_cut, nothing_runs_twice_and_nobody_is_lied_to_in_either_direction)
{
    for (uint64_t seed = 11; seed <= 14; seed++)
        run_attack(seed, false);
}
