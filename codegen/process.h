/* Runs another program without a shell and keeps what it says.
 *
 * It must not know which program it is.  Reads best next: semelc.c. */
#ifndef CODEGEN_PROCESS_H
#define CODEGEN_PROCESS_H

#include "codegen/text.h"

/* Lets SIGINT, SIGTERM and SIGHUP end the running program instead of this one, so that the caller can tidy
 * up. */
void process_catch_signals(void);
bool process_interrupted(void);

/* Runs argv[0] (searched in PATH unless it has a slash) with argv, NULL-terminated, inside directory (NULL: here),
 * and waits for it.  What it writes to stdout and stderr is appended to said.  Returns its exit status (128 +
 * signal when a signal ended it), or -1 with errno when it could not be started. */
int process_run(char *const argv[], const char *directory, struct text *said);

#endif
