/* The text of summary.h.
 * It must not know: how any of it came about.
 * Reads best next: runner.c. */
#include "summary.h"

#include <inttypes.h>

#include "say.h"

void summary_print(const struct summary *summary, const struct upload *upload,
                   const struct semel_channel_stats *stats, uint64_t lines)
{
    say("tests        %" PRIu64 " done, %" PRIu64 " refused as late", summary->done, summary->late);
    say("asked        %" PRIu64 " answered, %" PRIu64 " given up before it ran, %" PRIu64
        " given up without knowing, %" PRIu64 " found by asking again",
        summary->asked, summary->gave_up[SEMEL_OUTCOME_NOT_EXECUTED],
        summary->gave_up[SEMEL_OUTCOME_UNKNOWN] + summary->gave_up[SEMEL_OUTCOME_EXECUTED], summary->found);
    say("finished     %" PRIu64 " settled by looking", summary->looked);
    say("chunks       %" PRIu64 " stored, %" PRIu64 " sent again", upload->chunks, upload->again);
    say("log lines    %" PRIu64 " sent, %" PRIu64 " arrived, %" PRIu64 " lost", lines, summary->arrived,
        lines - summary->arrived);
    say("receipts     %" PRIu64 " acknowledged, %" PRIu64 " did not run, %" PRIu64 " unknown",
        stats->oneways_acknowledged, stats->oneways_lost[SEMEL_OUTCOME_NOT_EXECUTED],
        stats->oneways_lost[SEMEL_OUTCOME_UNKNOWN] + stats->oneways_lost[SEMEL_OUTCOME_EXECUTED]);
    say("connections  %" PRIu64 ", %" PRIu64 " calls sent again in the same session", stats->connections,
        stats->replays);
}
