/* The small world, from its first property to its last close.
 *
 * Reads best next: world.h, memory_test.c. */
#include "world.h"

#include <criterion/criterion.h>
#include <semel/semel.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "errors.semel.h"
#include "failing.h"
#include "probe.semel.h"

enum { OPS = 64, SERVERS = 2, PATIENCE_MS = 20000, LARGE = 3000 };

enum how {
    AT_ONCE,
    CUT,   /* every connection breaks before the reply is out */
    LATER, /* by way of a pending request */
    REFUSE /* the first time */
};

/* One call of the application. */
struct op {
    bool started;
    bool at_most_once;
    bool told; /* by status: a oneway is not */
    unsigned ends;
    unsigned runs;
    enum semel_code code;
    enum semel_outcome outcome;
    enum semel_reason reason;
};

static struct world {
    semel_properties *properties;
    semel_node *node;
    semel_server *servers[SERVERS];
    char uris[SERVERS][SEMEL_ENDPOINT_TEXT_MAX];
    semel_channel *channel;
    struct op ops[OPS];
    unsigned count; /* of ops */
    enum how how;
    unsigned recoveries;
} world;

/* The test itself needs memory to tell what it found. */
#define hold(condition, text)                                                                                  \
    do {                                                                                                       \
        if (!(condition)) {                                                                                    \
            failing_stop();                                                                                    \
            cr_assert(false, "%s", text);                                                                      \
        }                                                                                                      \
    } while (0)

static const semel_call_options plain = SEMEL_CALL_OPTIONS_INIT;

/* ---- the servers ---- */

static void cut_all(void)
{
    for (int fd = 3; fd < 256; fd++) {
        struct sockaddr_storage peer;
        socklen_t size = sizeof peer;
        if (getpeername(fd, (struct sockaddr *)&peer, &size) == 0 && peer.ss_family == AF_INET)
            shutdown(fd, SHUT_RDWR);
    }
}

static enum semel_code behave(semel_request *request, unsigned op)
{
    enum how how = world.how;
    world.how = AT_ONCE;
    if (how == REFUSE)
        return semel_request_refuse(request, 1, false);
    world.ops[op % OPS].runs++;
    if (how == CUT)
        cut_all();
    if (how != LATER)
        return SEMEL_OK;
    probe_Probe_Add_reply(request, &(const probe_Reply)probe_Reply_init_zero);
    return SEMEL_PENDING;
}

static enum semel_code handle(semel_request *request, probe_Request *in, probe_Reply *out, void *user)
{
    (void)user;
    enum semel_code code = behave(request, in->op);
    if (code != SEMEL_OK || in->reply_size == 0)
        return code;
    out->pad = calloc(1, PB_BYTES_ARRAY_T_ALLOCSIZE(in->reply_size));
    if (out->pad == NULL)
        return semel_request_error(request, SEMEL_RESOURCE_EXHAUSTED, "no memory for %u bytes", in->reply_size);
    out->pad->size = (pb_size_t)in->reply_size;
    return SEMEL_OK;
}

static enum semel_code handle_tell(semel_request *request, probe_Request *in, void *user)
{
    (void)user;
    return behave(request, in->op);
}

static enum semel_code act(semel_request *request, faults_Order *in, faults_Answer *out, void *user)
{
    static char part[] = "a part";
    char *parts[] = {part, part};
    faults_Rich rich = {.why = part, .parts_count = 2, .parts = parts};
    (void)user;
    (void)out;
    enum semel_code code = behave(request, in->op);
    return code == SEMEL_OK ? faults_Desk_Act_raise_Rich(request, SEMEL_FAILED_PRECONDITION, &rich) : code;
}

static const struct probe_Probe_handlers probe = {
    .Add = handle, .Set = handle, .Peek = handle, .Tell = handle_tell};
static const struct faults_Desk_handlers desk = {.Act = act};

static bool open_server(unsigned n)
{
    semel_status status;
    if (semel_server_open(world.node, NULL, &world.servers[n], &status) != SEMEL_OK)
        return false;
    return probe_Probe_serve(world.servers[n], &probe, NULL) == SEMEL_OK &&
           faults_Desk_serve(world.servers[n], &desk, NULL) == SEMEL_OK &&
           semel_server_listen(world.servers[n], "tcp://127.0.0.1:0", world.uris[n], &status) == SEMEL_OK;
}

/* ---- calls ---- */

static unsigned new_op(bool at_most_once)
{
    hold(world.count < OPS - 1, "too many operations");
    world.ops[world.count].at_most_once = at_most_once;
    return world.count++;
}

static void ended(struct op *op, const semel_status *status)
{
    op->ends++;
    op->told = true;
    op->code = status->code;
    op->outcome = status->outcome;
    op->reason = status->reason;
}

/* What a stub returned for a call that it waited for. */
static void waited(unsigned op, enum semel_code code, const semel_status *status)
{
    world.ops[op].started = true;
    ended(&world.ops[op], status);
    hold(code == status->code, "the stub and its status differ");
}

static void on_done(const probe_Reply *reply, const semel_status *status, void *user)
{
    hold((reply != NULL) == (status->code == SEMEL_OK), "a reply goes with OK");
    ended(user, status);
}

static void add(enum how how)
{
    probe_Reply reply = probe_Reply_init_zero;
    semel_status status;
    probe_Request request = {.op = new_op(true)};
    world.how = how;
    waited(request.op, probe_Probe_Add(world.channel, &request, &reply, &plain, &status), &status);
    probe_Probe_Add_release(&reply);
}

static void set(enum how how)
{
    probe_Reply reply = probe_Reply_init_zero;
    semel_status status;
    probe_Request request = {.op = new_op(false)};
    world.how = how;
    waited(request.op, probe_Probe_Set(world.channel, &request, &reply, NULL, &status), &status);
    probe_Probe_Set_release(&reply);
}

static void peek_hedged(void)
{
    probe_Reply reply = probe_Reply_init_zero;
    semel_status status;
    semel_call_options options = SEMEL_CALL_OPTIONS_INIT;
    probe_Request request = {.op = new_op(false)};
    options.hedge_max = 1;
    options.hedge_delay_ms = 0;
    waited(request.op, probe_Probe_Peek(world.channel, &request, &reply, &options, &status), &status);
    probe_Probe_Peek_release(&reply);
}

static void tell(void)
{
    probe_Request request = {.op = new_op(true)};
    world.ops[request.op].started = probe_Probe_Tell(world.channel, &request, NULL) == SEMEL_OK;
    world.ops[request.op].ends = world.ops[request.op].started; /* nobody is told */
    world.ops[request.op].outcome = SEMEL_OUTCOME_UNKNOWN;
}

static void raise_error(void)
{
    faults_Answer answer = faults_Answer_init_zero;
    faults_Desk_Act_error error = {0};
    semel_status status;
    faults_Order order = {.op = new_op(true)};
    waited(order.op, faults_Desk_Act(world.channel, &order, &answer, &error, NULL, &status), &status);
    hold(status.code != SEMEL_OK, "an error was raised");
    faults_Desk_Act_error_release(&error);
}

/* ---- on the node's thread ---- */

struct starting {
    unsigned op;
    size_t pad;
    size_t reply_size;
    bool cancel;
};

static void start_now(void *arg)
{
    struct starting *starting = arg;
    semel_node_stop(world.node); /* when this turn is over */
    struct op *op = &world.ops[starting->op];
    probe_Request request = {.op = starting->op, .reply_size = (uint32_t)starting->reply_size};
    semel_call_options options = SEMEL_CALL_OPTIONS_INIT;
    semel_call call;
    options.retry_max_attempts = 4;
    options.retry_initial_backoff_ms = 1;
    request.pad = calloc(1, PB_BYTES_ARRAY_T_ALLOCSIZE(starting->pad));
    if (request.pad == NULL)
        return;
    request.pad->size = (pb_size_t)starting->pad;
    op->started = probe_Probe_Add_start(world.channel, &request, &options, &call, on_done, op) == SEMEL_OK;
    hold(op->ends == 0, "the callback ran inside the start");
    if (op->started && starting->cancel)
        semel_call_cancel(world.channel, call);
    free(request.pad);
}

/* Waits until all that was started has ended. */
static void flush(void)
{
    hold(semel_channel_flush(world.channel, PATIENCE_MS) == SEMEL_OK, "a call hangs");
}

static void add_later(size_t pad, size_t reply_size, bool cancel, enum how how)
{
    struct starting starting = {.op = new_op(true), .pad = pad, .reply_size = reply_size, .cancel = cancel};
    world.how = how;
    if (semel_node_post(world.node, start_now, &starting) == SEMEL_OK) {
        hold(semel_node_run(world.node) == SEMEL_OK, "the node runs");
        flush();
    }
}

static void on_recovered(const probe_Reply *reply, const semel_status *status, void *user)
{
    (void)reply;
    (void)status;
    semel_recovery_continue(user);
}

/* Asks something on the new connection before the others go on. */
static void recover(semel_recovery *recovery, void *user)
{
    (void)user;
    world.recoveries++;
    probe_Request request = {.op = OPS - 1};
    if (probe_Probe_Peek_start(semel_recovery_channel(recovery), &request, NULL, NULL, on_recovered,
                               recovery) != SEMEL_OK)
        semel_recovery_continue(recovery);
}

/* ---- the whole ---- */

static bool read_properties(void)
{
    static const char text[] =
        "RetryIntervals = 0 0 1 5\ntest.Deadline = 15s\nprobe.Probe.Set.RetryIntervals = 0 0 0\n";
    static const char *const arguments[] = {"program", "--ConnectTimeout=10s", "--Heartbeat=10s"};
    char *argv[4];
    int argc = 3, file = memfd_create("properties", MFD_CLOEXEC);
    char path[40];
    semel_status status;
    hold(file >= 0 && write(file, text, sizeof text - 1) == (ssize_t)sizeof text - 1, "no file");
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    for (int i = 0; i < argc; i++)
        argv[i] = (char *)arguments[i];
    argv[argc] = NULL;
    world.properties = semel_properties_create();
    bool read = world.properties != NULL &&
                semel_properties_set(world.properties, "MaxOutstanding", "1000", &status) == SEMEL_OK &&
                semel_properties_load(world.properties, path, &status) == SEMEL_OK &&
                semel_properties_parse_args(world.properties, &argc, argv, &status) == SEMEL_OK;
    if (read)
        (void)semel_properties_reload(world.properties,
                                      &status); /* the file is gone in a moment; the values stay */
    close(file);
    return read;
}

static bool open_channel(const char *endpoints)
{
    semel_status status;
    if (semel_channel_open(world.node, "test", endpoints, &world.channel, &status) != SEMEL_OK)
        return false;
    semel_channel_attach_recovery(world.channel, recover, NULL);
    return true;
}

static void close_channel(void)
{
    semel_channel_close(world.channel);
    world.channel = NULL;
}

static bool open_world(void)
{
    semel_status status;
    const struct semel_node_options options = {.properties = world.properties, .name = "small-world"};
    if (semel_node_open(&options, &world.node, &status) != SEMEL_OK)
        return false;
    for (unsigned n = 0; n < SERVERS; n++)
        if (!open_server(n))
            return false;
    return open_channel(world.uris[0]);
}

/* Calls of every kind, and connections that break under them. */
static void work(void)
{
    semel_status status;
    add(AT_ONCE);
    set(AT_ONCE);
    peek_hedged();
    tell();
    raise_error();
    add_later(LARGE, LARGE, false, AT_ONCE);
    add_later(8, 0, true, AT_ONCE);
    add(REFUSE);
    add(CUT);
    set(CUT);
    add_later(LARGE, LARGE, false, CUT);
    add(LATER);
    (void)semel_properties_set(world.properties, "test.RetryIntervals", "0 0 0 0 0", &status);
    add(AT_ONCE);
    flush();
}

/* One server leaves, the other one takes over. */
static void move_on(void)
{
    char endpoints[2 * SEMEL_ENDPOINT_TEXT_MAX + 2];
    close_channel();
    snprintf(endpoints, sizeof endpoints, "%s,%s", world.uris[0], world.uris[1]);
    if (!open_channel(endpoints))
        return;
    peek_hedged();
    add(AT_ONCE);
    (void)semel_server_drain(world.servers[0], NULL, NULL);
    add(AT_ONCE);
    set(AT_ONCE);
    semel_server_close(world.servers[0]);
    world.servers[0] = NULL;
    add(CUT);
    flush();
}

static void close_world(void)
{
    close_channel();
    for (unsigned n = 0; n < SERVERS; n++)
        semel_server_close(world.servers[n]);
    semel_node_close(world.node);
    semel_properties_destroy(world.properties);
}

/* What each caller was told, against what happened. */
static void judge(const struct op *op, struct world_result *result)
{
    cr_assert(!op->at_most_once || op->runs <= 1, "it ran %u times", op->runs);
    if (!op->started) {
        cr_assert_eq(op->ends, 0);
        cr_assert_eq(op->runs, 0, "it was not started, and ran");
        return;
    }
    result->started++;
    cr_assert_eq(op->ends, 1, "it ended %u times", op->ends);
    if (!op->told)
        return;
    cr_assert(op->code != SEMEL_DEADLINE_EXCEEDED, "only its deadline ended it");
    cr_assert(op->reason != SEMEL_REASON_MALFORMED && op->reason != SEMEL_REASON_DECODE_FAILED,
              "nothing was wrong with the bytes");
    result->ok += op->code == SEMEL_OK;
    switch (op->outcome) {
    case SEMEL_OUTCOME_EXECUTED:
        cr_assert(op->runs >= 1, "executed, and it did not run");
        result->executed++;
        break;
    case SEMEL_OUTCOME_NOT_EXECUTED:
        cr_assert_eq(op->runs, 0, "not executed, and it ran: %s", semel_reason_text(op->reason));
        result->not_executed++;
        break;
    default: result->unknown++; break;
    }
    cr_assert(op->code != SEMEL_OK || op->outcome == SEMEL_OUTCOME_EXECUTED);
}

struct world_result world_live(void)
{
    struct world_result result = {0};
    memset(&world, 0, sizeof world);
    if (read_properties() && open_world()) {
        result.opened = true;
        work();
        move_on();
    }
    close_world();
    failing_stop();
    for (unsigned i = 0; i < world.count; i++)
        judge(&world.ops[i], &result);
    result.recoveries = world.recoveries;
    return result;
}
