/* Dispatch: core/dedup decides whether a request runs; here it is run, and answered.
 *
 * Reads best next: dispatch.h. */
#include "server/dispatch.h"

#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "core/message.h"
#include "core/units.h"
#include "net/inherit.h"
#include "server/answer.h"
#include "server/server.h"

/* ---- a finished request ---- */

struct session *dispatch_session_of(const struct semel_request *request)
{
    if (request->run.table == NULL)
        return NULL;
    return container_of(request->run.table, struct session, table);
}

/* From here on the request has an end, whatever happens. */
static void enlist(struct semel_server *server, struct semel_request *request)
{
    request->next = server->running;
    if (request->next != NULL)
        request->next->prev = request;
    server->running = request;
    server->running_count++;
}

static void unlink_request(struct semel_server *server, struct semel_request *request)
{
    if (request->prev != NULL)
        request->prev->next = request->next;
    else
        server->running = request->next;
    if (request->next != NULL)
        request->next->prev = request->prev;
    server->running_count--;
}

static struct answer answer_of(const struct semel_request *request)
{
    if (request->code == SEMEL_REFUSED)
        return (struct answer){.code = SEMEL_UNAVAILABLE,
                               .reason = SEMEL_REASON_REFUSED_BY_HANDLER,
                               .outcome = SEMEL_OUTCOME_NOT_EXECUTED,
                               .delay_ms = request->refuse_delay_ms,
                               .elsewhere = request->refuse_elsewhere};
    return (struct answer){.code = request->code, .reason = request->reason, .outcome = SEMEL_OUTCOME_EXECUTED};
}

/* A reply whose body says why there is none. */
static void set_text_body(struct semel_request *request, struct pool *pool)
{
    request->body_size = strnlen(request->message, LIMIT_REASON_TEXT);
    request->reply = reply_create(pool, request->body_size);
    if (request->reply != NULL)
        memcpy(reply_body(request->reply), request->message, request->body_size);
}

/* It ran, but the client can not be given such a frame. */
static void check_size(struct semel_request *request, size_t limit)
{
    if (request->reply == NULL || FRAME_HEADER_SIZE + request->body_size <= limit)
        return;
    snprintf(request->message, sizeof request->message,
             "it ran, but its reply of %zu bytes is over the frame limit", request->body_size);
    request->raised = NULL;
    reply_settle(request->reply);
    request->reply = NULL;
    request->code = SEMEL_RESOURCE_EXHAUSTED;
    request->reason = SEMEL_REASON_TOO_LARGE;
}

void dispatch_seal_reply(struct semel_server *server, struct semel_request *request)
{
    const struct session *session = dispatch_session_of(request);
    if (request->code == SEMEL_REFUSED)
        request_forget_error(request);
    if (request->raised != NULL)
        request_seal_error(request);
    check_size(request, session != NULL ? session->frame_limit : (size_t)server->frame_limit);
    if (request->code != SEMEL_OK && request->reply == NULL)
        set_text_body(request, &server->node->room.control_pool);
    if (request->reply == NULL)
        return;
    const struct answer answer = answer_of(request);
    answer_write(request->reply, request->run.seq, request->method->id, request->body_size, &answer);
}

/* Whether its client has asked for it on the connection it has now.  If not, it will ask there again, for it has read
 * no answer; and once the record is gone, that is another run, of which "not executed" must not be said too early. */
static bool is_asked_here(const struct semel_request *request, const struct session *session)
{
    const struct connection *connection = session != NULL ? connection_to(session) : NULL;
    return connection != NULL && connection->number == request->asked_on;
}

bool dispatch_may_tell(const struct semel_request *request, enum semel_code code)
{
    bool lasts = code != SEMEL_REFUSED && dedup_end_lasts(&request->run, code);
    return lasts || is_asked_here(request, dispatch_session_of(request));
}

/* A reply goes to the newest connection of its session; if there is none, the client will come and ask for it. */
void dispatch_hand_over(struct session *session, struct reply *reply, bool may_tell)
{
    struct connection *connection = connection_to(session);
    if (connection == NULL) {
        reply_settle(reply);
        dedup_trim(&session->table); /* a silent session keeps no more memory than its records need */
    } else if (!may_tell) {
        reply_settle(reply);
        connection_settle(connection); /* it may have waited for the end */
    } else if (reply == NULL) {
        connection_close(connection, SEMEL_REASON_NO_MEMORY); /* the client will ask again and be told */
    } else {
        connection_send(connection, reply);
        connection_settle(connection);
    }
}

/* The same for a receipt. */
static void acknowledge(struct session *session, uint64_t seq)
{
    struct connection *connection = connection_to(session);
    if (connection == NULL) {
        dedup_trim(&session->table);
        return;
    }
    connection_settle(connection); /* the receipt still leaves: a wire closes once everything is sent */
    connection_acknowledge(connection, seq);
}

/* What it was made of goes, however it has ended. */
static void retire(struct semel_server *server, struct semel_request *request)
{
    message_release(request->method->request_fields, request->in);
    if (request->pending)
        admission_finished(&server->admission, request);
    else
        admission_left(&server->admission);
    unlink_request(server, request);
    request_destroy(request);
    ledger_note(&server->ledger);
}

static void finish_oneway(struct semel_server *server, struct semel_request *request)
{
    struct session *session = dispatch_session_of(request);
    uint64_t seq = request->run.seq;
    bool wanted = dedup_finish_oneway(&request->run);
    retire(server, request);
    if (wanted)
        acknowledge(session, seq);
    server_settle_drain(server);
}

void dispatch_conclude(struct semel_server *server, struct semel_request *request)
{
    if (request->method->oneway && request->code == SEMEL_OK) {
        finish_oneway(server, request);
        return;
    }
    struct session *session = dispatch_session_of(request);
    struct reply *reply = request->reply;
    request->reply = NULL;
    bool refused = request->code == SEMEL_REFUSED;
    bool may_tell = dispatch_may_tell(request, request->code);
    bool wanted = refused ? dedup_withdraw(&request->run) : dedup_finish(&request->run, reply);
    server->stats.refused_by[SEMEL_REASON_REFUSED_BY_HANDLER] += refused;
    retire(server, request);
    if (wanted)
        dispatch_hand_over(session, reply, may_tell);
    else
        reply_settle(reply);
    server_settle_drain(server);
}

void server_request_finished(struct semel_server *server, struct semel_request *request)
{
    dispatch_seal_reply(server, request);
    dispatch_conclude(server, request);
}

void dispatch_drop(struct semel_server *server, struct semel_request *request, struct session *session,
                   enum semel_reason reason, enum semel_outcome outcome)
{
    const struct frame frame = {.seq = request->run.seq, .method = request->method->id};
    bool asked = outcome != SEMEL_OUTCOME_NOT_EXECUTED || is_asked_here(request, session);
    reply_settle(request->reply);
    request->reply = NULL;
    retire(server, request);
    struct connection *connection = session != NULL ? connection_to(session) : NULL;
    if (connection != NULL && asked)
        answer_tell(connection, &frame, reason, outcome, "");
    if (connection != NULL && session->connection == connection)
        connection_settle(connection);
    server_settle_drain(server);
}

/* ---- a new request ---- */

/* Whether its handler is to run within a transaction of the store. */
static bool is_transactional(const struct semel_server *server, const struct services_entry *entry)
{
    return entry != NULL && entry->method->transactional && ledger_can_join(&server->ledger) &&
           !server->without_transactions;
}

static enum semel_reason mismatch(const struct services_entry *entry, const struct frame *frame)
{
    if (entry == NULL)
        return SEMEL_REASON_NO_METHOD;
    if (!entry->implemented)
        return SEMEL_REASON_NO_HANDLER;
    bool idempotent = (frame->flags & FRAME_IDEMPOTENT) != 0;
    bool oneway = (frame->flags & FRAME_ONEWAY) != 0;
    if (idempotent != (entry->method->mode != SEMEL_AT_MOST_ONCE) || oneway != entry->method->oneway)
        return SEMEL_REASON_MODE_MISMATCH;
    return SEMEL_REASON_NONE;
}

static enum semel_reason unfit(const struct connection *connection, const struct services_entry *entry,
                               const struct frame *frame)
{
    enum semel_reason reason = mismatch(entry, frame);
    if (reason != SEMEL_REASON_NONE)
        return reason;
    const struct semel_server *server = connection->server;
    bool idempotent = (frame->flags & FRAME_IDEMPOTENT) != 0;
    if (server->ledger.failed && (!idempotent || is_transactional(server, entry)))
        return SEMEL_REASON_INACTIVE;
    /* Who is called back can not ask the caller to leave; it takes no more. */
    bool leaving = connection->lane != NULL && server->draining;
    return leaving ? SEMEL_REASON_DRAINING : SEMEL_REASON_NONE;
}

enum semel_code dispatch_call_handler(struct semel_server *server, struct semel_request *request)
{
    const struct services_entry *entry = request->entry;
    void *out = request_out(request);
    memset(out, 0, request->method->reply_size);
    request->started_ns = server_now(server);
    server->stats.executed++;
    server->handlers++;
    int64_t outer_ns = inherit_enter(request->deadline_ns);
    enum semel_code code = request->method->dispatch(entry->handlers, request, request->in, out, entry->user);
    inherit_leave(outer_ns);
    server->handlers--;
    loop_freshen(server_loop(server));
    return code;
}

void dispatch_let_pend(struct semel_request *request)
{
    /* It may outlive the server.  If it is finished already, that waits in the node's queue until we are done. */
    request_home_ref(request->home);
    request->pending = true;
    message_release(request->method->reply_fields, request_out(request));
}

void dispatch_take_code(struct semel_server *server, struct semel_request *request, enum semel_code code)
{
    void *out = request_out(request);
    if (code == SEMEL_OK)
        request_encode(request, out, &server->node->room.control_pool);
    else if (code == SEMEL_REFUSED || code <= SEMEL_UNAUTHENTICATED) {
        request->code = code;
        request->reason = SEMEL_REASON_HANDLER;
    } else {
        request_forget_error(request);
        request->code = SEMEL_INTERNAL;
        request->reason = SEMEL_REASON_HANDLER;
        snprintf(request->message, sizeof request->message, "the handler returned %d, which is no code",
                 (int)code);
    }
    message_release(request->method->reply_fields, out);
}

void dispatch_start(struct semel_server *server, struct semel_request *request)
{
    enum semel_code code = dispatch_call_handler(server, request);
    if (code == SEMEL_PENDING) {
        dispatch_let_pend(request);
        return;
    }
    dispatch_take_code(server, request, code);
    server_request_finished(server, request);
}

/* Why a request could not be decoded: its bytes are wrong, or there was no memory, which there may be later. */
static enum semel_reason undecoded(const char *error, enum semel_reason without_memory)
{
    return error == message_no_memory ? without_memory : SEMEL_REASON_MALFORMED;
}

/* The record stands.  waits: the store must know of it first. */
static void decode_and_run(struct connection *connection, const struct frame *frame,
                           struct semel_request *request, bool waits)
{
    struct semel_server *server = connection->server;
    const char *error;
    if (request_decode(request, frame->body, frame->body_size, &error)) {
        enlist(server, request);
        if (waits)
            ledger_await(&server->ledger, request, is_transactional(server, request->entry));
        else
            dispatch_start(server, request);
        return;
    }
    dedup_withdraw(&request->run);
    request_destroy(request);
    ledger_note(&server->ledger);
    answer_tell(connection, frame, undecoded(error, SEMEL_REASON_OVERLOADED), SEMEL_OUTCOME_NOT_EXECUTED,
                error);
}

/* The kept reply once more, unless the client has come back with a smaller frame limit. */
static void resend(struct connection *connection, const struct frame *frame, struct reply *reply)
{
    connection->server->stats.replayed++;
    if (reply->out.size <= connection->session->frame_limit)
        connection_send(connection, reply);
    else
        answer_tell(connection, frame, SEMEL_REASON_TOO_LARGE, SEMEL_OUTCOME_EXECUTED,
                    "it ran, but its reply is too large");
}

/* A replay of what waits or runs: the reply goes to the session's newest connection, which is this one. */
static void attach(struct connection *connection, const struct frame *frame)
{
    struct dedup_run *run = dedup_find_running(&connection->session->table, frame->seq);
    container_of(run, struct semel_request, run)->asked_on = connection->number;
    connection->server->stats.attached++;
}

/* A request that does not run, by the word of the dedup table.  May close the connection. */
static void follow(struct connection *connection, const struct frame *frame,
                   const struct dedup_verdict *verdict)
{
    struct semel_server *server = connection->server;
    switch (verdict->answer) {
    case DEDUP_ATTACH: attach(connection, frame); break;
    case DEDUP_RESEND: resend(connection, frame, verdict->reply); break;
    case DEDUP_RECEIPT:
        server->stats.replayed++;
        connection_acknowledge(connection, frame->seq);
        break;
    case DEDUP_TELL:
        server->stats.reply_gone += verdict->reason == SEMEL_REASON_REPLY_GONE;
        if (verdict->reason == SEMEL_REASON_TABLE_FULL)
            ledger_seek_room(&server->ledger);
        answer_tell(connection, frame, verdict->reason, verdict->outcome, "");
        break;
    default: connection_close(connection, verdict->reason); break;
    }
}

static struct dedup_question question_of(const struct connection *connection,
                                         const struct services_entry *entry, const struct frame *frame)
{
    return (struct dedup_question){
        .seq = frame->seq,
        .method = frame->method,
        .digest = frame->digest,
        .idempotent = (frame->flags & FRAME_IDEMPOTENT) != 0,
        .oneway = (frame->flags & FRAME_ONEWAY) != 0,
        .transactional = is_transactional(connection->server, entry),
        .expired = frame->time_ms == 0,
        .unfit = unfit(connection, entry, frame),
    };
}

/* The turn of a request has come.  late: why it is not to run any more, unless it has a record; NONE: it is in time. */
static void admit(struct connection *connection, const struct frame *frame, int64_t deadline_ns,
                  enum semel_reason late)
{
    struct semel_server *server = connection->server;
    struct services_entry *entry = services_find(&server->services, frame->method);
    struct dedup_question question = question_of(connection, entry, frame);
    struct semel_request *request = NULL;
    question.expired |= late == SEMEL_REASON_EXPIRED;
    if (question.unfit == SEMEL_REASON_NONE)
        question.unfit = late;
    if (question.unfit == SEMEL_REASON_NONE) {
        request = request_create(server->home, entry);
        question.unfit = request == NULL ? SEMEL_REASON_OVERLOADED : SEMEL_REASON_NONE;
    }
    struct dedup_run none;
    struct dedup_verdict verdict = dedup_admit(&connection->session->table, &question,
                                               request != NULL ? &request->run : &none);
    if (verdict.answer == DEDUP_RUN || verdict.answer == DEDUP_WAIT) {
        request->deadline_ns = deadline_ns;
        request->asked_on = connection->number;
        decode_and_run(connection, frame, request, verdict.answer == DEDUP_WAIT);
        return;
    }
    if (request != NULL)
        request_destroy(request);
    follow(connection, frame, &verdict);
}

/* Whether it waits already: only a client that sends a seq twice on one connection gets here, and it shall not hear
 * "not executed" of a request that may still run. */
static bool waits_already(struct connection *connection, const struct frame *frame)
{
    const struct queued *queued = admission_find(&connection->server->admission, connection, frame->seq);
    if (queued == NULL)
        return false;
    if (queued->frame.digest == frame->digest && queued->frame.method == frame->method &&
        queued->frame.flags == frame->flags)
        connection->server->stats.attached++;
    else
        answer_tell(connection, frame, SEMEL_REASON_FALSE_RETRY, SEMEL_OUTCOME_NOT_EXECUTED, "");
    return true;
}

/* Its turn has not come.  What has a record is answered from it: "overloaded" would say that it has not run.  Nor does
 * what can not run wait for a turn. */
static void stand_in_line(struct connection *connection, const struct frame *frame, int64_t deadline_ns)
{
    struct semel_server *server = connection->server;
    struct dedup_question question = question_of(connection, services_find(&server->services, frame->method),
                                                 frame);
    struct dedup_verdict verdict = dedup_peek(&connection->session->table, &question);
    if (verdict.answer != DEDUP_RUN && verdict.answer != DEDUP_WAIT)
        follow(connection, frame, &verdict);
    else if (!waits_already(connection, frame) &&
             (admission_is_closed(&server->admission, frame) ||
              !admission_wait(&server->admission, connection, frame, deadline_ns)))
        answer_tell(connection, frame, SEMEL_REASON_OVERLOADED, SEMEL_OUTCOME_NOT_EXECUTED, "");
}

void dispatch_request(struct connection *connection, const struct frame *frame)
{
    struct semel_server *server = connection->server;
    bool limited = frame->time_ms != FRAME_NO_DEADLINE;
    int64_t deadline_ns = limited ? server_now(server) + frame->time_ms * MS_IN_NS : 0;
    server->stats.requests++;
    if (!admission_is_free(&server->admission, connection, frame->body_size)) {
        stand_in_line(connection, frame, deadline_ns);
        return;
    }
    admit(connection, frame, deadline_ns, SEMEL_REASON_NONE);
    admission_took(&server->admission);
}

void dispatch_queued(struct connection *connection, const struct frame *frame, int64_t deadline_ns,
                     enum semel_reason late)
{
    admit(connection, frame, deadline_ns, late);
}

/* ---- datagrams ---- */

/* Its flags are those of what may run again (core/datagram): any other method is a MODE_MISMATCH. */
enum semel_reason dispatch_datagram(struct semel_server *server, const struct frame *frame)
{
    struct services_entry *entry = services_find(&server->services, frame->method);
    enum semel_reason reason = mismatch(entry, frame);
    const char *error;
    if (reason == SEMEL_REASON_NONE && is_transactional(server, entry))
        reason = SEMEL_REASON_MODE_MISMATCH; /* without a record there is no transaction */
    if (reason == SEMEL_REASON_NONE && !admission_takes_datagram(&server->admission))
        reason = SEMEL_REASON_OVERLOADED;
    if (reason != SEMEL_REASON_NONE)
        return reason;
    struct semel_request *request = request_create(server->home, entry);
    if (request == NULL)
        return SEMEL_REASON_NO_MEMORY;
    if (!request_decode(request, frame->body, frame->body_size, &error)) {
        request_destroy(request);
        return undecoded(error, SEMEL_REASON_NO_MEMORY);
    }
    enlist(server, request);
    dispatch_start(server, request); /* it is in no dedup table: its result goes nowhere */
    admission_took(&server->admission);
    return SEMEL_REASON_NONE;
}

/* ---- CANCEL ---- */

/* What became of it.  Where it is neither waiting nor running there is nothing to say: a connection loses no frame, so
 * that the REQUEST has come before its CANCEL and has been answered, and the answer is on its way. */
void dispatch_cancel(struct connection *connection, const struct frame *frame)
{
    struct answer answer = {.code = SEMEL_CANCELLED, .reason = SEMEL_REASON_CANCELLED};
    struct dedup_run *found = dedup_find_running(&connection->session->table, frame->seq);
    if (found != NULL) {
        struct semel_request *request = container_of(found, struct semel_request, run);
        atomic_store(&request->cancelled, true);
        answer.outcome = dedup_cancel(found);
        ledger_note(&connection->server->ledger);
        answer_send(connection, frame->seq, request->method->id, &answer,
                    answer.outcome == SEMEL_OUTCOME_NOT_EXECUTED
                        ? "it was waiting for the store"
                        : "its handler was running and was told to stop");
    } else if (admission_cancel(&connection->server->admission, connection, frame->seq)) {
        answer.outcome = SEMEL_OUTCOME_NOT_EXECUTED;
        answer_send(connection, frame->seq, frame->method, &answer, "it was waiting for its turn");
    }
}
