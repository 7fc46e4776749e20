/* Names and texts of codes, reasons, outcomes and rules, all from the lists in semel/status.h.
 *
 * Reads best next: explain.c. */
#include <semel/status.h>

void semel_status_init(semel_status *status)
{
    status->code = SEMEL_OK;
    status->reason = SEMEL_REASON_NONE;
    status->outcome = SEMEL_OUTCOME_NOT_EXECUTED;
    status->rule = SEMEL_RULE_NONE;
    status->attempts = 0;
    status->replays = 0;
    status->hedges = 0;
    status->trail_count = 0;
    status->trail_omitted = 0;
    status->elapsed_us = 0;
    status->method = NULL;
    status->error = NULL;
    status->message[0] = '\0';
}

const char *semel_code_name(enum semel_code code)
{
    switch (code) {
#define CODE_NAME(name, value)                                                                                 \
    case SEMEL_##name: return #name;
        SEMEL_CODES(CODE_NAME)
#undef CODE_NAME
    case SEMEL_PENDING: return "PENDING";
    case SEMEL_REFUSED: return "REFUSED";
    }
    return "?";
}

static const struct {
    const char *name;
    const char *text;
    const char *advice;
} reasons[SEMEL_REASON_COUNT] = {
#define REASON_ROW(name, what, advice) {#name, what, advice},
    SEMEL_REASONS(REASON_ROW)
#undef REASON_ROW
};

const char *semel_reason_name(enum semel_reason reason)
{
    return (unsigned)reason < SEMEL_REASON_COUNT ? reasons[reason].name : "?";
}

const char *semel_reason_text(enum semel_reason reason)
{
    return (unsigned)reason < SEMEL_REASON_COUNT ? reasons[reason].text : "?";
}

const char *semel_reason_advice(enum semel_reason reason)
{
    return (unsigned)reason < SEMEL_REASON_COUNT ? reasons[reason].advice : "";
}

const char *semel_outcome_name(enum semel_outcome outcome)
{
    static const char *const names[] = {"UNKNOWN", "NOT_EXECUTED", "EXECUTED"};
    return (unsigned)outcome < sizeof names / sizeof *names ? names[outcome] : "?";
}

const char *semel_progress_name(enum semel_progress progress)
{
    static const char *const names[] = {"QUEUED", "PARTLY_WRITTEN", "WRITTEN"};
    return (unsigned)progress < sizeof names / sizeof *names ? names[progress] : "?";
}

const char *semel_rule_name(enum semel_rule rule)
{
    static const char *const names[SEMEL_RULE_COUNT] = {"-",  "R1", "R2", "R3", "R4",  "R5",
                                                        "R6", "R7", "R8", "R9", "R10", "R11"};
    return (unsigned)rule < SEMEL_RULE_COUNT ? names[rule] : "?";
}
