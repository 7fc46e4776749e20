/* bank-load: sends many orders to the bank and writes down what it was told about each of them.
 * It must not know: whether it was told the truth.  That is for audit.sh.
 * Reads best next: load.h, orders.h; then audit.sh. */
#include <ev.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <semel/semel.h>

#include "load.h"
#include "program.h"

static char program[] = "bank-load";

/* What the command line says. */
static struct {
    const char *to;
    const char *op;
    const char *results;
    const char *node_name;
    uint64_t deadline_ms;
    struct load_settings load;
} settings = {
    .op = "deposit",
    .deadline_ms = UINT64_MAX,
    .load = {.calls = 1000, .window = 64, .accounts = 100, .max_cents = 100},
};

static const struct arg options[] = {
    {"--to", "URI[,URI...]", "the servers: tcp://HOST:PORT or unix:PATH", .text = &settings.to,
     .required = true},
    {"--calls", "N", "how many calls (default 1000)", .number = &settings.load.calls, .min = 1,
     .max = UINT32_MAX},
    {"--window", "W", "how many of them are under way at once (default 64)", .number = &settings.load.window,
     .min = 1, .max = 1000000},
    {"--op", "OP",
     "deposit (default) or withdraw: run at most once; balance: no\n"
     "side effects; set-limit: idempotent; note: oneway",
     .text = &settings.op, .choices = order_names},
    {"--deadline-ms", "D",
     "of each call with all its attempts; 0: none (default: as\n"
     "bank.proto and the properties say)",
     .number = &settings.deadline_ms, .max = 86400000},
    {"--rate", "R", "start at most R calls a second (default: no limit)", .number = &settings.load.rate,
     .min = 1, .max = 10000000},
    {"--results", "FILE",
     "one line a call: OP_ID, CODE, OUTCOME, ATTEMPTS, REASON,\n"
     "LATENCY_US, with tabs between",
     .text = &settings.results},
    {"--accounts", "N", "spread the calls over N accounts (default 100)", .number = &settings.load.accounts,
     .min = 1, .max = 1000000},
    {"--max-cents", "N", "amounts and limits are 1 to N cents (default 100)",
     .number = &settings.load.max_cents, .min = 1, .max = INT64_MAX / 2},
    {"--announce", "N", "print \"completed K\" whenever another N calls have ended",
     .number = &settings.load.announce, .min = 1, .max = UINT32_MAX},
    {"--progress", NULL, "tell every second how far it is; done anyway on a terminal",
     .flag = &settings.load.progress},
    {"--node-name", "NAME",
     "stable name of this node: a new one of the same name\n"
     "takes the place of the old one at once",
     .text = &settings.node_name},
    {"--verbose", NULL, "tell on stderr of each connection that is made or lost", .flag = &program_verbose},
};

static const struct args args = {
    program,
    "bank-load: keeps a window of calls to demo.Bank under way and records how each of them ended.\n"
    "The first failure of each kind is explained on stderr.  The last line on stdout is one JSON object.\n"
    "SIGHUP reads the property files again: --config and SEMEL_CONFIG.\n"
    "Exit status: 0 when every call has ended, one way or another.",
    "  bank-load --to tcp://127.0.0.1:4061 --calls 100000 --window 256 --results deposits.tsv\n"
    "  bank-load --to tcp://10.0.0.1:4061,tcp://10.0.0.2:4061 --op balance --rate 500 --deadline-ms 2000\n"
    "  bank-load --to unix:bank.sock --op withdraw --RetryIntervals='0 100 1000' --Trace.Retry=1\n",
    NULL,
    options,
    sizeof options / sizeof options[0],
};

/* SIGHUP: reads the property files again, for the calls to come.  What is wrong with them is told, and changes
 * nothing. */
static void on_hangup(struct ev_loop *loop, ev_signal *watcher, int events)
{
    (void)loop, (void)events;
    semel_status status;
    if (semel_properties_reload(watcher->data, &status) == SEMEL_OK)
        fprintf(stderr, "%s: the properties were read again\n", program);
    else
        fprintf(stderr, "%s: the properties stay as they are: %s\n", program, status.message);
}

/* Runs the load on an open channel, closes the channel, and prints the JSON object; returns the exit code. */
static int run_on(semel_node *node, semel_channel *channel, struct results *results)
{
    struct semel_channel_stats stats;
    struct load *load = load_create(&settings.load, node, channel, results);
    if (load == NULL) {
        semel_channel_close(channel);
        fprintf(stderr, "%s: out of memory\n", program);
        return EXIT_FAILURE;
    }
    bool well = load_run(load);
    semel_channel_get_stats(channel, &stats);
    semel_channel_close(channel);
    tally_print(load_tally(load), &stats, load_elapsed_us(load), stdout);
    load_destroy(load);
    return well ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int run(semel_properties *properties, struct results *results)
{
    semel_status status;
    semel_node *node;
    semel_channel *channel;
    struct semel_node_options options_of_node = {
        .name = settings.node_name, .properties = properties, .log = program_log, .log_user = program};
    if (semel_node_open(&options_of_node, &node, &status) != SEMEL_OK)
        return program_fail(program, "node", &status);
    ev_signal hangup;
    ev_signal_init(&hangup, on_hangup, SIGHUP);
    hangup.data = properties;
    ev_signal_start(semel_node_loop(node), &hangup);
    int code;
    if (semel_channel_open(node, "bank", settings.to, &channel, &status) == SEMEL_OK)
        code = run_on(node, channel, results);
    else
        code = program_fail(program, settings.to, &status);
    ev_signal_stop(semel_node_loop(node), &hangup);
    semel_node_close(node);
    return code;
}

static void settle_settings(void)
{
    settings.load.kind = order_kind(settings.op);
    settings.load.deadline_ms = SEMEL_DEADLINE_UNSET;
    if (settings.deadline_ms != UINT64_MAX)
        settings.load.deadline_ms = settings.deadline_ms == 0 ? SEMEL_DEADLINE_NONE
                                                              : (int64_t)settings.deadline_ms;
    settings.load.progress = settings.load.progress || isatty(STDERR_FILENO);
}

static int run_with_results(semel_properties *properties)
{
    struct results results;
    int error = results_open(&results, settings.results);
    int code = EXIT_FAILURE;
    if (error == 0) {
        code = run(properties, &results);
        error = results_close(&results);
    }
    if (error != 0)
        fprintf(stderr, "%s: --results %s: %s\n", program, settings.results, strerror(error));
    return error != 0 ? EXIT_FAILURE : code;
}

int main(int argc, char **argv)
{
    semel_properties *properties = semel_properties_create();
    if (properties == NULL)
        return EXIT_FAILURE;
    enum args_result parsed = program_parse(properties, &args, argc, argv);
    int code = parsed == ARGS_ERROR ? EXIT_USAGE : EXIT_SUCCESS;
    if (parsed == ARGS_OK) {
        settle_settings();
        code = run_with_results(properties);
    }
    semel_properties_destroy(properties);
    return code;
}
