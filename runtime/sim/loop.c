/* The loop adapter of the runtime (net/loop.h), on the world's time in place of libev.  A turn is what libev makes of
 * one: the clock is read, ready descriptors, due timers and the wake-up are seen in an order that chance chooses, then
 * the tasks run.
 *
 * It uses the structures of libev as places to keep things, and none of its functions.  Reads best next: loop.h. */
#include "sim/loop.h"

#include <assert.h>
#include <stdlib.h>

#include "net/node.h"
#include "sim/stream.h"

enum {
    /* A turn takes its time, and so do the ones after it. */
    TURN_MIN_NS = 1000,
    TURN_MAX_NS = 20000,
};

static struct sim_loop *side_of(const struct loop *loop)
{
    return loop->prepare.data;
}

int64_t loop_refresh(struct loop *loop)
{
    int64_t now_ns = host_now(side_of(loop)->host);
    assert(now_ns >= loop->now_ns); /* no monotonic clock goes back */
    loop->now_ns = now_ns;
    return now_ns;
}

/* Within a turn time goes on only while a handler waits. */
void loop_freshen(struct loop *loop)
{
    if (side_of(loop)->loop != NULL)
        loop_refresh(loop);
}

/* ---- when the next turn is ---- */

static void on_turn(void *arg, uint64_t tag);

static void plan(struct sim_loop *side, int64_t due_ns)
{
    due_ns = host_earliest(side->host, due_ns > world->now_ns ? due_ns : world->now_ns);
    if (side->turning || due_ns >= side->due_ns)
        return;
    side->due_ns = due_ns;
    world_put(due_ns, on_turn, side, ++side->tag);
}

static bool is_ready(const struct stream *stream)
{
    const struct loop_io *io = stream->io;
    if (io == NULL || !ev_is_active(&io->watcher))
        return false;
    return ((io->watcher.events & EV_READ) != 0 && stream_readable(stream)) ||
           ((io->watcher.events & EV_WRITE) != 0 && stream_writable(stream));
}

static bool any_ready(const struct sim_loop *side)
{
    for (size_t i = 0; i < side->fd_count; i++)
        if (is_ready(stream_of(side->fds[i])))
            return true;
    return false;
}

static int64_t soon(void)
{
    return world->now_ns + chance_between(world_chance(WORLD_CHANCE_LOOPS), TURN_MIN_NS, TURN_MAX_NS);
}

static void plan_next(struct sim_loop *side)
{
    struct loop *loop = side->loop;
    if (side->woken || loop_tasks_any(&loop->tasks) || any_ready(side))
        plan(side, soon());
    int64_t timer_ns = timers_next(&loop->timers);
    if (timer_ns != TIMERS_NEVER)
        plan(side, host_when(side->host, timer_ns));
}

void sim_loop_poke(const semel_sim_host *host)
{
    for (struct sim_loop *side = world->loops; side != NULL; side = side->next)
        if (side->loop != NULL && side->host == host && !side->turning && any_ready(side))
            plan(side, soon());
}

void sim_loop_replan(const semel_sim_host *host)
{
    for (struct sim_loop *side = world->loops; side != NULL; side = side->next) {
        if (side->loop == NULL || side->host != host || side->turning)
            continue;
        side->due_ns = INT64_MAX;
        side->tag++;
        plan_next(side);
    }
}

bool sim_loop_is_busy(const semel_sim_host *host)
{
    for (const struct sim_loop *side = world->loops; side != NULL; side = side->next)
        if (side->loop != NULL && side->host == host && side->turning)
            return true;
    return false;
}

/* ---- a turn ---- */

/* What a turn has seen: descriptors, and two numbers that are none. */
enum { SEEN_TIMERS = -1, SEEN_WAKE = -2 };

static void handle(struct sim_loop *side, int seen)
{
    struct loop *loop = side->loop;
    if (seen == SEEN_TIMERS) {
        timers_run(&loop->timers, loop->now_ns);
    } else if (seen == SEEN_WAKE) {
        side->woken = false;
        loop->wake(loop->wake_user);
    } else {
        struct stream *stream = stream_of(seen);
        struct loop_io *io = stream->io;
        if (io == NULL || !ev_is_active(&io->watcher))
            return; /* what was handled before has closed it */
        bool readable = (io->watcher.events & EV_READ) != 0 && stream_readable(stream);
        bool writable = (io->watcher.events & EV_WRITE) != 0 && stream_writable(stream);
        if (readable || writable)
            io->ready(io, readable, writable);
    }
}

static size_t look(const struct sim_loop *side, int *seen)
{
    size_t count = 0;
    for (size_t i = 0; i < side->fd_count; i++)
        if (is_ready(stream_of(side->fds[i])))
            seen[count++] = side->fds[i];
    if (timers_next(&side->loop->timers) <= side->loop->now_ns)
        seen[count++] = SEEN_TIMERS;
    if (side->woken)
        seen[count++] = SEEN_WAKE;
    for (size_t i = count; i > 1; i--) {
        size_t other = (size_t)chance_below(world_chance(WORLD_CHANCE_LOOPS), i);
        int kept = seen[i - 1];
        seen[i - 1] = seen[other];
        seen[other] = kept;
    }
    return count;
}

static void turn(void *arg)
{
    struct sim_loop *side = arg;
    struct loop *loop = side->loop;
    struct semel_node *node = container_of(loop, struct semel_node, loop);
    bool runs = node->running;
    /* Whatever is called from here is inside the node. */
    node->running = true;
    node->runner = pthread_self();
    loop_refresh(loop);
    loop->turn++;
    loop_tasks_turn(&loop->tasks);
    int *seen = heap_malloc((side->fd_count + 2) * sizeof *seen); /* goes with the host, should it crash */
    assert(seen != NULL);
    size_t count = look(side, seen);
    for (size_t i = 0; i < count; i++)
        handle(side, seen[i]);
    heap_free(seen);
    loop_freshen(loop);
    loop_tasks_run(&loop->tasks);
    node->running = runs;
}

static void turn_now(struct sim_loop *side)
{
    side->due_ns = INT64_MAX;
    side->tag++;
    side->turning = true;
    world_mix('T', side->host->index, side->loop->turn);
    host_run(side->host, turn, side);
    side->turning = false;
    if (side->loop != NULL)
        plan_next(side);
}

static void on_turn(void *arg, uint64_t tag)
{
    struct sim_loop *side = arg;
    if (side->loop == NULL || side->tag != tag || side->turning)
        return;
    side->due_ns = INT64_MAX;
    if (host_earliest(side->host, world->now_ns) > world->now_ns)
        plan(side, world->now_ns); /* it has come to a stand since */
    else
        turn_now(side);
}

/* ---- net/loop.h ---- */

bool loop_init(struct loop *loop, struct ev_loop *ev, loop_wake_fn *wake, void *wake_user)
{
    assert(ev == NULL && "the simulator has no libev loops");
    assert(world != NULL && world->turn != NULL && "a simulated node is opened by its host");
    struct sim_loop *side = calloc(1, sizeof *side);
    assert(side != NULL);
    *side = (struct sim_loop){
        .next = world->loops, .loop = loop, .host = world->turn->host, .due_ns = INT64_MAX};
    world->loops = side;
    *loop = (struct loop){.owned = true, .wake = wake, .wake_user = wake_user, .armed_ns = TIMERS_NEVER};
    loop->prepare.data = side;
    loop_tasks_init(&loop->tasks);
    timers_init(&loop->timers);
    loop_refresh(loop);
    return true;
}

void loop_fini(struct loop *loop)
{
    loop_tasks_run(&loop->tasks);
    assert(!loop_tasks_any(&loop->tasks) && loop->timers.count == 0);
    timers_fini(&loop->timers);
    side_of(loop)->loop = NULL;
}

/* A synchronous stub waits: the world goes on until this loop has had a turn. */
void loop_run_once(struct loop *loop)
{
    struct sim_loop *side = side_of(loop);
    uint64_t before = loop->turn;
    assert(!side->turning);
    plan_next(side);
    while (loop->turn == before) {
        bool went_on = world_step(INT64_MAX);
        assert(went_on && "a synchronous stub waits for ever");
        (void)went_on;
        host_check_dying();
    }
}

void loop_run(struct loop *loop)
{
    (void)loop;
    assert(!"the simulator runs the nodes: a boot function returns");
}

void loop_stop(struct loop *loop)
{
    side_of(loop)->stop = true;
}

bool loop_is_running(const struct loop *loop)
{
    return side_of(loop)->turning;
}

void loop_wake(struct loop *loop)
{
    struct sim_loop *side = side_of(loop);
    side->woken = true;
    plan(side, soon());
}

bool loop_timer_start(struct loop *loop, struct timer *timer, int64_t due_ns)
{
    bool started = timers_start(&loop->timers, timer, due_ns);
    plan(side_of(loop), host_when(side_of(loop)->host, due_ns));
    return started;
}

void loop_timer_stop(struct loop *loop, struct timer *timer)
{
    timers_stop(&loop->timers, timer);
}

void loop_later(struct loop *loop, struct loop_task *task)
{
    if (loop_tasks_add(&loop->tasks, task))
        plan(side_of(loop), world->now_ns);
}

void loop_again(struct loop *loop, struct loop_task *task)
{
    if (loop_tasks_add_again(&loop->tasks, task))
        plan(side_of(loop), world->now_ns);
}

/* Time passes for everybody with each turn. */
void loop_yield(void)
{
}

void loop_task_cancel(struct loop *loop, struct loop_task *task)
{
    loop_tasks_cancel(&loop->tasks, task);
}

/* ---- descriptors ---- */

void loop_io_open(struct loop *loop, struct loop_io *io, int fd, loop_io_fn *ready)
{
    struct sim_loop *side = side_of(loop);
    *io = (struct loop_io){.loop = loop, .ready = ready, .open = true};
    ev_io_init(&io->watcher, NULL, fd, 0);
    stream_of(fd)->io = io;
    if (side->fd_count == side->fd_capacity) {
        side->fd_capacity = side->fd_capacity == 0 ? 16 : side->fd_capacity * 2;
        side->fds = realloc(side->fds, side->fd_capacity * sizeof *side->fds);
        assert(side->fds != NULL);
    }
    side->fds[side->fd_count++] = fd;
}

void loop_io_want(struct loop_io *io, bool readable, bool writable)
{
    io->watcher.events = (readable ? EV_READ : 0) | (writable ? EV_WRITE : 0);
    io->watcher.active = io->watcher.events != 0;
    if (is_ready(stream_of(io->watcher.fd)))
        plan(side_of(io->loop), soon());
}

void loop_io_close(struct loop_io *io)
{
    if (!io->open)
        return;
    struct sim_loop *side = side_of(io->loop);
    io->open = false;
    io->watcher.active = 0;
    stream_of(io->watcher.fd)->io = NULL;
    size_t at = 0;
    while (side->fds[at] != io->watcher.fd)
        at++;
    for (side->fd_count--; at < side->fd_count; at++)
        side->fds[at] = side->fds[at + 1];
}

/* ---- the end ---- */

void sim_loop_drop(const semel_sim_host *host)
{
    for (struct sim_loop *side = world->loops; side != NULL; side = side->next) {
        if (side->host != host || side->loop == NULL)
            continue;
        side->loop = NULL;
        side->tag++;
    }
}

static void close_node(void *arg)
{
    semel_node_close(arg);
}

void sim_loop_close_nodes(const semel_sim_host *host)
{
    for (struct sim_loop *side = world->loops; side != NULL; side = side->next)
        if (side->host == host && side->loop != NULL)
            host_run(side->host, close_node, container_of(side->loop, struct semel_node, loop));
}

void sim_loop_free_all(void)
{
    while (world->loops != NULL) {
        struct sim_loop *side = world->loops;
        world->loops = side->next;
        free(side->fds);
        free(side);
    }
}
