/* Flushing: callers who wait until a channel has no call outstanding.
 *
 * It must not know what calls do.  Reads best next: flush.c. */
#ifndef CLIENT_FLUSH_H
#define CLIENT_FLUSH_H

#include <semel/channel.h>

/* The channel is silent, or closes: nobody waits any longer. */
void flush_end(semel_channel *channel);

#endif
