/* The child process of test.h.
 * It must not know: calls or servers.
 * Reads best next: worker.c. */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "results.h"

extern char **environ;

static void spoil(struct test *test, const char *why)
{
    test->spoilt = why;
    kill(-test->pid, SIGKILL);
}

static void flush_line(struct test *test)
{
    test->text[test->length] = '\0';
    test->length = 0;
    test->line(test->text, test->user);
}

static void split(struct test *test, const char *data, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        char c = data[i];
        if (c == '\n' || test->length == TEST_LINE_MAX - 1)
            flush_line(test);
        if (c != '\n')
            test->text[test->length++] = (char)(c >= ' ' && c <= '~' ? c : '?');
    }
}

static bool keep(struct test *test, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t written = write(test->file_fd, data, size);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return false;
        test->bytes += (uint64_t)written;
        data += written;
        size -= (size_t)written;
    }
    return true;
}

/* Takes what it has printed; false: there is no more for now. */
static bool take(struct test *test)
{
    char buffer[16384];
    ssize_t count = read(test->out_fd, buffer, sizeof buffer);
    if (count < 0)
        return errno == EINTR;
    if (count == 0)
        ev_io_stop(test->loop, &test->out); /* it may run on without printing */
    if (count == 0 || test->spoilt != NULL)
        return false;
    if ((uint64_t)count > RESULT_BYTES_MAX - test->bytes)
        spoil(test, "too-much-output");
    else if (!keep(test, buffer, (size_t)count))
        spoil(test, "not-written");
    else
        split(test, buffer, (size_t)count);
    return test->spoilt == NULL;
}

static void on_out(struct ev_loop *loop, ev_io *watcher, int events)
{
    (void)loop, (void)events;
    take(watcher->data);
}

static void on_patience(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop, (void)events;
    spoil(timer->data, "out-of-time");
}

static void unwatch(struct test *test)
{
    ev_io_stop(test->loop, &test->out);
    ev_child_stop(test->loop, &test->child);
    ev_timer_stop(test->loop, &test->patience);
    close(test->out_fd);
    close(test->file_fd);
    test->pid = 0;
}

static void on_child(struct ev_loop *loop, ev_child *child, int events)
{
    (void)loop, (void)events;
    struct test *test = child->data;
    int status = child->rstatus;
    kill(-test->pid, SIGKILL); /* what it left behind */
    while (take(test))
        ;
    if (test->length > 0)
        flush_line(test);
    if (test->spoilt != NULL)
        snprintf(test->verdict, sizeof test->verdict, "%s", test->spoilt);
    else if (WIFEXITED(status))
        snprintf(test->verdict, sizeof test->verdict, "exit-%d", WEXITSTATUS(status));
    else
        snprintf(test->verdict, sizeof test->verdict, "signal-%d", WTERMSIG(status));
    unwatch(test);
    test->ended(test->verdict, test->user);
}

/* The shell, with nothing of this process but its environment. */
static int spawn(pid_t *pid, const char *command, int out_fd)
{
    char *const argv[] = {"sh", "-c", (char *)command, NULL};
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t none;
    sigset_t all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&files, out_fd, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&files, out_fd, STDERR_FILENO);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes,
                             POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    int error = posix_spawn(pid, "/bin/sh", &files, &attributes, argv, environ);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
    return error;
}

static void watch(struct test *test, double patience_s)
{
    ev_io_init(&test->out, on_out, test->out_fd, EV_READ);
    ev_child_init(&test->child, on_child, test->pid, 0);
    ev_timer_init(&test->patience, on_patience, patience_s, 0.);
    test->out.data = test->child.data = test->patience.data = test;
    ev_io_start(test->loop, &test->out);
    ev_child_start(test->loop, &test->child);
    ev_now_update(test->loop);
    ev_timer_start(test->loop, &test->patience);
}

int test_start(struct test *test, const char *command, const char *path, double patience_s)
{
    int ends[2];
    test->bytes = test->length = 0;
    test->spoilt = NULL;
    test->file_fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (test->file_fd < 0)
        return errno;
    int error = pipe2(ends, O_CLOEXEC) < 0 ? errno : 0;
    if (error == 0) {
        error = spawn(&test->pid, command, ends[1]);
        close(ends[1]);
        if (error != 0)
            close(ends[0]);
    }
    if (error != 0) {
        close(test->file_fd);
        test->pid = 0;
        return error;
    }
    test->out_fd = ends[0];
    fcntl(test->out_fd, F_SETFL, O_NONBLOCK); /* this end alone: the test writes to the other */
    watch(test, patience_s);
    return 0;
}

void test_stop(struct test *test)
{
    if (test->pid == 0)
        return;
    kill(-test->pid, SIGKILL);
    waitpid(test->pid, NULL, 0);
    unwatch(test);
}
