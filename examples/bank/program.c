/* The shared part of the two programs, as program.h says.
 * It must not know: servers, channels, or any operation.
 * Reads best next: bank_server.c, bank_load.c. */
#include "program.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char properties_head[] =
    "properties: --Key=Value, or lines Key=Value in the file of --config FILE or of SEMEL_CONFIG.\n"
    "A prefix narrows one down: --demo.Bank.Deposit.Deadline=5s.\n";

/* The help of the properties, made by the library; the caller frees it.  NULL when out of memory. */
static char *properties_text(void)
{
    size_t head = sizeof properties_head - 1;
    size_t length = semel_properties_help(NULL, 0);
    char *text = malloc(head + length + 1);
    if (text == NULL)
        return NULL;
    memcpy(text, properties_head, head);
    semel_properties_help(text + head, length + 1);
    return text;
}

enum args_result program_parse(semel_properties *properties, const struct args *args, int argc, char **argv)
{
    semel_status status;
    if (semel_properties_parse_args(properties, &argc, argv, &status) != SEMEL_OK) {
        fprintf(stderr, "%s: %s\n", args->program, status.message);
        return ARGS_ERROR;
    }
    char *text = properties_text();
    struct args with_properties = *args;
    with_properties.more = text;
    enum args_result result = args_parse(&with_properties, argc, argv);
    free(text);
    return result;
}

bool program_verbose;

void program_log(enum semel_log_level level, const char *text, void *user)
{
    static const char *const names[] = {[SEMEL_LOG_ERROR] = "error",
                                        [SEMEL_LOG_WARNING] = "warning",
                                        [SEMEL_LOG_INFO] = "info",
                                        [SEMEL_LOG_TRACE] = "trace"};
    if (level != SEMEL_LOG_INFO || program_verbose)
        fprintf(stderr, "%s: %s: %s\n", (const char *)user, names[level], text);
}

void program_print_closed(const uint64_t *closed_by, FILE *file)
{
    const char *comma = "";
    fputs("\"closed\":{", file);
    for (int reason = 0; reason < SEMEL_REASON_COUNT; reason++) {
        if (closed_by[reason] == 0)
            continue;
        fprintf(file, "%s\"%s\":%" PRIu64, comma, semel_reason_name((enum semel_reason)reason),
                closed_by[reason]);
        comma = ",";
    }
    fputs("}", file);
}

int program_fail(const char *program, const char *what, const semel_status *status)
{
    const char *message = status->message[0] != '\0' ? status->message : semel_reason_text(status->reason);
    fprintf(stderr, "%s: %s: %s: %s\n", program, what, semel_code_name(status->code), message);
    return status->code == SEMEL_INVALID_ARGUMENT ? EXIT_USAGE : EXIT_FAILURE;
}

int64_t program_now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}
