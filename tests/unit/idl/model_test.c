/* The model: options and their merging, ids, and what requests that protoc never writes are told.
 * Must not know: emitted text (tests/golden).
 * Reads best next: idl/model.c. */
#include "idl/model.h"

#include "wire.h"

#include <criterion/criterion.h>
#include <string.h>

static struct wire wire;
static struct request request;
static struct model model;
static struct diagnostics list;

static void start(void)
{
    model_init(&model);
    diagnostics_init(&list, &model.arena);
    wire_string(&wire, REQUEST_GENERATE, "a.proto");
    wire_begin(&wire, REQUEST_FILE);
    wire_string(&wire, FILE_NAME, "a.proto");
    wire_string(&wire, FILE_PACKAGE, "demo");
    wire_message(&wire, "In", 1);
    wire_message(&wire, "Out", 2);
    wire_message(&wire, "Nothing", 0);
}

static void stop(void)
{
    diagnostics_fini(&list);
    model_fini(&model);
    request_fini(&request);
}

TestSuite(model, .init = start, .fini = stop);

/* Ends what start began, and builds. */
static void build(void)
{
    wire_end(&wire);
    const char *problem;
    cr_assert(request_parse(wire.bytes, wire.size, &request, &problem), "%s", problem);
    model_build(&model, &request, &list);
}

static void begin_service(const char *name)
{
    wire_begin(&wire, FILE_SERVICE);
    wire_string(&wire, SERVICE_NAME, name);
}

static void begin_options(uint32_t level)
{
    wire_begin(&wire, level);
    wire_begin(&wire, OPTIONS_SEMEL);
}

static void end_options(void)
{
    wire_end(&wire);
    wire_end(&wire);
}

static void method(const char *name)
{
    wire_begin_method(&wire, name, ".demo.In", ".demo.Out");
    wire_end(&wire);
}

static bool told(const char *text)
{
    return strstr(diagnostics_text(&list, SEVERITY_ERROR), text) != NULL;
}

Test(model, unset_options_stay_unset)
{
    begin_service("Bank");
    method("Get");
    wire_end(&wire);
    build();
    cr_assert_eq(list.count, 0);
    const struct model_method *get = &model.files[0].services[0].methods[0];
    cr_assert_str_eq(get->full_name, "demo.Bank.Get");
    cr_assert_str_eq(get->c_name, "demo_Bank_Get");
    cr_assert_str_eq(get->request->c_name, "demo_In");
    cr_assert_eq(get->mode, MODE_AT_MOST_ONCE);
    cr_assert_not(get->oneway);
    cr_assert_eq(get->options.deadline_ms, MODEL_UNSET);
    cr_assert_eq(get->options.retry_interval_count, MODEL_UNSET);
    cr_assert_eq(get->options.on_unavailable, ON_UNAVAILABLE_UNSET);
    cr_assert_eq(get->options.error_count, 0);
}

Test(model, method_options_win_over_service_options)
{
    begin_service("Bank");
    begin_options(SERVICE_OPTIONS);
    wire_string(&wire, SEMEL_DEADLINE, "2s");
    wire_int(&wire, SEMEL_RETRY, 0);
    wire_int(&wire, SEMEL_RETRY, 100);
    wire_int(&wire, SEMEL_ON_UNAVAILABLE, ON_UNAVAILABLE_WAIT);
    wire_string(&wire, SEMEL_ERRORS, "demo.Nothing");
    end_options();
    method("Inherit");
    wire_begin_method(&wire, "Own", ".demo.In", ".demo.Out");
    begin_options(METHOD_OPTIONS);
    wire_string(&wire, SEMEL_DEADLINE, "0");
    wire_int(&wire, SEMEL_RETRY, -1);
    wire_string(&wire, SEMEL_ERRORS, ".demo.Out");
    wire_string(&wire, SEMEL_ERRORS, "demo.Nothing");
    end_options();
    wire_end(&wire);
    wire_end(&wire);
    build();
    cr_assert_eq(list.count, 0, "%s", diagnostics_text(&list, SEVERITY_ERROR));

    const struct model_options *inherited = &model.files[0].services[0].methods[0].options;
    cr_assert_eq(inherited->deadline_ms, 2000);
    cr_assert_eq(inherited->retry_interval_count, 2);
    cr_assert_eq(inherited->retry_intervals_ms[1], 100);
    cr_assert_eq(inherited->on_unavailable, ON_UNAVAILABLE_WAIT);

    const struct model_options *own = &model.files[0].services[0].methods[1].options;
    cr_assert_eq(own->deadline_ms, 0, "no deadline was asked for");
    cr_assert_eq(own->retry_interval_count, 0, "-1 means no retry");
    cr_assert_eq(own->on_unavailable, ON_UNAVAILABLE_WAIT, "unset in the method, so the service's");
    cr_assert_eq(own->error_count, 2, "errors are joined, each once");
    cr_assert_str_eq(own->errors[0].message->full_name, "demo.Out");
}

Test(model, service_retries_reach_oneway_methods_and_errors_do_not)
{
    begin_service("Bank");
    begin_options(SERVICE_OPTIONS);
    wire_int(&wire, SEMEL_RETRY, 100);
    wire_string(&wire, SEMEL_ERRORS, "demo.Out");
    end_options();
    wire_begin_method(&wire, "Note", ".demo.In", ".demo.Nothing");
    begin_options(METHOD_OPTIONS);
    wire_int(&wire, SEMEL_ONEWAY, 1);
    end_options();
    wire_end(&wire);
    wire_end(&wire);
    build();
    cr_assert_eq(list.count, 0, "%s", diagnostics_text(&list, SEVERITY_ERROR));
    const struct model_method *note = &model.files[0].services[0].methods[0];
    cr_assert(note->oneway);
    cr_assert_eq(note->options.retry_interval_count, 1);
    cr_assert_eq(note->options.retry_intervals_ms[0], 100);
    cr_assert_eq(note->options.error_count, 0);
}

Test(model, idempotency_levels)
{
    static const enum model_mode modes[] = {MODE_AT_MOST_ONCE, MODE_NO_SIDE_EFFECTS, MODE_IDEMPOTENT,
                                            MODE_AT_MOST_ONCE};
    static const char *const names[] = {"A", "B", "C", "D"};
    begin_service("Bank");
    for (int level = 0; level < 4; level++) {
        wire_begin_method(&wire, names[level], ".demo.In", ".demo.Out");
        wire_begin(&wire, METHOD_OPTIONS);
        wire_int(&wire, OPTIONS_IDEMPOTENCY, level);
        wire_end(&wire);
        wire_end(&wire);
    }
    wire_end(&wire);
    build();
    for (size_t i = 0; i < 4; i++)
        cr_assert_eq(model.files[0].services[0].methods[i].mode, modes[i], "a level not known is at-most-once");
}

Test(model, ids_are_xxh3_of_the_full_name)
{
    cr_assert_eq(model_method_id("demo.Bank.Deposit"), UINT64_C(0x0a89e8769eeabc73));
}

static uint64_t same_for_all(const char *full_name)
{
    (void)full_name;
    return 42;
}

Test(model, two_methods_with_one_id_are_an_error)
{
    model.method_id = same_for_all;
    begin_service("Bank");
    method("Get");
    method("Put");
    wire_end(&wire);
    build();
    cr_assert_eq(list.errors, 1);
    cr_assert(told("method demo.Bank.Put has the same id on the wire as demo.Bank.Get"));
}

Test(model, two_errors_with_one_id_are_an_error)
{
    model.method_id = same_for_all;
    begin_service("Bank");
    wire_begin_method(&wire, "Get", ".demo.In", ".demo.Out");
    begin_options(METHOD_OPTIONS);
    wire_string(&wire, SEMEL_ERRORS, "demo.In");
    wire_string(&wire, SEMEL_ERRORS, "demo.Nothing");
    end_options();
    wire_end(&wire);
    wire_end(&wire);
    build();
    cr_assert_eq(list.errors, 1);
    cr_assert(told("\"demo.Nothing\" has the same id on the wire as \"demo.In\" in method demo.Bank.Get"));
}

/* The least bound and the largest of each number. */
Test(model, options_at_their_bounds)
{
    begin_service("Bank");
    begin_options(SERVICE_OPTIONS);
    wire_string(&wire, SEMEL_ATTEMPT_TIMEOUT, "1440min");
    wire_int(&wire, SEMEL_MAX_ATTEMPTS, 65);
    wire_string(&wire, SEMEL_INITIAL_BACKOFF, "1");
    wire_string(&wire, SEMEL_MAX_BACKOFF, "60min");
    wire_int(&wire, SEMEL_JITTER, JITTER_DECORRELATED);
    wire_int(&wire, SEMEL_CODES, 1);
    wire_int(&wire, SEMEL_CODES, 16);
    end_options();
    wire_begin_method(&wire, "Get", ".demo.In", ".demo.Out");
    wire_begin(&wire, METHOD_OPTIONS);
    wire_int(&wire, OPTIONS_IDEMPOTENCY, 2);
    wire_end(&wire);
    wire_end(&wire);
    wire_end(&wire);
    build();
    cr_assert_eq(list.count, 0, "%s", diagnostics_text(&list, SEVERITY_ERROR));
    const struct model_options *get = &model.files[0].services[0].methods[0].options;
    cr_assert(get->said);
    cr_assert_eq(get->attempt_timeout_ms, 86400000);
    cr_assert_eq(get->retry_max_attempts, 65);
    cr_assert_eq(get->retry_initial_backoff_ms, 1);
    cr_assert_eq(get->retry_max_backoff_ms, 3600000);
    cr_assert_eq(get->retry_jitter, JITTER_DECORRELATED);
    cr_assert_eq(get->retryable_codes, UINT32_C(1) << 1 | UINT32_C(1) << 16);
    cr_assert_eq(get->hedge_max, MODEL_UNSET);
}

/* What protoc never lets through, since it knows the enumerations. */
Test(model, enumerators_that_do_not_exist)
{
    begin_service("Bank");
    begin_options(SERVICE_OPTIONS);
    wire_int(&wire, SEMEL_JITTER, 5);
    wire_int(&wire, SEMEL_CODES, 0);
    wire_int(&wire, SEMEL_CODES, 17);
    wire_int(&wire, SEMEL_CODES, -1);
    wire_int(&wire, SEMEL_CODES, 64);
    end_options();
    method("Get");
    wire_end(&wire);
    build();
    cr_assert_eq(list.errors, 5, "%s", diagnostics_text(&list, SEVERITY_ERROR));
    cr_assert(told("retry_jitter: 5 is none of NONE, FULL, EQUAL and DECORRELATED"));
    cr_assert(told("retryable_codes: 17 is not a code a call can fail with"));
}

/* Only errors were said: there is nothing for a table of options. */
Test(model, errors_alone_say_nothing_about_calls)
{
    begin_service("Bank");
    wire_begin_method(&wire, "Get", ".demo.In", ".demo.Out");
    begin_options(METHOD_OPTIONS);
    wire_string(&wire, SEMEL_ERRORS, "demo.In");
    end_options();
    wire_end(&wire);
    wire_end(&wire);
    build();
    cr_assert_not(model.files[0].services[0].methods[0].options.said);
    cr_assert_str_eq(model.files[0].services[0].methods[0].options.errors[0].member, "In");
}

Test(model, too_many_retries)
{
    begin_service("Bank");
    begin_options(SERVICE_OPTIONS);
    for (int i = 0; i <= MODEL_RETRIES_MAX; i++)
        wire_int(&wire, SEMEL_RETRY, 1);
    end_options();
    method("Get");
    wire_end(&wire);
    build();
    cr_assert(told("65 waits, but at most 64 are allowed"));
}

Test(model, unknown_philosophy_and_unknown_types)
{
    begin_service("Bank");
    begin_options(SERVICE_OPTIONS);
    wire_int(&wire, SEMEL_ON_UNAVAILABLE, 7);
    end_options();
    wire_begin_method(&wire, "Get", ".demo.In", ".demo.None");
    wire_end(&wire);
    wire_end(&wire);
    build();
    cr_assert(told("on_unavailable: 7 is none of WAIT, FAIL and DROP"));
    cr_assert(told("\".demo.None\" is not a known message"));
}

/* Text that would leave its quotes or its line in the generated C never gets there. */
Test(model, names_that_would_break_out_of_the_generated_text)
{
    static const char *const names[] = {"Ba\"nk", "Ba nk", "", "B\n#include", "*/"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        begin_service(names[i]);
        method("Get");
        wire_end(&wire);
        begin_service("Good");
        method(names[i]);
        wire_end(&wire);
    }
    wire_message(&wire, "In;", 0);
    build();
    cr_assert_geq(list.errors, 2 * sizeof names / sizeof *names + 1);
}

Test(model, nameless_things)
{
    wire_begin(&wire, FILE_SERVICE);
    wire_end(&wire);
    begin_service("Bank");
    wire_begin(&wire, SERVICE_METHOD);
    wire_end(&wire);
    wire_end(&wire);
    wire_begin(&wire, FILE_MESSAGE);
    wire_begin(&wire, MESSAGE_FIELD);
    wire_end(&wire);
    wire_end(&wire);
    build();
    cr_assert_geq(list.errors, 3);
}

Test(model, editions_are_told_clearly)
{
    wire_string(&wire, FILE_SYNTAX, "editions");
    build();
    cr_assert(told("protobuf editions are not supported"));
}

Test(model, a_package_that_is_no_name)
{
    wire_string(&wire, FILE_PACKAGE, "demo\"; evil");
    build();
    cr_assert(told("the package has no valid name"));
}

Test(model, streaming_methods_are_skipped_with_a_warning_each)
{
    begin_service("Bank");
    method("Get");
    wire_begin_method(&wire, "Watch", ".demo.In", ".demo.Out");
    wire_int(&wire, METHOD_SERVER_STREAMING, 1);
    wire_end(&wire);
    wire_end(&wire);
    build();
    cr_assert_eq(list.errors, 0);
    cr_assert_eq(list.count, 1);
    cr_assert_eq(model.files[0].services[0].method_count, 1);
}
