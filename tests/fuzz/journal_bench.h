/* What journal_fuzz.c knows from outside of a server on a journal: its clients, their calls, and what was written of
 * them, sealed in a batch, and committed.
 *
 * Reads best next: journal_fuzz.c. */
#ifndef TESTS_FUZZ_JOURNAL_BENCH_H
#define TESTS_FUZZ_JOURNAL_BENCH_H

#include "core/compact.h"
#include "core/recall.h"

enum { IDS = 3, LIMIT = 2, SEQS = 256, RUNS = 64, WINDOW = 16, LEASE_NS = 1000, METHOD = 5, BATCHES = 2048 };

/* What the journal has of a call. */
enum end { END_NONE, END_BEGUN, END_DONE, END_RECEIPT };
struct fact {
    enum end end;
    bool with_reply; /* DONE: it must be there */
};

struct call {
    uint64_t life;   /* in which it was sent; 0: not yet */
    unsigned effect; /* how often its handler has done something */
    uint64_t mark;   /* in its reply; 0: none is known */
    struct fact written, sealed, durable;
};

struct client {
    uint64_t attempt, seen_connection, life, floor, next;
    struct session *session; /* NULL: no connection */
    uint64_t held_for;       /* the batch that its WELCOME waits for; 0: it was seen */
    bool resumed;            /* what that WELCOME says */
    struct call calls[SEQS];
};

/* A life, as the journal tells of it. */
struct life {
    bool begun_written, begun_sealed, begun_durable;
    bool ended_written, ended_durable, ended_sealed;
    unsigned id;
};

enum phase { PHASE_FREE, PHASE_WAITING, PHASE_AWAITED, PHASE_READY, PHASE_RUNNING, PHASE_JOINED };
struct run {
    struct dedup_run run;
    enum phase phase;
    unsigned id;
    uint64_t life;
    struct reply *reply; /* JOINED */
};

struct batch {
    uint8_t *bytes;
    size_t size;
};

struct bench {
    struct sessions sessions;
    struct journal journal;
    struct client clients[IDS];
    struct life lives[BATCHES]; /* by connection number */
    struct run runs[RUNS];
    struct batch batches[BATCHES]; /* by number */
    uint64_t first, last;          /* that are kept; 0: none */
    struct batch on_its_way;
    uint64_t wanted_from;
    uint64_t marks;
    uint64_t highest; /* connection number that was ever given, lost ones too */
    int64_t now_ns;
};

static inline bool is_idempotent(uint64_t seq)
{
    return seq % 7 == 6;
}

static inline bool is_oneway(uint64_t seq)
{
    return seq % 5 == 0;
}

static inline bool is_transactional(uint64_t seq)
{
    return seq % 3 == 0;
}

static inline struct id id_of(unsigned n)
{
    return (struct id){.bytes = {(uint8_t)(n + 1), 9}};
}

static inline struct dedup_question question_of(uint64_t seq)
{
    return (struct dedup_question){.seq = seq,
                                   .method = METHOD,
                                   .digest = seq * 11,
                                   .idempotent = is_idempotent(seq),
                                   .oneway = is_oneway(seq),
                                   .transactional = is_transactional(seq)};
}

static inline struct call *call_of(struct bench *bench, const struct run *run)
{
    struct call *call = &bench->clients[run->id].calls[run->run.seq];
    return call->life == run->life ? call : NULL;
}

#endif
