/* The world: made from a seed, stepped through its agenda, told as a trace, and ended.
 *
 * Reads best next: world.h. */
#include "sim/world.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/units.h"
#include "sim/disk.h"
#include "sim/host.h"
#include "sim/loop.h"
#include "sim/stream.h"

struct semel_sim *world;

/* Without faults: a fast, even network. */
enum { LATENCY_US = 200 };

semel_sim *semel_sim_create(uint64_t seed)
{
    assert(world == NULL);
    world = calloc(1, sizeof *world);
    assert(world != NULL);
    world->seed = seed;
    world->hash = seed;
    world->now_ns = S_IN_NS;
    world->faults.latency_us = LATENCY_US;
    for (int i = 0; i < WORLD_CHANCES; i++)
        world->chances[i] = chance_fork(seed, (uint64_t)i + 1);
    return world;
}

bool world_end(semel_sim *sim, char *ret_failure)
{
    assert(sim == world && sim->turn == NULL);
    for (uint32_t i = 0; i < sim->host_count; i++)
        semel_sim_stop(sim->hosts[i]);
    bool passed = !sim->failed;
    memcpy(ret_failure, sim->failure, sizeof sim->failure);
    for (uint32_t i = 0; i < sim->host_count; i++)
        host_free(sim->hosts[i]);
    sim_loop_free_all();
    stream_free_all();
    disk_free();
    agenda_fini(&sim->agenda);
    free(sim);
    world = NULL;
    return passed;
}

bool semel_sim_destroy(semel_sim *sim)
{
    char failure[WORLD_TEXT_MAX];
    return world_end(sim, failure);
}

/* ---- time ---- */

bool world_step(int64_t until_ns)
{
    if (agenda_next(&world->agenda) > until_ns)
        return false;
    if (world->agenda.count == 0)
        return false;
    struct agenda_event event = agenda_take(&world->agenda);
    assert(event.due_ns >= world->now_ns);
    world->now_ns = event.due_ns;
    world->events++;
    event.fire(event.arg, event.tag);
    return true;
}

bool semel_sim_run_until(semel_sim *sim, int64_t ms, bool (*done)(void *user), void *user)
{
    int64_t until_ns = sim->now_ns + ms * MS_IN_NS;
    assert(sim->turn == NULL); /* the code of a host waits by synchronous stubs */
    while (!done(user))
        if (!world_step(until_ns)) {
            if (sim->now_ns <
                until_ns) /* a handler that waited in a synchronous stub may have taken it further */
                sim->now_ns = until_ns;
            return done(user);
        }
    return true;
}

static bool never(void *user)
{
    (void)user;
    return false;
}

void semel_sim_run(semel_sim *sim, int64_t ms)
{
    (void)semel_sim_run_until(sim, ms, never, NULL);
}

uint64_t semel_sim_seed(const semel_sim *sim)
{
    return sim->seed;
}

int64_t semel_sim_now_us(const semel_sim *sim)
{
    return sim->now_ns / 1000;
}

uint64_t semel_sim_below(semel_sim *sim, uint64_t below)
{
    (void)sim;
    return chance_below(world_chance(WORLD_CHANCE_SCENARIO), below);
}

/* ---- the trace ---- */

void world_mix(uint64_t what, uint64_t a, uint64_t b)
{
    struct chance mixer = {world->hash ^ what ^ (uint64_t)world->now_ns};
    mixer.state ^= chance_next(&mixer) + a;
    mixer.state ^= chance_next(&mixer) + b;
    world->hash = chance_next(&mixer);
}

static void print(const semel_sim_host *host, const char *text)
{
    printf("%12.6f s  %-10s %s\n", (double)world->now_ns / (double)S_IN_NS, host != NULL ? host->name : "",
           text);
}

void world_tell(const semel_sim_host *host, const char *format, ...)
{
    if (!world->traced)
        return;
    char text[WORLD_TEXT_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    print(host, text);
}

void semel_sim_note(semel_sim *sim, const semel_sim_host *host, const char *format, ...)
{
    char text[WORLD_TEXT_MAX];
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    for (int i = 0; i < size && text[i] != '\0'; i++)
        sim->hash = sim->hash * UINT64_C(1099511628211) ^ (unsigned char)text[i];
    if (sim->traced)
        print(host, text);
}

void semel_sim_fail(semel_sim *sim, const char *format, ...)
{
    char text[WORLD_TEXT_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (sim->traced)
        print(NULL, text);
    if (!sim->failed)
        memcpy(sim->failure, text, sizeof text);
    sim->failed = true;
}
