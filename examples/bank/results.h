/* The results file: what the caller was told, one line a call.
 * It must not know: how calls are made, or when they end.
 * Reads best next: audit.sh, which reads it. */
#ifndef BANK_RESULTS_H
#define BANK_RESULTS_H

#include <stdint.h>
#include <stdio.h>

#include <semel/status.h>

struct results {
    FILE *file;       /* NULL: none is kept */
    const char *path; /* borrowed */
    size_t unsaved;   /* bytes since the last flush */
};

/* Creates or empties the file; path may be NULL: none is kept.  Returns 0, or an errno value. */
int results_open(struct results *results, const char *path);
/* Adds OP_ID, CODE, OUTCOME, ATTEMPTS, REASON, LATENCY_US, with tabs between. */
void results_add(struct results *results, const char *op_id, const semel_status *status, int64_t latency_us);
/* Hands all lines to the kernel.  Returns 0, or an errno value; an earlier failure is told here as well. */
int results_flush(struct results *results);
/* Flushes and closes; returns as results_flush. */
int results_close(struct results *results);

#endif
