/* The list of withheld.h.
 * It must not know: what the work is.
 * Reads best next: server.c. */
#include "withheld.h"

#include <string.h>

enum semel_code withheld_answer(struct withheld *withheld, semel_request *request)
{
    const char *name = strrchr(semel_request_method(request)->name, '.') + 1;
    if (withheld->method == NULL || strcmp(withheld->method, name) != 0 || withheld->count == WITHHELD_MAX)
        return SEMEL_OK;
    withheld->requests[withheld->count++] = request;
    return SEMEL_PENDING;
}

void withheld_fini(struct withheld *withheld)
{
    while (withheld->count > 0)
        semel_request_fail(withheld->requests[--withheld->count], SEMEL_ABORTED, "this answer was kept back");
}
