/* A life of a store, drawn from a seed: what it was told, what it has promised since, and whether it keeps that.
 *
 * It must not know disks; it tells whoever listens to one what happens when.  Reads best next: power_test.c. */
#ifndef TESTS_STORE_HISTORY_H
#define TESTS_STORE_HISTORY_H

#include "store/store.h"

enum { HISTORY_MAX = 4096 };

/* What is marked in the trace. */
enum history_mark {
    MARK_OPENED,   /* it has told its domain */
    MARK_LOADED,   /* and all up to this batch */
    MARK_HANDED,   /* this batch */
    MARK_PROMISED, /* it is there after a crash, it says */
    MARK_OWN_HANDED,
    MARK_OWN_PROMISED, /* the same of what the application commits by itself */
};

struct history_batch {
    uint64_t content; /* where its bytes are taken from */
    size_t size;
    uint64_t wanted_from;
    uint64_t joined; /* what transactional handlers have written so far, with this one */
};

/* What is promised at a moment. */
struct history_promise {
    bool opened;
    uint64_t last; /* batch */
    bool handed;   /* one more may be there, or not */
    uint64_t own;
    bool own_handed;
};

struct history {
    uint64_t seed; /* its generator's state, moved on */
    uint64_t size_bytes;
    uint64_t kept_bytes; /* of batches that are wanted, about */
    struct id domain;
    struct history_promise promise;
    uint64_t next_content;
    uint64_t joined; /* with what is not committed yet */
    unsigned ahead;  /* batches that were written ahead of their place */
    unsigned at_once;
    struct history_batch batches[HISTORY_MAX];
};

void history_hear(struct history_promise *promise, int mark, uint64_t value);

/* Opens the store, and has it tell all.  NULL: it refuses; *ret_problem. */
struct store *history_open(struct history *history, const char *spec, struct store_problem *ret_problem);
/* Whether it tells what was promised, whole and in order, and nothing else.  Takes what it tells for promised from now
 * on.  NULL, or what is wrong. */
const char *history_check(struct history *history, struct store *store);
/* One more thing happens.  The store may be another after it. */
struct store *history_step(struct history *history, struct store *store, const char *spec);
/* One batch, as small as can be. */
void history_go_on(struct history *history, struct store *store);

#endif
