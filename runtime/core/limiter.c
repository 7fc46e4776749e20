/* The adaptive limit: windows, the probe, and the step.  It must not know a clock.
 *
 * Reads best next: limiter.h, which has the formula. */
#include "core/limiter.h"

#include <assert.h>

#include "core/units.h"

static void begin_window(struct limiter *limiter)
{
    limiter->sum_ns = 0;
    limiter->count = 0;
    limiter->peak = 0;
}

static void set_phase(struct limiter *limiter, enum limiter_phase to)
{
    static const bool legal[LIMITER_PHASE_COUNT][LIMITER_PHASE_COUNT] = {
        [LIMITER_MEASURE] = {[LIMITER_DRAIN] = true},
        [LIMITER_DRAIN] = {[LIMITER_PROBE] = true, [LIMITER_MEASURE] = true},
        [LIMITER_PROBE] = {[LIMITER_MEASURE] = true},
    };
    assert(legal[limiter->phase][to]);
    limiter->phase = to;
    begin_window(limiter);
}

static double within(double value, double low, double high)
{
    return value < low ? low : value > high ? high : value;
}

void limiter_init(struct limiter *limiter, uint32_t min, uint32_t max)
{
    assert(min >= 1 && min <= max);
    *limiter = (struct limiter){.limit = within(LIMITER_START, min, max),
                                .min = min,
                                .max = max,
                                .phase = LIMITER_DRAIN,
                                .skip = UINT32_MAX,
                                .last_ns = INT64_MIN};
}

uint32_t limiter_limit(const struct limiter *limiter)
{
    double limit = limiter->phase == LIMITER_MEASURE ? limiter->limit : limiter->limit / 2;
    return (uint32_t)within(limit, limiter->min, limiter->max);
}

static void measure(struct limiter *limiter)
{
    limiter->windows = 0;
    set_phase(limiter, LIMITER_MEASURE);
}

/* The requests that were running when the halved limit was reached have queued; those after them have not.  Some
 * may never finish, so that it is never reached: then the old base has to do, and without one any window. */
static void drain(struct limiter *limiter, uint32_t running)
{
    bool reached = limiter->skip != UINT32_MAX;
    if (!reached && running <= limiter_limit(limiter))
        limiter->skip = running;
    else if (reached && limiter->skip > 0)
        limiter->skip--;
    bool in_vain = ++limiter->count > LIMITER_WINDOW + 4 * limiter->limit && limiter->skip == UINT32_MAX;
    if (limiter->skip == 0 || (in_vain && limiter->base_ns == 0))
        set_phase(limiter, LIMITER_PROBE);
    else if (in_vain)
        measure(limiter);
}

static void step(struct limiter *limiter, double mean_ns)
{
    double slower = within(1.25 * limiter->base_ns / mean_ns, 0.5, 1);
    double growth = limiter->limit / 16 > 0.25 ? limiter->limit / 16 : 0.25;
    double limit = limiter->limit * slower + growth;
    bool untried = limit > limiter->limit && limiter->limit > 2.0 * limiter->peak;
    if (!untried)
        limiter->limit = within(limit, limiter->min, limiter->max);
    if (mean_ns < limiter->base_ns)
        limiter->base_ns -= (limiter->base_ns - mean_ns) / 4;
}

static void end_window(struct limiter *limiter)
{
    double mean_ns = limiter->sum_ns / limiter->count;
    if (limiter->phase == LIMITER_PROBE) {
        limiter->base_ns = mean_ns;
        measure(limiter);
        return;
    }
    step(limiter, mean_ns);
    begin_window(limiter);
    if (++limiter->windows >= LIMITER_PROBE_EVERY) {
        limiter->skip = UINT32_MAX;
        set_phase(limiter, LIMITER_DRAIN);
    }
}

void limiter_finished(struct limiter *limiter, int64_t took_ns, uint32_t running, int64_t now_ns)
{
    if (limiter->count > 0 && now_ns - limiter->last_ns > LIMITER_PAUSE_S * S_IN_NS)
        begin_window(limiter);
    limiter->last_ns = now_ns;
    if (limiter->phase == LIMITER_DRAIN) {
        drain(limiter, running);
        return;
    }
    limiter->sum_ns += took_ns > 1 ? (double)took_ns : 1; /* a clock that stood still divides nothing by zero */
    limiter->count++;
    if (running > limiter->peak)
        limiter->peak = running;
    /* Shorter than what runs at once, a window would judge the limit by requests from before it. */
    if (limiter->count >= LIMITER_WINDOW && limiter->count >= limiter->limit)
        end_window(limiter);
}
