/* A channel that two threads share breaks twice at any byte, its recovery included: what is not idempotent runs at most
 * once, and every outcome is true.
 *
 * Reads best next: recovery_test.c, proxy.h. */
#include <criterion/criterion.h>
#include <stdatomic.h>

#include "fixture.h"
#include "proxy.h"

TestSuite(recovery_cut, .timeout = 120);

enum { ROUNDS = 60, USERS = 2, CALLS = 6, RUNS_MAX = 10, OPS_A_ROUND = USERS * CALLS + RUNS_MAX };

struct round {
    struct client client;
    unsigned first_op;
    unsigned runs; /* of the recovery; used on the node's thread */
};

/* A call of a recovery, with what became of it. */
struct login {
    semel_recovery *run;
};

static void on_login(const probe_Reply *reply, const semel_status *status, void *user)
{
    struct login *login = user;
    (void)reply;
    if (status->code == SEMEL_OK)
        semel_recovery_continue(login->run);
    else
        semel_recovery_give_up(login->run);
    free(login);
}

static void recover(semel_recovery *run, void *user)
{
    struct round *round = user;
    struct login *login = malloc(sizeof *login);
    cr_assert(login != NULL && round->runs < RUNS_MAX);
    *login = (struct login){run};
    probe_Request in = {.op = round->first_op + USERS * CALLS + round->runs++};
    cr_assert(probe_Probe_Add_start(semel_recovery_channel(run), &in, NULL, NULL, on_login, login) == SEMEL_OK);
}

struct user {
    struct round *round;
    unsigned first_op;
    semel_status status[CALLS];
};

static void *use(void *arg)
{
    struct user *user = arg;
    for (unsigned i = 0; i < CALLS; i++) {
        probe_Request in = {.op = user->first_op + i};
        probe_Reply out;
        if (probe_Probe_Add(user->round->client.channel, &in, &out, NULL, &user->status[i]) == SEMEL_OK)
            probe_Probe_Add_release(&out);
    }
    return NULL;
}

static void check(struct server *server, const struct user *user)
{
    for (unsigned i = 0; i < CALLS; i++) {
        char text[4096];
        unsigned runs = server_runs(server, user->first_op + i);
        semel_status_explain(&user->status[i], text, sizeof text);
        cr_assert_leq(runs, 1, "%s", text);
        if (user->status[i].outcome != SEMEL_OUTCOME_UNKNOWN)
            cr_assert_eq(runs, user->status[i].outcome == SEMEL_OUTCOME_EXECUTED, "%u runs: %s", runs, text);
    }
}

/* Returns how often the recovery ran. */
static unsigned play(struct server *server, unsigned first_op, uint64_t cut, uint64_t cut_again)
{
    struct proxy near, far;
    struct round round = {.first_op = first_op};
    struct user users[USERS];
    pthread_t threads[USERS];
    proxy_open(&far, server->uri, PROXY_TO_SERVER, cut_again);
    proxy_open(&near, far.uri, PROXY_TO_CLIENT, cut);
    client_open(&round.client, LIST("RetryIntervals=0,0,1,1"), near.uri);
    semel_channel_attach_recovery(round.client.channel, recover, &round);
    for (unsigned i = 0; i < USERS; i++) {
        users[i] = (struct user){.round = &round, .first_op = first_op + i * CALLS};
        cr_assert(pthread_create(&threads[i], NULL, use, &users[i]) == 0);
    }
    for (unsigned i = 0; i < USERS; i++)
        pthread_join(threads[i], NULL);
    client_close(&round.client);
    proxy_close(&near);
    proxy_close(&far);
    for (unsigned i = 0; i < USERS; i++)
        check(server, &users[i]);
    for (unsigned i = 0; i < round.runs; i++)
        cr_assert_leq(server_runs(server, first_op + USERS * CALLS + i), 1);
    return round.runs;
}

Test(recovery_cut, nothing_runs_twice_wherever_it_breaks)
{
    struct server server;
    unsigned runs = 0;
    uint64_t random = 20;
    server_open(&server, NULL);
    for (unsigned i = 0; i < ROUNDS; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        uint64_t cut = 60 + (random >> 33) % 500, cut_again = 100 + (random >> 45) % 700;
        runs += play(&server, 1 + i * OPS_A_ROUND, cut, cut_again);
    }
    server_close(&server);
    cr_assert_gt(runs, ROUNDS, "hardly anything was cut");
}
