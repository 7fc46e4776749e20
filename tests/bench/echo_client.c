/* The client of the echo: at depth 1 the synchronous stub on a node that nobody runs; above, and for oneways, the
 * asynchronous one, which starts a call for each that ended.  Any call that fails ends the benchmark.
 * It must not know: messages; echo_small.c and echo_large.c do.  Reads best next: main.c. */
#include <stdio.h>
#include <stdlib.h>

#include "echo.h"

struct echo_client {
    const struct options *options;
    const struct echo_shape *shape;
    struct meter *meter;
    semel_node *node;
    semel_channel *channel;
    struct echo_slot *slots;
    uint64_t started;
    uint64_t ended;
    uint64_t goal;
    bool failed;
};

/* The first failure is told; what it drags with it is not. */
static bool fail(struct echo_client *client, const semel_status *status)
{
    char text[4096] = "the echo is wrong";
    if (client->failed)
        return false;
    client->failed = true;
    if (status->code != SEMEL_OK)
        semel_status_explain(status, text, sizeof text);
    fprintf(stderr, "semel-bench: call %llu failed: %s\n", (unsigned long long)client->ended + 1, text);
    return false;
}

/* ---- depth 1 ---- */

static bool call_one_by_one(struct echo_client *client)
{
    int64_t start_ns = meter_now_ns();
    for (; client->ended < client->goal; client->ended++) {
        semel_status status;
        bool right = false;
        enum semel_code code = client->shape->call(client->channel, client->options->idempotent, &status,
                                                   &right);
        if (code != SEMEL_OK || !right)
            return fail(client, &status);
        int64_t now_ns = meter_now_ns();
        meter_add(client->meter, now_ns - start_ns);
        start_ns = now_ns;
    }
    return true;
}

/* ---- more ---- */

static void start(struct echo_slot *slot, int64_t now_ns)
{
    struct echo_client *client = slot->client;
    slot->start_ns = now_ns;
    client->started++;
    enum semel_code code = client->shape->start(client->channel, client->options, slot);
    if (code == SEMEL_OK)
        return;
    fprintf(stderr, "semel-bench: a call could not be started: %s\n", semel_code_name(code));
    client->failed = true;
    semel_node_stop(client->node);
}

void echo_ended(struct echo_slot *slot, const semel_status *status, bool right)
{
    struct echo_client *client = slot->client;
    if (client->failed)
        return;
    int64_t now_ns = meter_now_ns();
    if (!right) {
        fail(client, status);
        semel_node_stop(client->node);
        return;
    }
    meter_add(client->meter, now_ns - slot->start_ns);
    client->ended++;
    if (client->started < client->goal)
        start(slot, now_ns);
    else if (client->ended == client->goal)
        semel_node_stop(client->node);
}

static bool call_many_at_once(struct echo_client *client)
{
    int64_t now_ns = meter_now_ns();
    for (uint64_t i = 0; i < client->options->depth && client->started < client->goal && !client->failed; i++)
        start(&client->slots[i], now_ns);
    return semel_node_run(client->node) == SEMEL_OK && !client->failed;
}

/* ---- all ---- */

static bool make_calls(struct echo_client *client, uint64_t calls)
{
    client->goal += calls;
    bool synchronous = client->options->depth == 1 && !client->options->oneway;
    return synchronous ? call_one_by_one(client) : call_many_at_once(client);
}

static bool open_channel(struct echo_client *client)
{
    semel_status status;
    semel_status_init(&status);
    if (semel_node_open(NULL, &client->node, &status) == SEMEL_OK &&
        semel_channel_open(client->node, "bench", client->meter->server->uri, &client->channel, &status) ==
            SEMEL_OK)
        return true;
    fprintf(stderr, "semel-bench: the echo's client: %s\n", status.message);
    return false;
}

static bool prepare(struct echo_client *client)
{
    size_t depth = (size_t)client->options->depth;
    client->slots = calloc(depth, sizeof *client->slots);
    if (client->slots == NULL || !client->shape->prepare((size_t)client->options->payload_bytes)) {
        fprintf(stderr, "semel-bench: out of memory\n");
        return false;
    }
    for (size_t i = 0; i < depth; i++)
        client->slots[i].client = client;
    return open_channel(client);
}

bool echo_call(const struct options *options, struct meter *meter)
{
    bool small = options->payload_bytes <= echo_small.payload_max;
    struct echo_client client = {
        .options = options, .meter = meter, .shape = small ? &echo_small : &echo_large};
    bool well = prepare(&client) && make_calls(&client, options->calls / 10 + 1) && meter_begin(meter) &&
                make_calls(&client, options->calls) && meter_end(meter);
    client.failed = true; /* callbacks that come while closing are of no interest */
    semel_channel_close(client.channel);
    semel_node_close(client.node);
    client.shape->discard();
    free(client.slots);
    return well;
}
