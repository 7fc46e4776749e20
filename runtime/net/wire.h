/* A wire: one stream with a link on top.  It reads bytes and hands on verified frames; it gathers the frames of a loop
 * turn into one system call; it finds out when the peer is silent, slow or gone.
 *
 * It must not know sessions, calls or requests.  Reads best next: client/channel.c, server/session.c. */
#ifndef NET_WIRE_H
#define NET_WIRE_H

#include "core/link.h"
#include "core/reply.h"
#include "core/sendq.h"
#include "net/loop.h"
#include "net/transport.h"

/* Order in the send queue: the wire's own frames go first or last, its owner's between. */
#define WIRE_ORDER_FIRST UINT64_C(0)
#define WIRE_ORDER_LAST UINT64_MAX

struct wire;

/* What a wire tells its owner, from the loop.  Inside connected and frame the owner may close, fail or destroy it. */
struct wire_events {
    /* The stream is connected (dialled wires only).  May send, may close. */
    void (*connected)(struct wire *wire);
    /* A verified frame that the link allows.  Its body is valid during the call.  PING and PONG are shown too (for
     * their ack floor), but answered by the wire. */
    void (*frame)(struct wire *wire, const struct frame *frame);
    /* Closed for this reason; exactly once, and not after wire_close. */
    void (*lost)(struct wire *wire, enum semel_reason reason, int os_error);
    /* One of the owner's frames was taken whole by the transport. */
    void (*sent)(struct wire *wire, struct outgoing *out);
    /* One of the owner's frames will not go out: the wire closes.  May be called inside wire_close. */
    void (*dropped)(struct wire *wire, struct outgoing *out);
    /* What is queued is about to be written: the owner may add to it, or close.  May be NULL. */
    void (*writing)(struct wire *wire);
    /* Last words for a frame's header before it is sealed, the wire's own frames included.  May be NULL. */
    void (*stamp)(struct wire *wire, struct outgoing *out);
    /* Whether an answer is still owed; asked now and then after wire_await.  May be NULL for who never calls that. */
    bool (*awaits)(struct wire *wire);
};

struct wire_limits {
    int64_t handshake_ns; /* from the start of the wire to link_open */
    int64_t slow_ns;      /* how long unsent bytes may stand still */
    uint64_t send_limit;  /* unsent bytes above which nothing more is read from the peer */
};

struct wire_counters {
    uint64_t bytes_in;
    uint64_t bytes_out;
    uint64_t frames_in;
    uint64_t frames_out;
    uint64_t reads;
    uint64_t writes;
};

/* What the wires of a node share. */
struct wire_room {
    struct loop *loop;
    struct pool control_pool; /* small frames, replies too */
    uint8_t *scratch;         /* most frames are parsed here and never copied */
    size_t scratch_size;
    uint8_t *gather; /* small frames are copied together, so that a write has few parts */
};

struct wire {
    struct wire_room *room;
    const struct wire_events *events;
    const struct transport *transport;
    struct wire_limits limits;
    struct wire_counters *counters; /* the owner's */
    void *owner;
    int fd; /* -1: closed */
    bool dialling;
    bool paused; /* not read: too much is unsent */
    bool deaf;   /* the peer takes no more bytes, but what it sent before may still be read */
    bool pong_queued;
    bool awaiting; /* an answer is owed: its own silence is broken sooner */
    struct loop_io io;
    struct loop_task flush_task;
    struct loop_task reap_task;
    struct timer tick;
    struct link link;
    struct sendq queue;
    uint8_t *partial; /* an incomplete frame; NULL when none ever was */
    size_t partial_size;
    size_t partial_capacity;
    int64_t heartbeat_ns; /* 0 until agreed */
    int64_t last_in_ns;
    int64_t last_out_ns;
    int64_t last_progress_ns; /* when unsent bytes last moved */
    int64_t opened_ns;
    bool closing; /* told to close once everything is sent */
    enum semel_reason closing_reason;
};

/* false: no memory. */
bool wire_room_init(struct wire_room *room, struct loop *loop);
void wire_room_fini(struct wire_room *room);

/* Makes a wire of a connected stream, or of one that is being dialled.  nonce as in link_init.  The wire owns fd from
 * now on, also on failure.  counters (borrowed) counts for the owner.  NULL: no memory. */
struct wire *wire_create(struct wire_room *room, const struct transport *transport, int fd, bool dialling,
                         enum link_role role, uint64_t nonce, const struct wire_limits *limits,
                         const struct wire_events *events, struct wire_counters *counters, void *owner);

/* Gives the wire up: closes it and tells lost, before this returns. */
void wire_fail(struct wire *wire, enum semel_reason reason, int os_error);
/* Closes at once and tells nobody: every frame of the owner that is left is dropped.  Closed already is fine. */
void wire_close(struct wire *wire);
/* Closes, and frees the memory once no caller can be inside the wire any more.  Accepts NULL. */
void wire_destroy(struct wire *wire);
/* Closes once everything queued is sent (or the slow limit has passed), then tells lost with this reason. */
void wire_close_when_sent(struct wire *wire, enum semel_reason reason);

/* WELCOME has passed: frames are checked under its nonce, and from now on the peer must be heard within the
 * heartbeat. */
void wire_open(struct wire *wire, uint64_t nonce, uint32_t frame_limit, int64_t heartbeat_ns);

/* Gives the wire to another owner, to be told from now on.  None of the old one's frames may be queued (asserted).
 * counters stay. */
void wire_hand_over(struct wire *wire, const struct wire_events *events, void *owner);

/* Queues a frame of the owner; it leaves at the end of the turn. */
void wire_push(struct wire *wire, struct outgoing *out);
/* Writes now what is queued, as far as the transport takes it.  May close the wire. */
void wire_flush(struct wire *wire);
/* Makes what was put into the queue directly leave at the end of the turn. */
void wire_flush_later(struct wire *wire);
/* Makes and queues a frame without an owner, with a body that is copied.  seed: NULL, or the seed to seal it with at
 * once (handshake frames).  The link must allow it (asserted).  false: no memory. */
bool wire_send_control(struct wire *wire, const struct frame *frame, uint64_t order, const uint64_t *seed);

/* What the kernel knows of the peer; a heartbeat without an acknowledgement that is due is too long.  For wire_io.c. */
enum transport_pulse wire_pulse(const struct wire *wire);

/* Why a peer that was not heard for a heartbeat is given up: HEARTBEAT_MISSED, or PEER_STUCK where its host is there
 * all the same.  For wire_io.c. */
enum semel_reason wire_silence(const struct wire *wire);

void wire_await_begin(struct wire *wire);

/* The owner waits for an answer: from now on, and until events->awaits says otherwise, the wire pings soon when it has
 * nothing else to send.  So a host that has given its address away is found out long before the heartbeat.  Cheap when
 * it holds already. */
static inline void wire_await(struct wire *wire)
{
    if (!wire->awaiting)
        wire_await_begin(wire);
}

/* Whether a frame in a send queue is the wire's own. */
static inline bool wire_is_control(const struct outgoing *out)
{
    return out->order == WIRE_ORDER_FIRST || out->order == WIRE_ORDER_LAST;
}

static inline bool wire_is_closed(const struct wire *wire)
{
    return wire->fd < 0;
}

#endif
