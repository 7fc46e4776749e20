/* The tally, as tally.h says.
 * It must not know: how calls are made.
 * Reads best next: load.c. */
#include "tally.h"

#include <assert.h>
#include <inttypes.h>

#include "program.h"

/* Below 16 a bucket holds one value; above, each power of two is split into 16. */
static size_t bucket_of(int64_t value)
{
    uint64_t bits = value > 0 ? (uint64_t)value : 0;
    if (bits < 16)
        return (size_t)bits;
    unsigned shift = 59 - (unsigned)__builtin_clzll(bits);
    return (size_t)(shift + 1) * 16 + (size_t)((bits >> shift) & 15);
}

static int64_t top_of(size_t bucket)
{
    if (bucket < 16)
        return (int64_t)bucket;
    unsigned shift = (unsigned)(bucket / 16) - 1;
    return (int64_t)(((16 + bucket % 16 + 1) << shift) - 1);
}

bool tally_add(struct tally *tally, const semel_status *status, int64_t latency_us)
{
    tally->buckets[bucket_of(latency_us)]++;
    if (latency_us > tally->longest_us)
        tally->longest_us = latency_us;
    if (status->code == SEMEL_OK) {
        tally->ok++;
        return false;
    }
    assert(status->outcome <= SEMEL_OUTCOME_EXECUTED && status->reason < SEMEL_REASON_COUNT);
    tally->failed[status->outcome]++;
    return tally->by_reason[status->reason]++ == 0;
}

uint64_t tally_count(const struct tally *tally)
{
    return tally->ok + tally->failed[0] + tally->failed[1] + tally->failed[2];
}

int64_t tally_quantile_us(const struct tally *tally, unsigned per_thousand)
{
    uint64_t count = tally_count(tally);
    uint64_t rank = (count * per_thousand + 999) / 1000;
    uint64_t seen = 0;
    for (size_t bucket = 0; bucket < TALLY_BUCKETS && rank > 0; bucket++) {
        seen += tally->buckets[bucket];
        if (seen >= rank)
            return top_of(bucket) < tally->longest_us ? top_of(bucket) : tally->longest_us;
    }
    return 0;
}

void tally_print(const struct tally *tally, const struct semel_channel_stats *channel, int64_t elapsed_us,
                 FILE *file)
{
    double seconds = (double)elapsed_us / 1e6;
    uint64_t calls = tally_count(tally);
    fprintf(file,
            "{\"calls\":%" PRIu64 ",\"ok\":%" PRIu64 ",\"failed_not_executed\":%" PRIu64
            ",\"failed_executed\":%" PRIu64 ",\"failed_unknown\":%" PRIu64,
            calls, tally->ok, tally->failed[SEMEL_OUTCOME_NOT_EXECUTED], tally->failed[SEMEL_OUTCOME_EXECUTED],
            tally->failed[SEMEL_OUTCOME_UNKNOWN]);
    fprintf(file,
            ",\"retries\":%" PRIu64 ",\"replays\":%" PRIu64 ",\"held\":%" PRIu64 ",\"connections\":%" PRIu64
            ",\"resumed\":%" PRIu64 ",\"dials\":%" PRIu64,
            channel->retries, channel->replays, channel->held, channel->connections, channel->resumed,
            channel->dials);
    fprintf(file,
            ",\"bytes_out\":%" PRIu64 ",\"bytes_in\":%" PRIu64 ",\"insufficient_funds\":%" PRIu64
            ",\"last_balance\":%" PRId64,
            channel->bytes_out, channel->bytes_in, tally->insufficient, tally->last_balance);
    fprintf(file,
            ",\"p50_us\":%" PRId64 ",\"p99_us\":%" PRId64 ",\"p999_us\":%" PRId64 ",\"max_us\":%" PRId64
            ",\"calls_per_s\":%.0f,\"elapsed_s\":%.3f,",
            tally_quantile_us(tally, 500), tally_quantile_us(tally, 990), tally_quantile_us(tally, 999),
            tally->longest_us, seconds > 0 ? (double)calls / seconds : 0, seconds);
    program_print_closed(channel->closed_by, file);
    fputs("}\n", file);
    fflush(file);
}
