/* Where calls begin: what generated stubs call, and the memory of calls.
 *
 * Reads best next: stub.c. */
#ifndef CLIENT_STUB_H
#define CLIENT_STUB_H

#include "client/call.h"

/* The same request once more, on a channel of its own: a further attempt, without retries and without callback.
 * NULL: no memory, or the server there does not take it. */
struct call *stub_start_again(semel_channel *channel, const struct call *first);

/* Frees a call that has ended and whose frame is free. */
void call_free(struct call *call);

#endif
