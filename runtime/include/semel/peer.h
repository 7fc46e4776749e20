/* Calls back: a server calls services of its client over the connection that the client has made.  It needs no address
 * of the client, and no way through the NAT or firewall before it.
 *
 *   on the client   semel_channel_serve: a semel_server, which needs no listener, answers what comes over a channel
 *   on the server   semel_request_peer in a handler, then semel_channel_open_peer: a channel to that client
 *
 * The rules are the same as in the other direction: an operation that is not idempotent never runs twice, and every
 * failure says whether it ran.  The client remembers what it ran for as long as its session lasts at this life of the
 * server; when that ends (the client's or the server's process, the lease, another server of the channel), calls back
 * that were written and not answered end UNKNOWN.
 *
 * Reads best next: examples/call-back. */
#ifndef SEMEL_PEER_H
#define SEMEL_PEER_H

#include <semel/channel.h>
#include <semel/request.h>
#include <semel/server.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The client behind a session, as its server knows it. */
typedef struct semel_peer semel_peer;

/* Serves the requests that come over this channel's connections with the services, limits and handlers of a server on
 * the same node, which may have listeners too, and may serve other channels.  From now on the channel connects by
 * itself, and again whenever it has lost its connection, as with Connect=eager (ReconnectInitial, ReconnectMax): a
 * server can only call who is there.  A connection that exists is left in good order, since the server was not told
 * on it.  Ends when one of the two is closed: closing the server cuts the connection, draining it refuses new calls
 * back.  Any thread.
 *
 * Handlers run on the node's thread, also while a recovery function (semel/recovery.h) holds calls back: what is called
 * back then must not wait for those.  A handler must not close the channel it is called over.
 *
 * Errors: ALREADY_EXISTS (the channel is served), FAILED_PRECONDITION (it is one that semel_channel_open_peer gave; the
 * server drains), INVALID_ARGUMENT (they are of different nodes), RESOURCE_EXHAUSTED. */
enum semel_code semel_channel_serve(semel_channel *channel, semel_server *server);

/* Who made a request.  Belongs to the server: valid in this call of the handler, or in this callback, only; open a
 * channel to keep.  NULL: its session is over, there is no memory, or the request is itself a call back (then the
 * channel that is served is the way back).  On the node's thread, while the request is not finished. */
semel_peer *semel_request_peer(semel_request *request);

/* Opens a channel to a client.  name as in semel_channel_open.  *ret_channel is set on success only.
 *
 * There is one such channel a session: opened again, it is the same one, and each open wants its own close.  It may
 * outlive the session: when that is forgotten, or displaced by a restarted node, what was written ends by R4, the rest
 * NOT_EXECUTED, and once it is forgotten new calls are refused (PEER_GONE).  A client that serves nothing is called in
 * vain: UNIMPLEMENTED, NOT_SERVED, not executed.
 *
 * Nobody can dial a client: while it is away, calls wait for it.  ConnectTimeout is how long one attempt waits before
 * it has failed (PEER_AWAY).  Breakers, and whatever chooses between endpoints, do not apply.
 *
 * Closing the channel ends its calls and leaves the connection alone; in a callback of its calls that is allowed, too,
 * and the others end with the turn of the loop.  Callbacks of its calls must not close the server.  A handler must use
 * the asynchronous stub, return SEMEL_PENDING, and finish its request in the callback; in other threads, synchronous
 * stubs work as well.
 *
 * On the node's thread.  Errors: INVALID_ARGUMENT (name, another node), ALREADY_EXISTS (it is open under another name),
 * FAILED_PRECONDITION (another thread; it is being closed), RESOURCE_EXHAUSTED. */
enum semel_code semel_channel_open_peer(semel_node *node, const char *name, semel_peer *peer,
                                        semel_channel **ret_channel, semel_status *ret_status);

#ifdef __cplusplus
}
#endif
#endif
