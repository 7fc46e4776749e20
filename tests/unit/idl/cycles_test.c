/* Circles of messages: which messages are recursive, and which fields no C struct can hold by value.
 * Must not know: what is done about them.
 * Reads best next: idl/cycles.h. */
#include "idl/cycles.h"

#include "idl/types.h"
#include "wire.h"

#include <criterion/criterion.h>
#include <stdio.h>

enum { FIELD_NAME = 1, FIELD_LABEL = 4, FIELD_TYPE = 5, FIELD_TYPE_NAME = 6 };
enum { OPTIONAL = 1, REPEATED = 3, TYPE_MESSAGE = 11 };

static struct wire wire;
static struct request request;
static struct model model;
static struct diagnostics list;
static struct cycles cycles;

static void begin(void)
{
    wire = (struct wire){.size = 0};
    wire_begin(&wire, REQUEST_FILE);
    wire_string(&wire, FILE_NAME, "a.proto");
    wire_string(&wire, FILE_PACKAGE, "p");
}

static void field(const char *name, int label, const char *type)
{
    wire_begin(&wire, MESSAGE_FIELD);
    wire_string(&wire, FIELD_NAME, name);
    wire_int(&wire, FIELD_LABEL, label);
    wire_int(&wire, FIELD_TYPE, TYPE_MESSAGE);
    if (type != NULL)
        wire_string(&wire, FIELD_TYPE_NAME, type);
    wire_end(&wire);
}

static void message(const char *name, const char *field_name, int label, const char *type)
{
    wire_begin(&wire, FILE_MESSAGE);
    wire_string(&wire, MESSAGE_NAME, name);
    field(field_name, label, type);
    wire_end(&wire);
}

static void find(void)
{
    const char *problem;
    wire_end(&wire);
    cr_assert(request_parse(wire.bytes, wire.size, &request, &problem), "%s", problem);
    model_init(&model);
    diagnostics_init(&list, &model.arena);
    types_collect(&model, &request, &list);
    cycles_find(&model, &request, &cycles);
}

static void end(void)
{
    diagnostics_fini(&list);
    model_fini(&model);
    request_fini(&request);
}

static bool recursive(const char *name)
{
    const struct model_message *found = model_find_message(&model, name);
    cr_assert_not_null(found, "%s", name);
    return found->recursive;
}

static void expect(size_t index, const char *owner, const char *name)
{
    cr_assert_lt(index, cycles.count);
    cr_assert_str_eq(cycles.fields[index].message, owner);
    cr_assert_str_eq(cycles.fields[index].name, name);
    cr_assert_str_eq(cycles.fields[index].file, "a.proto");
}

TestSuite(cycles, .init = begin, .fini = end);

Test(cycles, itself)
{
    message("Node", "next", OPTIONAL, ".p.Node");
    message("Leaf", "none", OPTIONAL, ".p.Missing");
    find();
    cr_assert(recursive("p.Node"));
    cr_assert_not(recursive("p.Leaf"));
    cr_assert_eq(cycles.count, 1);
    expect(0, "p.Node", "next");
}

Test(cycles, each_other_and_who_holds_them)
{
    message("Holder", "a", OPTIONAL, ".p.A");
    message("A", "b", OPTIONAL, ".p.B");
    message("B", "a", OPTIONAL, ".p.A");
    message("Lone", "none", OPTIONAL, NULL);
    find();
    cr_assert(recursive("p.A"));
    cr_assert(recursive("p.B"));
    cr_assert(recursive("p.Holder"), "what it holds can be deep without a bound");
    cr_assert_not(recursive("p.Lone"));
    cr_assert_eq(cycles.count, 2);
    expect(0, "p.A", "b");
    expect(1, "p.B", "a");
}

/* A repeated field is a pointer already; only the singular half of such a circle stays a value. */
Test(cycles, through_a_repeated_field)
{
    message("Tree", "entry", REPEATED, ".p.Entry");
    message("Entry", "tree", OPTIONAL, ".p.Tree");
    find();
    cr_assert(recursive("p.Tree"));
    cr_assert(recursive("p.Entry"));
    cr_assert_eq(cycles.count, 1);
    expect(0, "p.Tree", "entry");
}

Test(cycles, a_diamond_is_none)
{
    wire_begin(&wire, FILE_MESSAGE);
    wire_string(&wire, MESSAGE_NAME, "Top");
    field("left", OPTIONAL, ".p.Left");
    field("right", REPEATED, ".p.Right");
    field("bottom", OPTIONAL, ".p.Bottom");
    wire_end(&wire);
    message("Left", "bottom", OPTIONAL, ".p.Bottom");
    message("Right", "bottom", OPTIONAL, ".p.Bottom");
    message("Bottom", "none", OPTIONAL, "");
    find();
    cr_assert_eq(cycles.count, 0);
    cr_assert_not(recursive("p.Top"));
}

/* A chain as long as the buffer allows: no recursion, so no stack to run out of. */
Test(cycles, a_long_chain)
{
    enum { LENGTH = 1000 };
    char name[16];
    char target[32];
    for (int i = 0; i < LENGTH; i++) {
        snprintf(name, sizeof name, "M%d", i);
        snprintf(target, sizeof target, ".p.M%d", (i + 1) % LENGTH);
        message(name, "f", OPTIONAL, target);
    }
    find();
    cr_assert_eq(cycles.count, LENGTH);
    cr_assert(recursive("p.M500"));
}

Test(cycles, two_messages_of_one_name)
{
    message("Twin", "next", OPTIONAL, ".p.Twin");
    message("Twin", "next", OPTIONAL, ".p.Twin");
    find();
    cr_assert_eq(cycles.count, 2);
    expect(1, "p.Twin", "next");
}

Test(cycles, nothing_at_all)
{
    find();
    cr_assert_eq(cycles.count, 0);
    cycles_find(&model, &request, NULL);
}
