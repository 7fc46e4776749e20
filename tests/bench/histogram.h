/* A histogram of latencies with a fixed relative error: each power of two is cut into 64 equal buckets, so a value
 * read back is at most 1/64 too high, from a nanosecond to centuries, in constant memory.
 * It must not know: where the values come from.  Reads best next: meter.h. */
#ifndef BENCH_HISTOGRAM_H
#define BENCH_HISTOGRAM_H

#include <stdint.h>

enum {
    HISTOGRAM_SUB_BITS = 6,
    HISTOGRAM_SUBS = 1 << HISTOGRAM_SUB_BITS,
    HISTOGRAM_BUCKETS = (64 - HISTOGRAM_SUB_BITS + 1) * HISTOGRAM_SUBS,
};

struct histogram {
    uint64_t total;
    uint64_t counts[HISTOGRAM_BUCKETS];
};

/* Small values have a bucket each; above, the highest bit chooses the row and the next six the bucket. */
static inline unsigned histogram_bucket(uint64_t value)
{
    if (value < HISTOGRAM_SUBS)
        return (unsigned)value;
    unsigned row = 63u - (unsigned)__builtin_clzll(value) - HISTOGRAM_SUB_BITS + 1u;
    return row * HISTOGRAM_SUBS + (unsigned)(value >> (row - 1)) - HISTOGRAM_SUBS;
}

/* The highest value that falls into a bucket. */
static inline uint64_t histogram_highest(unsigned bucket)
{
    if (bucket < HISTOGRAM_SUBS)
        return bucket;
    unsigned row = bucket / HISTOGRAM_SUBS;
    return ((UINT64_C(1) + bucket % HISTOGRAM_SUBS + HISTOGRAM_SUBS) << (row - 1)) - 1;
}

static inline void histogram_add(struct histogram *histogram, int64_t value)
{
    histogram->total++;
    histogram->counts[histogram_bucket(value < 0 ? 0 : (uint64_t)value)]++;
}

/* The value that this share (0 to 1) of all values does not exceed; 0 when there are none. */
static inline uint64_t histogram_quantile(const struct histogram *histogram, double share)
{
    uint64_t rank = (uint64_t)((double)histogram->total * share + 0.999999);
    uint64_t seen = 0;
    for (unsigned bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) {
        seen += histogram->counts[bucket];
        if (seen >= rank && seen > 0)
            return histogram_highest(bucket);
    }
    return 0;
}

#endif
