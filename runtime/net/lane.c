/* Lanes, and how a server comes to serve a channel without either knowing the other.
 *
 * Reads best next: lane.h. */
#include "net/lane.h"

#include <assert.h>
#include <stddef.h>

void lane_init(struct lane *lane, semel_node *node, const struct lane_host *host)
{
    *lane = (struct lane){.node = node, .host = host};
}

void lane_enter(struct lane *lane, const struct lane_guest *guest, void *user)
{
    assert(lane->guest == NULL);
    lane->guest = guest;
    lane->user = user;
    if (lane->wire != NULL)
        guest->attached(lane, false);
    if (lane->host->entered != NULL)
        lane->host->entered(lane);
}

void lane_leave(struct lane *lane)
{
    assert(lane->guest != NULL);
    lane->guest = NULL;
    lane->user = NULL;
    if (lane->host->left != NULL)
        lane->host->left(lane);
}

void lane_attach(struct lane *lane, struct wire *wire, uint64_t connection, bool resumed)
{
    assert(lane->wire == NULL);
    lane->wire = wire;
    lane->connection = connection;
    if (lane->guest != NULL)
        lane->guest->attached(lane, resumed);
}

void lane_detach(struct lane *lane, enum semel_reason reason, int os_error)
{
    if (lane->wire == NULL)
        return;
    lane->wire = NULL;
    lane->connection = 0;
    if (lane->guest != NULL)
        lane->guest->detached(lane, reason, os_error);
}

void lane_end(struct lane *lane, bool gone)
{
    assert(lane->guest != NULL && lane->wire == NULL);
    lane->guest->ended(lane, gone);
}

/* ---- a server serves a channel ---- */

struct serving {
    struct node_member *channel;
    struct node_member *server;
    enum semel_code code;
};

static void serve_now(void *arg)
{
    struct serving *serving = arg;
    struct lane *lane = serving->channel->lane;
    if (lane->guest != NULL)
        serving->code = SEMEL_ALREADY_EXISTS;
    else
        serving->code = serving->server->carry(serving->server, lane);
}

enum semel_code semel_channel_serve(semel_channel *channel, semel_server *server)
{
    /* Both begin with their membership of a node (asserted where they are defined). */
    struct serving serving = {(struct node_member *)channel, (struct node_member *)server, SEMEL_OK};
    if (serving.channel->lane == NULL)
        return SEMEL_FAILED_PRECONDITION;
    node_call(serving.channel->lane->node, serve_now, &serving);
    return serving.code;
}
