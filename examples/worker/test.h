/* One running test: a command, its output in a file and line by line, and how it ended.
 * It must not know: calls or servers.
 * Reads best next: worker.c. */
#ifndef WORKER_TEST_H
#define WORKER_TEST_H

#include <stdbool.h>
#include <stdint.h>

#include <ev.h>

enum { TEST_LINE_MAX = 201, TEST_VERDICT_MAX = 33 }; /* with their terminators, as in worker.options */

struct test {
    struct ev_loop *loop; /* borrowed: the default loop, the only one that hears of children */
    void (*line)(const char *text, void *user);
    void (*ended)(const char *verdict, void *user);
    void *user;
    pid_t pid;   /* 0: none runs */
    int out_fd;  /* what it prints */
    int file_fd; /* where that is kept */
    uint64_t bytes;
    const char *spoilt; /* what ended it, other than itself; NULL: nothing */
    size_t length;      /* of the line so far */
    char text[TEST_LINE_MAX];
    char verdict[TEST_VERDICT_MAX];
    ev_io out;
    ev_child child;
    ev_timer patience;
};

/* Runs sh -c command in a process group of its own; what it prints goes to the file at path, and to line, in pieces of
 * at most TEST_LINE_MAX - 1 printable bytes.  After its end, or patience_s, or RESULT_BYTES_MAX of output, the group is
 * killed, and ended is called once: "exit-0", "signal-9", "out-of-time", "too-much-output", "not-written".
 * loop, line, ended and user are set before.  Returns 0, or an errno value: it does not run. */
int test_start(struct test *test, const char *command, const char *path, double patience_s);
/* Kills it without a word; may be called when none runs. */
void test_stop(struct test *test);

#endif
