/* The journal: what a durable store keeps of sessions and their records, as bytes.  A batch is what is committed at
 * once: a header, then entries.  The table of bytes is in README.md, section 10.
 *
 * Whatever is read here is hostile input.  It must not know stores, nor what the tables do with an entry.
 * Reads best next: recall.h (entries to tables), compact.h (tables to entries again). */
#ifndef CORE_JOURNAL_H
#define CORE_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/bytes.h"
#include "core/id.h"

#define JOURNAL_VERSION 1u
#define JOURNAL_HEADER_SIZE 32u

/* X(NAME, size of its fixed part with the kind) */
#define JOURNAL_KINDS(X)                                                                                       \
    X(SESSION, 57) /* a session was accepted, or is written once more */                                       \
    X(ENDED, 9)    /* a life of a session is forgotten with all its records */                                 \
    X(FLOOR, 17)   /* the client has completed every lower seq */                                              \
    X(BEGIN, 38)   /* a request is about to run */                                                             \
    X(DONE, 21)    /* it ran; its reply follows, if it is kept */                                              \
    X(GONE, 17)    /* it did not run after all: a retry is a new request */                                    \
    X(RECEIPT, 17) /* a oneway ran, and is acknowledged */

enum journal_kind {
    JOURNAL_NONE = 0,
#define JOURNAL_KIND_ENUM(name, size) JOURNAL_##name,
    JOURNAL_KINDS(JOURNAL_KIND_ENUM)
#undef JOURNAL_KIND_ENUM
        JOURNAL_KIND_COUNT
};

enum {
#define JOURNAL_SIZE_ENUM(name, size) JOURNAL_##name##_SIZE = (size),
    JOURNAL_KINDS(JOURNAL_SIZE_ENUM)
#undef JOURNAL_SIZE_ENUM
};

/* One entry.  A life is the number of the connection with which a session began, or began anew: no two lives of a
 * domain share one. */
struct journal_entry {
    enum journal_kind kind;
    uint64_t life;
    uint64_t seq;         /* BEGIN, DONE, GONE, RECEIPT */
    uint64_t floor;       /* SESSION, FLOOR, BEGIN: above 0, and in BEGIN at most seq */
    uint64_t method;      /* BEGIN */
    uint64_t digest;      /* BEGIN */
    bool oneway;          /* BEGIN */
    struct id session;    /* SESSION: */
    uint64_t subject;     /* who may resume it */
    uint64_t attempt;     /* the highest seen */
    uint64_t connection;  /* of the latest connection, at least life */
    const uint8_t *reply; /* DONE: the frame; borrowed */
    uint32_t reply_size;  /* 0: the reply is not kept */
};

/* The open batch: entries since the last one was sealed. */
struct journal {
    uint8_t *bytes; /* room for a header, then the entries; NULL before the first */
    size_t size;
    size_t capacity;
    uint64_t number; /* of the open batch */
    uint64_t room;   /* bytes that begins and kept replies may still take, by the store's word */
    uint64_t spare;  /* bytes beside these, for begins that must not wait for room */
    bool lost;       /* an entry found no memory: the batch must not be committed */
};

void journal_init(struct journal *journal, uint64_t number);
void journal_fini(struct journal *journal);

static inline bool journal_is_empty(const struct journal *journal)
{
    return journal->size <= JOURNAL_HEADER_SIZE;
}

/* The size of the open batch with so many bytes more. */
static inline uint64_t journal_size_with(const struct journal *journal, uint64_t more)
{
    return (journal->size > JOURNAL_HEADER_SIZE ? journal->size : JOURNAL_HEADER_SIZE) + more;
}

/* Whether there is memory, and room in the store, for a BEGIN and the smallest DONE: it takes both from the room.
 * urgent: it may take them from what is spared, if need be. */
bool journal_admits(struct journal *journal, bool urgent);
/* Whether a reply of this size may be kept: takes it from the room. */
bool journal_takes_reply(struct journal *journal, size_t size);

/* Appends an entry.  Its fields must keep to what is said above (asserted).  Without memory the journal is lost. */
void journal_write(struct journal *journal, const struct journal_entry *entry);

/* Completes the header of the open batch and returns its bytes, which are the caller's to free.  The next batch is open
 * then.  NULL: no memory; the journal is lost. */
uint8_t *journal_seal(struct journal *journal, uint64_t last_connection, size_t *ret_size);

/* A batch as it was read back. */
struct journal_batch {
    uint64_t number;
    uint64_t last_connection;    /* of the domain, when it was sealed */
    struct bytes_reader entries; /* for journal_next; a copy may be read again */
};

/* Opens a batch that was stored under this number.  NULL, or what is wrong with it (static text). */
const char *journal_read(const uint8_t *bytes, size_t size, uint64_t number, struct journal_batch *ret_batch);

/* The next entry.  false: the end, or (entries->bad) something that is no entry. */
bool journal_next(struct bytes_reader *entries, struct journal_entry *ret_entry);

#endif
