/* What the promise says about a retry, as a table of rows that is read from top to bottom.  It must not look at
 * retry.c, nor use anything of it.
 *
 * Reads best next: retry_test.c. */
#ifndef TESTS_CORE_RETRY_ORACLE_H
#define TESTS_CORE_RETRY_ORACLE_H

#include "core/retry.h"

/* The policies it knows: a list of no or of these three waits, or a backoff of so many attempts that waits the same. */
extern const uint32_t retry_oracle_waits[3];

struct retry_decision retry_oracle(const struct retry_input *input);

/* Whether both say the same; code, reason and outcome count only where the call ends. */
bool retry_oracle_same(const struct retry_decision *decision, const struct retry_decision *expected);

#endif
