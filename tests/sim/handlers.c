/* Answers, given now or later.
 *
 * Reads best next: handlers.h, history.h. */
#include "handlers.h"

#include <assert.h>
#include <semel/store.h>
#include <stdlib.h>
#include <string.h>

#include "asks.h"
#include "backs.h"
#include "effects.h"
#include "ledger.semel.h"

/* A request that is answered later. */
struct answer {
    struct answer *next;
    struct handlers *handlers;
    semel_request *request;
    struct op *op;
    uint64_t run;
    const struct op *awaited; /* when this has ended; NULL: after a while */
};

static void fill(ledger_Mark *mark, const struct op *op, uint64_t run)
{
    mark->id = op->id;
    mark->run = run;
    mark->pad.size = (pb_size_t)op->reply_pad;
    memset(mark->pad.bytes, (int)run, op->reply_pad);
}

static void take(struct answer *answer)
{
    struct answer **link = &answer->handlers->answers;
    while (*link != answer)
        link = &(*link)->next;
    *link = answer->next;
    free(answer);
}

static void finish(struct answer *answer)
{
    const struct answer given = *answer;
    ledger_Mark mark = ledger_Mark_init_zero;
    take(answer); /* first: the process may crash in what follows */
    history_finished(given.run);
    fill(&mark, given.op, given.run);
    if (given.op->behaviour == BEHAVE_FAIL)
        semel_request_fail(given.request, SEMEL_ABORTED, "as it was told");
    else if (modes[given.op->mode].oneway)
        semel_request_finish(given.request, NULL);
    else
        semel_request_finish(given.request, &mark);
}

/* An errand is of one life, and in that an answer goes early only with the process. */
static void on_thought(void *arg)
{
    finish(arg);
}

void handlers_answer(struct handlers *handlers, const struct op *awaited)
{
    for (struct answer *answer = handlers->answers; answer != NULL; answer = answer->next)
        if (answer->awaited == awaited) {
            finish(answer);
            return;
        }
}

static enum semel_code think(semel_request *request, struct op *op, struct handlers *handlers, uint64_t run,
                             const struct op *awaited)
{
    struct answer *answer = malloc(sizeof *answer);
    assert(answer != NULL);
    *answer = (struct answer){handlers->answers, handlers, request, op, run, awaited};
    handlers->answers = answer;
    if (awaited == NULL)
        semel_sim_after(handlers->host, op->think_ms, on_thought, answer);
    return SEMEL_PENDING;
}

static void on_committed(bool committed, void *user)
{
    struct op *op = user;
    op->committed += committed && op->behaviour != BEHAVE_FAIL;
    backs_committed(op, committed);
}

/* Others are called, who must not wait for this one: within a transaction as outside of it.  Returns the op that it has
 * to be PENDING for; NULL: none. */
static const struct op *call_others(semel_request *request, struct op *op, struct handlers *handlers)
{
    bool may_pend = semel_request_transaction(request) == NULL;
    const struct op *asked = asks_may_ask(request, handlers, may_pend);
    const struct op *called_back = backs_may_call(request, op, handlers, may_pend && asked == NULL);
    return asked != NULL ? asked : called_back;
}

/* In a transaction everything is written first: what ends other than well must leave nothing of it. */
static enum semel_code handle(semel_request *request, const ledger_Op *in, ledger_Mark *out,
                              struct handlers *handlers)
{
    struct op *op = history_op(in->id);
    struct MDB_txn *txn = semel_request_transaction(request);
    handlers->called++;
    if (txn != NULL && !effects_add(handlers->effects, txn, op))
        return semel_request_refuse(request, 20, false);
    if (op->refusals > 0) {
        op->refusals--;
        semel_sim_note(history->sim, handlers->host, "refuses op %llu", (unsigned long long)op->id);
        return semel_request_refuse(request, op->refusals * 7, op->refusals == 2);
    }
    uint64_t run = history_ran(op, handlers->host, txn != NULL);
    const struct op *awaited = call_others(request, op, handlers);
    if (txn != NULL)
        (void)semel_request_when_committed(request, on_committed, op);
    if (op->think_ms > 0 || awaited != NULL || op->behaviour == BEHAVE_PEND)
        return think(request, op, handlers, run, awaited);
    history_finished(run);
    if (op->behaviour == BEHAVE_FAIL)
        return semel_request_error(request, SEMEL_ABORTED, "as it was told");
    if (out != NULL)
        fill(out, op, run);
    return SEMEL_OK;
}

static enum semel_code mark(semel_request *request, ledger_Op *in, ledger_Mark *out, void *user)
{
    return handle(request, in, out, user);
}

static enum semel_code tell(semel_request *request, ledger_Op *in, void *user)
{
    return handle(request, in, NULL, user);
}

void handlers_serve(struct handlers *handlers, semel_server *server)
{
    static const struct ledger_Ledger_handlers functions = {
        .Add = mark, .Set = mark, .Tell = tell, .Put = mark, .Note = tell, .Renew = mark};
    enum semel_code code = ledger_Ledger_serve(server, &functions, handlers);
    assert(code == SEMEL_OK);
    (void)code;
}

void handlers_forget(struct handlers *handlers)
{
    while (handlers->answers != NULL)
        take(handlers->answers);
}

void handlers_begin(struct handlers *handlers)
{
    handlers_forget(handlers);
    handlers->called = 0;
}

void handlers_end(struct handlers *handlers)
{
    while (handlers->answers != NULL)
        finish(handlers->answers);
}
