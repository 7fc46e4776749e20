/* The workshop directory and the moves out of it.
 *
 * It must not know what the files are.  Reads best next: output.h. */
#include "codegen/output.h"

#include <dirent.h>
#include <errno.h>
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
    return true;
}

/* Called for every file and folder of the workshop, contents first, with its path relative to it; false
 * stops. */
typedef bool visitor(struct output *output, struct arena *arena, const char *relative, bool directory);

static bool is_directory(const char *path)
{
    struct stat status;
    return lstat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

static bool walk(struct output *output, struct arena *arena, const char *below, visitor *visit)
{
    DIR *directory = opendir(arena_printf(arena, "%s/%s", output->workshop, below));
    if (directory == NULL)
        return false;
    bool good = true;
    const struct dirent *entry;
    while (good && (entry = readdir(directory)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        const char *relative = arena_printf(arena, "%s%s%s", below, *below == '\0' ? "" : "/", entry->d_name);
        bool inner = is_directory(arena_printf(arena, "%s/%s", output->workshop, relative));
        if (inner)
            good = walk(output, arena, relative, visit);
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
    const char *from = arena_printf(arena, "%s/%s", output->workshop, relative);
    char *to = arena_printf(arena, "%s/%s", output->directory, relative);
    if (same_file(from, to))
        return true;
    char *slash = strrchr(to, '/');
    bool made;
    *slash = '\0';
    if (!make_directories(arena, to, &made))
        return false;
    *slash = '/';
    return rename(from, to) == 0;
}

bool output_publish(struct output *output, struct arena *arena, const char **ret_culprit)
{
    *ret_culprit = output->directory;
    output->published = walk(output, arena, "", publish_one);
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
        walk(output, arena, "", remove_one);
        rmdir(output->workshop);
    }
    if (output->made_directory && !output->published)
        rmdir(output->directory);
    output->workshop = NULL;
}
