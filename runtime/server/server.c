/* A server: opening, listening, draining, closing.
 *
 * Reads best next: server.h, connection.c. */
#include "server/server.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/properties.h"
#include "core/message.h"
#include "core/units.h"
#include "net/random.h"
#include "net/status.h"
#include "server/carried.h"
#include "server/connection.h"
#include "server/datagram.h"
#include "server/peer.h"

static_assert(offsetof(struct semel_server, member) == 0, "semel_channel_serve looks at its membership");

/* Addresses one URI may stand for when it is listened at ("localhost" has two). */
enum { ADDRESSES_MAX = 8 };

/* ---- sessions that expire ---- */

static void on_expiry(struct timer *timer)
{
    struct semel_server *server = container_of(timer, struct semel_server, expiry);
    sessions_expire(&server->sessions, server_now(server));
    ledger_note(&server->ledger);
    int64_t next_ns = sessions_next_expiry(&server->sessions);
    if (next_ns != INT64_MAX)
        (void)loop_timer_start(server_loop(server), &server->expiry,
                               next_ns); /* else: with the next lost connection */
}

void server_connection_gone(struct semel_server *server)
{
    int64_t next_ns = sessions_next_expiry(&server->sessions);
    if (!timer_running(&server->expiry) && next_ns != INT64_MAX)
        (void)loop_timer_start(server_loop(server), &server->expiry, next_ns);
    server_settle_drain(server);
}

/* Handlers whose client is gone are waited for, too: what they did is known to its next server only if their end is
 * on record, and the application may clear away what they use. */
static bool is_drained(struct semel_server *server)
{
    return server->connection_count == 0 && server->running_count == 0 && !carried_any_busy(server) &&
           ledger_is_settled(&server->ledger);
}

void server_settle_drain(struct semel_server *server)
{
    if (server->draining && is_drained(server))
        loop_later(server_loop(server), &server->drained);
}

/* ---- opening ---- */

static int64_t property(const semel_server *server, enum properties_key key)
{
    return properties_get_int(server->node->properties, NULL, key);
}

static bool init_sessions(semel_server *server)
{
    const struct sessions_options options = {
        .domain_id = server->ledger.store->domain,
        .incarnation = server->incarnation,
        .forgetting = peer_forget,
        .hash_seed = random_u64(),
        .limit = (uint32_t)property(server, PROPERTIES_MAX_SESSIONS),
        .window = (uint32_t)property(server, PROPERTIES_WINDOW),
        .lease_ns = property(server, PROPERTIES_LEASE) * MS_IN_NS,
        .keep_reply = (uint64_t)property(server, PROPERTIES_KEEP_REPLY),
        .keep_total = (uint64_t)property(server, PROPERTIES_KEEP_TOTAL),
        .journal = ledger_is_durable(&server->ledger) ? &server->ledger.journal : NULL,
    };
    return sessions_init(&server->sessions, &options);
}

static void read_properties(semel_server *server)
{
    server->max_connections = (uint32_t)property(server, PROPERTIES_MAX_CONNECTIONS);
    server->heartbeat_ms = property(server, PROPERTIES_HEARTBEAT);
    server->frame_limit = property(server, PROPERTIES_FRAME_LIMIT);
    server->drain_timeout_ns = property(server, PROPERTIES_DRAIN_TIMEOUT) * MS_IN_NS;
    server->wire_limits = (struct wire_limits){
        .handshake_ns = property(server, PROPERTIES_HANDSHAKE_TIMEOUT) * MS_IN_NS,
        .slow_ns = property(server, PROPERTIES_SLOW_READER_TIMEOUT) * MS_IN_NS,
        .send_limit = (uint64_t)property(server, PROPERTIES_SEND_BUFFER_LIMIT),
    };
}

static void tell_drained(semel_server *server)
{
    semel_drained_fn *fn = server->drained_fn;
    server->drained_fn = NULL;
    loop_timer_stop(server_loop(server), &server->drain_timeout);
    if (fn != NULL)
        fn(server->drained_user);
}

static void on_drained(struct loop_task *task)
{
    tell_drained(container_of(task, struct semel_server, drained));
}

static void on_drain_timeout(struct timer *timer)
{
    semel_server *server = container_of(timer, struct semel_server, drain_timeout);
    node_log(server->node, SEMEL_LOG_WARNING,
             "%s: drain timed out, %u connections are cut, %u requests still run (DrainTimeout)", server->label,
             server->connection_count, server->running_count);
    while (server->connections != NULL)
        connection_close(server->connections, SEMEL_REASON_CLOSED_LOCALLY);
    loop_later(server_loop(server),
               &server->drained); /* and calls back that still run are waited for no longer */
}

static void close_now(void *arg);

static void on_node_closes(struct node_member *member)
{
    close_now(container_of(member, struct semel_server, member));
}

struct opening {
    semel_node *node;
    struct store *store;
    semel_server *server;
    struct store_problem problem;
};

/* Everything but its memory; false: what was taken is given back. */
static bool set_up(semel_server *server, struct opening *opening)
{
    read_properties(server);
    ledger_init(&server->ledger, server, opening->store);
    server->home = request_home_create(server);
    if (server->home == NULL || !init_sessions(server)) {
        if (server->home != NULL)
            request_home_leave(server->home);
        ledger_fini(&server->ledger);
        return false;
    }
    if (ledger_load(&server->ledger, &opening->problem))
        return true;
    sessions_fini(&server->sessions);
    request_home_leave(server->home);
    ledger_fini(&server->ledger);
    return false;
}

static void open_now(void *arg)
{
    struct opening *opening = arg;
    semel_server *server = calloc(1, sizeof *server);
    store_fail(&opening->problem, SEMEL_RESOURCE_EXHAUSTED, "out of memory");
    if (server == NULL) {
        opening->store->ops->close(opening->store);
        return;
    }
    server->node = opening->node;
    server->incarnation = random_u64();
    snprintf(server->label, sizeof server->label, "server%s%s", server->node->name[0] != '\0' ? " " : "",
             server->node->name);
    server->member.close = on_node_closes;
    server->member.carry = carried_open;
    services_init(&server->services);
    timer_init(&server->expiry, on_expiry);
    timer_init(&server->drain_timeout, on_drain_timeout);
    loop_task_init(&server->drained, on_drained);
    loop_refresh(server_loop(server));
    if (!set_up(server, opening)) {
        free(server);
        return;
    }
    if (opening->store->notice != NULL)
        node_log(server->node, SEMEL_LOG_WARNING, "%s: %s", server->label, opening->store->notice);
    admission_init(&server->admission, server);
    node_add(server->node, &server->member);
    server_connection_gone(server); /* those that the store remembers are silent from now on */
    opening->server = server;
}

static enum semel_code open_failed(const struct store_problem *problem, const char *what, const char *store,
                                   semel_status *ret_status)
{
    enum semel_reason reason = problem->code == SEMEL_INVALID_ARGUMENT ? SEMEL_REASON_BAD_ARGUMENT
                                                                       : SEMEL_REASON_STORE_FAILED;
    return status_set(ret_status, problem->code, reason, "%s%s%s%s", what, store, what[0] != '\0' ? "': " : "",
                      problem->text);
}

enum semel_code server_open_with(semel_node *node, struct store *store, semel_server **ret_server,
                                 semel_status *ret_status)
{
    struct opening opening = {.node = node, .store = store};
    node_call(node, open_now, &opening);
    if (opening.server == NULL)
        return open_failed(&opening.problem, "", "", ret_status);
    *ret_server = opening.server;
    return SEMEL_OK;
}

enum semel_code semel_server_open(semel_node *node, const char *store, semel_server **ret_server,
                                  semel_status *ret_status)
{
    const struct store_options options = {
        .fresh = random_id(),
        .secret = random_u64,
        .size_bytes = (uint64_t)properties_get_int(node->properties, NULL, PROPERTIES_STORE_SIZE),
    };
    struct store_problem problem;
    struct store *opened;
    if (store_open(store, &options, &opened, &problem) != SEMEL_OK)
        return open_failed(&problem, "store '", store, ret_status);
    return server_open_with(node, opened, ret_server, ret_status);
}

/* ---- services ---- */

struct adding {
    semel_server *server;
    const struct semel_service *service;
    const void *handlers;
    void *user;
    bool lacking;
    enum services_add_result result;
};

/* A method that asks for exactly once must not get less unless the application says that it may. */
static bool lacks_transactions(const semel_server *server, const struct semel_service *service)
{
    if (ledger_can_join(&server->ledger) || server->without_transactions)
        return false;
    for (size_t i = 0; i < service->method_count; i++) {
        if (!service->methods[i].transactional)
            continue;
        node_log(
            server->node, SEMEL_LOG_ERROR,
            "%s: %s is transactional, and this store has no transactions: open the server with lmdb:PATH, or "
            "call semel_server_waive_transactions before",
            server->label, service->methods[i].name);
        return true;
    }
    return false;
}

static void add_now(void *arg)
{
    struct adding *adding = arg;
    /* Of another version, its tables can not be read. */
    adding->lacking = adding->service->version == SEMEL_SERVICE_VERSION &&
                      lacks_transactions(adding->server, adding->service);
    if (adding->lacking)
        return;
    adding->result = services_add(&adding->server->services, adding->service, adding->handlers, adding->user);
}

enum semel_code semel_server_add(semel_server *server, const struct semel_service *service,
                                 const void *handlers, void *user)
{
    struct adding adding = {.server = server, .service = service, .handlers = handlers, .user = user};
    node_call(server->node, add_now, &adding);
    if (adding.lacking)
        return SEMEL_FAILED_PRECONDITION;
    switch (adding.result) {
    case SERVICES_ADDED: return SEMEL_OK;
    case SERVICES_EXISTS: return SEMEL_ALREADY_EXISTS;
    case SERVICES_WRONG_VERSION: return SEMEL_FAILED_PRECONDITION;
    default: return SEMEL_RESOURCE_EXHAUSTED;
    }
}

/* ---- listening ---- */

static enum semel_code listen_failed(const char *uri, int error, semel_status *ret_status)
{
    enum semel_code code = error == EADDRINUSE                         ? SEMEL_ALREADY_EXISTS
                           : error == EACCES                           ? SEMEL_PERMISSION_DENIED
                           : error == EADDRNOTAVAIL || error == ENOENT ? SEMEL_INVALID_ARGUMENT
                                                                       : SEMEL_RESOURCE_EXHAUSTED;
    return status_set(ret_status, code, SEMEL_REASON_BAD_ADDRESS, "cannot listen at %s: %s", uri,
                      strerror(error));
}

struct listening {
    semel_server *server;
    const struct endpoint *endpoint;
    int fd;
    int error;
};

static void listen_for_datagrams(struct listening *listening)
{
    semel_server *server = listening->server;
    struct datagram_listener *listener;
    listening->error = datagram_listener_open(server, listening->endpoint, &listener);
    if (listening->error != 0)
        return;
    listening->fd = listener->fd;
    listener->next = server->datagram_listeners;
    server->datagram_listeners = listener;
}

static void listen_now(void *arg)
{
    struct listening *listening = arg;
    semel_server *server = listening->server;
    struct listener *listener;
    if (listening->endpoint->transport->datagrams != NULL) {
        listen_for_datagrams(listening);
        return;
    }
    listening->error = listener_open(server, listening->endpoint, &listener);
    if (listening->error != 0)
        return;
    listening->fd = listener->fd;
    listener->next = server->listeners;
    server->listeners = listener;
}

enum semel_code semel_server_listen(semel_server *server, const char *uri, char *ret_uri,
                                    semel_status *ret_status)
{
    struct endpoint endpoints[ADDRESSES_MAX];
    size_t count = 0;
    const char *message = "";
    if (endpoint_resolve(uri, endpoints, ADDRESSES_MAX, &count, &message) != SEMEL_REASON_NONE)
        return status_set(ret_status, SEMEL_INVALID_ARGUMENT, SEMEL_REASON_BAD_ADDRESS,
                          "cannot listen at '%s': %s; write tcp://HOST:PORT or unix:PATH", uri, message);
    /* The first address that can be had: with port 0 the others would get other ports. */
    struct listening listening = {.server = server, .error = EADDRNOTAVAIL};
    for (size_t i = 0; i < count && listening.error != 0; i++) {
        listening.endpoint = &endpoints[i];
        node_call(server->node, listen_now, &listening);
    }
    if (listening.error != 0)
        return listen_failed(uri, listening.error, ret_status);
    if (ret_uri != NULL)
        listening.endpoint->transport->local_text(listening.fd, listening.endpoint, ret_uri,
                                                  SEMEL_ENDPOINT_TEXT_MAX);
    return SEMEL_OK;
}

static void close_listeners(semel_server *server)
{
    while (server->listeners != NULL) {
        struct listener *listener = server->listeners;
        server->listeners = listener->next;
        listener_close(listener);
    }
    while (server->datagram_listeners != NULL) {
        struct datagram_listener *listener = server->datagram_listeners;
        server->datagram_listeners = listener->next;
        datagram_listener_close(listener);
    }
}

/* ---- draining and closing ---- */

struct draining {
    semel_server *server;
    semel_drained_fn *done;
    void *user;
    enum semel_code code;
};

static void drain_now(void *arg)
{
    struct draining *draining = arg;
    semel_server *server = draining->server;
    if (server->draining) {
        draining->code = SEMEL_FAILED_PRECONDITION;
        return;
    }
    server->draining = true;
    server->drained_fn = draining->done;
    server->drained_user = draining->user;
    close_listeners(server);
    for (struct connection *connection = server->connections; connection != NULL;) {
        struct connection *next = connection->next;
        connection_drain(connection);
        connection = next;
    }
    int64_t due_ns = loop_refresh(server_loop(server)) + server->drain_timeout_ns;
    if (is_drained(server))
        loop_later(server_loop(server), &server->drained);
    else if (!loop_timer_start(server_loop(server), &server->drain_timeout, due_ns))
        on_drain_timeout(&server->drain_timeout); /* no memory to wait */
}

enum semel_code semel_server_drain(semel_server *server, semel_drained_fn *done, void *user)
{
    struct draining draining = {.server = server, .done = done, .user = user, .code = SEMEL_OK};
    node_call(server->node, drain_now, &draining);
    return draining.code;
}

/* Pending requests are on their own from now on: their records are gone, their results will be dropped. */
static void orphan_requests(semel_server *server)
{
    while (server->running != NULL) {
        struct semel_request *request = server->running;
        server->running = request->next;
        request->orphan = true;
        atomic_store(&request->cancelled, true);
        pool_disown(&request->entry->requests);
        request->entry = NULL;
    }
    server->running_count = 0;
}

static void close_now(void *arg)
{
    semel_server *server = arg;
    assert(server->handlers == 0);
    close_listeners(server);
    while (server->connections != NULL)
        connection_close(server->connections, SEMEL_REASON_CLOSED_LOCALLY);
    while (server->carried != NULL)
        carried_close(server->carried);
    admission_fini(&server->admission);
    loop_timer_stop(server_loop(server), &server->expiry);
    loop_timer_stop(server_loop(server), &server->drain_timeout);
    ledger_fini(&server->ledger);
    sessions_fini(&server->sessions);
    loop_task_cancel(server_loop(server), &server->drained); /* what has ended just now may have completed it */
    orphan_requests(server);
    request_home_leave(server->home);
    services_fini(&server->services);
    node_remove(server->node, &server->member);
    free(server);
}

void semel_server_close(semel_server *server)
{
    if (server != NULL)
        node_call(server->node, close_now, server);
}

/* ---- asking ---- */

struct asking {
    const semel_server *server;
    struct semel_server_stats *ret_stats;
};

static void get_stats(void *arg)
{
    const struct asking *asking = arg;
    const semel_server *server = asking->server;
    struct semel_server_stats *stats = asking->ret_stats;
    *stats = server->stats;
    stats->sessions_expired = server->sessions.expired;
    stats->bytes_in = server->counters.bytes_in;
    stats->bytes_out = server->counters.bytes_out;
    stats->reads = server->counters.reads;
    stats->writes = server->counters.writes;
    stats->receipts = server->receipts.frames;
    stats->oneways_acknowledged = server->receipts.oneways;
    stats->connections = server->connection_count;
    stats->sessions = server->sessions.count;
    stats->running = server->running_count;
    stats->running_limit = admission_limit(&server->admission);
    stats->queued = server->admission.queue.count;
    stats->queued_bytes = server->admission.queue.bytes;
    stats->kept_replies = server->sessions.domain.kept_replies;
    stats->kept_bytes = server->sessions.domain.kept_bytes;
    stats->commits = server->ledger.commits;
    stats->committed_bytes = server->ledger.committed_bytes;
    stats->inactive = server->ledger.failed;
}

void semel_server_get_stats(const semel_server *server, struct semel_server_stats *ret_stats)
{
    struct asking asking = {server, ret_stats};
    node_call(server->node, get_stats, &asking);
}
