/* Words to enums, and what can not be together.  What is left out is what is likeliest.
 * Must not know: what the rule makes of it.
 * Reads best next: explain.c. */
#include "tools/situation.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/units.h"
#include "tools/effective.h"

const struct arguments_option situation_options[SITUATION_OPTION_COUNT] = {
    [SITUATION_METHOD] = {"method", "NAME", "the method: demo.Bank.Deposit"},
    [SITUATION_IDL] = {"idl", "FILE.json",
                       "what the IDL says of it, by semelc --describe=json; then no --mode"},
    [SITUATION_CHANNEL] = {"channel", "NAME", "the channel, as the program names it"},
    [SITUATION_MODE] = {"mode", "MODE", "what the IDL marks it as"},
    [SITUATION_FAILURE] = {"failure", "FAILURE", "what happened"},
    [SITUATION_PROGRESS] = {"progress", "PROGRESS", "how far its bytes got; written, unless connecting failed"},
    [SITUATION_VERDICT] = {"verdict", "VERDICT", "what the next server said of the session; none"},
    [SITUATION_CODE] = {"code", "CODE", "the code of the answer or refusal"},
    [SITUATION_REASON] = {"reason", "REASON", "why in detail, of: semel reasons"},
    [SITUATION_ATTEMPT] = {"attempt", "N", "which attempt failed; 1"},
    [SITUATION_ELAPSED] = {"elapsed", "MS", "how long ago the call began; 0"},
    [SITUATION_PUSHBACK] = {"pushback", "MS", "the wait the server asked for, or never"},
    [SITUATION_BUDGET_EMPTY] = {"budget-empty", NULL, "the retry budget of the channel is used up"},
    [SITUATION_BREAKER_OPEN] = {"breaker-open", NULL, "the circuit breaker of every endpoint is open"},
};

/* What is known of a failure by its name. */
static const struct {
    const char *name;
    enum semel_reason reason;
    enum semel_code code;
    bool by_server; /* it answered: then the request was written */
} failures[RETRY_FAILURE_COUNT] = {
    [RETRY_CONNECT_FAILED] = {"connect-failed", SEMEL_REASON_CONNECT_FAILED, SEMEL_OK, false},
    [RETRY_CONNECTION_LOST] = {"connection-lost", SEMEL_REASON_CONNECTION_LOST, SEMEL_OK, false},
    [RETRY_REFUSED] = {"refused", SEMEL_REASON_OVERLOADED, SEMEL_UNAVAILABLE, true},
    [RETRY_ANSWERED] = {"answered", SEMEL_REASON_HANDLER, SEMEL_OK, true},
    [RETRY_BEGUN] = {"begun", SEMEL_REASON_BEGUN, SEMEL_UNAVAILABLE, true},
    [RETRY_REPLY_GONE] = {"reply-gone", SEMEL_REASON_REPLY_GONE, SEMEL_DATA_LOSS, true},
    [RETRY_DEADLINE] = {"deadline", SEMEL_REASON_DEADLINE, SEMEL_OK, false},
    [RETRY_CANCELLED] = {"cancelled", SEMEL_REASON_CANCELLED, SEMEL_OK, false},
    [RETRY_PROTOCOL] = {"protocol", SEMEL_REASON_FALSE_RETRY, SEMEL_INTERNAL, true},
    [RETRY_ATTEMPT_TIMEOUT] = {"attempt-timeout", SEMEL_REASON_ATTEMPT_TIMEOUT, SEMEL_OK, false},
    [RETRY_GAVE_UP] = {"gave-up", SEMEL_REASON_CONNECTION_LOST, SEMEL_OK, false},
};

static const char *failure_name(size_t place)
{
    return failures[place].name;
}

static const char *progress_name(size_t place)
{
    static const char *const names[] = {"queued", "partly", "written"};
    return names[place];
}

static const char *verdict_name(size_t place)
{
    static const char *const names[RETRY_VERDICT_COUNT] = {"none", "resumed", "new", "other-domain"};
    return names[place];
}

static const char *code_name(size_t place)
{
    return semel_code_name((enum semel_code)place);
}

static const char *reason_name(size_t place)
{
    return semel_reason_name((enum semel_reason)place);
}

/* One word of several, fallback if it is not given.  Returns false after a complaint. */
static bool read_word(const struct arguments *arguments, int option, const char *(*name_at)(size_t place),
                      size_t count, size_t fallback, size_t *ret)
{
    const char *word = arguments->values[option];
    char what[32];
    *ret = fallback;
    if (!word)
        return true;
    snprintf(what, sizeof what, "--%s", situation_options[option].name);
    return arguments_pick(what, word, name_at, count, ret);
}

static bool read_number(const struct arguments *arguments, int option, long long max, long long fallback,
                        long long *ret)
{
    char what[32];
    *ret = fallback;
    snprintf(what, sizeof what, "--%s", situation_options[option].name);
    return !arguments->values[option] || arguments_number(what, arguments->values[option], max, ret);
}

static bool needs(const struct arguments *arguments, int option)
{
    if (arguments->values[option])
        return true;
    arguments_complain("explain needs --%s %s; try semel explain --help", situation_options[option].name,
                       situation_options[option].value);
    return false;
}

static bool refuse(const char *text)
{
    arguments_complain("%s", text);
    return false;
}

static bool read_mode(struct situation *situation, const struct arguments *arguments)
{
    size_t mode;
    if (situation->method.is_described && arguments->values[SITUATION_MODE])
        return refuse("the IDL says which mode the method has: leave --mode out");
    if (!situation->method.is_described) {
        if (!needs(arguments, SITUATION_MODE) ||
            !read_word(arguments, SITUATION_MODE, method_mode_name, METHOD_MODES, 0, &mode))
            return false;
        situation->method.table.mode = (enum semel_mode)mode;
    }
    situation->input.idempotent = situation->method.table.mode != SEMEL_AT_MOST_ONCE;
    return true;
}

static bool read_failure(struct retry_input *input, const struct arguments *arguments)
{
    size_t failure, progress, verdict, code, reason;
    if (!needs(arguments, SITUATION_FAILURE) ||
        !read_word(arguments, SITUATION_FAILURE, failure_name, RETRY_FAILURE_COUNT, 0, &failure))
        return false;
    size_t likely = failure == RETRY_CONNECT_FAILED ? SEMEL_PROGRESS_QUEUED : SEMEL_PROGRESS_WRITTEN;
    if (!read_word(arguments, SITUATION_PROGRESS, progress_name, 3, likely, &progress) ||
        !read_word(arguments, SITUATION_VERDICT, verdict_name, RETRY_VERDICT_COUNT, RETRY_NO_VERDICT,
                   &verdict) ||
        !read_word(arguments, SITUATION_CODE, code_name, SEMEL_UNAUTHENTICATED + 1, failures[failure].code,
                   &code) ||
        !read_word(arguments, SITUATION_REASON, reason_name, SEMEL_REASON_COUNT, failures[failure].reason,
                   &reason))
        return false;
    input->failure = (enum retry_failure)failure;
    input->progress = (enum semel_progress)progress;
    input->verdict = (enum retry_verdict)verdict;
    input->code = (enum semel_code)code;
    input->reason = (enum semel_reason)reason;
    input->answered = failures[failure].by_server;
    input->outcome = failure == RETRY_ANSWERED || failure == RETRY_REPLY_GONE ? SEMEL_OUTCOME_EXECUTED
                     : failure == RETRY_BEGUN                                 ? SEMEL_OUTCOME_UNKNOWN
                                                                              : SEMEL_OUTCOME_NOT_EXECUTED;
    return true;
}

/* A situation that can not be would get an answer that means nothing. */
static bool check(const struct retry_input *input, const struct arguments *arguments)
{
    bool by_server = failures[input->failure].by_server;
    bool judged = input->failure == RETRY_CONNECTION_LOST && input->progress == SEMEL_PROGRESS_WRITTEN;
    if (by_server && input->progress != SEMEL_PROGRESS_WRITTEN)
        return refuse("--progress: a server that spoke of the call had all of it: written");
    if (input->failure == RETRY_ATTEMPT_TIMEOUT && input->progress == SEMEL_PROGRESS_QUEUED)
        return refuse("--progress: AttemptTimeout counts from the first byte: partly or written");
    if (input->verdict != RETRY_NO_VERDICT && !judged)
        return refuse("--verdict goes with --failure connection-lost and --progress written");
    if (arguments->values[SITUATION_CODE] && !by_server)
        return refuse("--code goes with what a server says: refused, answered, begun, reply-gone, protocol");
    if (arguments->values[SITUATION_PUSHBACK] && !by_server)
        return refuse(
            "--pushback goes with what a server says: refused, answered, begun, reply-gone, protocol");
    return true;
}

static long long attempts_possible(const struct retry_policy *policy)
{
    long long planned = policy->backoff.max_attempts > 0 ? (long long)policy->backoff.max_attempts
                                                         : (long long)policy->interval_count + 1;
    return policy->on_unavailable == SEMEL_ON_UNAVAILABLE_WAIT && planned > 1 ? UINT32_MAX : planned;
}

static bool read_state(struct situation *situation, const struct arguments *arguments)
{
    struct retry_input *input = &situation->input;
    const char *pushback = arguments->values[SITUATION_PUSHBACK];
    long long attempt, elapsed_ms, pushback_ms = 0;
    input->never = pushback && strcmp(pushback, "never") == 0;
    if (!read_number(arguments, SITUATION_ATTEMPT, UINT32_MAX, 1, &attempt) ||
        !read_number(arguments, SITUATION_ELAPSED, INT64_MAX / MS_IN_NS, 0, &elapsed_ms) ||
        (!input->never && !read_number(arguments, SITUATION_PUSHBACK, UINT32_MAX, 0, &pushback_ms)))
        return false;
    if (attempt < 1 || attempt > attempts_possible(&situation->policy.retry))
        return refuse("--attempt: the policy makes no such attempt");
    input->failures = (uint32_t)attempt;
    input->elapsed_ms = elapsed_ms;
    input->pushback_ms = (uint32_t)pushback_ms;
    input->budget_empty = arguments->values[SITUATION_BUDGET_EMPTY] != NULL;
    input->breaker_open = arguments->values[SITUATION_BREAKER_OPEN] != NULL;
    input->remaining_ms = situation->policy.deadline_ns == 0
                              ? RETRY_NO_DEADLINE
                              : situation->policy.deadline_ns / MS_IN_NS - elapsed_ms;
    return true;
}

bool situation_read(struct situation *situation, const struct arguments *arguments)
{
    *situation = (struct situation){0};
    if (!needs(arguments, SITUATION_METHOD) ||
        !method_read(&situation->method, arguments->values[SITUATION_METHOD], arguments->values[SITUATION_IDL]))
        return false;
    const struct effective_scope scope = {arguments->properties, arguments->values[SITUATION_CHANNEL],
                                          &situation->method};
    effective_policy(&scope, &situation->policy);
    situation->input.policy = &situation->policy.retry;
    if (read_mode(situation, arguments) && read_failure(&situation->input, arguments) &&
        check(&situation->input, arguments) && read_state(situation, arguments))
        return true;
    situation_fini(situation);
    return false;
}

void situation_fini(struct situation *situation)
{
    method_fini(&situation->method);
}

void situation_print(const struct situation *situation)
{
    const struct retry_input *input = &situation->input;
    static const char *const verdicts[RETRY_VERDICT_COUNT] = {"no verdict yet", "session resumed",
                                                              "session forgotten", "another domain"};
    printf("%s, %s, %s, %s", situation->method.name, method_mode_name(situation->method.table.mode),
           semel_progress_name(input->progress), semel_reason_text(input->reason));
    if (failures[input->failure].by_server && input->code != SEMEL_OK)
        printf(" (%s)", semel_code_name(input->code));
    if (input->failure == RETRY_CONNECTION_LOST && input->progress == SEMEL_PROGRESS_WRITTEN)
        printf(", %s", verdicts[input->verdict]);
    putchar('\n');
}

void situation_status(const struct situation *situation, const struct retry_decision *decision,
                      semel_status *status)
{
    const struct retry_input *input = &situation->input;
    bool ends = decision->action == RETRY_FAIL || decision->action == RETRY_FINISH;
    semel_status_init(status);
    status->method = situation->method.name;
    status->error = NULL;
    status->code = ends ? decision->code : SEMEL_OK;
    status->reason = decision->reason;
    status->outcome = decision->outcome;
    status->rule = decision->rule;
    status->denied = decision->rule == SEMEL_RULE_R11 ? decision->denied : SEMEL_REASON_NONE;
    status->attempts = input->failures;
    status->elapsed_us = input->elapsed_ms * 1000;
    status->trail_count = 1;
    status->trail[0] = (struct semel_attempt){.number = input->failures,
                                              .progress = input->progress,
                                              .failure = input->reason,
                                              .lost = input->failure == RETRY_CONNECTION_LOST,
                                              .rule = decision->rule,
                                              .retried = !ends,
                                              .wait_us = (int64_t)decision->wait_ms * 1000};
}

static void find_bounds(const struct situation *situation, uint32_t *ret_least_ms, uint32_t *ret_most_ms)
{
    struct backoff backoff = situation->policy.retry.backoff;
    const enum semel_jitter jitter = backoff.jitter;
    backoff.jitter = SEMEL_JITTER_NONE;
    uint32_t grown_ms = backoff_wait_ms(&backoff, situation->input.failures, 0, 0);
    *ret_least_ms = jitter == SEMEL_JITTER_EQUAL ? grown_ms - grown_ms / 2 : 0;
    *ret_most_ms = grown_ms;
    if (jitter == SEMEL_JITTER_DECORRELATED) {
        /* The last wait is not known: it was at most its own cap. */
        uint64_t tripled_ms = (uint64_t)backoff.initial_ms * 3;
        for (uint32_t i = 1; i < situation->input.failures && tripled_ms < backoff.max_ms; i++)
            tripled_ms *= 3;
        *ret_most_ms = tripled_ms < backoff.max_ms ? (uint32_t)tripled_ms : backoff.max_ms;
        *ret_least_ms = backoff.initial_ms < *ret_most_ms ? backoff.initial_ms : *ret_most_ms;
    }
}

bool situation_by_chance(const struct situation *situation, uint32_t *ret_least_ms, uint32_t *ret_most_ms)
{
    const struct backoff *backoff = &situation->policy.retry.backoff;
    if (backoff->max_attempts == 0 || backoff->jitter == SEMEL_JITTER_NONE || situation->input.pushback_ms > 0)
        return false;
    find_bounds(situation, ret_least_ms, ret_most_ms);
    return *ret_least_ms < *ret_most_ms;
}

struct retry_decision situation_decide(const struct situation *situation, bool longest)
{
    struct retry_input input = situation->input;
    struct retry_policy policy = *input.policy;
    uint32_t least_ms, most_ms;
    if (situation_by_chance(situation, &least_ms, &most_ms)) {
        /* A backoff that gives this wait and no other. */
        policy.backoff.initial_ms = policy.backoff.max_ms = longest ? most_ms : least_ms;
        policy.backoff.multiplier = 1;
        policy.backoff.jitter = SEMEL_JITTER_NONE;
        input.policy = &policy;
    }
    return retry_decide(&input);
}
