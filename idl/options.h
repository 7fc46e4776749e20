/* Our options as written in a .proto file, read and checked one by one; and how a method's win over its
 * service's.
 *
 * It must not know rules between options (check.c) nor errors (errors.c).  Reads best next: check.h. */
#ifndef IDL_OPTIONS_H
#define IDL_OPTIONS_H

#include "idl/model.h"

/* The numbers of semel/options.proto, for paths to source locations. */
enum {
    OPTION_SEMEL = 51717,
    OPTION_FIRST = 1,
    OPTION_RETRY_INTERVALS = 1,
    OPTION_DEADLINE = 2,
    OPTION_ONEWAY = 3,
    OPTION_ON_UNAVAILABLE = 4,
    OPTION_ERRORS = 5,
    OPTION_ATTEMPT_TIMEOUT = 6,
    OPTION_RETRY_MAX_ATTEMPTS = 7,
    OPTION_RETRY_INITIAL_BACKOFF = 8,
    OPTION_RETRY_MAX_BACKOFF = 9,
    OPTION_RETRY_BACKOFF_MULTIPLIER = 10,
    OPTION_RETRY_JITTER = 11,
    OPTION_RETRY_MAX_ELAPSED = 12,
    OPTION_RETRYABLE_CODES = 13,
    OPTION_HEDGE_DELAY = 14,
    OPTION_HEDGE_MAX = 15,
    OPTION_TRANSACTIONAL = 16,
    OPTION_LAST = 15
};

/* Where options are written, and what is needed to judge them. */
struct options_source {
    struct model *model;
    struct diagnostics *list;
    struct request_file *file;
    struct path path; /* to the whole option (semel.method) or (semel.service) */
};

/* The place of one of them, OPTION_DEADLINE for example. */
struct place options_place(const struct options_source *source, int32_t option);

/* Its name, "deadline". */
const char *options_name(int32_t option);

/* Whether options say something about it; oneway and transactional are not among them. */
bool options_say(const struct model_options *options, int32_t option);

/* The first of list, which ends with 0, that options say something about; 0: none. */
int32_t options_say_one_of(const struct model_options *options, const int32_t *list);

/* All that belongs to an exponential backoff. */
extern const int32_t options_backoff[];

/* Whether retryable_codes and hedging can mean anything for it. */
bool options_may_run_again(const struct model_method *method);

/* Reads rules (NULL: nothing written) but their errors, and reports bad values, which then count as unset. */
struct model_options options_read(const struct options_source *source, const desc_Rules *rules);

/* What holds for method: what its own option says (written) over what its service's does; errors are those
 * written. */
struct model_options options_merge(const struct model_method *method, const struct model_options *written,
                                   const struct model_options *service);

#endif
