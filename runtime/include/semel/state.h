/* What a channel's connection is doing, for people and programs that watch it.
 *
 * Calls need none of this: they wait, retry and fail by their own policies, whatever the state is.
 *
 * Threads: semel_channel_get_state and semel_channel_on_state from any.  Reads best next: semel/channel.h. */
#ifndef SEMEL_STATE_H
#define SEMEL_STATE_H

#include <semel/channel.h>

#ifdef __cplusplus
extern "C" {
#endif

/* X(NAME, what it is) */
#define SEMEL_CONNECTIVITIES(X)                                                                                \
    X(IDLE, "not connected, and nobody wants it")                                                              \
    X(WAITING, "not connected, a further attempt is due")                                                      \
    X(RESOLVING, "looking host names up")                                                                      \
    X(CONNECTING, "dialling, or waiting to be welcomed")                                                       \
    X(RECOVERING, "connected, the recovery function is at work")                                               \
    X(CONNECTED, "connected")                                                                                  \
    X(PARTING, "leaving a connection in good order: answers come, nothing new goes")                           \
    X(CLOSED, "the channel is closed")

enum semel_connectivity {
#define SEMEL_CONNECTIVITY_ENUM(name, what) SEMEL_CONNECTIVITY_##name,
    SEMEL_CONNECTIVITIES(SEMEL_CONNECTIVITY_ENUM)
#undef SEMEL_CONNECTIVITY_ENUM
        SEMEL_CONNECTIVITY_COUNT
};

/* "CONNECTED", and what that is; static.  A value outside the list is "?". */
const char *semel_connectivity_name(enum semel_connectivity connectivity);
const char *semel_connectivity_text(enum semel_connectivity connectivity);

struct semel_channel_state {
    enum semel_connectivity connectivity;
    int64_t since_ms;                       /* how long it has been so */
    uint64_t connection;                    /* number of the live connection, as the server gave it; 0: none */
    char endpoint[SEMEL_ENDPOINT_TEXT_MAX]; /* of the live connection, as written in the list; "": none */
    char address[SEMEL_ENDPOINT_TEXT_MAX];  /* where its host is: "10.0.0.1:4061"; "": not by TCP, or none */
    int64_t next_attempt_ms;                /* WAITING: until the next round, 0 if it is due; else -1 */
    uint32_t rounds_failed;                 /* over all endpoints, in a row; 0 since the last WELCOME */
    /* Why the last connection or round ended; NONE: it never did.  Kept while connected again. */
    enum semel_reason error;
    int error_os;                                 /* errno, or 0 */
    char error_endpoint[SEMEL_ENDPOINT_TEXT_MAX]; /* the endpoint tried last */
};

/* Copies it. */
void semel_channel_get_state(const semel_channel *channel, struct semel_channel_state *ret_state);

/* state is valid during the call only. */
typedef void semel_state_fn(semel_channel *channel, const struct semel_channel_state *state, void *user);

/* Asks to be told of changes from now on; the present state is not told.  fn NULL: no longer.  One function a channel;
 * user is borrowed until it is replaced or the channel is closed.
 * fn is called on the node's thread when a turn of its loop is over, never inside a function of this library that you
 * called, and once for all changes of the turn: what came and went within it is not told.  A change is another
 * connectivity or connection number.  The one exception is CLOSED: it is told inside semel_channel_close (or
 * semel_node_close), after the calls have ended, and is the last.  fn may do what a callback of a call may; it must not
 * close the channel (asserted). */
void semel_channel_on_state(semel_channel *channel, semel_state_fn *fn, void *user);

#ifdef __cplusplus
}
#endif
#endif
