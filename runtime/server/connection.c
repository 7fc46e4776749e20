/* Connections: HELLO and its five rules, and which frame goes where.
 *
 * Reads best next: connection.h, dispatch.c. */
#include "server/connection.h"

#include <stdlib.h>
#include <string.h>

#include "core/units.h"
#include "net/random.h"
#include "server/dispatch.h"
#include "server/peer.h"
#include "server/server.h"

/* ---- what an operator may see ---- */

static void tell_welcomed(const struct connection *connection)
{
    const struct hello *hello = &connection->hello;
    node_log(connection->server->node, SEMEL_LOG_INFO, "%s: connection %llu welcomed%s%.*s: %s, attempt %llu",
             connection->server->label, (unsigned long long)connection->session->connection_number,
             hello->name_size > 0 ? ", node " : "", (int)hello->name_size, hello->name,
             connection->resumed ? "resumed" : "new session", (unsigned long long)hello->attempt);
}

static void tell_closed(const struct connection *connection, enum semel_reason reason)
{
    if (connection->session != NULL) /* others were refused, which has been told, or never said who they are */
        node_log(connection->server->node, SEMEL_LOG_INFO, "%s: connection %llu closed: %s",
                 connection->server->label, (unsigned long long)connection->session->connection_number,
                 semel_reason_text(reason));
}

/* ---- closing ---- */

static void forget(struct connection *connection, enum semel_reason reason, int os_error)
{
    struct semel_server *server = connection->server;
    struct session *session = connection->session;
    bool welcomed = connection->welcomed;
    server->stats.closed_by[reason]++;
    tell_closed(connection, reason);
    if (connection->prev != NULL)
        connection->prev->next = connection->next;
    else
        server->connections = connection->next;
    if (connection->next != NULL)
        connection->next->prev = connection->prev;
    server->connection_count--;
    wire_destroy(connection->wire);
    receipts_drop(&connection->receipts);
    admission_forget(&server->admission, connection);
    ledger_forget(&server->ledger, connection);
    if (session != NULL)
        sessions_detach(&server->sessions, session, server_now(server));
    free(connection);
    server_connection_gone(server);
    if (welcomed)
        peer_detach(session, reason, os_error);
}

void connection_close(struct connection *connection, enum semel_reason reason)
{
    if (connection->lane != NULL)
        wire_fail(connection->wire, reason, 0);
    else
        forget(connection, reason, 0);
}

static void on_lost(struct wire *wire, enum semel_reason reason, int os_error)
{
    forget(wire->owner, reason, os_error);
}

/* ---- HELLO ---- */

static void refuse(struct connection *connection, enum semel_reason reason)
{
    const struct frame frame = {.type = FRAME_REFUSE, .aux = (uint32_t)reason};
    const struct hello *hello = &connection->hello;
    node_log(connection->server->node, reason == SEMEL_REASON_NAME_CONFLICT ? SEMEL_LOG_ERROR : SEMEL_LOG_INFO,
             "%s: connection refused: %s%s%.*s", connection->server->label, semel_reason_text(reason),
             hello->name_size > 0 ? ": " : "", (int)hello->name_size, hello->name);
    if (wire_send_control(connection->wire, &frame, WIRE_ORDER_FIRST, &hello->nonce))
        wire_close_when_sent(connection->wire, reason);
    else
        connection_close(connection, reason);
}

static uint32_t smaller(uint32_t wish, int64_t own)
{
    return wish < own ? wish : (uint32_t)own;
}

static void welcome(struct connection *connection)
{
    struct semel_server *server = connection->server;
    const struct welcome welcome = {
        .version = HANDSHAKE_VERSION,
        .incarnation = server->incarnation,
        .domain = server->sessions.domain_id,
        .connection = connection->session->connection_number,
        .nonce = random_u64(),
        .lease_ms = (uint32_t)(server->sessions.lease_ns / MS_IN_NS),
        .window = server->sessions.window,
        .frame_limit = smaller(connection->hello.frame_limit, server->frame_limit),
        .heartbeat_ms = smaller(connection->hello.heartbeat_ms, server->heartbeat_ms),
    };
    uint8_t body[HANDSHAKE_WELCOME_SIZE];
    welcome_write(body, &welcome);
    const struct frame frame = {.type = FRAME_WELCOME,
                                .flags = connection->resumed ? FRAME_RESUMED : 0,
                                .body = body,
                                .body_size = sizeof body};
    if (!wire_send_control(connection->wire, &frame, WIRE_ORDER_FIRST, &connection->hello.nonce)) {
        connection_close(connection, SEMEL_REASON_NO_MEMORY);
        return;
    }
    connection->session->frame_limit = welcome.frame_limit;
    wire_open(connection->wire, welcome.nonce, welcome.frame_limit, welcome.heartbeat_ms * MS_IN_NS);
    connection->welcomed = true;
    server->stats.welcomed++;
    server->stats.resumed += connection->resumed;
    tell_welcomed(connection);
    sessions_welcomed(connection->session, &connection->hello);
    peer_attach(connection->session, connection->back_resumed);
}

void connection_release(struct connection *connection, enum semel_reason reason)
{
    if (reason == SEMEL_REASON_NONE && connection->server->draining)
        reason = SEMEL_REASON_DRAINING;
    if (reason == SEMEL_REASON_NONE)
        welcome(connection);
    else
        refuse(connection, reason);
}

/* Another life of its node has come.  It is told, if it still hears: a node that lives shares its name with another
 * one.  No byte of it is read any more, and nobody is left to be called back. */
static void displace(struct session *session)
{
    struct connection *connection = session->connection;
    const struct frame frame = {.type = FRAME_REFUSE, .aux = SEMEL_REASON_NAME_TAKEN};
    if (connection->held_for != 0) {
        connection_close(connection, SEMEL_REASON_NAME_TAKEN); /* it has heard nothing yet */
        peer_expel(session);
        return;
    }
    if (link_may_send(&connection->wire->link, FRAME_REFUSE))
        (void)wire_send_control(connection->wire, &frame, WIRE_ORDER_FIRST, NULL); /* no memory: not told */
    wire_close_when_sent(connection->wire, SEMEL_REASON_NAME_TAKEN);
    wire_flush(connection->wire);
    if (session->connection != NULL) /* it takes no more bytes */
        connection_close(connection, SEMEL_REASON_NAME_TAKEN);
    peer_expel(session);
}

/* What becomes of the offer.  What it displaces is closed completely before it is accepted; callbacks of calls back may
 * run then, and start a drain, which closes the connection that offers, and frees it with its HELLO. */
static struct sessions_judgment judge(struct semel_server *server, const struct hello *hello, uint64_t subject,
                                      const struct wire *wire)
{
    struct sessions *sessions = &server->sessions;
    int64_t now_ns = server_now(server);
    bool displaces = false;
    struct sessions_judgment judgment = sessions_judge(sessions, hello, subject, now_ns);
    while (judgment.accept && judgment.displaced != NULL) {
        displaces = true;
        displace(judgment.displaced);
        if (wire_is_closed(wire))
            return judgment;
        judgment = sessions_judge(sessions, hello, subject, now_ns);
    }
    judgment.displaces = displaces;
    if (judgment.accept && judgment.session != NULL && judgment.session->connection != NULL)
        connection_close(judgment.session->connection, SEMEL_REASON_REPLACED);
    return judgment;
}

static void on_hello(struct connection *connection, const struct frame *frame)
{
    struct semel_server *server = connection->server;
    const struct wire *wire = connection->wire;
    const struct hello *hello = &connection->hello;
    enum semel_reason reason = hello_read(frame->body, frame->body_size, &connection->hello);
    if (reason == SEMEL_REASON_BAD_VERSION) {
        refuse(connection, reason);
        return;
    }
    if (reason != SEMEL_REASON_NONE) {
        connection_close(connection, reason);
        return;
    }
    if (server->draining || server->ledger.failed) {
        /* A connection number that is not on record might be given twice: then none is given. */
        refuse(connection, server->draining ? SEMEL_REASON_DRAINING : SEMEL_REASON_INACTIVE);
        return;
    }
    struct sessions_judgment judgment = judge(server, hello, connection->subject, wire);
    if (wire_is_closed(wire))
        return;
    if (!judgment.accept) {
        refuse(connection, judgment.refusal);
        return;
    }
    connection->resumed = judgment.resumed;
    connection->back_resumed = judgment.back_resumed;
    connection->session = sessions_accept(&server->sessions, hello, connection->subject, &judgment, connection,
                                          server_now(server));
    if (connection->session == NULL)
        refuse(connection, SEMEL_REASON_TOO_MANY_SESSIONS);
    else if (ledger_is_durable(&server->ledger))
        ledger_hold(&server->ledger, connection);
    else
        welcome(connection);
}

/* ---- other frames ---- */

/* Every frame of a client carries the ack floor.  false: it carries nonsense. */
static bool take_floor(struct connection *connection, const struct frame *frame)
{
    if (connection->session == NULL || frame->aux > frame->seq)
        return false;
    struct dedup_table *table = &connection->session->table;
    dedup_ack(table, frame->seq - frame->aux);
    if (frame->type != FRAME_REQUEST) {
        dedup_log_floor(table);
        ledger_note(&connection->server->ledger);
    }
    return true;
}

static void on_frame(struct wire *wire, const struct frame *frame)
{
    struct connection *connection = wire->owner;
    if (frame->type == FRAME_HELLO) {
        on_hello(connection, frame);
        return;
    }
    if (frame->type == FRAME_REPLY || frame->type == FRAME_RECEIPT) {
        peer_answered(connection, frame);
        return;
    }
    if (!take_floor(connection, frame)) {
        connection_close(connection, SEMEL_REASON_BAD_FIELD);
        return;
    }
    switch (frame->type) {
    case FRAME_REQUEST: dispatch_request(connection, frame); break;
    case FRAME_CANCEL: dispatch_cancel(connection, frame); break;
    case FRAME_BYE:
        connection->parting = true;
        connection_settle(connection);
        break;
    default: /* PING and PONG are the wire's; their ack floor may have been what a parting client waited for */
        connection_settle(connection);
        break;
    }
}

static void on_sent(struct wire *wire, struct outgoing *out)
{
    struct connection *connection = wire->owner;
    if (!peer_sent(connection->session, out))
        reply_settle(reply_of(out));
    if (connection->waiting.parked && wire->queue.bytes <= connection_send_limit(connection) / 2)
        admission_unchoke(&connection->server->admission, connection);
}

static void on_dropped(struct wire *wire, struct outgoing *out)
{
    const struct connection *connection = wire->owner;
    if (!peer_dropped(connection->session, out))
        reply_settle(reply_of(out));
}

static void on_stamp(struct wire *wire, struct outgoing *out)
{
    const struct connection *connection = wire->owner;
    if (connection->session != NULL)
        peer_stamp(connection->session, out);
}

static void on_writing(struct wire *wire)
{
    struct connection *connection = wire->owner;
    receipts_flush(&connection->receipts, wire, CONNECTION_REPLY_ORDER);
}

static const struct wire_events events = {
    .frame = on_frame,
    .writing = on_writing,
    .lost = on_lost,
    .sent = on_sent,
    .dropped = on_dropped, /* what is not kept is not wanted any more */
    .stamp = on_stamp,
};

void connection_open(struct semel_server *server, const struct transport *transport, int fd)
{
    struct connection *connection = calloc(1, sizeof *connection);
    uint64_t subject = transport->subject(fd);
    /* The nonce is the client's: the answer to HELLO is sealed with it. */
    struct wire *wire = wire_create(&server->node->room, transport, fd, false, LINK_SERVER, 0,
                                    &server->wire_limits, &events, &server->counters, connection);
    if (connection == NULL || wire == NULL) {
        wire_destroy(wire);
        free(connection);
        server->stats.closed_by[SEMEL_REASON_NO_MEMORY]++;
        return;
    }
    connection->server = server;
    connection->subject = subject;
    connection->wire = wire;
    connection->number = ++server->last_wire;
    connection->receipts.counters = &server->receipts;
    connection->next = server->connections;
    if (connection->next != NULL)
        connection->next->prev = connection;
    server->connections = connection;
    server->connection_count++;
}

void connection_drain(struct connection *connection)
{
    const struct frame goaway = {.type = FRAME_GOAWAY};
    if (connection->session == NULL) {
        connection_close(connection, SEMEL_REASON_DRAINING);
        return;
    }
    if (!link_may_send(&connection->wire->link, FRAME_GOAWAY))
        return;
    if (!wire_send_control(connection->wire, &goaway, WIRE_ORDER_FIRST, NULL))
        connection_close(connection, SEMEL_REASON_NO_MEMORY);
}

void connection_send(struct connection *connection, struct reply *reply)
{
    if (reply->out.queued)
        return;
    reply->out.order = CONNECTION_REPLY_ORDER;
    wire_push(connection->wire, &reply->out);
}

void connection_acknowledge(struct connection *connection, uint64_t seq)
{
    if (!receipts_note(&connection->receipts, connection->wire, CONNECTION_REPLY_ORDER, seq))
        connection_close(connection, SEMEL_REASON_NO_MEMORY); /* the client will ask again and be told */
}

uint64_t connection_send_limit(const struct connection *connection)
{
    return connection->server->wire_limits.send_limit;
}

bool connection_is_choked(const struct connection *connection)
{
    return connection->wire->queue.bytes > connection_send_limit(connection);
}

void connection_settle(struct connection *connection)
{
    struct session *session = connection->session;
    if (connection->lane != NULL)
        server_settle_drain(connection->server);
    if (!connection->parting || connection->wire->closing || session->table.running > 0 ||
        connection->waiting.first != NULL)
        return;
    /* No handler is left that could need it: calls back that were not written go out on the next connection. */
    if (peer_part(session))
        return;
    wire_close_when_sent(connection->wire, SEMEL_REASON_DRAINED);
    peer_detach(session, SEMEL_REASON_DRAINED, 0);
}
