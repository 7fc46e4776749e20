/* A server on an LMDB store in a folder of its own, whose handlers write a slip in their transaction and end as they
 * are told, and a client of it.
 *
 * Reads best next: transact_test.c, transact_room_test.c. */
#ifndef RUNTIME_VAULT_H
#define RUNTIME_VAULT_H

#include <lmdb.h>

#include "fixture.h"
#include "vault.semel.h"

enum { TOLD_MAX = 64 };

/* How the handler ends. */
enum end { WELL, FAIL, REFUSE, PEND, LOSE_JOURNAL, OVERFLOW, CLOSE_WHEN_TOLD };

struct vault {
    struct server server;
    struct client client;
    char folder[64];
    char spec[96];
    MDB_dbi slips;
    enum end end;
    semel_request *pending;
    unsigned told[TOLD_MAX]; /* op + 1, in the order in which the handlers were told of their fate */
    bool kept[TOLD_MAX];
    unsigned told_count;
};
extern struct vault vault;

/* With a store of 8 MiB.  properties: as server_open. */
void vault_open(const char *const *properties);
void vault_open_of(uint64_t size_bytes, const char *const *properties);
void vault_close(void);
/* The server once more, on the file that it left. */
void vault_start(uint64_t size_bytes, const char *const *properties);
/* Its files, which are used all the same until they are closed. */
void vault_remove_files(void);

/* Calls, and waits for the end.  vault_put: of Put, whose handler is to end so. */
semel_status vault_call(const struct semel_method *method, unsigned op, unsigned reply_size);
semel_status vault_put(enum end end, unsigned op);

/* Whether the slip of this op is there. */
bool vault_has(unsigned op);
/* The n-th handler that was told of its fate had this op, and its slip was kept or not. */
void vault_expect_told(unsigned n, unsigned op, bool kept);

#endif
