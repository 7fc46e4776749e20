/* The journal: the independent witness of what was executed.  One line an execution, written before it is done.
 * It must not know: Semel.  It would witness just as well for another framework.
 * Reads best next: audit.sh, which reads it. */
#ifndef BANK_JOURNAL_H
#define BANK_JOURNAL_H

#include <stdbool.h>

enum { OP_ID_DIGITS = 16 };

struct journal {
    int fd; /* -1: none is kept */
};

/* Opens or creates the file for appending; path may be NULL: no journal.  Returns 0, or an errno value. */
int journal_open(struct journal *journal, const char *path);
void journal_close(struct journal *journal);

/* Whether it is 16 lower-case hex digits: nothing else may get into the journal. */
bool journal_op_id_valid(const char *op_id);

/* Appends "OP_ID METHOD" with a single write, so that it survives a kill -9 of this process whole or not at all.
 * op_id is valid (asserted).  If it cannot be written the process ends: no execution without its witness. */
void journal_append(struct journal *journal, const char *op_id, const char *method);

#endif
