/* Asks the client for the policy and the properties for the origin; only what the IDL says is looked up here.
 * Must not know: how a table is printed.
 * Reads best next: show.c, explain.c. */
#include "tools/effective.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static struct properties_scope where(const struct effective_scope *scope)
{
    const char *name = scope->method->table.name;
    return (struct properties_scope){scope->channel, *name ? name : NULL};
}

/* 0 says nothing in fields of these. */
static int64_t unless_zero(int64_t number)
{
    return number != 0 ? number : SEMEL_UNSET;
}

/* What the IDL says for a key; false: nothing. */
static bool find_in_idl(const semel_call_options *options, enum properties_key key, struct value *ret)
{
    int64_t number = SEMEL_UNSET;
    switch (key) {
    case PROPERTIES_DEADLINE: number = options->deadline_ms; break;
    case PROPERTIES_ATTEMPT_TIMEOUT: number = options->attempt_timeout_ms; break;
    case PROPERTIES_RETRY_MAX_ATTEMPTS: number = options->retry_max_attempts; break;
    case PROPERTIES_RETRY_INITIAL_BACKOFF: number = options->retry_initial_backoff_ms; break;
    case PROPERTIES_RETRY_MAX_BACKOFF: number = options->retry_max_backoff_ms; break;
    case PROPERTIES_RETRY_MAX_ELAPSED: number = options->retry_max_elapsed_ms; break;
    case PROPERTIES_HEDGE_MAX: number = options->hedge_max; break;
    case PROPERTIES_HEDGE_DELAY: number = options->hedge_delay_ms; break;
    case PROPERTIES_ON_UNAVAILABLE:
        number = options->on_unavailable ? (int64_t)options->on_unavailable : -1;
        break;
    case PROPERTIES_RETRY_JITTER: number = unless_zero((int64_t)options->retry_jitter); break;
    case PROPERTIES_RETRYABLE_CODES: number = unless_zero(options->retryable_codes); break;
    case PROPERTIES_RETRY_BACKOFF_MULTIPLIER:
        number = unless_zero(llround(options->retry_backoff_multiplier * 1000));
        break;
    case PROPERTIES_RETRY_INTERVALS:
        *ret = (struct value){.intervals_ms = (uint32_t *)options->retry_intervals_ms,
                              .interval_count = (size_t)options->retry_interval_count};
        return options->retry_interval_count >= 0;
    default: break;
    }
    *ret = (struct value){.number = number};
    return number != SEMEL_UNSET;
}

enum properties_key effective_retries(const struct effective_scope *scope)
{
    const struct properties_scope place = where(scope);
    int intervals = properties_level(scope->properties, &place, PROPERTIES_RETRY_INTERVALS);
    int attempts = properties_level(scope->properties, &place, PROPERTIES_RETRY_MAX_ATTEMPTS);
    struct value value;
    bool by_attempts = intervals == PROPERTIES_LEVEL_UNSET && attempts == PROPERTIES_LEVEL_UNSET
                           ? find_in_idl(&scope->method->options, PROPERTIES_RETRY_MAX_ATTEMPTS, &value)
                       : intervals == PROPERTIES_LEVEL_UNSET ? true
                       : attempts == PROPERTIES_LEVEL_UNSET  ? false
                                                             : attempts < intervals;
    return by_attempts ? PROPERTIES_RETRY_MAX_ATTEMPTS : PROPERTIES_RETRY_INTERVALS;
}

void effective_policy(const struct effective_scope *scope, struct policy *ret)
{
    struct policy *policy = policy_resolve(scope->properties, scope->channel, &scope->method->table);
    if (policy == NULL) {
        fputs("semel: error: out of memory\n", stderr);
        exit(EXIT_FAILURE);
    }
    *ret = *policy;
    ret->retry.intervals_ms = ret->intervals_ms;
    policy_unref(policy);
}

/* Borrowed: nobody changes the properties of the tool any more. */
static bool find_servers(const struct effective_scope *scope, struct value *ret)
{
    struct properties_snapshot *snapshot = properties_snapshot(scope->properties);
    const char *servers = NULL;
    bool found = snapshot_find_servers(snapshot, &servers);
    ret->text = (char *)servers;
    properties_snapshot_unref(snapshot);
    return found;
}

static bool find_in_properties(const struct effective_scope *scope, enum properties_key key, struct value *ret)
{
    const struct properties_scope place = where(scope);
    *ret = (struct value){0};
    if (key == PROPERTIES_NAME_SERVERS)
        return find_servers(scope, ret);
    if (keys_info(key)->type != PROPERTIES_TYPE_INTERVALS)
        return properties_find_int(scope->properties, &place, key, &ret->number);
    const uint32_t *intervals_ms = NULL;
    bool found = properties_find_intervals(scope->properties, &place, &intervals_ms, &ret->interval_count);
    ret->intervals_ms = (uint32_t *)intervals_ms;
    return found;
}

/* The waits that nobody asked for: the client makes them follow OnUnavailable.  They are borrowed from *room. */
static const char *find_default_intervals(const struct effective_scope *scope, struct policy *room,
                                          struct value *ret)
{
    static const uint32_t at_once[] = {0};
    *ret = (struct value){.intervals_ms = (uint32_t *)at_once, .interval_count = 1};
    if (effective_retries(scope) != PROPERTIES_RETRY_INTERVALS)
        return "";
    effective_policy(scope, room);
    ret->intervals_ms = (uint32_t *)room->retry.intervals_ms;
    ret->interval_count = room->retry.interval_count;
    return room->retry.on_unavailable == SEMEL_ON_UNAVAILABLE_WAIT ? " with OnUnavailable=wait" : "";
}

static void find_default(const struct effective_scope *scope, enum properties_key key, struct effective *ret)
{
    struct value value = {.number = keys_info(key)->fallback};
    struct policy room;
    const char *with = "";
    if (key == PROPERTIES_RETRY_INTERVALS)
        with = find_default_intervals(scope, &room, &value);
    if (keys_info(key)->fallback == PROPERTIES_NO_DEFAULT)
        snprintf(ret->value, sizeof ret->value, "unset");
    else
        value_format(key, &value, ret->value);
    snprintf(ret->origin, sizeof ret->origin, "built-in default%s", with);
}

/* Which keys are looked at only if this one rules; itself for those that always are. */
static enum properties_key ruler_of(enum properties_key key)
{
    switch (key) {
    case PROPERTIES_RETRY_INITIAL_BACKOFF:
    case PROPERTIES_RETRY_MAX_BACKOFF:
    case PROPERTIES_RETRY_BACKOFF_MULTIPLIER:
    case PROPERTIES_RETRY_JITTER: return PROPERTIES_RETRY_MAX_ATTEMPTS;
    default: return key;
    }
}

static bool is_used(const struct effective_scope *scope, enum properties_key key)
{
    enum properties_key ruler = ruler_of(key);
    bool of_retries = ruler == PROPERTIES_RETRY_MAX_ATTEMPTS || ruler == PROPERTIES_RETRY_INTERVALS;
    return !of_retries || effective_retries(scope) == ruler;
}

void effective_find(const struct effective_scope *scope, enum properties_key key, struct effective *ret)
{
    const struct properties_scope place = where(scope);
    struct value value;
    if (find_in_properties(scope, key, &value)) {
        value_format(key, &value, ret->value);
        properties_origin(scope->properties, &place, key, ret->origin, sizeof ret->origin);
    } else if (find_in_idl(&scope->method->options, key, &value)) {
        struct report_quote quote;
        value_format(key, &value, ret->value);
        snprintf(ret->origin, sizeof ret->origin, "IDL, %s", report_quote_end(&quote, scope->method->file));
    } else {
        find_default(scope, key, ret);
    }
    ret->is_used = is_used(scope, key);
}
