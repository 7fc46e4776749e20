/* wire-cutter: a TCP proxy that misbehaves on purpose, from a seed, and counts what it did.
 * It must not know: Semel.  What it cuts are bytes.
 * Reads best next: schedule.h, flow.h, proxy.h, in this order. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "proxy.h"

/* What the command line says. */
static struct {
    const char *listen;
    const char *to;
    const char *direction;
    struct plan plan;
} settings = {
    .direction = "both",
    .plan = {.seed = 1,
             .max_cuts = UINT64_MAX,
             .early_percent = 10,
             .stall_ms = 20,
             .endless_ms = 5000,
             .trickle_bytes = 32,
             .trickle_ms = 1},
};

/* Distances beyond this would overflow the dice, and outlive any test. */
#define BYTES_MAX (UINT64_C(1) << 40)
#define MS_MAX (UINT64_C(24) * 3600 * 1000)

#define NUMBER(name, value, target, least, most, help)                                                         \
    {                                                                                                          \
        name, value, help, .number = &settings.target, .min = least, .max = most                               \
    }

static const char *const directions[] = {"up", "down", "both", NULL};

static const struct arg options[] = {
    {"--listen", "HOST:PORT", "where clients connect; port 0 takes any free one", .text = &settings.listen,
     .required = true},
    {"--to", "HOST:PORT", "the server behind", .text = &settings.to, .required = true},
    NUMBER("--seed", "N", plan.seed, 0, UINT64_MAX, "same seed, same faults at the same bytes (default 1)"),
    NUMBER("--cut-every", "BYTES", plan.mean[FAULT_CUT], 0, BYTES_MAX,
           "cut connections, at random, once in so many bytes on the\n"
           "average: in good order, by reset, or one direction first"),
    NUMBER("--cut-after-bytes", "N", plan.cut_after_bytes, 0, BYTES_MAX,
           "cut each connection once, after exactly N bytes of --direction"),
    NUMBER("--max-cuts", "N", plan.max_cuts, 0, UINT64_MAX, "no more cuts after so many"),
    NUMBER("--early-percent", "P", plan.early_percent, 0, 100,
           "with --cut-every: connections cut within their first 256\n"
           "bytes, where the handshake is (default 10)"),
    NUMBER("--stall-every", "BYTES", plan.mean[FAULT_STALL], 0, BYTES_MAX,
           "stop forwarding in one direction for --stall-ms"),
    NUMBER("--stall-ms", "N", plan.stall_ms, 0, MS_MAX, "length of a stall (default 20)"),
    NUMBER("--endless-percent", "P", plan.endless_percent, 0, 100,
           "stalls that end only with the connection (default 0)"),
    NUMBER("--endless-ms", "N", plan.endless_ms, 1, MS_MAX,
           "... which is cut after so long at the latest (default 5000)"),
    NUMBER("--trickle-every", "BYTES", plan.mean[FAULT_TRICKLE], 0, BYTES_MAX,
           "forward byte by byte for a while"),
    NUMBER("--trickle-bytes", "N", plan.trickle_bytes, 1, BYTES_MAX, "mean length of a trickle (default 32)"),
    NUMBER("--trickle-ms", "N", plan.trickle_ms, 0, MS_MAX, "between two bytes of it (default 1)"),
    NUMBER("--corrupt-every", "BYTES", plan.mean[FAULT_CORRUPT], 0, BYTES_MAX, "flip random bits of a byte"),
    {"--direction", "WAY", "misbehave only up (to the server) or down, or both (default)",
     .text = &settings.direction, .choices = directions},
    {"--no-reset", NULL, "cut without resets", .flag = &settings.plan.no_reset},
    {"--no-one-way", NULL, "cut both directions at once", .flag = &settings.plan.no_one_way},
};

static const struct args args = {
    "wire-cutter",
    "wire-cutter: a TCP proxy that cuts, stalls, trickles and corrupts, at bytes drawn from a seed.\n"
    "Without a fault option it is a plain proxy.  It prints \"listening HOST:PORT\" when it is ready,\n"
    "and on SIGTERM or SIGINT one line of JSON that tells what it did.",
    "  wire-cutter --listen 127.0.0.1:0 --to 127.0.0.1:4061 --cut-every 20000\n"
    "  wire-cutter --listen 127.0.0.1:5000 --to [::1]:4061 --seed 7 --stall-every 50000 --stall-ms 200\n"
    "  wire-cutter --listen 127.0.0.1:0 --to [::1]:4061 --cut-after-bytes 300 --direction down\n",
    NULL,
    options,
    sizeof options / sizeof options[0],
};

static void print_counters(const struct counters *counters)
{
    const struct {
        const char *name;
        uint64_t value;
    } rows[] = {
        {"connections", counters->connections},
        {"refused", counters->refused},
        {"cuts", counters->cuts},
        {"cuts_closed", counters->cuts_closed},
        {"cuts_reset", counters->cuts_reset},
        {"cuts_one_way", counters->cuts_one_way},
        {"stalls", counters->stalls},
        {"trickles", counters->trickles},
        {"corruptions", counters->corruptions},
        {"bytes_up", counters->bytes[WAY_UP]},
        {"bytes_down", counters->bytes[WAY_DOWN]},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        printf("%s\"%s\":%" PRIu64, i == 0 ? "{" : ",", rows[i].name, rows[i].value);
    printf("}\n");
    fflush(stdout);
}

static void on_signal(struct ev_loop *loop, ev_signal *watcher, int events)
{
    (void)watcher, (void)events;
    ev_break(loop, EVBREAK_ALL);
}

static void run_until_signalled(struct ev_loop *loop)
{
    ev_signal term;
    ev_signal interrupt;
    ev_signal_init(&term, on_signal, SIGTERM);
    ev_signal_init(&interrupt, on_signal, SIGINT);
    ev_signal_start(loop, &term);
    ev_signal_start(loop, &interrupt);
    ev_run(loop, 0);
    ev_signal_stop(loop, &term);
    ev_signal_stop(loop, &interrupt);
}

static bool resolve(const char *option, const char *text, struct address *ret_address)
{
    const char *wrong = address_resolve(text, ret_address);
    if (wrong != NULL)
        fprintf(stderr, "wire-cutter: %s %s: %s\n", option, text, wrong);
    return wrong == NULL;
}

/* Returns the exit code. */
static int serve(struct proxy *proxy)
{
    struct address listen_at;
    struct address bound;
    if (!resolve("--listen", settings.listen, &listen_at) || !resolve("--to", settings.to, &proxy->to))
        return EXIT_USAGE;
    int error = proxy_open(proxy, &listen_at, &bound);
    if (error != 0) {
        fprintf(stderr, "wire-cutter: --listen %s: %s\n", settings.listen, strerror(error));
        return EXIT_FAILURE;
    }
    char text[ADDRESS_TEXT_MAX];
    address_text(&bound, text);
    printf("listening %s\n", text);
    fflush(stdout);
    run_until_signalled(proxy->loop);
    proxy_close(proxy);
    print_counters(&proxy->counters);
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    enum args_result result = args_parse(&args, argc, argv);
    if (result != ARGS_OK)
        return result == ARGS_HELP ? EXIT_SUCCESS : EXIT_USAGE;
    settings.plan.faulty[WAY_UP] = strcmp(settings.direction, "down") != 0;
    settings.plan.faulty[WAY_DOWN] = strcmp(settings.direction, "up") != 0;
    struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
    if (loop == NULL) {
        fprintf(stderr, "wire-cutter: the kernel gives no event loop\n");
        return EXIT_FAILURE;
    }
    struct proxy proxy = {.loop = loop, .plan = settings.plan};
    int code = serve(&proxy);
    ev_loop_destroy(loop);
    return code;
}
