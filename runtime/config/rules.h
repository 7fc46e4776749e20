/* What must hold between keys: of two ways to say one thing only one may stand in a scope, and ends must be in order.
 * Must not know: text forms, and where settings are kept.
 * Reads best next: rules.c. */
#ifndef CONFIG_RULES_H
#define CONFIG_RULES_H

#include "config/settings.h"

/* RetryIntervals and RetryMaxAttempts in one scope of what was written in one place: a file, a command line.
 * Errors: INVALID_ARGUMENT; status (may be NULL) names both. */
enum semel_code rules_check_rivals(const struct settings *settings, semel_status *status);

/* RetryMaxBackoff below RetryInitialBackoff in one scope, wherever they were written. */
enum semel_code rules_check_order(const struct settings *settings, semel_status *status);

/* settings_merge, where a setting that comes in also displaces its rival of the same scope. */
enum settings_result rules_merge(struct settings *into, const struct settings *from);

/* Both checks, for callers who want to know of every break: calls back for each, with a filled status.  Returns how
 * many there are. */
typedef void rules_break_fn(const semel_status *status, void *user);
unsigned rules_check_each(const struct settings *settings, rules_break_fn *found, void *user);

#endif
