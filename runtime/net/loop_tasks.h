/* The tasks of a loop: work that is done once before it sleeps, in the order it came, or once in the turn to come.
 *
 * It must not know what makes the loop turn.  Reads best next: loop.h. */
#ifndef NET_LOOP_TASKS_H
#define NET_LOOP_TASKS_H

#include <stdbool.h>
#include <stddef.h>

struct loop_task;

typedef void loop_task_fn(struct loop_task *task);

/* Embedded in its owner. */
struct loop_task {
    struct loop_task *next;
    loop_task_fn *run;
    bool queued;
};

static inline void loop_task_init(struct loop_task *task, loop_task_fn *run)
{
    *task = (struct loop_task){.run = run};
}

struct loop_tasks {
    struct loop_task *first;
    struct loop_task **last;
    struct loop_task *again; /* of the turn to come */
};

void loop_tasks_init(struct loop_tasks *tasks);

/* Whether there is something to do in this turn, or in the one to come. */
static inline bool loop_tasks_due(const struct loop_tasks *tasks)
{
    return tasks->first != NULL;
}
static inline bool loop_tasks_any(const struct loop_tasks *tasks)
{
    return tasks->first != NULL || tasks->again != NULL;
}

/* For this turn, or for the one to come.  false: it is queued already. */
static inline bool loop_tasks_add(struct loop_tasks *tasks, struct loop_task *task)
{
    if (task->queued)
        return false;
    task->queued = true;
    task->next = NULL;
    *tasks->last = task;
    tasks->last = &task->next;
    return true;
}
bool loop_tasks_add_again(struct loop_tasks *tasks, struct loop_task *task);
/* Takes it back; not queued is fine. */
void loop_tasks_cancel(struct loop_tasks *tasks, struct loop_task *task);

/* A turn begins: what was put off to it is due. */
void loop_tasks_turn(struct loop_tasks *tasks);
/* Runs what is due, and what that brings, but not without end. */
void loop_tasks_run(struct loop_tasks *tasks);

#endif
