/* Handlers that only leave marks: what a process answers, at once, later, with an error, or by refusing, as the
 * operation says.
 *
 * They must not know who asks, or whether it is a server or a client that is called back.
 * Reads best next: handlers.c. */
#ifndef TESTS_SIM_HANDLERS_H
#define TESTS_SIM_HANDLERS_H

#include "history.h"

struct answer;

/* Of one process. */
struct handlers {
    semel_sim_host *host;
    struct answer *answers;        /* that are to be given later */
    uint64_t called;               /* in this life */
    const struct effects *effects; /* where transactional ones leave theirs; NULL: nowhere */
    semel_node *node;              /* of a server: it may call its clients back; NULL: of a client */
    const struct asks *asks;       /* of a server: whom it asks itself; NULL: nobody */
};

/* A new life: requests that were not answered went with the one before. */
void handlers_begin(struct handlers *handlers);
/* Registers them with a server. */
void handlers_serve(struct handlers *handlers, semel_server *server);
/* What a handler waited for has ended. */
void handlers_answer(struct handlers *handlers, const struct op *awaited);
/* Their server is closed: finishes what is left, which nobody hears. */
void handlers_end(struct handlers *handlers);
/* The process is gone. */
void handlers_forget(struct handlers *handlers);

#endif
