/* System calls that are listened to: defined here, they come before those of libc for every library of the program.
 *
 * Reads best next: disk.h. */
#include "disk.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static struct disk_trace *listener;
static struct stat heard;
static unsigned folder_flushes;

static bool is_heard(int fd)
{
    struct stat file;
    return listener != NULL && fstat(fd, &file) == 0 && file.st_ino == heard.st_ino &&
           file.st_dev == heard.st_dev;
}

static void add(struct disk_event event)
{
    if (listener->count == listener->capacity) {
        listener->capacity = listener->capacity * 2 + 64;
        listener->events = realloc(listener->events, listener->capacity * sizeof *listener->events);
        cr_assert_not_null(listener->events);
    }
    listener->events[listener->count++] = event;
}

void disk_listen(const char *path, struct disk_trace *trace)
{
    cr_assert_eq(stat(path, &heard), 0);
    listener = trace;
}

void disk_stop(void)
{
    listener = NULL;
}

void disk_mark(int mark, uint64_t value)
{
    if (listener != NULL)
        add((struct disk_event){.kind = DISK_MARK, .mark = mark, .value = value});
}

unsigned disk_folder_flushes(void)
{
    return folder_flushes;
}

void disk_trace_fini(struct disk_trace *trace)
{
    for (size_t i = 0; i < trace->count; i++)
        free(trace->events[i].bytes);
    free(trace->events);
    *trace = (struct disk_trace){0};
}

void disk_fill(const char *path, const uint8_t *bytes, size_t size)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    cr_assert_geq(fd, 0);
    cr_assert_eq(syscall(SYS_pwrite64, fd, bytes, size, 0L), (long)size);
    cr_assert_eq(syscall(SYS_ftruncate, fd, size), 0);
    close(fd);
}

/* ---- what the calls do ---- */

/* Before it is done: a crash may come in the middle of it. */
static void hear_write(int fd, const struct iovec *pieces, int count, off_t offset)
{
    size_t size = 0;
    if (!is_heard(fd))
        return;
    for (int i = 0; i < count; i++)
        size += pieces[i].iov_len;
    uint8_t *bytes = malloc(size + 1);
    cr_assert_not_null(bytes);
    size = 0;
    for (int i = 0; i < count; i++) {
        if (pieces[i].iov_len > 0)
            memcpy(bytes + size, pieces[i].iov_base, pieces[i].iov_len);
        size += pieces[i].iov_len;
    }
    bool direct = (fcntl(fd, F_GETFL) & (O_DSYNC | O_SYNC)) != 0;
    add((struct disk_event){
        .kind = DISK_WRITE, .direct = direct, .offset = (uint64_t)offset, .bytes = bytes, .size = size});
}

static int flush(int fd)
{
    struct stat file;
    if (fstat(fd, &file) != 0)
        return -1;
    folder_flushes += S_ISDIR(file.st_mode);
    if (is_heard(fd))
        add((struct disk_event){.kind = DISK_FLUSH});
    return 0;
}

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t offset)
{
    const struct iovec piece = {(void *)bytes, size};
    hear_write(fd, &piece, 1, offset);
    return syscall(SYS_pwrite64, fd, bytes, size, offset);
}

ssize_t pwritev(int fd, const struct iovec *pieces, int count, off_t offset)
{
    hear_write(fd, pieces, count, offset);
    return syscall(SYS_pwritev, fd, pieces, (long)count, offset, 0L);
}

ssize_t write(int fd, const void *bytes, size_t size)
{
    const struct iovec piece = {(void *)bytes, size};
    hear_write(fd, &piece, 1, lseek(fd, 0, SEEK_CUR));
    return syscall(SYS_write, fd, bytes, size);
}

ssize_t writev(int fd, const struct iovec *pieces, int count)
{
    hear_write(fd, pieces, count, lseek(fd, 0, SEEK_CUR));
    return syscall(SYS_writev, fd, pieces, (long)count);
}

int ftruncate(int fd, off_t size)
{
    if (is_heard(fd))
        add((struct disk_event){.kind = DISK_CUT, .offset = (uint64_t)size});
    return (int)syscall(SYS_ftruncate, fd, size);
}

int fdatasync(int fd)
{
    return flush(fd);
}

int fsync(int fd)
{
    return flush(fd);
}
