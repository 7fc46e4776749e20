/* The adaptive limit against a server that is simulated: so many workers, a queue before them, clients that always
 * have another request.  Its knee is the number of workers: below it they idle, above it requests only wait.
 *
 * Reads best next: core/limiter.h. */
#include "core/limiter.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>

#include "core/units.h"
#include "support.h"

#define WORKERS_MAX 1024
#define RUNNING_MAX 4096

struct server {
    struct limiter limiter;
    struct rng rng;
    uint32_t workers;
    uint32_t demand;   /* what clients would have running */
    double service_ns; /* mean */
    bool exponential;  /* service times; otherwise fixed */
    int64_t now_ns;
    int64_t busy_until_ns[WORKERS_MAX]; /* a request given to a worker leaves it then; INT64_MAX: idle */
    int64_t arrived_ns[WORKERS_MAX];    /* of the request it works on */
    int64_t queue_ns[RUNNING_MAX];      /* arrivals that wait, a ring */
    uint32_t queue_at, queued, working;
    uint32_t peak;
    uint64_t finished;
};

static void server_init(struct server *server, uint32_t workers, double service_ns, uint32_t min, uint32_t max)
{
    memset(server, 0, sizeof *server);
    server->workers = workers;
    server->demand = RUNNING_MAX;
    server->service_ns = service_ns;
    server->rng = (struct rng){workers};
    for (uint32_t i = 0; i < workers; i++)
        server->busy_until_ns[i] = INT64_MAX;
    limiter_init(&server->limiter, min, max);
}

static double service_time(struct server *server)
{
    if (!server->exponential)
        return server->service_ns;
    double chance = (double)((rng_next(&server->rng) >> 11) + 1) / 9007199254740993.0;
    return -log(chance) * server->service_ns;
}

/* Fills the server up to its limit, and gives idle workers what waits. */
static void server_admit(struct server *server)
{
    uint32_t limit = limiter_limit(&server->limiter);
    uint32_t allowed = limit < server->demand ? limit : server->demand;
    while (server->queued + server->working < allowed) {
        cr_assert_lt(server->queued, RUNNING_MAX);
        server->queue_ns[(server->queue_at + server->queued++) % RUNNING_MAX] = server->now_ns;
    }
    for (uint32_t i = 0; i < server->workers && server->queued > 0; i++) {
        if (server->busy_until_ns[i] != INT64_MAX)
            continue;
        server->arrived_ns[i] = server->queue_ns[server->queue_at];
        server->busy_until_ns[i] = server->now_ns + (int64_t)service_time(server) + 1;
        server->queue_at = (server->queue_at + 1) % RUNNING_MAX;
        server->queued--;
        server->working++;
    }
}

/* Until so many more requests have finished. */
static void server_run(struct server *server, uint32_t requests)
{
    for (; requests > 0; requests--) {
        server_admit(server);
        uint32_t first = 0;
        for (uint32_t i = 1; i < server->workers; i++)
            if (server->busy_until_ns[i] < server->busy_until_ns[first])
                first = i;
        uint32_t running = server->queued + server->working;
        server->now_ns = server->busy_until_ns[first];
        server->busy_until_ns[first] = INT64_MAX;
        server->working--;
        server->finished++;
        server->peak = running > server->peak ? running : server->peak;
        limiter_finished(&server->limiter, server->now_ns - server->arrived_ns[first], running, server->now_ns);
        uint32_t limit = limiter_limit(&server->limiter);
        cr_assert(limit >= server->limiter.min && limit <= server->limiter.max);
    }
}

static double limit_of(const struct server *server)
{
    return server->limiter.limit;
}

/* The mean of the limit over many requests, probes and all. */
static double settled(struct server *server, uint32_t requests)
{
    double sum = 0;
    for (uint32_t i = 0; i < requests; i++) {
        server_run(server, 1);
        sum += limiter_limit(&server->limiter);
    }
    return sum / requests;
}

static void check_settles(uint32_t workers, bool exponential)
{
    struct server server;
    server_init(&server, workers, 2e6, 1, 2000);
    server.exponential = exponential;
    server_run(&server, 30000 + 200 * workers);
    double limit = settled(&server, 20000);
    printf("limiter: %u workers, %s: %.1f\n", workers, exponential ? "exponential" : "fixed", limit);
    cr_assert(limit >= 0.5 * workers && limit <= 1.5 * workers, "%u workers: %g", workers, limit);
}

Test(limiter, settles_at_the_knee)
{
    static const uint32_t workers[] = {1, 2, 3, 4, 8, 16, 50, 100, 300};
    for (size_t i = 0; i < sizeof workers / sizeof *workers; i++)
        check_settles(workers[i], false);
}

Test(limiter, settles_where_times_are_spread_by_chance)
{
    static const uint32_t workers[] = {4, 8, 16, 50, 100};
    for (size_t i = 0; i < sizeof workers / sizeof *workers; i++)
        check_settles(workers[i], true);
}

/* Nine tenths of what the workers could do, and no request waits much longer than it works. */
Test(limiter, costs_little_work)
{
    struct server server;
    server_init(&server, 20, 1e6, 1, 1000);
    server_run(&server, 20000);
    int64_t begin_ns = server.now_ns;
    server.peak = 0;
    server_run(&server, 100000);
    double possible = (double)(server.now_ns - begin_ns) / 1e6 * 20;
    printf("limiter: %.1f %% of the work that was possible, at most %u running\n", 100000 / possible * 100,
           server.peak);
    cr_assert_gt(100000 / possible, 0.9);
    cr_assert_leq(server.peak, 40);
}

/* More work a request: the knee is where it was, and the limit must come back to it, not take the work for a queue.
 * */
Test(limiter, follows_when_requests_take_three_times_as_long)
{
    static const double factors[] = {3, 1.0 / 3, 10, 0.1};
    for (size_t i = 0; i < sizeof factors / sizeof *factors; i++) {
        struct server server;
        server_init(&server, 16, 1e6, 1, 1000);
        server_run(&server, 20000);
        server.service_ns *= factors[i];
        server_run(&server, 10000);
        double limit = settled(&server, 10000);
        cr_assert(limit >= 8 && limit <= 24, "%g times as long: %g", factors[i], limit);
    }
}

static void change_workers(struct server *server, uint32_t workers)
{
    for (uint32_t i = workers; i < server->workers; i++)
        if (server->busy_until_ns[i] != INT64_MAX)
            server->working--;
    for (uint32_t i = server->workers; i < workers; i++)
        server->busy_until_ns[i] = INT64_MAX;
    server->workers = workers;
}

Test(limiter, follows_when_workers_come_and_go)
{
    static const uint32_t workers[] = {10, 100, 5, 40, 2, 200};
    struct server server;
    server_init(&server, 50, 1e6, 1, 1000);
    for (size_t i = 0; i < sizeof workers / sizeof *workers; i++) {
        change_workers(&server, workers[i]);
        server_run(&server, 30000 + 100 * workers[i]);
        double limit = settled(&server, 20000);
        cr_assert(limit >= 0.5 * workers[i] && limit <= 1.5 * workers[i], "%u workers: %g", workers[i], limit);
    }
}

/* What clients do not ask for cannot be learnt: the limit stays near it, and grows once they do. */
Test(limiter, does_not_grow_beyond_what_it_has_seen)
{
    struct server server;
    server_init(&server, 100, 1e6, 1, 1000);
    server.demand = 5;
    server_run(&server, 100000);
    cr_assert_leq(limit_of(&server), 16);
    server.demand = RUNNING_MAX;
    server_run(&server, 60000);
    double limit = settled(&server, 20000);
    cr_assert(limit >= 50 && limit <= 150, "%g", limit);
}

Test(limiter, stays_within_its_bounds)
{
    struct server server;
    server_init(&server, 4, 1e6, 10, 20); /* every step is checked in server_run */
    server_run(&server, 50000);
    cr_assert_leq(settled(&server, 10000), 15, "near its min");
    server_init(&server, 400, 1e6, 10, 20);
    server_run(&server, 50000);
    cr_assert_geq(limiter_limit(&server.limiter), 10);
    cr_assert_gt(settled(&server, 10000), 18);
    server_init(&server, 4, 1e6, 3, 3);
    server_run(&server, 10000);
    cr_assert_eq(limiter_limit(&server.limiter), 3);
}

/* Any times, any number running, clocks that jump: within bounds, and never stuck at the bottom once things are
 * well. */
Test(limiter, is_never_stuck)
{
    struct rng rng = {6};
    for (int life = 0; life < 200; life++) {
        struct limiter limiter;
        int64_t now_ns = 0;
        limiter_init(&limiter, 1, 500);
        for (int i = 0; i < 5000; i++) {
            now_ns += (int64_t)rng_below(&rng, rng_below(&rng, 100) == 0 ? 20 * S_IN_NS : MS_IN_NS);
            int64_t took_ns = (int64_t)(rng_next(&rng) >> (1 + rng_below(&rng, 63))) - 1;
            limiter_finished(&limiter, took_ns, (uint32_t)rng_below(&rng, 1000), now_ns);
            cr_assert(limiter_limit(&limiter) >= 1 && limiter_limit(&limiter) <= 500);
        }
        for (int i = 0; i < 60000; i++)
            limiter_finished(&limiter, MS_IN_NS, limiter_limit(&limiter), now_ns += MS_IN_NS);
        cr_assert_gt(limiter.limit, 100, "life %d: %g", life, limiter.limit);
    }
}

/* Handlers that keep their request for hours hold their places, and a probe waits for them in vain. */
Test(limiter, does_not_wait_for_requests_that_never_finish)
{
    struct limiter limiter;
    int64_t now_ns = 0;
    limiter_init(&limiter, 1, 100);
    for (int i = 0; i < 100000; i++) {
        uint32_t limit = limiter_limit(&limiter);
        limiter_finished(&limiter, MS_IN_NS, limit > 60 ? limit : 60, now_ns += MS_IN_NS);
    }
    cr_assert_gt(limiter.limit, 95);
}

Test(limiter, a_window_does_not_outlive_a_pause)
{
    struct limiter limiter;
    limiter_init(&limiter, 1, 100);
    limiter_finished(&limiter, MS_IN_NS, 1, 0); /* nothing has queued: the probe begins */
    limiter_finished(&limiter, MS_IN_NS, 1, 1);
    for (int i = 0; i < LIMITER_WINDOW - 1; i++)
        limiter_finished(&limiter, S_IN_NS, 1, 2);
    cr_assert_eq(limiter.base_ns, 0);
    for (int i = 0; i < LIMITER_WINDOW; i++)
        limiter_finished(&limiter, MS_IN_NS, 1, 20 * S_IN_NS);
    cr_assert_eq(limiter.base_ns, MS_IN_NS);
}

Test(limiter, no_limit_below_one, .signal = SIGABRT)
{
    struct limiter limiter;
    limiter_init(&limiter, 0, 10);
}
