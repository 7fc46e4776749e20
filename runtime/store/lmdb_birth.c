/* A file of heads only, and making a file durable.
 *
 * Reads best next: lmdb_birth.h. */
#include "store/lmdb_birth.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/lmdb_walk.h"

/* What a disk writes whole; a head takes less. */
enum { SECTOR = 512 };

static bool is_zero(const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (bytes[i] != 0)
            return false;
    return true;
}

/* A head that no transaction has written yet. */
static bool is_first_head(const uint8_t *sector, size_t number)
{
    struct lmdb_page_start start;
    struct lmdb_head head;
    const size_t size = sizeof start + sizeof head;
    memcpy(&start, sector, sizeof start);
    memcpy(&head, sector + sizeof start, sizeof head);
    return start.number == number && start.flags == LMDB_HEAD && head.magic == LMDB_MAGIC &&
           head.version == LMDB_DATA_VERSION && head.txn == 0 && head.main.root == LMDB_NO_PAGE &&
           is_zero(sector + size, SECTOR - size);
}

bool lmdb_birth_was_cut(int fd)
{
    uint8_t sector[SECTOR];
    struct stat file;
    int heads = 0;
    const long page_size = sysconf(_SC_PAGESIZE); /* LMDB takes it for new files */
    if (fstat(fd, &file) != 0 || file.st_size == 0 || file.st_size > LMDB_HEADS * page_size)
        return false;
    for (off_t at = 0; at < file.st_size; at += SECTOR) {
        memset(sector, 0, sizeof sector);
        if (pread(fd, sector, sizeof sector, at) <= 0)
            return false;
        if (is_zero(sector, sizeof sector))
            continue;
        if (at % page_size != 0 || !is_first_head(sector, (size_t)(at / page_size)))
            return false;
        heads++;
    }
    return heads < LMDB_HEADS;
}

int lmdb_birth_end(int fd, const char *path)
{
    char folder[PATH_MAX] = ".";
    const char *name = strrchr(path, '/');
    if (name != NULL) {
        size_t size = name == path ? 1 : (size_t)(name - path);
        if (size >= sizeof folder)
            return ENAMETOOLONG;
        memcpy(folder, path, size);
        folder[size] = '\0';
    }
    if (fsync(fd) != 0)
        return errno;
    int folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder_fd < 0)
        return syncfs(fd) == 0 ? 0 : errno; /* one that must not be read is flushed with all others */
    int error = fsync(folder_fd) == 0 ? 0 : errno;
    close(folder_fd);
    return error == EINVAL ? 0 : error; /* there are file systems that flush no folder */
}
