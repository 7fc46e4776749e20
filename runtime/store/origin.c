/* Where a file was made.
 *
 * Reads best next: origin.h. */
#include "store/origin.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "core/units.h"

int origin_of(int fd, struct origin *ret_origin)
{
    struct statx about;
    if (statx(fd, "", AT_EMPTY_PATH, STATX_INO | STATX_BTIME, &about) != 0)
        return errno;
    *ret_origin = (struct origin){.inode = about.stx_ino};
    if ((about.stx_mask & STATX_BTIME) != 0)
        ret_origin->born_ns = (uint64_t)about.stx_btime.tv_sec * S_IN_NS + about.stx_btime.tv_nsec;
    return 0;
}
