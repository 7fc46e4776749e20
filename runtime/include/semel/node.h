/* A node: one event loop with its properties.  Channels and servers belong to one node.
 *
 * A node runs in one of three ways:
 *   own loop      semel_node_run in the thread of your choice, or nobody: then a synchronous stub drives it itself
 *   your loop     give a struct ev_loop; whoever runs that loop runs the node
 *   own thread    SEMEL_NODE_THREAD: the node runs itself until it is closed
 *
 * Threads: what starts or cancels asynchronous calls, and what a handler does with its request, belongs to the thread
 * that runs the node (or, while nobody runs it, to one thread at a time).  Any thread may call semel_node_post,
 * semel_node_stop, synchronous and oneway stubs, finish a pending request, and open, close, flush, drain or ask
 * channels and servers: these hand over to the node's thread and wait for it.
 *
 * Reads best next: semel/channel.h, semel/server.h. */
#ifndef SEMEL_NODE_H
#define SEMEL_NODE_H

#include <semel/properties.h>
#include <semel/status.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ev_loop;
typedef struct semel_node semel_node;

enum semel_log_level { SEMEL_LOG_ERROR, SEMEL_LOG_WARNING, SEMEL_LOG_INFO, SEMEL_LOG_TRACE };

/* Receives what an operator should know; the library itself writes nowhere.  Called on the node's thread; text has
 * no newline and is valid during the call only. */
typedef void semel_log_fn(enum semel_log_level level, const char *text, void *user);

struct semel_node_options {
    const semel_properties *properties; /* borrowed until the node is closed; NULL: built-in defaults */
    struct ev_loop *loop; /* borrowed; NULL: the node makes its own.  Owned by the thread that opens
                                         * the node: a synchronous stub drives it only from there */
    bool thread;          /* run in a thread of its own; not together with loop */
    const char *name;     /* optional stable node name (at most 64 bytes), told to servers; copied */
    semel_log_fn *log;    /* NULL: silent */
    void *log_user;
};

/* Opens a node.  options may be NULL.  *ret_node is set on success only; the caller owns it.
 * Errors: INVALID_ARGUMENT (options contradict, bad property), RESOURCE_EXHAUSTED (memory, descriptors, threads). */
enum semel_code semel_node_open(const struct semel_node_options *options, semel_node **ret_node,
                                semel_status *ret_status);

/* Closes channels and servers that are still open (their calls end with CHANNEL_CLOSED), then the node.
 * Accepts NULL.  Not from a callback of this node (asserted); no other thread may use the node any more. */
void semel_node_close(semel_node *node);

/* Runs the node until semel_node_stop.  For a node on its own loop, from one thread at a time.
 * Errors: FAILED_PRECONDITION (the node runs already, or has its own thread or your loop). */
enum semel_code semel_node_run(semel_node *node);

/* Makes semel_node_run return after the current turn; remembered if the node is not running yet.  Any thread;
 * also from a callback.  Not for signal handlers: use an ev_signal, or sigwait in a thread. */
void semel_node_stop(semel_node *node);

typedef void semel_post_fn(void *arg);

/* Runs fn(arg) once on the node's thread, soon.  Any thread.  Errors: RESOURCE_EXHAUSTED (no memory; not posted). */
enum semel_code semel_node_post(semel_node *node, semel_post_fn *fn, void *arg);

/* The libev loop of the node, for timers, signals and descriptors of your own.  Use it on the node's thread. */
struct ev_loop *semel_node_loop(semel_node *node);

#ifdef __cplusplus
}
#endif
#endif
