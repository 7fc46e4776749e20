/* Answers of the bank, given at once or later: a handler that waits for something looks like this.
 * It must not know: accounts, or any particular operation.
 * Reads best next: bank_server.c. */
#ifndef BANK_ANSWERS_H
#define BANK_ANSWERS_H

#include <stddef.h>

#include <ev.h>

#include <semel/request.h>

struct answer;

struct answers {
    struct ev_loop *loop; /* borrowed */
    double delay_s;       /* 0: at once */
    struct answer *first; /* those that are still to be given, newest first */
};

/* What a handler returns: the code itself, or SEMEL_PENDING, and then the request is finished by a timer.  reply (of
 * reply_size) is copied; with a code other than SEMEL_OK it is not used, and why (static text) is told.  An error that
 * the handler raised before stays with the request, and goes out with its answer. */
enum semel_code answers_give(struct answers *answers, semel_request *request, enum semel_code code,
                             const char *why, const void *reply, size_t reply_size);
/* Gives those that are left.  To be called when the server is closed: nobody hears them any more. */
void answers_fini(struct answers *answers);

#endif
