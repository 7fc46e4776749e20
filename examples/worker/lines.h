/* Log lines that are best effort: sent, never waited for, and every one accounted for.
 * It must not know: tests, tasks, or any other call.
 * Reads best next: runner.c. */
#ifndef WORKER_LINES_H
#define WORKER_LINES_H

#include <stdbool.h>
#include <stdint.h>

#include <semel/channel.h>

struct lines {
    semel_channel *channel; /* borrowed */
    const char *worker;     /* borrowed */
    uint64_t sent;
    bool losing;
    uint64_t acknowledged; /* when the latest loss was told */
};

/* channel and worker are set before. */
void lines_init(struct lines *lines);
/* Sends one line (shorter than TEST_LINE_MAX). */
void lines_send(struct lines *lines, const char *text);

#endif
