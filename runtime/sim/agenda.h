/* The agenda: what happens when, in an order that the seed alone decides.  Events of one moment happen in the order in
 * which they were put.
 *
 * It must not know what they do.  Reads best next: world.h. */
#ifndef SIM_AGENDA_H
#define SIM_AGENDA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* tag: what was given with the event, for its owner to see whether it is still meant. */
typedef void agenda_fn(void *arg, uint64_t tag);

struct agenda_event {
    int64_t due_ns;
    uint64_t order;
    agenda_fn *fire;
    void *arg;
    uint64_t tag;
};

struct agenda {
    struct agenda_event *heap;
    size_t count;
    size_t capacity;
    uint64_t next_order;
};

void agenda_fini(struct agenda *agenda);
void agenda_put(struct agenda *agenda, int64_t due_ns, agenda_fn *fire, void *arg, uint64_t tag);
/* When the next is due; INT64_MAX: there is none. */
int64_t agenda_next(const struct agenda *agenda);
/* Takes the next one out; there must be one. */
struct agenda_event agenda_take(struct agenda *agenda);

#endif
