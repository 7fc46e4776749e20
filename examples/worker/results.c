/* The files of results.h.
 * It must not know: calls, or who may store what.
 * Reads best next: server.c. */
#include "results.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <xxhash.h>

static int put(int fd, uint64_t offset, const unsigned char *data, size_t size)
{
    while (size > 0) {
        ssize_t written = pwrite(fd, data, size, (off_t)offset);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return written < 0 ? errno : ENOSPC;
        offset += (uint64_t)written;
        data += written;
        size -= (size_t)written;
    }
    return 0;
}

int results_put(int folder_fd, const char *name, uint64_t offset, const void *data, size_t size)
{
    if (offset > RESULT_BYTES_MAX || size > RESULT_BYTES_MAX - offset)
        return EFBIG;
    int fd = openat(folder_fd, name, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0)
        return errno;
    int error = put(fd, offset, data, size);
    return close(fd) < 0 && error == 0 ? errno : error;
}

/* 0, or an errno value; *size and *digest are of what was read. */
static int measure(int fd, XXH3_state_t *hash, uint64_t *size, uint64_t *digest)
{
    char buffer[65536];
    ssize_t count;
    *size = 0;
    XXH3_64bits_reset(hash);
    while ((count = read(fd, buffer, sizeof buffer)) != 0) {
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return errno;
        XXH3_64bits_update(hash, buffer, (size_t)count);
        *size += (uint64_t)count;
    }
    *digest = XXH3_64bits_digest(hash);
    return 0;
}

int results_measure(int folder_fd, const char *name, uint64_t *ret_size, uint64_t *ret_digest)
{
    XXH3_state_t *hash = XXH3_createState();
    if (hash == NULL)
        return ENOMEM;
    int fd = openat(folder_fd, name, O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    int error = fd < 0 ? errno : measure(fd, hash, ret_size, ret_digest);
    if (fd >= 0)
        close(fd);
    XXH3_freeState(hash);
    return error;
}
