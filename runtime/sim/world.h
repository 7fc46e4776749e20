/* The world behind semel/sim.h: its time, its hosts, and whose code runs.
 *
 * Reads best next: host.h, stream.h, loop.c. */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include <setjmp.h>
#include <semel/sim.h>

#include "sim/agenda.h"
#include "sim/chance.h"
#include "sim/heap.h"
#include "sim/tap.h"

enum { WORLD_HOSTS_MAX = 32, WORLD_TEXT_MAX = 512 };

struct stream;
struct sim_loop;
struct disk;

/* The purposes of chance, each with numbers of its own. */
enum world_chance {
    WORLD_CHANCE_SCENARIO,
    WORLD_CHANCE_NETWORK,
    WORLD_CHANCE_FAULTS,
    WORLD_CHANCE_LOOPS,
    WORLD_CHANCE_DISK,
    WORLD_CHANCES
};

/* Code of a host that is being run; they stack when a synchronous stub lets the world go on. */
struct world_turn {
    struct world_turn *outer;
    semel_sim_host *host;
    jmp_buf crash;
};

struct semel_sim {
    uint64_t seed;
    int64_t now_ns;
    struct agenda agenda;
    struct chance chances[WORLD_CHANCES];
    semel_sim_host *hosts[WORLD_HOSTS_MAX];
    uint32_t host_count;
    struct world_turn *turn; /* the innermost */

    struct stream **streams; /* by descriptor */
    int stream_count;
    int stream_capacity;
    struct sim_loop *loops;
    uint64_t last_connection; /* numbers them in traces */
    struct disk *disk;        /* what all hosts have on theirs; NULL: nothing yet */
    bool blocked[WORLD_HOSTS_MAX][WORLD_HOSTS_MAX];

    struct semel_sim_faults faults;
    uint64_t faults_epoch; /* counts beginnings and ends: what was planned before one is not meant after it */

    tap_fn *tap;
    void *tap_user;
    bool traced;
    uint64_t hash;
    uint64_t events;
    bool failed;
    char failure[WORLD_TEXT_MAX];
};

/* The one that exists; there is no other way for a function of the runtime to find it. */
extern struct semel_sim *world;

static inline struct chance *world_chance(enum world_chance purpose)
{
    return &world->chances[purpose];
}

static inline void world_put(int64_t due_ns, agenda_fn *fire, void *arg, uint64_t tag)
{
    agenda_put(&world->agenda, due_ns, fire, arg, tag);
}

/* As semel_sim_destroy; ret_failure: what failed first, WORLD_TEXT_MAX bytes. */
bool world_end(semel_sim *sim, char *ret_failure);

/* The next event happens, if it is due by then. */
bool world_step(int64_t until_ns);

/* What happened, for the hash of the history. */
void world_mix(uint64_t what, uint64_t a, uint64_t b);
/* A line of the trace; host may be NULL. */
void world_tell(const semel_sim_host *host, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
