/* Timers on a time that is given from outside: a 4-ary heap of what is due when.
 *
 * Reads best next: net/loop.h, which gives it the time. */
#ifndef CORE_TIMERS_H
#define CORE_TIMERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TIMERS_NEVER INT64_MAX

struct timer;
typedef void timer_fn(struct timer *timer);

/* Embedded in its owner; init once, then start and stop as often as needed. */
struct timer {
    int64_t due_ns;
    size_t slot; /* 1-based place in the heap, 0: not running */
    timer_fn *fire;
};

struct timers {
    struct timer **heap;
    size_t count;
    size_t capacity;
};

void timers_init(struct timers *timers);
void timers_fini(struct timers *timers);

/* Makes sure that count timers can run at once.  false: no memory. */
bool timers_reserve(struct timers *timers, size_t count);

static inline void timer_init(struct timer *timer, timer_fn *fire)
{
    *timer = (struct timer){.fire = fire};
}

static inline bool timer_running(const struct timer *timer)
{
    return timer->slot != 0;
}

/* Starts or moves a timer.  false: no memory (never, within what was reserved). */
bool timers_start(struct timers *timers, struct timer *timer, int64_t due_ns);
/* Stopping a timer that does not run is fine. */
void timers_stop(struct timers *timers, struct timer *timer);

/* When the first is due; TIMERS_NEVER if none. */
int64_t timers_next(const struct timers *timers);

/* Fires what is due at now_ns, earliest first, each stopped before it fires; at most as many as were running when it
 * began, so that timers which start each other can not keep it for ever. */
void timers_run(struct timers *timers, int64_t now_ns);

#endif
