/* One line on stdout, out at once: what a person, or a test, goes by.
 * It must not know: what is said.
 * Reads best next: server.c, worker.c. */
#ifndef WORKER_SAY_H
#define WORKER_SAY_H

void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
