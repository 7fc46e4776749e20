/* The accounts: open addressing, linear probing, at most half full.
 * It must not know: requests, replies, or that there is a network.
 * Reads best next: bank_server.c. */
#include "accounts.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_SIZE = 64 };

bool accounts_init(struct accounts *accounts, int64_t opening)
{
    *accounts = (struct accounts){.size = FIRST_SIZE, .opening = opening};
    accounts->slots = calloc(FIRST_SIZE, sizeof *accounts->slots);
    return accounts->slots != NULL;
}

void accounts_fini(struct accounts *accounts)
{
    free(accounts->slots);
    *accounts = (struct accounts){0};
}

/* FNV-1a: account names are short. */
static size_t hash(const char *name)
{
    uint64_t sum = 0xcbf29ce484222325u;
    for (const char *c = name; *c != '\0'; c++)
        sum = (sum ^ (unsigned char)*c) * 0x100000001b3u;
    return (size_t)(sum ^ (sum >> 32));
}

/* The slot that holds the name, or the free one where it belongs. */
static struct account *find(const struct accounts *accounts, const char *name)
{
    assert(accounts->used < accounts->size);
    size_t index = hash(name);
    for (;; index++) {
        struct account *slot = &accounts->slots[index & (accounts->size - 1)];
        if (slot->name[0] == '\0' || strcmp(slot->name, name) == 0)
            return slot;
    }
}

static bool grow(struct accounts *accounts)
{
    struct accounts bigger = *accounts;
    bigger.size = accounts->size * 2;
    bigger.slots = calloc(bigger.size, sizeof *bigger.slots);
    if (bigger.slots == NULL)
        return false;
    for (size_t i = 0; i < accounts->size; i++)
        if (accounts->slots[i].name[0] != '\0')
            *find(&bigger, accounts->slots[i].name) = accounts->slots[i];
    free(accounts->slots);
    *accounts = bigger;
    return true;
}

/* Finds an account or opens it.  NULL when it cannot be opened. */
static struct account *open_account(struct accounts *accounts, const char *name)
{
    struct account *account = find(accounts, name);
    if (account->name[0] != '\0')
        return account;
    if (accounts->used == ACCOUNTS_MAX || (accounts->used * 2 >= accounts->size && !grow(accounts)))
        return NULL;
    account = find(accounts, name);
    snprintf(account->name, sizeof account->name, "%s", name);
    account->balance = accounts->opening;
    accounts->used++;
    return account;
}

/* As it would be opened. */
static struct account new_account(const struct accounts *accounts, const char *name)
{
    struct account account = {.balance = accounts->opening};
    snprintf(account.name, sizeof account.name, "%s", name);
    return account;
}

enum semel_code accounts_look(const struct accounts *accounts, MDB_txn *txn, const char *name,
                              struct account *ret_account)
{
    *ret_account = new_account(accounts, name);
    if (accounts->vault.env != NULL) {
        enum semel_code code = vault_get(&accounts->vault, txn, name, ret_account);
        return code == SEMEL_NOT_FOUND ? SEMEL_OK : code;
    }
    const struct account *slot = find(accounts, name);
    if (slot->name[0] != '\0')
        *ret_account = *slot;
    return SEMEL_OK;
}

int64_t accounts_missing(const struct account *account, int64_t amount)
{
    int64_t balance;
    int64_t missing;
    if (__builtin_sub_overflow(account->balance, amount, &balance) ||
        __builtin_sub_overflow(-account->limit, balance, &missing))
        return INT64_MAX;
    return missing > 0 ? missing : 0;
}

static enum semel_code fail(const char **ret_why, enum semel_code code, const char *why)
{
    *ret_why = why;
    return code;
}

/* Keeps an account as it is now. */
static enum semel_code keep(struct accounts *accounts, MDB_txn *txn, const struct account *account,
                            const char **ret_why)
{
    if (accounts->vault.env != NULL) {
        enum semel_code code = vault_put(&accounts->vault, txn, account);
        return code == SEMEL_OK ? SEMEL_OK : fail(ret_why, code, "the vault takes nothing");
    }
    struct account *slot = open_account(accounts, account->name);
    if (slot == NULL)
        return fail(ret_why, SEMEL_RESOURCE_EXHAUSTED, "the bank has no room for another account");
    *slot = *account;
    return SEMEL_OK;
}

enum semel_code accounts_add(struct accounts *accounts, MDB_txn *txn, const char *name, int64_t amount,
                             int64_t *ret_balance, const char **ret_why)
{
    struct account now;
    if (name[0] == '\0')
        return fail(ret_why, SEMEL_INVALID_ARGUMENT, "the account has no name");
    if (accounts_look(accounts, txn, name, &now) != SEMEL_OK)
        return fail(ret_why, SEMEL_INTERNAL, "the vault cannot be read");
    int64_t balance;
    if (__builtin_add_overflow(now.balance, amount, &balance))
        return fail(ret_why, SEMEL_OUT_OF_RANGE, "more money than an account can hold");
    if (amount < 0 && accounts_missing(&now, -amount) > 0)
        return fail(ret_why, SEMEL_FAILED_PRECONDITION, "insufficient funds");
    *ret_balance = now.balance = balance;
    return keep(accounts, txn, &now, ret_why);
}

enum semel_code accounts_set_limit(struct accounts *accounts, MDB_txn *txn, const char *name, int64_t limit,
                                   int64_t *ret_previous, const char **ret_why)
{
    struct account now;
    if (name[0] == '\0')
        return fail(ret_why, SEMEL_INVALID_ARGUMENT, "the account has no name");
    if (accounts_look(accounts, txn, name, &now) != SEMEL_OK)
        return fail(ret_why, SEMEL_INTERNAL, "the vault cannot be read");
    *ret_previous = now.limit;
    now.limit = limit;
    return keep(accounts, txn, &now, ret_why);
}
