/* bank-server: the bank behind the network, with a journal as witness of every execution.
 * It must not know: how often a request was sent.  Never running one twice is the library's work.
 * Reads best next: accounts.h, journal.h, answers.h; then bank_load.c, the other side. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ev.h>

#include <semel/semel.h>
#include <semel/store.h>

#include "accounts.h"
#include "answers.h"
#include "bank.semel.h"
#include "journal.h"
#include "program.h"
#include "witness.h"

static char program[] = "bank-server";

/* What the command line says. */
static struct {
    struct arg_list listen;
    const char *journal;
    const char *store;
    const char *node_name;
    bool no_transactions;
    uint64_t delay_ms;
    uint64_t opening_balance;
} settings = {.store = "memory", .opening_balance = 100000000};

static const struct arg options[] = {
    {"--listen", "URI", "tcp://HOST:PORT (port 0: any free one) or unix:PATH; may be repeated",
     .list = &settings.listen, .required = true},
    {"--journal", "FILE", "append \"OP_ID METHOD\" as the first act of each execution",
     .text = &settings.journal},
    {"--store", "STORE",
     "what remembers executed requests, and holds the accounts: memory\n"
     "(default) or lmdb:PATH, which outlives the process",
     .text = &settings.store},
    {"--no-transactions", NULL,
     "with lmdb:PATH: handlers commit for themselves, and a crash leaves\n"
     "some calls UNKNOWN; so it is with --delay-ms",
     .flag = &settings.no_transactions},
    {"--delay-ms", "N", "answer so much later: many requests are pending at once", .number = &settings.delay_ms,
     .max = 86400000},
    {"--opening-balance", "CENTS", "of an account nobody used before (default 100000000)",
     .number = &settings.opening_balance, .max = INT64_MAX / 2},
    {"--node-name", "NAME", "stable name of this node, for its peers", .text = &settings.node_name},
    {"--verbose", NULL, "tell on stderr of each connection that is made or lost", .flag = &program_verbose},
};

static const struct args args = {
    program,
    "bank-server: serves demo.Bank and keeps a journal of what it executed.\n"
    "It prints \"listening URI\" for each listener when it is ready.  SIGTERM: it drains (no call is lost),\n"
    "prints its counters as one line of JSON and exits with 0.",
    "  bank-server --listen tcp://127.0.0.1:4061 --journal bank.journal\n"
    "  bank-server --listen tcp://[::]:4061 --listen unix:bank.sock --delay-ms 20\n"
    "  bank-server --listen tcp://127.0.0.1:0 --config bank.conf --Heartbeat=2s\n",
    NULL,
    options,
    sizeof options / sizeof options[0],
};

struct teller {
    semel_node *node;
    semel_server *server;
    struct accounts accounts;
    struct journal journal;
    struct witness witness; /* of transactional handlers */
    struct answers answers;
    bool draining;
};

/* Handlers.  Each writes the journal first of all, then does its work at once; only the answer may come later.  With a
 * transaction, that is where the work is done, and the journal is told when it is committed. */

/* Only a well-formed name gets into the journal.  Unless this returns OK nothing is done. */
static enum semel_code witnessed(struct teller *teller, semel_request *request, const char *op_id,
                                 const char *method)
{
    if (!journal_op_id_valid(op_id))
        return semel_request_error(request, SEMEL_INVALID_ARGUMENT, "op_id must be %d lower-case hex digits",
                                   OP_ID_DIGITS);
    if (semel_request_transaction(request) == NULL)
        journal_append(&teller->journal, op_id, method);
    else if (!witness_note(&teller->witness, request, op_id, method))
        return semel_request_refuse(request, 0, false);
    return SEMEL_OK;
}

static enum semel_code deposit(semel_request *request, demo_DepositRequest *in, demo_DepositReply *out,
                               void *user)
{
    struct teller *teller = user;
    MDB_txn *txn = semel_request_transaction(request);
    enum semel_code code = witnessed(teller, request, in->op_id, "Deposit");
    if (code != SEMEL_OK)
        return code;
    const char *why = "the amount must be more than 0";
    code = SEMEL_INVALID_ARGUMENT;
    if (in->amount > 0)
        code = accounts_add(&teller->accounts, txn, in->account, in->amount, &out->balance, &why);
    return answers_give(&teller->answers, request, code, why, out, sizeof *out);
}

/* The client gets the numbers, not just a text; they are encoded here, however late the answer goes out. */
static enum semel_code raise_insufficient(semel_request *request, const struct account *account, int64_t amount)
{
    const demo_InsufficientFunds error = {
        .balance = account->balance, .limit = account->limit, .missing = accounts_missing(account, amount)};
    return demo_Bank_Withdraw_raise_InsufficientFunds(request, SEMEL_FAILED_PRECONDITION, &error);
}

static enum semel_code withdraw(semel_request *request, demo_WithdrawRequest *in, demo_WithdrawReply *out,
                                void *user)
{
    struct teller *teller = user;
    MDB_txn *txn = semel_request_transaction(request);
    enum semel_code code = witnessed(teller, request, in->op_id, "Withdraw");
    if (code != SEMEL_OK)
        return code;
    const char *why = "the amount must be more than 0";
    struct account account;
    code = SEMEL_INVALID_ARGUMENT;
    if (in->amount > 0)
        code = accounts_add(&teller->accounts, txn, in->account, -in->amount, &out->balance, &why);
    if (code == SEMEL_FAILED_PRECONDITION &&
        accounts_look(&teller->accounts, txn, in->account, &account) == SEMEL_OK)
        code = raise_insufficient(request, &account, in->amount);
    return answers_give(&teller->answers, request, code, why, out, sizeof *out);
}

/* Changes nothing, so it leaves no trace in the journal. */
static enum semel_code balance(semel_request *request, demo_BalanceRequest *in, demo_BalanceReply *out,
                               void *user)
{
    struct teller *teller = user;
    struct account account;
    enum semel_code code = accounts_look(&teller->accounts, NULL, in->account, &account);
    out->balance = account.balance;
    out->limit = account.limit;
    return answers_give(&teller->answers, request, code, "the vault cannot be read", out, sizeof *out);
}

static enum semel_code set_limit(semel_request *request, demo_SetLimitRequest *in, demo_SetLimitReply *out,
                                 void *user)
{
    struct teller *teller = user;
    MDB_txn *txn = semel_request_transaction(request);
    enum semel_code code = witnessed(teller, request, in->op_id, "SetLimit");
    if (code != SEMEL_OK)
        return code;
    const char *why = "the limit must be 0 or more";
    code = SEMEL_INVALID_ARGUMENT;
    if (in->limit >= 0)
        code = accounts_set_limit(&teller->accounts, txn, in->account, in->limit, &out->previous, &why);
    return answers_give(&teller->answers, request, code, why, out, sizeof *out);
}

/* Oneway: nobody waits, so there is no answer to delay. */
static enum semel_code note(semel_request *request, demo_NoteRequest *in, void *user)
{
    return witnessed(user, request, in->op_id, "Note");
}

static const struct demo_Bank_handlers handlers = {
    .Deposit = deposit,
    .Withdraw = withdraw,
    .Balance = balance,
    .SetLimit = set_limit,
    .Note = note,
};

/* The end: the first signal drains, the second does not wait for it. */

static void on_drained(void *user)
{
    struct teller *teller = user;
    semel_node_stop(teller->node);
}

static void on_signal(struct ev_loop *loop, ev_signal *watcher, int events)
{
    (void)loop, (void)events;
    struct teller *teller = watcher->data;
    if (teller->draining)
        semel_node_stop(teller->node);
    else
        semel_server_drain(teller->server, on_drained, teller);
    teller->draining = true;
}

static void print_counters(const semel_server *server)
{
    struct semel_server_stats stats;
    uint64_t refused = 0;
    semel_server_get_stats(server, &stats);
    for (int reason = 0; reason < SEMEL_REASON_COUNT; reason++)
        refused += stats.refused_by[reason];
    printf("{\"requests\":%" PRIu64 ",\"executed\":%" PRIu64 ",\"replayed\":%" PRIu64 ",\"attached\":%" PRIu64
           ",\"refused\":%" PRIu64 ",\"accepted\":%" PRIu64 ",\"welcomed\":%" PRIu64 ",\"resumed\":%" PRIu64
           ",",
           stats.requests, stats.executed, stats.replayed, stats.attached, refused, stats.accepted,
           stats.welcomed, stats.resumed);
    program_print_closed(stats.closed_by, stdout);
    puts("}");
}

static int listen_everywhere(struct teller *teller)
{
    char uris[ARG_LIST_MAX][SEMEL_ENDPOINT_TEXT_MAX];
    semel_status status;
    for (size_t i = 0; i < settings.listen.count; i++)
        if (semel_server_listen(teller->server, settings.listen.items[i], uris[i], &status) != SEMEL_OK)
            return program_fail(program, settings.listen.items[i], &status);
    /* Not before all of them listen: who reads the first line may use the last listener. */
    for (size_t i = 0; i < settings.listen.count; i++)
        printf("listening %s\n", uris[i]);
    fflush(stdout);
    return EXIT_SUCCESS;
}

/* Listens, serves until drained, and says what it did; returns the exit code. */
static int serve_until_drained(struct teller *teller)
{
    struct ev_loop *loop = semel_node_loop(teller->node);
    ev_signal term;
    ev_signal interrupt;
    ev_signal_init(&term, on_signal, SIGTERM);
    ev_signal_init(&interrupt, on_signal, SIGINT);
    term.data = interrupt.data = teller;
    /* Before it says that it listens: who reads that may send a signal at once. */
    ev_signal_start(loop, &term);
    ev_signal_start(loop, &interrupt);
    int code = listen_everywhere(teller);
    if (code == EXIT_SUCCESS) {
        semel_node_run(teller->node);
        print_counters(teller->server);
    }
    ev_signal_stop(loop, &term);
    ev_signal_stop(loop, &interrupt);
    return code;
}

/* With a durable store the accounts are in it, too. */
static const char *open_vault(struct teller *teller)
{
    MDB_env *env = semel_server_environment(teller->server);
    bool joins = env != NULL && !settings.no_transactions && settings.delay_ms == 0;
    const char *problem = env != NULL ? vault_open(&teller->accounts.vault, env) : NULL;
    if (problem == NULL && joins)
        problem = witness_open(&teller->witness, env, &teller->journal, settings.journal);
    if (!joins) /* a handler whose answer comes later cannot be in the transaction of a moment */
        semel_server_waive_transactions(teller->server);
    return problem;
}

/* Opens the server, runs it to its end, and closes it. */
static int serve(struct teller *teller)
{
    semel_status status;
    if (semel_server_open(teller->node, settings.store, &teller->server, &status) != SEMEL_OK)
        return program_fail(program, "--store", &status);
    int code = EXIT_FAILURE;
    const char *problem = open_vault(teller);
    if (problem != NULL)
        fprintf(stderr, "%s: --store %s: %s\n", program, settings.store, problem);
    else if (demo_Bank_serve(teller->server, &handlers, teller) == SEMEL_OK)
        code = serve_until_drained(teller);
    semel_server_close(teller->server);
    answers_fini(&teller->answers);
    return code;
}

static int run(struct teller *teller, const semel_properties *properties)
{
    int error = journal_open(&teller->journal, settings.journal);
    if (error != 0) {
        fprintf(stderr, "%s: --journal %s: %s\n", program, settings.journal, strerror(error));
        return EXIT_FAILURE;
    }
    semel_status status;
    struct semel_node_options node = {
        .name = settings.node_name, .properties = properties, .log = program_log, .log_user = program};
    if (semel_node_open(&node, &teller->node, &status) != SEMEL_OK)
        return program_fail(program, "node", &status);
    teller->answers.loop = semel_node_loop(teller->node);
    teller->answers.delay_s = (double)settings.delay_ms / 1000.0;
    int code = serve(teller);
    semel_node_close(teller->node);
    return code;
}

int main(int argc, char **argv)
{
    semel_properties *properties = semel_properties_create();
    struct teller teller = {.journal = {-1}};
    if (properties == NULL)
        return EXIT_FAILURE;
    enum args_result parsed = program_parse(properties, &args, argc, argv);
    int code = parsed == ARGS_ERROR ? EXIT_USAGE : EXIT_SUCCESS;
    if (parsed == ARGS_OK) {
        code = EXIT_FAILURE;
        if (accounts_init(&teller.accounts, (int64_t)settings.opening_balance))
            code = run(&teller, properties);
        accounts_fini(&teller.accounts);
        journal_close(&teller.journal);
    }
    semel_properties_destroy(properties);
    return code;
}
