/* The meter: wall clock, CPU time of both processes and latencies of the measured calls, and the line of JSON.
 * It must not know: what a call is.
 * Reads best next: meter.c, then floor_client.c, which uses it. */
#ifndef BENCH_METER_H
#define BENCH_METER_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "histogram.h"
#include "options.h"
#include "server_process.h"

struct meter {
    const struct server_process *server;
    int64_t start_ns;
    int64_t elapsed_ns;
    int64_t client_cpu_ns;
    int64_t server_cpu_ns;
    int64_t server_peak_rss_kb;
    struct histogram latencies; /* in nanoseconds; what was added before meter_begin is forgotten */
};

/* Nanoseconds of the monotonic clock. */
static inline int64_t meter_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static inline void meter_add(struct meter *meter, int64_t latency_ns)
{
    histogram_add(&meter->latencies, latency_ns);
}

/* The measured phase begins, or ends, now.  No call may be under way.  false: the server is gone. */
bool meter_begin(struct meter *meter);
bool meter_end(struct meter *meter);

/* One line of JSON on stdout.  false: it could not be written. */
bool meter_print(const struct meter *meter, const struct options *options);

#endif
