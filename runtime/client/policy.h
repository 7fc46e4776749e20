/* The effective policy of a call: its own options over properties over the IDL over the built-in defaults.
 *
 * Each of these layers is a semel_call_options; they are laid over one another, and what comes out is turned into
 * the terms of the retry decision.  A policy never changes and is shared by the calls that follow it; after a
 * reload of the properties new calls get a new one.
 *
 * Reads best next: call.h. */
#ifndef CLIENT_POLICY_H
#define CLIENT_POLICY_H

#include <semel/call.h>
#include <semel/properties.h>

#include "core/limits.h"
#include "core/pool.h"
#include "core/retry.h"

struct policy {
    uint32_t references;
    struct pool *pool; /* where it goes back to; NULL: the allocator */
    struct retry_policy retry;
    int64_t deadline_ns;        /* 0: none */
    int64_t attempt_timeout_ns; /* 0: none */
    uint32_t hedge_max;         /* 0: no hedging */
    int64_t hedge_delay_ns;
    semel_call_options options; /* the layers together; what nobody asked for is unset */
    uint32_t intervals_ms[LIMIT_RETRY_INTERVALS];
};

/* What holds for calls of a method without options of their own.  NULL: no memory. */
struct policy *policy_resolve(const semel_properties *properties, const char *channel,
                              const struct semel_method *method);

/* The same with the options of one call on top, from the pool.  NULL: *ret_reason and *ret_message (static) say why.
 * Errors: BAD_ARGUMENT, NO_MEMORY. */
struct policy *policy_override(const struct policy *base, const struct semel_method *method,
                               const semel_call_options *options, struct pool *pool,
                               enum semel_reason *ret_reason, const char **ret_message);

/* One attempt, no deadline of its own.  NULL: no memory. */
struct policy *policy_once(void);

static inline struct policy *policy_ref(struct policy *policy)
{
    policy->references++;
    return policy;
}

/* Accepts NULL. */
void policy_unref(struct policy *policy);

/* Why options can not be asked for, or NULL. */
const char *policy_problem(const struct semel_method *method, const semel_call_options *options);

#endif
