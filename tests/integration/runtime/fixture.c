/* The well-behaved ends.
 *
 * Reads best next: fixture.h. */
#include "fixture.h"

#include <criterion/criterion.h>

#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/call.h"
#include "client/channel.h"
#include "core/order.h"
#include "server/server.h"

/* What both ends are unless a test says otherwise. */
#define PATIENT_SERVER LIST("MaxQueueAge=0", "Heartbeat=10min", "HandshakeTimeout=10min")
#define PATIENT_CLIENT LIST("Heartbeat=10min", "ConnectTimeout=10min")

static void set_all(semel_properties *properties, const char *const *settings)
{
    for (; settings != NULL && *settings != NULL; settings++) {
        char key[128];
        const char *equals = strchr(*settings, '=');
        semel_status status;
        snprintf(key, sizeof key, "%.*s", (int)(equals - *settings), *settings);
        cr_assert(semel_properties_set(properties, key, equals + 1, &status) == SEMEL_OK, "%s: %s", *settings,
                  status.message);
    }
}

semel_properties *properties_of(const char *const *settings)
{
    semel_properties *properties = semel_properties_create();
    cr_assert(properties != NULL);
    set_all(properties, settings);
    return properties;
}

/* ---- doing something on a node's thread ---- */

struct errand {
    void (*fn)(void *);
    void *arg;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool done;
};

static void run_errand(void *arg)
{
    struct errand *errand = arg;
    errand->fn(errand->arg);
    pthread_mutex_lock(&errand->mutex);
    errand->done = true;
    pthread_cond_signal(&errand->changed);
    pthread_mutex_unlock(&errand->mutex);
}

void on_node(semel_node *node, void (*fn)(void *), void *arg)
{
    struct errand errand = {
        fn, arg, PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false,
    };
    cr_assert(semel_node_post(node, run_errand, &errand) == SEMEL_OK);
    pthread_mutex_lock(&errand.mutex);
    while (!errand.done)
        pthread_cond_wait(&errand.changed, &errand.mutex);
    pthread_mutex_unlock(&errand.mutex);
}

/* ---- the server ---- */

/* The runs of an operation, this one included. */
static unsigned note_run(struct server *server, unsigned op)
{
    pthread_mutex_lock(&server->mutex);
    unsigned runs = ++server->runs[op % OPS];
    server->all_runs++;
    pthread_cond_broadcast(&server->changed);
    pthread_mutex_unlock(&server->mutex);
    return runs;
}

enum semel_code server_count(struct server *server, semel_request *request, probe_Request *in, probe_Reply *out)
{
    (void)server;
    (void)request;
    if (in->reply_size == 0)
        return SEMEL_OK;
    out->pad = calloc(1, PB_BYTES_ARRAY_T_ALLOCSIZE(in->reply_size));
    cr_assert(out->pad != NULL);
    out->pad->size = (pb_size_t)in->reply_size;
    return SEMEL_OK;
}

enum semel_code server_keep(struct server *server, semel_request *request, probe_Request *in, probe_Reply *out)
{
    (void)in;
    (void)out;
    pthread_mutex_lock(&server->mutex);
    cr_assert(server->pending_count < PENDING_MAX);
    server->pending[server->pending_count++] = request;
    pthread_cond_broadcast(&server->changed);
    pthread_mutex_unlock(&server->mutex);
    return SEMEL_PENDING;
}

static enum semel_code handle(semel_request *request, probe_Request *in, probe_Reply *out, void *user)
{
    struct server *server = user;
    out->op = in->op;
    out->runs = note_run(server, in->op);
    return server->handler(server, request, in, out);
}

static enum semel_code handle_tell(semel_request *request, probe_Request *in, void *user)
{
    struct server *server = user;
    note_run(server, in->op);
    return server->tell != NULL ? server->tell(server, request, in, NULL) : SEMEL_OK;
}

static const struct probe_Probe_handlers handlers = {
    .Add = handle, .Set = handle, .Peek = handle, .Tell = handle_tell, .Hint = handle_tell};

static void open_on(struct server *server, semel_node *node, struct store *store)
{
    semel_status status;
    memset(server, 0, sizeof *server);
    pthread_mutex_init(&server->mutex, NULL);
    pthread_cond_init(&server->changed, NULL);
    server->handler = server_count;
    server->node = node;
    if (store == NULL)
        cr_assert(semel_server_open(server->node, NULL, &server->semel, &status) == SEMEL_OK);
    else
        cr_assert(server_open_with(server->node, store, &server->semel, &status) == SEMEL_OK);
    cr_assert(probe_Probe_serve(server->semel, &handlers, server) == SEMEL_OK);
}

void server_open_on(struct server *server, semel_node *node)
{
    open_on(server, node, NULL);
}

void server_open_on_store(struct server *server, const char *const *properties, const char *uri,
                          struct store *store)
{
    semel_status status;
    semel_node *node;
    semel_properties *created = properties_of(PATIENT_SERVER);
    set_all(created, properties);
    const struct semel_node_options options = {.properties = created, .thread = true};
    cr_assert(semel_node_open(&options, &node, &status) == SEMEL_OK);
    open_on(server, node, store);
    server->properties = created;
    cr_assert(semel_server_listen(server->semel, uri, server->uri, &status) == SEMEL_OK, "%s", status.message);
}

void server_open_at(struct server *server, const char *const *properties, const char *uri)
{
    server_open_on_store(server, properties, uri, NULL);
}

void server_open(struct server *server, const char *const *properties)
{
    server_open_at(server, properties, loopback_tcp());
}

void server_fini(struct server *server)
{
    pthread_mutex_destroy(&server->mutex);
    pthread_cond_destroy(&server->changed);
}

void server_close(struct server *server)
{
    semel_node_close(server->node);
    semel_properties_destroy(server->properties);
    server_fini(server);
}

unsigned server_runs(struct server *server, unsigned op)
{
    pthread_mutex_lock(&server->mutex);
    unsigned runs = server->runs[op];
    pthread_mutex_unlock(&server->mutex);
    return runs;
}

unsigned server_all_runs(struct server *server)
{
    pthread_mutex_lock(&server->mutex);
    unsigned runs = server->all_runs;
    pthread_mutex_unlock(&server->mutex);
    return runs;
}

void server_wait_runs(struct server *server, unsigned op, unsigned runs)
{
    pthread_mutex_lock(&server->mutex);
    while (server->runs[op] < runs)
        pthread_cond_wait(&server->changed, &server->mutex);
    pthread_mutex_unlock(&server->mutex);
}

semel_request *server_pending(struct server *server, size_t n)
{
    pthread_mutex_lock(&server->mutex);
    while (server->pending_count <= n)
        pthread_cond_wait(&server->changed, &server->mutex);
    semel_request *request = server->pending[n];
    pthread_mutex_unlock(&server->mutex);
    return request;
}

struct semel_server_stats server_stats(struct server *server)
{
    struct semel_server_stats stats;
    semel_server_get_stats(server->semel, &stats);
    return stats;
}

/* Statistics have no event to wait for: each look is a round through the server's loop, which does its work between
 * two of them. */
void server_wait_stat(struct server *server, size_t where, uint64_t value)
{
    struct semel_server_stats stats;
    uint64_t now;
    do {
        stats = server_stats(server);
        memcpy(&now, (const char *)&stats + where, sizeof now);
    } while (now < value);
}

void server_wait_gauge(struct server *server, size_t where, uint32_t value)
{
    struct semel_server_stats stats;
    uint32_t now;
    do {
        stats = server_stats(server);
        memcpy(&now, (const char *)&stats + where, sizeof now);
    } while (now != value);
}

/* ---- the client ---- */

static void open_client(struct client *client, const char *const *properties, const char *endpoints,
                        bool thread)
{
    semel_status status;
    *client = (struct client){.properties = properties_of(PATIENT_CLIENT)};
    set_all(client->properties, properties);
    const struct semel_node_options options = {.properties = client->properties, .thread = thread};
    cr_assert(semel_node_open(&options, &client->node, &status) == SEMEL_OK);
    cr_assert(semel_channel_open(client->node, "test", endpoints, &client->channel, &status) == SEMEL_OK, "%s",
              status.message);
}

void client_open(struct client *client, const char *const *properties, const char *endpoints)
{
    open_client(client, properties, endpoints, true);
}

void client_open_unrun(struct client *client, const char *const *properties, const char *endpoints)
{
    open_client(client, properties, endpoints, false);
}

void client_close(struct client *client)
{
    semel_channel_close(client->channel);
    semel_node_close(client->node);
    semel_properties_destroy(client->properties);
}

struct semel_channel_stats client_stats(struct client *client)
{
    struct semel_channel_stats stats;
    semel_channel_get_stats(client->channel, &stats);
    return stats;
}

/* ---- dials ---- */

static atomic_bool side_by_side;

int64_t __real_order_next_ns(const struct order_pace *pace);
int64_t __wrap_order_next_ns(const struct order_pace *pace);

void dials_go_side_by_side(void)
{
    side_by_side = true;
}

/* The linker lets the client ask here when its next dial may begin. */
int64_t __wrap_order_next_ns(const struct order_pace *pace)
{
    int64_t due_ns = __real_order_next_ns(pace);
    return side_by_side || due_ns == INT64_MIN ? due_ns : INT64_MAX;
}

/* ---- turns ---- */

static atomic_bool timeless;

int64_t __real_loop_refresh(struct loop *loop);
int64_t __wrap_loop_refresh(struct loop *loop);

void turns_take_no_time(void)
{
    timeless = true;
}

void __real_loop_freshen(struct loop *loop);
void __wrap_loop_freshen(struct loop *loop);

void __wrap_loop_freshen(struct loop *loop)
{
    if (!timeless)
        __real_loop_freshen(loop);
}

/* What the server asks for the time within a turn; that at its beginning the loop reads by itself. */
int64_t __wrap_loop_refresh(struct loop *loop)
{
    return timeless ? loop_now(loop) : __real_loop_refresh(loop);
}

/* ---- calls ---- */

void watch_init(struct watch *watch)
{
    memset(watch, 0, sizeof *watch);
    pthread_mutex_init(&watch->mutex, NULL);
    pthread_cond_init(&watch->changed, NULL);
}

void watch_replied(const probe_Reply *reply, const semel_status *status, void *user)
{
    struct watch *watch = user;
    pthread_mutex_lock(&watch->mutex);
    watch->times++;
    watch->status = *status;
    if (reply != NULL) {
        watch->pad_size = reply->pad != NULL ? reply->pad->size : 0;
        watch->reply = *reply;
        watch->reply.pad = NULL;
    }
    pthread_cond_broadcast(&watch->changed);
    pthread_mutex_unlock(&watch->mutex);
}

void watch_told(const semel_status *status, void *user)
{
    watch_replied(NULL, status, user);
}

struct starting {
    struct watch *watch;
    struct client *client;
    enum method method;
    probe_Request in;
    const semel_call_options *options;
};

static void start_now(void *arg)
{
    struct starting *starting = arg;
    struct watch *watch = starting->watch;
    const struct semel_method *method = &probe_Probe_methods[starting->method];
    watch->started = semel_call_start(
        starting->client->channel, method, &starting->in, starting->options, &watch->call,
        method->oneway ? (void (*)(void))watch_told : (void (*)(void))watch_replied, watch);
}

void watch_start_sized(struct watch *watch, struct client *client, enum method method, unsigned op, size_t pad,
                       size_t reply_size, const semel_call_options *options)
{
    struct starting starting = {watch, client, method, probe_Request_init_zero, options};
    watch_init(watch);
    starting.in.op = op;
    starting.in.reply_size = (uint32_t)reply_size;
    if (pad > 0) {
        starting.in.pad = calloc(1, PB_BYTES_ARRAY_T_ALLOCSIZE(pad));
        cr_assert(starting.in.pad != NULL);
        starting.in.pad->size = (pb_size_t)pad;
    }
    on_node(client->node, start_now, &starting);
    free(starting.in.pad);
}

void watch_start(struct watch *watch, struct client *client, enum method method, unsigned op,
                 const semel_call_options *options)
{
    watch_start_sized(watch, client, method, op, 0, 0, options);
    cr_assert(watch->started == SEMEL_OK, "%s", semel_code_name(watch->started));
}

static void cancel_now(void *arg)
{
    struct starting *starting = arg;
    unsigned before = watch_times(starting->watch);
    semel_call_cancel(starting->client->channel, starting->watch->call);
    cr_assert(watch_times(starting->watch) == before, "the callback ran inside cancel");
}

void watch_cancel(struct watch *watch, struct client *client)
{
    struct starting starting = {.watch = watch, .client = client};
    on_node(client->node, cancel_now, &starting);
}

static struct call *find_call(const struct starting *starting)
{
    struct call *call = (struct call *)outbox_find(&starting->client->channel->outbox,
                                                   starting->watch->call.seq);
    cr_assert(call != NULL, "it has ended");
    return call;
}

static void expire_now(void *arg)
{
    struct call *call = find_call(arg);
    call->deadline_ns = node_now(call->channel->node);
    cr_assert(loop_timer_start(channel_loop(call->channel), &call->deadline, call->deadline_ns));
}

void watch_expire(struct watch *watch, struct client *client)
{
    struct starting starting = {.watch = watch, .client = client};
    on_node(client->node, expire_now, &starting);
}

static void hurry_now(void *arg)
{
    struct call *call = find_call(arg);
    cr_assert(timer_running(&call->retry), "it waits for nothing");
    cr_assert(loop_timer_start(channel_loop(call->channel), &call->retry, node_now(call->channel->node)));
}

void watch_hurry(struct watch *watch, struct client *client)
{
    struct starting starting = {.watch = watch, .client = client};
    on_node(client->node, hurry_now, &starting);
}

const semel_status *watch_wait(struct watch *watch)
{
    pthread_mutex_lock(&watch->mutex);
    while (watch->times == 0)
        pthread_cond_wait(&watch->changed, &watch->mutex);
    pthread_mutex_unlock(&watch->mutex);
    return &watch->status;
}

unsigned watch_times(struct watch *watch)
{
    pthread_mutex_lock(&watch->mutex);
    unsigned times = watch->times;
    pthread_mutex_unlock(&watch->mutex);
    return times;
}
