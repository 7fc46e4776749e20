/* What the server's first words mean for a channel: it is connected, and the calls that were held get their verdict.
 *
 * Reads best next: greeting.c; dial.c, which says HELLO. */
#ifndef CLIENT_GREETING_H
#define CLIENT_GREETING_H

#include "client/channel.h"

/* WELCOME, for the wire the channel has just taken: the calls that wait are judged, or recovered first.  told: the
 * table of calls back that HELLO told of. */
void greeting_welcome(semel_channel *channel, const struct welcome *welcome, bool resumed, uint32_t told);

/* The part of it that concerns calls.  window: what the other end grants. */
void greeting_begin(semel_channel *channel, enum retry_verdict verdict, uint32_t window);

/* The verdict for every call that waits: each learns its fate. */
void greeting_settle(semel_channel *channel, enum retry_verdict verdict);

/* REFUSE: the server at this endpoint will not have this connection, or no longer. */
void greeting_refused(semel_channel *channel, struct wire *wire, const char *endpoint,
                      const struct frame *frame);

#endif
