/* Both ends of calls back.
 *
 * Reads best next: back.h. */
#include "back.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

/* ---- the client ---- */

void agent_open(struct agent *agent, const char *const *properties, const char *endpoints)
{
    client_open(&agent->client, properties, endpoints);
    server_open_on(&agent->served, agent->client.node);
    cr_assert_eq((int)semel_channel_serve(agent->client.channel, agent->served.semel), SEMEL_OK);
}

void agent_close(struct agent *agent)
{
    client_close(&agent->client);
    server_fini(&agent->served);
}

/* ---- the server ---- */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static semel_status latest;
static unsigned failures;

static void note_failure(const semel_status *status)
{
    pthread_mutex_lock(&mutex);
    latest = *status;
    failures++;
    pthread_mutex_unlock(&mutex);
}

semel_status back_failure(void)
{
    pthread_mutex_lock(&mutex);
    semel_status status = latest;
    pthread_mutex_unlock(&mutex);
    return status;
}

unsigned back_failures(void)
{
    pthread_mutex_lock(&mutex);
    unsigned count = failures;
    pthread_mutex_unlock(&mutex);
    return count;
}

struct asking {
    semel_request *request;
    semel_channel *channel;
};

static void on_answered(const probe_Reply *reply, const semel_status *status, void *user)
{
    struct asking *asking = user;
    if (status->code == SEMEL_OK) {
        semel_request_finish(asking->request, &(probe_Reply){.op = reply->op, .runs = reply->runs});
    } else {
        note_failure(status);
        semel_request_fail(asking->request, status->code, status->message);
    }
    semel_channel_close(asking->channel);
    free(asking);
}

static enum semel_code start(struct server *server, struct asking *asking, const probe_Request *in)
{
    semel_status status;
    semel_peer *peer = semel_request_peer(asking->request);
    cr_assert_not_null(peer);
    enum semel_code code = semel_channel_open_peer(server->node, "back", peer, &asking->channel, &status);
    if (code != SEMEL_OK)
        return code;
    const struct semel_method *method = semel_request_method(asking->request);
    return semel_call_start(asking->channel, method, in, NULL, NULL, (void (*)(void))on_answered, asking);
}

enum semel_code back_ask(struct server *server, semel_request *request, probe_Request *in, probe_Reply *out)
{
    struct asking *asking = calloc(1, sizeof *asking);
    cr_assert_not_null(asking);
    (void)out;
    asking->request = request;
    enum semel_code code = start(server, asking, in);
    if (code == SEMEL_OK)
        return SEMEL_PENDING;
    semel_channel_close(asking->channel);
    free(asking);
    return semel_request_error(request, code, "the call back did not start");
}

/* ---- from the outside ---- */

struct opening {
    struct server *server;
    semel_request *request;
    const char *name;
    semel_channel *channel;
    enum semel_code code;
};

static void open_now(void *arg)
{
    struct opening *opening = arg;
    semel_status status;
    semel_peer *peer = semel_request_peer(opening->request);
    cr_assert_not_null(peer);
    opening->code = semel_channel_open_peer(opening->server->node, opening->name, peer, &opening->channel,
                                            &status);
}

enum semel_code back_try(struct server *server, semel_request *request, const char *name,
                         semel_channel **ret_channel)
{
    struct opening opening = {.server = server, .request = request, .name = name};
    on_node(server->node, open_now, &opening);
    *ret_channel = opening.channel;
    return opening.code;
}

semel_channel *back_open(struct server *server, semel_request *request, const char *name)
{
    semel_channel *channel;
    cr_assert_eq((int)back_try(server, request, name, &channel), SEMEL_OK);
    return channel;
}

void back_start(struct watch *watch, struct server *server, semel_channel *channel, enum method method,
                unsigned op, const semel_call_options *options)
{
    struct client caller = {.node = server->node, .channel = channel};
    watch_start(watch, &caller, method, op, options);
}
