/* A carried connection: a server serves what comes over somebody else's wire, that of a channel of the same node.  It
 * has a session of its own, which no HELLO finds, and which lasts as long as the channel: whether what it remembers
 * counts on the next wire is the word of the other end.
 *
 * It must not know channels.  Reads best next: net/lane.h, carried.c. */
#ifndef SERVER_CARRIED_H
#define SERVER_CARRIED_H

#include "net/node.h"
#include "server/connection.h"

struct carried;

/* The server's answer to semel_channel_serve: becomes the guest of this lane. */
enum semel_code carried_open(struct node_member *server, struct lane *lane);
/* Leaves the lane: the server closes. */
void carried_close(struct carried *carried);

/* Whether one of the server's carried connections has requests that run or wait. */
bool carried_any_busy(const struct semel_server *server);

#endif
