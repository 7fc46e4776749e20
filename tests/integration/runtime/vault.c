/* The vault.
 *
 * Reads best next: vault.h. */
#include "vault.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/random.h"
#include "server/server.h"
#include "store/store.h"

struct vault vault;

/* ---- the server ---- */

static void on_committed(bool committed, void *user)
{
    cr_assert_lt(vault.told_count, TOLD_MAX);
    vault.kept[vault.told_count] = committed;
    vault.told[vault.told_count++] = (unsigned)(uintptr_t)user;
    if (vault.end == CLOSE_WHEN_TOLD)
        semel_server_close(vault.server.semel);
}

/* Finds no room, and does not look at what it is told. */
static enum semel_code overflow(MDB_txn *txn)
{
    MDB_val key = {1, "x"};
    MDB_val value = {.mv_size = 1 << 30};
    cr_assert_eq(mdb_put(txn, vault.slips, &key, &value, MDB_RESERVE), MDB_MAP_FULL);
    return SEMEL_OK;
}

static enum semel_code write_slip(semel_request *request, unsigned op)
{
    MDB_txn *txn = semel_request_transaction(request);
    MDB_val key = {sizeof op, &op};
    cr_assert_not_null(txn);
    cr_assert_eq(mdb_put(txn, vault.slips, &key, &key, 0), 0);
    cr_assert(semel_request_when_committed(request, on_committed, (void *)(uintptr_t)(op + 1)));
    cr_assert_not(semel_request_when_committed(request, on_committed, NULL), "once a request");
    switch (vault.end) {
    case FAIL: return semel_request_error(request, SEMEL_ABORTED, "not today");
    case REFUSE: return semel_request_refuse(request, SEMEL_RETRY_NEVER, false);
    case PEND: vault.pending = request; return SEMEL_PENDING;
    case LOSE_JOURNAL: vault.server.semel->ledger.journal.lost = true; return SEMEL_OK;
    case OVERFLOW: return overflow(txn);
    default: return SEMEL_OK;
    }
}

static enum semel_code put(semel_request *request, vault_Slip *in, vault_Slip *out, void *user)
{
    (void)user;
    out->op = in->op;
    if (in->reply_size > 0) {
        out->pad = calloc(1, PB_BYTES_ARRAY_T_ALLOCSIZE(in->reply_size));
        cr_assert_not_null(out->pad);
        out->pad->size = (pb_size_t)in->reply_size;
    }
    return write_slip(request, in->op);
}

static enum semel_code tell(semel_request *request, vault_Slip *in, void *user)
{
    (void)user;
    return write_slip(request, in->op);
}

static const struct vault_Vault_handlers handlers = {.Put = put, .Set = put, .Tell = tell};

static void open_slips(void *arg)
{
    MDB_env *env = semel_server_environment(vault.server.semel);
    MDB_txn *txn;
    (void)arg;
    cr_assert_eq(mdb_txn_begin(env, NULL, 0, &txn), 0);
    cr_assert_eq(mdb_dbi_open(txn, "slips", MDB_CREATE, &vault.slips), 0);
    cr_assert_eq(mdb_txn_commit(txn), 0);
}

void vault_start(uint64_t size_bytes, const char *const *properties)
{
    const struct store_options options = {
        .fresh = {.bytes = {1, 2, 3}}, .secret = random_u64, .size_bytes = size_bytes};
    struct store_problem problem;
    struct store *store;
    cr_assert_eq(store_open(vault.spec, &options, &store, &problem), SEMEL_OK, "%s", problem.text);
    server_open_on_store(&vault.server, properties, loopback_tcp(), store);
    cr_assert_eq(vault_Vault_serve(vault.server.semel, &handlers, NULL), SEMEL_OK);
    on_node(vault.server.node, open_slips, NULL);
}

void vault_open_of(uint64_t size_bytes, const char *const *properties)
{
    memset(&vault, 0, sizeof vault);
    snprintf(vault.folder, sizeof vault.folder, "%stransact-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm/" : "");
    cr_assert_not_null(mkdtemp(vault.folder));
    snprintf(vault.spec, sizeof vault.spec, "lmdb:%s/store", vault.folder);
    vault_start(size_bytes, properties);
    client_open(&vault.client, LIST("RetryIntervals=-1"), vault.server.uri);
}

void vault_open(const char *const *properties)
{
    vault_open_of(8 << 20, properties);
}

void vault_remove_files(void)
{
    static const char *const suffixes[] = {"", "-lock", "-owner"};
    char path[512];
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        snprintf(path, sizeof path, "%s%s", vault.spec + sizeof "lmdb:" - 1, suffixes[i]);
        cr_assert_eq(unlink(path), 0, "%s", path);
    }
    cr_assert_eq(rmdir(vault.folder), 0);
}

void vault_close(void)
{
    client_close(&vault.client);
    server_close(&vault.server);
    vault_remove_files();
}

/* ---- what is in it ---- */

struct look {
    unsigned op;
    bool found;
};

/* With a write transaction: it would wait for ever for one that was left open on this thread. */
static void look_now(void *arg)
{
    struct look *look = arg;
    MDB_txn *txn;
    MDB_val key = {sizeof look->op, &look->op};
    MDB_val value;
    cr_assert_eq(mdb_txn_begin(semel_server_environment(vault.server.semel), NULL, 0, &txn), 0);
    look->found = mdb_get(txn, vault.slips, &key, &value) == 0;
    mdb_txn_abort(txn);
}

bool vault_has(unsigned op)
{
    struct look look = {.op = op};
    on_node(vault.server.node, look_now, &look);
    return look.found;
}

void vault_expect_told(unsigned n, unsigned op, bool kept)
{
    cr_assert_lt(n, vault.told_count, "%u were told", vault.told_count);
    cr_assert_eq(vault.told[n], op + 1);
    cr_assert_eq(vault.kept[n], kept);
}

semel_status vault_call(const struct semel_method *method, unsigned op, unsigned reply_size)
{
    semel_status status;
    vault_Slip reply = vault_Slip_init_zero;
    const vault_Slip slip = {.op = op, .reply_size = reply_size};
    semel_call_wait(vault.client.channel, method, &slip, &reply, NULL, NULL, &status);
    semel_message_release(vault_Slip_fields, &reply);
    return status;
}

semel_status vault_put(enum end end, unsigned op)
{
    vault.end = end;
    return vault_call(&vault_Vault_methods[vault_Vault_Put_index], op, 0);
}
