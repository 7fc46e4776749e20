/* The table of tasks, as tasks.h says: one state each, one setter, one table of legal moves.
 * It must not know: calls, connections, results or clocks.
 * Reads best next: server.c. */
#include "tasks.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is DONE or CLOSED stays so: that is why no task is picked up twice. */
static const bool may_move[TASKS_STATE_COUNT][TASKS_STATE_COUNT] = {
    [TASKS_WAITING] = {[TASKS_HANDED] = true},
    [TASKS_HANDED] = {[TASKS_DONE] = true, [TASKS_CLOSED] = true},
};

static void move(struct task *task, enum tasks_state state)
{
    assert(may_move[task->state][state]);
    task->state = state;
}

bool tasks_name_valid(const char *name, size_t size)
{
    size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-");
    return length > 0 && length < size && name[length] == '\0';
}

/* ---- the list ---- */

static bool complain(char *why, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));

static bool complain(char *why, size_t size, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    vsnprintf(why, size, format, list);
    va_end(list);
    return false;
}

/* Cuts off the first word, and the blanks behind it. */
static char *word(char **rest)
{
    char *start = *rest;
    char *end = start + strcspn(start, " ");
    *rest = end + strspn(end, " ");
    *end = '\0';
    return start;
}

/* One "NAME LIMIT_MS COMMAND"; returns what is wrong with it, or NULL. */
static const char *parse(char *line, struct task *task)
{
    char *rest = line;
    const char *name = word(&rest);
    const char *limit = word(&rest);
    if (!tasks_name_valid(name, sizeof task->name))
        return "a name is 1 to 32 of a-z, 0-9 and '-'";
    char *end;
    errno = 0;
    unsigned long limit_ms = strtoul(limit, &end, 10);
    if (limit[0] < '0' || limit[0] > '9' || *end != '\0' || errno != 0 || limit_ms == 0 ||
        limit_ms > TASK_LIMIT_MS_MAX)
        return "after the name comes a limit of 1 to 86400000 ms";
    if (rest[0] == '\0' || strlen(rest) >= sizeof task->command)
        return "after the limit comes a command of 1 to 512 bytes";
    *task = (struct task){.limit_ms = (uint32_t)limit_ms};
    memcpy(task->name, name, strlen(name) + 1);
    memcpy(task->command, rest, strlen(rest) + 1);
    return NULL;
}

static const char *add(struct tasks *tasks, char *line)
{
    struct task task;
    const char *wrong = parse(line, &task);
    if (wrong != NULL)
        return wrong;
    if (tasks_find(tasks, task.name) != NULL)
        return "this name is taken";
    if (tasks->count == TASKS_MAX)
        return "more than 1000 tasks";
    struct task *items = realloc(tasks->items, (tasks->count + 1) * sizeof *items);
    if (items == NULL)
        return "out of memory";
    tasks->items = items;
    items[tasks->count++] = task;
    return NULL;
}

bool tasks_load(struct tasks *tasks, const char *path, char *why, size_t size)
{
    char line[TASK_NAME_MAX + TASK_COMMAND_MAX + 16];
    FILE *stream = fopen(path, "re");
    if (stream == NULL)
        return complain(why, size, "%s: %s", path, strerror(errno));
    const char *wrong = NULL;
    int number = 0;
    while (wrong == NULL && fgets(line, sizeof line, stream) != NULL) {
        size_t length = strcspn(line, "\n");
        number++;
        if (line[length] == '\0' && !feof(stream)) {
            wrong = "this line is too long, or holds a zero byte";
            break;
        }
        line[length] = '\0';
        if (length > 0 && line[0] != '#')
            wrong = add(tasks, line);
    }
    bool failed = ferror(stream) != 0;
    fclose(stream);
    if (failed)
        return complain(why, size, "%s: cannot be read", path);
    return wrong == NULL || complain(why, size, "%s:%d: %s", path, number, wrong);
}

void tasks_fini(struct tasks *tasks)
{
    free(tasks->items);
    *tasks = (struct tasks){0};
}

/* ---- the book ---- */

bool tasks_recall(struct tasks *tasks, const char *line, bool *ret_taken)
{
    static const struct {
        const char *word;
        enum tasks_state state;
    } steps[] = {{"HANDED", TASKS_HANDED}, {"DONE", TASKS_DONE}, {"CLOSED", TASKS_CLOSED}};
    char word[8];
    char name[TASK_NAME_MAX];
    char worker[WORKER_ID_MAX];
    *ret_taken = false;
    /* The widths are those of the arrays above, without their terminators. */
    if (sscanf(line, "%7s %32s %48s", word, name, worker) != 3)
        return true;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        if (strcmp(word, steps[i].word) != 0)
            continue;
        struct task *task = tasks_find(tasks, name);
        *ret_taken = true;
        if (task == NULL || !may_move[task->state][steps[i].state])
            return false;
        memcpy(task->worker, worker, sizeof worker);
        move(task, steps[i].state);
        return true;
    }
    return true;
}

static int64_t end_us(const struct task *task, int64_t now_us)
{
    return now_us + (int64_t)task->limit_ms * 1000;
}

void tasks_restart(struct tasks *tasks, int64_t now_us)
{
    for (size_t i = 0; i < tasks->count; i++)
        if (tasks->items[i].state == TASKS_HANDED)
            tasks->items[i].ends_us = end_us(&tasks->items[i], now_us);
}

/* ---- steps ---- */

struct task *tasks_find(struct tasks *tasks, const char *name)
{
    for (size_t i = 0; i < tasks->count; i++)
        if (strcmp(tasks->items[i].name, name) == 0)
            return &tasks->items[i];
    return NULL;
}

struct task *tasks_held_by(struct tasks *tasks, const char *worker)
{
    for (size_t i = 0; i < tasks->count; i++)
        if (tasks->items[i].state == TASKS_HANDED && strcmp(tasks->items[i].worker, worker) == 0)
            return &tasks->items[i];
    return NULL;
}

struct task *tasks_hand(struct tasks *tasks, const char *worker, int64_t now_us)
{
    for (size_t i = 0; i < tasks->count; i++) {
        struct task *task = &tasks->items[i];
        if (task->state != TASKS_WAITING)
            continue;
        book_write(tasks->book, "HANDED %s %s", task->name, worker);
        snprintf(task->worker, sizeof task->worker, "%s", worker);
        task->ends_us = end_us(task, now_us);
        move(task, TASKS_HANDED);
        return task;
    }
    return NULL;
}

void tasks_finish(struct tasks *tasks, struct task *task, const char *verdict, uint64_t digest)
{
    book_write(tasks->book, "DONE %s %s %s %016" PRIx64, task->name, task->worker, verdict, digest);
    move(task, TASKS_DONE);
}

struct task *tasks_close_next(struct tasks *tasks, int64_t now_us)
{
    for (size_t i = 0; i < tasks->count; i++) {
        struct task *task = &tasks->items[i];
        if (task->state != TASKS_HANDED || task->ends_us > now_us)
            continue;
        book_write(tasks->book, "CLOSED %s %s", task->name, task->worker);
        move(task, TASKS_CLOSED);
        return task;
    }
    return NULL;
}

int64_t tasks_next_end_us(const struct tasks *tasks)
{
    int64_t next_us = INT64_MAX;
    for (size_t i = 0; i < tasks->count; i++)
        if (tasks->items[i].state == TASKS_HANDED && tasks->items[i].ends_us < next_us)
            next_us = tasks->items[i].ends_us;
    return next_us;
}
