/* What all stores need.
 *
 * Reads best next: store.h. */
#include "store/store.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum semel_code store_fail(struct store_problem *problem, enum semel_code code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    problem->code = code;
    int length = vsnprintf(problem->text, sizeof problem->text, format, arguments);
    va_end(arguments);
    if (length >= (int)sizeof problem->text)
        memcpy(problem->text + sizeof problem->text - 4, "...", 4);
    return code;
}

void store_end(struct store *store, struct store_ended *ended, struct store_commit *commit,
               enum store_result result)
{
    commit->result = result;
    commit->next = NULL;
    if (ended->first == NULL)
        ended->first = commit;
    else
        ended->last->next = commit;
    ended->last = commit;
    if (store->ready != NULL)
        store->ready(store->ready_user);
}

void store_tell(struct store_ended *ended, const char *text)
{
    struct store_commit *commit = ended->first;
    ended->first = NULL;
    while (commit != NULL) {
        struct store_commit *next = commit->next;
        commit->done(commit, commit->result, commit->result == STORE_COMMITTED ? "" : text);
        commit = next;
    }
}
