/* The tally of a load: how calls ended, how long they took, and the JSON object that says so.
 * It must not know: how calls are made.
 * Reads best next: load.h. */
#ifndef BANK_TALLY_H
#define BANK_TALLY_H

#include <stdio.h>

#include <semel/channel.h>
#include <semel/status.h>

/* Latencies fall into buckets that are at most 1/16 of their value wide. */
enum { TALLY_BUCKETS = 64 * 16 };

struct tally {
    uint64_t ok;
    uint64_t failed[3];    /* by enum semel_outcome */
    uint64_t insufficient; /* of these, with the bank's own error: the account held too little */
    int64_t last_balance;  /* the latest that was told, in cents */
    uint64_t by_reason[SEMEL_REASON_COUNT];
    uint64_t buckets[TALLY_BUCKETS];
    int64_t longest_us;
};

/* Counts a call that ended.  Returns true if it is the first failure with its reason. */
bool tally_add(struct tally *tally, const semel_status *status, int64_t latency_us);
uint64_t tally_count(const struct tally *tally);
/* The latency that so many calls of a thousand do not exceed, to a sixteenth; 0 without calls. */
int64_t tally_quantile_us(const struct tally *tally, unsigned per_thousand);
/* Prints the JSON object as one line. */
void tally_print(const struct tally *tally, const struct semel_channel_stats *channel, int64_t elapsed_us,
                 FILE *file);

#endif
