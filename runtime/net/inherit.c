/* One variable a thread.
 *
 * Reads best next: inherit.h. */
#include "net/inherit.h"

static _Thread_local int64_t inherited_deadline_ns;

int64_t inherit_enter(int64_t deadline_ns)
{
    int64_t previous_ns = inherited_deadline_ns;
    inherited_deadline_ns = deadline_ns;
    return previous_ns;
}

void inherit_leave(int64_t previous_ns)
{
    inherited_deadline_ns = previous_ns;
}

int64_t inherit_deadline_ns(void)
{
    return inherited_deadline_ns;
}
