/* What every test of this program has to give back: descriptors and memory.  Counted before and after each test, by way
 * of its suite, so that no test has to think of it.
 *
 * It must not know what a test does.  Reads best next: leaks.c. */
#ifndef RUNTIME_LEAKS_H
#define RUNTIME_LEAKS_H

#include <criterion/criterion.h>

void leaks_begin(void);
void leaks_end(void);

/* Open descriptors of this process. */
unsigned descriptors(void);

#undef TestSuite
#define TestSuite(...)                                                                                         \
    CR_EXPAND(CR_SUITE_BASE(__VA_ARGS__, .init = leaks_begin, .fini = leaks_end, .sentinel_ = 0))

#endif
