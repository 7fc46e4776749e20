/* The folder of a world, for the files on its disks: in memory where there is such a file system, and gone with the
 * world.
 *
 * It must not know what the files are.  Reads best next: disk.h. */
#ifndef SIM_FOLDER_H
#define SIM_FOLDER_H

#include <stddef.h>
#include <sys/types.h>

/* Makes one, and ends the program if it can not. */
void folder_make(char *path, size_t size);
void folder_remove(const char *path);
/* Removes those of a process that has ended in the middle of a world. */
void folder_sweep(pid_t process);

#endif
