/* The judge: whether a history keeps the promise.
 *
 * Its model is the promise itself, written down once more: it asks the history and the watch, never the runtime.  Reads
 * best next: judge.c. */
#ifndef TESTS_SIM_JUDGE_H
#define TESTS_SIM_JUDGE_H

#include "setup.h"

/* A call has just ended: what can only be seen now. */
struct op;
void judge_ending(const struct op *op, const struct setup *setup);
/* The world is quiet: every operation of the history. */
void judge_all(const struct setup *setup);

#endif
