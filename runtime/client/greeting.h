/* The client's side of the handshake: HELLO out, WELCOME or REFUSE in, and the verdict for the calls that were held.
 *
 * Reads best next: greeting.c. */
#ifndef CLIENT_GREETING_H
#define CLIENT_GREETING_H

#include "client/channel.h"

/* Says HELLO on a wire that has just connected. */
void greeting_hello(semel_channel *channel);

/* WELCOME: the channel is connected; the calls that wait are judged, or recovered first. */
void greeting_welcome(semel_channel *channel, const struct frame *frame);

/* The verdict for every call that waits: each learns its fate. */
void greeting_settle(semel_channel *channel, enum retry_verdict verdict);

/* REFUSE: the server will not have this connection. */
void greeting_refused(semel_channel *channel, const struct frame *frame);

#endif
