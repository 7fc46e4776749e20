/* A server that calls its clients back, and clients that serve what it asks.
 *
 * A request with op N is answered once the client has answered a call back with the same op N: so each op has its runs
 * at both ends, and its client can count both.
 *
 * Reads best next: back.c, semel/peer.h. */
#ifndef RUNTIME_BACK_H
#define RUNTIME_BACK_H

#include "fixture.h"

/* A client that serves its channel with a server of its own. */
struct agent {
    struct client client;
    struct server served;
};

/* Served before the first connection, with a handler that counts. */
void agent_open(struct agent *agent, const char *const *properties, const char *endpoints);
void agent_close(struct agent *agent);

/* A handler for the real server: starts a call back, and finishes when that does.  What the call back is follows from
 * the method: Add calls Add, Set calls Set, Peek calls Peek; the reply tells its runs.  A failure is passed on with its
 * code; its text is the explanation. */
server_handler back_ask;

/* How the latest call back that failed ended, and how many did since the program began (a test is one). */
semel_status back_failure(void);
unsigned back_failures(void);

/* Opens the channel back to the client of a pending request (server_keep), on the server's thread. */
semel_channel *back_open(struct server *server, semel_request *request, const char *name);
/* The same, and what it said. */
enum semel_code back_try(struct server *server, semel_request *request, const char *name,
                         semel_channel **ret_channel);

/* A call back over a channel that was opened so, as watch_start. */
void back_start(struct watch *watch, struct server *server, semel_channel *channel, enum method method,
                unsigned op, const semel_call_options *options);

#endif
