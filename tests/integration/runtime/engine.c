/* Failing as told.
 *
 * Reads best next: engine.h. */
#include "engine.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client/channel.h"

struct engine_failing engine_failing;

enum semel_code engine_fail(struct server *server, semel_request *request, probe_Request *in, probe_Reply *out)
{
    (void)server;
    (void)in;
    if (out->runs > engine_failing.times)
        return SEMEL_OK;
    if (engine_failing.code == SEMEL_REFUSED)
        return semel_request_refuse(request, engine_failing.pushback_ms, engine_failing.elsewhere);
    return semel_request_error(request, engine_failing.code, "run %u of %u fails", out->runs, out->op);
}

const char *engine_list(char *into, const char *a, const char *b)
{
    snprintf(into, ENGINE_LIST, "%s,%s", a, b);
    return into;
}

const char *engine_list3(char *into, const char *a, const char *b, const char *c)
{
    snprintf(into, ENGINE_LIST, "%s,%s,%s", a, b, c);
    return into;
}

semel_status engine_call(struct client *client, enum method method, unsigned op,
                         const semel_call_options *options)
{
    probe_Reply reply;
    semel_status status;
    semel_call_wait(client->channel, &probe_Probe_methods[method], &(probe_Request){.op = op}, &reply, NULL,
                    options, &status);
    if (status.code == SEMEL_OK)
        probe_Probe_Set_release(&reply);
    return status;
}

void engine_outlast(struct client *client)
{
    static const semel_call_options brief = OPTIONS(200, NULL, -1, SEMEL_ON_UNAVAILABLE_UNSET);
    char silent[SEMEL_ENDPOINT_TEXT_MAX];
    int listener = peer_listen(silent);
    struct client clock = *client;
    struct watch watch;
    cr_assert_eq((int)semel_channel_open(client->node, "clock", silent, &clock.channel, NULL), SEMEL_OK);
    watch_start(&watch, &clock, ADD, 1, &brief);
    check_status(watch_wait(&watch), DEADLINE_EXCEEDED, DEADLINE, NOT_EXECUTED);
    semel_channel_close(clock.channel);
    close(listener);
}

void engine_refuse(struct peer *peer, const struct frame *request, uint32_t pushback_ms)
{
    peer_reply(peer, request, SEMEL_UNAVAILABLE, SEMEL_REASON_OVERLOADED,
               SEMEL_OUTCOME_NOT_EXECUTED | FRAME_REFUSED, pushback_ms);
}

void engine_answer(struct peer *peer, const struct frame *request, enum semel_code code)
{
    peer_reply(peer, request, code, SEMEL_REASON_HANDLER, SEMEL_OUTCOME_EXECUTED, 0);
}

bool engine_explains(const semel_status *status, const char *words)
{
    char text[8192];
    cr_assert_lt(semel_status_explain(status, text, sizeof text), sizeof text);
    return strstr(text, words) != NULL;
}

/* How much of a frame that is begun the transport has taken, and then has no room for more. */
struct stuck {
    semel_channel *channel;
    uint64_t seq; /* of the call; 0: none is half written */
    size_t taken;
};

static void find_half_written(void *arg)
{
    struct stuck *stuck = arg;
    stuck->seq = 0;
    for (const struct outbox_call *slot = outbox_from(&stuck->channel->outbox, 0); slot != NULL;
         slot = outbox_from(&stuck->channel->outbox, slot->seq + 1))
        if (slot->state == OUTBOX_QUEUED && slot->out.taken > 0) {
            stuck->seq = slot->seq;
            stuck->taken = slot->out.taken;
        }
}

uint64_t engine_wait_until_stuck(struct client *client)
{
    struct stuck stuck = {.channel = client->channel}, before = stuck;
    for (unsigned same = 0; same < 2000; before = stuck) {
        on_node(client->node, find_half_written, &stuck);
        same = stuck.seq != 0 && stuck.seq == before.seq && stuck.taken == before.taken ? same + 1 : 0;
    }
    return stuck.seq;
}

static uint64_t sum(const uint64_t *counters, size_t count)
{
    uint64_t all = 0;
    for (size_t i = 0; i < count; i++)
        all += counters[i];
    return all;
}

void engine_check_sums(const struct semel_channel_stats *stats)
{
    uint64_t failed = sum(stats->failed, 3);
    cr_assert_eq(stats->outstanding, 0);
    cr_assert_eq(stats->calls, stats->ok + failed);
    cr_assert_eq(sum(stats->failed_by, SEMEL_REASON_COUNT), failed);
    cr_assert_eq(stats->failed_by[SEMEL_REASON_NONE], 0);
    cr_assert_eq(stats->denied_by[SEMEL_REASON_NONE], 0);
    cr_assert_eq(stats->by_rule[SEMEL_RULE_NONE], 0);
    cr_assert_geq(sum(stats->by_rule, SEMEL_RULE_COUNT), stats->calls, "a call ends by a decision");
    cr_assert_leq(stats->replays, stats->retries);
    cr_assert_leq(stats->resumed, stats->connections);
    cr_assert_leq(stats->connections, stats->dials);
    cr_assert_leq(stats->hedges_won, stats->hedges);
}

static void note_line(enum semel_log_level level, const char *text, void *user)
{
    struct engine_log *log = user;
    (void)level;
    if (strstr(text, log->words) == NULL)
        return;
    pthread_mutex_lock(&log->mutex);
    log->lines++;
    snprintf(log->last, sizeof log->last, "%s", text);
    pthread_mutex_unlock(&log->mutex);
}

void engine_open_logged(struct client *client, const char *const *properties, const char *endpoints,
                        struct engine_log *log, const char *words)
{
    *log = (struct engine_log){.words = words};
    pthread_mutex_init(&log->mutex, NULL);
    *client = (struct client){.properties = properties_of(properties)};
    const struct semel_node_options options = {
        .properties = client->properties, .thread = true, .log = note_line, .log_user = log};
    cr_assert_eq(semel_node_open(&options, &client->node, NULL), SEMEL_OK);
    cr_assert_eq(semel_channel_open(client->node, "test", endpoints, &client->channel, NULL), SEMEL_OK);
}

unsigned engine_lines(struct engine_log *log)
{
    pthread_mutex_lock(&log->mutex);
    unsigned lines = log->lines;
    pthread_mutex_unlock(&log->mutex);
    return lines;
}
