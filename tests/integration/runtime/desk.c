/* The desk.
 *
 * Reads best next: desk.h. */
#include "desk.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the server ---- */

static unsigned note_run(struct server *server, unsigned op)
{
    pthread_mutex_lock(&server->mutex);
    unsigned runs = ++server->runs[op % OPS];
    server->all_runs++;
    pthread_cond_broadcast(&server->changed);
    pthread_mutex_unlock(&server->mutex);
    return runs;
}

static enum semel_code handle(semel_request *request, faults_Order *in, faults_Answer *out, void *user)
{
    struct desk *desk = user;
    out->op = in->op;
    return desk->handler(desk, request, in, note_run(&desk->server, in->op), out);
}

static enum semel_code handle_tell(semel_request *request, faults_Order *in, void *user)
{
    struct desk *desk = user;
    faults_Answer none = {0};
    return desk->handler(desk, request, in, note_run(&desk->server, in->op), &none);
}

static enum semel_code handle_grow(semel_request *request, faults_Tree *in, faults_Tree *out, void *user)
{
    (void)request;
    note_run(user, tree_depth(in));
    *out = tree_create(in->want != 0 ? in->want : tree_depth(in));
    return SEMEL_OK;
}

static enum semel_code handle_send(semel_request *request, faults_Parcel *in, faults_Answer *out, void *user)
{
    (void)request;
    note_run(user, tree_depth(&in->tree));
    out->op = tree_depth(&in->tree);
    return SEMEL_OK;
}

static const struct faults_Desk_handlers handlers = {.Act = handle,
                                                     .Redo = handle,
                                                     .Other = handle,
                                                     .Tell = handle_tell,
                                                     .Grow = handle_grow,
                                                     .Send = handle_send};

enum semel_code desk_keep(struct desk *desk, semel_request *request, const faults_Order *in, unsigned runs,
                          faults_Answer *out)
{
    struct server *server = &desk->server;
    (void)in, (void)runs, (void)out;
    pthread_mutex_lock(&server->mutex);
    cr_assert(server->pending_count < PENDING_MAX);
    server->pending[server->pending_count++] = request;
    pthread_cond_broadcast(&server->changed);
    pthread_mutex_unlock(&server->mutex);
    return SEMEL_PENDING;
}

enum semel_code desk_raise_short(struct desk *desk, semel_request *request, const faults_Order *in,
                                 unsigned runs, faults_Answer *out)
{
    (void)desk, (void)out;
    const faults_Short error = {.balance = in->op, .missing = runs};
    return faults_Desk_Act_raise_Short(request, SEMEL_FAILED_PRECONDITION, &error);
}

enum semel_code desk_raise_rich(struct desk *desk, semel_request *request, const faults_Order *in,
                                unsigned runs, faults_Answer *out)
{
    (void)desk, (void)runs, (void)out;
    faults_Rich error = rich_create(in->size);
    enum semel_code code = faults_Desk_Act_raise_Rich(request, SEMEL_ABORTED, &error);
    semel_message_release(faults_Rich_fields, &error);
    return code;
}

void desk_open(struct desk *desk, desk_handler *handler, const char *const *properties)
{
    desk->handler = handler;
    server_open(&desk->server, properties);
    cr_assert_eq((int)faults_Desk_serve(desk->server.semel, &handlers, desk), SEMEL_OK);
}

void desk_close(struct desk *desk)
{
    server_close(&desk->server);
}

/* ---- calls ---- */

semel_status desk_act(struct client *client, unsigned op, unsigned size, faults_Desk_Act_error *ret_error)
{
    semel_status status;
    faults_Answer answer;
    const faults_Order in = {.op = op, .size = size};
    enum semel_code code = faults_Desk_Act(client->channel, &in, &answer, ret_error, NULL, &status);
    cr_assert_eq((int)code, (int)status.code);
    cr_assert_eq(answer.op, code == SEMEL_OK ? op : 0);
    return status;
}

semel_status desk_call(struct client *client, const struct semel_method *method, unsigned op)
{
    semel_status status;
    faults_Answer answer;
    semel_call_wait(client->channel, method, &(faults_Order){.op = op}, &answer, NULL, NULL, &status);
    return status;
}

static void note_error(struct ending *ending, const faults_Desk_Act_error *error)
{
    ending->which = error->which;
    if (error->which == faults_Desk_Act_error_Short)
        ending->short_error = error->as.Short;
    if (error->which != faults_Desk_Act_error_Rich)
        return;
    ending->part_count = error->as.Rich.parts_count;
    for (size_t i = 0; i < ending->part_count && i < 3; i++)
        snprintf(ending->parts[i], sizeof ending->parts[i], "%s", error->as.Rich.parts[i]);
    ending->blob_size = error->as.Rich.blob->size;
}

static void on_done(const faults_Answer *reply, const faults_Desk_Act_error *error, const semel_status *status,
                    void *user)
{
    struct ending *ending = user;
    pthread_mutex_lock(&ending->mutex);
    ending->times++;
    ending->status = *status;
    ending->replied = reply != NULL;
    ending->got_error = error != NULL;
    if (error != NULL)
        note_error(ending, error);
    pthread_cond_broadcast(&ending->changed);
    pthread_mutex_unlock(&ending->mutex);
}

struct starting {
    struct ending *ending;
    semel_channel *channel;
    faults_Order in;
};

static void start_now(void *arg)
{
    struct starting *starting = arg;
    cr_assert_eq(
        (int)faults_Desk_Act_start(starting->channel, &starting->in, NULL, NULL, on_done, starting->ending),
        SEMEL_OK);
}

void ending_start(struct ending *ending, struct client *client, unsigned op, unsigned size)
{
    struct starting starting = {ending, client->channel, {.op = op, .size = size}};
    memset(ending, 0, sizeof *ending);
    pthread_mutex_init(&ending->mutex, NULL);
    pthread_cond_init(&ending->changed, NULL);
    on_node(client->node, start_now, &starting);
}

const semel_status *ending_wait(struct ending *ending)
{
    pthread_mutex_lock(&ending->mutex);
    while (ending->times == 0)
        pthread_cond_wait(&ending->changed, &ending->mutex);
    pthread_mutex_unlock(&ending->mutex);
    return &ending->status;
}

unsigned ending_times(struct ending *ending)
{
    pthread_mutex_lock(&ending->mutex);
    unsigned times = ending->times;
    pthread_mutex_unlock(&ending->mutex);
    return times;
}

/* ---- messages ---- */

static void *allocate(size_t size)
{
    void *memory = calloc(1, size);
    cr_assert(memory != NULL);
    return memory;
}

faults_Rich rich_create(unsigned size)
{
    faults_Rich rich = {.why = strdup("it is late"), .parts_count = 2};
    rich.parts = allocate(2 * sizeof *rich.parts);
    rich.parts[0] = strdup("hand");
    rich.parts[1] = strdup("foot");
    rich.blob = allocate(PB_BYTES_ARRAY_T_ALLOCSIZE(size));
    rich.blob->size = (pb_size_t)size;
    memset(rich.blob->bytes, 0xa5, size);
    return rich;
}

/* nanopb frees what malloc gave. */
faults_Tree tree_create(unsigned depth)
{
    faults_Tree tree = {0};
    for (unsigned level = 1; level < depth; level++) {
        faults_Tree *kid = allocate(sizeof *kid);
        *kid = tree;
        tree = (faults_Tree){.kids_count = 1, .kids = kid};
    }
    return tree;
}

unsigned tree_depth(const faults_Tree *tree)
{
    unsigned depth = 1;
    for (; tree->kids_count > 0; tree = &tree->kids[0])
        depth++;
    return depth;
}
