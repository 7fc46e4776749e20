/* The vault: accounts in a database of the server's store, so that they outlive the server.
 * It must not know: what an amount means, or that there is a network.
 * Reads best next: accounts.c, which keeps accounts here or in memory. */
#ifndef BANK_VAULT_H
#define BANK_VAULT_H

#include <lmdb.h>

#include <semel/status.h>

struct account;

struct vault {
    MDB_env *env; /* borrowed; NULL: there is none */
    MDB_dbi accounts;
};

/* Opens or makes the database.  NULL, or what went wrong (static text). */
const char *vault_open(struct vault *vault, MDB_env *env);

/* txn: the transaction to read or write in; NULL: one of its own.
 * Errors: NOT_FOUND; RESOURCE_EXHAUSTED (full); INTERNAL. */
enum semel_code vault_get(const struct vault *vault, MDB_txn *txn, const char *name,
                          struct account *ret_account);
enum semel_code vault_put(const struct vault *vault, MDB_txn *txn, const struct account *account);

#endif
