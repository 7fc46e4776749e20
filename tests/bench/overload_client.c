/* The crowd: an open loop.  A call starts when its time has come, whatever became of those before it.
 * It must not know: what the server does.
 * Reads best next: overload.c. */
#include <ev.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "echo.semel.h"
#include "meter.h"
#include "overload.h"
#include "payload.h"

/* Calls whose time has come are looked for this often: what libev can wait at least. */
#define TICK_S 0.001
enum { PAYLOAD = 64 };

struct crowd {
    const struct overload *overload;
    struct overload_result *result;
    semel_node *node;
    semel_channel *channel;
    bench_EchoRequest request;
    ev_timer tick;
    uint64_t random;
    int64_t start_ns;
    int64_t next_ns; /* when the next call starts */
    uint64_t outstanding;
};

/* xorshift64*: any fair generator will do, but each run of a seed must be the same. */
static double random_unit(struct crowd *crowd)
{
    crowd->random ^= crowd->random >> 12;
    crowd->random ^= crowd->random << 25;
    crowd->random ^= crowd->random >> 27;
    return ((double)(crowd->random * UINT64_C(0x2545f4914f6cdd1d) >> 11) + 0.5) / 9007199254740992.0;
}

static int64_t end_ns(const struct crowd *crowd)
{
    return crowd->start_ns + crowd->overload->duration_ms * INT64_C(1000000);
}

static void stop_after_the_last(const struct crowd *crowd)
{
    if (crowd->outstanding == 0 && crowd->next_ns >= end_ns(crowd))
        semel_node_stop(crowd->node);
}

static void on_done(const bench_EchoReply *reply, const semel_status *status, void *user)
{
    struct crowd *crowd = user;
    (void)reply;
    crowd->outstanding--;
    crowd->result->good += status->code == SEMEL_OK;
    crowd->result->failed += status->code != SEMEL_OK;
    crowd->result->retries += status->attempts > 1 ? status->attempts - 1 : 0;
    stop_after_the_last(crowd);
}

static void start(struct crowd *crowd)
{
    crowd->result->offered++;
    if (bench_Echo_EchoIdempotent_start(crowd->channel, &crowd->request, NULL, NULL, on_done, crowd) ==
        SEMEL_OK)
        crowd->outstanding++;
    else
        crowd->result->failed++;
}

static void on_tick(struct ev_loop *loop, ev_timer *timer, int events)
{
    struct crowd *crowd = timer->data;
    int64_t now_ns = meter_now_ns();
    (void)events;
    while (crowd->next_ns <= now_ns && crowd->next_ns < end_ns(crowd)) {
        start(crowd);
        crowd->next_ns += (int64_t)(-log(random_unit(crowd)) * 1e9 / crowd->overload->rate);
    }
    if (crowd->next_ns >= end_ns(crowd))
        ev_timer_stop(loop, timer);
    stop_after_the_last(crowd);
}

static bool open_channel(struct crowd *crowd, const char *uri)
{
    const struct semel_node_options options = {.properties = crowd->overload->properties};
    bench_EchoReply reply;
    semel_status status;
    semel_status_init(&status);
    if (semel_node_open(&options, &crowd->node, &status) == SEMEL_OK &&
        semel_channel_open(crowd->node, "crowd", uri, &crowd->channel, &status) == SEMEL_OK &&
        (crowd->overload->stuck ||
         bench_Echo_EchoIdempotent(crowd->channel, &crowd->request, &reply, NULL, &status) == SEMEL_OK)) {
        if (!crowd->overload->stuck)
            bench_Echo_EchoIdempotent_release(&reply);
        return true;
    }
    fprintf(stderr, "semel-overload: the client: %s\n", status.message);
    return false;
}

static bool run(struct crowd *crowd)
{
    ev_timer_init(&crowd->tick, on_tick, TICK_S, TICK_S);
    crowd->tick.data = crowd;
    crowd->start_ns = crowd->next_ns = meter_now_ns();
    ev_timer_start(semel_node_loop(crowd->node), &crowd->tick);
    bool well = semel_node_run(crowd->node) == SEMEL_OK;
    crowd->result->seconds = (double)(meter_now_ns() - crowd->start_ns) / 1e9;
    return well;
}

bool overload_offer(const struct overload *overload, const char *uri, struct overload_result *ret_result)
{
    struct crowd crowd = {.overload = overload, .result = ret_result, .random = overload->seed * 2 + 1};
    *ret_result = (struct overload_result){0};
    crowd.request.payload = malloc(PB_BYTES_ARRAY_T_ALLOCSIZE(PAYLOAD));
    if (crowd.request.payload == NULL)
        return false;
    crowd.request.payload->size = PAYLOAD;
    payload_fill(crowd.request.payload->bytes, PAYLOAD);
    bool well = open_channel(&crowd, uri) && run(&crowd);
    semel_channel_close(crowd.channel);
    semel_node_close(crowd.node);
    free(crowd.request.payload);
    return well;
}
