/* A dial: one connection being made, from the first packet to the server's verdict.  WELCOME hands its wire over to the
 * channel; anything else ends it, and the round it belongs to is told.
 *
 * It must not know calls, nor which address comes next.  Reads best next: dial.c, round.h. */
#ifndef CLIENT_DIAL_H
#define CLIENT_DIAL_H

#include <semel/channel.h>

#include "net/transport.h"
#include "net/wire.h"

struct dial {
    struct dial *next; /* of those of its round that are in progress */
    semel_channel *channel;
    size_t endpoint; /* of the channel, as an index */
    struct endpoint address;
    uint64_t attempt; /* what HELLO says */
    uint32_t told;    /* in HELLO: the table of calls back */
    struct wire *wire;
};

/* Begins to connect to an address of an endpoint, which is copied.  The verdict comes later: reconnector_connected, or
 * reconnector_dial_failed.  NULL: it has failed already, for this reason. */
struct dial *dial_start(semel_channel *channel, size_t endpoint, const struct endpoint *address,
                        uint64_t attempt, enum semel_reason *ret_reason, int *ret_os_error);

/* Gives it up without a word, whatever it has come to. */
void dial_cancel(struct dial *dial);

#endif
