/* Answers as frames.
 *
 * Reads best next: answer.h. */
#include "server/answer.h"

#include <string.h>

#include "core/limits.h"
#include "server/server.h"

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

void answer_write(struct reply *reply, uint64_t seq, uint64_t method, size_t body_size,
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

void answer_send(struct connection *connection, uint64_t seq, uint64_t method, const struct answer *answer,
                 const char *text)
{
    size_t size = strnlen(text, LIMIT_REASON_TEXT);
    struct reply *reply = reply_create(&connection->wire->room->control_pool, size);
    if (reply == NULL) {
        /* The client would wait for its deadline; a lost connection it can heal at once. */
        connection_close(connection, SEMEL_REASON_NO_MEMORY);
        return;
    }
    memcpy(reply_body(reply), text, size);
    answer_write(reply, seq, method, size, answer);
    connection_send(connection, reply);
}

void answer_tell(struct connection *connection, const struct frame *frame, enum semel_reason reason,
                 enum semel_outcome outcome, const char *text)
{
    struct semel_server *server = connection->server;
    struct answer answer = {.code = code_of(reason), .reason = reason, .outcome = outcome};
    server->stats.refused_by[reason]++;
    if (reason == SEMEL_REASON_OVERLOADED) {
        answer.delay_ms = admission_pushback_ms(&server->admission);
        answer.elsewhere = server->draining;
        admission_refused(&server->admission);
    }
    if (reason == SEMEL_REASON_FALSE_RETRY || reason == SEMEL_REASON_MODE_MISMATCH ||
        reason == SEMEL_REASON_MALFORMED)
        node_log(server->node, SEMEL_LOG_ERROR, "%s: request %llu of connection %llu not run: %s (%s)",
                 server->label, (unsigned long long)frame->seq,
                 (unsigned long long)connection->session->connection_number, semel_reason_text(reason),
                 semel_reason_advice(reason));
    answer_send(connection, frame->seq, frame->method, &answer, text);
}
