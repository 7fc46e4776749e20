/* What the world keeps beside each struct loop of the runtime.
 *
 * Reads best next: loop.c. */
#ifndef SIM_LOOP_H
#define SIM_LOOP_H

#include "net/loop.h"
#include "sim/host.h"

struct sim_loop {
    struct sim_loop *next;
    struct loop *loop; /* NULL: it is gone */
    semel_sim_host *host;
    int64_t due_ns; /* when its next turn is planned; INT64_MAX: not */
    uint64_t tag;   /* of that plan */
    int *fds;       /* of the descriptors it watches, in the order they came */
    size_t fd_count;
    size_t fd_capacity;
    bool woken;
    bool turning;
    bool stop;
};

/* A descriptor of this host may be ready, or someone else wants a turn of its loops. */
void sim_loop_poke(const semel_sim_host *host);
/* The clock of the host has changed. */
void sim_loop_replan(const semel_sim_host *host);
/* Whether one of its loops is within a turn: asked by an event, a handler of it waits in a synchronous stub. */
bool sim_loop_is_busy(const semel_sim_host *host);
/* The loops of a host go with it, without a word. */
void sim_loop_drop(const semel_sim_host *host);
/* Closes the nodes of a host in good order. */
void sim_loop_close_nodes(const semel_sim_host *host);
void sim_loop_free_all(void);

#endif
