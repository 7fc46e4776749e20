/* The results file, as results.h says.
 * It must not know: how calls are made, or when they end.
 * Reads best next: load.c. */
#include "results.h"

#include <errno.h>
#include <inttypes.h>

/* A flush in between, so that stdio never splits a line over two writes: a killed bank-load leaves whole lines. */
enum { BUFFER_BYTES = 1 << 18, FLUSH_BYTES = BUFFER_BYTES / 2 };

int results_open(struct results *results, const char *path)
{
    *results = (struct results){.path = path};
    if (path == NULL)
        return 0;
    results->file = fopen(path, "we");
    if (results->file == NULL)
        return errno;
    setvbuf(results->file, NULL, _IOFBF, BUFFER_BYTES);
    return 0;
}

void results_add(struct results *results, const char *op_id, const semel_status *status, int64_t latency_us)
{
    if (results->file == NULL)
        return;
    int length = fprintf(results->file, "%s\t%s\t%s\t%" PRIu32 "\t%s\t%" PRId64 "\n", op_id,
                         semel_code_name(status->code), semel_outcome_name(status->outcome), status->attempts,
                         semel_reason_name(status->reason), latency_us);
    results->unsaved += length > 0 ? (size_t)length : 0;
    if (results->unsaved >= FLUSH_BYTES)
        results_flush(results);
}

int results_flush(struct results *results)
{
    if (results->file == NULL || results->unsaved == 0)
        return 0;
    results->unsaved = 0;
    if (fflush(results->file) != 0 || ferror(results->file))
        return errno != 0 ? errno : EIO;
    return 0;
}

int results_close(struct results *results)
{
    if (results->file == NULL)
        return 0;
    int error = results_flush(results);
    if (fclose(results->file) != 0 && error == 0)
        error = errno;
    results->file = NULL;
    return error;
}
