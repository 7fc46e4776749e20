/* Ownership by a lock on a file.
 *
 * Reads best next: owner.h. */
#include "store/owner.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

enum { PID_TEXT = 24 };

enum semel_code owner_code_of(int error)
{
    switch (error) {
    case ENOENT:
    case ENOTDIR: return SEMEL_NOT_FOUND;
    case EACCES:
    case EPERM:
    case EROFS: return SEMEL_PERMISSION_DENIED;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
    case ENOMEM:
    case EMFILE:
    case ENFILE: return SEMEL_RESOURCE_EXHAUSTED;
    case EISDIR:
    case ENAMETOOLONG: return SEMEL_INVALID_ARGUMENT;
    default: return SEMEL_INTERNAL;
    }
}

/* Who has it, as far as it has said so. */
static enum semel_code refuse(int fd, const char *path, struct store_problem *problem)
{
    char text[PID_TEXT] = "";
    ssize_t size = pread(fd, text, sizeof text - 1, 0);
    text[size > 0 ? strspn(text, "0123456789") : 0] = '\0';
    close(fd);
    return store_fail(problem, SEMEL_FAILED_PRECONDITION,
                      "process %s has %s open; one at a time may: end it, or use another file",
                      text[0] != '\0' ? text : "(unknown)", path);
}

static bool sign(int fd)
{
    char text[PID_TEXT];
    int size = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    return ftruncate(fd, 0) == 0 && pwrite(fd, text, (size_t)size, 0) == size;
}

enum semel_code owner_take(const char *path, int *ret_fd, struct store_problem *ret_problem)
{
    char name[PATH_MAX];
    if (snprintf(name, sizeof name, "%s-owner", path) >= (int)sizeof name)
        return store_fail(ret_problem, SEMEL_INVALID_ARGUMENT, "the path is too long");
    int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return store_fail(ret_problem, owner_code_of(errno), "cannot open %s: %s", name, strerror(errno));
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK)
            return refuse(fd, path, ret_problem);
        enum semel_code code = store_fail(ret_problem, owner_code_of(errno), "cannot lock %s: %s", name,
                                          strerror(errno));
        close(fd);
        return code;
    }
    if (!sign(fd)) {
        enum semel_code code = store_fail(ret_problem, owner_code_of(errno), "cannot write %s: %s", name,
                                          strerror(errno));
        close(fd);
        return code;
    }
    *ret_fd = fd;
    return SEMEL_OK;
}
