/* Answers: what a server says of a request that its handler does not answer, and the frame of every reply.
 *
 * It must not know why.  Reads best next: answer.c, dispatch.c. */
#ifndef SERVER_ANSWER_H
#define SERVER_ANSWER_H

#include "core/frame.h"
#include "server/connection.h"

struct answer {
    enum semel_code code;
    enum semel_reason reason;
    enum semel_outcome outcome;
    uint32_t delay_ms; /* come back after; 0: no wish; SEMEL_RETRY_NEVER */
    bool elsewhere;
};

/* Writes the header of a reply whose body is in place. */
void answer_write(struct reply *reply, uint64_t seq, uint64_t method, size_t body_size,
                  const struct answer *answer);

/* Answers without having run anything (or without knowing), with a text for a person.  May close the connection. */
void answer_send(struct connection *connection, uint64_t seq, uint64_t method, const struct answer *answer,
                 const char *text);

/* The same for a request that is not run, with the code that belongs to the reason; it is counted.
 *
 * OVERLOADED tells when to come back.  It does not send the client elsewhere unless this server drains: a channel that
 * leaves takes all its calls along, those with a record here too, of which no other server could say whether they ran.
 * Replicas that share the load want more channels, not channels that wander. */
void answer_tell(struct connection *connection, const struct frame *frame, enum semel_reason reason,
                 enum semel_outcome outcome, const char *text);

#endif
