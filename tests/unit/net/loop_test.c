/* The loop adapter: tasks before sleep, timers in order, a wake from elsewhere, and guests on a foreign loop.
 *
 * Reads best next: bench.h, the stage of the wires. */
#include "net/loop.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <time.h>
#include <unistd.h>

#include "core/units.h"

TestSuite(loop, .timeout = 60);

static struct loop loop;
static char story[128]; /* what happened, a letter each */
static size_t told;

static void tell(char what)
{
    cr_assert_lt(told + 1, sizeof story);
    story[told++] = what;
}

static void on_wake(void *user)
{
    tell('w');
    loop_stop(user);
}

static void enter(void)
{
    cr_assert(loop_init(&loop, NULL, on_wake, &loop));
}

static void leave(void)
{
    loop_fini(&loop);
}

/* ---- its time ---- */

static int64_t read_clock(clockid_t clock, int (*read)(clockid_t, struct timespec *))
{
    struct timespec at;
    cr_assert_eq(read(clock, &at), 0);
    return at.tv_sec * S_IN_NS + at.tv_nsec;
}

static void take_long(struct timer *timer)
{
    int64_t tick_ns = read_clock(CLOCK_MONOTONIC_COARSE, clock_getres);
    int64_t begun_ns = loop_now(&loop);
    int64_t now_ns = begun_ns;
    (void)timer;
    while (now_ns < begun_ns + 3 * tick_ns)
        now_ns = read_clock(CLOCK_MONOTONIC, clock_gettime);
    cr_assert_eq(loop_now(&loop), begun_ns, "that of a turn stands still");
    loop_freshen(&loop);
    cr_assert_geq(loop_now(&loop), now_ns - tick_ns);
    cr_assert_geq(loop_now(&loop), begun_ns + 2 * tick_ns);
    loop_stop(&loop);
}

Test(loop, goes_on_when_a_callback_took_long, .init = enter, .fini = leave)
{
    struct timer timer;
    timer_init(&timer, take_long);
    cr_assert(loop_timer_start(&loop, &timer, loop_refresh(&loop)));
    loop_run(&loop);
}

/* ---- tasks ---- */

struct job {
    struct loop_task task;
    char name;
    struct loop_task *queues;  /* another to queue */
    struct loop_task *cancels; /* another to take back */
    int again;                 /* how often it queues itself */
};

static void run_job(struct loop_task *task)
{
    struct job *job = (struct job *)task;
    tell(job->name);
    if (job->queues != NULL)
        loop_later(&loop, job->queues);
    if (job->cancels != NULL)
        loop_task_cancel(&loop, job->cancels);
    if (job->again-- > 0)
        loop_later(&loop, task);
}

static struct job job_named(char name)
{
    struct job job = {.name = name};
    loop_task_init(&job.task, run_job);
    return job;
}

static void stop_at_once(struct timer *timer)
{
    (void)timer;
    tell('|');
    loop_stop(&loop);
}

/* Runs one sleep of the loop: a timer that is due ends it. */
static void run_a_while(void)
{
    struct timer end;
    timer_init(&end, stop_at_once);
    cr_assert(loop_timer_start(&loop, &end, loop_refresh(&loop)));
    loop_run(&loop);
}

Test(loop, tasks_run_in_order_before_it_sleeps, .init = enter, .fini = leave)
{
    struct job a = job_named('a');
    struct job b = job_named('b');
    struct job c = job_named('c');
    loop_later(&loop, &a.task);
    loop_later(&loop, &b.task);
    loop_later(&loop, &a.task); /* queued already */
    loop_later(&loop, &c.task);
    cr_assert_eq(told, 0, "never inside loop_later");
    run_a_while();
    cr_assert_str_eq(story, "abc|");
    run_a_while();
    cr_assert_str_eq(story, "abc||", "each once");
}

Test(loop, tasks_may_queue_tasks_and_themselves, .init = enter, .fini = leave)
{
    struct job a = job_named('a');
    struct job b = job_named('b');
    struct job c = job_named('c');
    a.queues = &c.task;
    a.again = 2;
    loop_later(&loop, &a.task);
    loop_later(&loop, &b.task);
    run_a_while();
    cr_assert_str_eq(story, "abcacac|");
}

Test(loop, tasks_may_be_taken_back, .init = enter, .fini = leave)
{
    struct job jobs[4] = {job_named('a'), job_named('b'), job_named('c'), job_named('d')};
    loop_task_cancel(&loop, &jobs[0].task); /* not queued is fine */
    for (size_t i = 0; i < 4; i++)
        loop_later(&loop, &jobs[i].task);
    loop_task_cancel(&loop, &jobs[3].task);
    loop_task_cancel(&loop, &jobs[0].task);
    loop_later(&loop, &jobs[0].task); /* behind the last that is left */
    loop_task_cancel(&loop, &jobs[1].task);
    run_a_while();
    cr_assert_str_eq(story, "ca|");
}

Test(loop, a_task_may_take_another_back, .init = enter, .fini = leave)
{
    struct job a = job_named('a');
    struct job b = job_named('b');
    struct job c = job_named('c');
    a.cancels = &c.task; /* the last one: the end of the list moves */
    b.queues = &a.task;
    loop_later(&loop, &a.task);
    loop_later(&loop, &b.task);
    loop_later(&loop, &c.task);
    run_a_while();
    cr_assert_str_eq(story, "aba|");
    c.cancels = &c.task; /* itself, while it runs */
    loop_later(&loop, &c.task);
    run_a_while();
    cr_assert_str_eq(story, "aba|c|");
}

static void run_busy(struct loop_task *task)
{
    loop_later(&loop, task);
}

/* A task that never stops must not keep descriptors and timers from their turn. */
Test(loop, endless_tasks_leave_a_turn_to_others, .init = enter, .fini = leave)
{
    struct loop_task busy;
    void run_busy(struct loop_task * task);
    loop_task_init(&busy, run_busy);
    loop_later(&loop, &busy);
    run_a_while();
    cr_assert_str_eq(story, "|");
    loop_task_cancel(&loop, &busy);
}

/* ---- tasks of the turn to come ---- */

static unsigned rounds;

static void run_again(struct loop_task *task)
{
    static uint64_t turn;
    if (rounds > 0)
        cr_assert_gt(loop.turn, turn, "twice in one turn");
    turn = loop.turn;
    cr_assert_not(ev_is_active(&loop.hurry));
    if (++rounds < 200)
        loop_again(&loop, task);
    else
        loop_stop(&loop);
}

/* A task that goes on in the next turn neither keeps descriptors from theirs nor lets the loop sleep meanwhile. */
Test(loop, a_task_goes_on_in_the_turn_to_come_without_sleep, .init = enter, .fini = leave)
{
    struct loop_task task;
    loop_task_init(&task, run_again);
    loop_wake(&loop); /* on_wake stops the loop: descriptors get their turn before the last round */
    loop_later(&loop, &task);
    loop_run(&loop);
    cr_assert_lt(rounds, 200);
    cr_assert_str_eq(story, "w");
    loop_run(&loop);
    cr_assert_eq(rounds, 200);
    cr_assert_not(ev_is_active(&loop.hurry), "with nothing to do it sleeps again");
}

Test(loop, a_task_of_the_turn_to_come_may_be_taken_back, .init = enter, .fini = leave)
{
    struct job a = job_named('a'), b = job_named('b');
    loop_again(&loop, &a.task);
    loop_again(&loop, &b.task);
    loop_again(&loop, &b.task); /* queued already */
    cr_assert(ev_is_active(&loop.hurry));
    loop_task_cancel(&loop, &a.task);
    run_a_while();
    run_a_while();
    cr_assert_str_eq(story, "|b|", "after the first look at descriptors, before the second");
}

Test(loop, the_tasks_that_are_left_run_at_the_end, .init = enter)
{
    struct job a = job_named('a');
    struct job b = job_named('b');
    a.queues = &b.task;
    loop_later(&loop, &a.task);
    loop_fini(&loop);
    cr_assert_str_eq(story, "ab");
    loop_fini(&loop); /* twice is fine */
}

/* ---- timers ---- */

struct alarm {
    struct timer timer;
    char name;
    struct alarm *starts;
};

static void ring(struct timer *timer)
{
    struct alarm *alarm = (struct alarm *)timer;
    cr_assert_geq(loop_now(&loop), timer->due_ns, "never early");
    tell(alarm->name);
    if (alarm->name == '!')
        loop_stop(&loop);
    if (alarm->starts != NULL)
        cr_assert(loop_timer_start(&loop, &alarm->starts->timer, loop_now(&loop) + MS_IN_NS));
}

static struct alarm alarm_named(char name)
{
    struct alarm alarm = {.name = name};
    timer_init(&alarm.timer, ring);
    return alarm;
}

Test(loop, timers_fire_in_order, .init = enter, .fini = leave)
{
    static const int due_ms[] = {5, 1, 4, 2, 3};
    struct alarm alarms[5];
    struct alarm end = alarm_named('!');
    int64_t now_ns = loop_refresh(&loop);
    for (int i = 0; i < 5; i++) {
        alarms[i] = alarm_named((char)('0' + due_ms[i]));
        cr_assert(loop_timer_start(&loop, &alarms[i].timer, now_ns + due_ms[i] * MS_IN_NS));
    }
    cr_assert(loop_timer_start(&loop, &end.timer, now_ns + 6 * MS_IN_NS));
    loop_run(&loop);
    cr_assert_str_eq(story, "12345!");
}

Test(loop, an_earlier_timer_does_not_wait_for_a_later_one, .init = enter, .fini = leave)
{
    struct alarm far = alarm_named('f');
    struct alarm first = alarm_named('1');
    struct alarm end = alarm_named('!');
    cr_assert(loop_timer_start(&loop, &far.timer, loop_refresh(&loop) + 3600 * S_IN_NS));
    run_a_while();
    cr_assert_eq(loop.armed_ns, TIMERS_NEVER, "fired, and armed again before the next sleep only");
    first.starts = &end;
    cr_assert(loop_timer_start(&loop, &first.timer, loop_refresh(&loop) + MS_IN_NS));
    loop_run(&loop);
    cr_assert_str_eq(story, "|1!", "the test's timeout tells if it waits for the hour");
    loop_timer_stop(&loop, &far.timer);
}

static void start_end(struct loop_task *task)
{
    struct alarm *end = (struct alarm *)(void *)((char *)task + sizeof *task);
    cr_assert(loop_timer_start(&loop, &end->timer, loop_now(&loop) + MS_IN_NS));
}

Test(loop, a_task_may_start_the_timer_that_ends_the_sleep, .init = enter, .fini = leave)
{
    struct {
        struct loop_task task;
        struct alarm end;
    } both = {.end = alarm_named('!')};
    loop_task_init(&both.task, start_end);
    loop_later(&loop, &both.task);
    loop_run(&loop);
    cr_assert_str_eq(story, "!");
}

Test(loop, a_stopped_timer_costs_a_turn_but_never_fires, .init = enter, .fini = leave)
{
    struct alarm gone = alarm_named('g');
    struct alarm end = alarm_named('!');
    do { /* once more if this process was away for so long that it has fired */
        memset(story, 0, sizeof story);
        told = 0;
        cr_assert(loop_timer_start(&loop, &gone.timer, loop_refresh(&loop) + 2 * MS_IN_NS));
        run_a_while();
    } while (!timer_running(&gone.timer));
    loop_timer_stop(&loop, &gone.timer);
    cr_assert(loop_timer_start(&loop, &end.timer, loop_refresh(&loop) + 4 * MS_IN_NS));
    loop_run(&loop);
    cr_assert_str_eq(story, "|!");
}

/* ---- readiness ---- */

static void on_ready(struct loop_io *io, bool readable, bool writable)
{
    char byte;
    tell(readable && writable ? 'b' : readable ? 'r' : 'o');
    if (readable)
        cr_assert_eq(read(io->watcher.fd, &byte, 1), 1);
    loop_stop(&loop);
}

Test(loop, descriptors_tell_what_was_asked_for_only, .init = enter, .fini = leave)
{
    int fds[2];
    struct loop_io io;
    cr_assert_eq(pipe(fds), 0);
    loop_io_open(&loop, &io, fds[0], on_ready);
    cr_assert_eq(write(fds[1], "x", 1), 1);
    run_a_while();
    cr_assert_str_eq(story, "|", "nothing was asked for");
    loop_io_want(&io, true, false);
    loop_io_want(&io, true, false);
    loop_run(&loop);
    cr_assert_str_eq(story, "|r");
    cr_assert_eq(write(fds[1], "x", 1), 1);
    loop_io_want(&io, false, false);
    run_a_while();
    cr_assert_str_eq(story, "|r|");
    loop_io_close(&io);
    loop_io_close(&io);
    close(fds[0]);
    close(fds[1]);
}

/* ---- other threads ---- */

static void *wake(void *unused)
{
    (void)unused;
    loop_wake(&loop);
    return NULL;
}

Test(loop, another_thread_wakes_it, .init = enter, .fini = leave)
{
    pthread_t thread;
    cr_assert_eq(pthread_create(&thread, NULL, wake, NULL), 0);
    loop_run(&loop); /* for ever, but for the wake */
    pthread_join(thread, NULL);
    cr_assert_str_eq(story, "w");
}

Test(loop, a_wake_before_it_runs_is_remembered, .init = enter, .fini = leave)
{
    loop_wake(&loop);
    loop_wake(&loop);
    loop_run(&loop);
    cr_assert_str_eq(story, "w", "many wakes are one");
}

/* ---- a foreign loop ---- */

static void ask_inside(struct loop_task *task)
{
    (void)task;
    tell(loop_is_running(&loop) ? 'i' : 'o');
}

Test(loop, a_guest_does_not_keep_its_host)
{
    struct ev_loop *ev = ev_loop_new(EVFLAG_AUTO);
    struct loop_task task;
    cr_assert(loop_init(&loop, ev, on_wake, &loop));
    loop_task_init(&task, ask_inside);
    loop_later(&loop, &task);
    cr_assert_not(loop_is_running(&loop));
    cr_assert_eq(ev_run(ev, 0), 0, "nothing of the host's is active: it ends");
    cr_assert_str_eq(story, "i", "but the task has run");
    loop_fini(&loop);
    ev_loop_destroy(ev);
}

static void on_host_timer(struct ev_loop *ev, ev_timer *timer, int events)
{
    (void)ev;
    (void)timer;
    (void)events;
    tell('h');
}

Test(loop, a_host_has_its_references_back)
{
    struct ev_loop *ev = ev_loop_new(EVFLAG_AUTO);
    for (int i = 0; i < 10; i++) {
        cr_assert(loop_init(&loop, ev, on_wake, &loop));
        loop_fini(&loop);
    }
    ev_timer timer;
    ev_timer_init(&timer, on_host_timer, 0.001, 0.);
    ev_timer_start(ev, &timer);
    cr_assert_eq(ev_run(ev, 0), 0, "a reference too many, and it would never end");
    cr_assert_str_eq(story, "h", "one too few, and it would not have waited");
    ev_loop_destroy(ev);
}

Test(loop, a_guests_timer_keeps_its_host)
{
    struct ev_loop *ev = ev_loop_new(EVFLAG_AUTO);
    struct alarm alarm = alarm_named('a');
    cr_assert(loop_init(&loop, ev, on_wake, &loop));
    cr_assert(loop_timer_start(&loop, &alarm.timer, loop_refresh(&loop) + MS_IN_NS));
    while (told == 0)
        ev_run(ev, EVRUN_ONCE);
    cr_assert_str_eq(story, "a");
    loop_fini(&loop);
    ev_loop_destroy(ev);
}
