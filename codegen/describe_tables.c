/* Describes services as tables: what travels, then how calls behave when something breaks.
 *
 * It must not know how options are read.  Reads best next: table.h, describe.h. */
#include "codegen/describe.h"
#include "codegen/table.h"

#include <inttypes.h>
#include <string.h>

/* ---- words ---- */

/* "250ms", "5s", "2min"; "none" for 0; "-" for unset. */
static const char *duration(struct arena *arena, int64_t ms)
{
    if (ms == MODEL_UNSET)
        return "-";
    if (ms == 0)
        return "none";
    if (ms % 60000 == 0)
        return arena_printf(arena, "%" PRId64 "min", ms / 60000);
    if (ms % 1000 == 0)
        return arena_printf(arena, "%" PRId64 "s", ms / 1000);
    return arena_printf(arena, "%" PRId64 "ms", ms);
}

static const char *or_dash(const char *word)
{
    return word == NULL ? "-" : word;
}

/* list, then word, with a separator between them when both say something. */
static const char *join(struct arena *arena, const char *list, const char *separator, const char *word)
{
    return *list == '\0' ? word : *word == '\0' ? list : arena_printf(arena, "%s%s%s", list, separator, word);
}

static const char *waits(struct arena *arena, const struct model_options *options)
{
    const char *list = "";
    if (options->retry_interval_count == 0)
        return "never";
    for (int32_t i = 0; i < options->retry_interval_count; i++)
        list = join(arena, list, ",", arena_printf(arena, "%" PRIu32, options->retry_intervals_ms[i]));
    return arena_printf(arena, "%sms", list);
}

/* "4 tries", "10ms x2", "to 1s FULL", "within 5s": only what is set, a line each. */
static const char *backoff(struct arena *arena, const struct model_options *options)
{
    const char *list = "";
    const char *growth = "";
    const char *bound = "";
    if (options->retry_max_attempts != MODEL_UNSET)
        list = arena_printf(arena, "%" PRId32 " tries", options->retry_max_attempts);
    if (options->retry_initial_backoff_ms != MODEL_UNSET)
        growth = duration(arena, options->retry_initial_backoff_ms);
    if (options->retry_backoff_multiplier > 0)
        growth = join(arena, growth, " ", arena_printf(arena, "x%g", options->retry_backoff_multiplier));
    if (options->retry_max_backoff_ms != MODEL_UNSET)
        bound = arena_printf(arena, "to %s", duration(arena, options->retry_max_backoff_ms));
    if (options->retry_jitter != JITTER_UNSET)
        bound = join(arena, bound, " ", describe_jitter(options->retry_jitter));
    list = join(arena, list, "\n", growth);
    return join(arena, list, "\n", bound);
}

static const char *retries(struct arena *arena, const struct model_options *options)
{
    const char *list = options->retry_interval_count != MODEL_UNSET ? waits(arena, options)
                                                                    : backoff(arena, options);
    if (options->retry_max_elapsed_ms != MODEL_UNSET)
        list = join(arena, list, "\n",
                    arena_printf(arena, "within %s", duration(arena, options->retry_max_elapsed_ms)));
    return *list == '\0' ? "-" : list;
}

static const char *codes(struct arena *arena, uint32_t bits)
{
    const char *list = "";
    for (unsigned code = 0; describe_code(code) != NULL; code++)
        if ((bits >> code & 1) != 0)
            list = join(arena, list, "\n", describe_code(code));
    return *list == '\0' ? "-" : list;
}

/* "20ms x2": after how long, how many. */
static const char *hedge(struct arena *arena, const struct model_options *options)
{
    const char *list = "";
    if (options->hedge_delay_ms != MODEL_UNSET)
        list = duration(arena, options->hedge_delay_ms);
    if (options->hedge_max != MODEL_UNSET)
        list = join(arena, list, " ", arena_printf(arena, "x%" PRId32, options->hedge_max));
    return *list == '\0' ? "-" : list;
}

static const char *errors(struct arena *arena, const struct model_options *options)
{
    const char *list = "";
    for (size_t i = 0; i < options->error_count; i++)
        list = join(arena, list, "\n", options->errors[i].message->full_name);
    return *list == '\0' ? "-" : list;
}

static const char *mode(struct arena *arena, const struct model_method *method)
{
    return arena_printf(arena, "%s%s%s%s", describe_mode(method->mode), method->oneway ? ", oneway" : "",
                        method->transactional ? ", transactional" : "", method->deprecated ? ", deprecated" : "");
}

/* ---- tables ---- */

static void add_words(struct table *table, const char *const *words)
{
    for (size_t i = 0; i < table->columns; i++)
        table_add(table, "%s", words[i]);
}

static void print_wire(FILE *to, struct arena *arena, const struct model_service *service)
{
    static const char *const head[] = {"METHOD", "ID", "MODE", "REQUEST", "REPLY"};
    struct table table = {.arena = arena, .columns = sizeof head / sizeof *head};
    add_words(&table, head);
    for (size_t i = 0; i < service->method_count; i++) {
        const struct model_method *method = &service->methods[i];
        const char *id = arena_printf(arena, "0x%016" PRIx64, method->id);
        add_words(&table, (const char *const[]){method->name, id, mode(arena, method),
                                                method->request->full_name, method->reply->full_name});
    }
    table_print(to, &table, 0);
    table_fini(&table);
}

enum { COLUMN_ATTEMPT = 2, COLUMN_CODES = 5, COLUMN_HEDGE = 6 };

static void print_behaviour(FILE *to, struct arena *arena, const struct model_service *service)
{
    static const char *const head[] = {"METHOD",    "DEADLINE",   "ATTEMPT", "RETRIES",
                                       "UNAVAILABLE", "RETRY ON", "HEDGES",  "ERRORS"};
    static const unsigned optional = 1U << COLUMN_ATTEMPT | 1U << COLUMN_CODES | 1U << COLUMN_HEDGE;
    struct table table = {.arena = arena, .columns = sizeof head / sizeof *head};
    add_words(&table, head);
    for (size_t i = 0; i < service->method_count; i++) {
        const struct model_options *options = &service->methods[i].options;
        add_words(&table,
                  (const char *const[]){service->methods[i].name, duration(arena, options->deadline_ms),
                                        duration(arena, options->attempt_timeout_ms), retries(arena, options),
                                        or_dash(describe_on_unavailable(options->on_unavailable)),
                                        codes(arena, options->retryable_codes), hedge(arena, options),
                                        errors(arena, options)});
    }
    table_print(to, &table, optional);
    table_fini(&table);
}

static void print_service(FILE *to, struct arena *arena, const struct model_file *file,
                          const struct model_service *service)
{
    fprintf(to, "service %s  (%s%s)\n\n", service->full_name, file->name,
            service->deprecated ? ", deprecated" : "");
    print_wire(to, arena, service);
    fputc('\n', to);
    print_behaviour(to, arena, service);
}

bool describe_tables(FILE *to, const struct model *model)
{
    struct arena arena = {.blocks = NULL};
    const char *separator = "";
    for (size_t i = 0; i < model->file_count; i++) {
        const struct model_file *file = &model->files[i];
        for (size_t j = 0; j < file->service_count; j++) {
            fputs(separator, to);
            print_service(to, &arena, file, &file->services[j]);
            separator = "\n";
        }
        if (file->service_count == 0) {
            fprintf(to, "%s%s declares no service\n", separator, file->name);
            separator = "\n";
        }
    }
    arena_fini(&arena);
    return fflush(to) == 0 && ferror(to) == 0;
}
