/* semel-durable: calls a second on a durable store, beside the floor under it: bare LMDB that commits batches of as
 * many bytes, on the same disk, in the same run.
 * It must not know: the inside of Semel; it uses what any program can use.
 * Reads best next: README.md, "On a durable store"; runtime/store/README.md. */
#include <ev.h>
#include <getopt.h>
#include <inttypes.h>
#include <lmdb.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <semel/semel.h>

#include "echo.semel.h"
#include "server_process.h"

enum {
    PAYLOAD = 64,
    ROUNDS_MAX = 99,
    /* The file grows until the store begins to collect what is done: from then on the figures are those of every day.
     * As the floor, whose file grows for a few commits only. */
    WARM_BYTES = 2 << 20,
    WARM_RUNS_MAX = 20,
    CPU_MAX = 1023,
};

struct benchmark {
    struct options options; /* the processors */
    const char *path;
    uint64_t commits;
    int rounds;
};

struct figures {
    double calls_per_s;
    double calls_per_commit;
    double bytes_per_call;
};

/* Each flush takes so much longer, for Semel and for the floor: a slower disk. */
static long flush_us;

/* In place of the C library's: LMDB flushes with it. */
int fdatasync(int fd)
{
    const struct timespec longer = {flush_us / 1000000, flush_us % 1000000 * 1000};
    long result = syscall(SYS_fdatasync, fd);
    if (flush_us > 0)
        ppoll(NULL, 0, &longer, NULL);
    return (int)result;
}

static void die(const char *what, const char *why)
{
    fprintf(stderr, "semel-durable: %s: %s\n", what, why);
    exit(EXIT_FAILURE);
}

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void remove_store(const char *path)
{
    static const char *const suffixes[] = {"", "-lock", "-owner"};
    char name[512];
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        snprintf(name, sizeof name, "%s%s", path, suffixes[i]);
        (void)unlink(name);
    }
}

/* ---- the server, in its own process ---- */

static enum semel_code echo(semel_request *request, bench_EchoRequest *in, bench_EchoReply *out, void *user)
{
    (void)request, (void)user;
    out->payload = in->payload;
    in->payload = NULL;
    return SEMEL_OK;
}

static const struct bench_Echo_handlers handlers = {.Echo = echo};

struct serving {
    semel_node *node;
    semel_server *server;
    int fd;
};

static void on_question(struct ev_loop *loop, ev_io *watcher, int events)
{
    (void)loop, (void)events;
    struct serving *serving = watcher->data;
    struct semel_server_stats stats;
    semel_server_get_stats(serving->server, &stats);
    if (!server_answer_with(serving->fd, stats.commits, stats.committed_bytes))
        semel_node_stop(serving->node);
}

static int serve(const struct options *options, int fd)
{
    const struct benchmark *benchmark = (const struct benchmark *)options; /* its first member */
    struct serving serving = {.fd = fd};
    char uri[SEMEL_ENDPOINT_TEXT_MAX];
    char name[64];
    char spec[600];
    semel_status status;
    const struct semel_node_options quiet = {.log = NULL};
    snprintf(name, sizeof name, "unix:@semel-durable-%ld", (long)getpid());
    snprintf(spec, sizeof spec, "lmdb:%s", benchmark->path);
    if (semel_node_open(&quiet, &serving.node, &status) != SEMEL_OK ||
        semel_server_open(serving.node, spec, &serving.server, &status) != SEMEL_OK ||
        bench_Echo_serve(serving.server, &handlers, NULL) != SEMEL_OK ||
        semel_server_listen(serving.server, name, uri, &status) != SEMEL_OK)
        die("the server", status.message);
    ev_io question;
    ev_io_init(&question, on_question, fd, EV_READ);
    question.data = &serving;
    ev_io_start(semel_node_loop(serving.node), &question);
    if (server_ready(fd, uri))
        semel_node_run(serving.node);
    ev_io_stop(semel_node_loop(serving.node), &question);
    semel_server_close(serving.server);
    semel_node_close(serving.node);
    return EXIT_SUCCESS;
}

/* ---- the client ---- */

struct load {
    semel_node *node;
    semel_channel *channel;
    bench_EchoRequest *request;
    uint64_t left;
    uint64_t under_way;
};

static void start(struct load *load);

static void on_done(const bench_EchoReply *reply, const semel_status *status, void *user)
{
    struct load *load = user;
    if (status->code != SEMEL_OK || reply->payload->size != PAYLOAD)
        die("a call", status->message);
    load->under_way--;
    start(load);
    if (load->under_way == 0)
        semel_node_stop(load->node);
}

static void start(struct load *load)
{
    if (load->left == 0)
        return;
    load->left--;
    load->under_way++;
    if (bench_Echo_Echo_start(load->channel, load->request, NULL, NULL, on_done, load) != SEMEL_OK)
        die("a call", "cannot be started");
}

static void make_calls(struct load *load, uint64_t calls, uint64_t depth)
{
    load->left = calls;
    for (uint64_t i = 0; i < depth; i++)
        start(load);
    semel_node_run(load->node);
}

/* What has gone wrong with the server, server_process has told. */
static void need(bool fine)
{
    if (!fine)
        exit(EXIT_FAILURE);
}

static struct server_word warm_up(struct load *load, const struct server_process *server, uint64_t calls,
                                  uint64_t depth)
{
    struct server_word word;
    int runs = 0;
    do {
        make_calls(load, calls, depth);
        need(server_process_ask(server, &word));
    } while (word.committed_bytes < WARM_BYTES && ++runs < WARM_RUNS_MAX);
    return word;
}

static struct figures measure_load(struct load *load, const struct server_process *server, uint64_t calls,
                                   uint64_t depth)
{
    struct server_word after;
    struct server_word before = warm_up(load, server, calls, depth);
    double begin_s = now_s();
    make_calls(load, calls, depth);
    double elapsed_s = now_s() - begin_s;
    need(server_process_ask(server, &after));
    uint64_t bytes = after.committed_bytes - before.committed_bytes;
    return (struct figures){.calls_per_s = (double)calls / elapsed_s,
                            .calls_per_commit = (double)calls / (double)(after.commits - before.commits),
                            .bytes_per_call = (double)bytes / (double)calls};
}

static struct figures measure_semel(const struct benchmark *benchmark, uint64_t calls, uint64_t depth)
{
    struct server_process server;
    semel_status status;
    struct load load = {0};
    remove_store(benchmark->path);
    need(server_process_start(&server, &benchmark->options, serve));
    load.request = &(bench_EchoRequest){.payload = calloc(1, PB_BYTES_ARRAY_T_ALLOCSIZE(PAYLOAD))};
    load.request->payload->size = PAYLOAD;
    if (semel_node_open(NULL, &load.node, &status) != SEMEL_OK ||
        semel_channel_open(load.node, "load", server.uri, &load.channel, &status) != SEMEL_OK)
        die("the client", status.message);
    struct figures figures = measure_load(&load, &server, calls, depth);
    semel_channel_close(load.channel);
    semel_node_close(load.node);
    free(load.request->payload);
    need(server_process_stop(&server));
    remove_store(benchmark->path);
    return figures;
}

/* ---- the floor ---- */

static void expect(int error, const char *what)
{
    if (error != 0)
        die(what, mdb_strerror(error));
}

/* Commits batches of so many bytes, and deletes the one before the last, as a store does with what is done. */
static double measure_floor(const char *path, uint64_t commits, size_t bytes)
{
    MDB_env *env;
    MDB_dbi dbi;
    double begin_s = 0;
    remove_store(path);
    uint8_t *batch = calloc(1, bytes);
    expect(mdb_env_create(&env), "the floor");
    expect(mdb_env_set_mapsize(env, (size_t)1 << 30), "the floor");
    expect(mdb_env_open(env, path, MDB_NOSUBDIR, 0600), path);
    uint64_t warm_up = commits / 10 + 1;
    for (uint64_t i = 0; i < commits + warm_up; i++) {
        MDB_txn *txn;
        uint64_t number = __builtin_bswap64(i);
        uint64_t old = __builtin_bswap64(i - 2);
        MDB_val key = {sizeof number, &number};
        MDB_val old_key = {sizeof old, &old};
        MDB_val value = {bytes, batch};
        if (i == warm_up)
            begin_s = now_s();
        expect(mdb_txn_begin(env, NULL, 0, &txn), "begin");
        expect(mdb_dbi_open(txn, NULL, 0, &dbi), "open");
        expect(mdb_put(txn, dbi, &key, &value, MDB_APPEND), "put");
        if (i >= 2)
            expect(mdb_del(txn, dbi, &old_key, NULL), "del");
        expect(mdb_txn_commit(txn), "commit");
    }
    double elapsed_s = now_s() - begin_s;
    mdb_env_close(env);
    free(batch);
    remove_store(path);
    return (double)commits / elapsed_s;
}

/* ---- pairs ---- */

static int by_size(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;
    return (left > right) - (left < right);
}

static double median(double *values, int count)
{
    qsort(values, (size_t)count, sizeof *values, by_size);
    return values[count / 2];
}

static void compare(const struct benchmark *benchmark, uint64_t depth)
{
    double semel[ROUNDS_MAX];
    double floors[ROUNDS_MAX];
    double ratios[ROUNDS_MAX];
    struct figures figures = {0};
    int rounds = benchmark->rounds;
    uint64_t calls = benchmark->commits * depth;
    for (int i = 0; i < rounds; i++) {
        need(process_pin(benchmark->options.client_cpu));
        figures = measure_semel(benchmark, calls, depth);
        semel[i] = figures.calls_per_s;
        size_t bytes = (size_t)(figures.bytes_per_call * (double)depth) + 1;
        need(process_pin(benchmark->options.server_cpu));
        floors[i] = (double)depth * measure_floor(benchmark->path, benchmark->commits, bytes);
        ratios[i] = semel[i] / floors[i];
    }
    printf("{\"depth\":%" PRIu64 ",\"calls\":%" PRIu64
           ",\"rounds\":%d,\"calls_per_s\":%.0f,\"floor_calls_per_s\":%.0f,"
           "\"of_the_floor\":%.2f,\"calls_per_commit\":%.1f,\"bytes_per_call\":%.0f}\n",
           depth, calls, rounds, median(semel, rounds), median(floors, rounds), median(ratios, rounds),
           figures.calls_per_commit, figures.bytes_per_call);
    fflush(stdout);
}

/* ---- the command line ---- */

static const char usage[] =
    "usage: semel-durable [--client-cpu N] [--server-cpu N] FILE [COMMITS [ROUNDS [FLUSH_US]]]\n"
    "\n"
    "  FILE            where the store is made and removed again: the disk that is measured\n"
    "  COMMITS         in each run (default 400); as many and more come before, to warm up\n"
    "  ROUNDS          pairs of runs, of which the medians are told (default 5)\n"
    "  FLUSH_US        so much longer each flush takes, as on a slower disk (default: not at all)\n"
    "  --client-cpu N  pin the client to this processor\n"
    "  --server-cpu N  pin the server, and the floor, to this processor\n"
    "\n"
    "One line of JSON each for depth 1, 64 and 256.\n";

static uint64_t number(const char *text, uint64_t least, uint64_t most)
{
    char *end;
    uint64_t value = strtoull(text, &end, 10);
    if (*text >= '0' && *text <= '9' && *end == '\0' && value >= least && value <= most)
        return value;
    fprintf(stderr, "semel-durable: '%s' is not a whole number, or out of range\n", text);
    exit(EXIT_USAGE);
}

static void parse(int argc, char **argv, struct benchmark *benchmark)
{
    static const struct option options[] = {{"client-cpu", required_argument, NULL, 'c'},
                                            {"server-cpu", required_argument, NULL, 's'},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 'c')
            benchmark->options.client_cpu = (int)number(optarg, 0, CPU_MAX);
        else if (option == 's')
            benchmark->options.server_cpu = (int)number(optarg, 0, CPU_MAX);
        else {
            fputs(usage, option == 'h' ? stdout : stderr);
            exit(option == 'h' ? EXIT_SUCCESS : EXIT_USAGE);
        }
    }
    int words = argc - optind;
    if (words < 1 || words > 4) {
        fputs(usage, stderr);
        exit(EXIT_USAGE);
    }
    benchmark->path = argv[optind];
    benchmark->commits = words > 1 ? number(argv[optind + 1], 1, 1000000) : 400;
    benchmark->rounds = words > 2 ? (int)number(argv[optind + 2], 1, ROUNDS_MAX) : 5;
    flush_us = words > 3 ? (long)number(argv[optind + 3], 1, 1000000) : 0;
}

int main(int argc, char **argv)
{
    static const uint64_t depths[] = {1, 64, 256};
    struct benchmark benchmark = {.options = {.client_cpu = OPTIONS_ANY_CPU, .server_cpu = OPTIONS_ANY_CPU}};
    parse(argc, argv, &benchmark);
    signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < sizeof depths / sizeof *depths; i++)
        compare(&benchmark, depths[i]);
    return EXIT_SUCCESS;
}
