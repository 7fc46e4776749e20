/* The worker's life: ask for a task, run it, deliver its result, ask for the next.
 * It must not know: command lines.
 * Reads best next: runner.c. */
#ifndef WORKER_RUNNER_H
#define WORKER_RUNNER_H

#include <stdbool.h>

#include <ev.h>

#include <semel/channel.h>

#include "book.h"

struct runner_settings {
    const char *id;       /* of this worker: worker.proto */
    const char *folder;   /* where results are kept: NAME.out */
    double patience_s;    /* for one test */
    struct book *journal; /* "RUN NAME" before each test: the witness of what was run; NULL: none */
};

struct runner;

/* settings, loop (the default one), and channel are borrowed until runner_destroy.  NULL: out of memory. */
struct runner *runner_create(const struct runner_settings *settings, struct ev_loop *loop,
                             semel_channel *channel);
/* Works until there are no more tasks; then it prints what it did.  false: it had to stop before (told on stderr). */
bool runner_run(struct runner *runner);
/* Stops at once: what runs is killed, and runner_run returns false. */
void runner_stop(struct runner *runner);
/* The channel must be closed before. */
void runner_destroy(struct runner *runner);

#endif
