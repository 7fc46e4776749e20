/* A server answers at once, later, with an error, or refuses, as the operation says.
 *
 * Reads best next: servers.h, history.h. */
#include "servers.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "history.h"
#include "ledger.semel.h"

/* A request that is answered later. */
struct answer {
    struct answer *next;
    struct server *server;
    semel_request *request;
    struct op *op;
    uint64_t run;
};

static struct server {
    semel_sim_host *host;
    semel_node *node;
    semel_server *server;
    struct answer *answers;
    uint64_t called; /* handlers, in this life */
    bool draining;
    bool drained;
} servers[SERVERS_MAX];

static uint32_t count;
static semel_properties *properties;

/* ---- handlers ---- */

static void fill(ledger_Mark *mark, const struct op *op, uint64_t run)
{
    mark->id = op->id;
    mark->run = run;
    mark->pad.size = (pb_size_t)op->reply_pad;
    memset(mark->pad.bytes, (int)run, op->reply_pad);
}

static void unlink_answer(struct answer *answer)
{
    struct answer **link = &answer->server->answers;
    while (*link != answer)
        link = &(*link)->next;
    *link = answer->next;
}

static void finish(struct answer *answer)
{
    const struct op *op = answer->op;
    ledger_Mark mark = ledger_Mark_init_zero;
    unlink_answer(answer);
    fill(&mark, op, answer->run);
    if (op->behaviour == BEHAVE_FAIL)
        semel_request_fail(answer->request, SEMEL_ABORTED, "as it was told");
    else if (op->mode == MODE_TELL)
        semel_request_finish(answer->request, NULL);
    else
        semel_request_finish(answer->request, &mark);
    free(answer);
}

static void on_thought(void *arg)
{
    /* Meanwhile it may have been finished because its server was closed. */
    for (uint32_t i = 0; i < count; i++)
        for (struct answer *answer = servers[i].answers; answer != NULL; answer = answer->next)
            if (answer == arg) {
                finish(answer);
                return;
            }
}

static enum semel_code think(semel_request *request, struct op *op, struct server *server, uint64_t run)
{
    struct answer *answer = malloc(sizeof *answer);
    assert(answer != NULL);
    *answer = (struct answer){server->answers, server, request, op, run};
    server->answers = answer;
    semel_sim_after(server->host, op->think_ms, on_thought, answer);
    return SEMEL_PENDING;
}

static enum semel_code serve(semel_request *request, const ledger_Op *in, ledger_Mark *out,
                             struct server *server)
{
    struct op *op = history_op(in->id);
    server->called++;
    if (op->refusals > 0) {
        op->refusals--;
        semel_sim_note(history->sim, server->host, "refuses op %llu", (unsigned long long)op->id);
        return semel_request_refuse(request, op->refusals * 7, op->refusals == 2);
    }
    uint64_t run = history_ran(op, server->host);
    if (op->think_ms > 0)
        return think(request, op, server, run);
    if (op->behaviour == BEHAVE_FAIL)
        return semel_request_error(request, SEMEL_ABORTED, "as it was told");
    if (out != NULL)
        fill(out, op, run);
    return SEMEL_OK;
}

static enum semel_code add(semel_request *request, ledger_Op *in, ledger_Mark *out, void *user)
{
    return serve(request, in, out, user);
}

static enum semel_code set(semel_request *request, ledger_Op *in, ledger_Mark *out, void *user)
{
    return serve(request, in, out, user);
}

static enum semel_code tell(semel_request *request, ledger_Op *in, void *user)
{
    return serve(request, in, NULL, user);
}

static const struct ledger_Ledger_handlers handlers = {.Add = add, .Set = set, .Tell = tell};

/* ---- processes ---- */

static void forget_answers(struct server *server)
{
    while (server->answers != NULL) {
        struct answer *answer = server->answers;
        server->answers = answer->next;
        free(answer);
    }
}

static void on_log(enum semel_log_level level, const char *text, void *user)
{
    (void)level;
    semel_sim_note(history->sim, user, "log: %s", text);
}

static void boot(semel_sim_host *host, void *user)
{
    struct server *server = user;
    semel_status status;
    forget_answers(server); /* their requests went with the process */
    server->called = 0;
    server->draining = server->drained = false;
    const struct semel_node_options options = {.properties = properties, .log = on_log, .log_user = host};
    enum semel_code code = semel_node_open(&options, &server->node, &status);
    assert(code == SEMEL_OK);
    code = semel_server_open(server->node, NULL, &server->server, &status);
    assert(code == SEMEL_OK);
    code = ledger_Ledger_serve(server->server, &handlers, server);
    assert(code == SEMEL_OK);
    code = semel_server_listen(server->server, "tcp://0.0.0.0:4061", NULL, &status);
    assert(code == SEMEL_OK);
    (void)code;
}

void servers_add(semel_sim *sim, const struct setup *setup)
{
    count = setup->servers;
    properties = setup->properties;
    for (uint32_t i = 0; i < count; i++) {
        char name[24];
        snprintf(name, sizeof name, "server%u", i + 1);
        servers[i] = (struct server){0};
        servers[i].host = semel_sim_add_host(sim, name, boot, &servers[i]);
    }
}

void servers_endpoints(uint32_t first, char *text, size_t size)
{
    size_t used = 0;
    for (uint32_t i = 0; i < count; i++)
        used += (size_t)snprintf(text + used, size - used, "%stcp://server%u:4061", i > 0 ? "," : "",
                                 (first + i) % count + 1);
}

/* ---- in good order ---- */

static void on_drained(void *user)
{
    ((struct server *)user)->drained = true;
}

static void drain(void *arg)
{
    struct server *server = arg;
    server->draining = semel_server_drain(server->server, on_drained, server) == SEMEL_OK;
}

void servers_drain(uint32_t server)
{
    struct server *chosen = &servers[server % count];
    if (!semel_sim_is_up(chosen->host) || chosen->draining)
        return;
    semel_sim_note(history->sim, chosen->host, "drains");
    semel_sim_as(chosen->host, drain, chosen);
}

/* What a server that is asked to end does: every counter must fit what it did. */
static void check_counters(struct server *server)
{
    struct semel_server_stats stats;
    semel_server_get_stats(server->server, &stats);
    if (stats.executed != server->called)
        semel_sim_fail(history->sim, "%s counts %llu runs, and its handlers %llu",
                       semel_sim_host_name(server->host), (unsigned long long)stats.executed,
                       (unsigned long long)server->called);
    uint64_t closed = 0;
    for (int i = 0; i < SEMEL_REASON_COUNT; i++)
        closed += stats.closed_by[i];
    if (stats.accepted != closed + stats.connections)
        semel_sim_fail(history->sim, "%s has accepted %llu connections, closed %llu and has %u",
                       semel_sim_host_name(server->host), (unsigned long long)stats.accepted,
                       (unsigned long long)closed, stats.connections);
}

static void close_server(void *arg)
{
    struct server *server = arg;
    check_counters(server);
    semel_server_close(server->server);
    while (server->answers != NULL)
        finish(server->answers); /* which does nothing but free them */
}

static void stop(struct server *server)
{
    if (!semel_sim_is_up(server->host))
        return;
    semel_sim_as(server->host, close_server, server);
    semel_sim_stop(server->host);
    forget_answers(server);
}

void servers_tend(bool impatient)
{
    for (uint32_t i = 0; i < count; i++)
        if ((servers[i].drained || (impatient && servers[i].draining)) && semel_sim_is_up(servers[i].host)) {
            stop(&servers[i]);
            semel_sim_start(servers[i].host);
        }
}

void servers_stop(void)
{
    for (uint32_t i = 0; i < count; i++)
        stop(&servers[i]);
}
