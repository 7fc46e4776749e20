/* A connection as the server sees it: a wire, and the session that says HELLO on it.
 *
 * Reads best next: connection.c, core/sessions.h, dispatch.h. */
#ifndef SERVER_CONNECTION_H
#define SERVER_CONNECTION_H

#include "core/sessions.h"
#include "net/receipts.h"
#include "net/wire.h"
#include "server/queue.h"

/* Replies keep the order in which they were finished. */
#define CONNECTION_REPLY_ORDER UINT64_C(1)

struct semel_server;
struct lane;

struct connection {
    struct semel_server *server;
    struct connection *next;
    struct connection *prev;
    struct wire *wire;
    uint64_t number;         /* of the wire: no two of a server share one */
    uint64_t subject;        /* the user behind the peer */
    struct session *session; /* NULL before WELCOME */
    struct queue_share waiting;
    struct receipts receipts; /* of the oneways of this turn */
    bool parting;             /* BYE has come: closed when everything is answered */
    struct lane *lane;        /* carried.c: whose wire it is, or would be; NULL: its own */
    bool resumed;             /* what WELCOME says */
    bool back_resumed;        /* the same of calls back */
    bool welcomed;            /* WELCOME is out: the client can be told something */
    struct hello hello;
    uint64_t held_for; /* the batch that must be committed before WELCOME; 0: it is not held */
    struct connection *next_held;
};

/* Takes an accepted descriptor over. */
void connection_open(struct semel_server *server, const struct transport *transport, int fd);

/* Closes at once; its session waits for the client to come back.  A carried one: its wire fails. */
void connection_close(struct connection *connection, enum semel_reason reason);

/* Its WELCOME is held no more: NONE: it goes out; else the client is refused for this reason. */
void connection_release(struct connection *connection, enum semel_reason reason);

/* The connection on which a client can be told something; NULL: there is none. */
static inline struct connection *connection_to(const struct session *session)
{
    struct connection *connection = session->connection;
    return connection != NULL && (connection->welcomed || connection->lane != NULL) ? connection : NULL;
}

/* Tells the client to leave. */
void connection_drain(struct connection *connection);

/* Sends a reply, unless it is on its way already. */
void connection_send(struct connection *connection, struct reply *reply);

/* Acknowledges an executed oneway at the end of the turn.  May close the connection. */
void connection_acknowledge(struct connection *connection, uint64_t seq);

/* Unsent bytes above which no more replies are made for it. */
uint64_t connection_send_limit(const struct connection *connection);

/* Whether it has so many replies to read that no more should be made for it. */
bool connection_is_choked(const struct connection *connection);

/* A request of its session, or a call back, has ended or left the queue: a parting connection, or a drain, may be
 * complete. */
void connection_settle(struct connection *connection);

#endif
