/* The loop adapter: the only place that knows libev.  It gives time, timers, readiness of descriptors, tasks that run
 * before the loop sleeps, and a wake-up from other threads.
 *
 * It must not know frames or connections.  Reads best next: wire.h. */
#ifndef NET_LOOP_H
#define NET_LOOP_H

#include <ev.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/timers.h"
#include "net/loop_tasks.h"

struct loop;
struct loop_io;

typedef void loop_io_fn(struct loop_io *io, bool readable, bool writable);
typedef void loop_wake_fn(void *user);

/* Readiness of one descriptor; embedded in its owner. */
struct loop_io {
    ev_io watcher;
    struct loop *loop;
    loop_io_fn *ready;
    bool open;
};

struct loop {
    struct ev_loop *ev;
    bool owned;
    int64_t now_ns;   /* monotonic; taken once a turn, and when the application took long */
    int64_t armed_ns; /* when the libev timer fires, TIMERS_NEVER: it does not run */
    struct timers timers;
    uint64_t turn; /* counts them */
    struct loop_tasks tasks;
    ev_idle hurry; /* started while there are tasks of the turn to come: this one must not sleep */
    ev_prepare prepare;
    ev_check check;
    ev_timer timer;
    ev_async async;
    loop_wake_fn *wake;
    void *wake_user;
};

/* ev: borrowed, or NULL to make one.  wake: called on the loop's thread after loop_wake.  false: no memory or
 * descriptors. */
bool loop_init(struct loop *loop, struct ev_loop *ev, loop_wake_fn *wake, void *wake_user);
/* Runs the tasks that are left, then frees everything.  No timer or descriptor may be in use. */
void loop_fini(struct loop *loop);

/* Runs until loop_stop, or for one turn (which waits for something to happen). */
void loop_run(struct loop *loop);
void loop_run_once(struct loop *loop);
void loop_stop(struct loop *loop);
/* Whether someone is inside loop_run on this loop; ask on its thread only. */
bool loop_is_running(const struct loop *loop);
/* Makes the loop call wake soon.  Any thread. */
void loop_wake(struct loop *loop);

/* Monotonic nanoseconds: of this turn, or freshly read (outside the loop, where a turn's time is old). */
static inline int64_t loop_now(const struct loop *loop)
{
    return loop->now_ns;
}
int64_t loop_refresh(struct loop *loop);
/* To be called when the application may have taken its time: after what it was called for, and when it starts
 * something.  Reads the time anew outside the loop, where that of a turn is old, and within it when the kernel's clock
 * has ticked since, which it does every few ms.  A loop that has ended is fine. */
void loop_freshen(struct loop *loop);

/* false: no memory. */
bool loop_timer_start(struct loop *loop, struct timer *timer, int64_t due_ns);
void loop_timer_stop(struct loop *loop, struct timer *timer);

/* Runs it once before the loop sleeps; queued already is fine. */
void loop_later(struct loop *loop, struct loop_task *task);
/* Runs it once, but in the turn to come: descriptors get their turn before, and the loop does not sleep.  Inside a task
 * or a callback of the loop; queued already is fine. */
void loop_again(struct loop *loop, struct loop_task *task);
/* Lets whoever else waits for this processor go first.  To be called before loop_again by a task that only waits for
 * another process to write: without it that one may have to wait for the turns it is waited in. */
void loop_yield(void);
/* Takes it back; not queued is fine. */
void loop_task_cancel(struct loop *loop, struct loop_task *task);

void loop_io_open(struct loop *loop, struct loop_io *io, int fd, loop_io_fn *ready);
/* What to be told of; a change costs a system call, no change costs nothing. */
void loop_io_want(struct loop_io *io, bool readable, bool writable);
/* Closed already is fine.  Does not close the descriptor. */
void loop_io_close(struct loop_io *io);

#endif
