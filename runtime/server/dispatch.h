/* Dispatch: from a REQUEST frame to the handler and back to a REPLY frame.
 *
 * Reads best next: dispatch.c, admission.h, core/dedup.h. */
#ifndef SERVER_DISPATCH_H
#define SERVER_DISPATCH_H

#include "core/frame.h"
#include "server/connection.h"

/* A REQUEST has come. */
void dispatch_request(struct connection *connection, const struct frame *frame);
/* One that had to wait has its turn.  deadline_ns: 0: none.  late: why it is not to run any more (EXPIRED, OVERLOADED);
 * NONE: it may. */
void dispatch_queued(struct connection *connection, const struct frame *frame, int64_t deadline_ns,
                     enum semel_reason late);
/* A verified datagram.  NONE: its handler was called; otherwise why it was not. */
enum semel_reason dispatch_datagram(struct semel_server *server, const struct frame *frame);
void dispatch_cancel(struct connection *connection, const struct frame *frame);

/* ---- the steps of a request that is admitted, for those that take them later (ledger.c, transact.c) ---- */

struct semel_request;

/* Its session; NULL: nobody asks for it any more. */
struct session *dispatch_session_of(const struct semel_request *request);
/* Runs it to its reply, or until it is pending. */
void dispatch_start(struct semel_server *server, struct semel_request *request);
/* Only calls its handler; returns what that said. */
enum semel_code dispatch_call_handler(struct semel_server *server, struct semel_request *request);
/* What the handler said becomes a result.  Not PENDING. */
void dispatch_take_code(struct semel_server *server, struct semel_request *request, enum semel_code code);
/* The handler will finish it later. */
void dispatch_let_pend(struct semel_request *request);
/* Puts the reply into its final form: an OK with its message, or a text. */
void dispatch_seal_reply(struct semel_server *server, struct semel_request *request);
/* Whether its end with this code may be told on the connection that its session has now: it is the same for every
 * replay, or was asked for there.  To be asked before its record is finished. */
bool dispatch_may_tell(const struct semel_request *request, enum semel_code code);
/* Sends a reply on the newest connection of its session, if it may be told there; if not, or if there is none, the
 * client will come and ask for it. */
void dispatch_hand_over(struct session *session, struct reply *reply, bool may_tell);
/* The result counts: records it, sends it, frees the request. */
void dispatch_conclude(struct semel_server *server, struct semel_request *request);
/* It ends without a result, and its record is no longer its own: frees it, and tells its session why (NULL: nobody). */
void dispatch_drop(struct semel_server *server, struct semel_request *request, struct session *session,
                   enum semel_reason reason, enum semel_outcome outcome);

#endif
