/* Time in nanoseconds, and the step from a member to the struct it is embedded in.
 *
 * Reads best next: timers.h. */
#ifndef CORE_UNITS_H
#define CORE_UNITS_H

#include <stddef.h>
#include <stdint.h>

#define US_IN_NS INT64_C(1000)
#define MS_IN_NS INT64_C(1000000)
#define S_IN_NS INT64_C(1000000000)

#define container_of(pointer, type, member) ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

#endif
