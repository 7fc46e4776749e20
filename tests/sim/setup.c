/* Chosen by the seed, a few extremes at a time: what is always a bit of everything finds little.
 *
 * Reads best next: setup.h, world.c of the simulator for how chance works. */
#include "setup.h"

#include <assert.h>
#include <stdio.h>

/* The smallest there is; an eighth of it is not for new work. */
/* What is written ahead of its place has no room in the one, and the other's is full after 16 pages. */
enum { STORE_BYTES = 4 << 20, ROOMY_STORE_BYTES = 16 << 20 };

static bool one_in(semel_sim *sim, uint64_t count)
{
    return semel_sim_below(sim, count) == 0;
}

static void set(struct setup *setup, const char *key, const char *format, long long value)
{
    char text[32];
    snprintf(text, sizeof text, format, value);
    semel_status status;
    enum semel_code code = semel_properties_set(setup->properties, key, text, &status);
    assert(code == SEMEL_OK);
    (void)code;
}

/* Sets a property in one of so many seeds, to one of a few values. */
static long long maybe(semel_sim *sim, struct setup *setup, const char *key, uint64_t in,
                       const long long *values, size_t count)
{
    long long value = values[semel_sim_below(sim, count)];
    if (!one_in(sim, in))
        return -1;
    set(setup, key, "%lld", value);
    return value;
}

#define MAYBE(key, in, ...)                                                                                    \
    maybe(sim, setup, key, in, (const long long[]){__VA_ARGS__},                                               \
          sizeof((const long long[]){__VA_ARGS__}) / sizeof(long long))

/* What is remembered of a call whose reply is kept, and how often it may be. */
static void choose_keeping(semel_sim *sim, struct setup *setup)
{
    if (setup->bulky)
        return; /* all of it is kept, so that a store has something to keep */
    setup->small_tables |= MAYBE("KeepTotal", 8, 6000, 20000) >= 0;
    (void)MAYBE("KeepReply", 8, 0, 200);
    (void)MAYBE("FrameLimit", 6, 4096);
}

static void choose_limits(semel_sim *sim, struct setup *setup)
{
    /* Room for every channel that may be there at once, and sometimes for no other. */
    long long channels = setup->clients * (setup->hedges ? 3 : 1) +
                         (setup->asks ? 2 * (setup->servers - 1) : 0);
    bool few_sessions = one_in(sim, 10);
    set(setup, "MaxSessions", "%lld", few_sessions ? channels : 64);
    setup->small_tables = few_sessions;
    choose_keeping(sim, setup);
    (void)MAYBE("MaxConnections", 10, channels, channels + 2);
    /* What fills a small table must be forgotten before the world ends. */
    long long lease = MAYBE("Lease", setup->small_tables ? 1 : 3, 100, 1000, 5000);
    setup->lease_ms = lease >= 0 ? lease : 300000;
    (void)MAYBE("Window", 3, 1, 2, 7);
    long long heartbeat = MAYBE("Heartbeat", 2, 200, 500, 3000);
    setup->heartbeat_ms = heartbeat >= 0 ? heartbeat : 10000;
    (void)MAYBE("IdleTimeout", 6, 300, 2000);
    /* Four times on the way, at its slowest. */
    (void)MAYBE("HandshakeTimeout", 4, 400, 1000);
    (void)MAYBE("ConnectTimeout", 4, 400, 1000);
    (void)MAYBE("SendBufferLimit", 4, 4096, 16384);
    (void)MAYBE("SlowReaderTimeout", 4, 200, 2000);
    (void)MAYBE("MaxRunning", 4, 1, 3);
    (void)MAYBE("MaxQueueAge", 4, 20, 200);
    (void)MAYBE("MaxOutstanding", 8, 4, 20);
    setup->short_drains = MAYBE("DrainTimeout", 4, 0, 500) >= 0;
    (void)MAYBE("BreakerFailures", 6, 2);
    set(setup, "BreakerOpenTime", "%lld", 100);
    set(setup, "ReconnectMax", "%lld", 5000); /* or peace would have to last longer */
    if (setup->eager)
        set(setup, "Connect", "eager", 0);
    /* What is held back by the budget alone would look like a broken promise to wait. */
    set(setup, "RetryBudgetFloor", "%lld", 1000000);
}

/* In one of two worlds there are durable stores, in one of five so much goes through them that they must be compacted;
 * and then one of two is nearly full with what the application has in it. */
static void choose_store(semel_sim *sim, struct setup *setup, bool cramped)
{
    if (!one_in(sim, 2) && !cramped)
        return;
    setup->durable = one_in(sim, 3) ? (uint32_t)semel_sim_below(sim, 1 << SERVERS_MAX) : ~0U;
    setup->handlers_refuse |= one_in(sim, 3); /* while it waits for its commit much may happen to a request */
    setup->bulky = one_in(sim, 5) || cramped;
    set(setup, "StoreSize", "%lld", ROOMY_STORE_BYTES);
    if (!setup->bulky)
        return;
    setup->ops += cramped ? 150 : 80;
    if (!one_in(sim, 2) && !cramped)
        return;
    set(setup, "StoreSize", "%lld", STORE_BYTES);
    setup->ballast_bytes = STORE_BYTES / 8 * 4 + (uint32_t)semel_sim_below(sim, STORE_BYTES / 8 * 2);
    if (cramped) /* room for some hundred thousand bytes: much less is worth writing all of it again */
        setup->ballast_bytes = STORE_BYTES / 16 * 9 + (uint32_t)semel_sim_below(sim, STORE_BYTES / 16 * 3);
    else if (one_in(sim, 2)) /* hardly anything is left, or nothing */
        setup->ballast_bytes = STORE_BYTES / 8 * 7 - 400000 + (uint32_t)semel_sim_below(sim, 400000);
}

/* Some things come together too seldom, and have worlds of their own in which they often do. */

/* A request waits for its commit while its client comes back on another connection, asks again, and its first run is
 * refused: commits are slow, connections are short, and nobody tries for long. */
static void hurry(semel_sim *sim, struct setup *setup)
{
    setup->servers = 1;
    setup->durable = ~0U;
    setup->handlers_refuse = setup->impatient = true;
    setup->recoveries = setup->namesakes = false;
    setup->faults = (struct semel_sim_faults){.cut_ms = 100,
                                              .latency_us = INT64_C(5000) << semel_sim_below(sim, 4),
                                              .commit_us = INT64_C(20000) << semel_sim_below(sim, 3)};
}

/* A journal is written again and again, of records whose replies do not get to their clients, until a crash: the store
 * is small, ways are blocked, and a call that takes long keeps all that came after it. */
static void cramp(semel_sim *sim, struct setup *setup)
{
    setup->servers = 1;
    setup->durable = ~0U;
    setup->handlers_think = true;
    setup->recoveries = setup->namesakes = false;
    setup->spares_clients = true;
    setup->faults_ms = INT64_C(6000) << semel_sim_below(sim, 3);
    setup->faults.crash_ms = 1500;
    setup->faults.block_ms = 600;
    setup->faults.cut_ms = 0;
    setup->faults.stall_ms = setup->faults.disk_ms = setup->faults.leap_ms = 0;
}

void setup_choose(semel_sim *sim, struct setup *ret_setup)
{
    struct setup *setup = ret_setup;
    *setup = (struct setup){
        .servers = 1 + (uint32_t)semel_sim_below(sim, SERVERS_MAX),
        .clients = 1 + (uint32_t)semel_sim_below(sim, CLIENTS_MAX),
        .ops = 10 + (uint32_t)semel_sim_below(sim, 90),
        .faults_ms = 200 << semel_sim_below(sim, 7),
        .clean = one_in(sim, 12),
        .drains = one_in(sim, 4),
        .cancels = one_in(sim, 4),
        .handlers_think = one_in(sim, 2),
        .handlers_refuse = one_in(sim, 5),
        .hedges = one_in(sim, 6),
        .patient = one_in(sim, 2),
        .recoveries = one_in(sim, 3),
        .backs = one_in(sim, 3),
        .asks = one_in(sim, 4),
        .asks_wait = one_in(sim, 2),
        .names = one_in(sim, 3),
        .eager = one_in(sim, 6),
        .namesakes = one_in(sim, 8),
        .renewals = one_in(sim, 4),
        .properties = semel_properties_create(),
    };
    assert(setup->properties != NULL);
    if (one_in(sim, 2))
        setup->servers = 1;
    bool hurried = one_in(sim, 24);
    bool cramped = !hurried && one_in(sim, 24);
    choose_store(sim, setup, cramped);
    choose_limits(sim, setup);
    semel_sim_choose_faults(sim, &setup->faults);
    if (hurried)
        hurry(sim, setup);
    if (cramped)
        cramp(sim, setup);
    setup->namesakes &= !setup->clean;
    setup->asks &= setup->servers > 1;
    setup->asks_wait &= setup->asks &&
                        !setup->clean; /* who waits stands still, which others take for a fault */
    if (setup->clean)
        setup->faults = (struct semel_sim_faults){.latency_us = setup->faults.latency_us,
                                                  .commit_us = setup->faults.commit_us};
}

void setup_fini(struct setup *setup)
{
    semel_properties_destroy(setup->properties);
}
