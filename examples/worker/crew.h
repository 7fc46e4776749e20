/* The workers a server knows, and how many log lines of each have arrived: both are read back from books.
 * It must not know: tasks, calls or connections.
 * Reads best next: server.c. */
#ifndef WORKER_CREW_H
#define WORKER_CREW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "book.h"
#include "tasks.h"

enum { CREW_MAX = 1000 }; /* workers of all times; each start of one is another */

struct crew {
    struct crew_member {
        char id[WORKER_ID_MAX];
        uint64_t log_lines;
    } members[CREW_MAX];
    size_t count;
    struct book *book; /* borrowed: who is in the crew */
    struct book *log;  /* borrowed: their lines */
};

/* Takes a line of the book, if it tells of a worker (*ret_taken).  false: it makes no sense. */
bool crew_recall(struct crew *crew, const char *line, bool *ret_taken);
/* Takes a line of the log.  false: it makes no sense, or nobody in the crew wrote it. */
bool crew_recall_log(struct crew *crew, const char *line);

/* NULL: nobody of that name. */
struct crew_member *crew_find(struct crew *crew, const char *id);
/* Writes a new one down; id is valid (asserted).  NULL: the crew is full. */
struct crew_member *crew_add(struct crew *crew, const char *id);
/* Writes one line of his down; what is not printable ASCII becomes '?'. */
void crew_log(struct crew *crew, struct crew_member *member, uint64_t number, const char *text);

#endif
