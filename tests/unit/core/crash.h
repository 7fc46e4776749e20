/* A registry of sessions on a journal, and the server that starts on it after a crash.
 *
 * Reads best next: recall_test.c, recall_model_test.c. */
#ifndef TESTS_CORE_CRASH_H
#define TESTS_CORE_CRASH_H

#include "books.h"
#include "clients.h"

static struct books books;

static inline struct sessions open_on(struct books *on, uint32_t limit)
{
    struct sessions sessions;
    struct sessions_options options = {.domain_id = domain,
                                       .hash_seed = 7,
                                       .limit = limit,
                                       .window = 64,
                                       .lease_ns = LEASE,
                                       .keep_reply = 1000,
                                       .keep_total = 1 << 22,
                                       .journal = on != NULL ? &on->journal : NULL};
    cr_assert(sessions_init(&sessions, &options));
    return sessions;
}

/* Every fifth is oneway. */
static inline bool is_oneway(uint64_t seq)
{
    return seq % 5 == 0;
}

static inline void ask_waiting(struct client *client, uint64_t seq, struct dedup_run *run, bool transactional)
{
    struct dedup_question question = {
        .seq = seq, .method = 1, .digest = seq, .oneway = is_oneway(seq), .transactional = transactional};
    cr_assert_eq(dedup_admit(&client->session->table, &question, run).answer, DEDUP_WAIT);
}

static inline struct reply *reply_for(uint64_t seq, size_t size)
{
    struct reply *reply = reply_create(NULL, size);
    memset(reply_body(reply), (int)seq, size);
    reply_write(reply, &(struct frame){.type = FRAME_REPLY,
                                       .flags = SEMEL_OUTCOME_EXECUTED,
                                       .seq = seq,
                                       .method = 1,
                                       .digest = frame_digest(1, reply_body(reply), size),
                                       .body_size = size});
    return reply;
}

static inline void finish_kept(struct dedup_run *run, size_t size)
{
    struct reply *reply = reply_for(run->seq, size);
    dedup_finish(run, reply);
    reply_settle(reply);
}

/* A server that starts on what the books hold now. */
static inline void restart(struct sessions *sessions, int64_t now)
{
    *sessions = open_on(NULL, 64);
    const char *wrong = books_recall(&books, sessions, now);
    cr_assert_null(wrong, "%s", wrong);
}

static inline struct dedup_verdict ask_again(struct sessions *sessions, const struct client *client,
                                             uint64_t seq)
{
    struct session *session = sessions_find(sessions, &client->hello.session);
    cr_assert_not_null(session);
    struct dedup_question question = {.seq = seq, .method = 1, .digest = seq, .oneway = is_oneway(seq)};
    return dedup_peek(&session->table, &question);
}

#endif
