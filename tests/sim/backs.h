/* Calls back: by the seed, servers call the clients whose requests they serve, and some clients serve.
 *
 * They must not know how a session is resumed.  Reads best next: backs.c, semel/peer.h. */
#ifndef TESTS_SIM_BACKS_H
#define TESTS_SIM_BACKS_H

#include "handlers.h"
#include "setup.h"

void backs_begin(const struct setup *setup);

/* ---- on a client ---- */

struct back_server {
    semel_server *server; /* NULL: this client serves nothing */
    struct handlers handlers;
};

/* By the seed, the channel of a client is served from now on.  Called at each start. */
void backs_serve(struct back_server *served, semel_sim_host *client, semel_node *node, semel_channel *channel);
/* Serves it by another server, which has run nothing yet. */
void backs_serve_anew(struct back_server *served, semel_node *node, semel_channel *channel);
/* The client ends in good order. */
void backs_close(struct back_server *served);

/* ---- on a server ---- */

/* By the seed, the client behind a request is called back: while it is served, later, or, if it is transactional, when
 * it is committed.  Returns the op that the handler has to be PENDING for, if it can be; NULL: none. */
const struct op *backs_may_call(semel_request *request, struct op *served, struct handlers *handlers,
                                bool may_pend);
/* What has become of its transaction: calls what was put off until then. */
void backs_committed(struct op *served, bool committed);

/* ---- judging ---- */

/* Whether since then the client has been served by another server than before. */
bool backs_served_anew(const struct op *op, int64_t since_us);
/* Whether a client has a server for what it is called back for. */
bool backs_is_served(const semel_sim_host *client);

#endif
