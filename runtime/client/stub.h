/* Where calls begin: what generated stubs call, and the memory of calls.
 *
 * Reads best next: stub.c. */
#ifndef CLIENT_STUB_H
#define CLIENT_STUB_H

#include "client/call.h"

/* Frees a call that has ended and whose frame is free. */
void call_free(struct call *call);

#endif
