/* The trail of a call: one entry for each attempt that failed.  Costs nothing until something breaks.
 *
 * Reads best next: semel/status.h. */
#ifndef CLIENT_TRAIL_H
#define CLIENT_TRAIL_H

#include <semel/status.h>

struct trail {
    uint32_t count;
    uint32_t omitted;
    struct semel_attempt attempts[SEMEL_TRAIL_MAX];
};

/* Adds an empty entry (the first and the latest are kept when there are too many) and returns it to be filled.
 * *trail is made when needed; NULL if there is no memory: then the call is told of without a trail. */
struct semel_attempt *trail_add(struct trail **trail);

/* The latest entry, or NULL. */
struct semel_attempt *trail_latest(struct trail *trail);

/* Copies it to a status; trail may be NULL. */
void trail_copy(const struct trail *trail, semel_status *status);

#endif
