/* A server's sessions and records on a journal, under any order of offers, requests, ends, commits, compaction and
 * crashes: after each crash the tables that are recalled answer as the promise demands.
 *
 * What is demanded is known from outside: which batches were committed, what stood in them, and which handlers have
 * run.  Reads best next: ../../runtime/core/recall.h, compact.h. */
#include <string.h>

#include "choices.h"
#include "journal_bench.h"

/* ---- what the memory says ---- */

static void check_reply(const struct call *call, const struct reply *reply)
{
    uint64_t mark;
    memcpy(&mark, reply_body((struct reply *)reply), sizeof mark);
    must(mark == call->mark && mark != 0);
}

/* A life is over in memory, and the journal is told. */
static void note_ended(struct bench *bench, uint64_t life)
{
    if (life != 0)
        bench->lives[life].ended_written = true;
}

static void note_gone(struct bench *bench)
{
    for (uint64_t life = 1; life <= bench->sessions.last_connection; life++) {
        const struct life *known = &bench->lives[life];
        if (!known->begun_written || known->ended_written)
            continue;
        const struct id id = id_of(known->id);
        const struct session *session = sessions_find(&bench->sessions, &id);
        if (session == NULL || session->born != life)
            note_ended(bench, life);
    }
}

/* ---- connections ---- */

static void detach(struct bench *bench, struct client *client)
{
    if (client->session != NULL)
        sessions_detach(&bench->sessions, client->session, bench->now_ns);
    client->session = NULL;
}

/* RESUMED means that the table has seen whatever the client wrote. */
static void hear_welcome(struct client *client)
{
    uint64_t born = client->session->born;
    client->held_for = 0;
    if (client->resumed && client->life != 0)
        must(client->life == born);
    if (!client->resumed)
        client->floor = client->next; /* R4: what was written has ended */
    client->life = born;
    client->seen_connection = client->session->connection_number;
}

static void offer(struct bench *bench, struct choices *choices)
{
    unsigned i = choose(choices, IDS);
    struct client *client = &bench->clients[i];
    if (bench->sessions.last_connection + 2 >= BATCHES)
        return;
    struct hello hello = {.version = HANDSHAKE_VERSION,
                          .session = id_of(i),
                          .attempt = ++client->attempt,
                          .floor = client->floor,
                          .last_connection = client->seen_connection,
                          .heartbeat_ms = 5000,
                          .frame_limit = 4096};
    if (client->seen_connection != 0)
        hello.last_domain = bench->sessions.domain_id;
    struct sessions_judgment judgment = sessions_judge(&bench->sessions, &hello, SESSIONS_ANYONE,
                                                       bench->now_ns);
    if (!judgment.accept) {
        must(judgment.refusal == SEMEL_REASON_TOO_MANY_SESSIONS);
        return;
    }
    detach(bench, client);
    client->session = sessions_accept(&bench->sessions, &hello, SESSIONS_ANYONE, &judgment, client,
                                      bench->now_ns);
    must(client->session != NULL);
    client->resumed = judgment.resumed;
    if (bench->highest < bench->sessions.last_connection)
        bench->highest = bench->sessions.last_connection;
    client->held_for = bench->journal.number;
    bench->lives[client->session->born].begun_written = true;
    bench->lives[client->session->born].id = i;
    note_gone(bench);
}

static void lose(struct bench *bench, struct choices *choices)
{
    detach(bench, &bench->clients[choose(choices, IDS)]);
    bench->now_ns += choose_byte(choices) * 8;
    sessions_expire(&bench->sessions, bench->now_ns);
    note_gone(bench);
}

/* ---- requests ---- */

static struct run *free_run(struct bench *bench)
{
    for (unsigned i = 0; i < RUNS; i++)
        if (bench->runs[i].phase == PHASE_FREE)
            return &bench->runs[i];
    return NULL;
}

/* A record answers what is known of the call. */
static void check_met(const struct call *call, uint64_t seq, const struct dedup_verdict *verdict)
{
    must(verdict->answer != DEDUP_CUT && verdict->reason != SEMEL_REASON_FALSE_RETRY &&
         verdict->reason != SEMEL_REASON_STALE);
    if (verdict->answer == DEDUP_RESEND)
        check_reply(call, verdict->reply);
    if (verdict->answer == DEDUP_RECEIPT)
        must(is_oneway(seq));
    if (verdict->answer == DEDUP_RESEND || verdict->answer == DEDUP_RECEIPT ||
        verdict->reason == SEMEL_REASON_REPLY_GONE)
        must(call->effect == 1);
}

static void request(struct bench *bench, struct choices *choices)
{
    unsigned i = choose(choices, IDS);
    struct client *client = &bench->clients[i];
    struct run *run = free_run(bench);
    if (client->session == NULL || client->held_for != 0 || run == NULL)
        return;
    uint64_t seq = client->next;
    if (one_in(choices, 2) && client->floor < client->next)
        seq = client->floor + choose_byte(choices) % (client->next - client->floor);
    else if (client->next - client->floor < WINDOW && client->next < SEQS)
        client->next++;
    else
        return;
    struct call *call = &client->calls[seq];
    if (call->life != client->life)
        *call = (struct call){.life = client->life};
    dedup_ack(&client->session->table, client->floor);
    struct dedup_question question = question_of(seq);
    question.expired = one_in(choices, 16);
    struct dedup_verdict verdict = dedup_admit(&client->session->table, &question, &run->run);
    must(verdict.answer != DEDUP_RUN || is_idempotent(seq)); /* nothing else runs before it is written */
    if (verdict.answer != DEDUP_WAIT && verdict.answer != DEDUP_RUN) {
        check_met(call, seq, &verdict);
        return;
    }
    must(call->effect == 0 || is_idempotent(seq)); /* never twice */
    run->phase = verdict.answer == DEDUP_WAIT ? PHASE_WAITING : PHASE_RUNNING;
    run->id = i;
    run->life = client->life;
    if (!is_idempotent(seq) && !is_transactional(seq))
        call->written = (struct fact){.end = END_BEGUN};
}

static void acknowledge(struct bench *bench, struct choices *choices)
{
    struct client *client = &bench->clients[choose(choices, IDS)];
    uint64_t open = client->next - client->floor;
    client->floor += open > 0 ? choose_byte(choices) % (open + 1) : 0;
    if (client->session == NULL || client->held_for != 0)
        return;
    dedup_ack(&client->session->table, client->floor);
    if (one_in(choices, 2))
        dedup_log_floor(&client->session->table);
}

static struct reply *make_reply(struct bench *bench, struct choices *choices, uint64_t seq)
{
    size_t size = sizeof bench->marks + choose_byte(choices);
    struct reply *reply = reply_create(NULL, size);
    must(reply != NULL);
    bench->marks++;
    memset(reply_body(reply), 0, size);
    memcpy(reply_body(reply), &bench->marks, sizeof bench->marks);
    reply_write(reply, &(struct frame){.type = FRAME_REPLY,
                                       .flags = SEMEL_OUTCOME_EXECUTED,
                                       .seq = seq,
                                       .method = METHOD,
                                       .digest = frame_digest(METHOD, reply_body(reply), size),
                                       .body_size = size});
    return reply;
}

/* The reply is in the journal if its room was taken. */
static void note_done(struct bench *bench, struct call *call, const struct reply *reply, uint64_t room)
{
    if (call == NULL)
        return;
    call->mark = bench->marks;
    call->written = (struct fact){.end = END_DONE, .with_reply = room - bench->journal.room == reply->out.size};
}

static void end_run(struct bench *bench, struct choices *choices)
{
    struct run *run = &bench->runs[choose(choices, RUNS)];
    if (run->phase != PHASE_RUNNING)
        return;
    uint64_t seq = run->run.seq;
    struct call *call = run->run.table != NULL ? call_of(bench, run) : NULL;
    if (one_in(choices, 4)) { /* the handler refuses */
        if (dedup_withdraw(&run->run) && call != NULL)
            *call = (struct call){.life = call->life, .sealed = call->sealed, .durable = call->durable};
    } else if (is_oneway(seq) && one_in(choices, 2)) {
        if (dedup_finish_oneway(&run->run) && call != NULL)
            call->written = (struct fact){.end = END_RECEIPT};
    } else {
        struct reply *reply = make_reply(bench, choices, seq);
        uint64_t room = bench->journal.room;
        if (dedup_finish(&run->run, reply))
            note_done(bench, call, reply, room);
        reply_settle(reply);
    }
    run->phase = PHASE_FREE;
}

static void cancel(struct bench *bench, struct choices *choices)
{
    struct run *run = &bench->runs[choose(choices, RUNS)];
    if (run->phase < PHASE_WAITING || run->phase > PHASE_READY)
        return;
    struct call *call = run->run.table != NULL ? call_of(bench, run) : NULL;
    if (dedup_cancel(&run->run) != SEMEL_OUTCOME_NOT_EXECUTED)
        return;
    if (call != NULL)
        call->written = (struct fact){.end = END_NONE};
    run->phase = PHASE_FREE;
}

/* What was committed may start; a handler of another kind never before. */
static void start(struct bench *bench, struct choices *choices)
{
    struct run *run = &bench->runs[choose(choices, RUNS)];
    if (run->phase != PHASE_READY)
        return;
    struct call *call = run->run.table != NULL ? call_of(bench, run) : NULL;
    enum dedup_start answer = dedup_start(&run->run, one_in(choices, 8));
    run->phase = answer == DEDUP_START ? PHASE_RUNNING : PHASE_FREE;
    if (call == NULL || answer == DEDUP_START_UNWANTED)
        return;
    if (answer == DEDUP_START_LATE) {
        call->written = (struct fact){.end = END_NONE};
        return;
    }
    must(++call->effect == 1); /* only those that wait are started, and they are not idempotent */
    must(call->durable.end == END_BEGUN);
}

/* ---- batches ---- */

/* A transactional handler runs in the transaction of the batch. */
static void join(struct bench *bench, struct choices *choices)
{
    for (unsigned i = 0; i < RUNS; i++) {
        struct run *run = &bench->runs[i];
        uint64_t seq = run->run.seq;
        if (run->phase != PHASE_WAITING || !is_transactional(seq))
            continue;
        struct call *call = run->run.table != NULL ? call_of(bench, run) : NULL;
        run->phase = PHASE_FREE;
        if (dedup_start(&run->run, one_in(choices, 8)) != DEDUP_START)
            continue;
        run->phase = PHASE_JOINED;
        bool receipt = is_oneway(seq) && one_in(choices, 2);
        uint64_t room = bench->journal.room;
        run->reply = receipt ? NULL : make_reply(bench, choices, seq);
        if (receipt)
            dedup_log_receipt(&run->run);
        else
            dedup_log_outcome(&run->run, run->reply);
        if (!is_idempotent(seq) && receipt && call != NULL)
            call->written = (struct fact){.end = END_RECEIPT};
        else if (!is_idempotent(seq))
            note_done(bench, call, run->reply, room);
    }
}

static void seal(struct bench *bench, struct choices *choices)
{
    if (bench->on_its_way.bytes != NULL || bench->last + 2 >= BATCHES)
        return;
    join(bench, choices);
    compact_step(&bench->sessions, bench->journal.size + choose_byte(choices),
                 bench->journal.size + 4u * choose_byte(choices));
    bench->wanted_from = compact_floor(&bench->sessions);
    struct batch *batch = &bench->on_its_way;
    batch->bytes = journal_seal(&bench->journal, bench->sessions.last_connection, &batch->size);
    must(batch->bytes != NULL);
    for (unsigned i = 0; i < RUNS; i++)
        if (bench->runs[i].phase == PHASE_WAITING)
            bench->runs[i].phase = PHASE_AWAITED;
    for (unsigned i = 0; i < IDS; i++)
        for (unsigned seq = 0; seq < bench->clients[i].next; seq++)
            bench->clients[i].calls[seq].sealed = bench->clients[i].calls[seq].written;
    for (uint64_t i = 0; i <= bench->highest; i++) {
        bench->lives[i].begun_sealed = bench->lives[i].begun_written;
        bench->lives[i].ended_sealed = bench->lives[i].ended_written;
    }
}

/* It is in the store: with it whatever transactional handlers did. */
static void store_batch(struct bench *bench, struct choices *choices)
{
    bench->batches[++bench->last] = bench->on_its_way;
    bench->on_its_way.bytes = NULL;
    bench->first += bench->first == 0;
    for (unsigned gone = choose(choices, 9); gone > 0; gone--)
        if (bench->first < bench->wanted_from && bench->first < bench->last)
            free(bench->batches[bench->first++].bytes);
    for (unsigned i = 0; i < IDS; i++)
        for (unsigned seq = 0; seq < bench->clients[i].next; seq++)
            bench->clients[i].calls[seq].durable = bench->clients[i].calls[seq].sealed;
    for (uint64_t i = 0; i <= bench->highest; i++) {
        bench->lives[i].begun_durable = bench->lives[i].begun_sealed;
        bench->lives[i].ended_durable = bench->lives[i].ended_sealed;
    }
    for (unsigned i = 0; i < RUNS; i++) {
        struct call *call = bench->runs[i].phase == PHASE_JOINED ? call_of(bench, &bench->runs[i]) : NULL;
        if (call != NULL && !is_idempotent(bench->runs[i].run.seq))
            must(++call->effect == 1);
    }
}

static void commit(struct bench *bench, struct choices *choices)
{
    if (bench->on_its_way.bytes == NULL)
        return;
    store_batch(bench, choices);
    for (unsigned i = 0; i < RUNS; i++) {
        struct run *run = &bench->runs[i];
        if (run->phase == PHASE_AWAITED)
            run->phase = PHASE_READY;
        if (run->phase != PHASE_JOINED)
            continue;
        if (run->reply != NULL)
            dedup_finish(&run->run, run->reply);
        else
            dedup_finish_oneway(&run->run);
        reply_settle(run->reply);
        run->phase = PHASE_FREE;
    }
    for (unsigned i = 0; i < IDS; i++) {
        struct client *client = &bench->clients[i];
        if (client->session == NULL || client->held_for == 0 || client->held_for > bench->last)
            continue;
        if (one_in(choices, 4))
            detach(bench, client); /* this WELCOME is never seen */
        else
            hear_welcome(client);
    }
}

/* ---- crashes ---- */

static void open_sessions(struct bench *bench)
{
    const struct sessions_options options = {.domain_id = {.bytes = {4}},
                                             .incarnation = 5,
                                             .hash_seed = 1,
                                             .limit = LIMIT,
                                             .window = WINDOW,
                                             .lease_ns = LEASE_NS,
                                             .keep_reply = 200,
                                             .keep_total = 1 << 14,
                                             .journal = &bench->journal};
    journal_init(&bench->journal, 1);
    must(sessions_init(&bench->sessions, &options));
}

static void close_sessions(struct bench *bench)
{
    for (unsigned i = 0; i < IDS; i++)
        detach(bench, &bench->clients[i]);
    sessions_fini(&bench->sessions);
    journal_fini(&bench->journal);
    for (unsigned i = 0; i < RUNS; i++) {
        must(bench->runs[i].phase == PHASE_FREE || bench->runs[i].run.table == NULL);
        if (bench->runs[i].phase == PHASE_JOINED)
            reply_settle(bench->runs[i].reply);
        bench->runs[i].phase = PHASE_FREE;
    }
}

static void tell_all(struct bench *bench, struct recall *recall,
                     const char *(*tell)(struct recall *recall, struct journal_batch batch))
{
    for (uint64_t number = bench->first; number != 0 && number <= bench->last; number++) {
        struct journal_batch batch;
        must(journal_read(bench->batches[number].bytes, bench->batches[number].size, number, &batch) == NULL);
        must(tell(recall, batch) == NULL);
    }
}

static void recall_all(struct bench *bench)
{
    struct recall recall;
    recall_init(&recall, &bench->sessions);
    tell_all(bench, &recall, recall_sessions);
    must(recall_settle(&recall, bench->now_ns) == NULL);
    tell_all(bench, &recall, recall_records);
    bench->journal.number = recall.last_batch + 1;
    must(recall.last_batch == bench->last);
    recall_fini(&recall);
}

/* What a call is answered now that only the journal tells of it. */
static void check_call(struct call *call, uint64_t seq, const struct session *session)
{
    struct dedup_question question = question_of(seq);
    struct dedup_verdict verdict = dedup_peek(&session->table, &question);
    const struct fact *fact = &call->durable;
    call->written = call->sealed = *fact;
    if (is_idempotent(seq))
        return;
    switch (fact->end) {
    case END_NONE:
        must(call->effect == 0);
        must(verdict.answer == DEDUP_WAIT || verdict.reason == SEMEL_REASON_TABLE_FULL ||
             (verdict.answer == DEDUP_CUT &&
              seq - session->table.floor >= WINDOW)); /* until the floor is told */
        return;
    case END_BEGUN:
        must(verdict.reason == SEMEL_REASON_BEGUN && verdict.outcome == SEMEL_OUTCOME_UNKNOWN);
        break;
    case END_RECEIPT: must(verdict.answer == DEDUP_RECEIPT && call->effect == 1); break;
    case END_DONE:
        must(verdict.answer == DEDUP_RESEND ||
             (verdict.reason == SEMEL_REASON_REPLY_GONE && !fact->with_reply));
        break;
    }
    check_met(call, seq, &verdict);
}

static void check_client(struct bench *bench, unsigned i)
{
    struct client *client = &bench->clients[i];
    const struct id id = id_of(i);
    const struct session *session = sessions_find(&bench->sessions, &id);
    const struct life *life = &bench->lives[client->life];
    must(bench->sessions.last_connection >= client->seen_connection);
    if (client->life != 0 && !life->ended_durable)
        must(session != NULL && session->born == client->life); /* whoever was welcomed is known */
    if (session == NULL || session->born != client->life)
        return;
    must(session->attempt <= client->attempt && session->connection_number >= client->seen_connection);
    must(session->table.floor <= client->floor);
    for (uint64_t seq = client->floor; seq < client->next; seq++)
        if (client->calls[seq].life == client->life)
            check_call(&client->calls[seq], seq, session);
}

/* kept: the batch on its way had come as far as to be found again. */
static void crash(struct bench *bench, struct choices *choices, bool kept)
{
    if (bench->on_its_way.bytes != NULL && kept)
        store_batch(bench, choices);
    free(bench->on_its_way.bytes);
    bench->on_its_way.bytes = NULL;
    close_sessions(bench);
    open_sessions(bench);
    recall_all(bench);
    for (uint64_t i = 0; i <= bench->highest; i++) {
        struct life *life = &bench->lives[i];
        life->begun_written = life->begun_sealed = life->begun_durable;
        life->ended_written = life->ended_sealed = life->ended_durable;
    }
    for (unsigned i = 0; i < IDS; i++)
        check_client(bench, i);
    note_gone(bench);
}

/* The commit did not succeed: what ran in it is lost, or nobody knows.  Nothing is written any more; until the server
 * is started again, replays are answered. */
static void fail(struct bench *bench, struct choices *choices)
{
    bool unknown = one_in(choices, 2);
    if (bench->on_its_way.bytes == NULL)
        return;
    if (unknown && one_in(choices, 2))
        store_batch(bench, choices); /* it is there all the same */
    bench->journal.lost = true;
    for (unsigned i = 0; i < RUNS; i++) {
        struct run *run = &bench->runs[i];
        const struct dedup_table *table = run->run.table;
        const struct dedup_question question = question_of(run->run.seq);
        if (run->phase == PHASE_JOINED && unknown && dedup_lose(&run->run) && !question.idempotent) {
            struct dedup_verdict verdict = dedup_peek(table, &question);
            must(verdict.reason == SEMEL_REASON_BEGUN && verdict.outcome == SEMEL_OUTCOME_UNKNOWN);
        }
        if (run->phase == PHASE_WAITING || run->phase == PHASE_AWAITED || run->phase == PHASE_JOINED)
            (void)dedup_withdraw(&run->run);
        if (run->phase == PHASE_JOINED)
            reply_settle(run->reply);
        if (run->phase != PHASE_READY && run->phase != PHASE_RUNNING)
            run->phase = PHASE_FREE;
    }
    crash(bench, choices, false);
}

static void do_something(struct bench *bench, struct choices *choices)
{
    switch (choose(choices, 16)) {
    case 0:
    case 1: offer(bench, choices); break;
    case 2: lose(bench, choices); break;
    case 3: acknowledge(bench, choices); break;
    case 4: cancel(bench, choices); break;
    case 5:
    case 6: start(bench, choices); break;
    case 7:
    case 8: end_run(bench, choices); break;
    case 9:
    case 10: seal(bench, choices); break;
    case 11: commit(bench, choices); break;
    case 12: crash(bench, choices, one_in(choices, 2)); break;
    case 13:
        bench->journal.room = choose_byte(choices) * 16u;
        if (one_in(choices, 4))
            fail(bench, choices);
        break;
    default: request(bench, choices); break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct choices choices = {bytes, size};
    static struct bench bench;
    memset(&bench, 0, sizeof bench);
    for (unsigned i = 0; i < IDS; i++)
        bench.clients[i].floor = bench.clients[i].next = 1;
    open_sessions(&bench);
    while (choices.left > 0)
        do_something(&bench, &choices);
    crash(&bench, &choices, true);
    close_sessions(&bench);
    for (uint64_t number = bench.first; number != 0 && number <= bench.last; number++)
        free(bench.batches[number].bytes);
    return 0;
}
