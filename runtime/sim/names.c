/* The resolver of the runtime (net/resolver.h) for a world without name servers: tcp://NAME.net:PORT is looked up,
 * which takes its time.  Some hosts have two addresses, and some have one where nobody is; that lasts as long as the
 * world.
 *
 * It must not know channels.  Reads best next: transport.c, which dials what is found. */
#include "net/resolver.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/units.h"
#include "sim/place.h"

struct resolver {
    struct loop *loop;
};

struct lookup {
    struct timer timer;
    struct resolver *resolver;
    struct endpoint endpoint;
    bool late; /* nobody answers in time */
    lookup_fn *done;
    void *owner;
};

enum { PURPOSE = 7000 }; /* of a host's number, among the generators of the world */

struct resolver *resolver_create(struct loop *loop, const char *servers)
{
    (void)servers;
    struct resolver *resolver = heap_malloc(sizeof *resolver);
    assert(resolver != NULL);
    resolver->loop = loop;
    return resolver;
}

void resolver_destroy(struct resolver *resolver)
{
    heap_free(resolver);
}

/* ---- what is found ---- */

static void add(struct endpoint *found, size_t *count, const struct endpoint *asked, const struct place *place)
{
    found[*count] = *asked;
    place_set(&found[(*count)++], place);
}

static size_t find(const struct endpoint *asked, struct endpoint *found)
{
    struct place place;
    size_t count = 0;
    if (!place_named(asked->text, &place))
        return 0;
    struct chance layout = chance_fork(world->seed, PURPOSE + (uint64_t)place.host);
    uint64_t which = chance_below(&layout, 4);
    if (which == 1) {
        place.address = PLACE_NOBODY;
        add(found, &count, asked, &place);
    }
    place.address = PLACE_FIRST;
    add(found, &count, asked, &place);
    place.address = which == 2 ? PLACE_SECOND : PLACE_NOBODY;
    if (which >= 2)
        add(found, &count, asked, &place);
    return count;
}

static bool is_troubled(void)
{
    return world->faults.block_ms > 0 || world->faults.hush_ms > 0;
}

static void on_found(struct timer *timer)
{
    struct lookup *lookup = container_of(timer, struct lookup, timer);
    struct endpoint found[2];
    const struct lookup asked = *lookup;
    bool fails = asked.late || (is_troubled() && chance_of(world_chance(WORLD_CHANCE_NETWORK), 100));
    heap_free(lookup);
    struct lookup_result result = {.addresses = found, .text = ""};
    result.count = fails ? 0 : find(&asked.endpoint, found);
    if (result.count == 0) {
        result.os_error = asked.late ? ETIMEDOUT : 0;
        result.text = asked.late ? "no name server answers" : "no such name";
    }
    asked.done(&result, asked.owner);
}

/* ---- net/resolver.h ---- */

struct lookup *lookup_begin(struct resolver *resolver, const struct endpoint *endpoint, int64_t timeout_ns,
                            lookup_fn *done, void *owner)
{
    struct chance *dice = world_chance(WORLD_CHANCE_NETWORK);
    struct lookup *lookup = heap_malloc(sizeof *lookup);
    assert(lookup != NULL);
    *lookup = (struct lookup){.resolver = resolver, .endpoint = *endpoint, .done = done, .owner = owner};
    lookup->late = is_troubled() && chance_of(dice, 50);
    int64_t takes_ns = chance_between(dice, 0, 4 * world->faults.latency_us * 1000);
    if (lookup->late || takes_ns > timeout_ns) {
        lookup->late = true;
        takes_ns = timeout_ns;
    }
    timer_init(&lookup->timer, on_found);
    bool started = loop_timer_start(resolver->loop, &lookup->timer, loop_now(resolver->loop) + takes_ns);
    assert(started);
    (void)started;
    return lookup;
}

void lookup_cancel(struct lookup *lookup)
{
    if (lookup == NULL)
        return;
    loop_timer_stop(lookup->resolver->loop, &lookup->timer);
    heap_free(lookup);
}
