/* A store that crashes its process at its n-th step, before or after it, and lets it start again: takes the place
 * of semel_server_open in a bank-server of its own (--wrap), and counts the steps of the store it stands before.
 * The crash is an exec of the same program: memory, descriptors and locks are gone in that instant, as with any
 * other death.
 *
 * CRASH_AT: the step, from 1; 0 or unset: none.  CRASH_STEPS: a file that gets one byte a step.
 * It must not know what a step does.  Reads best next: crash_points.sh. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/units.h"
#include "net/random.h"
#include "server/server.h"

struct crash_store {
    struct store store;
    struct store *inner;
    long at;
    long steps;
    int count_fd;
};

/* This program once more, with the same arguments and no crash ahead. */
static void crash_now(void)
{
    static char text[4096];
    char *arguments[64];
    size_t count = 0;
    int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
    ssize_t size = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
    for (char *at = text; size > 0 && at < text + size && count < 63; at += strlen(at) + 1)
        arguments[count++] = at;
    arguments[count] = NULL;
    setenv("CRASH_AT", "0", 1);
    execv("/proc/self/exe", arguments);
    abort();
}

static void step(struct crash_store *crash)
{
    if (crash->count_fd >= 0 && write(crash->count_fd, ".", 1) != 1)
        abort();
    if (++crash->steps == crash->at)
        crash_now();
}

static struct crash_store *crash_of(struct store *store)
{
    return container_of(store, struct crash_store, store);
}

static bool load(struct store *store, store_batch_fn *each, void *user, struct store_problem *problem)
{
    struct store *inner = crash_of(store)->inner;
    return inner->ops->load(inner, each, user, problem);
}

static void commit(struct store *store, struct store_commit *batch)
{
    struct crash_store *crash = crash_of(store);
    crash->inner->ready = store->ready;
    crash->inner->ready_user = store->ready_user;
    step(crash);
    crash->inner->ops->commit(crash->inner, batch);
    step(crash);
}

static void poll(struct store *store)
{
    struct crash_store *crash = crash_of(store);
    crash->inner->ops->poll(crash->inner);
    step(crash); /* what was committed has been told: handlers were begun, replies queued */
}

static struct store_usage usage(struct store *store)
{
    struct store *inner = crash_of(store)->inner;
    return inner->ops->usage(inner);
}

static void close_store(struct store *store)
{
    struct crash_store *crash = crash_of(store);
    crash->inner->ops->close(crash->inner);
    if (crash->count_fd >= 0)
        close(crash->count_fd);
    free(crash);
}

static struct MDB_env *environment(struct store *store)
{
    struct store *inner = crash_of(store)->inner;
    return inner->ops->environment(inner);
}

static struct MDB_txn *enter(struct store *store)
{
    struct crash_store *crash = crash_of(store);
    step(crash);
    return crash->inner->ops->enter(crash->inner);
}

static bool leave(struct store *store, bool keep)
{
    struct crash_store *crash = crash_of(store);
    bool left = crash->inner->ops->leave(crash->inner, keep);
    step(crash);
    return left;
}

static void forsake(struct store *store)
{
    struct store *inner = crash_of(store)->inner;
    inner->ops->forsake(inner);
}

static const struct store_ops ops = {
    .durable = true,
    .load = load,
    .commit = commit,
    .poll = poll,
    .usage = usage,
    .close = close_store,
    .environment = environment,
    .enter = enter,
    .leave = leave,
    .forsake = forsake,
};

/* The name that --wrap gives it. */
enum semel_code crash_server_open(semel_node *node, const char *spec, semel_server **ret_server,
                                  semel_status *ret_status) __asm__("__wrap_semel_server_open");

enum semel_code crash_server_open(semel_node *node, const char *spec, semel_server **ret_server,
                                  semel_status *ret_status)
{
    const char *at = getenv("CRASH_AT");
    const char *count = getenv("CRASH_STEPS");
    const struct store_options options = {
        .fresh = random_id(), .secret = random_u64, .size_bytes = UINT64_C(64) << 20};
    struct store_problem problem;
    struct crash_store *crash = calloc(1, sizeof *crash);
    if (crash == NULL || store_open(spec, &options, &crash->inner, &problem) != SEMEL_OK) {
        fprintf(stderr, "crash-store: %s\n", crash != NULL ? problem.text : "out of memory");
        exit(EXIT_FAILURE);
    }
    crash->store = (struct store){.ops = &ops, .domain = crash->inner->domain};
    crash->at = at != NULL ? strtol(at, NULL, 10) : 0;
    crash->count_fd = count != NULL ? open(count, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
    return server_open_with(node, &crash->store, ret_server, ret_status);
}
