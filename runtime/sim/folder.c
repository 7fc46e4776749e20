/* Named after the process, so that who started it can find what it has left.
 *
 * Reads best next: folder.h. */
#include "sim/folder.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MEMORY "/dev/shm"

static const char *parent(void)
{
    const char *temporary = getenv("TMPDIR");
    if (access(MEMORY, W_OK | X_OK) == 0)
        return MEMORY;
    return temporary != NULL && temporary[0] != '\0' ? temporary : "/tmp";
}

void folder_make(char *path, size_t size)
{
    snprintf(path, size, "%s/semel-sim-%ld-XXXXXX", parent(), (long)getpid());
    if (mkdtemp(path) != NULL)
        return;
    perror(path);
    exit(2);
}

void folder_remove(const char *path)
{
    char name[PATH_MAX];
    DIR *entries = opendir(path);
    if (entries == NULL)
        return;
    for (struct dirent *entry; (entry = readdir(entries)) != NULL;)
        if (entry->d_name[0] != '.' &&
            snprintf(name, sizeof name, "%s/%s", path, entry->d_name) < (int)sizeof name)
            (void)unlink(name);
    closedir(entries);
    (void)rmdir(path);
}

void folder_sweep(pid_t process)
{
    char name[PATH_MAX];
    char prefix[64];
    snprintf(prefix, sizeof prefix, "semel-sim-%ld-", (long)process);
    DIR *entries = opendir(parent());
    if (entries == NULL)
        return;
    for (struct dirent *entry; (entry = readdir(entries)) != NULL;)
        if (strncmp(entry->d_name, prefix, strlen(prefix)) == 0 &&
            snprintf(name, sizeof name, "%s/%s", parent(), entry->d_name) < (int)sizeof name)
            folder_remove(name);
    closedir(entries);
}
