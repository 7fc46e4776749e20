/* Hosts: their processes start, run, crash and close; their clocks go their own way.
 *
 * Reads best next: host.h. */
#include "sim/host.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/units.h"
#include "net/inherit.h"
#include "sim/disk.h"
#include "sim/loop.h"
#include "sim/stream.h"

/* How soon a process that is busy is asked again; what drift is told in parts of. */
enum { ERRAND_AGAIN_NS = 2000000, MILLION = 1000000 };

/* Work that a process has put off; gone with it. */
struct host_errand {
    struct host_errand *next;
    semel_sim_host *host;
    uint32_t life;
    void (*fn)(void *arg);
    void *arg;
};

/* ---- its clock ---- */

/* value * times / by, without leaving int64_t on the way: a clock that is rounded in larger steps would go back. */
static int64_t scale(int64_t value, int64_t times, int64_t by)
{
    return value / by * times + value % by * times / by;
}

int64_t host_now(const semel_sim_host *host)
{
    int64_t passed_ns = host->sim->now_ns - host->since_ns;
    return host->clock_ns + scale(passed_ns, MILLION + host->drift_ppm, MILLION);
}

int64_t host_when(const semel_sim_host *host, int64_t clock_ns)
{
    int64_t wait_ns = clock_ns - host_now(host);
    if (wait_ns <= 0)
        return host->sim->now_ns;
    /* A bit late rather than early: what is not due then would be looked at again at once. */
    return host->sim->now_ns + scale(wait_ns, MILLION, MILLION + host->drift_ppm) + 1;
}

static void set_clock(semel_sim_host *host, int64_t clock_ns)
{
    host->clock_ns = clock_ns;
    host->since_ns = host->sim->now_ns;
}

void host_set_drift(semel_sim_host *host, int64_t ppm)
{
    set_clock(host, host_now(host));
    host->drift_ppm = ppm;
    sim_loop_replan(host);
}

void semel_sim_leap(semel_sim_host *host, int64_t ms)
{
    assert(ms >= 0); /* a monotonic clock does not go back */
    world_tell(host, "its clock leaps by %lld ms", (long long)ms);
    set_clock(host, host_now(host) + ms * MS_IN_NS);
    sim_loop_replan(host);
}

int64_t host_earliest(const semel_sim_host *host, int64_t due_ns)
{
    return due_ns > host->stalled_until_ns ? due_ns : host->stalled_until_ns;
}

void semel_sim_stall(semel_sim_host *host, int64_t ms)
{
    world_tell(host, "stands still for %lld ms", (long long)ms);
    host->stalled_until_ns = world->now_ns + ms * MS_IN_NS;
    sim_loop_replan(host);
}

void semel_sim_fail_disk(semel_sim_host *host)
{
    host->disk_fails = true;
}

/* ---- its life ---- */

/* The process is gone: its memory, its loops, its descriptors, what it had put off. */
static void bury(semel_sim_host *host)
{
    host->dying = false;
    host->up = false;
    host->crash_in = 0;
    host->disk_fails = false;
    host->off = chance_of(world_chance(WORLD_CHANCE_FAULTS), 400);
    world_tell(host, host->off ? "crashes, and its machine with it" : "crashes");
    world_mix('C', host->index, host->off);
    sim_loop_drop(host);
    stream_drop(host, host->off);
    disk_drop(host);
    heap_clear(&host->heap);
}

static bool is_inside(const semel_sim_host *host)
{
    const struct world_turn *turn = world->turn;
    while (turn != NULL && turn->host != host)
        turn = turn->outer;
    return turn != NULL;
}

void host_run(semel_sim_host *host, void (*fn)(void *arg), void *arg)
{
    struct world_turn turn = {.outer = world->turn, .host = host};
    struct heap_list *memory_of = heap_enter(&host->heap);
    int64_t deadline_ns = inherit_enter(0);
    world->turn = &turn;
    if (setjmp(turn.crash) == 0)
        fn(arg);
    world->turn = turn.outer;
    inherit_leave(deadline_ns);
    heap_enter(memory_of);
    if (host->dying && !is_inside(host))
        bury(host);
}

void semel_sim_crash(semel_sim_host *host)
{
    if (!host->up)
        return;
    host->dying = true;
    if (world->turn != NULL && world->turn->host == host)
        longjmp(world->turn->crash, 1);
    if (!is_inside(host))
        bury(host);
}

void host_may_crash(semel_sim_host *host)
{
    if (host != NULL && host->crash_in > 0 && --host->crash_in == 0)
        semel_sim_crash(host);
}

void host_check_dying(void)
{
    if (world->turn != NULL && world->turn->host->dying)
        longjmp(world->turn->crash, 1);
}

static void boot(void *arg)
{
    semel_sim_host *host = arg;
    host->boot(host, host->user);
}

void semel_sim_start(semel_sim_host *host)
{
    if (host->up)
        return;
    bool was_off = host->off;
    host->up = true;
    host->off = false;
    host->life++;
    host->stalled_until_ns = world->now_ns;
    host->chance = chance_fork(world->seed, (host->index + 1) * UINT64_C(1000003) + host->life);
    set_clock(host, chance_between(&host->chance, 1, 1000000) * S_IN_NS / 1000);
    world_tell(host, "starts");
    world_mix('S', host->index, host->life);
    if (was_off)
        stream_restart(host);
    host_run(host, boot, host);
}

static void on_start(void *arg, uint64_t tag)
{
    (void)tag;
    semel_sim_start(arg);
}

semel_sim_host *semel_sim_add_host(semel_sim *sim, const char *name, semel_sim_boot_fn *fn, void *user)
{
    semel_sim_host *host = calloc(1, sizeof *host);
    assert(host != NULL && sim->host_count < WORLD_HOSTS_MAX && strlen(name) < HOST_NAME_SIZE);
    host->sim = sim;
    host->index = sim->host_count;
    snprintf(host->name, sizeof host->name, "%s", name);
    host->boot = fn;
    host->user = user;
    sim->hosts[sim->host_count++] = host;
    world_put(sim->now_ns, on_start, host, 0); /* when every host that the scenario adds now has its name */
    return host;
}

void semel_sim_stop(semel_sim_host *host)
{
    if (!host->up)
        return;
    assert(!is_inside(host));
    world_tell(host, "stops");
    world_mix('E', host->index, host->life);
    sim_loop_close_nodes(host);
    if (!host->up)
        return; /* it has crashed on its way out */
    host->up = false;
    host->crash_in = 0;
    host->disk_fails = false;
    if (host->heap.count > 0)
        semel_sim_fail(host->sim, "%s has closed its node, and %zu blocks of memory are left", host->name,
                       host->heap.count);
    if (stream_open_count(host) > 0)
        semel_sim_fail(host->sim, "%s has closed its node, and %d descriptors are left", host->name,
                       stream_open_count(host));
    if (disk_is_open(host))
        semel_sim_fail(host->sim, "%s has closed its node, and a store is left open", host->name);
}

void host_free(semel_sim_host *host)
{
    disk_drop(host);
    heap_clear(&host->heap);
    while (host->errands != NULL) {
        struct host_errand *errand = host->errands;
        host->errands = errand->next;
        free(errand);
    }
    free(host);
}

/* ---- errands ---- */

static void unlink_errand(struct host_errand *errand)
{
    struct host_errand **link = &errand->host->errands;
    while (*link != errand)
        link = &(*link)->next;
    *link = errand->next;
}

/* When its process has time for it; now: it has. */
static int64_t errand_due(const semel_sim_host *host)
{
    int64_t due_ns = host_earliest(host, world->now_ns);
    if (due_ns == world->now_ns && sim_loop_is_busy(host)) /* a handler waits in a synchronous stub */
        due_ns += ERRAND_AGAIN_NS;
    return due_ns;
}

static void on_errand(void *arg, uint64_t tag)
{
    struct host_errand *errand = arg;
    semel_sim_host *host = errand->host;
    int64_t due_ns = errand_due(host);
    if (host->up && host->life == errand->life && due_ns > world->now_ns) {
        world_put(due_ns, on_errand, errand, tag);
        return;
    }
    unlink_errand(errand);
    const struct host_errand kept = *errand;
    free(errand);
    if (host->up && host->life == kept.life)
        host_run(host, kept.fn, kept.arg);
}

void semel_sim_after(semel_sim_host *host, int64_t ms, void (*fn)(void *arg), void *arg)
{
    struct host_errand *errand = calloc(1, sizeof *errand);
    assert(errand != NULL && host->up);
    *errand = (struct host_errand){
        .next = host->errands, .host = host, .life = host->life, .fn = fn, .arg = arg};
    host->errands = errand;
    world_put(world->now_ns + ms * MS_IN_NS, on_errand, errand, 0);
}

void semel_sim_as(semel_sim_host *host, void (*fn)(void *arg), void *arg)
{
    assert(host->up);
    host_run(host, fn, arg);
}

/* ---- asking ---- */

const char *semel_sim_host_name(const semel_sim_host *host)
{
    return host->name;
}

semel_sim *semel_sim_of(const semel_sim_host *host)
{
    return host->sim;
}

bool semel_sim_is_up(const semel_sim_host *host)
{
    return host->up;
}

uint32_t semel_sim_life(const semel_sim_host *host)
{
    return host->life;
}

void semel_sim_spare(semel_sim_host *host)
{
    host->spared = true;
}
