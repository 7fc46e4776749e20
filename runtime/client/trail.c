/* Trails.
 *
 * Reads best next: trail.h. */
#include "client/trail.h"

#include <stdlib.h>
#include <string.h>

struct semel_attempt *trail_add(struct trail **trail)
{
    if (*trail == NULL)
        *trail = calloc(1, sizeof **trail);
    if (*trail == NULL)
        return NULL;
    struct trail *t = *trail;
    if (t->count == SEMEL_TRAIL_MAX) {
        /* The oldest of the latest half makes room. */
        const uint32_t half = SEMEL_TRAIL_MAX / 2;
        memmove(&t->attempts[half], &t->attempts[half + 1], (SEMEL_TRAIL_MAX - half - 1) * sizeof *t->attempts);
        t->count--;
        t->omitted++;
    }
    struct semel_attempt *attempt = &t->attempts[t->count++];
    memset(attempt, 0, sizeof *attempt);
    return attempt;
}

struct semel_attempt *trail_latest(struct trail *trail)
{
    return trail == NULL || trail->count == 0 ? NULL : &trail->attempts[trail->count - 1];
}

void trail_copy(const struct trail *trail, semel_status *status)
{
    status->trail_count = trail == NULL ? 0 : trail->count;
    status->trail_omitted = trail == NULL ? 0 : trail->omitted;
    if (trail != NULL)
        memcpy(status->trail, trail->attempts, trail->count * sizeof *trail->attempts);
}
