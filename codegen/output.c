/* The workshop directory and the moves out of it.
 *
 * It must not know what the files are.  Reads best next: output.h. */
#include "codegen/output.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Makes path and what is missing above it. */
static bool make_directories(struct arena *arena, const char *path, bool *ret_made)
{
    *ret_made = false;
    if (mkdir(path, 0777) == 0) {
        *ret_made = true;
        return true;
    }
    if (errno == EEXIST)
        return true;
    if (errno != ENOENT)
        return false;
    char *above = arena_copy(arena, path);
    char *slash = strrchr(above, '/');
    if (slash == NULL || slash == above)
        return false;
    *slash = '\0';
    bool made_above;
    if (!make_directories(arena, above, &made_above))
        return false;
    *ret_made = mkdir(path, 0777) == 0;
    return *ret_made || errno == EEXIST;
}

bool output_open(struct output *output, struct arena *arena, const char *directory, const char **ret_culprit)
{
    *output = (struct output){.directory = directory};
    *ret_culprit = directory;
    if (!make_directories(arena, directory, &output->made_directory))
        return false;
    char *workshop = arena_printf(arena, "%s/.semelc-XXXXXX", directory);
    if (mkdtemp(workshop) == NULL)
        return false;
    output->workshop = workshop;
    output->made = arena_printf(arena, "%s/made", workshop);
    output->notes = arena_printf(arena, "%s/notes", workshop);
    return mkdir(output->made, 0777) == 0 && mkdir(output->notes, 0777) == 0;
}

/* Makes the directories above path. */
static bool make_above(struct arena *arena, const char *path)
{
    char *above = arena_copy(arena, path);
    char *slash = strrchr(above, '/');
    bool made;
    if (slash == NULL || slash == above)
        return true;
    *slash = '\0';
    return make_directories(arena, above, &made);
}

bool output_write(struct arena *arena, const char *directory, const char *relative, const void *bytes,
                  size_t size)
{
    const char *path = arena_printf(arena, "%s/%s", directory, relative);
    if (!make_above(arena, path))
        return false;
    FILE *file = fopen(path, "wb");
    if (file == NULL)
        return false;
    bool written = size == 0 || fwrite(bytes, 1, size, file) == size;
    return fclose(file) == 0 && written;
}

/* Called for every file and folder below root, contents first, with its path relative to it; false stops. */
typedef bool visitor(struct output *output, struct arena *arena, const char *relative, bool directory);

static bool is_directory(const char *path)
{
    struct stat status;
    return lstat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

static bool walk(struct output *output, struct arena *arena, const char *root, const char *below,
                 visitor *visit)
{
    DIR *directory = opendir(arena_printf(arena, "%s/%s", root, below));
    if (directory == NULL)
        return false;
    bool good = true;
    const struct dirent *entry;
    while (good && (entry = readdir(directory)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        const char *relative = arena_printf(arena, "%s%s%s", below, *below == '\0' ? "" : "/", entry->d_name);
        bool inner = is_directory(arena_printf(arena, "%s/%s", root, relative));
        if (inner)
            good = walk(output, arena, root, relative, visit);
        good = good && visit(output, arena, relative, inner);
    }
    int saved = errno;
    closedir(directory);
    errno = saved;
    return good;
}

static bool same_bytes(FILE *a, FILE *b)
{
    int left;
    int right;
    do {
        left = getc(a);
        right = getc(b);
    } while (left == right && left != EOF);
    return left == right;
}

static bool same_file(const char *left, const char *right)
{
    FILE *a = fopen(left, "rb");
    FILE *b = fopen(right, "rb");
    bool same = a != NULL && b != NULL && same_bytes(a, b);
    if (a != NULL)
        fclose(a);
    if (b != NULL)
        fclose(b);
    return same;
}

static bool publish_one(struct output *output, struct arena *arena, const char *relative, bool directory)
{
    if (directory)
        return true;
    const char *from = arena_printf(arena, "%s/%s", output->made, relative);
    const char *to = arena_printf(arena, "%s/%s", output->directory, relative);
    return same_file(from, to) || (make_above(arena, to) && rename(from, to) == 0);
}

/* What no rename can replace is found before the first file has moved. */
static bool has_room(struct output *output, struct arena *arena, const char *relative, bool directory)
{
    struct stat status;
    const char *to = arena_printf(arena, "%s/%s", output->directory, relative);
    bool there = lstat(to, &status) == 0;
    if (!there && errno == ENOENT)
        return true;
    if (there && !directory && S_ISDIR(status.st_mode))
        errno = EISDIR;
    else if (there)
        return true;
    output->culprit = to;
    return false;
}

bool output_publish(struct output *output, struct arena *arena, const char **ret_culprit)
{
    output->culprit = output->directory;
    output->published = walk(output, arena, output->made, "", has_room) &&
                        walk(output, arena, output->made, "", publish_one);
    *ret_culprit = output->culprit;
    return output->published;
}

static bool remove_one(struct output *output, struct arena *arena, const char *relative, bool directory)
{
    const char *path = arena_printf(arena, "%s/%s", output->workshop, relative);
    if (directory)
        rmdir(path);
    else
        unlink(path);
    return true; /* as much as can be */
}

void output_close(struct output *output, struct arena *arena)
{
    if (output->workshop != NULL) {
        walk(output, arena, output->workshop, "", remove_one);
        rmdir(output->workshop);
    }
    if (output->made_directory && !output->published)
        rmdir(output->directory);
    output->workshop = NULL;
}

static bool write_all(int file, const void *bytes, size_t size)
{
    const char *at = bytes;
    while (size > 0) {
        ssize_t written = write(file, at, size);
        if (written < 0 && errno != EINTR)
            return false;
        at += written < 0 ? 0 : written;
        size -= written < 0 ? 0 : (size_t)written;
    }
    return true;
}

/* mkostemp makes files for their owner only; ours are as open as others. */
static bool open_up(int file)
{
    mode_t mask = umask(0);
    umask(mask);
    return fchmod(file, 0666 & ~mask) == 0;
}

bool output_replace(struct arena *arena, const char *path, const void *bytes, size_t size)
{
    struct stat status;
    if (stat(path, &status) == 0 && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode))
        return output_write(arena, *path == '/' ? "" : ".", path, bytes,
                            size); /* /dev/stdout and its kin cannot be renamed over */
    char *temporary = arena_printf(arena, "%s.XXXXXX", path);
    if (!make_above(arena, path))
        return false;
    int file = mkostemp(temporary, O_CLOEXEC);
    if (file < 0)
        return false;
    bool good = write_all(file, bytes, size) && open_up(file);
    good = close(file) == 0 && good;
    if (good && same_file(temporary, path))
        return unlink(temporary) == 0;
    good = good && rename(temporary, path) == 0;
    int reason = errno;
    if (!good)
        unlink(temporary);
    errno = reason;
    return good;
}
