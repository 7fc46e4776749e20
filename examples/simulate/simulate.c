/* The service in a simulated world: one server, two clients, and whatever the seed does to them.
 *
 * Reads best next: semel/sim.h. */
#include <assert.h>
#include <semel/sim.h>

#include "service.h"

enum { CLIENTS = 2, AWARDS = 40, FAULTS_MS = 10000, REST_MS = 120000 };

/* What the clients were told: each card has at least "sure" points, and at most "sure" and "perhaps". */
static struct tally {
    uint32_t sure[CARDS];
    uint32_t perhaps[CARDS];
    uint32_t outstanding;
} tally;

static struct book book;
static semel_sim_host *server;

static struct client {
    semel_sim_host *host;
    semel_channel *channel;
    uint32_t card; /* of the award that is made next */
    uint32_t points;
} clients[CLIENTS];

/* An award on its way; it outlives the process that made it. */
static struct award {
    uint32_t card;
    uint32_t points;
} awards[AWARDS];
static uint32_t award_count;

/* ---- the processes ---- */

static void boot_server(semel_sim_host *host, void *user)
{
    semel_node *node;
    semel_server *opened;
    enum semel_code code = semel_node_open(NULL, &node, NULL);
    assert(code == SEMEL_OK);
    code = semel_server_open(node, "memory", &opened, NULL);
    assert(code == SEMEL_OK);
    code = demo_Points_serve(opened, &service_handlers, user);
    assert(code == SEMEL_OK);
    code = semel_server_listen(opened, "tcp://0.0.0.0:4061", NULL, NULL);
    assert(code == SEMEL_OK);
    (void)host, (void)code;
}

static void boot_client(semel_sim_host *host, void *user)
{
    struct client *client = user;
    semel_node *node;
    enum semel_code code = semel_node_open(NULL, &node, NULL);
    assert(code == SEMEL_OK);
    code = semel_channel_open(node, NULL, "tcp://server:4061", &client->channel, NULL);
    assert(code == SEMEL_OK);
    (void)host, (void)code;
}

/* ---- awards ---- */

static void on_awarded(const demo_PointsReply *reply, const semel_status *status, void *user)
{
    struct award *award = user;
    (void)reply;
    tally.outstanding--;
    if (status->outcome == SEMEL_OUTCOME_EXECUTED)
        tally.sure[award->card] += award->points;
    else if (status->outcome == SEMEL_OUTCOME_UNKNOWN)
        tally.perhaps[award->card] += award->points;
}

/* As the process of the client. */
static void make_award(void *arg)
{
    struct client *client = arg;
    struct award *award = &awards[award_count++];
    semel_call_options options = SEMEL_CALL_OPTIONS_INIT;
    options.on_unavailable = SEMEL_ON_UNAVAILABLE_WAIT;
    const demo_AwardRequest in = {.card = client->card, .points = client->points};
    *award = (struct award){.card = in.card, .points = in.points};
    if (demo_Points_Award_start(client->channel, &in, &options, NULL, on_awarded, award) == SEMEL_OK)
        tally.outstanding++;
}

static bool all_told(void *user)
{
    (void)user;
    return tally.outstanding == 0;
}

/* ---- one history ---- */

static void check(semel_sim *sim)
{
    for (uint32_t card = 0; card < CARDS; card++) {
        uint32_t most = tally.sure[card] + tally.perhaps[card];
        if (book.points[card] < tally.sure[card] || book.points[card] > most)
            semel_sim_fail(sim, "card %u has %u points; awarded were %u, and perhaps %u more", card,
                           book.points[card], tally.sure[card], tally.perhaps[card]);
    }
}

static void play(semel_sim *sim, void *user)
{
    struct semel_sim_faults faults;
    (void)user;
    book = (struct book){{0}};
    tally = (struct tally){{0}, {0}, 0};
    award_count = 0;
    server = semel_sim_add_host(sim, "server", boot_server, &book);
    for (int i = 0; i < CLIENTS; i++) {
        clients[i].host = semel_sim_add_host(sim, i == 0 ? "till-1" : "till-2", boot_client, &clients[i]);
        semel_sim_spare(clients[i].host); /* who does not hear the end of its call can not be asked */
    }
    semel_sim_choose_faults(sim, &faults);
    semel_sim_begin_faults(sim, &faults);
    for (int i = 0; i < AWARDS; i++) {
        struct client *client = &clients[semel_sim_below(sim, CLIENTS)];
        semel_sim_run(sim, (int64_t)semel_sim_below(sim, 2 * FAULTS_MS / AWARDS));
        client->card = (uint32_t)semel_sim_below(sim, CARDS);
        client->points = 1 + (uint32_t)semel_sim_below(sim, 9);
        semel_sim_note(sim, client->host, "awards %u points to card %u", client->points, client->card);
        semel_sim_as(client->host, make_award, client);
    }
    semel_sim_end_faults(sim);
    if (!semel_sim_run_until(sim, REST_MS, all_told, NULL))
        semel_sim_fail(sim, "%u calls have not ended", tally.outstanding);
    check(sim);
}

int main(int argc, char **argv)
{
    static const struct semel_sim_scenario scenario = {.name = "points", .play = play};
    return semel_sim_main(argc, argv, &scenario);
}
