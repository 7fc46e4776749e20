/* What a decision costs: it is taken for every call that fails, thousands at once when a connection breaks.
 *
 * Reads best next: retry_test.c. */
#include "core/retry.h"

#include <stdio.h>
#include <time.h>

#include "support.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(__OPTIMIZE__)
#define LIMIT_NS 5000.0
#else
#define LIMIT_NS 200.0
#endif

#define INPUTS 4096
#define ROUNDS 20
#define BATCHES 15

static const uint32_t intervals[3] = {0, 100, 1000};
static const struct retry_policy policies[2] = {
    {.intervals_ms = intervals, .interval_count = 3, .on_unavailable = SEMEL_ON_UNAVAILABLE_FAIL},
    {.backoff = {5, 100, 10000, 1.6, SEMEL_JITTER_FULL},
     .on_unavailable = SEMEL_ON_UNAVAILABLE_WAIT,
     .max_elapsed_ms = 30000,
     .retryable_codes = 1u << SEMEL_ABORTED}};

static void draw(struct retry_input *input, struct rng *rng)
{
    *input = (struct retry_input){.idempotent = rng_below(rng, 2),
                                  .progress = (enum semel_progress)rng_below(rng, 3),
                                  .failure = (enum retry_failure)rng_below(rng, RETRY_FAILURE_COUNT),
                                  .verdict = (enum retry_verdict)rng_below(rng, RETRY_VERDICT_COUNT),
                                  .reason = SEMEL_REASON_CONNECTION_LOST,
                                  .code = SEMEL_ABORTED,
                                  .failures = 1 + (uint32_t)rng_below(rng, 6),
                                  .remaining_ms = 60000,
                                  .elapsed_ms = (int64_t)rng_below(rng, 40000),
                                  .random = rng_next(rng),
                                  .policy = &policies[rng_below(rng, 2)]};
}

/* Processor time: the machine has other work. */
static double now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

/* The best of several batches: that other work is in the caches, too. */
Test(retry_cost, a_decision_costs_next_to_nothing)
{
    static struct retry_input inputs[INPUTS];
    struct rng rng = {7};
    uint64_t sum = 0;
    double best_ns = 1e18;
    for (size_t i = 0; i < INPUTS; i++)
        draw(&inputs[i], &rng);
    for (int batch = 0; batch < BATCHES; batch++) {
        double begin_ns = now_ns();
        for (int round = 0; round < ROUNDS; round++)
            for (size_t i = 0; i < INPUTS; i++)
                sum += retry_decide(&inputs[i]).wait_ms;
        double each_ns = (now_ns() - begin_ns) / (INPUTS * ROUNDS);
        best_ns = each_ns < best_ns ? each_ns : best_ns;
    }
    printf("retry: %.1f ns a decision\n", best_ns);
    cr_assert_gt(sum, 0);
    cr_assert_lt(best_ns, LIMIT_NS);
}
