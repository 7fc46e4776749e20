/* Idleness: a channel that is asked for nothing leaves its connection, and nobody notices.
 *
 * It must not know frames.  Reads best next: channel.h, idle.c. */
#ifndef CLIENT_IDLE_H
#define CLIENT_IDLE_H

#include "core/timers.h"

struct semel_channel;

struct idle {
    int64_t timeout_ns; /* 0: never */
    int64_t since_ns;   /* of use while no call is outstanding */
    struct timer timer; /* runs while there may be something to leave */
};

void idle_init(struct semel_channel *channel);
/* The channel closes. */
void idle_stop(struct semel_channel *channel);

/* Nothing is asked for from now on, as far as is known: no call is outstanding, or the connection is new.  Called at
 * the end of the last call, so it is cheap. */
void idle_begin(struct semel_channel *channel);

/* A connection is needed: does not wait for the end of one that is being left, on which no call can be. */
void idle_over(struct semel_channel *channel);

#endif
