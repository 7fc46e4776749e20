/* What befalls the world while faults go on, and what is mended when they end.
 *
 * Reads best next: semel/sim.h, stream.c. */
#include <stddef.h>
#include <string.h>

#include "core/units.h"
#include "sim/disk.h"
#include "sim/stream.h"

enum {
    CRASH_WITHIN = 12, /* reads and writes, where it is to end in the middle of something */
};

static struct chance *dice(void)
{
    return world_chance(WORLD_CHANCE_FAULTS);
}

/* ---- choosing ---- */

/* Half of the seeds have a kind of fault at all; how often it comes differs by a factor of 32. */
static int64_t choose_mean(int64_t least_ms)
{
    return chance_of(dice(), 500) ? 0 : least_ms << chance_below(dice(), 6);
}

void semel_sim_choose_faults(semel_sim *sim, struct semel_sim_faults *ret_faults)
{
    (void)sim;
    *ret_faults = (struct semel_sim_faults){
        .cut_ms = choose_mean(100),
        .hush_ms = choose_mean(400),
        .block_ms = choose_mean(400),
        .stall_ms = choose_mean(400),
        .crash_ms = choose_mean(800),
        .leap_ms = choose_mean(800),
        .replay_ms = choose_mean(400),
        .latency_us = INT64_C(50) << chance_below(dice(), 10),
        .fragment = chance_of(dice(), 500),
        .drift = chance_of(dice(), 300),
    };
    ret_faults->disk_ms = choose_mean(800);
    ret_faults->commit_us = chance_of(dice(), 500) ? 0 : INT64_C(50) << chance_below(dice(), 10);
}

/* ---- the kinds ---- */

static semel_sim_host *any_host(void)
{
    return world->hosts[chance_below(dice(), world->host_count)];
}

static struct stream *any_connection(void)
{
    struct stream *chosen = NULL;
    uint64_t count = 0;
    for (int fd = 0; fd < world->stream_count; fd++) {
        struct stream *stream = world->streams[fd];
        if (stream->state == STREAM_OPEN && stream->client && stream->host != NULL &&
            chance_below(dice(), ++count) == 0)
            chosen = stream;
    }
    return chosen;
}

static void cut(void)
{
    struct stream *stream = any_connection();
    if (stream != NULL)
        stream_cut(stream);
}

static void hush(void)
{
    struct stream *stream = any_connection();
    if (stream != NULL)
        stream_hush(stream);
}

static int64_t a_while_ms(int64_t most_ms)
{
    return most_ms >> chance_below(dice(), 8);
}

static void on_unblock(void *arg, uint64_t tag)
{
    semel_sim_host *from = arg;
    semel_sim_block(from, world->hosts[tag], false);
}

static void block(void)
{
    semel_sim_host *from = any_host();
    semel_sim_host *to = any_host();
    if (from == to || world->blocked[from->index][to->index])
        return;
    semel_sim_block(from, to, true);
    world_put(world->now_ns + a_while_ms(8000) * MS_IN_NS, on_unblock, from, to->index);
}

static void stall(void)
{
    semel_sim_host *host = any_host();
    if (host->up && !host->spared)
        semel_sim_stall(host, a_while_ms(8000));
}

static void on_start(void *arg, uint64_t tag)
{
    (void)tag;
    semel_sim_start(arg);
}

static void crash(void)
{
    semel_sim_host *host = any_host();
    if (!host->up || host->spared)
        return;
    world_put(world->now_ns + a_while_ms(8000) * MS_IN_NS, on_start, host, 0);
    if (chance_of(dice(), 600))
        host->crash_in = 1 + (uint32_t)chance_below(dice(), CRASH_WITHIN);
    else
        semel_sim_crash(host); /* may not return */
}

static void fail_disk(void)
{
    semel_sim_host *host = any_host();
    if (host->up && disk_is_open(host))
        semel_sim_fail_disk(host);
}

static void leap(void)
{
    semel_sim_host *host = any_host();
    if (host->up)
        semel_sim_leap(host, a_while_ms(30000));
}

/* The whole of an old connection, or its beginning, to the server it went to or to another. */
static void replay(void)
{
    struct stream *chosen = NULL;
    uint64_t count = 0;
    for (int fd = 0; fd < world->stream_count; fd++) {
        struct stream *stream = world->streams[fd];
        if (stream->host != NULL && stream->record_size > 0 && chance_below(dice(), ++count) == 0)
            chosen = stream;
    }
    if (chosen == NULL)
        return;
    size_t size = chosen->record_size;
    if (chance_of(dice(), 300))
        size = 1 + (size_t)chance_below(dice(), size);
    semel_sim_host *to = chance_of(dice(), 700) ? chosen->to : any_host();
    stream_ghost(to, chosen->to_port, chosen->record, size);
}

/* ---- coming again and again ---- */

enum { KINDS = 8 };

static const struct {
    void (*strike)(void);
    size_t mean_at; /* in struct semel_sim_faults */
} kinds[KINDS] = {
    {cut, offsetof(struct semel_sim_faults, cut_ms)},
    {hush, offsetof(struct semel_sim_faults, hush_ms)},
    {block, offsetof(struct semel_sim_faults, block_ms)},
    {stall, offsetof(struct semel_sim_faults, stall_ms)},
    {crash, offsetof(struct semel_sim_faults, crash_ms)},
    {leap, offsetof(struct semel_sim_faults, leap_ms)},
    {replay, offsetof(struct semel_sim_faults, replay_ms)},
    {fail_disk, offsetof(struct semel_sim_faults, disk_ms)},
};

static void on_fault(void *arg, uint64_t tag);

/* The next one of a kind: after anything from nothing to twice the mean. */
static void plan(size_t kind)
{
    int64_t mean_ms;
    memcpy(&mean_ms, (const char *)&world->faults + kinds[kind].mean_at, sizeof mean_ms);
    if (mean_ms > 0)
        world_put(world->now_ns + chance_between(dice(), 0, 2 * mean_ms * MS_IN_NS), on_fault, world,
                  world->faults_epoch * KINDS + kind);
}

static void on_fault(void *arg, uint64_t tag)
{
    (void)arg;
    if (tag / KINDS != world->faults_epoch)
        return;
    plan(tag % KINDS);
    kinds[tag % KINDS].strike();
}

static void drift(bool on)
{
    for (uint32_t i = 0; i < world->host_count; i++)
        host_set_drift(world->hosts[i], on ? chance_between(dice(), -30000, 30000) : 0);
}

void semel_sim_begin_faults(semel_sim *sim, const struct semel_sim_faults *faults)
{
    sim->faults = *faults;
    sim->faults_epoch++;
    drift(faults->drift);
    for (size_t i = 0; i < KINDS; i++)
        plan(i);
}

static void free_every_way(void)
{
    for (uint32_t from = 0; from < world->host_count; from++)
        for (uint32_t to = 0; to < world->host_count; to++)
            semel_sim_block(world->hosts[from], world->hosts[to], false);
}

void semel_sim_end_faults(semel_sim *sim)
{
    const struct semel_sim_faults none = {.latency_us = sim->faults.latency_us,
                                          .commit_us = sim->faults.commit_us};
    world_tell(NULL, "the faults end");
    sim->faults = none;
    sim->faults_epoch++;
    drift(false);
    free_every_way();
    for (uint32_t i = 0; i < sim->host_count; i++) {
        semel_sim_host *host = sim->hosts[i];
        host->crash_in = 0;
        host->disk_fails = false;
        host->stalled_until_ns = sim->now_ns;
        semel_sim_start(host);
    }
}

/* ---- by hand ---- */

void semel_sim_block(semel_sim_host *from, const semel_sim_host *to, bool blocked)
{
    if (world->blocked[from->index][to->index] == blocked)
        return;
    world_tell(from, blocked ? "can not reach %s" : "reaches %s again", to->name);
    world->blocked[from->index][to->index] = blocked;
    if (!blocked)
        stream_unblock(from, to);
}

void semel_sim_cut(semel_sim_host *a, semel_sim_host *b)
{
    for (int fd = 0; fd < world->stream_count; fd++) {
        struct stream *stream = world->streams[fd];
        if (stream->client && stream->peer != NULL &&
            ((stream->host == a && stream->to == b) || (stream->host == b && stream->to == a)))
            stream_cut(stream);
    }
}
