/* semel explain: puts a failure to the retry rule, as a client would, and tells what comes of it and why.
 * Must not know: the rules themselves.
 * Reads best next: core/retry.h, situation.h. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tools/arguments.h"
#include "tools/effective.h"
#include "tools/grid.h"
#include "tools/situation.h"

static const char *outcome_words(enum semel_outcome outcome)
{
    return outcome == SEMEL_OUTCOME_EXECUTED       ? "it ran"
           : outcome == SEMEL_OUTCOME_NOT_EXECUTED ? "it did not run"
                                                   : "it may have run";
}

/* "100 ms", or the bounds between which chance picks. */
static void write_wait(const struct situation *situation, const struct retry_decision *decision, char *text,
                       size_t size)
{
    uint32_t least, most;
    if (situation_by_chance(situation, &least, &most))
        snprintf(text, size, "%" PRIu32 " to %" PRIu32 " ms (by chance)", least, most);
    else
        snprintf(text, size, "%" PRIu32 " ms", decision->wait_ms);
}

static void print_decision(const char *label, const struct situation *situation,
                           const struct retry_decision *decision)
{
    char wait[64];
    write_wait(situation, decision, wait, sizeof wait);
    printf("%-10s ", label);
    switch (decision->action) {
    case RETRY_HOLD: printf("hold: reconnect after %s and ask the server\n", wait); break;
    case RETRY_AGAIN: printf("retry: send it again after %s\n", wait); break;
    case RETRY_REPLAY: puts("replay: send it again at once, under the same sequence number"); break;
    case RETRY_RIDE: puts("keep waiting: this was no attempt of its own"); break;
    default:
        printf("%s: %s, outcome %s (%s)\n", retry_action_name(decision->action),
               semel_code_name(decision->code), semel_outcome_name(decision->outcome),
               outcome_words(decision->outcome));
    }
}

/* The lines of the runtime's own explanation that name the rule and the advice, so that both say the same. */
static void print_rule(const struct situation *situation, const struct retry_decision *decision)
{
    static char text[8192];
    semel_status status;
    bool told = false;
    situation_status(situation, decision, &status);
    semel_status_explain(&status, text, sizeof text);
    char *rest = text;
    for (char *line; (line = strsep(&rest, "\n"));) {
        bool rule = strncmp(line, "  rule ", 7) == 0;
        if (rule || strncmp(line, "  advice ", 9) == 0)
            puts(line + 2);
        told = told || rule;
    }
    if (!told)
        printf("rule %-5s %s\n", semel_rule_name(decision->rule), semel_reason_text(decision->reason));
}

static void add_term(struct grid *grid, const struct effective_scope *scope, const char *label,
                     const char *state, enum properties_key key)
{
    struct effective effective;
    char setting[VALUE_TEXT_MAX + 64];
    effective_find(scope, key, &effective);
    snprintf(setting, sizeof setting, "%s = %s", keys_info(key)->name, effective.value);
    const char *const cells[] = {label, state, setting, effective.origin};
    grid_add(grid, cells);
}

static void add_attempts(struct grid *grid, const struct effective_scope *scope,
                         const struct situation *situation)
{
    const struct retry_policy *retry = &situation->policy.retry;
    bool backoff = retry->backoff.max_attempts > 0;
    uint32_t planned = backoff ? retry->backoff.max_attempts : retry->interval_count + 1;
    bool endless = retry->on_unavailable == SEMEL_ON_UNAVAILABLE_WAIT && planned > 1;
    char state[48];
    if (endless)
        snprintf(state, sizeof state, "%" PRIu32 ", no end of them", situation->input.failures);
    else
        snprintf(state, sizeof state, "%" PRIu32 " of %" PRIu32, situation->input.failures, planned);
    add_term(grid, scope, "attempts", state, effective_retries(scope));
    if (!backoff)
        return;
    add_term(grid, scope, "backoff", "", PROPERTIES_RETRY_INITIAL_BACKOFF);
    add_term(grid, scope, "", "", PROPERTIES_RETRY_BACKOFF_MULTIPLIER);
    add_term(grid, scope, "", "", PROPERTIES_RETRY_MAX_BACKOFF);
    add_term(grid, scope, "", "", PROPERTIES_RETRY_JITTER);
}

static void add_deadline(struct grid *grid, const struct effective_scope *scope,
                         const struct situation *situation)
{
    int64_t left_ms = situation->input.remaining_ms;
    char state[48];
    if (left_ms == RETRY_NO_DEADLINE)
        snprintf(state, sizeof state, "none");
    else if (left_ms > 0)
        snprintf(state, sizeof state, "%.1f s left", (double)left_ms / 1000.0);
    else
        snprintf(state, sizeof state, "passed");
    add_term(grid, scope, "deadline", state, PROPERTIES_DEADLINE);
    if (situation->policy.retry.max_elapsed_ms > 0) {
        snprintf(state, sizeof state, "%" PRId64 " ms so far", situation->input.elapsed_ms);
        add_term(grid, scope, "elapsed", state, PROPERTIES_RETRY_MAX_ELAPSED);
    }
}

static void print_terms(const struct effective_scope *scope, const struct situation *situation)
{
    struct grid grid;
    grid_init(&grid, 4);
    add_attempts(&grid, scope, situation);
    add_deadline(&grid, scope, situation);
    add_term(&grid, scope, "no server", "", PROPERTIES_ON_UNAVAILABLE);
    if (situation->input.failure == RETRY_ANSWERED && situation->input.idempotent)
        add_term(&grid, scope, "code", semel_code_name(situation->input.code), PROPERTIES_RETRYABLE_CODES);
    if (situation->input.failure == RETRY_ATTEMPT_TIMEOUT)
        add_term(&grid, scope, "timeout", "", PROPERTIES_ATTEMPT_TIMEOUT);
    grid_print(&grid);
}

/* A wait that chance makes long may end a call that a short one lets go on: then there are two answers. */
static void explain(const struct effective_scope *scope, const struct situation *situation)
{
    struct retry_decision longest = situation_decide(situation, true);
    struct retry_decision shortest = situation_decide(situation, false);
    situation_print(situation);
    print_decision("decision", situation, &shortest);
    print_rule(situation, shortest.action == longest.action ? &longest : &shortest);
    if (shortest.action != longest.action) {
        print_decision("or", situation, &longest);
        print_rule(situation, &longest);
    }
    print_terms(scope, situation);
}

enum tool_exit explain_command(int argc, char **argv)
{
    static const struct arguments_usage usage = {
        .head = "Usage: semel explain --method NAME --mode MODE --failure FAILURE [OPTION]...\n\nTells what "
                "becomes of a "
                "call after a failure: what is decided, by which rule, whether the operation\nmay have run, "
                "and which "
                "property, file and line had a say.  It asks the code that decides in a client.\n",
        .tail = "\nMODE      at-most-once, idempotent, no-side-effects\n"
                "PROGRESS  queued, partly, written\n"
                "FAILURE   connect-failed, connection-lost, refused, answered, begun, reply-gone, deadline, "
                "cancelled,\n"
                "          protocol, attempt-timeout, gave-up\n"
                "VERDICT   none, resumed, new, other-domain\n\n"
                "Try: semel explain --method demo.Bank.Deposit --mode at-most-once --failure connection-lost\n",
        .options = situation_options,
        .option_count = SITUATION_OPTION_COUNT,
        .takes_properties = true};
    struct arguments arguments;
    struct situation situation;
    enum tool_exit exit_code;
    if (!arguments_read(&arguments, &usage, argc, argv, &exit_code))
        return exit_code;
    exit_code = TOOL_USAGE;
    if (situation_read(&situation, &arguments)) {
        const struct effective_scope scope = {arguments.properties, arguments.values[SITUATION_CHANNEL],
                                              &situation.method};
        explain(&scope, &situation);
        situation_fini(&situation);
        exit_code = TOOL_GOOD;
    }
    arguments_fini(&arguments);
    return exit_code;
}
