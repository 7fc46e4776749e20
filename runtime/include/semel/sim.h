/* The simulator: whole clients and servers, and the network between them, in one process, on virtual time, from one
 * seed.  The same seed gives the same history, on every machine.
 *
 * A program that links libsemel-sim (semel::sim, semel-sim.pc) in place of libsemel has the same functions, but its
 * nodes live in a simulated world.  A host is a machine with one process: its boot function opens a node, with
 * channels or servers, and returns; the simulator turns the loops.  Hosts find each other by name: a server listens
 * at tcp://0.0.0.0:4061, a client dials tcp://NAME:4061, or tcp://NAME.net:4061, which is looked up first: that takes
 * time, may fail while ways are blocked or connections fall silent, and finds for some hosts a second address, or one
 * where nobody is.
 *
 * What is different from libsemel: nodes have neither threads nor loops of yours (semel_node_open fails with the
 * first, asserts with the second), semel_node_run is not for use, semel_node_loop gives NULL (semel_sim_after is the
 * timer), and nodes are opened inside a boot function or semel_sim_as only.  A synchronous stub works in a boot
 * function, inside semel_sim_as, and in a handler (on another node of its host): the world goes on until it returns;
 * what semel_sim_after has put off waits, if it is a handler that does.  One host at a time may wait like this.
 *
 * A server opened with "lmdb:NAME" has a durable store in a file NAME on the disk of its host, which a crash leaves
 * there; handlers use its transactions as in production.  The file goes with the world.  End a write transaction of
 * your own before anything that may crash the host.
 *
 * Threads: one.  Memory: what a host's runtime asked for goes with its crash; what your own code asked for is yours.
 * Running out of memory ends the program.  Reads best next: examples/simulate/README.md. */
#ifndef SEMEL_SIM_H
#define SEMEL_SIM_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct semel_sim semel_sim;
typedef struct semel_sim_host semel_sim_host;

/* ---- the program ---- */

struct semel_sim_scenario {
    const char *name;
    /* Plays one history from the beginning to its judgment: adds hosts, runs the world, calls semel_sim_fail for what
     * must not be.  The world and its hosts are gone when it returns. */
    void (*play)(semel_sim *sim, void *user);
    void *user;
};

/* The main function of a simulation.  Plays the seeds that the command line names, and reports the first that fails,
 * with its narrated trace:
 *
 *   --seeds A..B     the seeds A to B (default 1..1000)
 *   --seed N         one seed; --trace: with its narrated trace
 *   --seconds S      seeds from A on, for S seconds of real time
 *   --jobs J         in J processes (default 1)
 *   --hash           prints the hash of each history
 *
 * A seed that crashes the program, or takes a minute, fails too.  Returns 0 if every seed passed, 1 if one failed, 2
 * for a command line that makes no sense. */
int semel_sim_main(int argc, char **argv, const struct semel_sim_scenario *scenario);

/* ---- one world ---- */

/* Makes a world from a seed; semel_sim_main does it for each seed.  One at a time (asserted). */
semel_sim *semel_sim_create(uint64_t seed);
/* Ends it, and stops the hosts that are up.  Returns whether nothing failed. */
bool semel_sim_destroy(semel_sim *sim);

uint64_t semel_sim_seed(const semel_sim *sim);
/* Virtual time since the world began. */
int64_t semel_sim_now_us(const semel_sim *sim);
/* Chance from the seed, for what a scenario decides: 0 to below - 1 (below is not 0). */
uint64_t semel_sim_below(semel_sim *sim, uint64_t below);
/* Lets virtual time pass. */
void semel_sim_run(semel_sim *sim, int64_t ms);
/* The same, but no longer than until done says so.  Returns whether it did. */
bool semel_sim_run_until(semel_sim *sim, int64_t ms, bool (*done)(void *user), void *user);

/* Something that must not be has happened.  The first one is told; the world goes on. */
void semel_sim_fail(semel_sim *sim, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A line of your own in the narrated trace, and in the hash of the history.  host may be NULL. */
void semel_sim_note(semel_sim *sim, const semel_sim_host *host, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- hosts ---- */

/* Starts the process of a host: opens its node and what belongs to it.  Called at each start. */
typedef void semel_sim_boot_fn(semel_sim_host *host, void *user);

/* Adds a host that starts at once.  name: copied, at most 31 letters, digits, '-' and '_'.  The world owns it. */
semel_sim_host *semel_sim_add_host(semel_sim *sim, const char *name, semel_sim_boot_fn *boot, void *user);
const char *semel_sim_host_name(const semel_sim_host *host);
semel_sim *semel_sim_of(const semel_sim_host *host);
bool semel_sim_is_up(const semel_sim_host *host);
/* Counts the starts of a host, from 1. */
uint32_t semel_sim_life(const semel_sim_host *host);

/* Ends the process of a host without a word, in the middle of whatever it does: called from inside the host itself, it
 * does not return.  Down already is fine. */
void semel_sim_crash(semel_sim_host *host);
/* Ends the process in good order, as a program that closes its nodes and exits.  A runtime that then keeps memory or
 * descriptors makes the world fail.  Not from inside the host.  Down already is fine. */
void semel_sim_stop(semel_sim_host *host);
/* Starts it again, with its boot function.  Up already is fine. */
void semel_sim_start(semel_sim_host *host);
/* The process stands still (a stopped process, a slow disk, a swapped-out machine). */
void semel_sim_stall(semel_sim_host *host, int64_t ms);
/* The disk of the host fails: the next commit of its durable store does.  It is there all the same, or not; the
 * process is not told which. */
void semel_sim_fail_disk(semel_sim_host *host);
/* The monotonic clock of the host leaps forward. */
void semel_sim_leap(semel_sim_host *host, int64_t ms);

/* Runs fn(arg) as the process of the host, at once; it must be up.  Here a scenario makes calls and asks statistics. */
void semel_sim_as(semel_sim_host *host, void (*fn)(void *arg), void *arg);
/* Runs fn(arg) as the process of the host after a while, unless it crashes before: how a handler that returned PENDING
 * finishes later. */
void semel_sim_after(semel_sim_host *host, int64_t ms, void (*fn)(void *arg), void *arg);

/* ---- the network ---- */

/* Whether bytes from one host reach the other; they are kept and arrive when the way is free again. */
void semel_sim_block(semel_sim_host *from, const semel_sim_host *to, bool blocked);
/* Breaks every connection between two hosts, each at a byte that chance chooses. */
void semel_sim_cut(semel_sim_host *a, semel_sim_host *b);

/* ---- faults by chance ---- */

/* How often each fault befalls the world, as the mean time between two; 0: never. */
struct semel_sim_faults {
    int64_t cut_ms;     /* a connection breaks, at any byte */
    int64_t hush_ms;    /* a connection falls silent for good: neither side is told */
    int64_t block_ms;   /* one direction between two hosts is blocked for a while */
    int64_t stall_ms;   /* a host stands still for a while */
    int64_t crash_ms;   /* a host crashes, and is started again after a while */
    int64_t leap_ms;    /* the clock of a host leaps */
    int64_t replay_ms;  /* the bytes of an old connection are sent to a server once more */
    int64_t latency_us; /* mean time of a byte on its way; each connection at its own speed */
    int64_t
        disk_ms; /* the disk of a host fails: the next commit of a durable store there does, if it has one */
    int64_t commit_us; /* mean time that a commit of a durable store takes; 0: none */
    bool fragment;     /* reads and writes take a part only */
    bool drift;        /* clocks run at different speeds */
};

/* Chooses by the seed which faults there are, and how many: most seeds have a few kinds only, so that each kind is seen
 * without the others hiding it. */
void semel_sim_choose_faults(semel_sim *sim, struct semel_sim_faults *ret_faults);
/* They begin.  Hosts that were spared neither crash nor stall. */
void semel_sim_begin_faults(semel_sim *sim, const struct semel_sim_faults *faults);
void semel_sim_spare(semel_sim_host *host);
/* They end: every way is free, every host is up; a store that has failed waits for a restart.  What a scenario promises
 * must come true from now on. */
void semel_sim_end_faults(semel_sim *sim);

#ifdef __cplusplus
}
#endif
#endif
