/* The value that holds for a call, channel or node, key by key, as text, and where it came from.
 * Must not know: how a table is printed.
 * Reads best next: effective.c. */
#ifndef TOOLS_EFFECTIVE_H
#define TOOLS_EFFECTIVE_H

#include "client/policy.h"
#include "config/properties.h"
#include "tools/method.h"

#define EFFECTIVE_ORIGIN_MAX 160

struct effective {
    char value[VALUE_TEXT_MAX]; /* as it could be set: "5s", "0 100 500"; "unset" */
    char origin[EFFECTIVE_ORIGIN_MAX];
    bool is_used; /* false: another key rules in its place */
};

/* For whom.  channel may be NULL; a method without a name sees no method and no service. */
struct effective_scope {
    const semel_properties *properties;
    const char *channel;
    const struct method *method;
};

void effective_find(const struct effective_scope *scope, enum properties_key key, struct effective *ret);

/* RetryIntervals or RetryMaxAttempts: the one by which calls are retried. */
enum properties_key effective_retries(const struct effective_scope *scope);

/* What the client makes of it all.  Borrows from scope. */
void effective_policy(const struct effective_scope *scope, struct policy *ret);

#endif
