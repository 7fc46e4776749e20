/* The tasks of the server and how they stand; each step is in the book before anybody hears of it.
 * It must not know: calls, connections, results or clocks (times come in as arguments).
 * Reads best next: tasks.c, server.c. */
#ifndef WORKER_TASKS_H
#define WORKER_TASKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "book.h"

enum {
    TASKS_MAX = 1000,   /* of a list; they are searched one by one */
    TASK_NAME_MAX = 33, /* these three with their terminators, as in worker.options */
    TASK_COMMAND_MAX = 513,
    WORKER_ID_MAX = 49
};
#define TASK_LIMIT_MS_MAX UINT32_C(86400000) /* a day */

enum tasks_state { TASKS_WAITING, TASKS_HANDED, TASKS_DONE, TASKS_CLOSED, TASKS_STATE_COUNT };

struct task {
    char name[TASK_NAME_MAX]; /* a file name, too */
    char command[TASK_COMMAND_MAX];
    uint32_t limit_ms;
    enum tasks_state state;
    char worker[WORKER_ID_MAX]; /* who got it; empty: nobody yet */
    int64_t ends_us;            /* HANDED: when its time is over */
};

struct tasks {
    struct task *items;
    size_t count;
    struct book *book; /* borrowed; open before a task moves */
};

/* 1 to size - 1 of a-z, 0-9 and '-'; nothing else gets into a book or becomes a file name. */
bool tasks_name_valid(const char *name, size_t size);

/* Reads the list: lines "NAME LIMIT_MS COMMAND", empty lines, and comments that start with '#'.
 * false: why (of size) tells what is wrong with it. */
bool tasks_load(struct tasks *tasks, const char *path, char *why, size_t size);
void tasks_fini(struct tasks *tasks);

/* Takes a line of the book, if it is one of the tasks (*ret_taken).  false: it does not fit the list, or what stood
 * before it. */
bool tasks_recall(struct tasks *tasks, const char *line, bool *ret_taken);
/* After the whole book: what is in a worker's hands gets its whole time anew.  While the server was away nobody could
 * report to it. */
void tasks_restart(struct tasks *tasks, int64_t now_us);

/* NULL: there is none. */
struct task *tasks_find(struct tasks *tasks, const char *name);
struct task *tasks_held_by(struct tasks *tasks, const char *worker);

/* Hands the first waiting task to a worker; NULL: none waits. */
struct task *tasks_hand(struct tasks *tasks, const char *worker, int64_t now_us);
/* Ends a task that is HANDED (asserted). */
void tasks_finish(struct tasks *tasks, struct task *task, const char *verdict, uint64_t digest);
/* Closes one task whose time is over, and returns it; NULL: there is none (left). */
struct task *tasks_close_next(struct tasks *tasks, int64_t now_us);
/* When the next task's time is over; INT64_MAX: none is in anybody's hands. */
int64_t tasks_next_end_us(const struct tasks *tasks);

#endif
