/* Transactional requests: handlers that write their own state in the transaction their completion is committed with.
 * After a crash both are there, or neither: the replay of what is not there runs, and does so for the first time.
 *
 * Reads best next: transact.c, ledger.h. */
#ifndef SERVER_TRANSACT_H
#define SERVER_TRANSACT_H

#include <stdbool.h>

struct semel_request;
struct semel_server;

/* Runs its handler within the store's transaction.  true: its reply is ready, and waits for the commit; false: it
 * is gone. */
bool transact_run(struct semel_server *server, struct semel_request *request);
/* Its transaction is committed. */
void transact_conclude(struct semel_server *server, struct semel_request *request);
/* Its transaction is not.  undone: for certain; else nobody knows. */
void transact_lose(struct semel_server *server, struct semel_request *request, bool undone);

#endif
