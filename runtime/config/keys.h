/* The one list of property keys: name, type, reach, default, range, meaning.  Help and README come from it.
 * Must not know: how values are stored or found.
 * Reads best next: keys.c for the words of the enumerations, then properties.h for the look-up. */
#ifndef CONFIG_KEYS_H
#define CONFIG_KEYS_H
#include <semel/service.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/limits.h"

enum properties_type {
    PROPERTIES_TYPE_INTERVALS, /* list of waits in ms */
    PROPERTIES_TYPE_DURATION,  /* ms */
    PROPERTIES_TYPE_SIZE,      /* bytes */
    PROPERTIES_TYPE_COUNT,
    PROPERTIES_TYPE_FACTOR,         /* thousandths */
    PROPERTIES_TYPE_CODES,          /* bits 1 << code */
    PROPERTIES_TYPE_ON_UNAVAILABLE, /* enum semel_on_unavailable */
    PROPERTIES_TYPE_SELECTION,      /* enum properties_selection */
    PROPERTIES_TYPE_JITTER,         /* enum semel_jitter */
    PROPERTIES_TYPE_SWITCH,         /* 0: no, 1: yes */
    PROPERTIES_TYPE_CONNECT,        /* enum properties_connect */
    PROPERTIES_TYPE_SERVERS,        /* list of addresses with ports, as text */
};

/* The scopes a key may stand in; each includes the ones that follow it. */
enum properties_reach {
    PROPERTIES_REACH_CALL,    /* method, service, channel or none */
    PROPERTIES_REACH_CHANNEL, /* channel or none */
    PROPERTIES_REACH_NODE,    /* none: holds for the whole node */
};

/* Values of EndpointSelection. */
enum properties_selection {
    PROPERTIES_SELECTION_ORDERED, /* as written in the list of endpoints */
    PROPERTIES_SELECTION_RANDOM,
    PROPERTIES_SELECTION_PINNED, /* the one that was connected last, then as written */
};

/* Values of Connect. */
enum properties_connect {
    PROPERTIES_CONNECT_LAZY, /* when a call needs it */
    PROPERTIES_CONNECT_EAGER,
};

/* The default of a key that has none: what holds instead is told beside it. */
#define PROPERTIES_NO_DEFAULT INT64_C(-1)
/* Every code but OK. */
#define PROPERTIES_CODES_MAX ((INT64_C(2) << SEMEL_UNAUTHENTICATED) - 2)

#define PROPERTIES_SECOND INT64_C(1000)
#define PROPERTIES_MINUTE (60 * PROPERTIES_SECOND)
#define PROPERTIES_KIB INT64_C(1024)
#define PROPERTIES_MIB (1024 * PROPERTIES_KIB)

/* X(ID, name, type, reach, default, min, max, meaning).  Min and max of intervals are those of each wait; the
 * default is a list of one.  Upper ends are there to catch a wrong unit: nobody means a lease of a year. */
#define PROPERTIES_KEYS(X)                                                                                     \
    X(RETRY_INTERVALS, "RetryIntervals", INTERVALS, CALL, 0, 0, 60 * PROPERTIES_MINUTE,                        \
      "waits in ms before each retry; -1 alone: no retry")                                                     \
    X(DEADLINE, "Deadline", DURATION, CALL, 60 * PROPERTIES_SECOND, 0, 1440 * PROPERTIES_MINUTE,               \
      "time a call may take with all its attempts; 0: none")                                                   \
    X(ON_UNAVAILABLE, "OnUnavailable", ON_UNAVAILABLE, CALL, SEMEL_ON_UNAVAILABLE_FAIL,                        \
      SEMEL_ON_UNAVAILABLE_WAIT, SEMEL_ON_UNAVAILABLE_DROP,                                                    \
      "when no server can be reached: wait for one, fail after the retries, or drop")                          \
    X(ATTEMPT_TIMEOUT, "AttemptTimeout", DURATION, CALL, 0, 0, 1440 * PROPERTIES_MINUTE,                       \
      "time each attempt may take on its connection; 0: no limit of its own")                                  \
    X(RETRY_MAX_ATTEMPTS, "RetryMaxAttempts", COUNT, CALL, PROPERTIES_NO_DEFAULT, 1,                           \
      LIMIT_RETRY_INTERVALS + 1, "with the first; retries with growing waits instead of RetryIntervals")       \
    X(RETRY_INITIAL_BACKOFF, "RetryInitialBackoff", DURATION, CALL, 100, 1, 60 * PROPERTIES_MINUTE,            \
      "with RetryMaxAttempts: the first wait")                                                                 \
    X(RETRY_MAX_BACKOFF, "RetryMaxBackoff", DURATION, CALL, 10 * PROPERTIES_SECOND, 1, 60 * PROPERTIES_MINUTE, \
      "with RetryMaxAttempts: no wait grows above this")                                                       \
    X(RETRY_BACKOFF_MULTIPLIER, "RetryBackoffMultiplier", FACTOR, CALL, 2000, 1000, 100000,                    \
      "with RetryMaxAttempts: each wait is this many times the one before")                                    \
    X(RETRY_JITTER, "RetryJitter", JITTER, CALL, SEMEL_JITTER_FULL, SEMEL_JITTER_NONE,                         \
      SEMEL_JITTER_DECORRELATED, "with RetryMaxAttempts: how chance spreads the waits")                        \
    X(RETRY_MAX_ELAPSED, "RetryMaxElapsed", DURATION, CALL, 0, 0, 1440 * PROPERTIES_MINUTE,                    \
      "no retry starts later than this after the call did; 0: no such limit")                                  \
    X(RETRYABLE_CODES, "RetryableCodes", CODES, CALL, 0, 0, PROPERTIES_CODES_MAX,                              \
      "answers after which an idempotent operation is tried again")                                            \
    X(HEDGE_DELAY, "HedgeDelay", DURATION, CALL, 100, 0, 60 * PROPERTIES_MINUTE,                               \
      "with HedgeMax: without an answer for this long, one more attempt is sent; 0: all at once")              \
    X(HEDGE_MAX, "HedgeMax", COUNT, CALL, 0, 0, 16,                                                            \
      "further attempts beside the first, of an idempotent operation; 0: none")                                \
    X(ENDPOINT_SELECTION, "EndpointSelection", SELECTION, CHANNEL, PROPERTIES_SELECTION_ORDERED,               \
      PROPERTIES_SELECTION_ORDERED, PROPERTIES_SELECTION_PINNED,                                               \
      "order in which endpoints are tried; pinned: the one that was connected last comes first")               \
    X(CONNECT_TIMEOUT, "ConnectTimeout", DURATION, CHANNEL, 5 * PROPERTIES_SECOND, 1, 60 * PROPERTIES_MINUTE,  \
      "dial plus handshake, for each address; the same for looking a name up")                                 \
    X(CONNECT, "Connect", CONNECT, CHANNEL, PROPERTIES_CONNECT_LAZY, PROPERTIES_CONNECT_LAZY,                  \
      PROPERTIES_CONNECT_EAGER, "when the first call needs it, or at once and again after each loss")          \
    X(RECONNECT_INITIAL, "ReconnectInitial", DURATION, CHANNEL, 100, 1, 60 * PROPERTIES_MINUTE,                \
      "of rounds no call asks for: the wait after the first failed one, which doubles")                        \
    X(RECONNECT_MAX, "ReconnectMax", DURATION, CHANNEL, 30 * PROPERTIES_SECOND, 1, 60 * PROPERTIES_MINUTE,     \
      "of rounds no call asks for: no wait grows above this")                                                  \
    X(HEARTBEAT, "Heartbeat", DURATION, CHANNEL, 10 * PROPERTIES_SECOND, 50, 60 * PROPERTIES_MINUTE,           \
      "a peer silent this long is dead; the smaller wish of the two sides wins")                               \
    X(IDLE_TIMEOUT, "IdleTimeout", DURATION, CHANNEL, 0, 0, 1440 * PROPERTIES_MINUTE,                          \
      "a channel that is asked for nothing this long leaves its connection until the next call; 0: never")     \
    X(TRACE_RETRY, "Trace.Retry", COUNT, CHANNEL, 0, 0, 2,                                                     \
      "0: silent, 1: log each retry, 2: log each decision")                                                    \
    X(MAX_OUTSTANDING, "MaxOutstanding", COUNT, CHANNEL, 65536, 1, LIMIT_OUTSTANDING_MAX,                      \
      "calls a channel may hold; more are refused")                                                            \
    X(FRAME_LIMIT, "FrameLimit", SIZE, CHANNEL, 4 * PROPERTIES_MIB + 4 * PROPERTIES_KIB, LIMIT_FRAME_MIN,      \
      256 * PROPERTIES_MIB, "largest frame accepted; the smaller wish of the two sides wins")                  \
    X(RETRY_BUDGET_PERCENT, "RetryBudgetPercent", COUNT, CHANNEL, 20, 0, 1000,                                 \
      "retries a channel may make for each 100 calls")                                                         \
    X(RETRY_BUDGET_FLOOR, "RetryBudgetFloor", COUNT, CHANNEL, 10, 0, 1000000,                                  \
      "retries a second that the budget always allows")                                                        \
    X(BREAKER_FAILURES, "BreakerFailures", COUNT, CHANNEL, 0, 0, 1000000,                                      \
      "failures in a row after which an endpoint is left alone for BreakerOpenTime; 0: never")                 \
    X(BREAKER_OPEN_TIME, "BreakerOpenTime", DURATION, CHANNEL, 5 * PROPERTIES_SECOND, 1,                       \
      60 * PROPERTIES_MINUTE, "an endpoint that was left alone is tried again after this")                     \
    X(WINDOW, "Window", COUNT, NODE, 4096, 1, LIMIT_WINDOW_MAX,                                                \
      "requests a session may have unacknowledged at the server")                                              \
    X(LEASE, "Lease", DURATION, NODE, 5 * PROPERTIES_MINUTE, 50, 10080 * PROPERTIES_MINUTE,                    \
      "a session silent this long is forgotten by the server")                                                 \
    X(KEEP_REPLY, "KeepReply", SIZE, NODE, 4 * PROPERTIES_MIB + 4 * PROPERTIES_KIB, 0, 256 * PROPERTIES_MIB,   \
      "a larger reply is recorded without its body")                                                           \
    X(KEEP_TOTAL, "KeepTotal", SIZE, NODE, 256 * PROPERTIES_MIB, 0, 1048576 * PROPERTIES_MIB,                  \
      "all kept replies together; when full, new work is refused")                                             \
    X(STORE_SIZE, "StoreSize", SIZE, NODE, 1024 * PROPERTIES_MIB, 4 * PROPERTIES_MIB,                          \
      1048576 * PROPERTIES_MIB, "the most a durable store's file may take; nearly full, new work is refused")  \
    X(MAX_SESSIONS, "MaxSessions", COUNT, NODE, 10000, 1, 1048576, "sessions a server remembers")              \
    X(MAX_CONNECTIONS, "MaxConnections", COUNT, NODE, 10000, 1, 1048576, "connections a server holds")         \
    X(HANDSHAKE_TIMEOUT, "HandshakeTimeout", DURATION, NODE, 5 * PROPERTIES_SECOND, 10,                        \
      60 * PROPERTIES_MINUTE, "a connection that has not said HELLO by then is closed")                        \
    X(SLOW_READER_TIMEOUT, "SlowReaderTimeout", DURATION, NODE, 30 * PROPERTIES_SECOND, 10,                    \
      60 * PROPERTIES_MINUTE, "a client that reads nothing for this long is disconnected")                     \
    X(SEND_BUFFER_LIMIT, "SendBufferLimit", SIZE, NODE, 4 * PROPERTIES_MIB, 4 * PROPERTIES_KIB,                \
      1024 * PROPERTIES_MIB, "unsent replies of a connection above which the server stops reading from it")    \
    X(DRAIN_TIMEOUT, "DrainTimeout", DURATION, NODE, 30 * PROPERTIES_SECOND, 0, 1440 * PROPERTIES_MINUTE,      \
      "a drain that takes longer is cut off")                                                                  \
    X(MAX_RUNNING, "MaxRunning", COUNT, NODE, 0, 0, 1048576,                                                   \
      "requests that may run at once; more wait their turn; 0: no limit")                                      \
    X(MAX_QUEUE_AGE, "MaxQueueAge", DURATION, NODE, PROPERTIES_SECOND, 0, 60 * PROPERTIES_MINUTE,              \
      "a request that has waited longer than this for its turn is refused; 0: never")                          \
    X(ADAPTIVE_LIMIT, "AdaptiveLimit", SWITCH, NODE, 0, 0, 1,                                                  \
      "whether the server finds by itself how many requests run well at once, up to MaxRunning")               \
    X(NAME_SERVERS, "NameServers", SERVERS, NODE, PROPERTIES_NO_DEFAULT, 0, 0,                                 \
      "whom to ask for the addresses of host names; unset: those of the system")

enum properties_key {
#define PROPERTIES_KEY_ENUM(id, name, type, reach, fallback, min, max, help) PROPERTIES_##id,
    PROPERTIES_KEYS(PROPERTIES_KEY_ENUM)
#undef PROPERTIES_KEY_ENUM
        PROPERTIES_KEY_COUNT
};

struct properties_key_info {
    const char *name;
    enum properties_type type;
    enum properties_reach reach;
    int64_t fallback; /* PROPERTIES_NO_DEFAULT: none */
    int64_t min;
    int64_t max;
    const char *help;
};

/* The entry of one key; static. */
const struct properties_key_info *keys_info(enum properties_key key);

/* Whether the values of a type are words, min and max being those of the first and the last one. */
bool keys_are_words(enum properties_type type);
/* The word for a value of such a type ("wait"); NULL for other types and values.  Static. */
const char *keys_word(enum properties_type type, int64_t value);

/* Finds the key that text ("demo.Bank.Trace.Retry") ends in: the longest, since keys hold dots themselves.
 * *ret_scope_length: what stands before it without the last dot; 0 for a bare key, and for a scope that is
 * empty.  Returns false, with the outputs left alone, if it ends in no key. */
bool keys_find(const char *text, enum properties_key *ret_key, size_t *ret_scope_length);

#endif
