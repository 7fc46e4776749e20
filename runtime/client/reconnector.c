/* Rounds over the endpoints.
 *
 * Reads best next: reconnector.h. */
#include "client/reconnector.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>

#include "client/channel.h"
#include "client/dial.h"
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

static int64_t now(const struct reconnector *reconnector)
{
    return node_now(reconnector->channel->node);
}

static void set_order(struct reconnector *reconnector)
{
    for (size_t i = 0; i < reconnector->endpoint_count; i++)
        reconnector->order[i] = i;
    if (reconnector->random)
        shuffle(reconnector);
    health_order(reconnector->health, reconnector->endpoint_count, reconnector->failed_last, now(reconnector),
                 reconnector->order);
}

static void note_failure(struct reconnector *reconnector, size_t endpoint)
{
    health_failed(&reconnector->health[endpoint], now(reconnector));
    breaker_failed(&reconnector->breakers[endpoint], now(reconnector));
    reconnector->failed_last = endpoint;
}

/* The endpoint at this place of the round gave no connection: on to the next place. */
static void pass_over(struct reconnector *reconnector, enum semel_reason reason, int os_error)
{
    size_t failed = reconnector->order[reconnector->at];
    note_failure(reconnector, failed);
    reconnector->round_reason = reason;
    reconnector->round_errno = os_error;
    reconnector->round_endpoint = failed;
    reconnector->at++;
}

/* Dials the next endpoint of the round whose breaker lets it be tried; if there is none, the round is over. */
static void dial_next(struct reconnector *reconnector)
{
    semel_channel *channel = reconnector->channel;
    while (reconnector->at < reconnector->endpoint_count) {
        size_t next = reconnector->order[reconnector->at];
        if (!breaker_allows(&reconnector->breakers[next], now(reconnector))) {
            reconnector->at++;
            continue;
        }
        enum semel_reason reason;
        int os_error;
        set_state(reconnector, RECONNECTOR_DIALLING);
        reconnector->dial = dial_start(channel, &reconnector->endpoints[next], ++channel->attempt, &reason,
                                       &os_error);
        if (reconnector->dial != NULL)
            return;
        pass_over(reconnector, reason, os_error);
    }
    set_state(reconnector, RECONNECTOR_IDLE);
    channel_round_failed(channel, reconnector->round_reason, reconnector->round_errno,
                         reconnector->endpoints[reconnector->round_endpoint].text);
}

static void begin_round(struct reconnector *reconnector)
{
    loop_timer_stop(channel_loop(reconnector->channel), &reconnector->wait);
    loop_task_cancel(channel_loop(reconnector->channel), &reconnector->begin);
    set_order(reconnector);
    reconnector->at = 0;
    reconnector->round_reason = SEMEL_REASON_BREAKER_OPEN;
    reconnector->round_errno = 0;
    reconnector->round_endpoint = reconnector->order[0];
    dial_next(reconnector);
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
                      size_t count, bool random, const struct breaker *breaker)
{
    assert(count > 0);
    *reconnector = (struct reconnector){.channel = channel,
                                        .endpoint_count = count,
                                        .failed_last = count,
                                        .random = random,
                                        .health = calloc(count, sizeof *reconnector->health),
                                        .breakers = calloc(count, sizeof *reconnector->breakers),
                                        .order = calloc(count, sizeof *reconnector->order)};
    timer_init(&reconnector->wait, on_wait);
    loop_task_init(&reconnector->begin, on_begin);
    if (reconnector->order == NULL || reconnector->health == NULL || reconnector->breakers == NULL) {
        free(reconnector->health);
        free(reconnector->breakers);
        free(reconnector->order);
        return false;
    }
    for (size_t i = 0; i < count; i++)
        reconnector->breakers[i] = *breaker;
    reconnector->endpoints = endpoints;
    return true;
}

void reconnector_fini(struct reconnector *reconnector)
{
    loop_timer_stop(channel_loop(reconnector->channel), &reconnector->wait);
    loop_task_cancel(channel_loop(reconnector->channel), &reconnector->begin);
    dial_cancel(reconnector->dial);
    free(reconnector->health);
    free(reconnector->breakers);
    free(reconnector->order);
    free(reconnector->endpoints);
}

void reconnector_want(struct reconnector *reconnector, int64_t due_ns)
{
    struct loop *loop = channel_loop(reconnector->channel);
    if (reconnector->channel->datagrams != NULL)
        return; /* there is nothing to connect to */
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
    reconnector->dial = NULL;
    reconnector->unproved = true;
}

void reconnector_dial_failed(struct reconnector *reconnector, enum semel_reason reason, int os_error)
{
    reconnector->dial = NULL;
    pass_over(reconnector, reason, os_error);
    dial_next(reconnector);
}

void reconnector_lost(struct reconnector *reconnector, bool parted)
{
    size_t present = reconnector->order[reconnector->at];
    set_state(reconnector, RECONNECTOR_IDLE);
    reconnector->failed_last = present;
    if (!parted)
        note_failure(reconnector, present);
}

void reconnector_left(struct reconnector *reconnector)
{
    set_state(reconnector, RECONNECTOR_IDLE);
}

bool reconnector_trouble(struct reconnector *reconnector)
{
    if (reconnector->state != RECONNECTOR_CONNECTED)
        return false;
    size_t present = reconnector->order[reconnector->at];
    note_failure(reconnector, present);
    reconnector->unproved = true;
    return !breaker_would_allow(&reconnector->breakers[present], now(reconnector));
}

void reconnector_prove(struct reconnector *reconnector)
{
    if (!reconnector->unproved || reconnector->state != RECONNECTOR_CONNECTED)
        return;
    size_t present = reconnector->order[reconnector->at];
    reconnector->unproved = false;
    health_worked(&reconnector->health[present], now(reconnector));
    breaker_succeeded(&reconnector->breakers[present]);
}

bool reconnector_is_barred(const struct reconnector *reconnector)
{
    for (size_t i = 0; i < reconnector->endpoint_count; i++)
        if (breaker_would_allow(&reconnector->breakers[i], now(reconnector)))
            return false;
    return true;
}
