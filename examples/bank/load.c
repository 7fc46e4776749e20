/* The window of orders: start one for each that ends, until enough have.
 * It must not know: command lines, or how a call is retried.
 * Reads best next: bank_load.c. */
#include "load.h"

#include <assert.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "program.h"

/* How long after its deadline a call may still end before we call it a bug of the library. */
#define GRACE_US (INT64_C(15) * 1000000)

/* A place in the window. */
struct slot {
    struct order order; /* first: an order is found back by its address */
    struct load *load;
    struct slot *next_free;
    int64_t started_us;
};

struct load {
    const struct load_settings *settings;
    semel_node *node;
    semel_channel *channel;
    struct results *results;
    struct slot *slots;
    struct slot *free;
    uint64_t started;
    uint64_t ended;
    uint64_t first_op_id;
    int64_t start_us;
    int64_t last_us; /* of the last start or end */
    bool stopping;   /* start nothing more */
    bool failed;
    struct tally tally;
    ev_prepare turn_end;
    ev_timer tick; /* every second: progress, and a watch over calls that do not end */
    ev_timer pace; /* with a rate */
    ev_signal term;
    ev_signal interrupt;
};

static uint64_t outstanding(const struct load *load)
{
    return load->started - load->ended;
}

static bool finished(const struct load *load)
{
    return outstanding(load) == 0 && (load->stopping || load->started == load->settings->calls);
}

static void explain_first(const struct order *order, const semel_status *status)
{
    char text[8192];
    semel_status_explain(status, text, sizeof text);
    fprintf(stderr, "bank-load: the first call that failed with %s, operation %s:\n%s%s",
            semel_reason_name(status->reason), order->op_id, text, text[strlen(text) - 1] == '\n' ? "" : "\n");
    if (order->missing > 0)
        fprintf(stderr, "  missing    %" PRId64 " of %" PRId64 " cents\n", order->missing, order->cents);
}

static void record(struct slot *slot, const semel_status *status)
{
    struct load *load = slot->load;
    int64_t now_us = program_now_us();
    int64_t latency_us = now_us - slot->started_us;
    results_add(load->results, slot->order.op_id, status, latency_us);
    load->tally.insufficient += slot->order.missing > 0;
    if (status->code == SEMEL_OK)
        load->tally.last_balance = slot->order.balance;
    if (tally_add(&load->tally, status, latency_us))
        explain_first(&slot->order, status);
    load->ended++;
    load->last_us = now_us;
    slot->next_free = load->free;
    load->free = slot;
    if (load->settings->announce > 0 && load->ended % load->settings->announce == 0) {
        printf("completed %" PRIu64 "\n", load->ended);
        fflush(stdout);
    }
}

/* A call that could not even be started is a call that ended, too. */
static void record_not_started(struct slot *slot, enum semel_code code)
{
    semel_status status;
    semel_status_init(&status);
    status.code = code;
    status.outcome = SEMEL_OUTCOME_NOT_EXECUTED;
    status.reason = code == SEMEL_INVALID_ARGUMENT     ? SEMEL_REASON_BAD_ARGUMENT
                    : code == SEMEL_RESOURCE_EXHAUSTED ? SEMEL_REASON_TOO_MANY_CALLS
                                                       : SEMEL_REASON_CHANNEL_CLOSED;
    record(slot, &status);
}

static void on_ended(struct order *order, const semel_status *status);

static void start_one(struct load *load)
{
    const struct load_settings *settings = load->settings;
    semel_call_options options = SEMEL_CALL_OPTIONS_INIT;
    options.deadline_ms = settings->deadline_ms;
    struct slot *slot = load->free;
    load->free = slot->next_free;
    uint64_t number = load->started++;
    slot->order.account = number % settings->accounts;
    slot->order.cents = (int64_t)(1 + number * 7919 % settings->max_cents);
    slot->order.missing = 0;
    slot->order.ended = on_ended;
    /* Counted from a random start: unique in this process, and as good as unique among all. */
    snprintf(slot->order.op_id, sizeof slot->order.op_id, "%016" PRIx64, load->first_op_id + number);
    slot->started_us = load->last_us = program_now_us();
    enum semel_code code = settings->kind->start(load->channel, &slot->order, &options);
    if (code != SEMEL_OK)
        record_not_started(slot, code);
}

static uint64_t allowed_by_rate(const struct load *load)
{
    if (load->settings->rate == 0)
        return UINT64_MAX;
    double seconds = (double)(program_now_us() - load->start_us) / 1e6;
    return 1 + (uint64_t)(seconds * (double)load->settings->rate);
}

/* Fills the window; ends the run when there is nothing left to do. */
static void advance(struct load *load)
{
    uint64_t allowed = allowed_by_rate(load);
    while (!load->stopping && load->free != NULL && load->started < load->settings->calls &&
           load->started < allowed)
        start_one(load);
    if (finished(load))
        semel_node_stop(load->node);
}

static void on_ended(struct order *order, const semel_status *status)
{
    struct slot *slot = (struct slot *)order;
    struct load *load = slot->load;
    record(slot, status);
    advance(load);
}

static void fail(struct load *load)
{
    load->failed = true;
    load->stopping = true;
    semel_node_stop(load->node);
}

static void on_turn_end(struct ev_loop *loop, ev_prepare *watcher, int events)
{
    (void)loop, (void)events;
    struct load *load = watcher->data;
    int error = results_flush(load->results);
    if (error == 0)
        return;
    fprintf(stderr, "bank-load: --results %s: %s\n", load->results->path, strerror(error));
    fail(load);
}

static void on_pace(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop, (void)events;
    advance(timer->data);
}

static void print_progress(const struct load *load)
{
    const struct tally *tally = &load->tally;
    fprintf(stderr, "%s%" PRIu64 " of %" PRIu64 " calls, %" PRIu64 " ok, %" PRIu64 " under way%s",
            isatty(STDERR_FILENO) ? "\r" : "", load->ended, load->settings->calls, tally->ok, outstanding(load),
            isatty(STDERR_FILENO) ? "    " : "\n");
}

static void on_tick(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop, (void)events;
    struct load *load = timer->data;
    if (load->settings->progress)
        print_progress(load);
    int64_t patience_us = load->settings->deadline_ms * 1000 + GRACE_US;
    bool limited = load->settings->deadline_ms > 0;
    if (limited && outstanding(load) > 0 && program_now_us() - load->last_us > patience_us) {
        fprintf(stderr,
                "bank-load: %" PRIu64 " calls did not end within their deadline: a bug of the library\n",
                outstanding(load));
        fail(load);
    }
}

/* The first signal lets calls end, the second does not wait for them. */
static void on_signal(struct ev_loop *loop, ev_signal *watcher, int events)
{
    (void)loop, (void)events;
    struct load *load = watcher->data;
    if (load->stopping || outstanding(load) == 0)
        semel_node_stop(load->node);
    else
        fprintf(stderr, "bank-load: stopping when %" PRIu64 " calls have ended; once more: now\n",
                outstanding(load));
    load->stopping = true;
    load->failed = true;
}

static void watch(struct load *load, struct ev_loop *loop)
{
    uint64_t rate = load->settings->rate;
    double pace = rate >= 1000 || rate == 0 ? 0.001 : 1.0 / (double)rate;
    ev_prepare_init(&load->turn_end, on_turn_end);
    ev_timer_init(&load->tick, on_tick, 1., 1.);
    ev_timer_init(&load->pace, on_pace, pace, pace);
    ev_signal_init(&load->term, on_signal, SIGTERM);
    ev_signal_init(&load->interrupt, on_signal, SIGINT);
    load->turn_end.data = load->tick.data = load->pace.data = load->term.data = load->interrupt.data = load;
    ev_prepare_start(loop, &load->turn_end);
    ev_timer_start(loop, &load->tick);
    if (rate > 0)
        ev_timer_start(loop, &load->pace);
    ev_signal_start(loop, &load->term);
    ev_signal_start(loop, &load->interrupt);
}

static void unwatch(struct load *load, struct ev_loop *loop)
{
    ev_prepare_stop(loop, &load->turn_end);
    ev_timer_stop(loop, &load->tick);
    ev_timer_stop(loop, &load->pace);
    ev_signal_stop(loop, &load->term);
    ev_signal_stop(loop, &load->interrupt);
}

bool load_run(struct load *load)
{
    struct ev_loop *loop = semel_node_loop(load->node);
    watch(load, loop);
    load->start_us = load->last_us = program_now_us();
    advance(load);
    semel_node_run(load->node);
    unwatch(load, loop);
    if (load->settings->progress) {
        print_progress(load);
        fputs(isatty(STDERR_FILENO) ? "\n" : "", stderr);
    }
    load->stopping = true; /* what the closing of the channel ends must not start more */
    return !load->failed;
}

struct load *load_create(const struct load_settings *settings, semel_node *node, semel_channel *channel,
                         struct results *results)
{
    struct load *load = calloc(1, sizeof *load);
    if (load == NULL)
        return NULL;
    *load = (struct load){.settings = settings, .node = node, .channel = channel, .results = results};
    load->slots = calloc(settings->window, sizeof *load->slots);
    ssize_t random = getrandom(&load->first_op_id, sizeof load->first_op_id, 0);
    if (load->slots == NULL || random != (ssize_t)sizeof load->first_op_id) {
        load_destroy(load);
        return NULL;
    }
    for (uint64_t i = 0; i < settings->window; i++) {
        load->slots[i].load = load;
        load->slots[i].next_free = load->free;
        load->free = &load->slots[i];
    }
    return load;
}

void load_destroy(struct load *load)
{
    if (load == NULL)
        return;
    assert(outstanding(load) == 0);
    free(load->slots);
    free(load);
}

const struct tally *load_tally(const struct load *load)
{
    return &load->tally;
}

int64_t load_elapsed_us(const struct load *load)
{
    return load->last_us - load->start_us;
}
