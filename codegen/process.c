/* Starts a program with posix_spawn and reads its output from a pipe.
 *
 * It must not know which program it is.  Reads best next: process.h. */
#include "codegen/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stddef.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static volatile sig_atomic_t interrupted;
static sigset_t ordinary_mask; /* as it was before the signals were blocked */

static void on_signal(int number)
{
    (void)number;
    interrupted = 1;
}

/* Blocked but where listen_to waits: a signal that came just before would else be waited past. */
void process_catch_signals(void)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action = {.sa_handler = on_signal};
    sigset_t caught;
    sigemptyset(&action.sa_mask);
    sigemptyset(&caught);
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        sigaction(signals[i], &action, NULL);
        sigaddset(&caught, signals[i]);
    }
    sigprocmask(SIG_BLOCK, &caught, &ordinary_mask);
}

bool process_interrupted(void)
{
    return interrupted != 0;
}

static int add_actions(posix_spawn_file_actions_t *actions, const char *directory, int output)
{
    int error = posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (error == 0)
        error = posix_spawn_file_actions_adddup2(actions, output, STDOUT_FILENO);
    if (error == 0)
        error = posix_spawn_file_actions_adddup2(actions, output, STDERR_FILENO);
    if (error == 0 && directory != NULL)
        error = posix_spawn_file_actions_addchdir_np(actions, directory);
    return error;
}

/* With the signals as they were. */
static int spawn(char *const argv[], const char *directory, int output, pid_t *ret_pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int error = posix_spawn_file_actions_init(&actions);
    if (error != 0)
        return error;
    error = posix_spawnattr_init(&attributes);
    if (error == 0) {
        posix_spawnattr_setsigmask(&attributes, &ordinary_mask);
        posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
        error = add_actions(&actions, directory, output);
        if (error == 0)
            error = posix_spawnp(ret_pid, argv[0], &actions, &attributes, argv, environ);
        posix_spawnattr_destroy(&attributes);
    }
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

static void listen_to(int input, pid_t pid, struct text *said)
{
    char chunk[4096];
    struct pollfd waited = {.fd = input, .events = POLLIN};
    for (;;) {
        int ready = ppoll(&waited, 1, NULL, &ordinary_mask);
        if (interrupted) {
            kill(pid, SIGTERM);
            return;
        }
        ssize_t size = ready > 0 ? read(input, chunk, sizeof chunk) : ready;
        if (size > 0)
            text_add(said, chunk, (size_t)size);
        else if (size == 0 || errno != EINTR)
            return;
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
