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

/* By the seed, the client behind a request is called back.  Returns the op that the handler has to wait for; NULL:
 * none. */
const struct op *backs_may_call(semel_request *request, const struct op *served, struct handlers *handlers);
/* The server is closed: its calls back end with it, however they would have ended. */
void backs_abandon(const semel_sim_host *server);

/* ---- judging ---- */

/* Whether since then the client has been served by another server than before. */
bool backs_served_anew(const struct op *op, int64_t since_us);
/* Whether a client has a server for what it is called back for. */
bool backs_is_served(const semel_sim_host *client);

#endif
