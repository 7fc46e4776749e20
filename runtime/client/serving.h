/* Serving: what a channel does for a server that answers calls back over its connections.  The server is the guest of
 * the channel's lane; here its connections come and go, and it is told to the other end in HELLO.
 *
 * It must not know servers.  Reads best next: net/lane.h, serving.c. */
#ifndef CLIENT_SERVING_H
#define CLIENT_SERVING_H

#include "core/handshake.h"
#include "net/lane.h"

struct serving {
    struct lane lane;
    uint32_t table; /* guests so far: each has a table of its own, and remembers nothing of the ones before */
    uint32_t told;  /* the table that HELLO told of on the live wire; 0: none, or there is no wire */
    struct loop_task cut; /* the guest has left a wire on which it was granted: the wire goes */
};

void serving_init(semel_channel *channel);
/* The channel closes: so does its guest's connection. */
void serving_stop(semel_channel *channel);

/* Whether it has to be reachable. */
static inline bool serving_is_on(const struct serving *serving)
{
    return serving->lane.guest != NULL;
}

/* What HELLO tells of it. */
void serving_tell(const struct serving *serving, struct hello *hello);

/* Whether, by this WELCOME, the server may replay what it wrote before.  To be asked before the channel notes it. */
bool serving_resumes(const semel_channel *channel, const struct welcome *welcome, bool resumed);
/* The channel has a wire, on which HELLO told of this table. */
void serving_attach(semel_channel *channel, uint32_t told, bool resumes);
/* It has lost it. */
void serving_detach(semel_channel *channel, enum semel_reason reason, int os_error);
/* Leaves a connection on which the server was not told, or was told of a guest that has left since. */
void serving_check(semel_channel *channel);

/* A REQUEST, or a frame that carries the server's ack floor.  May fail the wire, or run a handler. */
void serving_frame(semel_channel *channel, const struct frame *frame);

/* Whether it is a frame of the guest. */
static inline bool serving_owns(const struct outgoing *out)
{
    enum frame_type type = frame_type_of(out->bytes);
    return type == FRAME_REPLY || type == FRAME_RECEIPT;
}
void serving_sent(semel_channel *channel, struct outgoing *out);
/* What is queued is about to be written. */
void serving_writing(semel_channel *channel);

#endif
