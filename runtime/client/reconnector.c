/* Rounds, and the waits between them.
 *
 * Reads best next: reconnector.h, round.c. */
#include "client/reconnector.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>

#include "client/channel.h"
#include "core/order.h"
#include "core/units.h"
#include "net/random.h"

#define TO(state) (1u << RECONNECTOR_##state)

static const unsigned legal[RECONNECTOR_STATE_COUNT] = {
    [RECONNECTOR_IDLE] = TO(WAITING),
    [RECONNECTOR_WAITING] = TO(WAITING) | TO(DIALLING),
    [RECONNECTOR_DIALLING] = TO(CONNECTED) | TO(IDLE),
    [RECONNECTOR_CONNECTED] = TO(IDLE),
};

static void set_state(struct reconnector *reconnector, enum reconnector_state state)
{
    assert((legal[reconnector->state] & (1u << state)) != 0);
    reconnector->state = state;
    state_changed(reconnector->channel);
}

static void swap(size_t *a, size_t *b)
{
    size_t kept = *a;
    *a = *b;
    *b = kept;
}

static void shuffle(size_t *order, size_t count)
{
    for (size_t i = count; i > 1; i--)
        swap(&order[i - 1], &order[random_u64() % i]);
}

static int64_t now(const struct reconnector *reconnector)
{
    return node_now(reconnector->channel->node);
}

/* ---- rounds ---- */

/* The endpoint whose memory is asked before any other server; endpoint_count: none.  One that is asked, and then drops
 * whatever it is given, is not asked again before it has answered a call: others must get their turn. */
static size_t take_witness(struct reconnector *reconnector)
{
    size_t count = reconnector->endpoint_count;
    size_t witness = reconnector->witness;
    reconnector->witness = count;
    if (witness == count || reconnector->witness_heard || !channel_wants_verdict(reconnector->channel))
        return count;
    reconnector->witness_heard = true;
    return witness;
}

static void set_order(struct reconnector *reconnector)
{
    size_t count = reconnector->endpoint_count;
    size_t *order = reconnector->round.order;
    for (size_t i = 0; i < count; i++)
        order[i] = i;
    if (reconnector->selection == PROPERTIES_SELECTION_RANDOM)
        shuffle(order, count);
    const struct order_facts facts = {
        .count = count,
        .health = reconnector->health,
        .failed_last = reconnector->failed_last,
        .favourite = reconnector->selection == PROPERTIES_SELECTION_PINNED ? reconnector->favourite : count,
        .witness = take_witness(reconnector),
        .now_ns = now(reconnector)};
    order_endpoints(&facts, order);
}

static void begin_round(struct reconnector *reconnector)
{
    loop_timer_stop(channel_loop(reconnector->channel), &reconnector->wait);
    loop_task_cancel(channel_loop(reconnector->channel), &reconnector->begin);
    set_state(reconnector, RECONNECTOR_DIALLING);
    reconnector->round_begun_ns = now(reconnector);
    set_order(reconnector);
    round_begin(&reconnector->round);
}

static void on_wait(struct timer *timer)
{
    begin_round(container_of(timer, struct reconnector, wait));
}

static void on_begin(struct loop_task *task)
{
    begin_round(container_of(task, struct reconnector, begin));
}

void reconnector_round_failed(struct reconnector *reconnector)
{
    const struct round *round = &reconnector->round;
    set_state(reconnector, RECONNECTOR_IDLE);
    if (reconnector->rounds_failed < UINT32_MAX)
        reconnector->rounds_failed++;
    state_note_error(reconnector->channel, round->reason, round->os_error,
                     reconnector->endpoints[round->endpoint].text);
    channel_round_failed(reconnector->channel, round->reason, round->os_error,
                         reconnector->endpoints[round->endpoint].text);
    reconnector_tend(reconnector);
}

/* ---- beginning and ending ---- */

static void free_memory(struct reconnector *reconnector)
{
    free(reconnector->health);
    free(reconnector->breakers);
}

bool reconnector_init(struct reconnector *reconnector, semel_channel *channel, struct endpoint *endpoints,
                      size_t count, const struct reconnector_options *options)
{
    assert(count > 0);
    *reconnector = (struct reconnector){.channel = channel,
                                        .endpoint_count = count,
                                        .selection = options->selection,
                                        .backoff = options->backoff,
                                        .favourite = count,
                                        .witness = count,
                                        .failed_last = count,
                                        .health = calloc(count, sizeof *reconnector->health),
                                        .breakers = calloc(count, sizeof *reconnector->breakers)};
    timer_init(&reconnector->wait, on_wait);
    loop_task_init(&reconnector->begin, on_begin);
    if (reconnector->health == NULL || reconnector->breakers == NULL ||
        !round_init(&reconnector->round, reconnector)) {
        free_memory(reconnector);
        return false;
    }
    for (size_t i = 0; i < count; i++)
        reconnector->breakers[i] = options->breaker;
    reconnector->endpoints = endpoints;
    return true;
}

void reconnector_fini(struct reconnector *reconnector)
{
    loop_timer_stop(channel_loop(reconnector->channel), &reconnector->wait);
    loop_task_cancel(channel_loop(reconnector->channel), &reconnector->begin);
    round_fini(&reconnector->round);
    free_memory(reconnector);
    free(reconnector->endpoints);
}

/* ---- wishes ---- */

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

/* After a failed round its backoff is waited for from now on; after a loss from when the connection was sought, so that
 * a server that hangs up on everybody is not dialled without a pause, and one that was live for long is dialled at
 * once. */
void reconnector_tend(struct reconnector *reconnector)
{
    const semel_channel *channel = reconnector->channel;
    if (channel->back != NULL || channel->stays == 0 || channel->closing)
        return;
    if (reconnector->renewing) {
        reconnector->renewing = false;
        reconnector_wake(reconnector);
        return;
    }
    uint32_t failures = reconnector->rounds_failed > 0 ? reconnector->rounds_failed : 1;
    uint32_t wait_ms = backoff_wait_ms(&reconnector->backoff, failures, reconnector->last_wait_ms,
                                       random_u64());
    int64_t since_ns = reconnector->rounds_failed > 0 ? now(reconnector) : reconnector->round_begun_ns;
    reconnector->last_wait_ms = wait_ms;
    reconnector_want(reconnector, since_ns + wait_ms * MS_IN_NS);
}

void reconnector_wake(struct reconnector *reconnector)
{
    reconnector->rounds_failed = 0;
    reconnector->last_wait_ms = 0;
    reconnector_want(reconnector, now(reconnector));
}

/* ---- what became of it ---- */

static void note_failure(struct reconnector *reconnector, size_t endpoint)
{
    health_failed(&reconnector->health[endpoint], now(reconnector));
    breaker_failed(&reconnector->breakers[endpoint], now(reconnector));
    reconnector->failed_last = endpoint;
}

void reconnector_endpoint_failed(struct reconnector *reconnector, size_t endpoint)
{
    note_failure(reconnector, endpoint);
}

bool reconnector_endpoint_allowed(struct reconnector *reconnector, size_t endpoint)
{
    return breaker_allows(&reconnector->breakers[endpoint], now(reconnector));
}

void reconnector_connected(struct reconnector *reconnector, struct dial *dial)
{
    set_state(reconnector, RECONNECTOR_CONNECTED);
    reconnector->renewing = false;
    reconnector->present = reconnector->favourite = dial->endpoint;
    reconnector->live = dial->address;
    reconnector->rounds_failed = 0;
    reconnector->last_wait_ms = 0;
    reconnector->unproved = true;
    round_welcomed(&reconnector->round, dial);
}

void reconnector_dial_failed(struct reconnector *reconnector, struct dial *dial, enum semel_reason reason,
                             int os_error)
{
    round_dial_failed(&reconnector->round, dial, reason, os_error);
}

void reconnector_lost(struct reconnector *reconnector, bool parted, enum semel_reason reason, int os_error)
{
    set_state(reconnector, RECONNECTOR_IDLE);
    reconnector->failed_last = reconnector->present;
    reconnector->witness = order_is_silence(reason, os_error) ? reconnector->endpoint_count
                                                              : reconnector->present;
    if (!parted)
        note_failure(reconnector, reconnector->present);
}

void reconnector_left(struct reconnector *reconnector)
{
    set_state(reconnector, RECONNECTOR_IDLE);
}

bool reconnector_trouble(struct reconnector *reconnector)
{
    if (reconnector->state != RECONNECTOR_CONNECTED)
        return false;
    note_failure(reconnector, reconnector->present);
    reconnector->unproved = true;
    return !breaker_would_allow(&reconnector->breakers[reconnector->present], now(reconnector));
}

void reconnector_prove(struct reconnector *reconnector)
{
    if (!reconnector->unproved || reconnector->state != RECONNECTOR_CONNECTED)
        return;
    reconnector->unproved = reconnector->witness_heard = false;
    health_worked(&reconnector->health[reconnector->present], now(reconnector));
    breaker_succeeded(&reconnector->breakers[reconnector->present]);
}

bool reconnector_is_barred(const struct reconnector *reconnector)
{
    for (size_t i = 0; i < reconnector->endpoint_count; i++)
        if (breaker_would_allow(&reconnector->breakers[i], now(reconnector)))
            return false;
    return true;
}
