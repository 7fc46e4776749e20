/* Dispatch: from a REQUEST frame to the handler and back to a REPLY frame.
 *
 * Reads best next: dispatch.c, core/dedup.h. */
#ifndef SERVER_DISPATCH_H
#define SERVER_DISPATCH_H

#include "core/frame.h"
#include "server/connection.h"

void dispatch_request(struct connection *connection, const struct frame *frame);
void dispatch_cancel(struct connection *connection, const struct frame *frame);

#endif
