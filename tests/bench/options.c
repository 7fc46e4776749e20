/* The command line of semel-bench: a table of options, and the rules between them.
 * It must not know: sockets, processes, or how anything is measured.
 * Reads best next: main.c. */
#include "options.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "semel-bench: how fast Semel is, beside how fast it could be at most.\n"
    "\n"
    "usage: semel-bench echo|floor --payload BYTES --depth N --calls N [OPTION...]\n"
    "\n"
    "  echo                  a Semel server and a Semel client, on one connection\n"
    "  floor                 a bare libev echo of as many bytes: no frames, no checks, no promises\n"
    "\n"
    "  --payload BYTES       in each request and each reply, 0 to 4194304\n"
    "  --depth N             calls outstanding, 1 to 4096; 1 uses the synchronous stub, more the asynchronous\n"
    "  --calls N             calls to measure, 1 to 1000000000; a tenth as many before them warm up\n"
    "  --mode MODE           at-most-once (default), idempotent, or oneway: at most once, a receipt and no "
    "reply, up to\n"
    "                        65535 bytes; the floor gives a byte back for each payload then, and knows no "
    "other mode\n"
    "  --transport KIND      tcp (default) or unix; tls is not in this build\n"
    "  --client-cpu N        pin the client to this processor\n"
    "  --server-cpu N        pin the server to this processor\n"
    "  --help                print this text\n"
    "\n"
    "It forks the server, warms up, measures, and prints one line of JSON:\n"
    "\n"
    "  peer, payload, depth, calls       what was asked for\n"
    "  calls_per_s                       of the clock on the wall\n"
    "  server_cpu_us_per_call            CPU time of each process, user and system, while it was measured\n"
    "  client_cpu_us_per_call\n"
    "  p50_us p99_us p999_us             latency of a call, from its start to its reply in the caller's hands\n"
    "  server_peak_rss_kb                the most memory the server ever had\n"
    "\n"
    "Exit code 0: every call came back with the right bytes; 1: one did not; 2: a wrong command line.\n"
    "\n"
    "examples:\n"
    "  semel-bench echo  --payload 64 --depth 1 --calls 100000 --client-cpu 0 --server-cpu 0\n"
    "  semel-bench floor --payload 64 --depth 1 --calls 100000 --client-cpu 0 --server-cpu 0\n"
    "  semel-bench echo  --payload 64 --depth 64 --calls 1000000 --mode idempotent --transport unix\n"
    "  semel-bench echo  --payload 1048576 --depth 4 --calls 2000\n";

static bool complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

static bool complain(const char *format, ...)
{
    fputs("semel-bench: ", stderr);
    va_list list;
    va_start(list, format);
    vfprintf(stderr, format, list);
    va_end(list);
    fputs(" (semel-bench --help tells more)\n", stderr);
    return false;
}

/* ---- values ---- */

static bool take_number(const char *name, const char *text, uint64_t min, uint64_t max, uint64_t *ret_number)
{
    char *end;
    errno = 0;
    uint64_t number = strtoull(text, &end, 10);
    /* strtoull would take "-1" and " 1". */
    if (!isdigit((unsigned char)text[0]) || *end != '\0' || errno != 0)
        return complain("%s: \"%s\" is not a whole number", name, text);
    if (number < min || number > max)
        return complain("%s: %s is out of range, allowed are %" PRIu64 " to %" PRIu64, name, text, min, max);
    *ret_number = number;
    return true;
}

static bool take_payload(const char *name, const char *text, struct options *options)
{
    return take_number(name, text, 0, OPTIONS_PAYLOAD_MAX, &options->payload_bytes);
}

static bool take_depth(const char *name, const char *text, struct options *options)
{
    return take_number(name, text, 1, OPTIONS_DEPTH_MAX, &options->depth);
}

static bool take_calls(const char *name, const char *text, struct options *options)
{
    return take_number(name, text, 1, OPTIONS_CALLS_MAX, &options->calls);
}

static bool take_cpu(const char *name, const char *text, int *ret_cpu)
{
    uint64_t cpu;
    cpu_set_t usable;
    if (!take_number(name, text, 0, CPU_SETSIZE - 1, &cpu))
        return false;
    if (sched_getaffinity(0, sizeof usable, &usable) == 0 && !CPU_ISSET((size_t)cpu, &usable))
        return complain("%s: this process may not use processor %s", name, text);
    *ret_cpu = (int)cpu;
    return true;
}

static bool take_client_cpu(const char *name, const char *text, struct options *options)
{
    return take_cpu(name, text, &options->client_cpu);
}

static bool take_server_cpu(const char *name, const char *text, struct options *options)
{
    return take_cpu(name, text, &options->server_cpu);
}

static bool take_mode(const char *name, const char *text, struct options *options)
{
    options->idempotent = strcmp(text, "idempotent") == 0;
    options->oneway = strcmp(text, "oneway") == 0;
    return options->idempotent || options->oneway || strcmp(text, "at-most-once") == 0 ||
           complain("%s: \"%s\" is not one of at-most-once, idempotent, oneway", name, text);
}

static bool take_transport(const char *name, const char *text, struct options *options)
{
    if (strcmp(text, "tls") == 0)
        return complain("%s: tls is not available in this build: Semel was built without it", name);
    options->transport = strcmp(text, "unix") == 0 ? OPTIONS_UNIX : OPTIONS_TCP;
    return options->transport == OPTIONS_UNIX || strcmp(text, "tcp") == 0 ||
           complain("%s: \"%s\" is not one of tcp, unix, tls", name, text);
}

/* ---- the table ---- */

static const struct option {
    const char *name;
    bool (*take)(const char *name, const char *text, struct options *options);
    bool required;
} table[] = {
    {"--payload", take_payload, true},
    {"--depth", take_depth, true},
    {"--calls", take_calls, true},
    {"--mode", take_mode, false},
    {"--transport", take_transport, false},
    {"--client-cpu", take_client_cpu, false},
    {"--server-cpu", take_server_cpu, false},
};

enum { TABLE_SIZE = sizeof table / sizeof table[0] };

static const struct option *find(const char *word, size_t length)
{
    for (size_t i = 0; i < TABLE_SIZE; i++)
        if (strlen(table[i].name) == length && strncmp(table[i].name, word, length) == 0)
            return &table[i];
    return NULL;
}

/* Takes "--name VALUE" or "--name=VALUE" at argv[*index], and moves *index past it. */
static bool take(int argc, char **argv, int *index, bool *given, struct options *options)
{
    const char *word = argv[(*index)++];
    size_t length = strcspn(word, "=");
    const struct option *option = find(word, length);
    if (option == NULL)
        return complain("unknown option \"%s\"", word);
    if (given[option - table])
        return complain("%s is given twice", option->name);
    given[option - table] = true;
    if (word[length] == '=')
        return option->take(option->name, word + length + 1, options);
    if (*index == argc || strncmp(argv[*index], "--", 2) == 0)
        return complain("%s needs a value", option->name);
    return option->take(option->name, argv[(*index)++], options);
}

static bool take_peer(int argc, char **argv, struct options *options)
{
    if (argc < 2)
        return complain("what to measure is missing: echo or floor");
    options->peer = strcmp(argv[1], "floor") == 0 ? OPTIONS_FLOOR : OPTIONS_ECHO;
    return strcmp(argv[1], options_peer_name(options->peer)) == 0 ||
           complain("\"%s\" is not one of echo, floor", argv[1]);
}

static bool take_all(int argc, char **argv, struct options *options)
{
    bool given[TABLE_SIZE] = {false};
    if (!take_peer(argc, argv, options))
        return false;
    for (int i = 2; i < argc;)
        if (!take(argc, argv, &i, given, options))
            return false;
    for (size_t i = 0; i < TABLE_SIZE; i++)
        if (table[i].required && !given[i])
            return complain("%s is missing", table[i].name);
    if (options->oneway && options->payload_bytes > OPTIONS_ONEWAY_MAX)
        return complain("--mode oneway takes payloads of at most %d bytes", OPTIONS_ONEWAY_MAX);
    return options->payload_bytes * options->depth <= OPTIONS_OUTSTANDING_MAX ||
           complain("--payload times --depth is over %d bytes", OPTIONS_OUTSTANDING_MAX);
}

enum options_result options_parse(int argc, char **argv, struct options *ret_options)
{
    *ret_options = (struct options){.client_cpu = OPTIONS_ANY_CPU, .server_cpu = OPTIONS_ANY_CPU};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            fputs(help, stdout);
            return OPTIONS_HELP;
        }
    }
    return take_all(argc, argv, ret_options) ? OPTIONS_OK : OPTIONS_ERROR;
}

const char *options_peer_name(enum options_peer peer)
{
    return peer == OPTIONS_FLOOR ? "floor" : "echo";
}
