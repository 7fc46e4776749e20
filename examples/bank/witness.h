/* The witness of transactional handlers: an execution counts once it is committed, so that is when its line goes into
 * the journal.  Until then the line waits in the database, written in the same transaction: a server that was killed
 * between the commit and the line finds it there when it is started again.
 * It must not know: accounts.
 * Reads best next: journal.h, semel/store.h. */
#ifndef BANK_WITNESS_H
#define BANK_WITNESS_H

#include <lmdb.h>
#include <stdint.h>

#include <semel/store.h>

#include "journal.h"

struct witness {
    struct journal *journal; /* borrowed */
    MDB_dbi lines;
    uint64_t next;    /* number of the next line */
    uint64_t written; /* every lower one stands in the journal */
};

/* Opens or makes the database, and writes the lines that a crash has kept from the journal; path is the journal's.
 * NULL, or what went wrong (static text). */
const char *witness_open(struct witness *witness, MDB_env *env, struct journal *journal, const char *path);

/* Notes an execution in its transaction; its line is written when that is committed.  op_id is valid.  false: there is
 * no room for it, and it must not be executed. */
bool witness_note(struct witness *witness, semel_request *request, const char *op_id, const char *method);

#endif
