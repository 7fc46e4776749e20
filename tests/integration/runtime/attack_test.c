/* Everything at once, as someone would who wants a deposit to run twice or a wrong outcome told: hedges, attempt
 * timeouts, breakers, refusals, cuts, cancels, deadlines, reloaded policies and drains, in an order drawn from a seed.
 *
 * Reads best next: promise_test.c. */
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "engine.h"
#include "proxy.h"

TestSuite(attack, .timeout = 120);

enum { SERVERS = 3, CALLS = 1500, WINDOW = 40, PROXIES = 2 };

static uint64_t next_random(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *state >> 33;
}

/* ---- servers whose handlers do as the seed says ---- */

static atomic_uint_fast64_t whims;
static atomic_uint refused[OPS]; /* runs that were refused, and so were none */

/* Answers the oldest pending request; the server's mutex is held. */
static semel_request *take_pending(struct server *server)
{
    if (server->pending_count == 0)
        return NULL;
    semel_request *oldest = server->pending[0];
    server->pending_count--;
    memmove(server->pending, server->pending + 1, server->pending_count * sizeof server->pending[0]);
    return oldest;
}

static void finish_one(struct server *server)
{
    pthread_mutex_lock(&server->mutex);
    semel_request *oldest = take_pending(server);
    pthread_mutex_unlock(&server->mutex);
    if (oldest != NULL)
        semel_request_finish(oldest, &(probe_Reply){.op = 1});
}

static enum semel_code by_whim(struct server *server, semel_request *request, probe_Request *in,
                               probe_Reply *out)
{
    uint64_t whim = atomic_fetch_add(&whims, 1);
    (void)out;
    whim = next_random(&whim) % 16;
    if (whim == 0) {
        atomic_fetch_add(&refused[in->op], 1);
        return semel_request_refuse(request, (uint32_t)(in->op % 5), in->op % 2 == 0);
    }
    if (whim == 1)
        return semel_request_error(request, SEMEL_ABORTED, "no luck");
    if (whim <= 6 && server->pending_count < PENDING_MAX / 2)
        return server_keep(server, request, in, out);
    if (whim > 9)
        finish_one(server);
    return SEMEL_OK;
}

/* ---- one attack ---- */

struct attack {
    uint64_t random;
    struct server servers[SERVERS]; /* the third takes the place of the second */
    struct proxy proxies[PROXIES];
    struct client client;
    struct watch watches[CALLS];
    bool at_most_once[CALLS];
};

static const char *const policies[][2] = {
    {"HedgeMax", "2"},           {"HedgeMax", "0"},
    {"AttemptTimeout", "3"},     {"AttemptTimeout", "0"},
    {"RetryIntervals", "0 1 5"}, {"RetryMaxAttempts", "5"},
    {"RetryIntervals", "-1"},    {"RetryableCodes", "ABORTED,UNAVAILABLE"},
    {"OnUnavailable", "wait"},   {"OnUnavailable", "fail"},
};

static void change_policy(struct attack *attack)
{
    const char *const *policy = policies[next_random(&attack->random) % (sizeof policies / sizeof *policies)];
    cr_assert_eq(semel_properties_set(attack->client.properties, policy[0], policy[1], NULL), SEMEL_OK);
}

static void start_call(struct attack *attack, unsigned op)
{
    uint64_t draw = next_random(&attack->random);
    semel_call_options options = SEMEL_CALL_OPTIONS_INIT;
    options.deadline_ms = draw % 7 == 0 ? (int64_t)(draw % 40) + 1 : 5000;
    attack->at_most_once[op] = draw % 2 == 0;
    watch_start(&attack->watches[op], &attack->client, attack->at_most_once[op] ? ADD : SET, op, &options);
    if (draw % 11 == 0)
        watch_cancel(&attack->watches[op], &attack->client);
}

/* The trail and the explanation fit together. */
static void judge_trail(const semel_status *status, unsigned op, const char *text)
{
    cr_assert_leq(status->trail_count + status->trail_omitted, status->attempts, "op %u: %s", op, text);
    for (uint32_t i = 0; i < status->trail_count; i++) {
        uint32_t number = status->trail[i].number;
        cr_assert(number >= 1 && number <= status->attempts, "op %u: attempt %u: %s", op, number, text);
        cr_assert(i == 0 || number > status->trail[i - 1].number, "op %u: attempt %u: %s", op, number, text);
    }
    if (status->code == SEMEL_OK)
        return;
    cr_assert_neq((int)status->rule, SEMEL_RULE_NONE, "op %u: %s", op, text);
    cr_assert_not_null(strstr(text, semel_outcome_name(status->outcome)), "op %u: %s", op, text);
    cr_assert_not_null(strstr(text, semel_rule_name(status->rule)), "op %u: %s", op, text);
}

/* What the caller was told is what happened. */
static void judge(struct attack *attack, unsigned op)
{
    const semel_status *status = &attack->watches[op].status;
    unsigned runs = 0;
    char text[4096];
    for (int i = 0; i < SERVERS; i++)
        runs += server_runs(&attack->servers[i], op);
    runs -= atomic_load(&refused[op]);
    semel_status_explain(status, text, sizeof text);
    cr_assert_eq(watch_times(&attack->watches[op]), 1, "op %u ended %u times", op,
                 watch_times(&attack->watches[op]));
    if (attack->at_most_once[op])
        cr_assert_leq(runs, 1, "op %u ran %u times: %s", op, runs, text);
    if (status->outcome == SEMEL_OUTCOME_NOT_EXECUTED)
        cr_assert_eq(runs, 0, "op %u ran %u times and was told as NOT_EXECUTED: %s", op, runs, text);
    if (status->outcome == SEMEL_OUTCOME_EXECUTED)
        cr_assert_geq(runs, 1, "op %u did not run and was told as EXECUTED: %s", op, text);
    judge_trail(status, op, text);
    cr_assert_lt(status->elapsed_us, 8000000, "op %u outlived its deadline: %s", op, text);
}

static void attack_open(struct attack *attack, uint64_t seed, bool alone)
{
    char list[ENGINE_LIST];
    attack->random = seed;
    atomic_store(&whims, seed * 1000003);
    server_open(&attack->servers[0], LIST("MaxRunning=20", "MaxQueueAge=5"));
    server_open(&attack->servers[1], NULL);
    attack->servers[0].handler = attack->servers[1].handler = by_whim;
    for (int i = 0; i < PROXIES; i++)
        proxy_open(&attack->proxies[i], attack->servers[0].uri, i == 0 ? PROXY_TO_CLIENT : PROXY_TO_SERVER,
                   3000 + next_random(&attack->random) % 20000);
    snprintf(list, sizeof list, "%s", attack->servers[1].uri);
    if (!alone)
        engine_list3(list, attack->proxies[0].uri, attack->proxies[1].uri, attack->servers[1].uri);
    client_open(&attack->client,
                LIST("RetryIntervals=0 1 5", "HedgeDelay=3", "RetryInitialBackoff=1", "RetryMaxBackoff=8",
                     "BreakerFailures=2", "BreakerOpenTime=5", "RetryBudgetPercent=5", "MaxOutstanding=4096"),
                list);
}

/* Drained or killed, with whatever is in flight; the next one knows nothing of it. */
static void replace_server(struct attack *attack, bool drain)
{
    struct server *leaving = &attack->servers[1];
    if (drain) {
        cr_assert_eq((int)semel_server_drain(leaving->semel, NULL, NULL), SEMEL_OK);
    } else {
        semel_server_close(leaving->semel);
        leaving->semel = NULL;
    }
    server_open_at(&attack->servers[2], NULL, leaving->uri);
    attack->servers[2].handler = by_whim;
}

/* All that is still pending is answered until the last call has ended. */
static void attack_settle(struct attack *attack)
{
    while (client_stats(&attack->client).outstanding > 0)
        for (int i = 0; i < SERVERS; i++)
            finish_one(&attack->servers[i]);
    cr_assert_eq((int)semel_channel_flush(attack->client.channel, 50000), SEMEL_OK);
}

static void attack_close(struct attack *attack)
{
    struct semel_channel_stats stats = client_stats(&attack->client);
    engine_check_sums(&stats);
    client_close(&attack->client);
    for (int i = 0; i < PROXIES; i++)
        proxy_close(&attack->proxies[i]);
    for (int i = 0; i < SERVERS; i++) {
        semel_server_close(attack->servers[i].semel); /* from here on none is left pending any more */
        while (attack->servers[i].pending_count > 0)
            finish_one(&attack->servers[i]);
    }
    for (unsigned op = 0; op < CALLS; op++) /* also what has run since */
        judge(attack, op);
    for (int i = 0; i < SERVERS; i++)
        server_close(&attack->servers[i]);
}

/* alone: there is but the server that is replaced. */
static void run_attack(uint64_t seed, bool drain, bool alone)
{
    static struct attack attack;
    memset(&attack, 0, sizeof attack);
    memset(refused, 0, sizeof refused);
    attack_open(&attack, seed, alone);
    for (unsigned op = 0; op < CALLS; op++) {
        if (op >= WINDOW)
            for (int i = 0; watch_times(&attack.watches[op - WINDOW]) == 0; i++)
                finish_one(&attack.servers[i % (op > CALLS / 2 ? SERVERS : SERVERS - 1)]);
        if (op % 37 == 0)
            change_policy(&attack);
        if (op == CALLS / 2)
            replace_server(&attack, drain);
        start_call(&attack, op);
    }
    attack_settle(&attack);
    attack_close(&attack);
}

Test(attack, nothing_runs_twice_and_nobody_is_lied_to)
{
    for (uint64_t seed = 1; seed <= 4; seed++)
        run_attack(seed, false, false);
}

Test(attack, nothing_runs_twice_while_a_server_drains)
{
    for (uint64_t seed = 11; seed <= 14; seed++)
        run_attack(seed, true, false);
}

Test(attack, nothing_runs_twice_with_one_endpoint)
{
    for (uint64_t seed = 21; seed <= 26; seed++)
        run_attack(seed, seed % 2 == 0, true);
}
