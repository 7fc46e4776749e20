/* Timers on a time that is given from outside: a 4-ary heap of what is due when, and beside it a row of those that were
 * started in the order in which they are due.
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
    size_t slot; /* 1-based place in the heap, 0: not running, TIMERS_ROW: in the row */
    timer_fn *fire;
    struct timer *next; /* in the row */
    struct timer *prev;
};

#define TIMERS_ROW SIZE_MAX

/* Most timers are deadlines of calls: of two with the same patience, the later is due later, and nearly all are stopped
 * before.  In the row neither costs a look at other timers; in the heap it does. */
struct timers {
    struct timer **heap;
    size_t heap_count;
    size_t count;    /* of all that run */
    size_t capacity; /* of the heap: there is room for all, so that any of them may move into it */
    struct timer *first;
    struct timer *last;
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
