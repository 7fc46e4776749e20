/* The vault, as vault.h says: a name, then balance and limit.
 * It must not know: requests, replies, or that there is a network.
 * Reads best next: accounts.c. */
#include "vault.h"

#include <stdint.h>
#include <string.h>

#include "accounts.h"

struct entry {
    int64_t balance;
    int64_t limit;
};

const char *vault_open(struct vault *vault, MDB_env *env)
{
    MDB_txn *txn;
    int error = mdb_txn_begin(env, NULL, 0, &txn);
    if (error != 0)
        return mdb_strerror(error);
    error = mdb_dbi_open(txn, "bank.accounts", MDB_CREATE, &vault->accounts);
    if (error != 0) {
        mdb_txn_abort(txn);
        return mdb_strerror(error);
    }
    error = mdb_txn_commit(txn);
    if (error != 0)
        return mdb_strerror(error);
    vault->env = env;
    return NULL;
}

static enum semel_code code_of(int error)
{
    switch (error) {
    case 0: return SEMEL_OK;
    case MDB_NOTFOUND: return SEMEL_NOT_FOUND;
    case MDB_MAP_FULL:
    case MDB_TXN_FULL: return SEMEL_RESOURCE_EXHAUSTED;
    default: return SEMEL_INTERNAL;
    }
}

static MDB_val key_of(const char *name)
{
    return (MDB_val){strlen(name), (void *)name};
}

static int get(const struct vault *vault, MDB_txn *txn, const char *name, struct account *account)
{
    struct entry entry;
    MDB_val key = key_of(name);
    MDB_val value;
    int error = mdb_get(txn, vault->accounts, &key, &value);
    if (error != 0)
        return error;
    if (value.mv_size != sizeof entry)
        return MDB_CORRUPTED;
    memcpy(&entry, value.mv_data, sizeof entry);
    account->balance = entry.balance;
    account->limit = entry.limit;
    return 0;
}

enum semel_code vault_get(const struct vault *vault, MDB_txn *txn, const char *name,
                          struct account *ret_account)
{
    MDB_txn *own = NULL;
    if (name[0] == '\0')
        return SEMEL_NOT_FOUND;
    if (txn == NULL) {
        int error = mdb_txn_begin(vault->env, NULL, MDB_RDONLY, &own);
        if (error != 0)
            return code_of(error);
    }
    int error = get(vault, txn != NULL ? txn : own, name, ret_account);
    if (own != NULL)
        mdb_txn_abort(own);
    return code_of(error);
}

enum semel_code vault_put(const struct vault *vault, MDB_txn *txn, const struct account *account)
{
    struct entry entry = {account->balance, account->limit};
    MDB_val key = key_of(account->name);
    MDB_val value = {sizeof entry, &entry};
    if (txn != NULL)
        return code_of(mdb_put(txn, vault->accounts, &key, &value, 0));
    MDB_txn *own;
    int error = mdb_txn_begin(vault->env, NULL, 0, &own);
    if (error != 0)
        return code_of(error);
    error = mdb_put(own, vault->accounts, &key, &value, 0);
    if (error == 0)
        return code_of(mdb_txn_commit(own));
    mdb_txn_abort(own);
    return code_of(error);
}
