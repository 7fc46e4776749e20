/* Counting before and after.  Memory is counted by the wrapped allocator of ../memory, under everything that is linked
 * statically: the library, nanopb and the tests.
 *
 * Reads best next: leaks.h. */
#include "leaks.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "failing.h"

static unsigned descriptors_before;
static int64_t memory_before;

unsigned descriptors(void)
{
    unsigned count = 0;
    DIR *folder = opendir("/proc/self/fd");
    cr_assert(folder != NULL);
    while (readdir(folder) != NULL)
        count++;
    closedir(folder);
    return count;
}

void leaks_begin(void)
{
    descriptors_before = descriptors();
    memory_before = failing_outstanding();
}

/* Criterion has judged the test by now: only that its process crashes makes this a failure. */
void leaks_end(void)
{
    unsigned open = descriptors();
    int64_t left = failing_outstanding() - memory_before;
    if (open == descriptors_before && left == 0)
        return;
    fprintf(stderr, "left behind by the test: %d descriptors, %lld allocations\n",
            (int)(open - descriptors_before), (long long)left);
    abort();
}
