/* Admission.
 *
 * Reads best next: admission.h, dispatch.c. */
#include "server/admission.h"

#include <stddef.h>

#include "config/properties.h"
#include "core/units.h"
#include "server/connection.h"
#include "server/dispatch.h"
#include "server/server.h"

enum {
    /* Pushback: below it a refused client is back before anything has changed; above, it had better ask again. */
    PUSHBACK_MIN_MS = 10,
    PUSHBACK_MAX_MS = 5000,
    /* Who is refused together must not come back together: up to twice the time, in this many steps. */
    PUSHBACK_STEPS = 8,
    /* To wait, a request is copied.  A larger one is run even if the slice is spent: reading it took the time, and
     * copying it would take as much again. */
    COPY_MAX = 64 * 1024,
    /* An overload has ended when nobody was refused for this long: a server at its limit would fill its log. */
    CALM_MS = 1000,
    /* AdaptiveLimit without MaxRunning. */
    ADAPTIVE_MAX = 1024,
    /* Of each new observation of the pace, this part counts. */
    PACE_PART = 4,
    /* While nobody has waited this long, one hiccup may be all that the pace tells of. */
    PACE_TRUSTED_MS = 20,
};

static struct loop *loop_of(const struct admission *admission)
{
    return server_loop(admission->server);
}

static int64_t now_of(const struct admission *admission)
{
    return server_now(admission->server);
}

/* ---- how many may run ---- */

static uint32_t running_limit(const struct admission *admission)
{
    return admission->adaptive ? limiter_limit(&admission->limiter) : admission->max_running;
}

static bool has_room(const struct admission *admission)
{
    return admission->server->running_count < running_limit(admission);
}

uint32_t admission_limit(const struct admission *admission)
{
    uint32_t limit = running_limit(admission);
    return limit == UINT32_MAX ? 0 : limit;
}

bool admission_is_spent(struct admission *admission)
{
    uint64_t turn = loop_of(admission)->turn;
    if (admission->turn != turn) {
        admission->turn = turn;
        slice_begin(&admission->slice, now_of(admission));
    }
    return admission->slice.spent;
}

bool admission_takes_datagram(const struct admission *admission)
{
    return has_room(admission) && !admission->overloaded;
}

bool admission_is_free(struct admission *admission, const struct connection *connection, size_t body_size)
{
    bool in_time = !admission_is_spent(admission) || body_size > COPY_MAX;
    /* A channel reads on whatever is unsent, unlike a connection of the server's own. */
    bool choked = connection->lane != NULL && connection_is_choked(connection);
    return admission->queue.first == NULL && connection->waiting.first == NULL && in_time && !choked &&
           has_room(admission);
}

void admission_took(struct admission *admission)
{
    if (slice_wants_look(&admission->slice))
        slice_look(&admission->slice, loop_refresh(loop_of(admission)));
}

/* ---- how long is the wait ---- */

/* How long a request that comes now would wait, as far as the queue tells: as long as the first has waited, or as the
 * queue takes at its pace, whichever is longer. */
static int64_t expected_wait_ns(const struct admission *admission)
{
    const struct queue *queue = &admission->queue;
    if (queue->first == NULL)
        return 0;
    int64_t age_ns = now_of(admission) - queue->first->arrived_ns;
    if (age_ns < PACE_TRUSTED_MS * MS_IN_NS)
        return age_ns;
    int64_t length_ns = (queue->count - queue->parked) * admission->pace_ns;
    return age_ns > length_ns ? age_ns : length_ns;
}

static int64_t patience_ns(const struct admission *admission, const struct frame *frame)
{
    if (admission->max_age_ns == INT64_MAX || frame->time_ms == FRAME_NO_DEADLINE)
        return admission->max_age_ns;
    int64_t half_ns = frame->time_ms * MS_IN_NS / 2;
    return half_ns < admission->max_age_ns ? half_ns : admission->max_age_ns;
}

bool admission_is_closed(const struct admission *admission, const struct frame *frame)
{
    return queue_is_full(&admission->queue, frame->body_size) ||
           expected_wait_ns(admission) > patience_ns(admission, frame);
}

uint32_t admission_pushback_ms(struct admission *admission)
{
    int64_t wait_ms = expected_wait_ns(admission) / MS_IN_NS;
    if (wait_ms < PUSHBACK_MIN_MS)
        wait_ms = PUSHBACK_MIN_MS;
    wait_ms += wait_ms * (int64_t)(admission->refused % PUSHBACK_STEPS) / PUSHBACK_STEPS;
    return wait_ms < PUSHBACK_MAX_MS ? (uint32_t)wait_ms : PUSHBACK_MAX_MS;
}

/* ---- overload, for the log ---- */

void admission_refused(struct admission *admission)
{
    struct semel_server *server = admission->server;
    admission->refused++;
    if (admission->overloaded)
        return;
    admission->refused_seen = admission->refused - 1;
    admission->overloaded_ns = now_of(admission);
    admission->overloaded = loop_timer_start(loop_of(admission), &admission->calm,
                                             admission->overloaded_ns + CALM_MS * MS_IN_NS);
    node_log(server->node, SEMEL_LOG_WARNING,
             "%s: overloaded, requests are refused: %u wait, the wait is %lld ms, %u run (MaxQueueAge, "
             "MaxRunning)",
             server->label, admission->queue.count, (long long)(expected_wait_ns(admission) / MS_IN_NS),
             server->running_count);
}

static void on_calm(struct timer *timer)
{
    struct admission *admission = container_of(timer, struct admission, calm);
    int64_t now_ns = now_of(admission);
    bool calm = admission->refused == admission->refused_seen;
    admission->refused_seen = admission->refused;
    if (!calm && loop_timer_start(loop_of(admission), timer, now_ns + CALM_MS * MS_IN_NS))
        return;
    node_log(admission->server->node, SEMEL_LOG_WARNING,
             "%s: no longer overloaded: it was for %lld ms, %llu requests were refused",
             admission->server->label, (long long)((now_ns - admission->overloaded_ns) / MS_IN_NS),
             (unsigned long long)admission->refused);
    admission->overloaded = false;
    admission->refused = 0;
}

/* ---- the queue ---- */

bool admission_wait(struct admission *admission, struct connection *connection, const struct frame *frame,
                    int64_t deadline_ns)
{
    struct semel_server_stats *stats = &admission->server->stats;
    int64_t now_ns = now_of(admission);
    if (admission->queue.first == NULL)
        admission->moved_ns = now_ns;
    struct queued *queued = queue_push(&admission->queue, connection, &connection->waiting, frame);
    if (queued == NULL)
        return false;
    queued->arrived_ns = now_ns;
    queued->deadline_ns = deadline_ns;
    queued->patience_ns = patience_ns(admission, frame);
    stats->waited++;
    if (admission->queue.count > stats->queued_most)
        stats->queued_most = admission->queue.count;
    loop_later(loop_of(admission), &admission->drain);
    return true;
}

/* Why a waiting request is not to run any more; NONE: it may still. */
static enum semel_reason lateness(const struct queued *queued, int64_t now_ns)
{
    if (queued->deadline_ns != 0 && now_ns >= queued->deadline_ns)
        return SEMEL_REASON_EXPIRED;
    return now_ns - queued->arrived_ns >= queued->patience_ns ? SEMEL_REASON_OVERLOADED : SEMEL_REASON_NONE;
}

/* When it will be late for one reason or the other; INT64_MAX: never. */
static int64_t late_ns(const struct queued *queued)
{
    int64_t patient_ns = queued->patience_ns == INT64_MAX ? INT64_MAX
                                                          : queued->arrived_ns + queued->patience_ns;
    return queued->deadline_ns != 0 && queued->deadline_ns < patient_ns ? queued->deadline_ns : patient_ns;
}

static void leave(struct admission *admission, struct queued *queued, enum semel_reason late)
{
    struct semel_server_stats *stats = &admission->server->stats;
    /* What it is told may be something else: that it is stale, say. */
    uint64_t expired = stats->refused_by[SEMEL_REASON_EXPIRED];
    uint64_t overloaded = stats->refused_by[SEMEL_REASON_OVERLOADED];
    queue_remove(&admission->queue, queued);
    admission->serving = queued->connection;
    dispatch_queued(queued->connection, &queued->frame, queued->deadline_ns, late);
    stats->expired_waiting += stats->refused_by[SEMEL_REASON_EXPIRED] - expired;
    stats->outwaited += stats->refused_by[SEMEL_REASON_OVERLOADED] - overloaded;
    if (admission->serving != NULL)
        connection_settle(admission->serving);
    admission->serving = NULL;
    queue_free(&admission->queue, queued);
}

static void learn_pace(struct admission *admission, uint32_t moved)
{
    if (moved == 0)
        return;
    int64_t now_ns = now_of(admission);
    int64_t seen_ns = (now_ns - admission->moved_ns) / moved;
    admission->pace_ns += admission->pace_ns == 0 ? seen_ns : (seen_ns - admission->pace_ns) / PACE_PART;
    admission->moved_ns = now_ns;
}

/* Without memory for the timer the queue moves on with the next that comes or finishes. */
static void plan(struct admission *admission)
{
    const struct queued *first = admission->queue.first;
    int64_t due_ns = first != NULL ? late_ns(first) : INT64_MAX;
    loop_timer_stop(loop_of(admission), &admission->due);
    if (first != NULL && admission->slice.spent)
        loop_again(loop_of(admission), &admission->drain);
    else if (due_ns != INT64_MAX)
        (void)loop_timer_start(loop_of(admission), &admission->due, due_ns);
}

static void on_drain(struct loop_task *task)
{
    struct admission *admission = container_of(task, struct admission, drain);
    const struct queue *queue = &admission->queue;
    uint32_t moved = 0;
    slice_begin(&admission->slice, loop_refresh(loop_of(admission)));
    while (queue->first != NULL && !admission->slice.spent) {
        if (connection_is_choked(queue->first->connection)) {
            queue_park(&admission->queue, queue->first->share);
            continue;
        }
        enum semel_reason late = lateness(queue->first, now_of(admission));
        if (late == SEMEL_REASON_NONE && !has_room(admission))
            break;
        moved += late == SEMEL_REASON_NONE;
        leave(admission, queue->first, late);
        admission_took(admission);
    }
    (void)loop_refresh(loop_of(admission));
    learn_pace(admission, moved);
    plan(admission);
}

static void on_due(struct timer *timer)
{
    struct admission *admission = container_of(timer, struct admission, due);
    loop_later(loop_of(admission), &admission->drain);
}

const struct queued *admission_find(const struct admission *admission, const struct connection *connection,
                                    uint64_t seq)
{
    return queue_find(&admission->queue, &connection->waiting, seq);
}

static void drop(struct admission *admission, struct queued *queued)
{
    queue_remove(&admission->queue, queued);
    queue_free(&admission->queue, queued);
}

bool admission_cancel(struct admission *admission, struct connection *connection, uint64_t seq)
{
    struct queued *queued = queue_find(&admission->queue, &connection->waiting, seq);
    if (queued == NULL)
        return false;
    admission->server->stats.cancelled_waiting++;
    drop(admission, queued);
    return true;
}

void admission_unchoke(struct admission *admission, struct connection *connection)
{
    if (!connection->waiting.parked)
        return;
    queue_unpark(&admission->queue, &connection->waiting, now_of(admission));
    loop_later(loop_of(admission), &admission->drain);
}

void admission_forget(struct admission *admission, struct connection *connection)
{
    if (admission->serving == connection)
        admission->serving = NULL;
    while (connection->waiting.first != NULL) {
        admission->server->stats.vanished_waiting++;
        drop(admission, connection->waiting.first);
    }
}

void admission_finished(struct admission *admission, const struct semel_request *request)
{
    int64_t now_ns = now_of(admission);
    if (admission->adaptive)
        limiter_finished(&admission->limiter, now_ns - request->started_ns, admission->server->running_count,
                         now_ns);
    admission_left(admission);
}

void admission_left(struct admission *admission)
{
    if (admission->queue.first != NULL)
        loop_later(loop_of(admission), &admission->drain);
}

/* ---- life ---- */

static int64_t property(const struct semel_server *server, enum properties_key key)
{
    return properties_get_int(server->node->properties, NULL, key);
}

void admission_init(struct admission *admission, struct semel_server *server)
{
    int64_t max_running = property(server, PROPERTIES_MAX_RUNNING);
    int64_t max_age_ms = property(server, PROPERTIES_MAX_QUEUE_AGE);
    *admission = (struct admission){
        .server = server,
        .adaptive = property(server, PROPERTIES_ADAPTIVE_LIMIT) != 0,
        .max_running = max_running == 0 ? UINT32_MAX : (uint32_t)max_running,
        .max_age_ns = max_age_ms == 0 ? INT64_MAX : max_age_ms * MS_IN_NS,
    };
    limiter_init(&admission->limiter, 1, max_running == 0 ? ADAPTIVE_MAX : (uint32_t)max_running);
    queue_init(&admission->queue);
    slice_begin(&admission->slice, now_of(admission));
    loop_task_init(&admission->drain, on_drain);
    timer_init(&admission->due, on_due);
    timer_init(&admission->calm, on_calm);
}

void admission_fini(struct admission *admission)
{
    loop_task_cancel(loop_of(admission), &admission->drain);
    loop_timer_stop(loop_of(admission), &admission->due);
    loop_timer_stop(loop_of(admission), &admission->calm);
    queue_fini(&admission->queue);
}
