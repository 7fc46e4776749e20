/* The tasks of a loop.
 *
 * Reads best next: loop_tasks.h. */
#include "net/loop_tasks.h"

#include <assert.h>

/* Tasks may queue tasks (a callback starts calls, which want to be flushed); after this many the descriptors get their
 * turn. */
enum { TASKS_A_TURN = 10000 };

void loop_tasks_init(struct loop_tasks *tasks)
{
    *tasks = (struct loop_tasks){.last = &tasks->first};
}

bool loop_tasks_add_again(struct loop_tasks *tasks, struct loop_task *task)
{
    if (task->queued)
        return false;
    task->queued = true;
    task->next = tasks->again;
    tasks->again = task;
    return true;
}

/* Takes it off a list that may hold it; *ret_link is where it hung.  false: it is not there. */
static bool unlink_from(struct loop_task **link, const struct loop_task *task, struct loop_task ***ret_link)
{
    while (*link != NULL && *link != task)
        link = &(*link)->next;
    if (*link == NULL)
        return false;
    *link = task->next;
    *ret_link = link;
    return true;
}

void loop_tasks_cancel(struct loop_tasks *tasks, struct loop_task *task)
{
    struct loop_task **link;
    if (!task->queued)
        return;
    if (!unlink_from(&tasks->again, task, &link)) {
        bool found = unlink_from(&tasks->first, task, &link);
        assert(found);
        (void)found;
        if (tasks->last == &task->next)
            tasks->last = link;
    }
    task->queued = false;
}

void loop_tasks_turn(struct loop_tasks *tasks)
{
    while (tasks->again != NULL) {
        struct loop_task *task = tasks->again;
        tasks->again = task->next;
        task->queued = false;
        loop_tasks_add(tasks, task);
    }
}

void loop_tasks_run(struct loop_tasks *tasks)
{
    for (int i = 0; i < TASKS_A_TURN && tasks->first != NULL; i++) {
        struct loop_task *task = tasks->first;
        tasks->first = task->next;
        if (tasks->first == NULL)
            tasks->last = &tasks->first;
        task->next = NULL;
        task->queued = false;
        task->run(task);
    }
}
