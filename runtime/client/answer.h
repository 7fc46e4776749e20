/* Answers: what a REPLY means for its call, and what it says of the server.
 *
 * It must not know connections.  Reads best next: answer.c, core/raised.h. */
#ifndef CLIENT_ANSWER_H
#define CLIENT_ANSWER_H

#include "client/call.h"

/* A verified REPLY frame for this call.  false: it makes no sense (a protocol error of the peer). */
bool answer_arrived(struct call *call, const struct frame *frame);

/* A verified RECEIPT frame: the oneways it names end, EXECUTED.  NONE, or what is wrong with it (a protocol error of
 * the peer; then nothing has ended): BAD_SIZE, BAD_FIELD. */
enum semel_reason answer_receipt(semel_channel *channel, const struct frame *frame);

/* Of an answer to a further attempt of a call (hedge.h): whether it ends the call, and taking it as the call's
 * own. */
bool answer_is_final(const struct call *call, const struct frame *frame);
void answer_take(struct call *call, const struct frame *frame);

/* Ends a call with the declared error that came with its answer: typed if this side knows it, as UNKNOWN with its
 * text if not.  status is the one it would end with otherwise. */
void answer_end_by_error(struct call *call, const struct raised *raised, semel_status *status);

#endif
