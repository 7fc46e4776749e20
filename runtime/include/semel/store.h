/* Transactions with the durable store: a handler whose own state is committed together with the fact that it ran.
 *
 * A method that says option (semel.method) = { transactional: true } has its handler run within a transaction of the
 * server's store ("lmdb:PATH").  What the handler writes there and the record that the request has run are committed
 * at once, with those of all requests of the moment; then the reply goes out.  After a crash both are there or neither
 * is, and the client's replay runs what is not: each call has its effect exactly once.
 *
 * For that a handler keeps three rules.  All its effects are in the transaction: whatever else it does may happen
 * more than once, or without effect; semel_request_when_committed is the place for it.  It finishes at once:
 * PENDING is answered as INTERNAL, and undone.  It neither commits nor aborts the transaction: returning OK keeps
 * what it wrote, any other code, or a refusal, undoes it.
 *
 * Include lmdb.h for what can be done with a transaction.  Reads best next: semel/request.h. */
#ifndef SEMEL_STORE_H
#define SEMEL_STORE_H

#include <semel/request.h>
#include <semel/server.h>

#ifdef __cplusplus
extern "C" {
#endif

struct MDB_env;
struct MDB_txn;

/* The environment of the server's store, to open databases of one's own in it: up to 64, by names that do not begin
 * with "semel.".  NULL: the store has none ("memory").  Owned by the server; it ends with it, as do its databases.
 * A write transaction of one's own may only be begun outside of handlers of transactional methods, on the node's thread
 * and ended before returning to it (the server waits for it otherwise); read transactions anywhere. */
struct MDB_env *semel_server_environment(const semel_server *server);

/* Serves transactional methods without a transaction, though they ask for one: they are at-most-once then
 * (idempotent ones idempotent), no more, and their handlers find semel_request_transaction to be NULL.  Without
 * this, a service with such methods can not be added to a server whose store has no transactions.  For programs
 * that keep their state elsewhere when the store is "memory", or that have handlers which must be PENDING.  Before
 * the services are added; not taken back. */
void semel_server_waive_transactions(semel_server *server);

/* The transaction this request's handler is in, to be used until it returns; NULL: in none.  On the node's thread. */
struct MDB_txn *semel_request_transaction(const semel_request *request);

/* committed: the request's end is there to stay, and with OK what its handler wrote; false: neither is (it was
 * refused, the commit failed), or nobody knows. */
typedef void semel_committed_fn(bool committed, void *user);

/* Calls fn once when the fate of this request is known, before its reply goes out, on the node's thread: the place
 * for effects outside of its transaction.  A crash between the commit and fn loses the call: what must not be lost
 * is written in the transaction, too, and looked for after a restart.  fn closes neither the server nor its node, as
 * a handler must not (asserted; semel_server_drain and semel_node_stop are fine), and begins no write transaction: told
 * false, that of other handlers may be open.  Inside a handler that has a transaction (else false is returned, and
 * nothing is called); once a request. */
bool semel_request_when_committed(semel_request *request, semel_committed_fn *fn, void *user);

#ifdef __cplusplus
}
#endif
#endif
