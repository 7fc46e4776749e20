/* Clients of a registry of sessions, as a server sees them: offers, verdicts that are heard or lost, requests.
 *
 * Reads best next: sessions_test.c. */
#ifndef TESTS_CORE_CLIENTS_H
#define TESTS_CORE_CLIENTS_H

#include "core/sessions.h"

#include "support.h"

#define SECOND INT64_C(1000000000)
#define LEASE (60 * SECOND)
#define ALICE UINT64_C(1000)
#define BOB UINT64_C(1001)
#define INCARNATION UINT64_C(0x1c)

static const struct id domain = {{0xd0, 0xd1}};
static int connections[64]; /* their addresses stand for connections */

/* The sessions whose connections the latest offer closed for its node name, in that order. */
static struct {
    struct session *sessions[16];
    int count;
} displaced;

/* What a client knows of itself. */
struct client {
    struct hello hello;
    struct session *session; /* of its live connection */
    bool welcomed_resumed;   /* what the last WELCOME it saw said */
};

/* A channel of some life of a node. */
static inline struct client channel_new(uint8_t number, const char *name, uint32_t node_instance)
{
    struct client client = {
        .hello = {
            .version = HANDSHAKE_VERSION, .floor = 1, .heartbeat_ms = 1000, .node_instance = node_instance}};
    client.hello.session.bytes[0] = number;
    client.hello.session.bytes[15] = 1;
    client.hello.name_size = (uint16_t)strlen(name);
    memcpy(client.hello.name, name, strlen(name));
    return client;
}

/* The only channel of its node. */
static inline struct client client_new(uint8_t number, const char *name)
{
    return channel_new(number, name, 1000u + number);
}

static inline struct sessions open_sessions_with(uint32_t limit, struct id domain_id, uint64_t hash_seed)
{
    struct sessions sessions;
    struct sessions_options options = {.domain_id = domain_id,
                                       .incarnation = INCARNATION,
                                       .hash_seed = hash_seed,
                                       .limit = limit,
                                       .window = 64,
                                       .lease_ns = LEASE,
                                       .keep_reply = 1000,
                                       .keep_total = 1 << 20};
    cr_assert(sessions_init(&sessions, &options));
    return sessions;
}

static inline struct sessions open_sessions(uint32_t limit)
{
    return open_sessions_with(limit, domain, UINT64_C(0x5eed));
}

static inline struct sessions_judgment judge(const struct sessions *sessions, const struct hello *hello,
                                             uint64_t subject, int64_t now)
{
    struct sessions_judgment judgment = sessions_judge(sessions, hello, subject, now);
    struct sessions_judgment again = sessions_judge(sessions, hello, subject, now);
    cr_assert(judgment.accept == again.accept && judgment.resumed == again.resumed &&
                  judgment.refusal == again.refusal && judgment.displaced == again.displaced,
              "judging changes nothing");
    cr_assert_not(judgment.displaces, "that is for the caller to say");
    return judgment;
}

/* Only a live session of the same name and subject, and of another life, is in the way. */
static inline void expect_in_the_way(const struct session *session, const struct hello *hello, uint64_t subject)
{
    cr_assert_not_null(session->connection);
    cr_assert_neq(session->node_instance, hello->node_instance);
    cr_assert_not(id_equal(&session->id, &hello->session));
    cr_assert_eq(session->subject, subject);
    cr_assert(session->name->size == hello->name_size &&
              memcmp(session->name->text, hello->name, hello->name_size) == 0);
}

/* What a server does with an offer: judge, close what is displaced until nothing is, accept.  NULL: refused. */
static inline struct session *offer_as(struct sessions *sessions, const struct hello *hello, uint64_t subject,
                                       int64_t now, struct sessions_judgment *ret_judgment)
{
    struct sessions_judgment judgment = judge(sessions, hello, subject, now);
    for (displaced.count = 0; judgment.accept && judgment.displaced != NULL; displaced.count++) {
        cr_assert_lt(displaced.count, 16);
        expect_in_the_way(judgment.displaced, hello, subject);
        displaced.sessions[displaced.count] = judgment.displaced;
        sessions_detach(sessions, judgment.displaced, now);
        judgment = judge(sessions, hello, subject, now);
    }
    cr_assert(judgment.accept || displaced.count == 0, "nobody is displaced in vain");
    judgment.displaces = displaced.count > 0;
    *ret_judgment = judgment;
    if (!judgment.accept)
        return NULL;
    if (judgment.session != NULL && judgment.session->connection != NULL)
        sessions_detach(sessions, judgment.session, now);
    return sessions_accept(sessions, hello, subject, &judgment, &connections[hello->attempt % 64], now);
}

static inline struct sessions_judgment offer(struct sessions *sessions, struct client *client, int64_t now)
{
    struct sessions_judgment judgment;
    client->hello.attempt++;
    client->session = offer_as(sessions, &client->hello, ALICE, now, &judgment);
    return judgment;
}

/* WELCOME leaves, and reaches the client. */
static inline void welcome(struct client *client, struct sessions_judgment judgment)
{
    sessions_welcomed(client->session, &client->hello);
    client->hello.last_domain = domain;
    client->hello.last_incarnation = INCARNATION;
    client->hello.last_connection = client->session->connection_number;
    client->welcomed_resumed = judgment.resumed;
}

static inline bool connect_client(struct sessions *sessions, struct client *client, int64_t now)
{
    struct sessions_judgment judgment = offer(sessions, client, now);
    cr_assert(judgment.accept, "%s", semel_reason_name(judgment.refusal));
    cr_assert_not_null(client->session);
    welcome(client, judgment);
    return judgment.resumed;
}

/* The client writes an at-most-once request; the server runs it. */
static inline void request(struct client *client, uint64_t seq, struct dedup_run *run)
{
    struct dedup_question question = {.seq = seq, .method = 1, .digest = seq};
    cr_assert_eq(dedup_admit(&client->session->table, &question, run).answer, DEDUP_RUN);
}

static inline enum dedup_answer replay(struct client *client, uint64_t seq)
{
    struct dedup_run run;
    struct dedup_question question = {.seq = seq, .method = 1, .digest = seq};
    enum dedup_answer answer = dedup_admit(&client->session->table, &question, &run).answer;
    if (answer == DEDUP_RUN)
        dedup_withdraw(&run);
    return answer;
}

static inline void lose(struct sessions *sessions, struct client *client, int64_t now)
{
    sessions_detach(sessions, client->session, now);
    client->session = NULL;
}

static inline void close_sessions(struct sessions *sessions, struct client *clients, int count)
{
    for (int i = 0; i < count; i++)
        if (clients[i].session != NULL && clients[i].session->connection != NULL)
            sessions_detach(sessions, clients[i].session, 0);
    sessions_fini(sessions);
    cr_assert_eq(sessions->count, 0);
    cr_assert_eq(sessions->domain.kept_bytes, 0);
    cr_assert_eq(sessions->domain.kept_replies, 0);
}

#endif
