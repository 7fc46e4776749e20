/* The heap of timers, and the row.  Four children a node: fewer cache lines than two.
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
    size_t last = first + ARITY < timers->heap_count ? first + ARITY : timers->heap_count;
    size_t best = first;
    for (size_t child = first + 1; child < last; child++)
        if (timers->heap[child]->due_ns < timers->heap[best]->due_ns)
            best = child;
    return best;
}

static void sift_down(struct timers *timers, size_t index, struct timer *timer)
{
    while (index * ARITY + 1 < timers->heap_count) {
        size_t child = earliest_child(timers, index);
        if (timers->heap[child]->due_ns >= timer->due_ns)
            break;
        place(timers, index, timers->heap[child]);
        index = child;
    }
    place(timers, index, timer);
}

static void leave_heap(struct timers *timers, struct timer *timer)
{
    size_t index = timer->slot - 1;
    assert(index < timers->heap_count && timers->heap[index] == timer);
    struct timer *last = timers->heap[--timers->heap_count];
    if (last == timer)
        return;
    if (last->due_ns < timer->due_ns)
        sift_up(timers, index, last);
    else
        sift_down(timers, index, last);
}

static void join_row(struct timers *timers, struct timer *timer)
{
    timer->slot = TIMERS_ROW;
    timer->next = NULL;
    timer->prev = timers->last;
    *(timer->prev != NULL ? &timer->prev->next : &timers->first) = timer;
    timers->last = timer;
}

static void leave_row(struct timers *timers, struct timer *timer)
{
    *(timer->prev != NULL ? &timer->prev->next : &timers->first) = timer->next;
    *(timer->next != NULL ? &timer->next->prev : &timers->last) = timer->prev;
}

bool timers_start(struct timers *timers, struct timer *timer, int64_t due_ns)
{
    timers_stop(timers, timer);
    if (!timers_reserve(timers, timers->count + 1))
        return false;
    timers->count++;
    timer->due_ns = due_ns;
    if (timers->last == NULL || timers->last->due_ns <= due_ns)
        join_row(timers, timer);
    else
        sift_up(timers, timers->heap_count++, timer);
    return true;
}

void timers_stop(struct timers *timers, struct timer *timer)
{
    if (timer->slot == 0)
        return;
    if (timer->slot == TIMERS_ROW)
        leave_row(timers, timer);
    else
        leave_heap(timers, timer);
    timer->slot = 0;
    timers->count--;
}

static struct timer *earliest(const struct timers *timers)
{
    struct timer *top = timers->heap_count > 0 ? timers->heap[0] : NULL;
    if (top == NULL || timers->first == NULL)
        return top != NULL ? top : timers->first;
    return timers->first->due_ns <= top->due_ns ? timers->first : top;
}

int64_t timers_next(const struct timers *timers)
{
    const struct timer *timer = earliest(timers);
    return timer == NULL ? TIMERS_NEVER : timer->due_ns;
}

void timers_run(struct timers *timers, int64_t now_ns)
{
    size_t budget = timers->count;
    while (budget-- > 0) {
        struct timer *timer = earliest(timers);
        if (timer == NULL || timer->due_ns > now_ns)
            return;
        timers_stop(timers, timer);
        timer->fire(timer);
    }
}
