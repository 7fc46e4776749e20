/* The peer of a session: the lane through which the server's handlers call their client back.  Made when it is first
 * asked for, forgotten with the session.
 *
 * All functions accept a session whose peer nobody has asked for.  They may run callbacks of the calls back; a session
 * outlives these, a connection may not.
 *
 * It must not know calls.  Reads best next: semel/peer.h, net/lane.h, peer.c. */
#ifndef SERVER_PEER_H
#define SERVER_PEER_H

#include "server/connection.h"

/* WELCOME is on its way.  resumed: the client still has the table that saw what was written. */
void peer_attach(struct session *session, bool resumed);
/* The connection is gone. */
void peer_detach(struct session *session, enum semel_reason reason, int os_error);
/* Another life of the client's node has taken its place. */
void peer_expel(struct session *session);
/* The session is about to be forgotten. */
void peer_forget(struct session *session);

/* A REPLY or RECEIPT has come.  May close the connection. */
void peer_answered(struct connection *connection, const struct frame *frame);

/* For frames on the session's connection: whether it is a call back's.  The send queue has sent or dropped it. */
bool peer_sent(struct session *session, struct outgoing *out);
bool peer_dropped(struct session *session, struct outgoing *out);
/* Calls back, and the wire's own frames, carry the ack floor. */
void peer_stamp(struct session *session, struct outgoing *out);

/* The connection is to be closed: nothing new goes out.  Returns whether a call back is still under way on it. */
bool peer_part(struct session *session);

#endif
