/* The registry of sessions under any offers, losses and silences: each offer is answered as the rules in core/README.md
 * say, and RESUMED is said only where the table has seen what the client wrote.
 *
 * Reads best next: ../../runtime/core/sessions.h. */
#include <string.h>

#include "choices.h"
#include "core/sessions.h"

enum { IDS = 6, LIMIT = 4, CONNECTIONS = 512, RUNS = 256, LEASE_NS = 1000 };

/* What is known of an id. */
struct fact {
    bool known;
    struct session *session;
    uint64_t subject, attempt, born, number;
    bool live;
    unsigned name; /* 0: none */
    uint32_t instance;
    uint64_t life;
    uint64_t silent_order;
    uint32_t records;
    uint64_t next_seq;
    /* What its client believes. */
    uint64_t seen_connection;
    bool seen_domain;
};

struct bench {
    struct sessions sessions;
    struct fact facts[IDS];
    uint64_t life_of[CONNECTIONS]; /* by connection number */
    unsigned id_of[CONNECTIONS];
    uint64_t lives, order;
    int64_t now_ns;
    struct dedup_run runs[RUNS];
    unsigned run_count;
};

static struct id id_number(unsigned n)
{
    struct id id = {{0}};
    id.bytes[0] = (uint8_t)(n + 1);
    return id;
}

static unsigned count_known(const struct bench *bench)
{
    unsigned count = 0;
    for (unsigned i = 0; i < IDS; i++)
        count += bench->facts[i].known;
    return count;
}

/* The longest silent session without records; IDS: none. */
static unsigned spare(const struct bench *bench)
{
    unsigned found = IDS;
    for (unsigned i = 0; i < IDS; i++) {
        const struct fact *fact = &bench->facts[i];
        if (fact->known && !fact->live && fact->records == 0 &&
            (found == IDS || fact->silent_order < bench->facts[found].silent_order))
            found = i;
    }
    return found;
}

static void check(const struct bench *bench)
{
    must(bench->sessions.count == count_known(bench) && bench->sessions.count <= LIMIT);
    for (unsigned i = 0; i < IDS; i++) {
        const struct fact *fact = &bench->facts[i];
        if (!fact->known)
            continue;
        must((fact->session->connection != NULL) == fact->live);
        must(fact->session->table.records == fact->records);
        must(fact->session->attempt == fact->attempt && fact->session->born == fact->born);
    }
}

static void detach(struct bench *bench, struct fact *fact)
{
    sessions_detach(&bench->sessions, fact->session, bench->now_ns);
    fact->live = false;
    fact->silent_order = ++bench->order;
}

static struct fact *fact_of(struct bench *bench, const struct session *session)
{
    for (unsigned i = 0; i < IDS; i++)
        if (bench->facts[i].known && bench->facts[i].session == session)
            return &bench->facts[i];
    must(false && "a session nobody knows");
    return NULL;
}

static struct hello choose_hello(struct bench *bench, struct choices *choices, unsigned i)
{
    const struct fact *fact = &bench->facts[i];
    struct hello hello = {.version = HANDSHAKE_VERSION,
                          .session = id_number(i),
                          .attempt = fact->attempt + 1,
                          .floor = 1,
                          .heartbeat_ms = 5000,
                          .frame_limit = 4096,
                          .node_instance = choose(choices, 3)};
    if (one_in(choices, 4))
        hello.attempt = choose_number(choices);
    hello.attempt += hello.attempt == 0;
    unsigned name = choose(choices, 3);
    hello.name_size = name > 0;
    hello.name[0] = (char)('a' + name);
    if (fact->seen_domain) {
        hello.last_domain = bench->sessions.domain_id;
        hello.last_connection = fact->seen_connection;
    }
    if (one_in(choices, 16))
        hello.last_domain.bytes[3] ^= 1;
    if (one_in(choices, 16))
        hello.last_connection = choose_number(choices);
    return hello;
}

/* Another life of the node is connected. */
static bool has_live_namesake(const struct bench *bench, const struct hello *hello, uint64_t subject,
                              unsigned own)
{
    for (unsigned i = 0; i < IDS; i++) {
        const struct fact *fact = &bench->facts[i];
        if (i != own && fact->known && fact->live && hello->name_size > 0 &&
            fact->name == (unsigned)(hello->name[0] - 'a') && fact->subject == subject &&
            fact->instance != hello->node_instance)
            return true;
    }
    return false;
}

static enum semel_reason expected_refusal(const struct fact *fact, const struct hello *hello, uint64_t subject)
{
    if (!fact->known)
        return SEMEL_REASON_NONE;
    if (fact->subject != subject)
        return SEMEL_REASON_SUBJECT_MISMATCH;
    if (hello->attempt == fact->attempt)
        return SEMEL_REASON_ATTEMPT_DUPLICATE;
    return hello->attempt < fact->attempt ? SEMEL_REASON_ATTEMPT_STALE : SEMEL_REASON_NONE;
}

static bool expects_resumed(const struct bench *bench, const struct fact *fact, const struct hello *hello)
{
    if (!fact->known)
        return false;
    if (id_is_none(&hello->last_domain))
        return true;
    return id_equal(&hello->last_domain, &bench->sessions.domain_id) && hello->last_connection >= fact->born &&
           hello->last_connection <= fact->number;
}

/* As server/connection.c does: what is displaced goes first, then it is judged again. */
static struct sessions_judgment judge(struct bench *bench, const struct hello *hello, uint64_t subject,
                                      unsigned i)
{
    bool displaces = false;
    struct sessions_judgment judgment = sessions_judge(&bench->sessions, hello, subject, bench->now_ns);
    while (judgment.accept && judgment.displaced != NULL) {
        must(has_live_namesake(bench, hello, subject, i));
        displaces = true;
        detach(bench, fact_of(bench, judgment.displaced));
        judgment = sessions_judge(&bench->sessions, hello, subject, bench->now_ns);
    }
    judgment.displaces = displaces;
    return judgment;
}

static void check_refusal(const struct bench *bench, const struct sessions_judgment *judgment,
                          const struct hello *hello, uint64_t subject, unsigned i)
{
    enum semel_reason expected = expected_refusal(&bench->facts[i], hello, subject);
    if (expected != SEMEL_REASON_NONE) {
        must(!judgment->accept && judgment->refusal == expected);
        return;
    }
    bool full = count_known(bench) == LIMIT && spare(bench) == IDS;
    if (judgment->accept)
        must(bench->facts[i].known || !full);
    else if (judgment->refusal == SEMEL_REASON_NAME_CONFLICT)
        must(has_live_namesake(bench, hello, subject, i));
    else
        must(judgment->refusal == SEMEL_REASON_TOO_MANY_SESSIONS && !bench->facts[i].known && full);
}

static void accept(struct bench *bench, const struct hello *hello, uint64_t subject, unsigned i,
                   const struct sessions_judgment *judgment)
{
    struct fact *fact = &bench->facts[i];
    bool resumed = expects_resumed(bench, fact, hello);
    must(judgment->resumed == resumed && (judgment->session != NULL) == fact->known);
    if (fact->known && fact->live)
        detach(bench, fact);
    if (!fact->known && count_known(bench) == LIMIT)
        bench->facts[spare(bench)].known = false;
    struct session *session = sessions_accept(&bench->sessions, hello, subject, judgment, bench, bench->now_ns);
    must(session != NULL && session->connection_number < CONNECTIONS);
    if (!resumed) {
        fact->life = ++bench->lives;
        fact->born = session->connection_number;
        fact->records = 0;
    }
    fact->known = fact->live = true;
    fact->session = session;
    fact->subject = subject;
    fact->attempt = hello->attempt;
    fact->number = session->connection_number;
    fact->name = hello->name_size > 0 ? (unsigned)(hello->name[0] - 'a') : 0;
    fact->instance = hello->node_instance;
    /* The promise: what the client wrote on the connection it saw last is known to this table. */
    uint64_t seen = hello->last_connection;
    if (resumed && !id_is_none(&hello->last_domain) && seen < CONNECTIONS && bench->id_of[seen] == i &&
        bench->life_of[seen] != 0)
        must(bench->life_of[seen] == fact->life);
    bench->life_of[fact->number] = fact->life;
    bench->id_of[fact->number] = i;
}

static void offer(struct bench *bench, struct choices *choices)
{
    unsigned i = choose(choices, IDS);
    uint64_t subject = one_in(choices, 16) ? 7 : SESSIONS_ANYONE;
    struct hello hello = choose_hello(bench, choices, i);
    if (bench->sessions.last_connection + 1 >= CONNECTIONS)
        return;
    struct sessions_judgment judgment = judge(bench, &hello, subject, i);
    check_refusal(bench, &judgment, &hello, subject, i);
    if (!judgment.accept)
        return;
    accept(bench, &hello, subject, i, &judgment);
    if (one_in(choices, 4))
        return; /* this WELCOME is never seen */
    bench->facts[i].seen_domain = true;
    bench->facts[i].seen_connection = bench->facts[i].number;
}

static void request(struct bench *bench, struct choices *choices)
{
    struct fact *fact = &bench->facts[choose(choices, IDS)];
    if (!fact->known || !fact->live || bench->run_count == RUNS)
        return;
    struct dedup_run *run = &bench->runs[bench->run_count];
    const struct dedup_question question = {.seq = fact->session->table.floor + choose(choices, 8),
                                            .method = 1};
    if (dedup_admit(&fact->session->table, &question, run).answer != DEDUP_RUN)
        return;
    bench->run_count++;
    fact->records++;
    if (one_in(choices, 2))
        must(dedup_finish(run, NULL));
}

static void acknowledge(struct bench *bench, struct choices *choices)
{
    struct fact *fact = &bench->facts[choose(choices, IDS)];
    if (!fact->known || !fact->live)
        return;
    dedup_ack(&fact->session->table, fact->session->table.floor + choose(choices, 12));
    must(fact->session->table.records <= fact->records);
    fact->records = fact->session->table.records;
}

static void lose(struct bench *bench, struct choices *choices)
{
    struct fact *fact = &bench->facts[choose(choices, IDS)];
    if (fact->known && fact->live)
        detach(bench, fact);
}

/* Who is forgotten was silent for the whole lease. */
static void wait_a_while(struct bench *bench, struct choices *choices)
{
    bool goes[IDS] = {false};
    bench->now_ns += choose_byte(choices) * 8;
    for (unsigned i = 0; i < IDS; i++) {
        const struct fact *fact = &bench->facts[i];
        goes[i] = fact->known && !fact->live && fact->session->silent_since_ns + LEASE_NS <= bench->now_ns;
    }
    sessions_expire(&bench->sessions, bench->now_ns);
    for (unsigned i = 0; i < IDS; i++)
        if (goes[i])
            bench->facts[i].known = false;
    must(sessions_next_expiry(&bench->sessions) > bench->now_ns);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct choices choices = {bytes, size};
    static struct bench bench;
    memset(&bench, 0, sizeof bench);
    const struct sessions_options options = {.domain_id = id_number(99),
                                             .incarnation = 5,
                                             .hash_seed = 1,
                                             .limit = LIMIT,
                                             .window = 16,
                                             .lease_ns = LEASE_NS,
                                             .keep_reply = 100,
                                             .keep_total = 1 << 20};
    must(sessions_init(&bench.sessions, &options));
    while (choices.left > 0) {
        switch (choose(&choices, 8)) {
        case 0: lose(&bench, &choices); break;
        case 1: wait_a_while(&bench, &choices); break;
        case 2: acknowledge(&bench, &choices); break;
        case 3:
        case 4: request(&bench, &choices); break;
        default: offer(&bench, &choices); break;
        }
        check(&bench);
    }
    for (unsigned i = 0; i < IDS; i++)
        if (bench.facts[i].known && bench.facts[i].live)
            detach(&bench, &bench.facts[i]);
    sessions_fini(&bench.sessions);
    return 0;
}
