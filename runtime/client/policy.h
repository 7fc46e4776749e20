/* The effective policy of a call: call option, then properties by scope, then the IDL, then the built-in default.
 *
 * Reads best next: call.h. */
#ifndef CLIENT_POLICY_H
#define CLIENT_POLICY_H

#include <semel/call.h>
#include <semel/properties.h>

#include "core/retry.h"

struct policy {
    struct retry_policy retry;
    int64_t deadline_ns;       /* 0: none */
    bool intervals_by_default; /* nobody asked for the intervals: they follow on_unavailable */
};

/* What holds for calls of a method without options of their own.  Everything it points to is static, the method's or
 * the properties'. */
void policy_resolve(const semel_properties *properties, const char *channel, const struct semel_method *method,
                    struct policy *ret_policy);

/* Puts the options of one call on top.  *ret_intervals: a copy that the call frees, or NULL.
 * Errors: BAD_ARGUMENT (*ret_message, static, says which), NO_MEMORY. */
enum semel_reason policy_override(struct policy *policy, const semel_call_options *options,
                                  uint32_t **ret_intervals, const char **ret_message);

#endif
