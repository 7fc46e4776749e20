/* Orders to the bank: the five operations behind one form, so that a load of any of them is driven alike.
 * It must not know: how many orders there are, or what becomes of them.
 * Reads best next: load.h. */
#ifndef BANK_ORDERS_H
#define BANK_ORDERS_H

#include <semel/call.h>

struct order;
typedef void order_ended_fn(struct order *order, const semel_status *status);

/* One order under way.  It stays where it is from its start until it has ended. */
struct order {
    char op_id[17];
    uint64_t account; /* its number */
    int64_t cents;    /* an amount or a limit */
    int64_t missing;  /* once it has ended: so many cents were not there; 0: that was not the trouble */
    int64_t balance;  /* once a balance has ended well: in cents */
    order_ended_fn *ended;
};

/* Starts the asynchronous call; order->ended is called later, once, if this returns OK. */
typedef enum semel_code order_start_fn(semel_channel *channel, struct order *order,
                                       const semel_call_options *options);

struct order_kind {
    const char *name;
    order_start_fn *start;
};

/* For --op: the names, ended by NULL. */
extern const char *const order_names[];
/* NULL if there is no such kind. */
const struct order_kind *order_kind(const char *name);

#endif
