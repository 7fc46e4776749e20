/* A server: its sessions, services, listeners and connections.
 *
 * Reads best next: connection.h, dispatch.h, admission.h. */
#ifndef SERVER_SERVER_H
#define SERVER_SERVER_H

#include <semel/server.h>

#include "core/sessions.h"
#include "net/node.h"
#include "net/receipts.h"
#include "server/admission.h"
#include "server/ledger.h"
#include "server/listener.h"
#include "server/request.h"
#include "server/services.h"

struct carried;
struct connection;

struct semel_server {
    struct node_member member;
    semel_node *node;
    struct ledger ledger; /* with the store */
    struct sessions sessions;
    struct services services;
    struct request_home *home;
    uint64_t incarnation;
    char label[LIMIT_NODE_NAME + sizeof "server "]; /* its name in the log */
    struct listener *listeners;
    struct datagram_listener *datagram_listeners;
    struct connection *connections;
    uint32_t connection_count;
    uint64_t last_wire;            /* numbers those of connections */
    struct carried *carried;       /* connections that are channels' of this node */
    struct semel_request *running; /* requests whose handler has not finished */
    uint32_t running_count;
    struct admission admission;
    uint32_t handlers;   /* handlers being called just now: closing inside one is a bug */
    struct timer expiry; /* of silent sessions */
    struct wire_counters counters;
    struct receipts_counters receipts;
    struct semel_server_stats stats;

    /* draining */
    bool draining;
    struct timer drain_timeout;
    struct loop_task drained;
    semel_drained_fn *drained_fn; /* NULL: told already, or not asked */
    void *drained_user;

    /* properties */
    uint32_t max_connections;
    int64_t heartbeat_ms;
    int64_t frame_limit;
    int64_t drain_timeout_ns;
    bool without_transactions; /* see semel_server_waive_transactions */
    struct wire_limits wire_limits;
};

static inline semel_node *server_node(const struct semel_server *server)
{
    return server->node;
}

static inline int64_t server_now(const struct semel_server *server)
{
    return node_now(server->node);
}

static inline struct loop *server_loop(struct semel_server *server)
{
    return &server->node->loop;
}

/* Opens a server on a store of one's own, which it takes over, also on failure.  As semel_server_open. */
enum semel_code server_open_with(semel_node *node, struct store *store, semel_server **ret_server,
                                 semel_status *ret_status);

/* A handler has finished, now or through another thread: see dispatch.c. */
void server_request_finished(struct semel_server *server, struct semel_request *request);

/* A connection has gone: sessions may begin to expire, and a drain may be complete. */
void server_connection_gone(struct semel_server *server);

/* Something has ended that a drain may have waited for. */
void server_settle_drain(struct semel_server *server);

#endif
