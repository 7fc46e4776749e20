/* The server as a process of its own: a fork and a socket pair for questions and answers.
 * It must not know: what is served.
 * Reads best next: floor_server.c, echo_server.c. */
#include "server_process.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* A server that is silent this long has died or hangs.  It may have a socket buffer of replies to write first. */
enum { ANSWER_TIMEOUT_MS = 30000 };

/* ---- this process ---- */

int64_t process_cpu_ns(void)
{
    struct timespec used;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return used.tv_sec * INT64_C(1000000000) + used.tv_nsec;
}

bool process_pin(int cpu)
{
    cpu_set_t set;
    if (cpu == OPTIONS_ANY_CPU)
        return true;
    CPU_ZERO(&set);
    CPU_SET((size_t)cpu, &set);
    if (sched_setaffinity(0, sizeof set, &set) == 0)
        return true;
    fprintf(stderr, "semel-bench: processor %d: %s\n", cpu, strerror(errno));
    return false;
}

static int64_t peak_rss_kb(void)
{
    struct rusage usage;
    return getrusage(RUSAGE_SELF, &usage) == 0 ? usage.ru_maxrss : 0;
}

/* ---- the child ---- */

static bool tell(int fd, struct server_word word)
{
    word.cpu_ns = process_cpu_ns();
    word.peak_rss_kb = peak_rss_kb();
    return send(fd, &word, sizeof word, MSG_NOSIGNAL) == (ssize_t)sizeof word;
}

bool server_ready(int fd, const char *uri)
{
    struct server_word word = {.uri = ""};
    snprintf(word.uri, sizeof word.uri, "%s", uri);
    return tell(fd, word);
}

bool server_answer_with(int fd, uint64_t commits, uint64_t committed_bytes)
{
    char question;
    ssize_t got = recv(fd, &question, 1, MSG_DONTWAIT);
    if (got < 0)
        return errno == EAGAIN || errno == EINTR;
    return got == 1 && tell(fd, (struct server_word){.commits = commits, .committed_bytes = committed_bytes});
}

bool server_answer(int fd)
{
    return server_answer_with(fd, 0, 0);
}

static int run_child(const struct options *options, server_fn *serve, int fd, pid_t parent)
{
    /* A benchmark that is killed must not leave its server behind. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent || !process_pin(options->server_cpu))
        return EXIT_FAILURE;
    return serve(options, fd);
}

/* ---- the parent ---- */

static bool hear(const struct server_process *server, struct server_word *ret_word)
{
    struct pollfd ready = {.fd = server->fd, .events = POLLIN};
    if (poll(&ready, 1, ANSWER_TIMEOUT_MS) == 1 &&
        recv(server->fd, ret_word, sizeof *ret_word, 0) == (ssize_t)sizeof *ret_word)
        return true;
    fprintf(stderr, "semel-bench: the server is gone or does not answer\n");
    return false;
}

bool server_process_ask(const struct server_process *server, struct server_word *ret_word)
{
    (void)send(server->fd, "?", 1, MSG_NOSIGNAL); /* a server that is gone is found by not hearing it */
    return hear(server, ret_word);
}

bool server_process_stop(struct server_process *server)
{
    int status = 0;
    close(server->fd); /* the end of questions */
    if (waitpid(server->pid, &status, 0) == server->pid && WIFEXITED(status) &&
        WEXITSTATUS(status) == EXIT_SUCCESS)
        return true;
    fprintf(stderr, "semel-bench: the server did not end well: %s %d\n",
            WIFSIGNALED(status) ? "signal" : "exit code",
            WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    return false;
}

bool server_process_start(struct server_process *server, const struct options *options, server_fn *serve)
{
    int ends[2];
    pid_t parent = getpid();
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
        fprintf(stderr, "semel-bench: socketpair: %s\n", strerror(errno));
        return false;
    }
    *server = (struct server_process){.pid = fork(), .fd = ends[0]};
    if (server->pid == 0) {
        close(ends[0]);
        exit(run_child(options, serve, ends[1], parent));
    }
    close(ends[1]);
    if (server->pid < 0) {
        fprintf(stderr, "semel-bench: fork: %s\n", strerror(errno));
        close(ends[0]);
        return false;
    }
    struct server_word word;
    if (!hear(server, &word)) {
        server_process_stop(server);
        return false;
    }
    memcpy(server->uri, word.uri, sizeof server->uri);
    return true;
}
