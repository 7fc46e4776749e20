/* What is known about a call that ended: its code, reason, outcome, and the trail of its attempts.
 *
 * The lists below are the only place where codes, reasons and rules get their names and texts; every table in
 * the library is made from them.  They follow the canonical RPC codes, and the promise that every failure says
 * whether the operation ran.
 *
 * Reads best next: semel/call.h. */
#ifndef SEMEL_STATUS_H
#define SEMEL_STATUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The 17 canonical codes with their wire values. */
#define SEMEL_CODES(X)                                                                                         \
    X(OK, 0)                                                                                                   \
    X(CANCELLED, 1)                                                                                            \
    X(UNKNOWN, 2)                                                                                              \
    X(INVALID_ARGUMENT, 3)                                                                                     \
    X(DEADLINE_EXCEEDED, 4)                                                                                    \
    X(NOT_FOUND, 5)                                                                                            \
    X(ALREADY_EXISTS, 6)                                                                                       \
    X(PERMISSION_DENIED, 7)                                                                                    \
    X(RESOURCE_EXHAUSTED, 8)                                                                                   \
    X(FAILED_PRECONDITION, 9)                                                                                  \
    X(ABORTED, 10)                                                                                             \
    X(OUT_OF_RANGE, 11)                                                                                        \
    X(UNIMPLEMENTED, 12)                                                                                       \
    X(INTERNAL, 13)                                                                                            \
    X(UNAVAILABLE, 14)                                                                                         \
    X(DATA_LOSS, 15)                                                                                           \
    X(UNAUTHENTICATED, 16)

enum semel_code {
#define SEMEL_CODE_ENUM(name, value) SEMEL_##name = value,
    SEMEL_CODES(SEMEL_CODE_ENUM)
#undef SEMEL_CODE_ENUM
    /* Below: what only a handler returns (semel/request.h); never on the wire, never in a status. */
    SEMEL_PENDING = 256, /* the handler will finish the request later */
    SEMEL_REFUSED = 257  /* the handler refused before doing anything: NOT_EXECUTED */
};

/* What is known about execution.  Wire values. */
enum semel_outcome {
    SEMEL_OUTCOME_UNKNOWN = 0, /* it may have run */
    SEMEL_OUTCOME_NOT_EXECUTED = 1,
    SEMEL_OUTCOME_EXECUTED = 2
};

/* The rules of the retry decision, R1..R11; NONE before any decision was needed. */
enum semel_rule {
    SEMEL_RULE_NONE = 0,
    SEMEL_RULE_R1,
    SEMEL_RULE_R2,
    SEMEL_RULE_R3,
    SEMEL_RULE_R4,
    SEMEL_RULE_R5,
    SEMEL_RULE_R6,
    SEMEL_RULE_R7,
    SEMEL_RULE_R8,
    SEMEL_RULE_R9,
    SEMEL_RULE_R10,
    SEMEL_RULE_R11,
    SEMEL_RULE_COUNT
};

/* Why: X(NAME, what happened, what it means or what to do).  The position is the wire value: append only. */
#define SEMEL_REASONS(X)                                                                                       \
    X(NONE, "nothing went wrong", "")                                                                          \
    X(HANDLER, "the handler answered with this code", "see the message")                                       \
    X(CONNECT_FAILED, "no endpoint could be connected", "is the server running, is the address right?")        \
    X(CONNECTION_LOST, "connection lost", "the peer or the network went away")                                 \
    X(SESSION_NEW, "session not resumed: the server has forgotten this session",                               \
      "its lease ran out or its table was cleared; the operation may have run")                                \
    X(DOMAIN_CHANGED, "session not resumed: the server now answers for another domain",                        \
      "it was restarted without a durable store, or another server took over; the operation may have run")     \
    X(NO_VERDICT, "no server said whether it ran", "the policy ended before a server could be asked")          \
    X(BEGUN, "started before a crash and never finished", "the operation may have run in part")                \
    X(REPLY_GONE, "it ran, but its reply is no longer kept", "ask for the result with another operation")      \
    X(FALSE_RETRY, "the sequence number was used for another request",                                         \
      "a bug, or two clients share a session")                                                                 \
    X(MODE_MISMATCH, "client and server disagree on idempotency", "rebuild both from one .proto file")         \
    X(STALE, "below the ack floor: the client had completed it", "a delayed copy; it was not run")             \
    X(OUTSIDE_WINDOW, "outside the window the server granted", "a protocol error")                             \
    X(MALFORMED, "the request body could not be decoded", "rebuild both from one .proto file")                 \
    X(NO_METHOD, "the server does not know this method", "is the service registered, the version right?")      \
    X(NO_HANDLER, "the server has no handler for this method", "fill the handler slot")                        \
    X(DRAINING, "the server is shutting down", "another replica, or the restarted server, will take it")       \
    X(OVERLOADED, "the server has too much to do", "retry later")                                              \
    X(INACTIVE, "the server is not active", "retry later or elsewhere")                                        \
    X(TABLE_FULL, "the server's dedup table is full", "it refuses rather than run unprotected; retry later")   \
    X(REFUSED_BY_HANDLER, "the handler refused it", "it was not executed")                                     \
    X(EXPIRED, "the deadline had passed when the request arrived", "it was not started")                       \
    X(DEADLINE, "the deadline passed", "see the outcome for whether it may have run")                          \
    X(CANCELLED, "cancelled by the caller", "see the outcome for whether it may have run")                     \
    X(BUDGET_EMPTY, "the retry budget is empty", "too many calls fail; retries are held back")                 \
    X(BREAKER_OPEN, "the circuit breaker is open", "the endpoint fails too often")                             \
    X(WAIT_PAST_DEADLINE, "the next retry would come after the deadline",                                      \
      "raise Deadline or shorten RetryIntervals")                                                              \
    X(LOST, "best effort: lost and not retried", "OnUnavailable=drop was asked for")                           \
    X(TOO_LARGE, "message larger than the frame limit", "raise FrameLimit on both sides or send less")         \
    X(ENCODE_FAILED, "the message could not be encoded", "see the message")                                    \
    X(DECODE_FAILED, "it ran, but its reply could not be decoded", "rebuild both from one .proto file")        \
    X(TOO_MANY_CALLS, "too many calls are outstanding on this channel", "wait for some to complete")           \
    X(CHANNEL_CLOSED, "the channel was closed", "")                                                            \
    X(WRONG_THREAD, "called from a thread or callback where it would wait for itself",                         \
      "use the asynchronous stub")                                                                             \
    X(NO_MEMORY, "out of memory", "")                                                                          \
    X(BAD_ARGUMENT, "an argument is not valid", "see the message")                                             \
    X(BAD_ADDRESS, "the endpoint is not valid", "write tcp://HOST:PORT or unix:PATH")                          \
    X(BAD_PROPERTY, "a property is not valid", "see the message")                                              \
    X(BAD_MAGIC, "the peer does not speak this protocol", "is another service on this port?")                  \
    X(BAD_VERSION, "the peer speaks another version of the protocol", "upgrade the older side")                \
    X(BAD_CHECK, "a frame failed its integrity check", "bytes were damaged, delayed or forged on the way")     \
    X(BAD_DIGEST, "a frame's body failed its integrity check", "bytes were damaged on the way")                \
    X(BAD_SIZE, "a frame has an impossible size", "it is under the header's or over the limit")                \
    X(BAD_TYPE, "a frame has an unknown type", "the peer does not keep to the protocol")                       \
    X(BAD_FIELD, "a frame has an impossible field", "the peer does not keep to the protocol")                  \
    X(BAD_STATE, "a frame is not allowed in this state", "the peer does not keep to the protocol")             \
    X(HANDSHAKE_TIMEOUT, "the handshake took too long", "is another service on this port?")                    \
    X(HEARTBEAT_MISSED, "heartbeat missed", "the peer was silent for the agreed time")                         \
    X(SLOW_READER, "the peer does not read", "what it was sent did not move for the agreed time")              \
    X(PEER_CLOSED, "closed by the peer", "")                                                                   \
    X(IO_ERROR, "input/output error", "see the message")                                                       \
    X(REPLACED, "replaced by a newer connection of the same session", "")                                      \
    X(NAME_TAKEN, "replaced by a newer session of the same node name", "the node was restarted")               \
    X(NAME_CONFLICT, "two nodes share one name, or one restarts again and again",                              \
      "give each node its own name")                                                                           \
    X(ATTEMPT_DUPLICATE, "another connection of the same attempt was accepted first", "")                      \
    X(ATTEMPT_STALE, "a delayed connection offer: a newer attempt is known", "")                               \
    X(SUBJECT_MISMATCH, "the session belongs to another user", "a session id is a secret of its owner")        \
    X(TOO_MANY_CONNECTIONS, "the server has too many connections", "raise MaxConnections or retry later")      \
    X(TOO_MANY_SESSIONS, "the server has too many sessions", "raise MaxSessions or retry later")               \
    X(DRAINED, "left in good order", "every request sent before was answered")                                 \
    X(CLOSED_LOCALLY, "closed by this side", "")                                                               \
    X(DECLARED_ERROR, "the handler raised a declared error", "see the error itself")                           \
    X(UNDECLARED_ERROR, "the handler raised an error that this side's .proto does not declare",                \
      "see the message; rebuild from the .proto of the server")                                                \
    X(ATTEMPTS_USED, "all attempts of the policy are used", "see RetryIntervals and RetryMaxAttempts")         \
    X(PUSHBACK_NEVER, "the server asked not to try again", "it knows that a retry would not help")             \
    X(MAX_ELAPSED, "the next retry would come later than RetryMaxElapsed allows",                              \
      "raise RetryMaxElapsed or shorten the waits")                                                            \
    X(ATTEMPT_TIMEOUT, "the attempt took longer than AttemptTimeout", "the server is slow, or stuck")          \
    X(RECOVERY_GAVE_UP, "the recovery function gave up, or its connection was lost",                           \
      "the application was not ready again on the new connection")                                             \
    X(PEER_STUCK, "heartbeat missed, though the peer's host acknowledges all it is sent",                      \
      "its process is stopped or stuck; host and network are well")                                            \
    X(IDLE, "left, since nothing was asked for", "the next call connects again; see IdleTimeout")              \
    X(PEER_AWAY, "the client to call back has no connection", "nobody can dial it: it comes back by itself")   \
    X(PEER_GONE, "the session of the client to call back is over", "it, or the time it had, has ended")        \
    X(NOT_SERVED, "the client serves nothing on its channel", "it takes calls back after semel_channel_serve") \
    X(DATAGRAM_SENT, "handed to the network; nothing more is known", "a datagram is never acknowledged")       \
    X(DATAGRAM_LOST, "the network says that a datagram did not arrive",                                        \
      "is the server running, is the address right?")                                                          \
    X(NO_DATAGRAM, "only oneway operations that are idempotent travel in datagrams",                           \
      "a datagram may come twice and is never answered: use a tcp or unix endpoint")                           \
    X(STORE_FAILED, "the store can not be used", "see the message")                                            \
    X(NAME_UNRESOLVED, "the host name has no known address", "is the name right, do the name servers answer?")

enum semel_reason {
#define SEMEL_REASON_ENUM(name, what, advice) SEMEL_REASON_##name,
    SEMEL_REASONS(SEMEL_REASON_ENUM)
#undef SEMEL_REASON_ENUM
        SEMEL_REASON_COUNT
};

/* How far the bytes of one attempt got. */
enum semel_progress {
    SEMEL_PROGRESS_QUEUED = 0,
    SEMEL_PROGRESS_PARTLY_WRITTEN = 1,
    SEMEL_PROGRESS_WRITTEN = 2 /* all bytes accepted by the kernel; it does not mean received */
};

#define SEMEL_ENDPOINT_TEXT_MAX                                                                                \
    128                       /* longest endpoint URI with its terminator; longer ones are refused at open */
#define SEMEL_MESSAGE_MAX 256 /* longest message with its terminator; a peer's longer text ends in "..." */
#define SEMEL_TRAIL_MAX 12    /* attempts told one by one; of more, the first and the latest are kept */

/* One attempt of a call.  Times are microseconds since the call started. */
struct semel_attempt {
    uint32_t number; /* 1 for the first */
    enum semel_progress progress;
    enum semel_reason failure; /* what ended this attempt */
    int os_error;              /* errno behind it, 0: none */
    bool lost;                 /* the connection broke; otherwise there was none, or the server answered */
    enum semel_reason verdict; /* SESSION_NEW, DOMAIN_CHANGED, or NONE: what the next WELCOME said */
    enum semel_rule rule;      /* what decided to retry or to stop */
    bool retried;              /* or held, or replayed */
    bool resumed;              /* the next WELCOME said RESUMED */
    uint64_t connection;       /* the server's connection number, 0: never connected */
    uint64_t bytes_written;
    uint64_t bytes_total;
    int64_t sent_us; /* when the last byte was written, -1: never */
    int64_t failed_us;
    int64_t wait_us; /* the wait that was decided before the next attempt */
    char endpoint[SEMEL_ENDPOINT_TEXT_MAX];
};

/* The result of a call or of a function that can fail for many reasons.
 * Owned by the caller; plain data without pointers to free; copy it as you like. */
typedef struct semel_status {
    enum semel_code code;
    enum semel_reason reason;
    enum semel_outcome outcome; /* of a call; an OK call is EXECUTED */
    enum semel_rule rule;       /* the rule that ended the call, NONE if nothing went wrong */
    enum semel_reason denied;   /* R11: what was held against another attempt, otherwise NONE */
    uint32_t attempts;          /* attempts made, 1 for a call that went through at once */
    uint32_t replays;       /* of these: replays of a fully written request under the same sequence number */
    uint32_t hedges;        /* of these: sent beside another one that had no answer yet */
    uint32_t trail_count;   /* entries of trail in use */
    uint32_t trail_omitted; /* attempts that did not fit between the first and the latest entries */
    int64_t elapsed_us;
    const char *method; /* full name with static life time, or NULL */
    const char *error;  /* the declared error that was raised: full name with static life time, or NULL */
    char message[SEMEL_MESSAGE_MAX];
    struct semel_attempt trail[SEMEL_TRAIL_MAX]; /* failed attempts, oldest first; only trail_count are set */
} semel_status;

/* Makes it an empty OK with outcome NOT_EXECUTED.  Does not touch the unused part of the trail. */
void semel_status_init(semel_status *status);

/* "OK", "UNAVAILABLE", ...; a value outside the list gives "?".  Static strings. */
const char *semel_code_name(enum semel_code code);
/* "CONNECTION_LOST", ... */
const char *semel_reason_name(enum semel_reason reason);
/* One phrase: what happened, and what it means or what to do (may be empty). */
const char *semel_reason_text(enum semel_reason reason);
const char *semel_reason_advice(enum semel_reason reason);
/* "EXECUTED", "NOT_EXECUTED", "UNKNOWN". */
const char *semel_outcome_name(enum semel_outcome outcome);
/* "QUEUED", "PARTLY_WRITTEN", "WRITTEN". */
const char *semel_progress_name(enum semel_progress progress);
/* "R1" .. "R11", "-" for none. */
const char *semel_rule_name(enum semel_rule rule);

/* Tells a person what happened: code, outcome, each attempt with endpoint, progress, times, and the rule.
 * Writes at most size bytes with the terminator to text (which may be NULL if size is 0); returns the length
 * of the whole explanation without the terminator, as snprintf does.  Any thread. */
size_t semel_status_explain(const semel_status *status, char *text, size_t size);

#ifdef __cplusplus
}
#endif
#endif
