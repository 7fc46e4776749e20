/* What a worker can say of itself at its end.
 * It must not know: how any of it came about.
 * Reads best next: runner.c, which counts. */
#ifndef WORKER_SUMMARY_H
#define WORKER_SUMMARY_H

#include <stdint.h>

#include "upload.h"

struct summary {
    uint64_t done;
    uint64_t late;       /* refused as closed */
    uint64_t asked;      /* NextTask that was answered, "no more" included */
    uint64_t gave_up[3]; /* NextTask that was not, by enum semel_outcome */
    uint64_t found;      /* handed out, the answer lost, and told by Register */
    uint64_t looked;     /* Finish whose answer was lost, settled by Look */
    uint64_t arrived;    /* log lines, as the server counts them */
};

/* lines: the log lines that were sent; stats: those of the channel, which counts what became of them. */
void summary_print(const struct summary *summary, const struct upload *upload,
                   const struct semel_channel_stats *stats, uint64_t lines);

#endif
