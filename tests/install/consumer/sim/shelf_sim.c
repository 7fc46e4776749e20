/* The shelf in a simulated world: a client waits for its answers, while connections break.
 *
 * It uses what is installed, and nothing else of Semel.  Reads best next: ../shelf.proto. */
#include <semel/sim.h>
#include <stdio.h>

#include "shelf.semel.h"

static int puts_run;
static int puts_made;
static semel_channel *channel;

static enum semel_code put(semel_request *request, shelf_Book *in, google_protobuf_Empty *out, void *user)
{
    (void)request, (void)in, (void)out, (void)user;
    puts_run++;
    return SEMEL_OK;
}

static const struct shelf_Shelf_handlers handlers = {.Put = put};

static void boot_server(semel_sim_host *host, void *user)
{
    semel_node *node;
    semel_server *server;
    if (semel_node_open(NULL, &node, NULL) != SEMEL_OK ||
        semel_server_open(node, "memory", &server, NULL) != SEMEL_OK ||
        shelf_Shelf_serve(server, &handlers, NULL) != SEMEL_OK ||
        semel_server_listen(server, "tcp://0.0.0.0:4061", NULL, NULL) != SEMEL_OK)
        semel_sim_fail(user, "%s does not start", semel_sim_host_name(host));
}

static void boot_client(semel_sim_host *host, void *user)
{
    semel_node *node;
    if (semel_node_open(NULL, &node, NULL) != SEMEL_OK ||
        semel_channel_open(node, NULL, "tcp://server:4061", &channel, NULL) != SEMEL_OK)
        semel_sim_fail(user, "%s does not start", semel_sim_host_name(host));
}

static void make_put(void *arg)
{
    shelf_Book book = shelf_Book_init_zero;
    google_protobuf_Empty nothing;
    semel_call_options options = SEMEL_CALL_OPTIONS_INIT;
    semel_status status;
    options.on_unavailable = SEMEL_ON_UNAVAILABLE_WAIT;
    snprintf(book.title, sizeof book.title, "Semel in anno");
    if (shelf_Shelf_Put(channel, &book, &nothing, &options, &status) != SEMEL_OK)
        semel_sim_fail(arg, "Put fails: %s", semel_reason_text(status.reason));
    puts_made++;
}

static void play(semel_sim *sim, void *user)
{
    const struct semel_sim_faults faults = {.cut_ms = 20, .latency_us = 2000, .fragment = true};
    (void)user;
    puts_run = puts_made = 0;
    semel_sim_add_host(sim, "server", boot_server, sim);
    semel_sim_host *client = semel_sim_add_host(sim, "client", boot_client, sim);
    semel_sim_run(sim, 1);
    semel_sim_begin_faults(sim, &faults);
    for (int i = 0; i < 5; i++)
        semel_sim_as(client, make_put, sim);
    semel_sim_end_faults(sim);
    if (puts_run != puts_made)
        semel_sim_fail(sim, "%d books were put, %d times", puts_made, puts_run);
}

int main(int argc, char **argv)
{
    static const struct semel_sim_scenario scenario = {.name = "shelf", .play = play};
    return semel_sim_main(argc, argv, &scenario);
}
