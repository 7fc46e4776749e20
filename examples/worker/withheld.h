/* Answers that are kept back: the work is done, and whoever asked does not hear of it.  So a server looks that dies
 * between the two; with it a person, or a test, can choose the moment.
 * It must not know: what the work is.
 * Reads best next: server.c. */
#ifndef WORKER_WITHHELD_H
#define WORKER_WITHHELD_H

#include <stddef.h>

#include <semel/request.h>

enum { WITHHELD_MAX = 64 }; /* more are answered after all */

struct withheld {
    const char *method; /* whose answers are kept back, as in worker.proto; NULL: nobody's */
    semel_request *requests[WITHHELD_MAX];
    size_t count;
};

/* What a handler returns whose work is done: OK, or PENDING when its answer is kept back. */
enum semel_code withheld_answer(struct withheld *withheld, semel_request *request);
/* Lets all of them fail.  To be called before the server is drained. */
void withheld_fini(struct withheld *withheld);

#endif
