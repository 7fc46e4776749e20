/* The command line of semel-bench: parsed strictly, bounded, with a --help.
 * It must not know: sockets, processes, or how anything is measured.
 * Reads best next: main.c. */
#ifndef BENCH_OPTIONS_H
#define BENCH_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

/* Every bound of the command line. */
enum {
    /* The frame limit of Semel as it comes is 4 MiB and a little more. */
    OPTIONS_PAYLOAD_MAX = 4 << 20,
    /* The window a Semel server grants as it comes: what a session may have outstanding. */
    OPTIONS_DEPTH_MAX = 4096,
    /* payload * depth: what may be on its way at once. */
    OPTIONS_OUTSTANDING_MAX = 1 << 30,
    OPTIONS_CALLS_MAX = 1000000000,
    /* What one field of bytes holds. */
    OPTIONS_ONEWAY_MAX = 65535,
};

enum options_peer { OPTIONS_ECHO, OPTIONS_FLOOR };
enum options_transport { OPTIONS_TCP, OPTIONS_UNIX };

enum { OPTIONS_ANY_CPU = -1 };

struct options {
    enum options_peer peer;
    enum options_transport transport;
    bool idempotent;
    bool oneway; /* instead */
    uint64_t payload_bytes;
    uint64_t depth;
    uint64_t calls;
    int client_cpu; /* or OPTIONS_ANY_CPU */
    int server_cpu;
};

enum options_result { OPTIONS_OK, OPTIONS_HELP, OPTIONS_ERROR };

/* The exit code after OPTIONS_ERROR. */
enum { EXIT_USAGE = 2 };

/* Parses the command line.  What is wrong is told on stderr in one line; --help goes to stdout. */
enum options_result options_parse(int argc, char **argv, struct options *ret_options);

/* "echo", "floor". */
const char *options_peer_name(enum options_peer peer);

#endif
