/* The heap of timers.  Four children a node: fewer cache lines than two.
 *
 * Reads best next: timers.h. */
#include "core/timers.h"

#include <assert.h>
#include <stdlib.h>

enum { ARITY = 4, FIRST_CAPACITY = 64 };

void timers_init(struct timers *timers)
{
    *timers = (struct timers){0};
}

void timers_fini(struct timers *timers)
{
    free(timers->heap);
    *timers = (struct timers){0};
}

bool timers_reserve(struct timers *timers, size_t count)
{
    if (count <= timers->capacity)
        return true;
    size_t capacity = timers->capacity == 0 ? FIRST_CAPACITY : timers->capacity;
    while (capacity < count)
        capacity *= 2;
    struct timer **heap = realloc(timers->heap, capacity * sizeof *heap);
    if (heap == NULL)
        return false;
    timers->heap = heap;
    timers->capacity = capacity;
    return true;
}

static void place(struct timers *timers, size_t index, struct timer *timer)
{
    timers->heap[index] = timer;
    timer->slot = index + 1;
}

static void sift_up(struct timers *timers, size_t index, struct timer *timer)
{
    while (index > 0) {
        size_t parent = (index - 1) / ARITY;
        if (timers->heap[parent]->due_ns <= timer->due_ns)
            break;
        place(timers, index, timers->heap[parent]);
        index = parent;
    }
    place(timers, index, timer);
}

static size_t earliest_child(const struct timers *timers, size_t index)
{
    size_t first = index * ARITY + 1;
    size_t last = first + ARITY < timers->count ? first + ARITY : timers->count;
    size_t best = first;
    for (size_t child = first + 1; child < last; child++)
        if (timers->heap[child]->due_ns < timers->heap[best]->due_ns)
            best = child;
    return best;
}

static void sift_down(struct timers *timers, size_t index, struct timer *timer)
{
    while (index * ARITY + 1 < timers->count) {
        size_t child = earliest_child(timers, index);
        if (timers->heap[child]->due_ns >= timer->due_ns)
            break;
        place(timers, index, timers->heap[child]);
        index = child;
    }
    place(timers, index, timer);
}

bool timers_start(struct timers *timers, struct timer *timer, int64_t due_ns)
{
    timers_stop(timers, timer);
    if (!timers_reserve(timers, timers->count + 1))
        return false;
    timer->due_ns = due_ns;
    sift_up(timers, timers->count++, timer);
    return true;
}

void timers_stop(struct timers *timers, struct timer *timer)
{
    if (timer->slot == 0)
        return;
    size_t index = timer->slot - 1;
    assert(index < timers->count && timers->heap[index] == timer);
    timer->slot = 0;
    struct timer *last = timers->heap[--timers->count];
    if (last == timer)
        return;
    if (last->due_ns < timer->due_ns)
        sift_up(timers, index, last);
    else
        sift_down(timers, index, last);
}

int64_t timers_next(const struct timers *timers)
{
    return timers->count == 0 ? TIMERS_NEVER : timers->heap[0]->due_ns;
}

void timers_run(struct timers *timers, int64_t now_ns)
{
    size_t budget = timers->count;
    while (budget-- > 0 && timers->count > 0 && timers->heap[0]->due_ns <= now_ns) {
        struct timer *timer = timers->heap[0];
        timers_stop(timers, timer);
        timer->fire(timer);
    }
}
