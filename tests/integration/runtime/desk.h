/* A server that fails as a test wants it, and calls to it, for the tests of declared errors and of deep messages.
 *
 * It must not know what any test expects.  Reads best next: errors.proto, fixture.h. */
#ifndef RUNTIME_DESK_H
#define RUNTIME_DESK_H

#include "errors.semel.h"
#include "fixture.h"

struct desk;
/* A handler for Act, Redo, Other and Tell.  runs: of this op, this one included. */
typedef enum semel_code desk_handler(struct desk *desk, semel_request *request, const faults_Order *in,
                                     unsigned runs, faults_Answer *out);

struct desk {
    struct server server;  /* its own service is there, too */
    desk_handler *handler; /* set before the first call */
};

void desk_open(struct desk *desk, desk_handler *handler, const char *const *properties);
void desk_close(struct desk *desk);

/* Leaves the request pending; server_pending of the desk's server finds it. */
desk_handler desk_keep;
/* Raises Short with FAILED_PRECONDITION: balance is the op, missing the runs so far. */
desk_handler desk_raise_short;
/* Raises Rich with ABORTED, its blob of the size that is asked for. */
desk_handler desk_raise_rich;

/* A synchronous call of Act.  The receipt must be released. */
semel_status desk_act(struct client *client, unsigned op, unsigned size, faults_Desk_Act_error *ret_error);
/* The same for any method with an Order and an Answer, made up or not, without a receipt. */
semel_status desk_call(struct client *client, const struct semel_method *method, unsigned op);

/* An asynchronous call of Act and how it ended. */
struct ending {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    unsigned times; /* the callback has run */
    bool replied;
    bool got_error;
    semel_status status;
    enum faults_Desk_Act_error_kind which;
    faults_Short short_error; /* if it was this one */
    char parts[3][16];        /* of a rich one */
    size_t part_count;
    size_t blob_size;
};

void ending_start(struct ending *ending, struct client *client, unsigned op, unsigned size);
const semel_status *ending_wait(struct ending *ending);
unsigned ending_times(struct ending *ending);

/* A rich error with two parts and a blob of size bytes; fields that point are allocated. */
faults_Rich rich_create(unsigned size);
/* A tree of this depth, 1 or more; released with faults_Desk_Grow_release. */
faults_Tree tree_create(unsigned depth);
unsigned tree_depth(const faults_Tree *tree);

#endif
