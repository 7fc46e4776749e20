/* Ownership by locks on files.
 *
 * flock, not fcntl: fcntl's locks end when any descriptor of the file is closed, and LMDB has some of its own.
 * Reads best next: owner.h. */
#include "store/owner.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
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

/* ---- who has it ---- */

static enum semel_code refuse(const char *pid, const char *path, struct store_problem *problem)
{
    return store_fail(problem, SEMEL_FAILED_PRECONDITION,
                      "process %s has %s open; one at a time may: end it, or use another file",
                      pid[0] != '\0' ? pid : "(unknown)", path);
}

/* As it has said in PATH-owner, which is locked. */
static void read_pid(int fd, char *ret_pid)
{
    ssize_t size = pread(fd, ret_pid, PID_TEXT - 1, 0);
    ret_pid[size > 0 ? size : 0] = '\0';
    ret_pid[strspn(ret_pid, "0123456789")] = '\0';
}

/* As the kernel tells: "1: FLOCK  ADVISORY  WRITE PID MAJOR:MINOR:INODE 0 EOF".  It does not for every file system. */
static void look_through_locks(int fd, char *ret_pid)
{
    struct stat file;
    char line[200];
    FILE *locks = fopen("/proc/locks", "re");
    ret_pid[0] = '\0';
    if (locks == NULL)
        return;
    while (fstat(fd, &file) == 0 && fgets(line, sizeof line, locks) != NULL) {
        unsigned major_number;
        unsigned minor_number;
        unsigned long long inode;
        long pid;
        if (sscanf(line, "%*s FLOCK %*s WRITE %ld %x:%x:%llu", &pid, &major_number, &minor_number, &inode) ==
                4 &&
            pid > 0 && inode == file.st_ino && makedev(major_number, minor_number) == file.st_dev)
            snprintf(ret_pid, PID_TEXT, "%ld", pid);
    }
    fclose(locks);
}

/* It is told a page at a time: when others end locks in between, one that lasts may be passed over. */
static void look_up_pid(int fd, char *ret_pid)
{
    enum { TRIES = 8 };
    ret_pid[0] = '\0';
    for (int i = 0; i < TRIES && ret_pid[0] == '\0'; i++)
        look_through_locks(fd, ret_pid);
}

/* ---- taking it ---- */

static enum semel_code fail(const char *what, const char *name, struct store_problem *problem)
{
    int error = errno;
    return store_fail(problem, owner_code_of(error), "cannot %s %s: %s", what, name, strerror(error));
}

/* So that others can be told.  A disk that is full is no reason to own less. */
static void sign(int fd)
{
    char text[PID_TEXT];
    int size = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    if (ftruncate(fd, 0) == 0)
        (void)!pwrite(fd, text, (size_t)size, 0);
}

static enum semel_code open_file(struct owner *owner, const char *path, struct store_problem *problem)
{
    struct stat file;
    owner->file_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0600);
    if (owner->file_fd < 0 || fstat(owner->file_fd, &file) != 0 || realpath(path, owner->path) == NULL)
        return fail("open", path, problem);
    if (!S_ISREG(file.st_mode))
        return store_fail(problem, SEMEL_INVALID_ARGUMENT, "%s is no file; name another one", path);
    return SEMEL_OK;
}

static enum semel_code lock_name(struct owner *owner, const char *path, struct store_problem *problem)
{
    char name[PATH_MAX];
    char pid[PID_TEXT];
    if (snprintf(name, sizeof name, "%s-owner", owner->path) >= (int)sizeof name)
        return store_fail(problem, SEMEL_INVALID_ARGUMENT, "the path is too long");
    owner->name_fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (owner->name_fd < 0)
        return fail("open", name, problem);
    if (flock(owner->name_fd, LOCK_EX | LOCK_NB) == 0)
        return SEMEL_OK;
    if (errno != EWOULDBLOCK)
        return fail("lock", name, problem);
    read_pid(owner->name_fd, pid);
    return refuse(pid, path, problem);
}

static enum semel_code lock_file(struct owner *owner, const char *path, struct store_problem *problem)
{
    char pid[PID_TEXT];
    if (flock(owner->file_fd, LOCK_EX | LOCK_NB) == 0) {
        sign(owner->name_fd);
        return SEMEL_OK;
    }
    if (errno != EWOULDBLOCK)
        return fail("lock", path, problem);
    look_up_pid(owner->file_fd, pid);
    return refuse(pid, path, problem);
}

enum semel_code owner_take(struct owner *owner, const char *path, struct store_problem *ret_problem)
{
    *owner = (struct owner){.file_fd = -1, .name_fd = -1};
    enum semel_code code = open_file(owner, path, ret_problem);
    if (code == SEMEL_OK)
        code = lock_name(owner, path, ret_problem);
    if (code == SEMEL_OK)
        code = lock_file(owner, path, ret_problem);
    if (code != SEMEL_OK)
        owner_give(owner);
    return code;
}

void owner_give(struct owner *owner)
{
    if (owner->name_fd >= 0)
        close(owner->name_fd);
    if (owner->file_fd >= 0)
        close(owner->file_fd);
    owner->file_fd = owner->name_fd = -1;
}

bool owner_has(const struct owner *owner, int fd)
{
    struct stat own;
    struct stat other;
    return fstat(owner->file_fd, &own) == 0 && fstat(fd, &other) == 0 && own.st_dev == other.st_dev &&
           own.st_ino == other.st_ino;
}
