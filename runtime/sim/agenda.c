/* A binary heap by time and order.
 *
 * Reads best next: agenda.h. */
#include "sim/agenda.h"

#include <assert.h>
#include <stdlib.h>

enum { FIRST_CAPACITY = 256 };

void agenda_fini(struct agenda *agenda)
{
    free(agenda->heap);
    *agenda = (struct agenda){0};
}

static bool is_before(const struct agenda_event *a, const struct agenda_event *b)
{
    return a->due_ns != b->due_ns ? a->due_ns < b->due_ns : a->order < b->order;
}

static void sift_up(struct agenda *agenda, size_t at, struct agenda_event event)
{
    while (at > 0 && is_before(&event, &agenda->heap[(at - 1) / 2])) {
        agenda->heap[at] = agenda->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    agenda->heap[at] = event;
}

static void sift_down(struct agenda *agenda, struct agenda_event event)
{
    size_t at = 0;
    for (;;) {
        size_t child = at * 2 + 1;
        if (child >= agenda->count)
            break;
        if (child + 1 < agenda->count && is_before(&agenda->heap[child + 1], &agenda->heap[child]))
            child++;
        if (!is_before(&agenda->heap[child], &event))
            break;
        agenda->heap[at] = agenda->heap[child];
        at = child;
    }
    agenda->heap[at] = event;
}

void agenda_put(struct agenda *agenda, int64_t due_ns, agenda_fn *fire, void *arg, uint64_t tag)
{
    if (agenda->count == agenda->capacity) {
        agenda->capacity = agenda->capacity == 0 ? FIRST_CAPACITY : agenda->capacity * 2;
        agenda->heap = realloc(agenda->heap, agenda->capacity * sizeof *agenda->heap);
        assert(agenda->heap != NULL);
    }
    const struct agenda_event event = {due_ns, agenda->next_order++, fire, arg, tag};
    sift_up(agenda, agenda->count++, event);
}

int64_t agenda_next(const struct agenda *agenda)
{
    return agenda->count == 0 ? INT64_MAX : agenda->heap[0].due_ns;
}

struct agenda_event agenda_take(struct agenda *agenda)
{
    assert(agenda->count > 0);
    struct agenda_event event = agenda->heap[0];
    struct agenda_event last = agenda->heap[--agenda->count];
    if (agenda->count > 0)
        sift_down(agenda, last);
    return event;
}
