/* One decision in one line, in the words of semel_status_explain: for the trace.
 *
 * It must not know who logs it.  Reads best next: explain.c. */
#ifndef CORE_EXPLAIN_H
#define CORE_EXPLAIN_H

#include <semel/status.h>

/* attempt: the one that failed, or NULL when a call ended without; end: the status of a call that ends, or NULL when it
 * goes on, as attempt tells.  Writes as snprintf does. */
size_t explain_step(const struct semel_attempt *attempt, const semel_status *end, char *text, size_t size);

#endif
