/* Declared errors: the messages that methods can raise, as listed in the option errors.
 *
 * It must not know the other options.  Reads best next: errors.c. */
#ifndef IDL_ERRORS_H
#define IDL_ERRORS_H

#include "idl/options.h"

/* Reads the list of rules into options and reports what cannot be raised; rules may be NULL. */
void errors_read(const struct options_source *source, const desc_Rules *rules, struct model_options *options);

/* The errors of method: those it wrote, then those of its service, each once, and each with its name in the
 * receipt.  source is where the method's option is written, for what is wrong with the whole. */
void errors_settle(const struct options_source *source, struct model_method *method,
                   const struct model_options *written, const struct model_options *service);

#endif
