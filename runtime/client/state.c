/* From what the parts of a channel know to one word, told at the end of a turn.
 *
 * Reads best next: state.h, reconnector.h. */
#include "client/state.h"

#include <stddef.h>
#include <stdio.h>

#include "client/channel.h"
#include "core/units.h"

static const struct {
    const char *name;
    const char *text;
} words[SEMEL_CONNECTIVITY_COUNT] = {
#define CONNECTIVITY_WORDS(name, what) [SEMEL_CONNECTIVITY_##name] = {#name, what},
    SEMEL_CONNECTIVITIES(CONNECTIVITY_WORDS)
#undef CONNECTIVITY_WORDS
};

static bool is_known(enum semel_connectivity connectivity)
{
    return (unsigned)connectivity < SEMEL_CONNECTIVITY_COUNT;
}

const char *semel_connectivity_name(enum semel_connectivity connectivity)
{
    return is_known(connectivity) ? words[connectivity].name : "?";
}

const char *semel_connectivity_text(enum semel_connectivity connectivity)
{
    return is_known(connectivity) ? words[connectivity].text : "?";
}

static enum semel_connectivity live(const semel_channel *channel)
{
    if (channel->parting)
        return SEMEL_CONNECTIVITY_PARTING;
    return channel->recovery.state == RECOVERY_IDLE ? SEMEL_CONNECTIVITY_CONNECTED
                                                    : SEMEL_CONNECTIVITY_RECOVERING;
}

static enum semel_connectivity derive(const semel_channel *channel)
{
    const struct reconnector *reconnector = &channel->reconnector;
    if (channel->closing)
        return SEMEL_CONNECTIVITY_CLOSED;
    if (channel->connection != 0)
        return live(channel);
    if (reconnector->state == RECONNECTOR_WAITING)
        return SEMEL_CONNECTIVITY_WAITING;
    if (reconnector->state == RECONNECTOR_IDLE)
        return SEMEL_CONNECTIVITY_IDLE;
    return round_is_resolving(&reconnector->round) ? SEMEL_CONNECTIVITY_RESOLVING
                                                   : SEMEL_CONNECTIVITY_CONNECTING;
}

static int64_t until_next_ms(const semel_channel *channel)
{
    const struct reconnector *reconnector = &channel->reconnector;
    if (channel->state.connectivity != SEMEL_CONNECTIVITY_WAITING)
        return -1;
    int64_t left_ns = timer_running(&reconnector->wait) ? reconnector->wait.due_ns - node_now(channel->node)
                                                        : 0;
    return left_ns > 0 ? (left_ns + MS_IN_NS - 1) / MS_IN_NS : 0;
}

static void describe(const semel_channel *channel, struct semel_channel_state *ret)
{
    const struct state *state = &channel->state;
    *ret = (struct semel_channel_state){
        .connectivity = state->connectivity,
        .since_ms = (node_now(channel->node) - state->since_ns) / MS_IN_NS,
        .connection = channel->connection,
        .next_attempt_ms = until_next_ms(channel),
        .rounds_failed = channel->reconnector.rounds_failed,
        .error = state->error,
        .error_os = state->error_os,
    };
    if (channel->connection != 0) {
        snprintf(ret->endpoint, sizeof ret->endpoint, "%s", channel->endpoint);
        endpoint_numbers(&channel->reconnector.live, ret->address);
    }
    if (state->error_endpoint != NULL)
        snprintf(ret->error_endpoint, sizeof ret->error_endpoint, "%s", state->error_endpoint);
}

/* Tells it, if it is news. */
static void tell(semel_channel *channel)
{
    struct state *state = &channel->state;
    struct semel_channel_state now;
    if (state->fn == NULL ||
        (state->told == state->connectivity && state->told_connection == channel->connection))
        return;
    state->told = state->connectivity;
    state->told_connection = channel->connection;
    describe(channel, &now);
    channel->callbacks++;
    state->fn(channel, &now, state->user);
    channel->callbacks--;
    loop_freshen(channel_loop(channel));
}

static void on_tell(struct loop_task *task)
{
    semel_channel *channel = container_of(container_of(task, struct state, tell), semel_channel, state);
    if (channel->reconnector.begin.queued)
        loop_later(channel_loop(channel),
                   task); /* a round begins in this very turn: what comes of it is told */
    else
        tell(channel);
}

void state_init(semel_channel *channel)
{
    channel->state = (struct state){.connectivity = SEMEL_CONNECTIVITY_IDLE,
                                    .since_ns = node_now(channel->node)};
    loop_task_init(&channel->state.tell, on_tell);
}

void state_changed(semel_channel *channel)
{
    struct state *state = &channel->state;
    enum semel_connectivity now = derive(channel);
    if (now != state->connectivity) {
        state->connectivity = now;
        state->since_ns = node_now(channel->node);
    }
    bool news = state->told != now || state->told_connection != channel->connection;
    if (state->fn != NULL && news && !channel->closing)
        loop_later(channel_loop(channel), &state->tell);
}

void state_note_error(semel_channel *channel, enum semel_reason reason, int os_error, const char *endpoint)
{
    channel->state.error = reason;
    channel->state.error_os = os_error;
    channel->state.error_endpoint = endpoint;
}

void state_close(semel_channel *channel)
{
    loop_task_cancel(channel_loop(channel), &channel->state.tell);
    state_changed(channel);
    tell(channel);
}

/* ---- from any thread ---- */

struct asking {
    const semel_channel *channel;
    struct semel_channel_state *ret_state;
};

static void ask_now(void *arg)
{
    const struct asking *asking = arg;
    loop_freshen(channel_loop((semel_channel *)asking->channel));
    describe(asking->channel, asking->ret_state);
}

void semel_channel_get_state(const semel_channel *channel, struct semel_channel_state *ret_state)
{
    struct asking asking = {channel, ret_state};
    node_call(channel->node, ask_now, &asking);
}

struct listening {
    semel_channel *channel;
    semel_state_fn *fn;
    void *user;
};

static void listen_now(void *arg)
{
    const struct listening *listening = arg;
    struct state *state = &listening->channel->state;
    state->fn = listening->fn;
    state->user = listening->user;
    state->told = state->connectivity;
    state->told_connection = listening->channel->connection;
}

void semel_channel_on_state(semel_channel *channel, semel_state_fn *fn, void *user)
{
    struct listening listening = {channel, fn, user};
    node_call(channel->node, listen_now, &listening);
}
