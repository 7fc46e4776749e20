/* Starts a program with posix_spawn and reads its output from a pipe.
 *
 * It must not know which program it is.  Reads best next: process.h. */
#include "codegen/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stddef.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
    (void)number;
    interrupted = 1;
}

void process_catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal}; /* without SA_RESTART: it must break a read */
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
}

bool process_interrupted(void)
{
    return interrupted != 0;
}

static int spawn(char *const argv[], const char *directory, int output, pid_t *ret_pid)
{
    posix_spawn_file_actions_t actions;
    int error = posix_spawn_file_actions_init(&actions);
    if (error != 0)
        return error;
    error = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (error == 0)
        error = posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    if (error == 0)
        error = posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
    if (error == 0 && directory != NULL)
        error = posix_spawn_file_actions_addchdir_np(&actions, directory);
    if (error == 0)
        error = posix_spawnp(ret_pid, argv[0], &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

static void listen_to(int input, pid_t pid, struct text *said)
{
    char chunk[4096];
    for (;;) {
        ssize_t size = read(input, chunk, sizeof chunk);
        if (size > 0) {
            text_add(said, chunk, (size_t)size);
        } else if (size == 0 || errno != EINTR) {
            return;
        } else if (interrupted) {
            kill(pid, SIGTERM);
            return;
        }
    }
}

static int wait_for(pid_t pid)
{
    int status;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return 1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int process_run(char *const argv[], const char *directory, struct text *said)
{
    int pipe_ends[2];
    if (pipe2(pipe_ends, O_CLOEXEC) != 0)
        return -1;
    pid_t pid;
    int error = spawn(argv, directory, pipe_ends[1], &pid);
    close(pipe_ends[1]);
    if (error == 0)
        listen_to(pipe_ends[0], pid, said);
    close(pipe_ends[0]);
    if (error != 0) {
        errno = error;
        return -1;
    }
    return wait_for(pid);
}
