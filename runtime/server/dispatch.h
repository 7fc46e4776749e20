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

#endif
