/* A host: one machine with one process, its clock, its memory, and what it has asked for later.
 *
 * Reads best next: host.c, stream.h. */
#ifndef SIM_HOST_H
#define SIM_HOST_H

#include "sim/world.h"

enum { HOST_NAME_SIZE = 32 };

struct host_errand;

struct semel_sim_host {
    semel_sim *sim;
    uint32_t index;
    char name[HOST_NAME_SIZE];
    semel_sim_boot_fn *boot;
    void *user;
    bool up;
    bool dying;        /* crashes as soon as its outermost code can be left */
    bool off;          /* the machine is, not just its process */
    bool spared;       /* by faults */
    uint32_t crash_in; /* so many reads, writes and steps of a commit; 0: not planned */
    bool disk_fails;   /* the next commit of its stores does */
    uint32_t life;
    struct heap_list heap;
    struct chance chance; /* of its process */
    struct host_errand *errands;

    /* its clock */
    int64_t clock_ns; /* at the moment since_ns of the world */
    int64_t since_ns;
    int64_t drift_ppm; /* how much faster it runs */
    int64_t stalled_until_ns;
};

/* Runs code as the process of a host; it may crash inside. */
void host_run(semel_sim_host *host, void (*fn)(void *arg), void *arg);
/* A place where its process may end; NULL: no host, and it goes on. */
void host_may_crash(semel_sim_host *host);
/* Leaves the code of hosts that have to die, and that wait inside for the world. */
void host_check_dying(void);

int64_t host_now(const semel_sim_host *host);
/* The moment of the world at which its clock shows this time. */
int64_t host_when(const semel_sim_host *host, int64_t clock_ns);
/* When something that is due now can happen on it: not while it stands still. */
int64_t host_earliest(const semel_sim_host *host, int64_t due_ns);
void host_set_drift(semel_sim_host *host, int64_t ppm);

void host_free(semel_sim_host *host);

#endif
