/* A channel: a client's logical, recoverable link to a service at one or more endpoints.
 *
 * It has at most one live connection and one session: the identity under which servers remember what they ran.
 * When the connection breaks, the channel reconnects (the failed endpoint last), and each waiting call is
 * replayed, held, retried or failed by the rules R1..R11.
 *
 * Threads: those of its node (semel/node.h).  Reads best next: semel/call.h. */
#ifndef SEMEL_CHANNEL_H
#define SEMEL_CHANNEL_H

#include <semel/node.h>
#include <semel/service.h>
#include <semel/status.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct semel_channel semel_channel;

/* Opens a channel.  endpoints: URIs separated by commas, tcp://HOST:PORT or unix:PATH (unix:@NAME for the abstract
 * name space); or one udp://HOST:PORT, for datagrams, below.  A host name is looked up whenever a connection is
 * sought, so that one that moves is followed (that of udp: now, in this thread); it should stand for one server, at
 * however many addresses.  name (may be NULL) is the scope of the channel's properties: letters, digits, '_' and '-',
 * so that it can not be taken for a service.
 * Connects when the first call needs it, and again after it was left idle (IdleTimeout); with Connect=eager at once
 * and after each loss.  *ret_channel is set on success only and owned by the caller.
 * Errors: INVALID_ARGUMENT (name, endpoint), RESOURCE_EXHAUSTED. */
enum semel_code semel_channel_open(semel_node *node, const char *name, const char *endpoints,
                                   semel_channel **ret_channel, semel_status *ret_status);

/* Datagrams.  A channel with an udp: endpoint carries oneway operations that are idempotent, and no others: the network
 * may lose, delay or double a datagram, and nobody answers it.  Each call is one datagram of at most 1200 bytes, 48 of
 * them the header; there is no connection, no session, no receipt and no retry.  A call that was handed to the network
 * ends with code UNKNOWN, outcome UNKNOWN and reason DATAGRAM_SENT, at the end of the turn in which it was started: it
 * never claims OK, and it is no failure.  It is told to its own callback; it is not told as a loss.  One that this host
 * could not send ends UNAVAILABLE, NOT_EXECUTED, with reason IO_ERROR.
 * If the network says afterwards that a datagram did not arrive (an ICMP error), that is counted, and told to the
 * function of semel_channel_on_loss as UNAVAILABLE, outcome UNKNOWN, reason DATAGRAM_LOST.  Of most losses nobody
 * tells. */

/* Closes the connection and ends every outstanding call with CHANNEL_CLOSED; their callbacks run before this
 * returns.  Accepts NULL.  Not from a callback of this channel's calls (asserted). */
void semel_channel_close(semel_channel *channel);

/* Seeks a connection now, if there is none, whatever was waited for, and forgets how often it failed: the network is
 * back, or a person asks.  A call that waits keeps its own time, but goes out once there is a connection.  Any thread.
 */
void semel_channel_wake(semel_channel *channel);

/* Waits until no call is outstanding, oneways included, driving the node if nobody runs it.
 * Errors: DEADLINE_EXCEEDED after timeout_ms, FAILED_PRECONDITION inside a callback.  Any thread. */
enum semel_code semel_channel_flush(semel_channel *channel, int64_t timeout_ms);

/* Tells of a oneway call that ended without OK and has no callback of its own: it was refused, lost, or may be
 * (status->outcome says which; a call that a oneway stub refuses at once was never started and is not told of).
 * On the node's thread, never inside a function that starts or cancels a call; those that end with their channel are
 * told of before semel_channel_close returns.  method and status are valid during the call only.  It may start calls,
 * but not close the channel. */
typedef void semel_loss_fn(const struct semel_method *method, const semel_status *status, void *user);

/* From now on fn is told of each such loss; NULL: nobody is.  The counters below count them all the same.
 * user is borrowed until the channel is closed or fn replaced.  Any thread. */
void semel_channel_on_loss(semel_channel *channel, semel_loss_fn *fn, void *user);

/* Counters since the channel was opened. */
struct semel_channel_stats {
    uint64_t calls; /* started */
    uint64_t ok;
    uint64_t failed[3];       /* ended without OK, by enum semel_outcome */
    uint64_t retries;         /* attempts after the first, replays included */
    uint64_t replays;         /* R3: written requests sent again in a resumed session */
    uint64_t held;            /* R5: calls that had to wait for a verdict */
    uint64_t hedges;          /* further attempts sent beside a first one */
    uint64_t hedges_won;      /* of these, answered first */
    uint64_t connections;     /* WELCOMEs received */
    uint64_t resumed;         /* of these, RESUMED in the same domain */
    uint64_t recoveries;      /* runs of the recovery function (semel/recovery.h) */
    uint64_t dials;           /* connection attempts, one an address tried, and one a name without any */
    uint64_t dials_cancelled; /* of these, given up because another one beside them was welcomed first */
    uint64_t bytes_in;
    uint64_t bytes_out;
    uint64_t frames_in;
    uint64_t frames_out;
    uint64_t writes; /* system calls that wrote */
    uint64_t reads;
    uint64_t by_rule[SEMEL_RULE_COUNT]; /* decisions taken, by rule */
    uint64_t denied_by
        [SEMEL_REASON_COUNT]; /* R11: attempts that a rule would have allowed, by what was held against them */
    uint64_t closed_by[SEMEL_REASON_COUNT]; /* connections and dials that ended, by reason */
    uint64_t failed_by[SEMEL_REASON_COUNT]; /* calls that ended without OK, by reason */
    uint64_t oneways;                       /* of calls: oneway ones.  Each ends in one of the next two: */
    uint64_t receipts;                      /* that came; each acknowledges one oneway or many */
    uint64_t oneways_acknowledged;          /* a receipt came: it was executed */
    uint64_t oneways_lost[3];               /* ended without OK, by enum semel_outcome */
    uint64_t oneways_lost_by[SEMEL_REASON_COUNT]; /* the same, by reason */
    uint64_t datagrams;                           /* calls handed to the network: neither ok nor failed */
    uint64_t datagrams_lost;                      /* of these, so many that the network said did not arrive */
    uint32_t outstanding;                         /* calls not yet completed, and hedges beside them: a gauge */
};

/* Copies the counters.  Any thread. */
void semel_channel_get_stats(const semel_channel *channel, struct semel_channel_stats *ret_stats);

#ifdef __cplusplus
}
#endif
#endif
