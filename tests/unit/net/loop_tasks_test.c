/* The tasks of a loop: what runs, in which order, and what is taken back. */
#include <criterion/criterion.h>
#include <string.h>

#include "net/loop_tasks.h"

static struct loop_tasks tasks;
static struct loop_task a, b, c;
static char ran[16];

static void note(const struct loop_task *task)
{
    size_t length = strlen(ran);
    cr_assert_lt(length, sizeof ran - 1);
    ran[length] = task == &a ? 'a' : task == &b ? 'b' : 'c';
}

static void on_task(struct loop_task *task)
{
    note(task);
}

static void on_task_with_more(struct loop_task *task)
{
    note(task);
    loop_tasks_add(&tasks, &c);
}

static void on_task_without_end(struct loop_task *task)
{
    loop_tasks_add(&tasks, task);
}

static void enter(void)
{
    loop_tasks_init(&tasks);
    loop_task_init(&a, on_task);
    loop_task_init(&b, on_task);
    loop_task_init(&c, on_task);
    memset(ran, 0, sizeof ran);
}

Test(loop_tasks, run_once_in_their_order, .init = enter)
{
    cr_assert(loop_tasks_add(&tasks, &b));
    cr_assert(loop_tasks_add(&tasks, &a));
    cr_assert_not(loop_tasks_add(&tasks, &b));
    cr_assert_not(loop_tasks_add_again(&tasks, &b));
    loop_tasks_run(&tasks);
    loop_tasks_run(&tasks);
    cr_assert_str_eq(ran, "ba");
    cr_assert_not(loop_tasks_any(&tasks));
}

Test(loop_tasks, what_they_bring_runs_in_the_same_turn, .init = enter)
{
    loop_task_init(&a, on_task_with_more);
    loop_tasks_add(&tasks, &a);
    loop_tasks_add(&tasks, &b);
    loop_tasks_run(&tasks);
    cr_assert_str_eq(ran, "abc");
}

Test(loop_tasks, what_is_put_off_waits_for_the_turn_to_come, .init = enter)
{
    cr_assert(loop_tasks_add_again(&tasks, &a));
    cr_assert_not(loop_tasks_add(&tasks, &a));
    cr_assert_not(loop_tasks_due(&tasks));
    cr_assert(loop_tasks_any(&tasks));
    loop_tasks_run(&tasks);
    cr_assert_str_eq(ran, "");
    loop_tasks_turn(&tasks);
    loop_tasks_run(&tasks);
    cr_assert_str_eq(ran, "a");
}

/* The last one, too: what is added after it must not hang on it. */
Test(loop_tasks, what_is_taken_back_does_not_run, .init = enter)
{
    struct loop_task *const each[] = {&a, &b, &c};
    const char *const left[] = {"bca", "acb", "abc"};
    for (size_t i = 0; i < 3; i++) {
        memset(ran, 0, sizeof ran);
        for (size_t j = 0; j < 3; j++)
            loop_tasks_add(&tasks, each[j]);
        loop_tasks_cancel(&tasks, each[i]);
        loop_tasks_cancel(&tasks, each[i]); /* not queued is fine */
        cr_assert(loop_tasks_add(&tasks, each[i]));
        loop_tasks_run(&tasks);
        cr_assert_str_eq(ran, left[i]);
    }
    memset(ran, 0, sizeof ran);
    loop_tasks_add_again(&tasks, &a);
    loop_tasks_add_again(&tasks, &b);
    loop_tasks_cancel(&tasks, &a);
    loop_tasks_turn(&tasks);
    loop_tasks_run(&tasks);
    cr_assert_str_eq(ran, "b");
}

Test(loop_tasks, one_that_never_ends_ends_its_turn, .init = enter, .timeout = 60)
{
    loop_task_init(&a, on_task_without_end);
    loop_tasks_add(&tasks, &a);
    loop_tasks_run(&tasks);
    cr_assert(loop_tasks_due(&tasks));
}
