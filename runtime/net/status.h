/* Filling a caller's status on the way out of a function that failed.
 *
 * Reads best next: semel/status.h. */
#ifndef NET_STATUS_H
#define NET_STATUS_H

#include <semel/status.h>

/* Sets code, reason and message (cut with "..." if too long), outcome NOT_EXECUTED; ret_status may be NULL.
 * Returns code, so that a function can end with it. */
enum semel_code status_set(semel_status *ret_status, enum semel_code code, enum semel_reason reason,
                           const char *format, ...) __attribute__((format(printf, 4, 5)));

#endif
