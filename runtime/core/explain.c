/* Tells a tired operator what happened to a call, attempt by attempt, and which rule decided.
 *
 * Reads best next: semel/status.h. */
#include "core/explain.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Text that may be longer than its room: counts what did not fit, as snprintf does. */
struct text {
    char *at;
    size_t room;
    size_t length;
};

static void add(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(struct text *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    size_t used = text->length < text->room ? text->length : text->room;
    int length = vsnprintf(used < text->room ? text->at + used : NULL, text->room - used, format, arguments);
    va_end(arguments);
    if (length > 0)
        text->length += (size_t)length;
}

static const char *outcome_words(enum semel_outcome outcome)
{
    switch (outcome) {
    case SEMEL_OUTCOME_EXECUTED: return "it ran";
    case SEMEL_OUTCOME_NOT_EXECUTED: return "it did not run";
    default: return "it may have run";
    }
}

/* What the rule looks at, in words; the reason of the status adds what is special to this call. */
static const char *rule_words(enum semel_rule rule)
{
    static const char *const words[SEMEL_RULE_COUNT] = {
        [SEMEL_RULE_NONE] = "nothing had to be decided",
        [SEMEL_RULE_R1] = "never fully written",
        [SEMEL_RULE_R2] = "refused before the handler ran",
        [SEMEL_RULE_R3] = "fully written, session resumed in the same domain",
        [SEMEL_RULE_R4] = "fully written",
        [SEMEL_RULE_R5] = "fully written, no verdict on the session yet",
        [SEMEL_RULE_R6] = "found begun and not finished after a crash",
        [SEMEL_RULE_R7] = "it ran, the reply is no longer kept",
        [SEMEL_RULE_R8] = "answered",
        [SEMEL_RULE_R9] = "the caller's time or patience ended",
        [SEMEL_RULE_R10] = "it can never succeed as it is",
        [SEMEL_RULE_R11] = "the retry policy ends here",
    };
    return rule < SEMEL_RULE_COUNT ? words[rule] : "?";
}

static double ms(int64_t us)
{
    return (double)us / 1000.0;
}

/* Where an attempt was, and how far its bytes got. */
static void add_place(struct text *text, const struct semel_attempt *attempt)
{
    add(text, "%s", attempt->endpoint[0] != '\0' ? attempt->endpoint : "-");
    if (attempt->connection != 0)
        add(text, " conn %llu", (unsigned long long)attempt->connection);
    switch (attempt->progress) {
    case SEMEL_PROGRESS_QUEUED: add(text, "  not written"); break;
    case SEMEL_PROGRESS_PARTLY_WRITTEN:
        add(text, "  partly written, %llu/%llu bytes", (unsigned long long)attempt->bytes_written,
            (unsigned long long)attempt->bytes_total);
        break;
    default:
        add(text, "  written %llu/%llu bytes at +%.1f ms", (unsigned long long)attempt->bytes_written,
            (unsigned long long)attempt->bytes_total, ms(attempt->sent_us));
    }
}

static void add_failure(struct text *text, const struct semel_attempt *attempt)
{
    const char *what = semel_reason_text(attempt->failure);
    if (attempt->lost)
        add(text, "connection lost at +%.1f ms (%s", ms(attempt->failed_us), what);
    else if (attempt->connection == 0)
        add(text, "no connection by +%.1f ms (%s", ms(attempt->failed_us), what);
    else
        add(text, "ended at +%.1f ms (%s", ms(attempt->failed_us), what);
    if (attempt->os_error != 0)
        add(text, ": %s", strerror(attempt->os_error));
    add(text, ")");
}

static void add_verdict(struct text *text, const struct semel_attempt *attempt)
{
    if (attempt->resumed)
        add(text, "  verdict    session resumed: the server remembers what it ran\n");
    else if (attempt->verdict != SEMEL_REASON_NONE)
        add(text, "  verdict    %s (%s)\n", semel_reason_text(attempt->verdict),
            semel_reason_advice(attempt->verdict));
}

/* What an attempt was followed by. */
static void add_retry(struct text *text, const struct semel_attempt *attempt)
{
    bool held = attempt->rule == SEMEL_RULE_R5 && attempt->failure != SEMEL_REASON_ATTEMPT_TIMEOUT;
    add(text, "rule %-5s %s -> ", semel_rule_name(attempt->rule), rule_words(attempt->rule));
    if (attempt->rule == SEMEL_RULE_R3)
        add(text, "replayed under the same sequence number");
    else if (held)
        add(text, "held, reconnecting after %.0f ms", ms(attempt->wait_us));
    else
        add(text, "retried after %.0f ms", ms(attempt->wait_us));
}

static void add_attempt(struct text *text, const struct semel_attempt *attempt)
{
    add(text, "  attempt %-2u ", attempt->number);
    add_place(text, attempt);
    add(text, "\n             ");
    add_failure(text, attempt);
    add(text, "\n");
    add_verdict(text, attempt);
    if (attempt->retried) {
        add(text, "  ");
        add_retry(text, attempt);
        add(text, "\n");
    }
}

static void add_trail(struct text *text, const semel_status *status)
{
    uint32_t count = status->trail_count < SEMEL_TRAIL_MAX ? status->trail_count : SEMEL_TRAIL_MAX;
    for (uint32_t i = 0; i < count; i++) {
        if (i == count / 2 && status->trail_omitted > 0)
            add(text, "  ...        %u more attempts like these\n", status->trail_omitted);
        add_attempt(text, &status->trail[i]);
    }
}

/* Whether R11 names the denial itself; otherwise the attempts are used up, and the reason is what went wrong. */
static bool is_denial(enum semel_reason reason)
{
    switch (reason) {
    case SEMEL_REASON_LOST:
    case SEMEL_REASON_PUSHBACK_NEVER:
    case SEMEL_REASON_BUDGET_EMPTY:
    case SEMEL_REASON_BREAKER_OPEN:
    case SEMEL_REASON_MAX_ELAPSED:
    case SEMEL_REASON_WAIT_PAST_DEADLINE: return true;
    default: return false;
    }
}

static bool is_judged(const semel_status *status)
{
    return status->rule == SEMEL_RULE_R4;
}

/* The rule that ended a call, and what stopped the call beyond it. */
static void add_end(struct text *text, const semel_status *status)
{
    add(text, "rule %-5s %s, ", semel_rule_name(status->rule), rule_words(status->rule));
    if (is_judged(status))
        add(text, "not idempotent, %s",
            status->reason == SEMEL_REASON_SESSION_NEW ? "session forgotten" : "domain changed");
    else if (status->denied == SEMEL_REASON_RECOVERY_GAVE_UP)
        add(text, "%s", semel_reason_text(status->denied));
    else if (status->rule == SEMEL_RULE_R11 && !is_denial(status->reason))
        add(text, "all %u attempts are used (see RetryIntervals and RetryMaxAttempts)", status->attempts);
    else
        add(text, "%s", semel_reason_text(status->reason));
    add(text, " -> not retried");
}

static void add_advice(struct text *text, const semel_status *status)
{
    const char *advice = semel_reason_advice(status->reason);
    if (!is_judged(status) && advice[0] != '\0') /* a verdict has told it already */
        add(text, "  advice     %s\n", advice);
}

size_t explain_step(const struct semel_attempt *attempt, const semel_status *end, char *text_out, size_t size)
{
    struct text text = {text_out, size, 0};
    if (size > 0)
        text_out[0] = '\0';
    if (attempt != NULL) {
        add_place(&text, attempt);
        add(&text, ", ");
        add_failure(&text, attempt);
        add(&text, "; ");
    }
    if (end != NULL)
        add_end(&text, end);
    else if (attempt != NULL)
        add_retry(&text, attempt);
    return text.length;
}

size_t semel_status_explain(const semel_status *status, char *text_out, size_t size)
{
    struct text text = {text_out, size, 0};
    const char *method = status->method != NULL ? status->method : "the operation";
    if (size > 0)
        text_out[0] = '\0';
    if (status->code == SEMEL_OK) {
        add(&text, "%s succeeded after %.1f ms, %u attempt%s, %u replayed\n", method, ms(status->elapsed_us),
            status->attempts, status->attempts == 1 ? "" : "s", status->replays);
        add_trail(&text, status);
        return text.length;
    }
    if (status->reason == SEMEL_REASON_DATAGRAM_SENT && status->rule == SEMEL_RULE_NONE) {
        add(&text,
            "%s was sent as a datagram, outcome UNKNOWN (it may have run) after %.1f ms -> never retried\n",
            method, ms(status->elapsed_us));
        return text.length;
    }
    add(&text, "%s failed: %s, outcome %s (%s) after %.1f ms\n", method, semel_code_name(status->code),
        semel_outcome_name(status->outcome), outcome_words(status->outcome), ms(status->elapsed_us));
    if (status->error != NULL)
        add(&text, "  error      %s\n", status->error);
    if (status->hedges > 0)
        add(&text, "  hedged     %u of %u attempts ran beside another\n", status->hedges, status->attempts);
    if (status->message[0] != '\0')
        add(&text, "  message    %s\n", status->message);
    add_trail(&text, status);
    add(&text, "  ");
    add_end(&text, status);
    add(&text, "\n");
    add_advice(&text, status);
    return text.length;
}
