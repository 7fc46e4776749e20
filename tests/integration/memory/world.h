/* A client and two servers on one node that nobody runs, so that the order of allocations is always the same; and what
 * they go through: calls of every kind, lost connections, replays, a recovery, a reload, a drain, a fail-over.
 *
 * It must not know that memory fails: whatever the library says, it goes on.  Reads best next: world.c. */
#ifndef MEMORY_WORLD_H
#define MEMORY_WORLD_H

#include <stdbool.h>

/* What became of the whole.  The rest is asserted inside: each call ended once, and what it was told is true. */
struct world_result {
    unsigned started; /* calls */
    unsigned ok;
    unsigned executed;
    unsigned not_executed;
    unsigned unknown;
    unsigned recoveries;
    bool opened; /* the client */
};

struct world_result world_live(void);

#endif
