/* Imports that nobody needs C of.
 * Must not know: how headers are included.
 * Reads best next: idl/imports.h. */
#include "idl/imports.h"

#include "wire.h"

#include <criterion/criterion.h>
#include <stdio.h>

enum { IMPORT = 3, PUBLIC_IMPORT = 10, FIELD_NAME = 1, FIELD_LABEL = 4, FIELD_TYPE = 5, FIELD_TYPE_NAME = 6 };
enum { OPTIONAL = 1, TYPE_MESSAGE = 11 };

static struct wire wire;
static struct request request;
static struct model model;
static struct diagnostics list;

/* A file x.proto with the message p.x, which takes a type unless it is NULL. */
static void begin_file(const char *name, const char *type)
{
    char file[16];
    snprintf(file, sizeof file, "%.8s.proto", name);
    wire_begin(&wire, REQUEST_FILE);
    wire_string(&wire, FILE_NAME, file);
    wire_string(&wire, FILE_PACKAGE, "p");
    wire_begin(&wire, FILE_MESSAGE);
    wire_string(&wire, MESSAGE_NAME, name);
    if (type != NULL) {
        wire_begin(&wire, MESSAGE_FIELD);
        wire_string(&wire, FIELD_NAME, "taken");
        wire_int(&wire, FIELD_LABEL, OPTIONAL);
        wire_int(&wire, FIELD_TYPE, TYPE_MESSAGE);
        wire_string(&wire, FIELD_TYPE_NAME, type);
        wire_end(&wire);
    }
    wire_end(&wire);
}

static void start(void)
{
    wire = (struct wire){.size = 0};
    model_init(&model);
    diagnostics_init(&list, &model.arena);
    wire_string(&wire, REQUEST_GENERATE, "main.proto");
}

static void stop(void)
{
    diagnostics_fini(&list);
    model_fini(&model);
    request_fini(&request);
}

TestSuite(imports, .init = start, .fini = stop);

/* The names without use, joined. */
static const char *without_use(void)
{
    const char *problem;
    cr_assert(request_parse(wire.bytes, wire.size, &request, &problem), "%s", problem);
    model_build(&model, &request, &list);
    cr_assert_eq(list.errors, 0, "%s", diagnostics_text(&list, SEVERITY_ERROR));
    size_t count;
    const char *const *names = imports_without_use(&model, &request, &count);
    const char *joined = "";
    for (size_t i = 0; i < count; i++)
        joined = arena_printf(&model.arena, "%s%s ", joined, names[i]);
    return joined;
}

Test(imports, what_is_taken_is_needed_and_the_rest_is_not)
{
    begin_file("far", NULL);
    wire_end(&wire);
    begin_file("used", ".p.far");
    wire_string(&wire, IMPORT, "far.proto");
    wire_end(&wire);
    begin_file("unused", ".p.far");
    wire_string(&wire, IMPORT, "far.proto");
    wire_end(&wire);
    begin_file("main", ".p.used");
    wire_string(&wire, IMPORT, "used.proto");
    wire_string(&wire, IMPORT, "unused.proto");
    wire_end(&wire);
    cr_assert_str_eq(without_use(), "unused.proto ");
}

Test(imports, what_is_handed_on_is_needed_where_it_is_handed_on)
{
    begin_file("base", NULL);
    wire_end(&wire);
    begin_file("hands", NULL);
    wire_string(&wire, IMPORT, "base.proto");
    wire_int(&wire, PUBLIC_IMPORT, 0);
    wire_end(&wire);
    begin_file("main", ".p.base");
    wire_string(&wire, IMPORT, "hands.proto");
    wire_end(&wire);
    cr_assert_str_eq(without_use(), "");
}

/* Neither hangs nor reads beside the list. */
Test(imports, circles_and_indexes_that_protoc_never_writes)
{
    begin_file("a", NULL);
    wire_string(&wire, IMPORT, "a.proto");
    wire_string(&wire, IMPORT, "gone.proto");
    wire_int(&wire, PUBLIC_IMPORT, 0);
    wire_int(&wire, PUBLIC_IMPORT, 1);
    wire_int(&wire, PUBLIC_IMPORT, 7);
    wire_int(&wire, PUBLIC_IMPORT, -1);
    wire_end(&wire);
    begin_file("main", ".p.nobody");
    wire_string(&wire, IMPORT, "a.proto");
    wire_end(&wire);
    cr_assert_str_eq(without_use(), "a.proto ");
}

Test(imports, requests_replies_and_errors_are_taken)
{
    begin_file("in", NULL);
    wire_end(&wire);
    begin_file("error", NULL);
    wire_end(&wire);
    begin_file("main", NULL);
    wire_string(&wire, IMPORT, "in.proto");
    wire_string(&wire, IMPORT, "error.proto");
    wire_begin(&wire, FILE_SERVICE);
    wire_string(&wire, SERVICE_NAME, "Service");
    wire_begin_method(&wire, "Get", ".p.in", ".p.main");
    wire_begin(&wire, METHOD_OPTIONS);
    wire_begin(&wire, OPTIONS_SEMEL);
    wire_string(&wire, SEMEL_ERRORS, "p.error");
    wire_end(&wire);
    wire_end(&wire);
    wire_end(&wire);
    wire_end(&wire);
    wire_end(&wire);
    cr_assert_str_eq(without_use(), "");
}
