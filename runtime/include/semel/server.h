/* A server: listeners, the sessions of its clients, and the dedup table that keeps an operation from running twice.
 *
 * Threads: those of its node.  Handlers run on the node's thread.  Reads best next: semel/request.h. */
#ifndef SEMEL_SERVER_H
#define SEMEL_SERVER_H

#include <semel/node.h>
#include <semel/service.h>
#include <semel/status.h>
#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct semel_server semel_server;

/* Opens a server without listeners and services.  store: what remembers executed requests: "memory" (or NULL), or
 * "lmdb:PATH", a file that outlives the process (runtime/store/README.md).  A server with such a store goes on
 * where the one before it ended, crashed or not: its clients are resumed, and what ran does not run again.  It
 * belongs to the process that opened it: one that is forked from that commits nothing.
 * *ret_server is set on success only and owned by the caller.  When it fails, the status says what to do. Errors:
 * INVALID_ARGUMENT (store, property), FAILED_PRECONDITION (another process has the file; it is not a store, or of
 * another version), DATA_LOSS (it is damaged), NOT_FOUND, PERMISSION_DENIED, RESOURCE_EXHAUSTED. */
enum semel_code semel_server_open(semel_node *node, const char *store, semel_server **ret_server,
                                  semel_status *ret_status);

/* Adds a service.  handlers: the generated struct of function pointers, borrowed until the server is closed, as is
 * user.  The generated ..._serve wraps it.
 * Errors: ALREADY_EXISTS (the service, or a method id), FAILED_PRECONDITION (generated for another runtime; or it has
 * transactional methods, and the store no transactions: see semel/store.h), RESOURCE_EXHAUSTED. */
enum semel_code semel_server_add(semel_server *server, const struct semel_service *service,
                                 const void *handlers, void *user);

/* Listens at a URI: tcp://HOST:PORT (port 0: any), unix:PATH; or udp://HOST:PORT for datagrams, in which oneway
 * operations that are idempotent arrive (semel/channel.h).  Datagrams are never answered; those that do not run are
 * counted by reason, but for those that the kernel drops before the server sees them.  ret_uri (may be NULL) receives
 * the URI with the real port, at least SEMEL_ENDPOINT_TEXT_MAX bytes.
 * Errors: INVALID_ARGUMENT (URI), ALREADY_EXISTS (address in use), PERMISSION_DENIED, RESOURCE_EXHAUSTED. */
enum semel_code semel_server_listen(semel_server *server, const char *uri, char *ret_uri,
                                    semel_status *ret_status);

typedef void semel_drained_fn(void *user);

/* Stops listening, tells every client to leave (GOAWAY), answers what was sent before, closes, then calls done (may be
 * NULL) once on the node's thread, at the latest after the property DrainTimeout.  When it is called, no handler runs
 * any more, not even for a client that is gone, and with a durable store all that ran is on record: what DrainTimeout
 * cuts off is not.
 * Errors: FAILED_PRECONDITION (it drains already; done will not be called). */
enum semel_code semel_server_drain(semel_server *server, semel_drained_fn *done, void *user);

/* Closes listeners and connections at once.  Pending requests stay valid; finishing them does nothing.
 * Accepts NULL.  Not from a handler of this server (asserted). */
void semel_server_close(semel_server *server);

/* Counters since the server was opened; gauges last. */
struct semel_server_stats {
    uint64_t requests;                       /* whole, verified REQUEST frames */
    uint64_t executed;                       /* handlers started */
    uint64_t attached;                       /* replays that met their running original */
    uint64_t replayed;                       /* replays answered with the kept reply, or a receipt again */
    uint64_t reply_gone;                     /* replays answered "ran, reply no longer kept" */
    uint64_t refused_by[SEMEL_REASON_COUNT]; /* requests refused, by reason */
    uint64_t receipts;                       /* RECEIPT frames sent; each acknowledges one oneway or many: */
    uint64_t oneways_acknowledged;           /* oneways that they name, replays included */
    uint64_t datagrams;                      /* that came, right or wrong; of these: */
    uint64_t datagrams_dropped_by[SEMEL_REASON_COUNT]; /* not run, by reason */
    uint64_t waited;                                   /* requests that had to wait for their turn; of these: */
    uint64_t expired_waiting;                          /* refused, since their deadline passed before it came */
    uint64_t outwaited;                     /* refused as OVERLOADED, since it did not come in time */
    uint64_t cancelled_waiting;             /* taken back by their clients */
    uint64_t vanished_waiting;              /* gone with their connections; their clients send them again */
    uint64_t accepted;                      /* connections accepted by the kernel */
    uint64_t welcomed;                      /* of these, sessions welcomed */
    uint64_t resumed;                       /* of these, RESUMED */
    uint64_t closed_by[SEMEL_REASON_COUNT]; /* connections closed, by reason */
    uint64_t sessions_expired;
    uint64_t bytes_in;
    uint64_t bytes_out;
    uint64_t reads;
    uint64_t writes;
    uint32_t connections; /* gauges: */
    uint32_t sessions;
    uint32_t running;       /* requests whose handler has not finished */
    uint32_t running_limit; /* how many may run at once now (MaxRunning, AdaptiveLimit); 0: any number */
    uint32_t queued;        /* requests that wait for their turn */
    uint32_t queued_most;   /* the most that ever waited */
    uint64_t queued_bytes;
    uint64_t kept_replies;
    uint64_t kept_bytes;
    uint64_t commits; /* counters of a durable store: batches, and their bytes */
    uint64_t committed_bytes;
    bool inactive; /* a commit has failed: what must be remembered is refused as INACTIVE until a restart */
};

/* Copies the counters.  Any thread. */
void semel_server_get_stats(const semel_server *server, struct semel_server_stats *ret_stats);

#ifdef __cplusplus
}
#endif
#endif
