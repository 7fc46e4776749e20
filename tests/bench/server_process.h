/* The server as a process of its own: forked, asked for its CPU time and memory, told to stop.
 * It must not know: what is served.
 * Reads best next: server_process.c, then floor_server.c, the simplest server. */
#ifndef BENCH_SERVER_PROCESS_H
#define BENCH_SERVER_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "options.h"

enum { SERVER_URI_MAX = 128 };

/* What the server tells: where it listens, once, and its usage, whenever it is asked. */
struct server_word {
    char uri[SERVER_URI_MAX];
    int64_t cpu_ns;
    int64_t peak_rss_kb;
    uint64_t commits; /* of its store, if it has one that lasts */
    uint64_t committed_bytes;
};

/* The parent's view. */
struct server_process {
    pid_t pid;
    int fd;
    char uri[SERVER_URI_MAX];
};

/* Serves until server_answer returns false; returns the exit code.  Runs in the child. */
typedef int server_fn(const struct options *options, int fd);

/* Forks, pins the child to its processor, and waits until it listens.  Failures are told on stderr. */
bool server_process_start(struct server_process *server, const struct options *options, server_fn *serve);
/* Asks for the usage so far.  false: the server is gone, which has been told. */
bool server_process_ask(const struct server_process *server, struct server_word *ret_word);
/* Tells it to stop and waits; false: it did not end well, which has been told. */
bool server_process_stop(struct server_process *server);

/* In the child: says where it listens. */
bool server_ready(int fd, const char *uri);
/* In the child, when fd is readable: answers one question.  false: stop. */
bool server_answer(int fd);
/* The same of a server with a store. */
bool server_answer_with(int fd, uint64_t commits, uint64_t committed_bytes);

/* CPU time of this process so far, user and system. */
int64_t process_cpu_ns(void);
/* Pins this process; OPTIONS_ANY_CPU is fine.  false: told on stderr. */
bool process_pin(int cpu);

#endif
