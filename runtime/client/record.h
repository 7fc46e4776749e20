/* What is told of a call: the entries of its trail, the lines of the trace, and the status it ends with.
 *
 * It must not decide anything.  Reads best next: trail.h, core/explain.c. */
#ifndef CLIENT_RECORD_H
#define CLIENT_RECORD_H

#include "client/call.h"

/* An attempt has failed. */
void record_attempt(struct call *call, const struct call_failure *failure);
/* What was decided then. */
void record_decision(struct call *call, const struct call_failure *failure,
                     const struct retry_decision *decision);

/* The status of a call that ends like this, without its message. */
void record_status(const struct call *call, const struct retry_decision *end, uint32_t attempts,
                   semel_status *status);
/* The part of it that grows while further attempts are out: attempts, trail, time. */
void record_progress(const struct call *call, uint32_t attempts, semel_status *status);
/* Its message: the peer's words, or what the reason says. */
void record_message(semel_status *status, const struct call_failure *failure);

#endif
