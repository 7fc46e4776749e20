/* Transactional requests.
 *
 * Reads best next: transact.h. */
#include "server/transact.h"

#include <semel/store.h>
#include <string.h>

#include "server/answer.h"
#include "server/dispatch.h"
#include "server/server.h"

/* Told once, whatever becomes of it.  It may do what a handler may; its session can be gone afterwards. */
static void tell_handler(struct semel_server *server, struct semel_request *request, bool committed)
{
    semel_committed_fn *fn = request->committed;
    request->committed = NULL;
    if (fn == NULL)
        return;
    server->handlers++;
    fn(committed, request->committed_user);
    server->handlers--;
    loop_freshen(server_loop(server));
}

/* It has done nothing that lasts: a retry is a new request. */
static void refuse(struct semel_server *server, struct semel_request *request, enum semel_reason reason)
{
    tell_handler(server, request, false);
    struct session *session = dispatch_session_of(request);
    dedup_withdraw(&request->run);
    dispatch_drop(server, request, session, reason, SEMEL_OUTCOME_NOT_EXECUTED);
}

/* A bug in the handler.  It will finish the request from wherever it likes, so that nothing of it is touched here
 * but the record, which gets a reply of its own. */
static void refuse_pending(struct semel_server *server, struct semel_request *request)
{
    static const char text[] = "a transactional handler returned PENDING; what it wrote is undone";
    struct session *session = dispatch_session_of(request);
    const struct answer answer = {
        .code = SEMEL_INTERNAL, .reason = SEMEL_REASON_HANDLER, .outcome = SEMEL_OUTCOME_EXECUTED};
    struct reply *reply = reply_create(NULL, sizeof text - 1);
    node_log(server->node, SEMEL_LOG_ERROR, "%s: %s: %s", server->label, request->method->name, text);
    if (reply != NULL) {
        memcpy(reply_body(reply), text, sizeof text - 1);
        answer_write(reply, request->run.seq, request->method->id, sizeof text - 1, &answer);
    }
    dispatch_let_pend(request);
    bool may_tell = dispatch_may_tell(request, SEMEL_INTERNAL);
    dedup_log_outcome(&request->run, reply);
    ledger_note(&server->ledger);
    if (dedup_finish(&request->run, reply))
        dispatch_hand_over(session, reply, may_tell);
    else
        reply_settle(reply);
}

bool transact_run(struct semel_server *server, struct semel_request *request)
{
    struct store *store = server->ledger.store;
    request->transaction = store->ops->enter(store);
    if (request->transaction == NULL) {
        refuse(server, request, SEMEL_REASON_TABLE_FULL);
        return false;
    }
    enum semel_code code = dispatch_call_handler(server, request);
    request->transaction = NULL;
    if (code == SEMEL_PENDING) {
        store->ops->leave(store, false);
        tell_handler(server, request, false);
        refuse_pending(server, request);
        return false;
    }
    dispatch_take_code(server, request, code);
    /* Any other end than OK undoes what was written: that is what a caller expects of a failure. */
    if (!store->ops->leave(store, request->code == SEMEL_OK)) {
        refuse(server, request, SEMEL_REASON_TABLE_FULL);
        return false;
    }
    dispatch_seal_reply(server, request);
    if (request->code == SEMEL_REFUSED) {
        tell_handler(server, request, false);
        dispatch_conclude(server, request);
        return false;
    }
    if (request->method->oneway && request->code == SEMEL_OK)
        dedup_log_receipt(&request->run);
    else
        dedup_log_outcome(&request->run, request->reply);
    return true;
}

void transact_conclude(struct semel_server *server, struct semel_request *request)
{
    tell_handler(server, request, true);
    dispatch_conclude(server, request);
}

void transact_lose(struct semel_server *server, struct semel_request *request, bool undone)
{
    if (undone) {
        refuse(server, request, SEMEL_REASON_INACTIVE);
        return;
    }
    tell_handler(server, request, false);
    struct session *session = dispatch_session_of(request);
    dedup_lose(&request->run);
    dispatch_drop(server, request, session, SEMEL_REASON_BEGUN, SEMEL_OUTCOME_UNKNOWN);
}

/* ---- semel/store.h ---- */

struct MDB_env *semel_server_environment(const semel_server *server)
{
    struct store *store = server->ledger.store;
    return store->ops->environment != NULL ? store->ops->environment(store) : NULL;
}

void semel_server_waive_transactions(semel_server *server)
{
    server->without_transactions = true;
}

struct MDB_txn *semel_request_transaction(const semel_request *request)
{
    return request->transaction;
}

bool semel_request_when_committed(semel_request *request, semel_committed_fn *fn, void *user)
{
    if (request->transaction == NULL || request->committed != NULL)
        return false;
    request->committed = fn;
    request->committed_user = user;
    return true;
}
