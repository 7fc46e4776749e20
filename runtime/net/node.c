/* Nodes: opening, running, closing, and the door for other threads.
 *
 * Who runs the loop is one flag under one mutex.  A synchronous call on a node that nobody runs takes the flag and
 * turns the loop itself, without a thread hop; one that finds it taken hands its work over and waits, and takes over
 * as runner when the present one leaves.
 *
 * Reads best next: node.h. */
#include "net/node.h"

#include <assert.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/inherit.h"
#include "net/random.h"
#include "net/status.h"

/* ---- those who wait ---- */

static void add_waiter(semel_node *node, struct node_waiter *waiter)
{
    waiter->prev = NULL;
    waiter->next = node->waiters;
    if (waiter->next != NULL)
        waiter->next->prev = waiter;
    node->waiters = waiter;
}

static void remove_waiter(semel_node *node, struct node_waiter *waiter)
{
    if (waiter->prev != NULL)
        waiter->prev->next = waiter->next;
    else
        node->waiters = waiter->next;
    if (waiter->next != NULL)
        waiter->next->prev = waiter->prev;
}

/* ---- running ---- */

/* The flag.  All with the mutex held. */
static void take_run(semel_node *node)
{
    node->running = true;
    node->runner = pthread_self();
}

static bool runs_here(const semel_node *node)
{
    return node->running && pthread_equal(node->runner, pthread_self());
}

static void leave_run(semel_node *node)
{
    node->running = false;
    /* One who waits for the node must go on running it. */
    if (node->waiters != NULL)
        pthread_cond_signal(&node->waiters->changed);
}

bool node_is_inside(semel_node *node)
{
    if (node->kind == NODE_FOREIGN_LOOP)
        return pthread_equal(node->opener, pthread_self()) && loop_is_running(&node->loop);
    pthread_mutex_lock(&node->mutex);
    bool inside = runs_here(node);
    pthread_mutex_unlock(&node->mutex);
    return inside;
}

/* Takes the run for good, after a synchronous call that may be driving just now. */
static bool take_run_for_good(semel_node *node)
{
    struct node_waiter waiter = {.done = false};
    pthread_cond_init(&waiter.changed, NULL);
    while (node->running && !node->running_on && !runs_here(node)) {
        add_waiter(node, &waiter);
        pthread_cond_wait(&waiter.changed, &node->mutex);
        remove_waiter(node, &waiter);
    }
    pthread_cond_destroy(&waiter.changed);
    if (node->running || node->kind != NODE_OWN_LOOP)
        return false;
    take_run(node);
    node->running_on = true;
    return true;
}

enum semel_code semel_node_run(semel_node *node)
{
    pthread_mutex_lock(&node->mutex);
    bool taken = take_run_for_good(node);
    bool stop = node->stop_asked;
    pthread_mutex_unlock(&node->mutex);
    if (!taken)
        return SEMEL_FAILED_PRECONDITION;
    if (!stop)
        loop_run(&node->loop);
    pthread_mutex_lock(&node->mutex);
    node->stop_asked = false;
    node->running_on = false;
    leave_run(node);
    pthread_mutex_unlock(&node->mutex);
    return SEMEL_OK;
}

void semel_node_stop(semel_node *node)
{
    pthread_mutex_lock(&node->mutex);
    node->stop_asked = true;
    pthread_mutex_unlock(&node->mutex);
    loop_wake(&node->loop);
}

static void *run_thread(void *user)
{
    semel_node *node = user;
    pthread_mutex_lock(&node->mutex);
    node->runner = pthread_self();
    pthread_mutex_unlock(&node->mutex);
    loop_run(&node->loop);
    return NULL;
}

/* ---- the door for other threads ---- */

static struct node_post *take_posts(semel_node *node)
{
    pthread_mutex_lock(&node->mutex);
    struct node_post *posts = node->first_post;
    node->first_post = NULL;
    node->last_post = &node->first_post;
    pthread_mutex_unlock(&node->mutex);
    return posts;
}

static void run_posts(semel_node *node)
{
    struct node_post *post = take_posts(node);
    while (post != NULL) {
        struct node_post *next = post->next;
        post->fn(post->arg); /* may free the post */
        post = next;
    }
}

static void on_wake(void *user)
{
    semel_node *node = user;
    run_posts(node);
    pthread_mutex_lock(&node->mutex);
    bool stop = node->stop_asked && (node->kind == NODE_THREAD || runs_here(node));
    pthread_mutex_unlock(&node->mutex);
    if (stop)
        loop_stop(&node->loop);
}

void node_post_owned(semel_node *node, struct node_post *post, semel_post_fn *fn, void *arg)
{
    *post = (struct node_post){.fn = fn, .arg = arg};
    pthread_mutex_lock(&node->mutex);
    *node->last_post = post;
    node->last_post = &post->next;
    pthread_mutex_unlock(&node->mutex);
    loop_wake(&node->loop);
}

struct heap_post {
    struct node_post post;
    semel_post_fn *fn;
    void *arg;
};

static void run_heap_post(void *arg)
{
    struct heap_post *post = arg;
    post->fn(post->arg);
    free(post);
}

enum semel_code semel_node_post(semel_node *node, semel_post_fn *fn, void *arg)
{
    struct heap_post *post = malloc(sizeof *post);
    if (post == NULL)
        return SEMEL_RESOURCE_EXHAUSTED;
    post->fn = fn;
    post->arg = arg;
    node_post_owned(node, &post->post, run_heap_post, post);
    return SEMEL_OK;
}

/* ---- waiting ---- */

void node_waiter_done(semel_node *node, struct node_waiter *waiter)
{
    if (waiter->drives) {
        waiter->done = true;
        loop_stop(&node->loop); /* this may be a task: the loop would go to sleep after it */
        return;
    }
    pthread_mutex_lock(&node->mutex);
    waiter->done = true;
    pthread_cond_signal(&waiter->changed);
    pthread_mutex_unlock(&node->mutex);
}

/* Turns the loop until the waiter is done; the run is taken.  What runs there has nothing to do with a handler that may
 * be waiting here, and does not inherit its deadline. */
static void drive(semel_node *node, const struct node_waiter *waiter)
{
    int64_t outer_ns = inherit_enter(0);
    while (!waiter->done) /* set by this thread, inside the loop */
        loop_run_once(&node->loop);
    inherit_leave(outer_ns);
}

/* Whether the caller may turn the loop itself.  With the mutex held. */
static bool may_drive(const semel_node *node)
{
    if (node->kind == NODE_THREAD)
        return false;
    if (node->kind == NODE_FOREIGN_LOOP)
        return pthread_equal(node->opener, pthread_self());
    return !node->running;
}

/* Waits for one who runs the node, ready to become the runner when that one leaves. */
static void wait_handed_over(semel_node *node, struct node_waiter *waiter)
{
    pthread_mutex_lock(&node->mutex);
    while (!waiter->done) {
        if (node->kind == NODE_OWN_LOOP && !node->running) {
            take_run(node);
            waiter->drives = true;
            pthread_mutex_unlock(&node->mutex);
            drive(node, waiter);
            pthread_mutex_lock(&node->mutex);
            leave_run(node);
            continue;
        }
        add_waiter(node, waiter);
        pthread_cond_wait(&waiter->changed, &node->mutex);
        remove_waiter(node, waiter);
    }
    /* The leaving runner may have called on this one, who has no need of it any more: pass it on. */
    if (!node->running && node->waiters != NULL)
        pthread_cond_signal(&node->waiters->changed);
    pthread_mutex_unlock(&node->mutex);
}

enum door { DOOR_INSIDE, DOOR_DRIVE, DOOR_HAND_OVER };

/* How the caller gets its work done; DOOR_DRIVE has taken the run. */
static enum door enter(semel_node *node)
{
    if (node->kind == NODE_FOREIGN_LOOP && pthread_equal(node->opener, pthread_self()) &&
        loop_is_running(&node->loop))
        return DOOR_INSIDE;
    pthread_mutex_lock(&node->mutex);
    enum door door = DOOR_HAND_OVER;
    if (runs_here(node)) {
        door = DOOR_INSIDE;
    } else if (may_drive(node)) {
        take_run(node);
        door = DOOR_DRIVE;
    }
    pthread_mutex_unlock(&node->mutex);
    if (door == DOOR_DRIVE)
        loop_refresh(&node->loop);
    return door;
}

static void leave(semel_node *node)
{
    pthread_mutex_lock(&node->mutex);
    leave_run(node);
    pthread_mutex_unlock(&node->mutex);
}

bool node_wait(semel_node *node, struct node_waiter *waiter, semel_post_fn *start, void *arg)
{
    enum door door = enter(node);
    if (door == DOOR_INSIDE)
        return false;
    waiter->done = false;
    waiter->drives = door == DOOR_DRIVE;
    if (waiter->drives) {
        start(arg);
        drive(node, waiter);
        leave(node);
        return true;
    }
    struct node_post post;
    pthread_cond_init(&waiter->changed, NULL);
    node_post_owned(node, &post, start, arg);
    wait_handed_over(node, waiter);
    pthread_cond_destroy(&waiter->changed);
    return true;
}

struct node_errand {
    semel_node *node;
    semel_post_fn *fn;
    void *arg;
    struct node_waiter waiter;
};

static void run_errand(void *arg)
{
    struct node_errand *errand = arg;
    errand->fn(errand->arg);
    node_waiter_done(errand->node, &errand->waiter);
}

void node_call(semel_node *node, semel_post_fn *fn, void *arg)
{
    enum door door = enter(node);
    if (door != DOOR_HAND_OVER) {
        fn(arg);
        if (door == DOOR_DRIVE)
            leave(node);
        return;
    }
    struct node_errand errand = {.node = node, .fn = fn, .arg = arg};
    struct node_post post;
    pthread_cond_init(&errand.waiter.changed, NULL);
    node_post_owned(node, &post, run_errand, &errand);
    wait_handed_over(node, &errand.waiter);
    pthread_cond_destroy(&errand.waiter.changed);
}

/* ---- members ---- */

void node_add(semel_node *node, struct node_member *member)
{
    member->prev = NULL;
    member->next = node->members;
    if (member->next != NULL)
        member->next->prev = member;
    node->members = member;
}

void node_remove(semel_node *node, struct node_member *member)
{
    if (member->prev != NULL)
        member->prev->next = member->next;
    else
        node->members = member->next;
    if (member->next != NULL)
        member->next->prev = member->prev;
}

bool node_need_resolver(semel_node *node, const char *servers)
{
    if (node->resolver == NULL)
        node->resolver = resolver_create(&node->loop, servers);
    return node->resolver != NULL;
}

void node_log(semel_node *node, enum semel_log_level level, const char *format, ...)
{
    if (node->log == NULL)
        return;
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (length >= (int)sizeof text)
        memcpy(text + sizeof text - 4, "...", 4);
    /* Parts of it may come from a peer. */
    for (char *at = text; *at != '\0'; at++)
        if ((unsigned char)*at < ' ' || *at == 127)
            *at = '?';
    node->log(level, text, node->log_user);
}

/* ---- opening and closing ---- */

static enum semel_code check_options(const struct semel_node_options *options, semel_status *ret_status)
{
    if (options->thread && options->loop != NULL)
        return status_set(ret_status, SEMEL_INVALID_ARGUMENT, SEMEL_REASON_BAD_ARGUMENT,
                          "node: a loop of yours and a thread of its own exclude each other");
    if (options->name != NULL && strlen(options->name) > LIMIT_NODE_NAME)
        return status_set(ret_status, SEMEL_INVALID_ARGUMENT, SEMEL_REASON_BAD_ARGUMENT,
                          "node: name longer than %d bytes", LIMIT_NODE_NAME);
    return SEMEL_OK;
}

static bool init(semel_node *node, const struct semel_node_options *options)
{
    node->properties = options->properties;
    node->log = options->log;
    node->log_user = options->log_user;
    if (options->name != NULL)
        memcpy(node->name, options->name, strlen(options->name) + 1);
    node->kind = options->thread ? NODE_THREAD : options->loop != NULL ? NODE_FOREIGN_LOOP : NODE_OWN_LOOP;
    node->instance = (uint32_t)random_u64();
    node->opener = pthread_self();
    node->last_post = &node->first_post;
    if (!loop_init(&node->loop, options->loop, on_wake, node))
        return false;
    if (wire_room_init(&node->room, &node->loop))
        return true;
    loop_fini(&node->loop);
    return false;
}

/* Signals are for the program's own threads. */
static bool start_thread(semel_node *node)
{
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    node->running = node->running_on = true;
    bool started = pthread_create(&node->thread, NULL, run_thread, node) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}

enum semel_code semel_node_open(const struct semel_node_options *options, semel_node **ret_node,
                                semel_status *ret_status)
{
    static const struct semel_node_options defaults;
    if (options == NULL)
        options = &defaults;
    enum semel_code code = check_options(options, ret_status);
    if (code != SEMEL_OK)
        return code;
    semel_node *node = calloc(1, sizeof *node);
    if (node == NULL || !init(node, options)) {
        free(node);
        return status_set(ret_status, SEMEL_RESOURCE_EXHAUSTED, SEMEL_REASON_NO_MEMORY,
                          "node: no memory or descriptors for an event loop");
    }
    pthread_mutex_init(&node->mutex, NULL);
    if (node->kind == NODE_THREAD && !start_thread(node)) {
        node->kind = NODE_OWN_LOOP;
        node->running = node->running_on = false;
        semel_node_close(node);
        return status_set(ret_status, SEMEL_RESOURCE_EXHAUSTED, SEMEL_REASON_NO_MEMORY, "node: no thread");
    }
    *ret_node = node;
    return SEMEL_OK;
}

void semel_node_close(semel_node *node)
{
    if (node == NULL)
        return;
    if (node->kind == NODE_THREAD) {
        assert(!pthread_equal(node->thread, pthread_self()));
        semel_node_stop(node);
        pthread_join(node->thread, NULL);
        node->kind = NODE_OWN_LOOP;
        node->running = node->running_on = false;
    }
    assert(!node_is_inside(node));
    /* Callbacks that run below are inside the node, and synchronous stubs in them are refused. */
    pthread_mutex_lock(&node->mutex);
    take_run(node);
    pthread_mutex_unlock(&node->mutex);
    /* Results of other threads that are still in line must find their server. */
    run_posts(node);
    while (node->members != NULL)
        node->members->close(node->members);
    run_posts(node);
    resolver_destroy(node->resolver);
    loop_fini(&node->loop);
    wire_room_fini(&node->room);
    pthread_mutex_destroy(&node->mutex);
    free(node);
}

struct ev_loop *semel_node_loop(semel_node *node)
{
    return node->loop.ev;
}
