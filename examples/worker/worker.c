/* worker: runs the tests a server hands out, for as long as there are any, and never needs to be restarted.
 * It must not know: how a call is retried.
 * Reads best next: runner.h, runner.c. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include <ev.h>

#include <semel/semel.h>

#include "program.h"
#include "runner.h"
#include "tasks.h"

static char program[] = "worker";

/* What the command line says. */
static struct {
    const char *to;
    const char *name;
    const char *folder;
    const char *journal;
    uint64_t patience_ms;
} settings = {.name = "worker", .patience_ms = 600000};

static const struct arg options[] = {
    {"--to", "URI", "the server: tcp://HOST:PORT or unix:PATH", .text = &settings.to, .required = true},
    {"--folder", "DIR", "keep the results there too, as NAME.out", .text = &settings.folder, .required = true},
    {"--name", "NAME",
     "how the server knows it, with a random part behind: 1 to 31 of\n"
     "a-z, 0-9 and '-' (default worker)",
     .text = &settings.name},
    {"--journal", "FILE", "append \"RUN NAME\" before each test that is run", .text = &settings.journal},
    {"--patience-ms", "N", "kill a test that runs longer (default 600000)", .number = &settings.patience_ms,
     .min = 1, .max = TASK_LIMIT_MS_MAX},
};

static const struct args args = {
    program,
    "worker: runs the tests that a worker-server hands out, and delivers their results.\n"
    "It runs whatever that server says, by sh -c: use it with a server you trust.  It waits for a server that "
    "is\n"
    "away, prints each step, and in the end what it did.\n"
    "Exit status: 0 when there are no more tests, and each was delivered or refused as late.",
    "  worker --to tcp://127.0.0.1:4064 --folder results\n"
    "  worker --to tcp://10.0.0.1:4064 --folder results --name lab-7 --journal lab-7.journal --Trace.Retry=1\n",
    NULL,
    options,
    sizeof options / sizeof options[0],
};

static void on_signal(struct ev_loop *loop, ev_signal *watcher, int events)
{
    (void)loop, (void)events;
    runner_stop(watcher->data);
}

static int work(struct runner *runner, struct ev_loop *loop)
{
    ev_signal term;
    ev_signal interrupt;
    ev_signal_init(&term, on_signal, SIGTERM);
    ev_signal_init(&interrupt, on_signal, SIGINT);
    term.data = interrupt.data = runner;
    ev_signal_start(loop, &term);
    ev_signal_start(loop, &interrupt);
    bool well = runner_run(runner);
    ev_signal_stop(loop, &term);
    ev_signal_stop(loop, &interrupt);
    return well ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* The loop is libev's default one: no other hears of child processes. */
static int run(const struct runner_settings *how, const semel_properties *properties)
{
    struct ev_loop *loop = ev_default_loop(0);
    semel_status status;
    semel_node *node = NULL;
    semel_channel *channel = NULL;
    struct runner *runner = NULL;
    struct semel_node_options node_options = {
        .properties = properties, .loop = loop, .log = program_log, .log_user = program};
    int code = EXIT_FAILURE;
    if (semel_node_open(&node_options, &node, &status) != SEMEL_OK)
        code = program_fail(program, "node", &status);
    else if (semel_channel_open(node, "server", settings.to, &channel, &status) != SEMEL_OK)
        code = program_fail(program, settings.to, &status);
    else if ((runner = runner_create(how, loop, channel)) != NULL)
        code = work(runner, loop);
    semel_node_close(node); /* closes the channel too: calls that are left end now */
    if (runner != NULL)
        runner_destroy(runner);
    ev_loop_destroy(loop);
    return code;
}

/* NAME-0123456789abcdef: this process, and no other that has or had its name. */
static bool name_worker(char *id, size_t size)
{
    uint64_t life;
    if (!tasks_name_valid(settings.name, 32)) {
        fprintf(stderr, "%s: --name: 1 to 31 of a-z, 0-9 and '-'\n", program);
        return false;
    }
    if (getrandom(&life, sizeof life, 0) != sizeof life)
        return false;
    snprintf(id, size, "%s-%016" PRIx64, settings.name, life);
    return true;
}

static int run_with_journal(const semel_properties *properties)
{
    char id[WORKER_ID_MAX];
    struct book journal = {.fd = -1};
    struct runner_settings how = {
        .id = id, .folder = settings.folder, .patience_s = (double)settings.patience_ms / 1000.};
    if (!name_worker(id, sizeof id))
        return EXIT_USAGE;
    if (mkdir(settings.folder, 0755) != 0 && errno != EEXIST) {
        fprintf(stderr, "%s: --folder %s: %s\n", program, settings.folder, strerror(errno));
        return EXIT_FAILURE;
    }
    int error = settings.journal == NULL ? 0 : book_open(&journal, settings.journal, NULL, NULL);
    if (error != 0) {
        fprintf(stderr, "%s: --journal %s: %s\n", program, settings.journal, book_error(error));
        return EXIT_FAILURE;
    }
    how.journal = settings.journal == NULL ? NULL : &journal;
    int code = run(&how, properties);
    book_close(&journal);
    return code;
}

int main(int argc, char **argv)
{
    semel_properties *properties = semel_properties_create();
    if (properties == NULL)
        return EXIT_FAILURE;
    enum args_result parsed = program_parse(properties, &args, argc, argv);
    int code = parsed == ARGS_ERROR ? EXIT_USAGE : EXIT_SUCCESS;
    if (parsed == ARGS_OK)
        code = run_with_journal(properties);
    semel_properties_destroy(properties);
    return code;
}
