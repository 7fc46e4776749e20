/* The node behind semel/node.h: who runs the loop, how other threads get in, and what channels and servers share.
 *
 * Reads best next: node.c; the life of its members in client/channel.c and server/server.c. */
#ifndef NET_NODE_H
#define NET_NODE_H

#include <pthread.h>
#include <semel/node.h>

#include "core/limits.h"
#include "net/loop.h"
#include "net/resolver.h"
#include "net/wire.h"

struct lane;

/* A channel or server, to be closed with its node. */
struct node_member {
    struct node_member *next;
    struct node_member *prev;
    void (*close)(struct node_member *member);
    struct lane *lane; /* of a channel that may be served; otherwise NULL */
    /* Of a server: serves what comes over this lane (lane.h).  NULL otherwise. */
    enum semel_code (*carry)(struct node_member *server, struct lane *lane);
};

/* Someone in a synchronous function who waits for the node. */
struct node_waiter {
    struct node_waiter *next;
    struct node_waiter *prev;
    pthread_cond_t changed; /* done, or the node wants a new runner */
    bool drives;            /* it turns the loop itself: nobody has to wake it */
    bool done;
};

struct node_post {
    struct node_post *next;
    semel_post_fn *fn;
    void *arg;
};

enum node_kind { NODE_OWN_LOOP, NODE_FOREIGN_LOOP, NODE_THREAD };

struct semel_node {
    struct loop loop;
    struct wire_room room;
    struct resolver *resolver; /* NULL until a channel is opened that needs one */
    enum node_kind kind;
    const semel_properties *properties;
    semel_log_fn *log;
    void *log_user;
    char name[LIMIT_NODE_NAME + 1];
    uint32_t instance; /* drawn for this life of the node */
    struct node_member *members;
    pthread_t thread; /* NODE_THREAD */
    pthread_t opener; /* NODE_FOREIGN_LOOP: the thread the loop belongs to */

    pthread_mutex_t mutex; /* guards what follows */
    bool running;
    bool running_on;  /* by semel_node_run or a thread of its own, not just for one call */
    pthread_t runner; /* while running */
    bool stop_asked;
    struct node_waiter *waiters;
    struct node_post *first_post;
    struct node_post **last_post;
};

void node_add(semel_node *node, struct node_member *member);
void node_remove(semel_node *node, struct node_member *member);

/* Makes the node's resolver if there is none (servers: as in resolver_create).  On its thread.  false: no memory. */
bool node_need_resolver(semel_node *node, const char *servers);

/* Whether the caller is inside the loop of this node: in a callback or handler. */
bool node_is_inside(semel_node *node);

/* Calls start on the node's thread, then waits until node_waiter_done is called for the waiter.  Drives the node if
 * nobody runs it.  false: the caller is inside the node, where waiting would wait for itself; start was not called. */
bool node_wait(semel_node *node, struct node_waiter *waiter, semel_post_fn *start, void *arg);
/* Ends the wait.  On the node's thread. */
void node_waiter_done(semel_node *node, struct node_waiter *waiter);

/* Calls fn on the node's thread and returns when it is done: at once if the caller is inside the node or nobody runs
 * it.  For opening, closing and asking, which are rare.  Any thread. */
void node_call(semel_node *node, semel_post_fn *fn, void *arg);

/* Puts a post whose memory is the caller's (in what it posts) in line; it cannot fail.  Any thread. */
void node_post_owned(semel_node *node, struct node_post *post, semel_post_fn *fn, void *arg);

void node_log(semel_node *node, enum semel_log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static inline int64_t node_now(const semel_node *node)
{
    return loop_now(&node->loop);
}

#endif
