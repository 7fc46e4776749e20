/* Sessions by their HELLO, domains by their WELCOME, requests by the operation they name.
 *
 * Reads best next: watch.h. */
#include "watch.h"

#include <assert.h>
#include <string.h>

#include "core/handshake.h"
#include "paths.h"
#include "recoveries.h"
#include "sim/disk.h"
#include "sim/host.h"
#include "sim/stream.h"

enum {
    SESSIONS_MAX = 512,
    GREETINGS_MAX = 8192,
    TABLES_MAX = 1024,
    ANSWERS_MAX = 4096,
    OFFERS_MAX = 16384,
};

/* A WELCOME that a client has read. */
struct greeting {
    uint32_t session;
    uint64_t connection;
    struct id domain;
    bool resumed;
    int64_t at_us;
    uint32_t client;  /* index of the host */
    uint32_t nth;     /* of its session */
    bool same_domain; /* as the one before */
};

/* What a server should know of a session. */
struct table {
    uint32_t session;
    struct id domain;
    uint32_t host;          /* its server */
    int64_t heard_clock_ns; /* of the server, when it last read from it */
    int64_t heard_us;       /* of the world */
    bool may_be_over;       /* its lease, in a life of the server that is over */
    uint64_t born;          /* the connection that was answered NEW last */
    uint64_t attempt;       /* the highest that was welcomed since */
};

/* A reply to an at-most-once request. */
struct reply {
    struct id domain;
    uint64_t op;
    uint64_t digest;
};

/* A HELLO that a server has read. */
struct offer {
    uint32_t server; /* index of the host */
    uint64_t connection;
    int64_t at_us;
    bool
        forgotten; /* the server had no reason any more to know the session, or the client to know the server */
};

static struct {
    const struct setup *setup;
    struct id sessions[SESSIONS_MAX];
    uint32_t session_count;
    uint32_t session_of[WATCH_CONNECTIONS_MAX]; /* 1.., by connection; 0: no HELLO yet */
    struct id domain_of[WATCH_CONNECTIONS_MAX];
    struct hello hello_of[WATCH_CONNECTIONS_MAX];
    struct greeting greetings[GREETINGS_MAX];
    uint32_t greeting_count;
    struct table tables[TABLES_MAX];
    uint32_t table_count;
    struct reply replies[ANSWERS_MAX];
    uint32_t reply_count;
    struct offer offers[OFFERS_MAX];
    uint32_t offer_count;
    struct id server_domain[WORLD_HOSTS_MAX]; /* as its last WELCOME told */
    uint64_t server_incarnation[WORLD_HOSTS_MAX];
} watch;

static uint32_t session_number(const struct id *id)
{
    for (uint32_t i = 0; i < watch.session_count; i++)
        if (id_equal(&watch.sessions[i], id))
            return i + 1;
    assert(watch.session_count < SESSIONS_MAX);
    watch.sessions[watch.session_count++] = *id;
    return watch.session_count;
}

static struct table *table_of(uint32_t session, const struct id *domain)
{
    for (uint32_t i = 0; i < watch.table_count; i++)
        if (watch.tables[i].session == session && id_equal(&watch.tables[i].domain, domain))
            return &watch.tables[i];
    return NULL;
}

/* Nobody knows what the clock of the former life showed in the end: it may have been a tenth faster, or have leapt. */
void watch_restarted(const semel_sim_host *host)
{
    for (uint32_t i = 0; i < watch.table_count; i++) {
        struct table *table = &watch.tables[i];
        if (table->host != host->index)
            continue;
        int64_t silent_us = semel_sim_now_us(history->sim) - table->heard_us;
        table->may_be_over |= watch.setup->faults.leap_ms > 0 || silent_us >= watch.setup->lease_ms * 900;
        table->heard_clock_ns = host_now(host);
    }
}

/* ---- greetings ---- */

static void hello(const struct tap_frame *seen)
{
    struct hello hello;
    if (hello_read(seen->frame.body, seen->frame.body_size, &hello) != SEMEL_REASON_NONE) {
        semel_sim_fail(history->sim, "a HELLO that can not be read");
        return;
    }
    watch.session_of[seen->connection] = session_number(&hello.session);
    watch.hello_of[seen->connection] = hello;
    paths_hello(seen);
}

/* Whether its server may have forgotten all about it. */
static bool silent_long(const struct table *table, const semel_sim_host *server)
{
    int64_t silent_ns = host_now(server) - table->heard_clock_ns;
    return watch.setup->small_tables || table->may_be_over || silent_ns >= watch.setup->lease_ms * 1000000;
}

/* Whether a server that knew the session of this connection may say that it does not. */
static bool may_have_forgotten(const struct table *table, const struct hello *offer,
                               const struct tap_frame *seen)
{
    if (silent_long(table, seen->from))
        return true;
    if (!id_equal(&offer->last_domain, &table->domain))
        return !id_is_none(&offer->last_domain); /* what it wrote last, it wrote elsewhere */
    return offer->last_connection < table->born; /* a lost verdict, told again */
}

/* What the way back depends on, as far as it is seen before the answer. */
static void hello_read_by(const struct tap_frame *seen)
{
    const struct hello *hello = &watch.hello_of[seen->connection];
    const struct table *table = table_of(watch.session_of[seen->connection],
                                         &watch.server_domain[seen->to->index]);
    bool met = !id_is_none(&hello->last_domain);
    bool elsewhere = met && (!id_equal(&hello->last_domain, &watch.server_domain[seen->to->index]) ||
                             hello->last_incarnation != watch.server_incarnation[seen->to->index]);
    bool unknown = table == NULL || silent_long(table, seen->to) ||
                   (met && hello->last_connection < table->born);
    assert(watch.offer_count < OFFERS_MAX);
    watch.offers[watch.offer_count++] = (struct offer){.server = seen->to->index,
                                                       .connection = seen->connection,
                                                       .at_us = semel_sim_now_us(history->sim),
                                                       .forgotten = elsewhere || unknown};
}

static void welcome_written(const struct tap_frame *seen, const struct welcome *welcome)
{
    watch.server_domain[seen->from->index] = welcome->domain;
    watch.server_incarnation[seen->from->index] = welcome->incarnation;
    uint32_t session = watch.session_of[seen->connection];
    bool resumed = (seen->frame.flags & FRAME_RESUMED) != 0;
    struct table *table = table_of(session, &welcome->domain);
    watch.domain_of[seen->connection] = welcome->domain;
    if (table == NULL) {
        if (resumed && !id_is_none(&watch.hello_of[seen->connection].last_domain))
            semel_sim_fail(history->sim, "session %u is resumed in a domain that it has never been in",
                           session);
        assert(watch.table_count < TABLES_MAX);
        table = &watch.tables[watch.table_count++];
        *table = (struct table){.session = session, .domain = welcome->domain, .host = seen->from->index};
    } else if (!resumed && !may_have_forgotten(table, &watch.hello_of[seen->connection], seen)) {
        semel_sim_fail(history->sim, "session %u is not resumed, though its server should know it", session);
    }
    uint64_t attempt = watch.hello_of[seen->connection].attempt;
    bool forgotten = silent_long(table, seen->from);
    if (attempt <= table->attempt && !forgotten)
        semel_sim_fail(history->sim, "session %u is welcomed at attempt %llu, and was at %llu", session,
                       (unsigned long long)attempt, (unsigned long long)table->attempt);
    table->attempt = attempt;
    if (!resumed)
        table->born = welcome->connection;
    table->heard_clock_ns = host_now(seen->from);
    table->heard_us = semel_sim_now_us(history->sim);
    table->may_be_over = false;
}

/* The last one of a session; NULL: it has read none. */
static const struct greeting *last_greeting(uint32_t session)
{
    for (uint32_t i = watch.greeting_count; i > 0; i--)
        if (watch.greetings[i - 1].session == session)
            return &watch.greetings[i - 1];
    return NULL;
}

static void welcome_read_by(const struct tap_frame *seen, const struct welcome *welcome)
{
    uint32_t session = watch.session_of[seen->connection];
    const struct greeting *before = last_greeting(session);
    assert(watch.greeting_count < GREETINGS_MAX);
    watch.greetings[watch.greeting_count++] = (struct greeting){
        .session = session,
        .connection = seen->connection,
        .domain = welcome->domain,
        .resumed = (seen->frame.flags & FRAME_RESUMED) != 0,
        .at_us = semel_sim_now_us(history->sim),
        .client = seen->to->index,
        .nth = before != NULL ? before->nth + 1 : 1,
        .same_domain = before != NULL && id_equal(&before->domain, &welcome->domain)};
}

static void welcome(const struct tap_frame *seen)
{
    struct welcome welcome;
    paths_welcome(seen);
    if (welcome_read(seen->frame.body, seen->frame.body_size, &welcome) != SEMEL_REASON_NONE) {
        semel_sim_fail(history->sim, "a WELCOME that can not be read");
        return;
    }
    if (!seen->read) {
        welcome_written(seen, &welcome);
        return;
    }
    if (!seen->ghost)
        welcome_read_by(seen, &welcome);
}

/* ---- requests and replies ---- */

/* The first field of an Op, a varint. */
static struct op *op_of(const struct frame *frame)
{
    uint64_t id = 0;
    if (frame->body_size < 2 || frame->body[0] != 0x08)
        return NULL;
    for (size_t i = 1; i < frame->body_size && i < 10; i++) {
        id |= (uint64_t)(frame->body[i] & 0x7f) << (7 * (i - 1));
        if ((frame->body[i] & 0x80) == 0)
            return history_op(id);
    }
    return NULL;
}

static void request_read(const struct tap_frame *seen, struct op *op)
{
    uint32_t host = seen->to->index;
    if (op->read_in[host] == 0)
        op->read_in[host] = semel_sim_life(seen->to);
    if (!seen->client || !paths_is_displaced(seen->connection))
        op->read_rightly[host] = semel_sim_life(seen->to);
    op->read_unprotected[host] = disk_has_failed(seen->to);
}

/* Whether the seqs of both are given by the same side, in the same life of a session. */
static bool share_seqs(const struct op *op, const struct op *other)
{
    if (other->written == 0 || other->written_session != op->written_session || other->back != op->back)
        return false;
    return !op->back || (other->caller == op->caller && other->caller_life == op->caller_life &&
                         other->written_life == op->written_life);
}

static void judge_seq(const struct op *op)
{
    for (uint32_t id = 1; id <= history->op_count; id++)
        if (id != op->id && share_seqs(op, &history->ops[id]) &&
            history->ops[id].written_seq == op->written_seq)
            semel_sim_fail(history->sim, "seq %llu is given to op %llu and to op %u",
                           (unsigned long long)op->written_seq, (unsigned long long)op->id, id);
}

static void request(const struct tap_frame *seen)
{
    struct op *op = op_of(&seen->frame);
    uint32_t session = watch.session_of[seen->connection];
    if (op != NULL && seen->read && seen->to != NULL)
        request_read(seen, op);
    if (op == NULL || (seen->ghost && seen->client) || seen->read)
        return;
    bool idempotent = (seen->frame.flags & FRAME_IDEMPOTENT) != 0;
    if (op->ended > 0)
        return; /* the rest of a frame that had to be finished */
    if (op->back == seen->client)
        semel_sim_fail(history->sim, "op %llu goes the other way", (unsigned long long)op->id);
    if (!idempotent && op->written > 0 &&
        (op->written_session != session || op->written_seq != seen->frame.seq))
        semel_sim_fail(history->sim, "op %llu is sent as seq %llu, and was sent as seq %llu",
                       (unsigned long long)op->id, (unsigned long long)seen->frame.seq,
                       (unsigned long long)op->written_seq);
    if (idempotent != modes[op->mode].idempotent)
        semel_sim_fail(history->sim, "op %llu is sent in another mode", (unsigned long long)op->id);
    if (!op->back)
        recoveries_judge_request(op, seen->connection, last_greeting(session)->nth);
    const struct table *table = table_of(session, &watch.domain_of[seen->connection]);
    op->written++;
    op->written_session = session;
    op->written_seq = seen->frame.seq;
    op->written_connection = seen->connection;
    op->written_life = table != NULL ? table->born : 0;
    op->written_us = semel_sim_now_us(history->sim);
    judge_seq(op);
}

/* What a reply is the answer to: of those that had its seq, the last. */
static const struct op *answered(const struct tap_frame *seen)
{
    uint32_t session = watch.session_of[seen->connection];
    for (uint32_t id = history->op_count; id > 0; id--) {
        const struct op *op = &history->ops[id];
        if (op->written > 0 && op->back == seen->client && op->written_session == session &&
            op->written_seq == seen->frame.seq && (!op->back || op->caller == seen->to->index))
            return op;
    }
    return NULL;
}

/* A reply that tells of a run is the same as often as it is sent. */
static void reply(const struct tap_frame *seen)
{
    if (seen->ghost || seen->frame.code != SEMEL_OK)
        return;
    const struct id *domain = &watch.domain_of[seen->connection];
    const struct op *op = answered(seen);
    if (op == NULL || modes[op->mode].idempotent)
        return;
    for (uint32_t i = 0; i < watch.reply_count; i++) {
        const struct reply *known = &watch.replies[i];
        if (known->op != op->id || !id_equal(&known->domain, domain))
            continue;
        if (known->digest != seen->frame.digest)
            semel_sim_fail(history->sim, "op %llu is answered twice, not the same", (unsigned long long)op->id);
        return;
    }
    assert(watch.reply_count < ANSWERS_MAX);
    watch.replies[watch.reply_count++] = (struct reply){*domain, op->id, seen->frame.digest};
}

static void heard(const struct tap_frame *seen)
{
    if (!seen->client || !seen->read || seen->to == NULL)
        return;
    struct table *table = table_of(watch.session_of[seen->connection], &watch.domain_of[seen->connection]);
    if (table == NULL)
        return;
    table->heard_clock_ns = host_now(seen->to);
    table->heard_us = semel_sim_now_us(history->sim);
}

static void on_frame(const struct tap_frame *seen, void *user)
{
    (void)user;
    assert(seen->connection < WATCH_CONNECTIONS_MAX);
    heard(seen);
    if (seen->read ? seen->to != NULL : seen->from != NULL)
        history_active(seen->read ? seen->to : seen->from);
    switch (seen->frame.type) {
    case FRAME_HELLO:
        if (!seen->read)
            hello(seen);
        else
            hello_read_by(seen);
        break;
    case FRAME_WELCOME: welcome(seen); break;
    case FRAME_REFUSE: paths_refuse(seen); break;
    case FRAME_REQUEST: request(seen); break;
    case FRAME_REPLY:
        if (!seen->read)
            reply(seen);
        break;
    default: break;
    }
}

/* ---- asking ---- */

uint32_t watch_session_of(uint64_t connection)
{
    return watch.session_of[connection];
}

const struct hello *watch_hello_of(uint64_t connection)
{
    return &watch.hello_of[connection];
}

bool watch_lost_session(const struct op *op)
{
    const struct id *domain = &watch.domain_of[op->written_connection];
    for (uint32_t i = 0; i < watch.greeting_count; i++) {
        const struct greeting *greeting = &watch.greetings[i];
        if (greeting->session == op->written_session && greeting->connection != op->written_connection &&
            greeting->at_us >= op->written_us && (!greeting->resumed || !id_equal(&greeting->domain, domain)))
            return true;
    }
    return false;
}

/* An offer after which a server thinks that the client does not remember this call back. */
static bool breaks_way_back(const struct op *op, const struct offer *offer)
{
    const struct hello *hello = &watch.hello_of[offer->connection];
    if (watch.session_of[offer->connection] == op->written_session) {
        const struct hello *before = &watch.hello_of[op->written_connection];
        return offer->forgotten || (op->written > 0 && hello->table != before->table);
    }
    /* Another life of its node displaces it. */
    const struct id *own = &watch.sessions[op->written_session - 1];
    for (uint64_t i = 1; i < WATCH_CONNECTIONS_MAX; i++) {
        const struct hello *other = &watch.hello_of[i];
        if (id_equal(&other->session, own) && other->name_size == hello->name_size &&
            other->node_instance != hello->node_instance)
            return memcmp(other->name, hello->name, hello->name_size) == 0;
    }
    return false;
}

bool watch_lost_way_back(const struct op *op, int64_t since_us)
{
    const struct table *table = table_of(op->written_session, &watch.server_domain[op->caller]);
    if (watch.setup->small_tables || table == NULL || silent_long(table, history->sim->hosts[op->caller]))
        return true;
    for (uint32_t i = 0; i < watch.offer_count; i++)
        if (watch.offers[i].server == op->caller && watch.offers[i].at_us >= since_us &&
            breaks_way_back(op, &watch.offers[i]))
            return true;
    return false;
}

/* Of the end that the client has, or the other one. */
static bool end_is_over(uint64_t connection, bool client)
{
    for (int fd = 0; fd < history->sim->stream_count; fd++) {
        const struct stream *stream = history->sim->streams[fd];
        if (stream->client == client && stream->connection == connection)
            return stream->state == STREAM_CLOSED;
    }
    return false;
}

bool watch_is_over(uint64_t connection)
{
    return end_is_over(connection, true);
}

bool watch_lost_connection(const struct op *op)
{
    return end_is_over(op->written_connection, !op->back);
}

uint64_t watch_greeted(const semel_sim_host *client)
{
    for (uint32_t i = watch.greeting_count; i > 0; i--)
        if (watch.greetings[i - 1].client == client->index)
            return watch.greetings[i - 1].connection;
    return 0;
}

bool watch_is_resumed(uint64_t connection)
{
    for (uint32_t i = 0; i < watch.greeting_count; i++)
        if (watch.greetings[i].connection == connection)
            return watch.greetings[i].resumed && watch.greetings[i].same_domain;
    return false;
}

bool watch_is_writing(const struct op *op)
{
    for (int fd = 0; fd < history->sim->stream_count; fd++) {
        const struct stream *stream = history->sim->streams[fd];
        if (stream->client == !op->back && stream->state == STREAM_OPEN && stream->host != NULL &&
            stream->host->index == op->caller && stream->out.tap.size > 0)
            return true;
    }
    return false;
}

void watch_begin(const struct setup *setup)
{
    memset(&watch, 0, sizeof watch);
    watch.setup = setup;
    paths_begin(setup);
    tap_set(history->sim, on_frame, NULL);
}

void watch_end(void)
{
    tap_set(history->sim, NULL, NULL);
}
