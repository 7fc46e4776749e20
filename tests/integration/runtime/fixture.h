/* A real server and a real client for tests, each on a node with a thread of its own, and ways to wait for what
 * happens in them without sleeping.  Every wait is bounded by the test's timeout.
 *
 * Reads best next: peer.h, for the ends that misbehave. */
#ifndef RUNTIME_FIXTURE_H
#define RUNTIME_FIXTURE_H

#include <pthread.h>
#include <semel/semel.h>

#include "leaks.h"
#include "loopback.h"
#include "probe.semel.h"

enum { OPS = 8192, PENDING_MAX = 256 };

struct server;
typedef enum semel_code server_handler(struct server *server, semel_request *request, probe_Request *in,
                                       probe_Reply *out);

/* A server that counts.  All fields below mutex are guarded by it. */
struct server {
    semel_properties *properties;
    semel_node *node;
    semel_server *semel;
    char uri[SEMEL_ENDPOINT_TEXT_MAX];
    server_handler *handler; /* for every method with a reply; set before the first call */
    server_handler *tell;    /* for Tell and Hint, without a reply; NULL: answers at once */
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    unsigned runs[OPS];
    unsigned all_runs;
    semel_request *pending[PENDING_MAX];
    size_t pending_count;
};

/* properties: "Key=Value" strings, the last one NULL; may be NULL.  A machine that has much to do is neither an
 * overload nor a death: what is not among them is MaxQueueAge=0, Heartbeat=10min and HandshakeTimeout=10min, and of
 * clients Heartbeat=10min and ConnectTimeout=10min.  Listens at this process's own address, any port. */
void server_open(struct server *server, const char *const *properties);
void server_open_at(struct server *server, const char *const *properties, const char *uri);
/* The same on a store of the test's own. */
struct store;
void server_open_on_store(struct server *server, const char *const *properties, const char *uri,
                          struct store *store);
void server_close(struct server *server);
/* One without listeners on somebody's node, for calls back; not running any more when that node is closed. */
void server_open_on(struct server *server, semel_node *node);
void server_fini(struct server *server);

/* The handlers to choose from.  count: answers at once.  keep: leaves the request pending. */
server_handler server_count;
server_handler server_keep;

unsigned server_runs(struct server *server, unsigned op);
unsigned server_all_runs(struct server *server);
void server_wait_runs(struct server *server, unsigned op, unsigned runs);
/* The n-th request left pending, from 0; waits for it. */
semel_request *server_pending(struct server *server, size_t n);
struct semel_server_stats server_stats(struct server *server);
/* Waits until a counter of the statistics has reached a value.  where: offset within the structure. */
void server_wait_stat(struct server *server, size_t where, uint64_t value);
/* The same for a gauge that is 32 bits wide, and equal. */
void server_wait_gauge(struct server *server, size_t where, uint32_t value);
#define server_wait_closed_by(server, reason, value)                                                           \
    server_wait_stat(server, offsetof(struct semel_server_stats, closed_by[SEMEL_REASON_##reason]), value)

struct client {
    semel_properties *properties;
    semel_node *node;
    semel_channel *channel;
};

/* With a thread of its own. */
void client_open(struct client *client, const char *const *properties, const char *endpoints);
/* Nobody runs it: synchronous stubs drive it. */
void client_open_unrun(struct client *client, const char *const *properties, const char *endpoints);
void client_close(struct client *client);
struct semel_channel_stats client_stats(struct client *client);

/* How long the first dial of a round is alone is a matter of time: a server that is late by LIMIT_DIAL_STAGGER_MS, as
 * on a busy machine, would not be the one that is asked.  In these tests the next dial waits until the one before has
 * failed, however long that takes, unless a test is about dials beside each other and says so, before they begin. */
void dials_go_side_by_side(void);

/* How many requests one turn of a server takes, and one batch, is a matter of time (server/slice.h).  From now on none
 * passes within a turn: it takes all that it has read. */
void turns_take_no_time(void);

/* Settings for the functions below. */
#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})

semel_properties *properties_of(const char *const *settings);

/* An asynchronous call and how it ended. */
struct watch {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    unsigned times; /* the callback has run */
    semel_status status;
    probe_Reply reply; /* without pad */
    size_t pad_size;
    enum semel_code started;
    semel_call call;
};

enum method {
    ADD = probe_Probe_Add_index,
    SET = probe_Probe_Set_index,
    PEEK = probe_Probe_Peek_index,
    TELL = probe_Probe_Tell_index,
    HINT = probe_Probe_Hint_index
};

/* For calls that a test starts itself: the callbacks of one, with the watch as their argument. */
void watch_init(struct watch *watch);
void watch_replied(const probe_Reply *reply, const semel_status *status, void *user);
void watch_told(const semel_status *status, void *user);

/* Starts a call on the client's thread and returns once it is started.  options may be NULL. */
void watch_start(struct watch *watch, struct client *client, enum method method, unsigned op,
                 const semel_call_options *options);
/* The same with a body of at least pad bytes and a reply of at least reply_size. */
void watch_start_sized(struct watch *watch, struct client *client, enum method method, unsigned op, size_t pad,
                       size_t reply_size, const semel_call_options *options);
/* Asks for its end, on the client's thread; returns once asked. */
void watch_cancel(struct watch *watch, struct client *client);
/* Let time pass for one call, for tests that have to come to a certain point before: its deadline is over; what it
 * waits for is, the end of its present attempt or of the wait for its next one.  The deadline, AttemptTimeout or wait
 * that it was given is one that does not end by itself. */
void watch_expire(struct watch *watch, struct client *client);
void watch_hurry(struct watch *watch, struct client *client);
/* Waits for the end and returns it. */
const semel_status *watch_wait(struct watch *watch);
/* How often the callback has run by now. */
unsigned watch_times(struct watch *watch);

/* Calls fn(arg) on the node's thread and returns when it has returned. */
void on_node(semel_node *node, void (*fn)(void *), void *arg);

/* Call options that set these four alone, as an initializer. */
#define OPTIONS(deadline_ms, intervals_ms, count, on_unavailable)                                              \
    {                                                                                                          \
        deadline_ms, SEMEL_UNSET, on_unavailable, count, intervals_ms, SEMEL_UNSET, SEMEL_JITTER_UNSET,        \
            SEMEL_UNSET, SEMEL_UNSET, 0, SEMEL_UNSET, 0, SEMEL_UNSET, SEMEL_UNSET                              \
    }

#define check_status(status, the_code, the_reason, the_outcome)                                                \
    do {                                                                                                       \
        char text_[4096];                                                                                      \
        semel_status_explain(status, text_, sizeof text_);                                                     \
        cr_assert_eq((int)(status)->code, SEMEL_##the_code, "%s", text_);                                      \
        cr_assert_eq((int)(status)->reason, SEMEL_REASON_##the_reason, "%s", text_);                           \
        cr_assert_eq((int)(status)->outcome, SEMEL_OUTCOME_##the_outcome, "%s", text_);                        \
    } while (0)

#endif
