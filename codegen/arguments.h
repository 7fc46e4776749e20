/* The command line of semelc, taken apart and checked.
 *
 * It must not know how anything is done.  Reads best next: semelc.c. */
#ifndef CODEGEN_ARGUMENTS_H
#define CODEGEN_ARGUMENTS_H

#include "codegen/report.h"

enum task { TASK_GENERATE, TASK_DESCRIBE, TASK_DESCRIBE_JSON, TASK_SAVE, TASK_CHECK };

struct arguments {
    enum task task;
    const char *out;            /* -o */
    const char *save;           /* --save */
    const char *against;        /* --check-against */
    const char *depfile;        /* --depfile, or NULL */
    const char *depfile_target; /* --depfile-target, or NULL: the files that are made */
    const char **files;
    size_t file_count;
    struct imports imports; /* with room for ARGUMENTS_MORE_IMPORTS and one for each file */
};

enum { ARGUMENTS_MORE_IMPORTS = 3 };

enum parsed { PARSED_RUN, PARSED_DONE, PARSED_WRONG };

/* Fills *ret_arguments, in the arena.  PARSED_DONE: the answer was printed; PARSED_WRONG: a mistake was reported. */
enum parsed arguments_parse(struct arguments *ret_arguments, struct arena *arena, int argc, char **argv);

#endif
