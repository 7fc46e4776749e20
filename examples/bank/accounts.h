/* The accounts of the bank: names and money, in a hash table or, if there is one, in the vault.
 * It must not know: requests, replies, or that there is a network.
 * Reads best next: bank_server.c. */
#ifndef BANK_ACCOUNTS_H
#define BANK_ACCOUNTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <semel/status.h>

#include "vault.h"

enum {
    ACCOUNT_NAME_BYTES = 32, /* with the terminator; as bank.options says */
    ACCOUNTS_MAX = 1 << 20,  /* a client that invents names must not eat the memory */
};

struct account {
    char name[ACCOUNT_NAME_BYTES]; /* empty: a free slot */
    int64_t balance;               /* cents */
    int64_t limit;                 /* may be overdrawn so far */
};

struct accounts {
    struct account *slots;
    size_t size; /* a power of two */
    size_t used;
    int64_t opening;    /* balance of an account nobody used yet */
    struct vault vault; /* where they are kept if it is open; then the slots are not used */
};

/* The opening balance is in cents.  Returns false when out of memory. */
bool accounts_init(struct accounts *accounts, int64_t opening);
void accounts_fini(struct accounts *accounts);

/* In all of these: txn is the transaction of the vault to work in; NULL: one of its own, or there is no vault. */

/* The account as it is, or as it would be opened: looking changes nothing.  Errors: INTERNAL. */
enum semel_code accounts_look(const struct accounts *accounts, MDB_txn *txn, const char *name,
                              struct account *ret_account);

/* How much too little there is for taking this amount (more than 0); 0: it is there, INT64_MAX: so much or
 * more. */
int64_t accounts_missing(const struct account *account, int64_t amount);

/* Adds an amount (negative: takes it).  On failure nothing has changed, and *ret_why says why (static text).
 * Errors: INVALID_ARGUMENT (no name), OUT_OF_RANGE (more money than an int64 holds), FAILED_PRECONDITION (below the
 * limit), RESOURCE_EXHAUSTED (too many accounts, no memory). */
enum semel_code accounts_add(struct accounts *accounts, MDB_txn *txn, const char *name, int64_t amount,
                             int64_t *ret_balance, const char **ret_why);
/* Sets how far an account may be overdrawn.  Errors: INVALID_ARGUMENT (no name), RESOURCE_EXHAUSTED. */
enum semel_code accounts_set_limit(struct accounts *accounts, MDB_txn *txn, const char *name, int64_t limit,
                                   int64_t *ret_previous, const char **ret_why);

#endif
