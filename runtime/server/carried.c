/* Carried connections.
 *
 * Reads best next: carried.h, dispatch.c. */
#include "server/carried.h"

#include <stddef.h>
#include <stdlib.h>

#include "net/lane.h"
#include "server/dispatch.h"
#include "server/server.h"

struct carried {
    struct connection connection;
    struct session session;
    struct carried *next;
    struct carried *prev;
};

static void begin_table(struct carried *carried)
{
    struct sessions *sessions = &carried->connection.server->sessions;
    dedup_init(&carried->session.table, &sessions->domain, 1, sessions->window);
}

/* ---- what the lane tells ---- */

static void on_attached(struct lane *lane, bool resumed)
{
    struct carried *carried = lane->user;
    struct session *session = &carried->session;
    if (!resumed) {
        /* The other end will replay nothing of what it wrote before. */
        dedup_fini(&session->table);
        begin_table(carried);
    }
    carried->connection.wire = lane->wire;
    carried->connection.number = ++carried->connection.server->last_wire;
    session->connection = &carried->connection;
    session->connection_number = lane->connection;
    session->frame_limit = lane->wire->link.frame_limit;
}

static void on_detached(struct lane *lane, enum semel_reason reason, int os_error)
{
    struct carried *carried = lane->user;
    struct semel_server *server = carried->connection.server;
    (void)reason, (void)os_error;
    receipts_drop(&carried->connection.receipts);
    carried->connection.wire = NULL;
    carried->session.connection = NULL;
    admission_forget(&server->admission, &carried->connection);
    dedup_trim(&carried->session.table);
    server_settle_drain(server);
}

/* The caller's frames carry its ack floor. */
static void on_frame(struct lane *lane, const struct frame *frame)
{
    struct carried *carried = lane->user;
    if (frame->aux > frame->seq) {
        wire_fail(lane->wire, SEMEL_REASON_BAD_FIELD, 0);
        return;
    }
    dedup_ack(&carried->session.table, frame->seq - frame->aux);
    if (frame->type == FRAME_REQUEST)
        dispatch_request(&carried->connection, frame);
    else if (frame->type == FRAME_CANCEL)
        dispatch_cancel(&carried->connection, frame);
}

/* A reply has left: requests that waited because too many were unsent may run. */
static void on_sent(struct lane *lane, struct outgoing *out)
{
    struct carried *carried = lane->user;
    struct connection *connection = &carried->connection;
    (void)out;
    if (connection->waiting.parked && lane->wire->queue.bytes <= connection_send_limit(connection) / 2)
        admission_unchoke(&connection->server->admission, connection);
}

/* The receipts of this turn. */
static void on_writing(struct lane *lane)
{
    struct carried *carried = lane->user;
    receipts_flush(&carried->connection.receipts, lane->wire, CONNECTION_REPLY_ORDER);
}

static void destroy(struct carried *carried)
{
    struct semel_server *server = carried->connection.server;
    if (carried->prev != NULL)
        carried->prev->next = carried->next;
    else
        server->carried = carried->next;
    if (carried->next != NULL)
        carried->next->prev = carried->prev;
    carried->session.connection = NULL;
    receipts_drop(&carried->connection.receipts);
    admission_forget(&server->admission, &carried->connection);
    dedup_fini(&carried->session.table);
    free(carried);
    server_settle_drain(server);
}

static void on_ended(struct lane *lane, bool gone)
{
    (void)gone; /* a channel that ends does not come back */
    destroy(lane->user);
}

/* Replies are nobody's once they are queued, and are stamped by nobody; a channel that parts asks its own calls. */
static const struct lane_guest guest = {.attached = on_attached,
                                        .detached = on_detached,
                                        .frame = on_frame,
                                        .sent = on_sent,
                                        .writing = on_writing,
                                        .ended = on_ended};

/* ---- life ---- */

static enum semel_code check(const struct semel_server *server, const struct lane *lane)
{
    if (lane->node != server->node)
        return SEMEL_INVALID_ARGUMENT;
    return server->draining ? SEMEL_FAILED_PRECONDITION : SEMEL_OK;
}

enum semel_code carried_open(struct node_member *member, struct lane *lane)
{
    struct semel_server *server = container_of(member, struct semel_server, member);
    enum semel_code code = check(server, lane);
    if (code != SEMEL_OK)
        return code;
    struct carried *carried = calloc(1, sizeof *carried);
    if (carried == NULL)
        return SEMEL_RESOURCE_EXHAUSTED;
    carried->connection = (struct connection){.server = server,
                                              .subject = SESSIONS_ANYONE,
                                              .session = &carried->session,
                                              .lane = lane,
                                              .receipts.counters = &server->receipts};
    begin_table(carried);
    carried->next = server->carried;
    if (carried->next != NULL)
        carried->next->prev = carried;
    server->carried = carried;
    lane->window = server->sessions.window;
    lane_enter(lane, &guest, carried);
    return SEMEL_OK;
}

void carried_close(struct carried *carried)
{
    lane_leave(carried->connection.lane);
    destroy(carried);
}

bool carried_any_busy(const struct semel_server *server)
{
    for (const struct carried *carried = server->carried; carried != NULL; carried = carried->next)
        if (carried->session.table.running > 0 || carried->connection.waiting.first != NULL)
            return true;
    return false;
}
