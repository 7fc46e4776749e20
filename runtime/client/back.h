/* The way back: a channel whose connections are not dialled, but are those of a client's session.  It is the guest of
 * that session's lane, and stays with it when its user closes it: the session has one sequence of calls back, and the
 * client remembers what it ran of it.
 *
 * It must not know servers.  Reads best next: semel/peer.h, net/lane.h, back.c. */
#ifndef CLIENT_BACK_H
#define CLIENT_BACK_H

#include "net/lane.h"

struct back {
    struct lane *lane;      /* NULL: its session is forgotten */
    uint32_t references;    /* of its users; 0: closed, it only stays with its session */
    bool ending;            /* its calls are to end with this turn */
    struct loop_task end;   /* does that */
    struct loop_task close; /* it was closed in a callback of its calls */
    struct timer round;     /* how long an attempt waits for the client */
    semel_channel *channel; /* whose way back it is */
};

/* The client is wanted at due_ns (or now): a round of waiting for it begins, unless one is under way. */
void back_want(struct back *back, int64_t due_ns);

/* Why no call can be started; NONE: it can. */
enum semel_reason back_unfit(const struct back *back);
/* Tells so.  Returns UNIMPLEMENTED or UNAVAILABLE. */
enum semel_code back_refuse(const struct back *back, const struct semel_method *method,
                            semel_status *ret_status);

/* A call has ended. */
void back_settle(struct back *back);

/* One user closes it; the last one closes the channel, now or after the callback that is being run. */
void back_close(struct back *back);
/* Its calls have ended.  true: it is of no use any more, and is to be freed; false: it stays with its session. */
bool back_retire(struct back *back);

#endif
