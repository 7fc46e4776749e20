/* Rounds over the endpoints.
 *
 * Reads best next: reconnector.h. */
#include "client/reconnector.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>

#include "client/channel.h"
#include "core/units.h"
#include "net/random.h"

#define TO(state) (1u << RECONNECTOR_##state)

static const unsigned legal[RECONNECTOR_STATE_COUNT] = {
    [RECONNECTOR_IDLE] = TO(WAITING),
    [RECONNECTOR_WAITING] = TO(WAITING) | TO(DIALLING) | TO(IDLE),
    [RECONNECTOR_DIALLING] = TO(DIALLING) | TO(CONNECTED) | TO(IDLE),
    [RECONNECTOR_CONNECTED] = TO(IDLE),
};

static void set_state(struct reconnector *reconnector, enum reconnector_state state)
{
    assert((legal[reconnector->state] & (1u << state)) != 0);
    reconnector->state = state;
}

static void dial(struct reconnector *reconnector)
{
    set_state(reconnector, RECONNECTOR_DIALLING);
    channel_dial(reconnector->channel, &reconnector->endpoints[reconnector->order[reconnector->at]]);
}

static void swap(size_t *a, size_t *b)
{
    size_t kept = *a;
    *a = *b;
    *b = kept;
}

static void shuffle(struct reconnector *reconnector)
{
    for (size_t i = reconnector->endpoint_count; i > 1; i--)
        swap(&reconnector->order[i - 1], &reconnector->order[random_u64() % i]);
}

/* The order of a new round; the endpoint that failed last goes last, whatever the order. */
static void set_order(struct reconnector *reconnector)
{
    size_t count = reconnector->endpoint_count;
    for (size_t i = 0; i < count; i++)
        reconnector->order[i] = i;
    if (reconnector->random)
        shuffle(reconnector);
    for (size_t i = 0; i + 1 < count; i++)
        if (reconnector->order[i] == reconnector->failed_last)
            swap(&reconnector->order[i], &reconnector->order[i + 1]);
}

static void begin_round(struct reconnector *reconnector)
{
    loop_timer_stop(channel_loop(reconnector->channel), &reconnector->wait);
    loop_task_cancel(channel_loop(reconnector->channel), &reconnector->begin);
    set_order(reconnector);
    reconnector->at = 0;
    dial(reconnector);
}

static void on_wait(struct timer *timer)
{
    begin_round(container_of(timer, struct reconnector, wait));
}

static void on_begin(struct loop_task *task)
{
    begin_round(container_of(task, struct reconnector, begin));
}

bool reconnector_init(struct reconnector *reconnector, semel_channel *channel, struct endpoint *endpoints,
                      size_t count, bool random)
{
    assert(count > 0);
    *reconnector = (struct reconnector){.channel = channel,
                                        .endpoint_count = count,
                                        .failed_last = count,
                                        .random = random,
                                        .order = calloc(count, sizeof *reconnector->order)};
    timer_init(&reconnector->wait, on_wait);
    loop_task_init(&reconnector->begin, on_begin);
    if (reconnector->order == NULL)
        return false;
    reconnector->endpoints = endpoints;
    return true;
}

void reconnector_fini(struct reconnector *reconnector)
{
    loop_timer_stop(channel_loop(reconnector->channel), &reconnector->wait);
    loop_task_cancel(channel_loop(reconnector->channel), &reconnector->begin);
    free(reconnector->order);
    free(reconnector->endpoints);
}

void reconnector_want(struct reconnector *reconnector, int64_t due_ns)
{
    struct loop *loop = channel_loop(reconnector->channel);
    if (reconnector->state != RECONNECTOR_IDLE && reconnector->state != RECONNECTOR_WAITING)
        return;
    set_state(reconnector, RECONNECTOR_WAITING);
    /* Never from inside the function that started a call: the round may fail at once, and callbacks come later. */
    if (due_ns <= loop_now(loop)) {
        loop_timer_stop(loop, &reconnector->wait);
        loop_later(loop, &reconnector->begin);
        return;
    }
    if (reconnector->begin.queued || (timer_running(&reconnector->wait) && reconnector->wait.due_ns <= due_ns))
        return;
    if (!loop_timer_start(loop, &reconnector->wait, due_ns))
        loop_later(loop, &reconnector->begin); /* no memory for a wait: try at once rather than never */
}

void reconnector_connected(struct reconnector *reconnector)
{
    set_state(reconnector, RECONNECTOR_CONNECTED);
}

void reconnector_dial_failed(struct reconnector *reconnector, enum semel_reason reason, int os_error)
{
    size_t failed = reconnector->order[reconnector->at];
    reconnector->failed_last = failed;
    if (++reconnector->at < reconnector->endpoint_count) {
        dial(reconnector);
        return;
    }
    set_state(reconnector, RECONNECTOR_IDLE);
    channel_round_failed(reconnector->channel, reason, os_error, reconnector->endpoints[failed].text);
}

void reconnector_lost(struct reconnector *reconnector)
{
    set_state(reconnector, RECONNECTOR_IDLE);
    reconnector->failed_last = reconnector->order[reconnector->at];
}
