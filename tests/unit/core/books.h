/* A journal's batches as a store would keep them, and what comes of them after a crash.
 *
 * Reads best next: recall_test.c. */
#ifndef TESTS_CORE_BOOKS_H
#define TESTS_CORE_BOOKS_H

#include "core/compact.h"
#include "core/recall.h"

#include "support.h"

#define BOOKS_MAX 65536

struct books {
    struct journal journal;
    uint64_t oldest; /* batch that is kept */
    uint64_t next;
    struct {
        uint8_t *bytes;
        size_t size;
    } batches[BOOKS_MAX];
    uint64_t log_bytes;
};

static inline void books_open(struct books *books)
{
    memset(books, 0, sizeof *books);
    journal_init(&books->journal, 1);
    books->oldest = books->next = 1;
}

static inline void books_close(struct books *books)
{
    for (uint64_t i = books->oldest; i < books->next; i++)
        free(books->batches[i].bytes);
    journal_fini(&books->journal);
}

/* Commits the open batch, and deletes what is wanted no more. */
static inline void books_commit(struct books *books, const struct sessions *sessions)
{
    uint64_t wanted_from = compact_floor(sessions);
    cr_assert_lt(books->next, BOOKS_MAX);
    cr_assert_eq(books->journal.number, books->next);
    books->batches[books->next].bytes = journal_seal(&books->journal, sessions->last_connection,
                                                     &books->batches[books->next].size);
    cr_assert_not_null(books->batches[books->next].bytes);
    books->log_bytes += books->batches[books->next].size;
    books->next++;
    for (; books->oldest < wanted_from && books->oldest + 1 < books->next; books->oldest++) {
        books->log_bytes -= books->batches[books->oldest].size;
        free(books->batches[books->oldest].bytes);
    }
}

/* Tells all batches, from one on, to one of the functions of recall. */
static inline const char *books_tell(const struct books *books, struct recall *recall,
                                     const char *(*tell)(struct recall *, struct journal_batch))
{
    const char *wrong = NULL;
    for (uint64_t i = books->oldest; i < books->next && wrong == NULL; i++) {
        struct journal_batch batch;
        uint8_t *copy = exact_copy(books->batches[i].bytes, books->batches[i].size);
        wrong = journal_read(copy, books->batches[i].size, i, &batch);
        if (wrong == NULL)
            wrong = tell(recall, batch);
        free(copy);
    }
    return wrong;
}

/* What a server knows that starts now.  NULL, or what is wrong. */
static inline const char *books_recall(const struct books *books, struct sessions *sessions, int64_t now_ns)
{
    struct recall recall;
    recall_init(&recall, sessions);
    const char *wrong = books_tell(books, &recall, recall_sessions);
    if (wrong == NULL)
        wrong = recall_settle(&recall, now_ns);
    if (wrong == NULL)
        wrong = books_tell(books, &recall, recall_records);
    recall_fini(&recall);
    return wrong;
}

#endif
