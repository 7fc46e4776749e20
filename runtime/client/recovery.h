/* Recovery: the application's work on a new connection, before the calls that wait for it.
 *
 * It must not know frames.  Reads best next: semel/recovery.h, recovery.c; the gate itself in core/outbox.h. */
#ifndef CLIENT_RECOVERY_H
#define CLIENT_RECOVERY_H

#include <semel/recovery.h>

#include "client/call.h"
#include "net/loop.h"

enum recovery_state {
    RECOVERY_IDLE,    /* calls flow, or there is no connection */
    RECOVERY_RUNNING, /* the gate is shut until the application ends its run */
    RECOVERY_ENDING,  /* it has: the gate opens with the end of this turn */
    RECOVERY_STATE_COUNT
};

struct channel_round;

struct recovery {
    enum recovery_state state;
    semel_recovery_fn *fn; /* or NULL */
    void *user;
    bool suspended;
    bool gives_up;  /* ENDING */
    bool passing;   /* inside the function or a callback of its calls: what is started now passes the gate */
    uint64_t begun; /* runs since the last reset */
    uint64_t limit; /* of these; 0: none */
    enum retry_verdict verdict; /* of the connection that is recovered */
    semel_recovery *run;        /* RUNNING */
    semel_recovery *runs;       /* all that the application has not ended */
    struct loop_task end;
};

void recovery_init(semel_channel *channel);
/* The channel closes: no run counts any more.  Before its calls end. */
void recovery_stop(semel_channel *channel);
/* Frees the runs that are left. */
void recovery_fini(semel_channel *channel);

/* WELCOME.  false: nothing is to be recovered, the calls that wait are to be judged.  true: that is done here, later;
 * or they have been given up. */
bool recovery_begin(semel_channel *channel, enum retry_verdict verdict);

/* The connection is lost: the run is over, before anything is told.  false: there was none. */
bool recovery_cut(semel_channel *channel);
/* After that, if there was one: its calls end, and those that waited for it have failed one attempt. */
void recovery_lost(semel_channel *channel, const struct channel_round *round);

#endif
