/* Peers.
 *
 * Reads best next: peer.h. */
#include "server/peer.h"

#include <assert.h>
#include <stdlib.h>

#include "net/lane.h"
#include "server/server.h"

struct peer {
    struct semel_peer face; /* what handlers and channels see */
    struct semel_server *server;
    struct session *session;
};

static struct peer *peer_of(const struct lane *lane)
{
    return container_of(container_of(lane, struct semel_peer, lane), struct peer, face);
}

/* The lane of a session that is called back, or NULL. */
static struct lane *lane_of(const struct session *session)
{
    struct peer *peer = session->peer;
    return peer != NULL && peer->face.lane.guest != NULL ? &peer->face.lane : NULL;
}

/* Callbacks may run between these two: the server is not to be closed in them. */
static struct semel_server *enter(const struct lane *lane)
{
    struct semel_server *server = peer_of(lane)->server;
    server->handlers++;
    return server;
}

static void leave(struct semel_server *server)
{
    server->handlers--;
}

/* ---- the connection ---- */

void peer_attach(struct session *session, bool resumed)
{
    struct peer *peer = session->peer;
    const struct connection *connection = session->connection;
    if (peer == NULL)
        return;
    struct semel_server *server = enter(&peer->face.lane);
    peer->face.lane.window = session->back_window;
    lane_attach(&peer->face.lane, connection->wire, session->connection_number, resumed);
    leave(server);
}

void peer_detach(struct session *session, enum semel_reason reason, int os_error)
{
    struct peer *peer = session->peer;
    if (peer == NULL)
        return;
    struct semel_server *server = enter(&peer->face.lane);
    lane_detach(&peer->face.lane, reason, os_error);
    leave(server);
}

void peer_expel(struct session *session)
{
    struct lane *lane = lane_of(session);
    if (lane != NULL)
        lane_end(lane, false);
}

void peer_forget(struct session *session)
{
    struct lane *lane = lane_of(session);
    if (lane != NULL)
        lane_end(lane, true);
    free(session->peer);
    session->peer = NULL;
}

bool peer_part(struct session *session)
{
    struct lane *lane = lane_of(session);
    return lane != NULL && lane->wire != NULL && lane->guest->part(lane);
}

/* ---- frames ---- */

void peer_answered(struct connection *connection, const struct frame *frame)
{
    struct lane *lane = lane_of(connection->session);
    if (lane == NULL || lane->window == 0) {
        connection_close(connection, SEMEL_REASON_BAD_STATE); /* it was asked nothing */
        return;
    }
    struct semel_server *server = enter(lane);
    lane->guest->frame(lane, frame);
    leave(server);
}

/* Requests on a server's connection are the guest's. */
static struct lane *owner_of(const struct session *session, const struct outgoing *out)
{
    if (frame_type_of(out->bytes) != FRAME_REQUEST)
        return NULL;
    struct lane *lane = lane_of(session);
    assert(lane != NULL); /* a channel stays with its session, closed or not */
    return lane;
}

bool peer_sent(struct session *session, struct outgoing *out)
{
    struct lane *lane = owner_of(session, out);
    if (lane == NULL)
        return false;
    struct semel_server *server = enter(lane);
    lane->guest->sent(lane, out);
    leave(server);
    return true;
}

bool peer_dropped(struct session *session, struct outgoing *out)
{
    struct lane *lane = owner_of(session, out);
    if (lane == NULL)
        return false;
    lane->guest->dropped(lane, out);
    return true;
}

static bool carries_floor(enum frame_type type)
{
    return type == FRAME_REQUEST || type == FRAME_CANCEL || type == FRAME_PING || type == FRAME_PONG;
}

void peer_stamp(struct session *session, struct outgoing *out)
{
    if (!carries_floor(frame_type_of(out->bytes)))
        return;
    struct lane *lane = lane_of(session);
    if (lane != NULL)
        lane->guest->stamp(lane, out);
}

/* ---- the lane's host ---- */

static void settle(struct lane *lane)
{
    struct connection *connection = peer_of(lane)->session->connection;
    if (connection != NULL && lane->wire != NULL)
        connection_settle(connection);
}

static const struct lane_host host = {.settle = settle};

static struct peer *create(struct semel_server *server, struct session *session)
{
    struct peer *peer = calloc(1, sizeof *peer);
    if (peer == NULL)
        return NULL;
    lane_init(&peer->face.lane, server->node, &host);
    peer->server = server;
    peer->session = session;
    session->peer = peer;
    const struct connection *connection = connection_to(session);
    if (connection != NULL && !connection->wire->closing)
        peer_attach(session, false);
    return peer;
}

semel_peer *semel_request_peer(semel_request *request)
{
    struct semel_server *server = request->home->server;
    if (server == NULL || request->run.table == NULL)
        return NULL;
    struct session *session = container_of(request->run.table, struct session, table);
    if (id_is_none(&session->id))
        return NULL; /* carried: the other end has no session here */
    struct peer *peer = session->peer != NULL ? session->peer : create(server, session);
    return peer != NULL ? &peer->face : NULL;
}
