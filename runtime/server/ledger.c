/* The ledger: gathers, commits, and then lets go who has waited.
 *
 * Reads best next: ledger.h, dispatch.c. */
#include "server/ledger.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/compact.h"
#include "core/recall.h"
#include "core/units.h"
#include "server/connection.h"
#include "server/dispatch.h"
#include "server/server.h"
#include "server/transact.h"

enum {
    /* A completion is on its way to the store this soon after its reply: what a crash makes UNKNOWN is no more. */
    LEFTOVER_MS = 100,
    /* A batch nobody waits for is committed when it has grown to this: larger ones make the next commit slow. */
    BATCH_BYTES = 1 << 20,
    /* Those who got their replies together call again together, but not in the very same turn.  It is worth waiting for
     * as many as there were before: to miss them costs them a whole commit.  As parts of the time that one takes: for
     * the next to come, and for all. */
    GATHER_NEXT_PART = 4,
    GATHER_ALL_PART = 2,
    /* So many start before their replies leave: who gets them has something to do while the others run. */
    START_TOGETHER = 16,
};

/* ---- lines of requests ---- */

static void line_init(struct ledger_line *line)
{
    *line = (struct ledger_line){.last = &line->first};
}

static void line_push(struct ledger_line *line, struct semel_request *request)
{
    request->next_in_line = NULL;
    *line->last = request;
    line->last = &request->next_in_line;
}

static struct semel_request *line_pop(struct ledger_line *line)
{
    struct semel_request *request = line->first;
    if (request == NULL)
        return NULL;
    line->first = request->next_in_line;
    if (line->first == NULL)
        line->last = &line->first;
    return request;
}

static void line_move(struct ledger_line *from, struct ledger_line *to)
{
    for (struct semel_request *request; (request = line_pop(from)) != NULL;)
        line_push(to, request);
}

/* ---- what starts ---- */

static bool is_late(const struct ledger *ledger, const struct semel_request *request)
{
    return request->deadline_ns != 0 && server_now(ledger->server) >= request->deadline_ns;
}

/* It waited, and does not run: its client is told, if it is there. */
static void turn_away(struct ledger *ledger, struct semel_request *request, enum semel_reason reason)
{
    struct session *session = dispatch_session_of(request);
    dedup_withdraw(&request->run);
    dispatch_drop(ledger->server, request, session, reason, SEMEL_OUTCOME_NOT_EXECUTED);
}

/* Whether a request that waited is to run now; if not, it is gone. */
static bool may_start(struct ledger *ledger, struct semel_request *request)
{
    struct session *session = dispatch_session_of(request);
    switch (dedup_start(&request->run, is_late(ledger, request))) {
    case DEDUP_START: return true;
    case DEDUP_START_LATE:
        dispatch_drop(ledger->server, request, session, SEMEL_REASON_EXPIRED, SEMEL_OUTCOME_NOT_EXECUTED);
        return false;
    default:
        dispatch_drop(ledger->server, request, NULL, SEMEL_REASON_NONE, SEMEL_OUTCOME_UNKNOWN);
        return false;
    }
}

/* For how long handlers may run before the loop has its turn. */
static void look_at_clock(struct ledger *ledger, struct slice *slice)
{
    if (slice_wants_look(slice))
        slice_look(slice, loop_refresh(server_loop(ledger->server)));
}

/* A few at a time; what they have to send leaves between, as a task of its own. */
static void on_start(struct loop_task *task)
{
    struct ledger *ledger = container_of(task, struct ledger, start);
    struct loop *loop = server_loop(ledger->server);
    if (!ledger->starts)
        slice_begin(&ledger->slice, loop_refresh(loop));
    for (int i = 0; i < START_TOGETHER && ledger->ready.first != NULL && !ledger->slice.spent; i++) {
        struct semel_request *request = line_pop(&ledger->ready);
        if (may_start(ledger, request))
            dispatch_start(ledger->server, request);
        look_at_clock(ledger, &ledger->slice);
    }
    ledger->starts = ledger->ready.first != NULL && !ledger->slice.spent;
    if (ledger->starts)
        loop_later(loop, &ledger->start);
    else if (ledger->ready.first != NULL)
        loop_again(loop, &ledger->start);
}

/* Lets transactional handlers run, each in a transaction within that of the batch. */
static void join(struct ledger *ledger)
{
    struct slice slice;
    slice_begin(&slice, loop_refresh(server_loop(ledger->server)));
    while (ledger->joining.first != NULL && !slice.spent) {
        struct semel_request *request = line_pop(&ledger->joining);
        if (may_start(ledger, request) && transact_run(ledger->server, request))
            line_push(&ledger->joined, request);
        look_at_clock(ledger, &slice);
    }
}

/* ---- failing ---- */

/* Nothing that was promised is broken: what has not started will not, and what ran and is not there is told so. */
static void fail(struct ledger *ledger, enum store_result result, const char *text)
{
    struct semel_request *request;
    node_log(ledger->server->node, SEMEL_LOG_ERROR,
             "%s: THE STORE HAS FAILED (%s): nothing that must be remembered will run until this server is "
             "restarted with a store that works",
             ledger->server->label, text);
    ledger->failed = true;
    ledger->journal.lost = true; /* nothing is written any more */
    if (ledger->store->ops->forsake != NULL)
        ledger->store->ops->forsake(ledger->store);
    journal_fini(&ledger->journal);
    line_move(&ledger->awaited, &ledger->begun);
    while ((request = line_pop(&ledger->joined)) != NULL)
        transact_lose(ledger->server, request, result == STORE_FAILED);
    while ((request = line_pop(&ledger->begun)) != NULL)
        turn_away(ledger, request, SEMEL_REASON_INACTIVE);
    while ((request = line_pop(&ledger->joining)) != NULL)
        turn_away(ledger, request, SEMEL_REASON_INACTIVE);
    while (ledger->greeting != NULL) {
        struct connection *connection = ledger->greeting;
        ledger_forget(ledger, connection);
        connection_release(connection, SEMEL_REASON_INACTIVE);
    }
    server_settle_drain(ledger->server);
}

/* ---- committing ---- */

/* A journal that is lost is written, too: that it can not be must not stay unnoticed. */
static bool has_to_write(const struct ledger *ledger)
{
    return !journal_is_empty(&ledger->journal) || ledger->journal.lost;
}

static bool is_urgent(const struct ledger *ledger)
{
    return ledger->begun.first != NULL || ledger->joining.first != NULL || ledger->joined.first != NULL ||
           ledger->greeting != NULL || ledger->journal.size > BATCH_BYTES || ledger->seeks;
}

static void greet(struct ledger *ledger, uint64_t committed)
{
    struct connection **link = &ledger->greeting;
    while (*link != NULL) {
        struct connection *connection = *link;
        if (connection->held_for > committed) {
            link = &connection->next_held;
            continue;
        }
        *link = connection->next_held;
        connection->held_for = 0;
        connection_release(connection, SEMEL_REASON_NONE);
        link = &ledger->greeting; /* who was released may have taken others along */
    }
}

static void on_committed(struct store_commit *commit, enum store_result result, const char *text)
{
    struct ledger *ledger = container_of(commit, struct ledger, commit);
    struct semel_request *request;
    ledger->committed_bytes += commit->size;
    free(ledger->bytes);
    ledger->bytes = NULL;
    if (result != STORE_COMMITTED) {
        fail(ledger, result, text);
        return;
    }
    ledger->commits++;
    room_measure(&ledger->room);
    ledger->seeks = ledger->seeks && room_can_be_made(&ledger->room);
    while ((request = line_pop(&ledger->joined)) != NULL)
        transact_conclude(ledger->server, request);
    greet(ledger, commit->number);
    line_move(&ledger->awaited, &ledger->ready);
    if (ledger->ready.first != NULL)
        loop_later(server_loop(ledger->server), &ledger->start);
    if (is_urgent(ledger))
        loop_later(server_loop(ledger->server), &ledger->write);
    else
        ledger_note(ledger); /* what has come while this one was on its way */
    server_settle_drain(ledger->server);
}

/* Seals the open batch into a commit.  false: no memory. */
static bool seal(struct ledger *ledger, struct store_commit *commit, uint8_t **ret_bytes)
{
    struct sessions *sessions = &ledger->server->sessions;
    *commit = (struct store_commit){
        .number = ledger->journal.number, .wanted_from = compact_floor(sessions), .done = on_committed};
    *ret_bytes = journal_seal(&ledger->journal, sessions->last_connection, &commit->size);
    commit->bytes = *ret_bytes;
    return *ret_bytes != NULL;
}

/* Whether more requests are likely to come in a moment that is short beside a commit.  While they do come they are
 * waited for beyond what is expected, too: else some would miss every commit, and be too late for the next. */
static bool may_gather(struct ledger *ledger)
{
    bool first = ledger->gather_since_ns == 0;
    bool come = ledger->gathered > ledger->seen;
    if (ledger->gathered == 0 || (ledger->gathered >= ledger->expected && (first || !come)))
        return false;
    int64_t now_ns = loop_refresh(server_loop(ledger->server));
    if (first)
        ledger->gather_since_ns = now_ns;
    if (come)
        ledger->seen_ns = now_ns;
    ledger->seen = ledger->gathered;
    return now_ns - ledger->seen_ns < ledger->commit_ns / GATHER_NEXT_PART &&
           now_ns - ledger->gather_since_ns < ledger->commit_ns / GATHER_ALL_PART;
}

static void forget_gathered(struct ledger *ledger)
{
    ledger->expected = ledger->gathered > ledger->last_gathered ? ledger->gathered : ledger->last_gathered;
    ledger->last_gathered = ledger->gathered;
    ledger->gathered = ledger->seen = 0;
    ledger->gather_since_ns = 0;
}

static void on_write(struct loop_task *task)
{
    struct ledger *ledger = container_of(task, struct ledger, write);
    struct loop *loop = server_loop(ledger->server);
    if (ledger->failed || ledger->bytes != NULL)
        return;
    if (ledger->starts) {
        loop_later(loop, &ledger->write); /* a commit would keep them waiting */
        return;
    }
    if (may_gather(ledger)) {
        loop_yield();
        loop_again(loop, &ledger->write);
        return;
    }
    join(ledger);
    if (!has_to_write(ledger) && ledger->joined.first == NULL && !ledger->seeks)
        return;
    loop_timer_stop(loop, &ledger->leftover);
    room_compact(&ledger->room);
    if (!seal(ledger, &ledger->commit, &ledger->bytes)) {
        fail(ledger, STORE_FAILED, "out of memory");
        return;
    }
    line_move(&ledger->begun, &ledger->awaited);
    forget_gathered(ledger);
    int64_t begin_ns = loop_refresh(loop);
    ledger->store->ops->commit(ledger->store, &ledger->commit);
    ledger->commit_ns = loop_refresh(loop) - begin_ns;
}

static void on_leftover(struct timer *timer)
{
    struct ledger *ledger = container_of(timer, struct ledger, leftover);
    loop_later(server_loop(ledger->server), &ledger->write);
}

static void on_look(struct loop_task *task)
{
    struct ledger *ledger = container_of(task, struct ledger, look);
    ledger->store->ops->poll(ledger->store);
}

static void on_ready(void *user)
{
    struct ledger *ledger = user;
    loop_later(server_loop(ledger->server), &ledger->look);
}

/* ---- who waits ---- */

void ledger_await(struct ledger *ledger, struct semel_request *request, bool transactional)
{
    line_push(transactional ? &ledger->joining : &ledger->begun, request);
    ledger->gathered++;
    loop_later(server_loop(ledger->server), &ledger->write);
}

void ledger_hold(struct ledger *ledger, struct connection *connection)
{
    connection->held_for = ledger->journal.number;
    connection->next_held = ledger->greeting;
    ledger->greeting = connection;
    loop_later(server_loop(ledger->server), &ledger->write);
}

void ledger_forget(struct ledger *ledger, struct connection *connection)
{
    struct connection **link = &ledger->greeting;
    while (*link != NULL && *link != connection)
        link = &(*link)->next_held;
    if (*link == NULL)
        return;
    *link = connection->next_held;
    connection->held_for = 0;
}

void ledger_note(struct ledger *ledger)
{
    if (!has_to_write(ledger) || ledger->failed)
        return;
    struct loop *loop = server_loop(ledger->server);
    if (ledger->journal.size > BATCH_BYTES || ledger->journal.lost || ledger->hurries)
        loop_later(loop, &ledger->write);
    else if (!timer_running(&ledger->leftover) &&
             !loop_timer_start(loop, &ledger->leftover, loop_now(loop) + LEFTOVER_MS * MS_IN_NS))
        loop_later(loop, &ledger->write); /* no memory to wait */
}

void ledger_seek_room(struct ledger *ledger)
{
    if (!ledger_is_durable(ledger) || ledger->failed || ledger->seeks)
        return;
    if (room_can_be_made(&ledger->room)) {
        ledger->seeks = true;
        loop_later(server_loop(ledger->server), &ledger->write);
    } else if (ledger->bytes == NULL && journal_is_empty(&ledger->journal)) {
        room_measure(&ledger->room); /* the application may have made some */
    }
}

bool ledger_is_settled(struct ledger *ledger)
{
    if (ledger->failed)
        return true;
    ledger->hurries = true;
    ledger_note(ledger);
    return ledger->bytes == NULL && !has_to_write(ledger);
}

/* ---- life ---- */

void ledger_init(struct ledger *ledger, struct semel_server *server, struct store *store)
{
    *ledger = (struct ledger){.server = server, .store = store};
    struct ledger_line *const lines[] = {&ledger->begun, &ledger->awaited, &ledger->ready, &ledger->joining,
                                         &ledger->joined};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        line_init(lines[i]);
    store->ready = on_ready;
    store->ready_user = ledger;
    journal_init(&ledger->journal, 1);
    room_init(&ledger->room, store, &server->sessions, &ledger->journal);
    loop_task_init(&ledger->write, on_write);
    loop_task_init(&ledger->look, on_look);
    loop_task_init(&ledger->start, on_start);
    timer_init(&ledger->leftover, on_leftover);
}

/* Tells every batch to one of the two functions of recall. */
struct telling {
    struct recall *recall;
    const char *(*tell)(struct recall *recall, struct journal_batch batch);
    const char *wrong; /* NULL: nothing so far */
};

static bool on_batch(uint64_t number, const uint8_t *bytes, size_t size, void *user)
{
    struct telling *telling = user;
    struct journal_batch batch;
    telling->wrong = journal_read(bytes, size, number, &batch);
    if (telling->wrong == NULL)
        telling->wrong = telling->tell(telling->recall, batch);
    return telling->wrong == NULL;
}

static void report(struct store_problem *problem, const char *wrong)
{
    if (strcmp(wrong, RECALL_NO_MEMORY) == 0)
        store_fail(problem, SEMEL_RESOURCE_EXHAUSTED, "%s", wrong);
    else
        store_fail(problem, SEMEL_DATA_LOSS, "%s: restore a backup, or start with a new store", wrong);
}

static bool tell_all(struct ledger *ledger, struct telling *telling, struct store_problem *problem)
{
    bool loaded = ledger->store->ops->load(ledger->store, on_batch, telling, problem);
    if (loaded && telling->wrong != NULL)
        report(problem, telling->wrong);
    return loaded && telling->wrong == NULL;
}

bool ledger_load(struct ledger *ledger, struct store_problem *ret_problem)
{
    struct recall recall;
    recall_init(&recall, &ledger->server->sessions);
    struct telling first = {.recall = &recall, .tell = recall_sessions};
    struct telling second = {.recall = &recall, .tell = recall_records};
    bool loaded = tell_all(ledger, &first, ret_problem);
    if (loaded) {
        second.wrong = recall_settle(&recall, server_now(ledger->server));
        if (second.wrong != NULL)
            report(ret_problem, second.wrong);
        loaded = second.wrong == NULL && tell_all(ledger, &second, ret_problem);
    }
    ledger->journal.number = recall.last_batch + 1;
    room_measure(&ledger->room);
    recall_fini(&recall);
    return loaded;
}

/* What has not started never will: should this domain come back, it may run then. */
static void drop_lines(struct ledger *ledger)
{
    struct semel_request *request;
    line_move(&ledger->awaited, &ledger->begun);
    line_move(&ledger->ready, &ledger->begun);
    line_move(&ledger->joining, &ledger->begun);
    while ((request = line_pop(&ledger->begun)) != NULL)
        turn_away(ledger, request, SEMEL_REASON_NONE);
    while ((request = line_pop(&ledger->joined)) != NULL)
        transact_lose(ledger->server, request, false);
}

void ledger_fini(struct ledger *ledger)
{
    struct loop *loop = server_loop(ledger->server);
    struct store_commit last;
    uint8_t *bytes = NULL;
    assert(ledger->greeting == NULL);
    drop_lines(ledger);
    loop_timer_stop(loop, &ledger->leftover);
    if (!ledger->failed && has_to_write(ledger)) {
        if (seal(ledger, &last, &bytes))
            ledger->store->ops->commit(ledger->store, &last);
        else
            node_log(ledger->server->node, SEMEL_LOG_ERROR,
                     "%s: no memory to write the last batch: what ended just now will be UNKNOWN",
                     ledger->server->label);
    }
    loop_timer_stop(loop, &ledger->leftover);
    ledger->store->ops->close(ledger->store);
    free(bytes);
    free(ledger->bytes);
    loop_task_cancel(loop, &ledger->write);
    loop_task_cancel(loop, &ledger->look);
    loop_task_cancel(loop, &ledger->start);
    journal_fini(&ledger->journal);
}
