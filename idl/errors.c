/* Declared errors: read, joined, named.
 *
 * It must not know the other options.  Reads best next: errors.h. */
#include "idl/errors.h"

#include "idl/names.h"
#include "idl/reserved.h"

#include <string.h>

static void report_unknown(const struct options_source *source, const char *name)
{
    const struct model *model = source->model;
    const char **known = arena_alloc(&source->model->arena, model->message_count * sizeof *known);
    for (size_t i = 0; i < model->message_count; i++)
        known[i] = model->messages[i].full_name;
    const char *nearest = name_nearest(name, known, model->message_count);
    struct place place = options_place(source, OPTION_ERRORS);
    if (nearest != NULL)
        diagnostics_error(source->list, place, "errors: \"%s\" is not a known message; did you mean \"%s\"?",
                          name, nearest);
    else
        diagnostics_error(source->list, place,
                          "errors: \"%s\" is not a known message; write its full name, and import its file",
                          name);
}

static bool holds(const struct model_error *errors, size_t count, const struct model_message *message)
{
    for (size_t i = 0; i < count; i++)
        if (errors[i].message == message)
            return true;
    return false;
}

/* Whether message can be raised; if not, it is told. */
static bool check_message(const struct options_source *source, const char *name,
                          const struct model_message *message, const struct model_options *options)
{
    struct place place = options_place(source, OPTION_ERRORS);
    if (message == NULL)
        report_unknown(source, name);
    else if (message->map_entry)
        diagnostics_error(source->list, place,
                          "errors: \"%s\" is the entry of a map, which cannot travel alone; list a message "
                          "that has the map",
                          name);
    else if (message->without_c)
        diagnostics_error(source->list, place,
                          "errors: \"%s\" describes .proto files, no C is made of it; list a message of your "
                          "own",
                          name);
    else if (holds(options->errors, options->error_count, message))
        diagnostics_warn(source->list, place, "errors: \"%s\" is listed twice", name);
    else
        return true;
    return false;
}

void errors_read(const struct options_source *source, const desc_Rules *rules, struct model_options *options)
{
    if (rules == NULL)
        return;
    struct model_error *errors = arena_alloc(&source->model->arena, rules->errors_count * sizeof *errors);
    options->errors = errors;
    for (pb_size_t i = 0; i < rules->errors_count; i++) {
        const char *name = rules->errors[i];
        const struct model_message *message = model_find_message(source->model, *name == '.' ? name + 1 : name);
        if (check_message(source, name, message, options))
            errors[options->error_count++] = (struct model_error){message, name_last_part(message->full_name),
                                                                  source->model->method_id(message->full_name)};
    }
}

static void join(struct model_error *errors, size_t *count, const struct model_options *from)
{
    for (size_t i = 0; i < from->error_count; i++)
        if (!holds(errors, *count, from->errors[i].message))
            errors[(*count)++] = from->errors[i];
}

/* The receipt has an enumerator NONE beside those of the errors.  In C++ a member must not be called like a type that
 * its struct uses. */
static bool is_taken(const struct model_error *errors, size_t count, size_t index)
{
    const char *member = errors[index].member;
    if (reserved_as(member) != NULL || strcmp(member, "NONE") == 0)
        return true;
    for (size_t i = 0; i < count; i++)
        if ((i != index && strcmp(errors[i].member, member) == 0) ||
            strcmp(errors[i].message->c_name, member) == 0)
            return true;
    return false;
}

/* Last parts where they are free, elsewhere whole names and a "_".  A whole name may meet the last part of another
 * error, which then gets its whole name too: hence the rounds. */
static void name_members(struct arena *arena, struct model_error *errors, size_t count)
{
    bool *taken = arena_alloc(arena, count * sizeof *taken);
    bool *whole = arena_alloc(arena, count * sizeof *whole);
    bool changed = true;
    for (size_t round = 0; changed && round <= count; round++) {
        changed = false;
        for (size_t i = 0; i < count; i++)
            taken[i] = is_taken(errors, count, i);
        for (size_t i = 0; i < count; i++) {
            if (!taken[i])
                continue;
            const char *stem = whole[i] ? errors[i].member : errors[i].message->c_name;
            errors[i].member = arena_printf(arena, "%s_", stem);
            whole[i] = changed = true;
        }
    }
}

static void check_twins(const struct options_source *source, const struct model_method *method,
                        const struct model_error *errors, size_t count)
{
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < i; j++)
            if (errors[i].id == errors[j].id)
                diagnostics_error(source->list, options_place(source, OPTION_ERRORS),
                                  "errors: \"%s\" has the same id on the wire as \"%s\" in method %s; rename "
                                  "one of the messages",
                                  errors[i].message->full_name, errors[j].message->full_name,
                                  method->full_name);
}

void errors_settle(const struct options_source *source, struct model_method *method,
                   const struct model_options *written, const struct model_options *service)
{
    struct arena *arena = &source->model->arena;
    size_t room = written->error_count + service->error_count;
    struct model_error *errors = arena_alloc(arena, room * sizeof *errors);
    size_t count = 0;
    join(errors, &count, written);
    if (!method->oneway)
        join(errors, &count, service); /* nobody waits for the answer of a oneway method */
    name_members(arena, errors, count);
    check_twins(source, method, errors, count);
    method->options.errors = errors;
    method->options.error_count = method->oneway ? 0 : count;
}
