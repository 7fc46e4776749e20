/* Requests: decoding, source locations, and what hostile ones are told.
 * Must not know: what files mean.
 * Reads best next: model_test.c. */
#include "idl/request.h"

#include "wire.h"

#include <criterion/criterion.h>

static struct wire wire;
static struct request request;
static const char *problem;

static bool parse(void)
{
    cr_assert_eq(wire.depth, 0);
    return request_parse(wire.bytes, wire.size, &request, &problem);
}

static void stop(void)
{
    request_fini(&request);
}

TestSuite(request, .fini = stop);

Test(request, empty_one_has_no_files)
{
    cr_assert(parse());
    cr_assert_eq(request.file_count, 0);
}

Test(request, marks_the_wanted_files)
{
    wire_string(&wire, REQUEST_GENERATE, "b.proto");
    for (int i = 0; i < 2; i++) {
        wire_begin(&wire, REQUEST_FILE);
        wire_string(&wire, FILE_NAME, i == 0 ? "a.proto" : "b.proto");
        wire_end(&wire);
    }
    cr_assert(parse());
    cr_assert_eq(request.file_count, 2);
    cr_assert_not(request.files[0]->wanted);
    cr_assert(request.files[1]->wanted);
}

Test(request, wants_no_file_it_does_not_bring)
{
    wire_string(&wire, REQUEST_GENERATE, "b.proto");
    cr_assert_not(parse());
    cr_assert_not_null(problem);
}

static void nest(int depth)
{
    wire_begin(&wire, REQUEST_FILE);
    wire_string(&wire, FILE_NAME, "a.proto");
    for (int i = 0; i < depth; i++) {
        wire_begin(&wire, i == 0 ? FILE_MESSAGE : MESSAGE_NESTED);
        wire_string(&wire, MESSAGE_NAME, "M");
    }
    for (int i = 0; i < depth; i++)
        wire_end(&wire);
    wire_end(&wire);
}

Test(request, keeps_nested_messages_with_their_parents)
{
    nest(REQUEST_NESTING_MAX);
    cr_assert(parse());
    const struct request_file *file = request.files[0];
    cr_assert_eq(file->message_count, (size_t)REQUEST_NESTING_MAX);
    cr_assert_eq(file->messages[0].parent, REQUEST_NO_PARENT);
    for (size_t i = 1; i < file->message_count; i++) {
        cr_assert_eq(file->messages[i].parent, i - 1);
        cr_assert_str_eq(file->messages[i].message.name, "M");
    }
}

Test(request, refuses_messages_nested_without_end)
{
    nest(REQUEST_NESTING_MAX + 1);
    cr_assert_not(parse());
    cr_assert_str_eq(problem, "messages are nested too deeply");
}

Test(request, finds_a_place_by_path_or_the_nearest_around_it)
{
    wire_begin(&wire, REQUEST_FILE);
    wire_string(&wire, FILE_NAME, "a.proto");
    wire_begin(&wire, FILE_LOCATIONS);
    wire_location(&wire, (int[]){6, 1, 2, 0}, 4, 11, 2, NULL);
    wire_location(&wire, (int[]){6, 1}, 2, 9, 0, " Above.\n");
    wire_location(&wire, (int[]){6, 0}, 2, 4, 0, NULL);
    wire_end(&wire);
    wire_end(&wire);
    cr_assert(parse());
    struct locations *locations = &request.files[0]->locations;
    struct path service = path_to((struct path){.depth = 0}, 6, 1);
    struct path method = path_to(service, 2, 0);

    struct place place = locations_find(locations, "a.proto", method);
    cr_assert_eq(place.line, 12);
    cr_assert_eq(place.column, 3);
    place = locations_find(locations, "a.proto", path_to(path_to(method, 4, -1), 51717, -1));
    cr_assert_eq(place.line, 12, "options without a place stand where their method does");
    place = locations_find(locations, "a.proto", path_to(service, 2, 7));
    cr_assert_eq(place.line, 10);
    place = locations_find(locations, "a.proto", path_to((struct path){.depth = 0}, 4, 0));
    cr_assert_eq(place.line, 0);
    cr_assert_str_eq(locations_comment(locations, service), " Above.\n");
    cr_assert_null(locations_comment(locations, method));
}

Test(request, cut_anywhere_is_refused_or_whole)
{
    wire_string(&wire, REQUEST_GENERATE, "a.proto");
    nest(3);
    size_t whole = wire.size;
    for (size_t cut = 0; cut < whole; cut++) {
        if (request_parse(wire.bytes, cut, &request, &problem))
            request_fini(&request);
        else
            cr_assert_not_null(problem);
    }
}
