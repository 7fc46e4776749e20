/* What becomes of offers, as the wire shows it.
 *
 * Reads best next: paths.h. */
#include "paths.h"

#include <string.h>

#include "core/handshake.h"
#include "core/limits.h"
#include "core/units.h"
#include "sim/host.h"
#include "watch.h"

enum {
    /* A conflict of names is told after three displacements in ten seconds, which are then counted anew. */
    DISPLACEMENTS_MOST = 2 * LIMIT_NAME_DISPLACEMENTS,
};

/* When a server has closed connections because another life of their node came: the latest, one an offer. */
struct displaced {
    uint32_t life; /* of the server */
    uint32_t count;
    int64_t last_us;
    int64_t clock_ns[DISPLACEMENTS_MOST]; /* by count, in turn */
};

/* How far a connection got. */
struct path {
    uint32_t server; /* that has welcomed it: the index of its host, */
    uint32_t life;   /* and its life; 0: nobody has */
    bool settled;    /* its client has been greeted there, or has ended it; or there is none */
    bool displaced;
};

static struct {
    const struct setup *setup;
    struct path all[WATCH_CONNECTIONS_MAX];
    struct displaced displaced[WORLD_HOSTS_MAX];
} paths;

static uint64_t last_connection(void)
{
    uint64_t last = history->sim->last_connection;
    return last < WATCH_CONNECTIONS_MAX ? last : WATCH_CONNECTIONS_MAX - 1;
}

/* ---- dials ---- */

/* Those that are in progress side by side are one attempt, by whatever way they go. */
static void judge_twins(uint64_t connection)
{
    uint32_t session = watch_session_of(connection);
    unsigned long long attempt = watch_hello_of(connection)->attempt;
    for (uint64_t i = 1; i <= last_connection(); i++) {
        struct path *other = &paths.all[i];
        if (i == connection || watch_session_of(i) != session || other->settled)
            continue;
        other->settled = watch_is_over(i);
        if (!other->settled && watch_hello_of(i)->attempt != attempt)
            semel_sim_fail(history->sim, "two dials of session %u go side by side, as attempt %llu and as %llu",
                           session, (unsigned long long)watch_hello_of(i)->attempt, attempt);
    }
}

void paths_hello(const struct tap_frame *seen)
{
    if (seen->ghost)
        paths.all[seen->connection].settled = true; /* nobody dials it */
    else
        judge_twins(seen->connection);
}

/* ---- names of nodes ---- */

static bool are_lives_of_one_node(const struct hello *a, const struct hello *b)
{
    return a->name_size > 0 && a->name_size == b->name_size && a->node_instance != b->node_instance &&
           !id_equal(&a->session, &b->session) && memcmp(a->name, b->name, a->name_size) == 0;
}

/* Whoever is welcomed takes the place of the lives of its node before. */
void paths_welcome(const struct tap_frame *seen)
{
    struct path *own = &paths.all[seen->connection];
    if (seen->read) {
        own->settled = true;
        return;
    }
    own->server = seen->from->index;
    own->life = semel_sim_life(seen->from);
    for (uint64_t i = 1; i <= last_connection(); i++) {
        struct path *other = &paths.all[i];
        if (other->server == own->server && other->life == own->life)
            other->displaced |= are_lives_of_one_node(watch_hello_of(i), watch_hello_of(seen->connection));
    }
}

bool paths_is_displaced(uint64_t connection)
{
    return paths.all[connection].displaced;
}

/* Two nodes that share a name do not displace each other for ever, where the server remembers it for long enough. */
void paths_refuse(const struct tap_frame *seen)
{
    if (seen->read || seen->from == NULL || seen->frame.aux != SEMEL_REASON_NAME_TAKEN ||
        !paths.setup->namesakes || paths.setup->small_tables || paths.setup->lease_ms < LIMIT_NAME_CONFLICT_MS)
        return;
    struct displaced *displaced = &paths.displaced[seen->from->index];
    int64_t now_us = semel_sim_now_us(history->sim);
    int64_t clock_ns = host_now(seen->from);
    if (displaced->life != semel_sim_life(seen->from))
        *displaced = (struct displaced){.life = semel_sim_life(seen->from), .last_us = -1};
    if (displaced->last_us == now_us)
        return; /* channels of one life, which go at once */
    int64_t *slot = &displaced->clock_ns[displaced->count % DISPLACEMENTS_MOST];
    if (displaced->count >= DISPLACEMENTS_MOST && clock_ns - *slot < LIMIT_NAME_CONFLICT_MS * MS_IN_NS)
        semel_sim_fail(history->sim, "nodes of one name displace each other again and again at %s",
                       seen->from->name);
    *slot = clock_ns;
    displaced->last_us = now_us;
    displaced->count++;
}

void paths_begin(const struct setup *setup)
{
    memset(&paths, 0, sizeof paths);
    paths.setup = setup;
}
