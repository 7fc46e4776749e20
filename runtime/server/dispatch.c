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
#include "server/server.h"

/* ---- answering ---- */

/* The code under which a client sees a reason for which nothing was run. */
static enum semel_code code_of(enum semel_reason reason)
{
    switch (reason) {
    case SEMEL_REASON_EXPIRED: return SEMEL_DEADLINE_EXCEEDED;
    case SEMEL_REASON_NO_METHOD:
    case SEMEL_REASON_NO_HANDLER: return SEMEL_UNIMPLEMENTED;
    case SEMEL_REASON_MODE_MISMATCH: return SEMEL_FAILED_PRECONDITION;
    case SEMEL_REASON_MALFORMED: return SEMEL_INVALID_ARGUMENT;
    case SEMEL_REASON_TABLE_FULL:
    case SEMEL_REASON_TOO_LARGE:
    case SEMEL_REASON_OVERLOADED: return SEMEL_RESOURCE_EXHAUSTED;
    case SEMEL_REASON_STALE: return SEMEL_ABORTED;
    case SEMEL_REASON_FALSE_RETRY: return SEMEL_INTERNAL;
    case SEMEL_REASON_REPLY_GONE: return SEMEL_DATA_LOSS;
    case SEMEL_REASON_CANCELLED: return SEMEL_CANCELLED;
    default: return SEMEL_UNAVAILABLE;
    }
}

/* Reasons that may be gone when the client tries again. */
static bool is_refusal(enum semel_reason reason)
{
    return reason == SEMEL_REASON_DRAINING || reason == SEMEL_REASON_OVERLOADED ||
           reason == SEMEL_REASON_INACTIVE || reason == SEMEL_REASON_TABLE_FULL ||
           reason == SEMEL_REASON_REFUSED_BY_HANDLER;
}

struct answer {
    enum semel_code code;
    enum semel_reason reason;
    enum semel_outcome outcome;
    uint32_t delay_ms;
    bool elsewhere;
};

/* Writes the header of a reply whose body is in place. */
static void write_reply(struct reply *reply, uint64_t seq, uint64_t method, size_t body_size,
                        const struct answer *answer)
{
    const struct frame frame = {
        .type = FRAME_REPLY,
        .flags = (uint8_t)((unsigned)answer->outcome | (is_refusal(answer->reason) ? FRAME_REFUSED : 0u) |
                           (answer->elsewhere ? FRAME_ELSEWHERE : 0u)),
        .code = (uint16_t)answer->code,
        .seq = seq,
        .method = method,
        .aux = (uint32_t)answer->reason,
        .time_ms = answer->delay_ms,
        .digest = frame_digest(method, reply_body(reply), body_size),
        .body_size = body_size,
    };
    reply_write(reply, &frame);
}

/* Answers without having run anything (or without knowing), with a text for a person. */
static void answer_frame(struct connection *connection, uint64_t seq, uint64_t method,
                         const struct answer *answer, const char *text)
{
    size_t size = strnlen(text, LIMIT_REASON_TEXT);
    struct reply *reply = reply_create(&connection->wire->room->control_pool, size);
    if (reply == NULL) {
        /* The client would wait for its deadline; a lost connection it can heal at once. */
        connection_close(connection, SEMEL_REASON_NO_MEMORY);
        return;
    }
    memcpy(reply_body(reply), text, size);
    write_reply(reply, seq, method, size, answer);
    connection_send(connection, reply);
}

static void tell(struct connection *connection, const struct frame *frame, enum semel_reason reason,
                 enum semel_outcome outcome, const char *text)
{
    const struct answer answer = {.code = code_of(reason), .reason = reason, .outcome = outcome};
    connection->server->stats.refused_by[reason]++;
    if (reason == SEMEL_REASON_FALSE_RETRY || reason == SEMEL_REASON_MODE_MISMATCH ||
        reason == SEMEL_REASON_MALFORMED)
        node_log(connection->server->node, SEMEL_LOG_ERROR,
                 "server: request %llu of connection %llu not run: %s (%s)", (unsigned long long)frame->seq,
                 (unsigned long long)connection->session->connection_number, semel_reason_text(reason),
                 semel_reason_advice(reason));
    answer_frame(connection, frame->seq, frame->method, &answer, text);
}

/* ---- a finished request ---- */

static struct session *session_of(const struct semel_request *request)
{
    if (request->run.table == NULL)
        return NULL;
    return container_of(request->run.table, struct session, table);
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

/* Puts the reply into its final form: an OK with its message, or a text. */
static void finish_reply(struct semel_server *server, struct semel_request *request,
                         const struct session *session)
{
    if (request->code == SEMEL_REFUSED)
        request_forget_error(request);
    if (request->raised != NULL)
        request_seal_error(request);
    check_size(request, session != NULL ? session->frame_limit : (size_t)server->frame_limit);
    if (request->code != SEMEL_OK && request->reply == NULL)
        set_text_body(request, &server->node->room.control_pool);
    else if (request->reply == NULL) /* an oneway's answer has no body */
        request->reply = reply_create(&server->node->room.control_pool, 0);
    if (request->reply == NULL)
        return;
    const struct answer answer = answer_of(request);
    write_reply(request->reply, request->run.seq, request->method->id, request->body_size, &answer);
}

/* A reply goes to the newest connection of its session; if there is none, the client will come and ask for it. */
static void hand_over(struct session *session, struct reply *reply)
{
    struct connection *connection = session->connection;
    if (connection == NULL) {
        reply_settle(reply);
        dedup_trim(&session->table); /* a silent session keeps no more memory than its records need */
    } else if (reply == NULL) {
        connection_close(connection, SEMEL_REASON_NO_MEMORY); /* the client will ask again and be told */
    } else {
        connection_send(connection, reply);
        connection_settle(connection);
    }
}

void server_request_finished(struct semel_server *server, struct semel_request *request)
{
    struct session *session = session_of(request);
    finish_reply(server, request, session);
    struct reply *reply = request->reply;
    request->reply = NULL;
    bool refused = request->code == SEMEL_REFUSED;
    bool wanted = refused ? dedup_withdraw(&request->run) : dedup_finish(&request->run, reply);
    server->stats.refused_by[SEMEL_REASON_REFUSED_BY_HANDLER] += refused;
    message_release(request->method->request_fields, request->in);
    unlink_request(server, request);
    request_destroy(request);
    if (wanted)
        hand_over(session, reply);
    else
        reply_settle(reply);
}

/* ---- a new request ---- */

static enum semel_reason unfit(const struct services_entry *entry, const struct frame *frame)
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

static enum semel_code call_handler(struct semel_server *server, struct semel_request *request)
{
    const struct services_entry *entry = request->entry;
    void *out = request_out(request);
    memset(out, 0, request->method->reply_size);
    server->stats.executed++;
    server->handlers++;
    enum semel_code code = request->method->dispatch(entry->handlers, request, request->in, out, entry->user);
    server->handlers--;
    return code;
}

/* The record stands; from here on the request has an end, whatever happens. */
static void run(struct connection *connection, struct semel_request *request)
{
    struct semel_server *server = connection->server;
    request->next = server->running;
    if (request->next != NULL)
        request->next->prev = request;
    server->running = request;
    server->running_count++;

    enum semel_code code = call_handler(server, request);
    void *out = request_out(request);
    if (code == SEMEL_PENDING) {
        /* It may outlive the server.  If it is finished already, that waits in the node's queue until we are done. */
        request_home_ref(request->home);
        message_release(request->method->reply_fields, out);
        return;
    }
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
    server_request_finished(server, request);
}

static void decode_and_run(struct connection *connection, const struct frame *frame,
                           struct semel_request *request)
{
    const char *error;
    if (!message_decode(request->method->request_fields, request->method->request_recursive, request->in,
                        frame->body, frame->body_size, &error)) {
        dedup_withdraw(&request->run);
        request_destroy(request);
        tell(connection, frame, SEMEL_REASON_MALFORMED, SEMEL_OUTCOME_NOT_EXECUTED, error);
        return;
    }
    if (frame->time_ms != FRAME_NO_DEADLINE)
        request->deadline_ns = server_now(connection->server) + frame->time_ms * MS_IN_NS;
    run(connection, request);
}

/* The kept reply once more, unless the client has come back with a smaller frame limit. */
static void resend(struct connection *connection, const struct frame *frame, struct reply *reply)
{
    connection->server->stats.replayed++;
    if (reply->out.size <= connection->session->frame_limit)
        connection_send(connection, reply);
    else
        tell(connection, frame, SEMEL_REASON_TOO_LARGE, SEMEL_OUTCOME_EXECUTED,
             "it ran, but its reply is too large");
}

void dispatch_request(struct connection *connection, const struct frame *frame)
{
    struct semel_server *server = connection->server;
    server->stats.requests++;
    struct services_entry *entry = services_find(&server->services, frame->method);
    struct dedup_question question = {
        .seq = frame->seq,
        .method = frame->method,
        .digest = frame->digest,
        .idempotent = (frame->flags & FRAME_IDEMPOTENT) != 0,
        .expired = frame->time_ms == 0,
        .unfit = unfit(entry, frame),
    };
    struct semel_request *request = question.unfit == SEMEL_REASON_NONE ? request_create(server->home, entry)
                                                                        : NULL;
    if (question.unfit == SEMEL_REASON_NONE && request == NULL)
        question.unfit = SEMEL_REASON_OVERLOADED;
    struct dedup_run none;
    struct dedup_verdict verdict = dedup_admit(&connection->session->table, &question,
                                               request != NULL ? &request->run : &none);
    if (verdict.answer == DEDUP_RUN) {
        decode_and_run(connection, frame, request);
        return;
    }
    if (request != NULL)
        request_destroy(request);
    switch (verdict.answer) {
    case DEDUP_ATTACH: /* the reply goes to the session's newest connection, which is this one */
        server->stats.attached++;
        break;
    case DEDUP_RESEND: resend(connection, frame, verdict.reply); break;
    case DEDUP_TELL:
        server->stats.reply_gone += verdict.reason == SEMEL_REASON_REPLY_GONE;
        tell(connection, frame, verdict.reason, verdict.outcome, "");
        break;
    default: connection_close(connection, verdict.reason); break;
    }
}

/* ---- CANCEL ---- */

void dispatch_cancel(struct connection *connection, const struct frame *frame)
{
    struct dedup_run *found = dedup_find_running(&connection->session->table, frame->seq);
    if (found == NULL)
        return; /* answered already: the answer is on its way */
    struct semel_request *request = container_of(found, struct semel_request, run);
    atomic_store(&request->cancelled, true);
    const struct answer answer = {
        .code = SEMEL_CANCELLED, .reason = SEMEL_REASON_CANCELLED, .outcome = SEMEL_OUTCOME_UNKNOWN};
    answer_frame(connection, frame->seq, request->method->id, &answer,
                 "its handler was running and was told to stop");
}
