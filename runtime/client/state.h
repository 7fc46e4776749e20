/* The state of a channel's connection as people see it, and who is told when it changes.
 *
 * It must not decide anything.  Reads best next: semel/state.h, state.c. */
#ifndef CLIENT_STATE_H
#define CLIENT_STATE_H

#include <semel/state.h>

#include "net/loop.h"

struct state {
    enum semel_connectivity connectivity;
    int64_t since_ns;
    enum semel_reason error;
    int error_os;
    const char *error_endpoint; /* borrowed from the list of endpoints, or NULL */
    semel_state_fn *fn;         /* or NULL */
    void *user;
    enum semel_connectivity told; /* what fn knows */
    uint64_t told_connection;
    struct loop_task tell;
};

void state_init(semel_channel *channel);

/* Something may have changed: cheap, and fine anywhere. */
void state_changed(semel_channel *channel);

/* A connection or a round has ended for this reason. */
void state_note_error(semel_channel *channel, enum semel_reason reason, int os_error, const char *endpoint);

/* The channel closes, its calls have ended: tells CLOSED, and nothing more. */
void state_close(semel_channel *channel);

#endif
