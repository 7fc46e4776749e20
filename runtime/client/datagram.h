/* The datagrams of a channel: its calls leave one by one, and end when they are handed to the network.
 *
 * A channel with an udp: endpoint has this in place of connections.  Its calls are in the outbox like those of others,
 * so that they are counted, cancelled, timed out and waited for alike; but there is no session, no receipt, no retry.
 *
 * Reads best next: datagram.c, core/datagram.h. */
#ifndef CLIENT_DATAGRAM_H
#define CLIENT_DATAGRAM_H

#include <semel/channel.h>

#include "net/transport.h"

struct datagrams;

/* endpoints: the addresses of one URI, borrowed; one that refuses is left for the next.  NULL: no memory. */
struct datagrams *datagrams_create(semel_channel *channel, const struct endpoint *endpoints, size_t count);
/* Accepts NULL.  No call is left. */
void datagrams_destroy(struct datagrams *datagrams);

/* A call was started: it leaves at the end of the turn. */
void datagrams_kick(struct datagrams *datagrams);

/* Whether a list of endpoints is one that a channel can have: streams, or one URI of datagrams.  Sets what is wrong. */
bool datagrams_allow(const struct endpoint *endpoints, size_t count, semel_status *ret_status);

#endif
