/* The deadline a handler hands down: calls it makes while it runs may not take longer than its own caller waits.
 *
 * A thread runs one handler at a time, so that a variable of the thread tells it; who starts a call asks here, and
 * needs no argument for it.  It must not know requests or calls.  Reads best next: server/dispatch.c. */
#ifndef NET_INHERIT_H
#define NET_INHERIT_H

#include <stdint.h>

/* On the clock of the nodes, which is the same for all nodes of a process (loop_now); 0: none. */

/* A handler begins, whose request has this deadline (0: none).  Returns what held before, for inherit_leave. */
int64_t inherit_enter(int64_t deadline_ns);
/* It has returned. */
void inherit_leave(int64_t previous_ns);

/* Of the handler that runs on this thread; 0: it has none, or none runs. */
int64_t inherit_deadline_ns(void);

#endif
