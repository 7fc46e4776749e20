/* Two states of a service: what breaks what travels, what only may surprise, and states that are not whole.
 * Must not know: how semelc shows it (tests/golden/against.sh, which holds every text with its place).
 * Reads best next: idl/compare.h. */
#include "idl/compare.h"

#include "wire.h"

#include <criterion/criterion.h>
#include <string.h>

enum { FIELD_NAME = 1, FIELD_NUMBER = 3, FIELD_LABEL = 4, FIELD_TYPE = 5, FIELD_TYPE_NAME = 6 };
enum { OPTIONAL = 1, REQUIRED = 2, REPEATED = 3 };
enum { DOUBLE = 1, INT64 = 3, INT32 = 5, STRING = 9, MESSAGE = 11, BYTES = 12, ENUM = 14, SINT32 = 17 };
enum { MESSAGE_RESERVED = 9, RANGE_START = 1, RANGE_END = 2, FILE_IMPORT = 3, FILE_ENUM = 5 };
enum { ENUM_NAME = 1, ENUM_VALUE = 2, VALUE_NAME = 1, VALUE_NUMBER = 2 };
enum { STREAMS_REQUESTS = 5 };

/* What the messages and the method of one state look like; zero is the plain state. */
struct state {
    int number; /* of the one field; 0: 1 */
    int label;  /* 0: OPTIONAL */
    int type;   /* 0: INT32 */
    const char *type_name;
    int reserved; /* a number, 0: none */
    int level;    /* of idempotency */
    bool oneway;
    bool streams;
    const char *error;
    const char *method;  /* NULL: "Call" */
    const char *service; /* NULL: "Shop" */
    const char *reply;   /* NULL: ".p.Order" */
    int value;           /* of the enum's second value, 0: there is none */
};

static struct wire wire;
static struct arena arena;
static struct diagnostics list;
static struct request old;
static struct request now;

static void start(void)
{
    diagnostics_init(&list, &arena);
}

static void stop(void)
{
    diagnostics_fini(&list);
    request_fini(&old);
    request_fini(&now);
    arena_fini(&arena);
}

TestSuite(compare, .init = start, .fini = stop);

static const char * or (const char *text, const char *otherwise)
{
    return text == NULL ? otherwise : text;
}

static void write_order(const struct state *state)
{
    wire_begin(&wire, FILE_MESSAGE);
    wire_string(&wire, MESSAGE_NAME, "Order");
    wire_begin(&wire, MESSAGE_FIELD);
    wire_string(&wire, FIELD_NAME, "item");
    wire_int(&wire, FIELD_NUMBER, state->number == 0 ? 1 : state->number);
    wire_int(&wire, FIELD_LABEL, state->label == 0 ? OPTIONAL : state->label);
    wire_int(&wire, FIELD_TYPE, state->type == 0 ? INT32 : state->type);
    if (state->type_name != NULL)
        wire_string(&wire, FIELD_TYPE_NAME, state->type_name);
    wire_end(&wire);
    if (state->reserved != 0) {
        wire_begin(&wire, MESSAGE_RESERVED);
        wire_int(&wire, RANGE_START, state->reserved);
        wire_int(&wire, RANGE_END, state->reserved + 1);
        wire_end(&wire);
    }
    wire_end(&wire);
}

static void write_color(const struct state *state)
{
    wire_begin(&wire, FILE_ENUM);
    wire_string(&wire, ENUM_NAME, "Color");
    wire_begin(&wire, ENUM_VALUE);
    wire_string(&wire, VALUE_NAME, "NONE");
    wire_int(&wire, VALUE_NUMBER, 0);
    wire_end(&wire);
    if (state->value != 0) {
        wire_begin(&wire, ENUM_VALUE);
        wire_string(&wire, VALUE_NAME, "RED");
        wire_int(&wire, VALUE_NUMBER, state->value);
        wire_end(&wire);
    }
    wire_end(&wire);
}

static void write_service(const struct state *state)
{
    wire_begin(&wire, FILE_SERVICE);
    wire_string(&wire, SERVICE_NAME, or (state->service, "Shop"));
    wire_begin_method(&wire, or (state->method, "Call"), ".p.Order", or (state->reply, ".p.Order"));
    wire_begin(&wire, METHOD_OPTIONS);
    if (state->level != 0)
        wire_int(&wire, OPTIONS_IDEMPOTENCY, state->level);
    wire_begin(&wire, OPTIONS_SEMEL);
    if (state->oneway)
        wire_int(&wire, SEMEL_ONEWAY, 1);
    if (state->error != NULL)
        wire_string(&wire, SEMEL_ERRORS, state->error);
    wire_end(&wire);
    wire_end(&wire);
    if (state->streams)
        wire_int(&wire, STREAMS_REQUESTS, 1);
    wire_end(&wire);
    wire_end(&wire);
}

static void read_state(const struct state *state, struct request *ret_request)
{
    const char *problem;
    wire = (struct wire){.size = 0};
    wire_begin(&wire, REQUEST_FILE);
    wire_string(&wire, FILE_NAME, "a.proto");
    wire_string(&wire, FILE_PACKAGE, "p");
    write_order(state);
    wire_message(&wire, "Other", 1);
    write_color(state);
    write_service(state);
    wire_end(&wire);
    cr_assert(request_parse(wire.bytes, wire.size, ret_request, &problem), "%s", problem);
}

/* The only change between two states is one of that severity, and its text holds words. */
static void expect(struct state before, struct state after, enum severity severity, const char *words)
{
    read_state(&before, &old);
    read_state(&after, &now);
    cr_assert_null(compare_problem(&old, &arena));
    compare_requests(&old, &now, &list);
    cr_assert_eq(list.count, 1, "%zu changes: %s", list.count, diagnostics_text(&list, SEVERITY_ERROR));
    cr_expect_eq(list.items[0].severity, severity);
    cr_expect_not_null(strstr(list.items[0].text, words), "%s", list.items[0].text);
    cr_expect_str_eq(list.items[0].place.file, "a.proto");
}

static void expect_nothing(struct state before, struct state after)
{
    read_state(&before, &old);
    read_state(&after, &now);
    compare_requests(&old, &now, &list);
    cr_assert_eq(list.count, 0, "%s", diagnostics_text(&list, SEVERITY_ERROR));
}

#define STATE(...) ((struct state){__VA_ARGS__})
#define PLAIN ((struct state){.number = 0})

Test(compare, the_same)
{
    expect_nothing(PLAIN, PLAIN);
}

Test(compare, a_service_is_gone)
{
    expect(PLAIN, STATE(.service = "Store"), SEVERITY_ERROR, "service p.Shop was removed");
}

Test(compare, a_method_is_gone)
{
    expect(PLAIN, STATE(.method = "Ask"), SEVERITY_ERROR, "method p.Shop.Call was removed");
}

Test(compare, another_reply)
{
    expect(PLAIN, STATE(.reply = ".p.Other"), SEVERITY_ERROR, "was p.Order and is now p.Other");
}

Test(compare, a_promise_taken_back)
{
    expect(STATE(.level = 2), PLAIN, SEVERITY_ERROR, "was IDEMPOTENT and is now at-most-once");
}

Test(compare, a_promise_given)
{
    expect(PLAIN, STATE(.level = 1), SEVERITY_ERROR, "was at-most-once and is now NO_SIDE_EFFECTS");
}

Test(compare, promises_of_one_bit)
{
    expect(STATE(.level = 2), STATE(.level = 1), SEVERITY_WARNING, "the same on the wire");
}

Test(compare, oneway)
{
    expect(PLAIN, STATE(.oneway = true), SEVERITY_ERROR, "was answered and is now oneway");
}

Test(compare, streaming)
{
    expect(STATE(.streams = true), PLAIN, SEVERITY_ERROR, "no longer streams its requests");
}

Test(compare, a_new_error)
{
    expect(PLAIN, STATE(.error = "p.Other"), SEVERITY_WARNING, "newly raises");
}

Test(compare, an_error_less)
{
    expect(STATE(.error = ".p.Other"), PLAIN, SEVERITY_WARNING, "no longer raises p.Other");
}

Test(compare, an_error_written_with_its_dot)
{
    expect_nothing(STATE(.error = ".p.Other"), STATE(.error = "p.Other"));
}

Test(compare, a_type_of_another_group)
{
    expect(PLAIN, STATE(.type = SINT32), SEVERITY_ERROR, "was int32 and is now sint32");
}

Test(compare, a_type_of_its_group)
{
    expect(PLAIN, STATE(.type = INT64), SEVERITY_WARNING, "was int32 and is now int64");
}

Test(compare, text_and_bytes)
{
    expect(STATE(.type = STRING), STATE(.type = BYTES), SEVERITY_WARNING, "was string and is now bytes");
}

Test(compare, another_message)
{
    expect(STATE(.type = MESSAGE, .type_name = ".p.Other"), STATE(.type = MESSAGE, .type_name = ".p.Order"),
           SEVERITY_ERROR, "was p.Other and is now p.Order");
}

Test(compare, many_of_one)
{
    expect(PLAIN, STATE(.label = REPEATED), SEVERITY_ERROR, "was singular and is now repeated");
}

Test(compare, no_longer_required)
{
    expect(STATE(.label = REQUIRED), PLAIN, SEVERITY_ERROR, "was required and is now singular");
}

Test(compare, a_field_moved)
{
    expect(PLAIN, STATE(.number = 2), SEVERITY_ERROR, "had number 1");
}

Test(compare, a_number_that_was_reserved)
{
    expect(STATE(.number = 2, .reserved = 1), STATE(.number = 1, .reserved = 2), SEVERITY_ERROR,
           "was reserved");
}

Test(compare, a_value_is_gone)
{
    expect(STATE(.type = ENUM, .type_name = ".p.Color", .value = 4),
           STATE(.type = ENUM, .type_name = ".p.Color"), SEVERITY_ERROR, "reserved 4;");
}

Test(compare, a_value_moved)
{
    expect(STATE(.type = ENUM, .type_name = ".p.Color", .value = 4),
           STATE(.type = ENUM, .type_name = ".p.Color", .value = 5), SEVERITY_ERROR, "was 4 and is now 5");
}

Test(compare, an_enum_no_method_carries)
{
    expect_nothing(STATE(.value = 4), STATE(.value = 5));
}

Test(compare, types_no_protobuf_has)
{
    expect(STATE(.type = 99), STATE(.type = -1), SEVERITY_ERROR, "was ? and is now ?");
}

/* ---- states that are not whole ---- */

static const char *problem_of(void)
{
    const char *problem;
    cr_assert(request_parse(wire.bytes, wire.size, &old, &problem), "%s", problem);
    return compare_problem(&old, &arena);
}

Test(compare, an_import_is_missing)
{
    wire = (struct wire){.size = 0};
    wire_begin(&wire, REQUEST_FILE);
    wire_string(&wire, FILE_NAME, "a.proto");
    wire_string(&wire, FILE_IMPORT, "b.proto");
    wire_end(&wire);
    const char *problem = problem_of();
    cr_assert_not_null(problem);
    cr_expect_not_null(strstr(problem, "b.proto, which a.proto imports"), "%s", problem);
}

Test(compare, a_type_is_missing)
{
    struct state state = {.type = MESSAGE, .type_name = ".p.Missing"};
    read_state(&state, &now);
    const char *problem = compare_problem(&now, &arena);
    cr_assert_not_null(problem);
    cr_expect_not_null(strstr(problem, "type p.Missing, which p.Order uses"), "%s", problem);
}

Test(compare, a_file_has_no_name)
{
    wire = (struct wire){.size = 0};
    wire_begin(&wire, REQUEST_FILE);
    wire_end(&wire);
    cr_expect_str_eq(problem_of(), "a file has no name");
}
