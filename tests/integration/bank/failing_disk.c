/* A disk that fails: takes the place of what LMDB writes with, in a bank-server of its own.  The n-th write or flush is
 * answered with EIO, and so are all after it, or none.
 *
 * DISK_FAILS_AT: the call, from 1; 0 or unset: none.  DISK_FAILS_ONCE: set if the disk recovers.  DISK_CALLS: a file
 * that gets one byte a call.
 * It must not know what is written.  Reads best next: disk_errors.sh. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static int count_fd = -1;
static long calls, fails_at;
static bool once;

static void read_orders(void)
{
    const char *at = getenv("DISK_FAILS_AT");
    const char *count = getenv("DISK_CALLS");
    fails_at = at != NULL ? strtol(at, NULL, 10) : 0;
    once = getenv("DISK_FAILS_ONCE") != NULL;
    count_fd = count != NULL ? open(count, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
}

static bool fails(void)
{
    if (calls++ == 0)
        read_orders();
    if (count_fd >= 0 && write(count_fd, ".", 1) != 1)
        abort();
    bool now = fails_at != 0 && (once ? calls == fails_at : calls >= fails_at);
    if (now)
        errno = EIO;
    return now;
}

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t at)
{
    return fails() ? -1 : syscall(SYS_pwrite64, fd, bytes, size, at);
}

ssize_t pwrite64(int fd, const void *bytes, size_t size, off64_t at) __attribute__((alias("pwrite")));

ssize_t pwritev(int fd, const struct iovec *pieces, int count, off_t at)
{
    return fails() ? -1 : syscall(SYS_pwritev, fd, pieces, count, at, 0);
}

ssize_t pwritev64(int fd, const struct iovec *pieces, int count, off64_t at) __attribute__((alias("pwritev")));

ssize_t writev(int fd, const struct iovec *pieces, int count)
{
    /* Connections have it, too: only files are on the disk. */
    bool is_file = lseek(fd, 0, SEEK_CUR) >= 0;
    return is_file && fails() ? -1 : syscall(SYS_writev, fd, pieces, count);
}

int fdatasync(int fd)
{
    return fails() ? -1 : (int)syscall(SYS_fdatasync, fd);
}

int fsync(int fd)
{
    return fails() ? -1 : (int)syscall(SYS_fsync, fd);
}

int msync(void *at, size_t size, int flags)
{
    return fails() ? -1 : (int)syscall(SYS_msync, at, size, flags);
}
