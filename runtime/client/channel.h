/* A channel: session, outbox, and at most one wire.
 *
 * Reads best next: channel.c, reconnector.h. */
#ifndef CLIENT_CHANNEL_H
#define CLIENT_CHANNEL_H

#include <semel/channel.h>

#include "client/call.h"
#include "client/idle.h"
#include "client/reconnector.h"
#include "client/recovery.h"
#include "client/serving.h"
#include "client/state.h"
#include "core/budget.h"
#include "core/handshake.h"
#include "core/pool.h"
#include "net/node.h"

struct policy_entry {
    const struct semel_method *method;
    struct policy *policy; /* a reference */
};

/* A round, or a connection, that failed, for the calls that waited for it. */
struct channel_round {
    struct call_failure failure;
    const char *endpoint; /* the last one tried */
};

struct semel_channel {
    struct node_member member;
    semel_node *node;
    char *name; /* or NULL */
    bool closing;
    uint32_t callbacks;  /* user callbacks that are being run: closing inside one would pull the ground away */
    semel_loss_fn *loss; /* told of oneways that nobody else is told of; may be NULL */
    void *loss_user;

    /* identity */
    struct id session;
    uint64_t attempt; /* connection attempts, counted upward */
    struct id last_domain;
    uint64_t last_incarnation;
    uint64_t last_connection;
    enum retry_verdict
        unsettled; /* the worst one by which not all held calls have been judged; NO_VERDICT: none */

    struct outbox outbox;
    struct pool calls;
    struct policy_entry *policies; /* resolved once a method, and anew after a reload of the properties */
    size_t policy_count;
    uint64_t policy_generation;
    const struct semel_method *last_method; /* the policy used last */
    struct policy *last_policy;
    struct policy *once_policy; /* of further attempts: no retries; NULL until needed */
    struct pool own_policies;   /* of calls with options */
    struct budget budget;       /* of retries */
    semel_channel **beside;     /* by endpoint: where further attempts go; NULL until needed */
    bool is_beside;             /* it is such a channel, of no node but of its channel */
    struct back *back;          /* its connections are those of a session; NULL: it dials */
    void *reply_scratch;        /* where replies of asynchronous calls are decoded */
    size_t reply_scratch_size;

    struct datagrams *datagrams; /* in place of connections; NULL: streams */
    struct reconnector reconnector;
    struct recovery recovery;
    struct serving serving;
    struct state state;
    struct wire *wire;    /* live, or NULL */
    const char *endpoint; /* of wire */
    uint64_t connection;  /* its number, 0: none */
    bool parting;         /* the server drains: answers come, requests no longer go */
    bool idling;          /* parting, since nothing was asked for */
    uint32_t stays;       /* reasons to be connected always: Connect=eager, it serves calls back */
    struct idle idle;
    bool left; /* parting, and attempts were given up there: nobody waits for their answers */
    struct wire_counters counters;
    struct channel_flush *flushes; /* those who wait for silence */

    /* properties */
    int64_t heartbeat_ms;
    int64_t frame_limit;
    int64_t connect_timeout_ns;
    int64_t slow_ns;
    int64_t trace_retry;

    struct semel_channel_stats stats;
};

/* Calls fn for every call that has not ended, in seq order; fn may end it.  Calls that are started meanwhile are left
 * out. */
void channel_each_call(semel_channel *channel, void (*fn)(struct call *call, const void *arg), const void *arg);

/* A call wants to go out: moves it along, or sees to a connection. */
void channel_kick(semel_channel *channel);

/* Its node closes, and takes it along. */
void channel_on_node_closes(struct node_member *member);

/* A call has ended: the window may have moved, or someone waits for silence. */
void channel_call_ended(semel_channel *channel);

/* The policy of a method, resolved at its first use.  NULL: no memory. */
struct policy *channel_policy(semel_channel *channel, const struct semel_method *method);

/* New calls resolve theirs anew. */
void channel_forget_policies(semel_channel *channel);

/* The policy of a call that is tried once.  NULL: no memory. */
struct policy *channel_once_policy(semel_channel *channel);

/* Where the n-th further attempt of a call goes (from 0): to the endpoints after the present one, in turn; with one
 * endpoint, to the channel itself.  NULL: no memory. */
semel_channel *channel_beside(semel_channel *channel, uint32_t n);

/* Whether the server it is connected to takes a frame of this size; not connected: not known, so yes. */
bool channel_takes(const semel_channel *channel, size_t frame_size);

/* Room for a decoded reply of this size, valid until the next call of this function.  NULL: no memory. */
void *channel_reply_scratch(semel_channel *channel, size_t size);

/* Leaves the connection in good order (GOAWAY, or a hint to another replica): what was not started waits for the next
 * one; what was is finished and answered, then the server closes. */
void channel_part(semel_channel *channel);

/* The part of it that concerns this side: nothing new goes out on this connection. */
void channel_stop(semel_channel *channel);
/* Whether a call is under way on the connection. */
bool channel_is_in_use(const semel_channel *channel);

/* The same for the sake of a call that has given an attempt up: its server, which may be stuck, is asked to stop and
 * waited for no longer than others need its answers. */
void channel_leave(semel_channel *channel, struct call *call);

/* Asks the server to stop a call that was written. */
void channel_send_cancel(semel_channel *channel, struct call *call);

/* A dial to an endpoint (its URI; borrowed) has brought WELCOME: its wire is the channel's from now on, and
 * greeting_welcome is next. */
void channel_take_wire(semel_channel *channel, struct wire *wire, const char *endpoint);

/* Whether calls wait for the verdict of a server on what they have written, and would not survive that of another. */
bool channel_wants_verdict(const semel_channel *channel);

/* The connection is gone, and the wire with it: what was on it has failed one attempt. */
void channel_lost(semel_channel *channel, enum semel_reason reason, int os_error);

/* A REPLY has come.  One that nobody asked for fails the wire. */
void channel_reply(semel_channel *channel, const struct frame *frame);
/* The same for a RECEIPT. */
void channel_receipt(semel_channel *channel, const struct frame *frame);

/* Last words for the header of a REQUEST, and of the wire's own frames that carry the ack floor. */
void channel_stamp(semel_channel *channel, struct outgoing *out);

/* Every call that waits, and whose time to try has come, has failed one attempt. */
void channel_fail_waiting(semel_channel *channel, const struct channel_round *round);

/* A whole round over all endpoints has failed: every call that waited for it is told. */
void channel_round_failed(semel_channel *channel, enum semel_reason reason, int os_error, const char *endpoint);

/* A channel that belongs to nobody yet.  Takes the endpoints over on success.  NULL: no memory. */
semel_channel *channel_create(semel_node *node, const char *name, struct endpoint *endpoints, size_t count);
/* The last user of a channel back has closed it: its calls end, and it goes, or stays with its session. */
void channel_close_back(semel_channel *channel);
/* No call is left. */
void channel_free(semel_channel *channel);
/* One that was closed, and kept by its session, is opened again under this name.  false: no memory. */
bool channel_revive(semel_channel *channel, const char *name);
/* Whether a channel may have this name. */
bool channel_may_be_called(const char *name);

static inline struct loop *channel_loop(semel_channel *channel)
{
    return &channel->node->loop;
}

#endif
