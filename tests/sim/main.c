/* One seed: a world of servers and clients, calls amid faults, and a judgment.
 *
 * Reads best next: README.md, setup.h, judge.h. */
#include <assert.h>
#include <stdlib.h>

#include "asks.h"
#include "backs.h"
#include "clients.h"
#include "history.h"
#include "judge.h"
#include "recoveries.h"
#include "servers.h"
#include "setup.h"
#include "watch.h"

enum {
    /* After the faults, what waits for a server reaches one soon: a peer that is silent is found within a heartbeat or
     * two, and no wait between attempts, no conflict of names and no lease that must end first takes longer than this.
     * The kernel alone would take longer to give a connection up. */
    QUIET_MS = 20000,
    /* Nodes that share a name get their turns: one is let in once the conflict has cooled down, and then goes again. */
    CONFLICT_MS = 40000,
    /* Where replies are large, those that have gathered take their time on a slow way. */
    BULKY_MS = 180000,
    /* A server that drains and can not come to an end is restarted after this. */
    REST_MS = 5000,
    /* Later than that, what was delayed on its way has arrived. */
    LATE_MS = 20000,
};

static struct setup setup;

static bool is_quiet(void *user)
{
    (void)user;
    return history->outstanding == 0 && clients_are_connected(&setup);
}

/* Operations come in bursts, with pauses between. */
static void make_calls(semel_sim *sim)
{
    int64_t pause_ms = setup.faults_ms / (int64_t)setup.ops;
    for (uint32_t i = 0; i < setup.ops; i++) {
        if (semel_sim_below(sim, 3) == 0)
            semel_sim_run(sim, (int64_t)semel_sim_below(sim, (uint64_t)pause_ms * 6 + 2));
        if (setup.drains && semel_sim_below(sim, 10) == 0)
            servers_drain((uint32_t)semel_sim_below(sim, SERVERS_MAX));
        if (setup.renewals && !setup.clean && semel_sim_below(sim, 10) == 0)
            clients_serve_anew(sim);
        servers_tend(false);
        clients_call(sim, &setup);
    }
    semel_sim_run(sim, (int64_t)semel_sim_below(sim, (uint64_t)setup.faults_ms));
}

static void come_to_rest(semel_sim *sim)
{
    semel_sim_end_faults(sim);
    servers_make_room();
    int64_t quiet_ms = QUIET_MS + 3 * setup.heartbeat_ms + (setup.namesakes ? CONFLICT_MS : 0) +
                       (setup.bulky ? BULKY_MS : 0);
    for (int64_t passed_ms = 0; passed_ms < quiet_ms && !is_quiet(NULL); passed_ms += 1000) {
        servers_tend(passed_ms >= REST_MS);
        (void)semel_sim_run_until(sim, 1000, is_quiet, NULL);
    }
    servers_tend(true);
    semel_sim_run(sim, LATE_MS);
    (void)semel_sim_run_until(sim, LATE_MS, is_quiet,
                              NULL); /* what that has made others ask for has ended, too */
}

static void play(semel_sim *sim, void *user)
{
    (void)user;
    history_begin(sim, &setup);
    setup_choose(sim, &setup);
    recoveries_begin(&setup);
    backs_begin(&setup);
    asks_begin(&setup);
    servers_add(sim, &setup);
    clients_add(sim, &setup);
    watch_begin(&setup);
    semel_sim_run(sim, 1);
    semel_sim_begin_faults(sim, &setup.faults);
    make_calls(sim);
    come_to_rest(sim);
    servers_count_effects();
    if (!clients_are_connected(&setup))
        semel_sim_fail(sim, "a client that is to be connected is not, and the faults have ended");
    judge_all(&setup);
    clients_stop();
    servers_stop();
    watch_end();
    setup_fini(&setup);
}

int main(int argc, char **argv)
{
    static const struct semel_sim_scenario scenario = {.name = "semel-sim", .play = play};
    history = calloc(1, sizeof *history);
    assert(history != NULL);
    int ending = semel_sim_main(argc, argv, &scenario);
    free(history);
    return ending;
}
