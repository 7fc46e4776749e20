/* The places of a round, and the dials that are in progress.
 *
 * Reads best next: round.h, core/order.h. */
#include "client/round.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "client/channel.h"
#include "core/order.h"

#define TO(state) (1u << ROUND_PLACE_##state)

/* A new round begins AHEAD, from wherever the last one ended. */
static const unsigned legal[ROUND_PLACE_STATE_COUNT] = {
    [ROUND_PLACE_AHEAD] = TO(AHEAD) | TO(RESOLVING) | TO(DIALLING) | TO(OVER),
    [ROUND_PLACE_RESOLVING] = TO(AHEAD) | TO(DIALLING) | TO(OVER),
    [ROUND_PLACE_DIALLING] = TO(AHEAD) | TO(OVER),
    [ROUND_PLACE_OVER] = TO(AHEAD),
};

static void set_state(struct round_place *place, enum round_place_state state)
{
    assert((legal[place->state] & (1u << state)) != 0);
    place->state = state;
}

static semel_channel *channel_of(const struct round *round)
{
    return round->reconnector->channel;
}

static int64_t now(const struct round *round)
{
    return node_now(channel_of(round)->node);
}

static size_t count_of(const struct round *round)
{
    return round->reconnector->endpoint_count;
}

static void go_on(struct round *round);

/* ---- what a place comes to ---- */

static void note(struct round *round, size_t endpoint, enum semel_reason reason, int os_error)
{
    round->failed = true;
    round->reason = reason;
    round->os_error = os_error;
    round->endpoint = endpoint;
}

/* It gave no connection if every address was tried and none is left in progress. */
static void settle(struct round *round, size_t endpoint)
{
    struct round_place *place = &round->places[endpoint];
    if (place->state != ROUND_PLACE_DIALLING || place->tried < place->address_count || place->dials > 0)
        return;
    set_state(place, ROUND_PLACE_OVER);
    reconnector_endpoint_failed(round->reconnector, endpoint);
}

/* Of a name's addresses the one that was live before knows the session: where that matters it is first, and the others
 * keep their order behind it. */
static void prefer_known(const struct round *round, size_t endpoint, struct endpoint *addresses, size_t count)
{
    const struct reconnector *reconnector = round->reconnector;
    const struct endpoint *known = &reconnector->live;
    bool matters = reconnector->selection == PROPERTIES_SELECTION_PINNED ||
                   channel_wants_verdict(channel_of(round));
    if (!matters || reconnector->present != endpoint || known->address_size == 0)
        return;
    for (size_t i = 1; i < count; i++) {
        if (addresses[i].address_size != known->address_size ||
            memcmp(&addresses[i].address, &known->address, known->address_size) != 0)
            continue;
        struct endpoint found = addresses[i];
        memmove(&addresses[1], &addresses[0], i * sizeof *addresses);
        addresses[0] = found;
        return;
    }
}

/* false: no memory. */
static bool set_addresses(struct round *round, size_t endpoint, const struct endpoint *addresses, size_t count)
{
    struct round_place *place = &round->places[endpoint];
    place->addresses = malloc(count * sizeof *addresses);
    if (place->addresses == NULL)
        return false;
    memcpy(place->addresses, addresses, count * sizeof *addresses);
    place->address_count = count;
    prefer_known(round, endpoint, place->addresses, count);
    set_state(place, ROUND_PLACE_DIALLING);
    return true;
}

/* A dial that failed before it had an address. */
static void give_up_place(struct round *round, size_t endpoint, enum semel_reason reason, int os_error)
{
    channel_of(round)->stats.dials++;
    channel_of(round)->stats.closed_by[reason]++;
    note(round, endpoint, reason, os_error);
    set_state(&round->places[endpoint], ROUND_PLACE_OVER);
    reconnector_endpoint_failed(round->reconnector, endpoint);
}

/* ---- names ---- */

static void on_resolved(const struct lookup_result *result, void *owner)
{
    struct round_place *place = owner;
    struct round *round = place->round;
    const semel_channel *channel = channel_of(round);
    size_t endpoint = (size_t)(place - round->places);
    place->lookup = NULL;
    round->lookup_count--;
    if (result->count == 0) {
        node_log(channel->node, SEMEL_LOG_INFO, "channel %s: no address of %s: %s",
                 channel->name != NULL ? channel->name : "-", round->reconnector->endpoints[endpoint].text,
                 result->text);
        give_up_place(round, endpoint, SEMEL_REASON_NAME_UNRESOLVED, result->os_error);
    } else if (!set_addresses(round, endpoint, result->addresses, result->count)) {
        give_up_place(round, endpoint, SEMEL_REASON_NO_MEMORY, 0);
    } else {
        round->failed = true; /* what was begun last is over: its first address is dialled at once */
    }
    go_on(round);
}

static void resolve(struct round *round, size_t endpoint)
{
    struct round_place *place = &round->places[endpoint];
    semel_channel *channel = channel_of(round);
    place->lookup = lookup_begin(channel->node->resolver, &round->reconnector->endpoints[endpoint],
                                 channel->connect_timeout_ns, on_resolved, place);
    if (place->lookup == NULL) {
        give_up_place(round, endpoint, SEMEL_REASON_NO_MEMORY, 0);
        return;
    }
    round->lookup_count++;
    set_state(place, ROUND_PLACE_RESOLVING);
}

/* ---- dials ---- */

/* Dials that go side by side are one attempt to the server.  One that goes alone is an attempt of its own: if the
 * WELCOME of the one before was lost, its number is used up. */
static uint64_t draw_attempt(const struct round *round)
{
    semel_channel *channel = channel_of(round);
    return round->dial_count == 0 ? ++channel->attempt : channel->attempt;
}

static void dial(struct round *round, size_t endpoint, const struct endpoint *address)
{
    enum semel_reason reason;
    int os_error;
    struct dial *begun = dial_start(channel_of(round), endpoint, address, draw_attempt(round), &reason,
                                    &os_error);
    if (begun == NULL) {
        note(round, endpoint, reason, os_error);
        return;
    }
    begun->next = round->dials;
    round->dials = begun;
    round->dial_count++;
    round->places[endpoint].dials++;
}

static void unlink_dial(struct round *round, const struct dial *gone)
{
    struct dial **link = &round->dials;
    while (*link != gone)
        link = &(*link)->next;
    *link = gone->next;
    round->dial_count--;
    round->places[gone->endpoint].dials--;
}

/* ---- what is next ---- */

static bool has_next(const struct round_place *place)
{
    return place->state == ROUND_PLACE_AHEAD ||
           (place->state == ROUND_PLACE_DIALLING && place->tried < place->address_count);
}

/* The first endpoint in the order of the round with something left to begin; count: none. */
static size_t find_next(struct round *round)
{
    for (size_t i = 0; i < count_of(round); i++) {
        struct round_place *place = &round->places[round->order[i]];
        if (has_next(place))
            return round->order[i];
    }
    return count_of(round);
}

/* Whether everything in progress is of one endpoint. */
static bool all_are_of(const struct round *round, size_t endpoint)
{
    const struct round_place *place = &round->places[endpoint];
    return place->dials + (place->state == ROUND_PLACE_RESOLVING) == round->dial_count + round->lookup_count;
}

static void begin_next(struct round *round, size_t endpoint)
{
    struct round_place *place = &round->places[endpoint];
    const struct endpoint *known = &round->reconnector->endpoints[endpoint];
    if (place->state == ROUND_PLACE_AHEAD && !reconnector_endpoint_allowed(round->reconnector, endpoint)) {
        set_state(place, ROUND_PLACE_OVER);
        return;
    }
    round->last_begun_ns = now(round);
    round->failed = false;
    if (place->state == ROUND_PLACE_AHEAD && known->address_size == 0) {
        resolve(round, endpoint);
        return;
    }
    if (place->state == ROUND_PLACE_AHEAD && !set_addresses(round, endpoint, known, 1)) {
        give_up_place(round, endpoint, SEMEL_REASON_NO_MEMORY, 0);
        return;
    }
    dial(round, endpoint, &place->addresses[place->tried++]);
    settle(round, endpoint);
}

/* One that was refused as the double of another dial is dialled once more when that has come to nothing: the server has
 * seen the number, and nobody the WELCOME.  Before any other endpoint, for this one lives.  false: there is none. */
static bool dial_double_again(struct round *round)
{
    if (!round->doubled || round->doubled_again)
        return false;
    round->doubled_again = true;
    round->last_begun_ns = now(round);
    round->failed = false;
    dial(round, round->double_endpoint, &round->double_address);
    return true;
}

static void end(struct round *round)
{
    loop_timer_stop(channel_loop(channel_of(round)), &round->stagger);
    reconnector_round_failed(round->reconnector);
}

/* Begins what may begin now, and sees to the time of what may begin later. */
static void begin_what_may(struct round *round)
{
    struct loop *loop = channel_loop(channel_of(round));
    for (;;) {
        struct order_pace pace = {.running = round->dial_count + round->lookup_count,
                                  .failed = round->failed,
                                  .last_begun_ns = round->last_begun_ns};
        if (pace.running == 0 && dial_double_again(round))
            continue;
        size_t next = find_next(round);
        if (next == count_of(round)) {
            if (pace.running == 0)
                end(round);
            return;
        }
        pace.same_endpoint = all_are_of(round, next);
        pace.verdict_wanted = channel_wants_verdict(channel_of(round));
        int64_t due_ns = order_next_ns(&pace);
        if (due_ns > loop_now(loop)) {
            /* Without memory for the timer the next begins when one has ended. */
            if (due_ns != INT64_MAX)
                (void)loop_timer_start(loop, &round->stagger, due_ns);
            return;
        }
        begin_next(round, next);
    }
}

static void go_on(struct round *round)
{
    begin_what_may(round);
    state_changed(channel_of(round));
}

static void on_stagger(struct timer *timer)
{
    go_on(container_of(timer, struct round, stagger));
}

void round_dial_failed(struct round *round, struct dial *gone, enum semel_reason reason, int os_error)
{
    unlink_dial(round, gone);
    note(round, gone->endpoint, reason, os_error);
    if (reason == SEMEL_REASON_ATTEMPT_DUPLICATE) {
        round->doubled = true;
        round->double_endpoint = gone->endpoint;
        round->double_address = gone->address;
    }
    settle(round, gone->endpoint);
    go_on(round);
}

/* ---- beginning and ending ---- */

bool round_init(struct round *round, struct reconnector *reconnector)
{
    size_t count = reconnector->endpoint_count;
    *round = (struct round){.reconnector = reconnector,
                            .places = calloc(count, sizeof *round->places),
                            .order = calloc(count, sizeof *round->order)};
    timer_init(&round->stagger, on_stagger);
    if (round->places == NULL || round->order == NULL) {
        free(round->places);
        free(round->order);
        return false;
    }
    for (size_t i = 0; i < count; i++)
        round->places[i].round = round;
    return true;
}

/* Gives up what is in progress. */
static void clear(struct round *round)
{
    loop_timer_stop(channel_loop(channel_of(round)), &round->stagger);
    while (round->dials != NULL) {
        struct dial *given_up = round->dials;
        unlink_dial(round, given_up);
        dial_cancel(given_up);
    }
    for (size_t i = 0; i < count_of(round); i++) {
        struct round_place *place = &round->places[i];
        lookup_cancel(place->lookup);
        place->lookup = NULL;
        free(place->addresses);
        place->addresses = NULL;
        place->address_count = place->tried = 0;
        set_state(place, ROUND_PLACE_AHEAD);
    }
    round->lookup_count = 0;
}

void round_begin(struct round *round)
{
    clear(round);
    round->failed = false;
    round->doubled = round->doubled_again = false;
    round->reason = SEMEL_REASON_BREAKER_OPEN;
    round->os_error = 0;
    round->endpoint = round->order[0];
    go_on(round);
}

void round_welcomed(struct round *round, struct dial *welcomed)
{
    unlink_dial(round, welcomed);
    clear(round);
}

void round_fini(struct round *round)
{
    clear(round);
    free(round->places);
    free(round->order);
}
