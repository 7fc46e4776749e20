/* The loop adapter on libev.
 *
 * Reads best next: loop.h. */
#include "net/loop.h"

#include <assert.h>
#include <sched.h>
#include <stddef.h>
#include <time.h>

#include "core/units.h"

static int64_t read_clock(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return now.tv_sec * S_IN_NS + now.tv_nsec;
}

int64_t loop_refresh(struct loop *loop)
{
    loop->now_ns = read_clock(CLOCK_MONOTONIC);
    return loop->now_ns;
}

void loop_freshen(struct loop *loop)
{
    if (loop->ev == NULL)
        return;
    /* The coarse clock is the other one at the kernel's last tick, for a third of the price. */
    if (ev_depth(loop->ev) == 0 || read_clock(CLOCK_MONOTONIC_COARSE) > loop->now_ns)
        loop_refresh(loop);
}

static void arm(struct loop *loop, int64_t due_ns)
{
    loop->armed_ns = due_ns;
    int64_t wait_ns = due_ns - loop->now_ns;
    /* repeat must be positive, or libev takes it as "stop". */
    loop->timer.repeat = wait_ns > 1000 ? (double)wait_ns / (double)S_IN_NS : 1e-6;
    ev_timer_again(loop->ev, &loop->timer);
}

static void on_prepare(struct ev_loop *ev, ev_prepare *watcher, int events)
{
    (void)ev;
    (void)events;
    struct loop *loop = watcher->data;
    loop_freshen(loop); /* after all callbacks of the turn */
    loop_tasks_run(&loop->tasks);
    /* A timer that was stopped leaves libev armed too early, which costs one idle turn once, not a restart a call. */
    int64_t due_ns = loop_tasks_due(&loop->tasks) ? loop->now_ns : timers_next(&loop->timers);
    if (due_ns < loop->armed_ns)
        arm(loop, due_ns);
}

static void on_check(struct ev_loop *ev, ev_check *watcher, int events)
{
    (void)events;
    struct loop *loop = watcher->data;
    loop_refresh(loop);
    loop->turn++;
    ev_idle_stop(ev, &loop->hurry);
    loop_tasks_turn(&loop->tasks);
}

static void on_hurry(struct ev_loop *ev, ev_idle *watcher, int events)
{
    (void)events;
    ev_idle_stop(ev, watcher); /* it is there to keep the loop from sleeping, which it has */
}

static void on_timer(struct ev_loop *ev, ev_timer *watcher, int events)
{
    (void)events;
    struct loop *loop = watcher->data;
    ev_timer_stop(ev, watcher);
    loop->armed_ns = TIMERS_NEVER;
    timers_run(&loop->timers, loop->now_ns);
}

static void on_async(struct ev_loop *ev, ev_async *watcher, int events)
{
    (void)ev;
    (void)events;
    struct loop *loop = watcher->data;
    loop->wake(loop->wake_user);
}

static void start_watchers(struct loop *loop)
{
    ev_prepare_init(&loop->prepare, on_prepare);
    ev_check_init(&loop->check, on_check);
    ev_timer_init(&loop->timer, on_timer, 0., 0.);
    ev_async_init(&loop->async, on_async);
    ev_idle_init(&loop->hurry, on_hurry);
    loop->prepare.data = loop->check.data = loop->timer.data = loop->async.data = loop;
    /* The time of the turn must be set before any other callback looks at it. */
    ev_set_priority(&loop->check, EV_MAXPRI);
    ev_prepare_start(loop->ev, &loop->prepare);
    ev_check_start(loop->ev, &loop->check);
    ev_async_start(loop->ev, &loop->async);
    if (!loop->owned) {
        /* What is only ours must not keep the owner's loop from ending. */
        ev_unref(loop->ev);
        ev_unref(loop->ev);
        ev_unref(loop->ev);
    }
}

bool loop_init(struct loop *loop, struct ev_loop *ev, loop_wake_fn *wake, void *wake_user)
{
    *loop = (struct loop){.ev = ev, .owned = ev == NULL, .wake = wake, .wake_user = wake_user};
    loop->armed_ns = TIMERS_NEVER;
    loop_tasks_init(&loop->tasks);
    timers_init(&loop->timers);
    if (ev == NULL)
        loop->ev = ev_loop_new(EVFLAG_AUTO);
    if (loop->ev == NULL)
        return false;
    loop_refresh(loop);
    start_watchers(loop);
    return true;
}

void loop_fini(struct loop *loop)
{
    if (loop->ev == NULL)
        return;
    loop_tasks_run(&loop->tasks);
    assert(!loop_tasks_any(&loop->tasks) && loop->timers.count == 0);
    if (!loop->owned) {
        ev_ref(loop->ev);
        ev_ref(loop->ev);
        ev_ref(loop->ev);
    }
    ev_prepare_stop(loop->ev, &loop->prepare);
    ev_check_stop(loop->ev, &loop->check);
    ev_async_stop(loop->ev, &loop->async);
    ev_idle_stop(loop->ev, &loop->hurry);
    ev_timer_stop(loop->ev, &loop->timer);
    timers_fini(&loop->timers);
    if (loop->owned)
        ev_loop_destroy(loop->ev);
    loop->ev = NULL;
}

void loop_run(struct loop *loop)
{
    loop_refresh(loop);
    ev_run(loop->ev, 0);
}

void loop_run_once(struct loop *loop)
{
    ev_run(loop->ev, EVRUN_ONCE);
}

void loop_stop(struct loop *loop)
{
    ev_break(loop->ev, EVBREAK_ONE);
}

bool loop_is_running(const struct loop *loop)
{
    return ev_depth(loop->ev) > 0;
}

void loop_wake(struct loop *loop)
{
    ev_async_send(loop->ev, &loop->async);
}

bool loop_timer_start(struct loop *loop, struct timer *timer, int64_t due_ns)
{
    return timers_start(&loop->timers, timer, due_ns);
}

void loop_timer_stop(struct loop *loop, struct timer *timer)
{
    timers_stop(&loop->timers, timer);
}

void loop_later(struct loop *loop, struct loop_task *task)
{
    loop_tasks_add(&loop->tasks, task);
}

void loop_again(struct loop *loop, struct loop_task *task)
{
    if (loop_tasks_add_again(&loop->tasks, task))
        ev_idle_start(loop->ev, &loop->hurry);
}

void loop_yield(void)
{
    sched_yield();
}

void loop_task_cancel(struct loop *loop, struct loop_task *task)
{
    loop_tasks_cancel(&loop->tasks, task);
}

static void on_io(struct ev_loop *ev, ev_io *watcher, int events)
{
    (void)ev;
    struct loop_io *io = container_of(watcher, struct loop_io, watcher);
    io->ready(io, (events & EV_READ) != 0, (events & EV_WRITE) != 0);
}

void loop_io_open(struct loop *loop, struct loop_io *io, int fd, loop_io_fn *ready)
{
    *io = (struct loop_io){.loop = loop, .ready = ready, .open = true};
    ev_io_init(&io->watcher, on_io, fd, 0);
}

void loop_io_want(struct loop_io *io, bool readable, bool writable)
{
    int events = (readable ? EV_READ : 0) | (writable ? EV_WRITE : 0);
    if ((io->watcher.events & (EV_READ | EV_WRITE)) == events && ev_is_active(&io->watcher) == (events != 0))
        return;
    ev_io_stop(io->loop->ev, &io->watcher);
    ev_io_modify(&io->watcher, events);
    if (events != 0)
        ev_io_start(io->loop->ev, &io->watcher);
}

void loop_io_close(struct loop_io *io)
{
    if (!io->open)
        return;
    ev_io_stop(io->loop->ev, &io->watcher);
    io->open = false;
}
