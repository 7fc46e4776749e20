/* semel-overload: one point of the overload curve, as one line of JSON.
 * It must not know: which points make a curve; overload.sh does.
 * Reads best next: overload.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "overload.h"

static const char help[] =
    "semel-overload: what an overloaded server still gets done.\n"
    "\n"
    "usage: semel-overload RATE DURATION_MS BURN_US SEED CLIENT_CPU SERVER_CPU [stuck] [--Key=Value...]\n"
    "\n"
    "A client starts RATE calls a second for DURATION_MS, at random times that are the same for the same "
    "SEED,\n"
    "whether they are answered or not.  The handler burns BURN_US of processor time.  The properties are those "
    "of\n"
    "both sides (Deadline, RetryIntervals, RetryBudgetPercent; MaxQueueAge, MaxRunning, ...).\n"
    "stuck: the first request never ends; with --MaxRunning=1 every other is refused, for what refusals cost.\n"
    "\n"
    "It prints one line of JSON:\n"
    "  offered, good, failed      calls that were started, ended OK within their deadline, did not\n"
    "  goodput_per_s              good calls, by the time from the first start to the last end\n"
    "  retries                    attempts beside the first ones\n"
    "  requests, executed         that reached the server, that ran there\n"
    "  overloaded, expired        that it refused, and why; at_once: of these, on arrival\n"
    "  waited, queued_most        that waited for their turn, and the most at a time\n"
    "  server_cpu_s               user and system time of the server\n"
    "  cpu_us_per_refusal         of that, without BURN_US for each that ran: at most what a refusal costs\n";

static bool take(const char *text, const char *name, uint64_t least, uint64_t most, uint64_t *ret)
{
    char *end;
    errno = 0;
    *ret = strtoull(text, &end, 10);
    if (text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0 && *ret >= least && *ret <= most)
        return true;
    fprintf(stderr, "semel-overload: %s: \"%s\" is not a whole number from %llu to %llu\n", name, text,
            (unsigned long long)least, (unsigned long long)most);
    return false;
}

static bool parse(int argc, char **argv, struct overload *overload)
{
    uint64_t rate, duration, burn, client_cpu, server_cpu;
    overload->stuck = argc == 8 && strcmp(argv[7], "stuck") == 0;
    if (argc != 7 && !overload->stuck) {
        fputs("semel-overload: six numbers are wanted (semel-overload --help tells more)\n", stderr);
        return false;
    }
    if (!take(argv[1], "RATE", 1, OVERLOAD_RATE_MAX, &rate) ||
        !take(argv[2], "DURATION_MS", 1, OVERLOAD_MS_MAX, &duration) ||
        !take(argv[3], "BURN_US", 0, OVERLOAD_BURN_MAX_US, &burn) ||
        !take(argv[4], "SEED", 0, UINT32_MAX, &overload->seed) ||
        !take(argv[5], "CLIENT_CPU", 0, 4095, &client_cpu) ||
        !take(argv[6], "SERVER_CPU", 0, 4095, &server_cpu))
        return false;
    overload->rate = (double)rate;
    overload->duration_ms = (int64_t)duration;
    overload->burn_us = (int64_t)burn;
    overload->options = (struct options){.client_cpu = (int)client_cpu, .server_cpu = (int)server_cpu};
    return true;
}

static bool print(const struct overload *overload, const struct overload_result *result, int64_t cpu_ns)
{
    const struct semel_server_stats *stats = overload->stats;
    uint64_t overloaded = stats->refused_by[SEMEL_REASON_OVERLOADED];
    uint64_t expired = stats->refused_by[SEMEL_REASON_EXPIRED];
    uint64_t refused = overloaded + expired;
    uint64_t burnt = stats->executed - (overload->stuck && stats->executed > 0);
    double other_us = (double)cpu_ns / 1e3 - (double)burnt * (double)overload->burn_us;
    int printed = printf("{\"offered\":%llu,\"good\":%llu,\"failed\":%llu,\"goodput_per_s\":%.1f,\"retries\":%"
                         "llu,\"requests\":%llu,"
                         "\"executed\":%llu,\"overloaded\":%llu,\"expired\":%llu,\"at_once\":%llu,\"waited\":%"
                         "llu,\"queued_most\":%u,"
                         "\"server_cpu_s\":%.4f,\"cpu_us_per_refusal\":%.3f}\n",
                         (unsigned long long)result->offered, (unsigned long long)result->good,
                         (unsigned long long)result->failed, (double)result->good / result->seconds,
                         (unsigned long long)result->retries, (unsigned long long)stats->requests,
                         (unsigned long long)stats->executed, (unsigned long long)overloaded,
                         (unsigned long long)expired,
                         (unsigned long long)(refused - stats->outwaited - stats->expired_waiting),
                         (unsigned long long)stats->waited, stats->queued_most, (double)cpu_ns / 1e9,
                         refused > 0 ? other_us / (double)refused : 0);
    return printed > 0 && fflush(stdout) == 0;
}

static bool measure(struct overload *overload)
{
    struct server_process server;
    struct server_word before = {0}, after = {0};
    struct overload_result result;
    overload->stats = mmap(NULL, sizeof *overload->stats, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                           -1, 0);
    if (overload->stats == MAP_FAILED || !server_process_start(&server, &overload->options, overload_serve))
        return false;
    bool well = process_pin(overload->options.client_cpu) && server_process_ask(&server, &before) &&
                overload_offer(overload, server.uri, &result) && server_process_ask(&server, &after);
    well = server_process_stop(&server) && well;
    return well && print(overload, &result, after.cpu_ns - before.cpu_ns);
}

int main(int argc, char **argv)
{
    struct overload overload = {.properties = semel_properties_create()};
    semel_status status;
    int code = EXIT_USAGE;
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        fputs(help, stdout);
        code = EXIT_SUCCESS;
    } else if (overload.properties == NULL ||
               semel_properties_parse_args(overload.properties, &argc, argv, &status) != SEMEL_OK) {
        fprintf(stderr, "semel-overload: %s\n", overload.properties != NULL ? status.message : "out of memory");
    } else if (parse(argc, argv, &overload)) {
        code = measure(&overload) ? EXIT_SUCCESS : EXIT_FAILURE;
    }
    semel_properties_destroy(overload.properties);
    return code;
}
