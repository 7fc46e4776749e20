/* The gate.
 *
 * Reads best next: gate.h. */
#include "gate.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "core/units.h"

static struct gate *gate_of(struct store *store)
{
    return container_of(store, struct gate, store);
}

static bool load(struct store *store, store_batch_fn *each, void *user, struct store_problem *problem)
{
    struct gate *gate = gate_of(store);
    (void)problem;
    for (uint64_t i = 1; i < gate->next; i++)
        if (!each(i, gate->batches[i].bytes, gate->batches[i].size, user))
            break;
    return true;
}

/* With the mutex held. */
static void settle(struct gate *gate, struct store_commit *commit)
{
    commit->result = gate->result;
    if (gate->result != STORE_COMMITTED && !gate->keeps)
        return;
    cr_assert_eq(commit->number, gate->next);
    gate->batches[gate->next].bytes = malloc(commit->size);
    gate->batches[gate->next].size = commit->size;
    memcpy(gate->batches[gate->next].bytes, commit->bytes, commit->size);
    gate->next++;
}

static void commit(struct store *store, struct store_commit *batch)
{
    struct gate *gate = gate_of(store);
    pthread_mutex_lock(&gate->mutex);
    gate->commits[gate->waiting++] = batch;
    gate->handed++;
    bool closed = gate->closed;
    pthread_cond_broadcast(&gate->changed);
    pthread_mutex_unlock(&gate->mutex);
    if (!closed)
        gate->store.ready(gate->store.ready_user);
}

static void poll(struct store *store)
{
    struct gate *gate = gate_of(store);
    struct store_commit *ended[16];
    pthread_mutex_lock(&gate->mutex);
    unsigned count = gate->closed ? 0 : gate->waiting;
    for (unsigned i = 0; i < count; i++) {
        ended[i] = gate->commits[i];
        settle(gate, ended[i]);
    }
    gate->waiting -= count;
    pthread_mutex_unlock(&gate->mutex);
    for (unsigned i = 0; i < count; i++)
        ended[i]->done(ended[i], ended[i]->result, ended[i]->result == STORE_COMMITTED ? "" : "the gate fell");
}

static struct store_usage usage(struct store *store)
{
    (void)store;
    return (struct store_usage){.free_bytes = UINT64_MAX, .spare_bytes = UINT64_MAX, .next_bytes = UINT64_MAX};
}

static void close_store(struct store *store)
{
    gate_of(store)->waiting = 0;
}

static const struct store_ops ops = {
    .durable = true, .load = load, .commit = commit, .poll = poll, .usage = usage, .close = close_store};

void gate_init(struct gate *gate)
{
    memset(gate, 0, sizeof *gate);
    gate->store = (struct store){.ops = &ops, .domain = {.bytes = {7}}};
    gate->next = 1;
    pthread_mutex_init(&gate->mutex, NULL);
    pthread_cond_init(&gate->changed, NULL);
}

void gate_fini(struct gate *gate)
{
    for (uint64_t i = 1; i < gate->next; i++)
        free(gate->batches[i].bytes);
    pthread_mutex_destroy(&gate->mutex);
    pthread_cond_destroy(&gate->changed);
}

void gate_shut(struct gate *gate)
{
    pthread_mutex_lock(&gate->mutex);
    gate->closed = true;
    pthread_mutex_unlock(&gate->mutex);
}

/* On the server's thread, as every store that has no thread of its own would. */
static void tell_ready(void *arg)
{
    struct gate *gate = arg;
    gate->store.ready(gate->store.ready_user);
}

static semel_node *gate_node;

void gate_open(struct gate *gate, enum store_result result)
{
    pthread_mutex_lock(&gate->mutex);
    gate->closed = false;
    gate->result = result;
    pthread_mutex_unlock(&gate->mutex);
    on_node(gate_node, tell_ready, gate);
}

void gate_wait(struct gate *gate, unsigned waiting)
{
    pthread_mutex_lock(&gate->mutex);
    while (gate->waiting < waiting)
        pthread_cond_wait(&gate->changed, &gate->mutex);
    pthread_mutex_unlock(&gate->mutex);
}

void gate_wait_handed(struct gate *gate, unsigned handed)
{
    pthread_mutex_lock(&gate->mutex);
    while (gate->handed < handed)
        pthread_cond_wait(&gate->changed, &gate->mutex);
    pthread_mutex_unlock(&gate->mutex);
}

void gate_serve(struct gate *gate, struct server *server, const char *const *properties, const char *uri)
{
    server_open_on_store(server, properties, uri, &gate->store);
    gate_node = server->node;
}
