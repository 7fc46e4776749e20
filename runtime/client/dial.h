/* A dial: one connection being made, from the first packet to the server's verdict.  WELCOME hands its wire over to the
 * channel; anything else ends it, and the reconnector is told.
 *
 * It must not know calls, nor which endpoint comes next.  Reads best next: dial.c, reconnector.h. */
#ifndef CLIENT_DIAL_H
#define CLIENT_DIAL_H

#include <semel/channel.h>

#include "net/transport.h"

struct dial;

/* Begins to connect to an endpoint (borrowed, until the dial ends) under an attempt number, which HELLO will carry.
 * The verdict comes later: reconnector_connected or reconnector_dial_failed.  NULL: it has failed already, for this
 * reason. */
struct dial *dial_start(semel_channel *channel, const struct endpoint *endpoint, uint64_t attempt,
                        enum semel_reason *ret_reason, int *ret_os_error);

/* Gives it up without a word, whatever it has come to.  Accepts NULL. */
void dial_cancel(struct dial *dial);

#endif
