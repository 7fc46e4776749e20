/* The watch: what the wire shows of sessions, requests and verdicts.  It knows the wire format and nothing of the
 * runtime: what it tells are the facts that a judgment rests on.
 *
 * Reads best next: watch.c, judge.h. */
#ifndef TESTS_SIM_WATCH_H
#define TESTS_SIM_WATCH_H

#include "history.h"
#include "setup.h"

enum { WATCH_CONNECTIONS_MAX = 16384 };

void watch_begin(const struct setup *setup);
void watch_end(void);

/* What the HELLO of a connection said; 0, and a HELLO of nothing: there was none yet. */
struct hello;
uint32_t watch_session_of(uint64_t connection);
const struct hello *watch_hello_of(uint64_t connection);

/* A server starts: from now on each session has a whole lease to come back. */
void watch_restarted(const semel_sim_host *host);

/* Whether the client of this session has read, since its op was last written, the greeting of a server that does not
 * know of it. */
bool watch_lost_session(const struct op *op);
/* The same of a call back: whether its server has had reason, since then, to take the client for one that remembers
 * nothing of it. */
bool watch_lost_way_back(const struct op *op, int64_t since_us);
/* Whether the connection that the op was last written on is over for the client. */
bool watch_lost_connection(const struct op *op);
/* The same of any connection. */
bool watch_is_over(uint64_t connection);
/* The connection whose greeting a client has read last; 0: none. */
uint64_t watch_greeted(const semel_sim_host *client);
/* Whether the greeting that a client has read on a connection says that the session is resumed, in the domain of the
 * greeting before. */
bool watch_is_resumed(uint64_t connection);
/* Whether its client has begun to write a frame, on a connection that is not over, and not finished it. */
bool watch_is_writing(const struct op *op);

#endif
