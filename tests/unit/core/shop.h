/* One dedup table with its store, and the requests that are put to it.
 *
 * Reads best next: dedup_test.c. */
#ifndef TESTS_CORE_SHOP_H
#define TESTS_CORE_SHOP_H

#include "core/dedup.h"

#include "support.h"

#define WINDOW 100u

struct shop {
    struct dedup_domain domain;
    struct dedup_table table;
};

static inline void shop_open(struct shop *shop)
{
    *shop = (struct shop){.domain = {.keep_reply = 4096, .keep_total = 1 << 20}};
    dedup_init(&shop->table, &shop->domain, 1, WINDOW);
}

/* Everything is given back. */
static inline void shop_close(struct shop *shop)
{
    dedup_fini(&shop->table);
    cr_assert_eq(shop->domain.kept_bytes, 0);
    cr_assert_eq(shop->domain.kept_replies, 0);
}

static inline struct dedup_question ask(uint64_t seq)
{
    return (struct dedup_question){.seq = seq, .method = 5, .digest = seq * 3};
}

static inline struct dedup_verdict admit(struct shop *shop, uint64_t seq, struct dedup_run *run)
{
    struct dedup_question question = ask(seq);
    return dedup_admit(&shop->table, &question, run);
}

static inline struct reply *new_reply(size_t body_size)
{
    struct reply *reply = reply_create(NULL, body_size);
    memset(reply_body(reply), (int)body_size, body_size);
    reply_write(reply, &(struct frame){.type = FRAME_REPLY, .body_size = body_size});
    return reply;
}

/* Finishes as a server does that has no connection to send on. */
static inline struct reply *finish(struct dedup_run *run, size_t body_size)
{
    struct reply *reply = new_reply(body_size);
    dedup_finish(run, reply);
    struct reply *kept = reply->kept ? reply : NULL;
    reply_settle(reply);
    return kept;
}

static inline void expect_tell(struct dedup_verdict verdict, enum semel_reason reason,
                               enum semel_outcome outcome)
{
    cr_assert_eq(verdict.answer, DEDUP_TELL);
    cr_assert_eq(verdict.reason, reason, "%s", semel_reason_name(verdict.reason));
    cr_assert_eq(verdict.outcome, outcome);
}

#endif
