/* A request on the server: what a handler sees, from its admission to its reply.
 *
 * A pending request may outlive its connection, its session and its server; the home says whether there is still
 * somebody to tell.  Reads best next: request.c, dispatch.h. */
#ifndef SERVER_REQUEST_H
#define SERVER_REQUEST_H

#include <pthread.h>
#include <stdatomic.h>
#include <semel/request.h>
#include <semel/store.h>

#include "core/dedup.h"
#include "net/node.h"

struct semel_server;
struct services_entry;

/* Where finished requests go, shared by a server and its requests; the last one frees it. */
struct request_home {
    pthread_mutex_t mutex;
    struct semel_server *server; /* NULL: closed */
    unsigned references;
};

struct semel_request {
    struct dedup_run run;
    struct request_home *home;
    struct services_entry *entry;
    const struct semel_method *method;
    void *in;                   /* the decoded request, in the same block of memory */
    struct semel_request *next; /* the running requests of a server */
    struct semel_request *prev;
    struct semel_request *next_in_line; /* while it waits for the store */
    uint64_t asked_on;                  /* number of the connection that brought it last */
    struct MDB_txn *transaction;        /* while its handler is in it */
    semel_committed_fn *committed;      /* NULL: nobody wants to know */
    void *committed_user;
    bool orphan; /* its server is closed: its memory is its own */
    bool refuse_elsewhere;
    bool complained; /* message says why an error could not be raised */
    uint32_t refuse_delay_ms;
    int64_t deadline_ns; /* 0: none */
    int64_t started_ns;
    bool pending; /* its handler has returned, and will finish it later */
    atomic_bool cancelled;
    /* a result that another thread (or a handler, early) has handed in */
    struct node_post post;
    struct reply *reply; /* with its body in place; NULL: no memory, or no body */
    size_t body_size;
    const struct semel_error_type *raised; /* its message stands in the reply; NULL: none */
    enum semel_code code;
    enum semel_reason reason;
    char message[SEMEL_MESSAGE_MAX];
};

/* NULL: no memory. */
struct request_home *request_home_create(struct semel_server *server);
/* One more pending request. */
void request_home_ref(struct request_home *home);
/* The server closes: requests that finish later are only freed. */
void request_home_leave(struct request_home *home);

/* A request of this method, with room for its messages.  NULL: no memory. */
struct semel_request *request_create(struct request_home *home, struct services_entry *entry);
/* Frees it; its messages have been released. */
void request_destroy(struct semel_request *request);

void *request_out(struct semel_request *request);

/* Forgets what was raised: the request ends in another way. */
void request_forget_error(struct semel_request *request);
/* Ends the body of a reply with a declared error: puts the text behind it.  The error must have been raised. */
void request_seal_error(struct semel_request *request);

/* Fills request->in; false: nothing is left allocated, and *ret_error (static) says why. */
bool request_decode(struct semel_request *request, const uint8_t *body, size_t size, const char **ret_error);

/* Encodes a reply into request->reply, or sets code, reason and message to say why it can not be.  pool: NULL on
 * another thread than the server's. */
void request_encode(struct semel_request *request, const void *out, struct pool *pool);

#endif
