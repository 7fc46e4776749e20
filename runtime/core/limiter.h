/* How many requests a server should run at once, learnt from how long they take: more than it can work on only
 * makes all of them slower.  It must not know requests, nor what happens to those above the limit.
 *
 * The limit follows a gradient.  Requests are looked at in windows of LIMITER_WINDOW, or of as
 * many as the limit lets run, if that is more.  At the end of each:
 *
 *   base    what a request takes when none has to queue: the mean of a window that was measured under half of the
 *           limit (a probe, every LIMITER_PROBE_EVERY windows); then a quarter of the way down to any faster window
 *   slower  = min(1, max(1/2, 5/4 * base / mean of the window))
 *   limit   = limit * slower + max(1/4, limit / 16), within min and max
 *
 * so that it settles where a request takes about 4/3 of its time without queueing.  It does not grow beyond twice
 * what was running, for nothing is known of what is above.  The probe is what keeps it from taking a queue that is
 * always there for the work itself, and what finds out that the work now takes longer; a min above what the server
 * can work on spoils it, and the limit then stays near that min.
 *
 * Reads best next: limiter.c. */
#ifndef CORE_LIMITER_H
#define CORE_LIMITER_H

#include <stdbool.h>
#include <stdint.h>

#define LIMITER_WINDOW 64
#define LIMITER_PROBE_EVERY 32
#define LIMITER_START 16   /* until something is known */
#define LIMITER_PAUSE_S 10 /* after such a pause a window begins anew */

enum limiter_phase {
    LIMITER_MEASURE, /* a window under the limit */
    LIMITER_DRAIN,   /* the limit was halved: requests that queued before it are waited for */
    LIMITER_PROBE,   /* a window under half of the limit */
    LIMITER_PHASE_COUNT
};

struct limiter {
    double limit;
    uint32_t min, max;
    enum limiter_phase phase;
    double base_ns;   /* 0: not known */
    double sum_ns;    /* of the window */
    uint32_t count;   /* requests in the window, or in the drain */
    uint32_t peak;    /* most that were running in it */
    uint32_t skip;    /* LIMITER_DRAIN: requests that may still have queued; UINT32_MAX: too many are running */
    uint32_t windows; /* since the last probe */
    int64_t last_ns;
};

/* 1 <= min <= max.  The first window is a probe. */
void limiter_init(struct limiter *limiter, uint32_t min, uint32_t max);

/* A request has finished: how long it was in the server, and how many were running then, itself included. */
void limiter_finished(struct limiter *limiter, int64_t took_ns, uint32_t running, int64_t now_ns);

/* How many may be running now. */
uint32_t limiter_limit(const struct limiter *limiter);

#endif
