/* One direction of one connection: carries bytes from a socket to another and misbehaves when its schedule
 * says so. It must not know: the other direction, listeners, or how a connection is cut; it only asks for a
 * cut. Reads best next: proxy.h, which joins two flows to a connection. */
#ifndef CUTTER_FLOW_H
#define CUTTER_FLOW_H

#include <stddef.h>

#include <ev.h>

#include "schedule.h"

/* What the user asked for; read by all connections. */
struct plan {
    uint64_t seed;
    uint64_t mean[FAULT_COUNT]; /* bytes between faults, 0: never */
    uint64_t early_percent;     /* connections cut within their first EARLY_BYTES */
    uint64_t cut_after_bytes;   /* each connection once, at exactly this byte; 0: not */
    uint64_t max_cuts;          /* of the whole run */
    uint64_t stall_ms;
    uint64_t endless_percent; /* stalls that end only with the connection */
    uint64_t endless_ms;      /* ... which is then cut after so long, lest a test wait for ever */
    uint64_t trickle_bytes;   /* mean length of a trickle */
    uint64_t trickle_ms;      /* between two of its bytes */
    bool faulty[2];           /* directions that may misbehave, by enum way */
    bool no_reset;
    bool no_one_way;
};

enum way { WAY_UP, WAY_DOWN }; /* from the client to the server, and back */

struct counters {
    uint64_t connections;
    uint64_t refused; /* the server could not be reached */
    uint64_t cuts;
    uint64_t cuts_closed;  /* of these: both sides closed in good order */
    uint64_t cuts_reset;   /* of these: both sides reset */
    uint64_t cuts_one_way; /* of these: one direction fell silent first, the other went on for a while */
    uint64_t stalls;
    uint64_t trickles;
    uint64_t corruptions;
    uint64_t bytes[2]; /* forwarded, by enum way */
};

/* Small, so that a full receiver is felt by the sender soon, as it would be without a proxy. */
enum { FLOW_BUFFER_BYTES = 16384, EARLY_BYTES = 256 };

enum flow_event {
    FLOW_CUT,      /* the schedule says: cut here.  All bytes before it have been sent */
    FLOW_FINISHED, /* the sender's end has been passed on */
    FLOW_BROKEN    /* a socket failed */
};

struct flow;
/* Called at most once an input/output event.  The flow may be stopped in it. */
typedef void flow_event_fn(struct flow *flow, enum flow_event event, void *user);

struct flow {
    struct ev_loop *loop;
    const struct plan *plan;
    struct counters *counters;
    enum way way;
    struct schedule schedule;
    ev_io readable; /* the socket the bytes come from */
    ev_io writable; /* the socket the bytes go to */
    ev_timer pause; /* active: nothing is sent */
    bool endless;   /* the pause ends with a cut */
    bool silent;    /* what comes is read and dropped */
    bool ended;     /* the sender has finished, or failed */
    bool failed;    /* ... it has failed */
    bool done;      /* told FLOW_FINISHED */
    uint64_t trickle_left;
    size_t start; /* buffer[start .. start + count) waits to be sent */
    size_t count;
    uint8_t buffer[FLOW_BUFFER_BYTES];
    flow_event_fn *event;
    void *user;
};

/* Prepares a flow; from and to are not blocking and stay the caller's.  stream: see schedule_init.  The
 * caller has set loop, plan and counters. */
void flow_init(struct flow *flow, enum way way, int from, int to, uint64_t stream, flow_event_fn *event,
               void *user);
/* Begins to carry; no event comes before this has returned. */
void flow_start(struct flow *flow);
/* Stops all watchers.  May be called several times, also from the event callback. */
void flow_stop(struct flow *flow);
/* From now on drops what is buffered and what comes. */
void flow_silence(struct flow *flow);

#endif
