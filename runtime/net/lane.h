/* A lane: the reverse direction of a session.  Its host has the connections: a channel on the client, a session on the
 * server.  Its guest uses them to talk the other way: on the client a server, which answers calls back; on the server a
 * channel, which makes them.  So a lane outlives connections; it is attached to one after the other.
 *
 * This is all that channels and servers know of each other, and nothing of it crosses the wire.  All on the node's
 * thread.  Reads best next: client/serving.c and server/carried.c, then server/peer.c and client/back.c. */
#ifndef NET_LANE_H
#define NET_LANE_H

#include <semel/peer.h>

#include "net/node.h"

struct lane;

/* What the guest is told. */
struct lane_guest {
    /* There is a connection (lane->wire), beyond WELCOME.  resumed: who has what the other end remembers agree. */
    void (*attached)(struct lane *lane, bool resumed);
    /* It is gone; the guest's frames on it have been dropped.  lane->wire is NULL. */
    void (*detached)(struct lane *lane, enum semel_reason reason, int os_error);
    /* A frame of the reverse direction.  May fail the wire; the last that is done with this frame. */
    void (*frame)(struct lane *lane, const struct frame *frame);
    /* A frame of the guest was taken whole, or will not go out (told of requests only: a reply needs no owner). */
    void (*sent)(struct lane *lane, struct outgoing *out);
    void (*dropped)(struct lane *lane, struct outgoing *out);
    /* What is queued is about to be written, and may be added to.  Only on a client. */
    void (*writing)(struct lane *lane);
    /* Last words for the header of a frame that is the guest's, or the wire's own and carries its ack floor.  Only on a
     * server, as is the next. */
    void (*stamp)(struct lane *lane, struct outgoing *out);
    /* Nothing new goes out on this connection, which is to be closed.  Returns whether something is still under way. */
    bool (*part)(struct lane *lane);
    /* The session counts no longer: what may have run stays unknown, the rest does not run.  gone: nor will it ever,
     * and the lane is not to be touched again.  Callbacks come later, never in here. */
    void (*ended)(struct lane *lane, bool gone);
};

/* What the host is told.  NULL: it need not be. */
struct lane_host {
    /* A guest has come; it is attached already if there was a connection for it. */
    void (*entered)(struct lane *lane);
    /* It has left, and nothing of it is on the wire but replies, which need no owner. */
    void (*left)(struct lane *lane);
    /* A call of it has ended: a connection that parts may be complete. */
    void (*settle)(struct lane *lane);
};

struct lane {
    semel_node *node;
    const struct lane_host *host;
    const struct lane_guest *guest; /* NULL: there is none */
    void *user;                     /* the guest's */
    struct wire *wire;              /* attached to, or NULL */
    uint64_t connection;            /* its number */
    uint32_t window;                /* how many calls back the client takes; 0: it serves none */
};

/* The other end of a session, as handlers on the server know it. */
struct semel_peer {
    struct lane lane;
};

void lane_init(struct lane *lane, semel_node *node, const struct lane_host *host);

/* The guest's: comes to a lane that has none (asserted), and leaves it. */
void lane_enter(struct lane *lane, const struct lane_guest *guest, void *user);
void lane_leave(struct lane *lane);

/* The host's.  Attaching notes the wire for a guest that comes later. */
void lane_attach(struct lane *lane, struct wire *wire, uint64_t connection, bool resumed);
/* Not attached is fine. */
void lane_detach(struct lane *lane, enum semel_reason reason, int os_error);
/* There is a guest, and no wire (asserted). */
void lane_end(struct lane *lane, bool gone);

#endif
