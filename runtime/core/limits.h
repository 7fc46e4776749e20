/* Every limit of the protocol and its engines, with the reason for each.  Limits that an operator may change are
 * properties (runtime/config/keys); what stands here is fixed.
 *
 * Reads best next: frame.h. */
#ifndef CORE_LIMITS_H
#define CORE_LIMITS_H

enum {
    /* A stable node name is for people and logs: a host name with an instance fits. */
    LIMIT_NODE_NAME = 64,
    /* Text that travels with a refusal or failure: what fits a status message. */
    LIMIT_REASON_TEXT = 255,
    /* Before WELCOME nobody is trusted: a handshake frame is at most header, fixed part and name. */
    LIMIT_HANDSHAKE_FRAME = 512,
    /* Shortest heartbeat two sides may agree on: below it they would do little but ping. */
    LIMIT_HEARTBEAT_MIN_MS = 50,
    /* While answers are owed, a client is silent no longer than this: an address that another host has taken over is
     * found out by the reset that a ping provokes, and a take-over is to be over in 3 s, whatever the heartbeat. */
    LIMIT_AWAITING_SILENCE_MS = 1000,
    /* Smallest frame limit two sides may agree on: a header and a small message. */
    LIMIT_FRAME_MIN = 4096,
    /* The window is a u32 on the wire and a ring in memory: 2^16 records are 4 MiB a session. */
    LIMIT_WINDOW_MAX = 65536,
    /* Calls one channel may hold, so that the span between the ack floor and the newest seq fits the ring. */
    LIMIT_OUTSTANDING_MAX = 1 << 20,
    /* A datagram with its header: what passes every path of IPv6 (1280 bytes) whole, with room for the headers below it
     * and those of a tunnel.  It is never split: a part that is lost would be the loss of all. */
    LIMIT_DATAGRAM = 1200,
    /* Runs of oneways in one RECEIPT: what fits the block of a small reply, so that a receipt costs no other memory.
     * Oneways that finish in their order are one run; more runs take another frame. */
    LIMIT_RECEIPT_RUNS = 30,
    /* Oneways in one RECEIPT: the largest window, so that one frame costs its reader a bounded walk. */
    LIMIT_RECEIPT_ONEWAYS = LIMIT_WINDOW_MAX,
    /* Retry intervals of one policy; as many as the properties accept. */
    LIMIT_RETRY_INTERVALS = 64,
    /* Messages within messages, when they are decoded: what protobuf's own implementations allow. */
    LIMIT_MESSAGE_DEPTH = 100,
    /* A further dial of a round begins this long after the one before, unless that has failed (RFC 8305). */
    LIMIT_DIAL_STAGGER_MS = 250,
    /* Addresses one name may stand for: a round dials each, and more would be a list, not a host. */
    LIMIT_ADDRESSES = 8,
    /* Answers of the other family are waited for this long once one has its addresses (RFC 8305). */
    LIMIT_RESOLUTION_DELAY_MS = 50,
    /* Further attempts of one call beside the first: more would be a load, not a remedy. */
    LIMIT_HEDGES = 16,
    /* Frames gathered into one system call: far below IOV_MAX, far above what fits a socket buffer of small ones. */
    LIMIT_GATHER = 256,
    /* Two sessions of one node name that displace each other this often are two nodes sharing a name. */
    LIMIT_NAME_DISPLACEMENTS = 3,
    /* ... within this many milliseconds. */
    LIMIT_NAME_CONFLICT_MS = 10000,
};

#endif
