/* What can be asked of a call: how long it may take, and what happens when something breaks.  The same options stand in
 * the IDL (a method's or a service's), in the properties of an operator, and beside a single call.
 *
 * Most specific wins: the call's own, then properties, then the IDL's method and service options, then the built-in
 * default.  The language is idl/README.md, the properties are runtime/config/README.md.
 *
 * Reads best next: semel/call.h. */
#ifndef SEMEL_OPTIONS_H
#define SEMEL_OPTIONS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SEMEL_UNSET (-1) /* in a number: take the property, the IDL option or the default */

#define SEMEL_DEADLINE_UNSET SEMEL_UNSET
#define SEMEL_CODES_NONE 1u   /* in retryable_codes: none, whatever a less specific layer says */
#define SEMEL_DEADLINE_NONE 0 /* no deadline: must be asked for */

/* The three philosophies when no server can be reached. */
enum semel_on_unavailable {
    SEMEL_ON_UNAVAILABLE_UNSET = 0,
    SEMEL_ON_UNAVAILABLE_WAIT = 1, /* until the server is back, up to the deadline; the last wait repeats */
    SEMEL_ON_UNAVAILABLE_FAIL = 2, /* use the retry policy, then report failure (the default) */
    SEMEL_ON_UNAVAILABLE_DROP = 3  /* best effort: never retried, the loss is counted */
};

/* How chance spreads the waits of an exponential backoff, so that many clients do not come back at once. */
enum semel_jitter {
    SEMEL_JITTER_UNSET = 0,
    SEMEL_JITTER_NONE = 1,        /* the wait itself */
    SEMEL_JITTER_FULL = 2,        /* anything from 0 to the wait (the default) */
    SEMEL_JITTER_EQUAL = 3,       /* anything from half of the wait to the wait */
    SEMEL_JITTER_DECORRELATED = 4 /* anything from the initial wait to three times the last one */
};

/* Start from SEMEL_CALL_OPTIONS_INIT, which sets nothing.  All times are milliseconds. */
typedef struct semel_call_options {
    int64_t deadline_ms;        /* for the call with all its attempts; SEMEL_DEADLINE_NONE: none */
    int64_t attempt_timeout_ms; /* for each attempt on its connection; 0: none */
    enum semel_on_unavailable on_unavailable;
    /* Retries: a list of waits, or, when retry_max_attempts is set, an exponential backoff.  Not both. */
    int32_t retry_interval_count; /* 0: no retry */
    const uint32_t
        *retry_intervals_ms;    /* waits before each retry; at most 64; NULL unless the count is above 0 */
    int32_t retry_max_attempts; /* with the first; 1: no retry */
    enum semel_jitter retry_jitter;
    int64_t retry_initial_backoff_ms;
    int64_t retry_max_backoff_ms;
    double retry_backoff_multiplier; /* 1 or more; 0: unset */
    int64_t retry_max_elapsed_ms;    /* no retry starts later than this after the call did; 0: no such limit */
    /* For operations that may run again. */
    uint32_t retryable_codes; /* bit 1 << code for each answer that is retried; 0: unset */
    int32_t hedge_max;        /* further attempts beside the first; 0: none */
    int64_t hedge_delay_ms;   /* without an answer for this long, the next one is sent */
} semel_call_options;

#define SEMEL_CALL_OPTIONS_INIT                                                                                \
    {                                                                                                          \
        SEMEL_UNSET, SEMEL_UNSET, SEMEL_ON_UNAVAILABLE_UNSET, SEMEL_UNSET, 0, SEMEL_UNSET, SEMEL_JITTER_UNSET, \
            SEMEL_UNSET, SEMEL_UNSET, 0, SEMEL_UNSET, 0, SEMEL_UNSET, SEMEL_UNSET                              \
    }

#ifdef __cplusplus
}
#endif
#endif
