/* The five operations: fill the request, start the generated stub, take its typed callback.
 * It must not know: how many orders there are, or what becomes of them.
 * Reads best next: load.c. */
#include "orders.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "bank.semel.h"

static void ended(void *user, const semel_status *status)
{
    struct order *order = user;
    order->ended(order, status);
}

static void name_account(char *text, size_t size, uint64_t number)
{
    snprintf(text, size, "acct-%06" PRIu64, number);
}

static void deposit_done(const demo_DepositReply *reply, const semel_status *status, void *user)
{
    (void)reply;
    ended(user, status);
}

static enum semel_code deposit(semel_channel *channel, struct order *order, const semel_call_options *options)
{
    demo_DepositRequest in = {.amount = order->cents};
    memcpy(in.op_id, order->op_id, sizeof in.op_id);
    name_account(in.account, sizeof in.account, order->account);
    return demo_Bank_Deposit_start(channel, &in, options, NULL, deposit_done, order);
}

/* The error comes typed: no text has to be taken apart. */
static void withdraw_done(const demo_WithdrawReply *reply, const demo_Bank_Withdraw_error *error,
                          const semel_status *status, void *user)
{
    struct order *order = user;
    (void)reply;
    if (error != NULL && error->which == demo_Bank_Withdraw_error_InsufficientFunds)
        order->missing = error->as.InsufficientFunds.missing;
    ended(order, status);
}

static enum semel_code withdraw(semel_channel *channel, struct order *order, const semel_call_options *options)
{
    demo_WithdrawRequest in = {.amount = order->cents};
    memcpy(in.op_id, order->op_id, sizeof in.op_id);
    name_account(in.account, sizeof in.account, order->account);
    return demo_Bank_Withdraw_start(channel, &in, options, NULL, withdraw_done, order);
}

static void balance_done(const demo_BalanceReply *reply, const semel_status *status, void *user)
{
    struct order *order = user;
    if (reply != NULL)
        order->balance = reply->balance;
    ended(order, status);
}

static enum semel_code balance(semel_channel *channel, struct order *order, const semel_call_options *options)
{
    demo_BalanceRequest in = {0};
    memcpy(in.op_id, order->op_id, sizeof in.op_id);
    name_account(in.account, sizeof in.account, order->account);
    return demo_Bank_Balance_start(channel, &in, options, NULL, balance_done, order);
}

static void set_limit_done(const demo_SetLimitReply *reply, const semel_status *status, void *user)
{
    (void)reply;
    ended(user, status);
}

static enum semel_code set_limit(semel_channel *channel, struct order *order, const semel_call_options *options)
{
    demo_SetLimitRequest in = {.limit = order->cents};
    memcpy(in.op_id, order->op_id, sizeof in.op_id);
    name_account(in.account, sizeof in.account, order->account);
    return demo_Bank_SetLimit_start(channel, &in, options, NULL, set_limit_done, order);
}

/* Oneway: there is no reply to look at, but what became of it is told all the same. */
static void note_done(const semel_status *status, void *user)
{
    ended(user, status);
}

static enum semel_code note(semel_channel *channel, struct order *order, const semel_call_options *options)
{
    demo_NoteRequest in = {.text = "seen by bank-load"};
    memcpy(in.op_id, order->op_id, sizeof in.op_id);
    name_account(in.account, sizeof in.account, order->account);
    return demo_Bank_Note_start(channel, &in, options, NULL, note_done, order);
}

static const struct order_kind kinds[] = {
    {"deposit", deposit},     {"withdraw", withdraw}, {"balance", balance},
    {"set-limit", set_limit}, {"note", note},
};

const char *const order_names[] = {"deposit", "withdraw", "balance", "set-limit", "note", NULL};

const struct order_kind *order_kind(const char *name)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strcmp(kinds[i].name, name) == 0)
            return &kinds[i];
    return NULL;
}
