/* What generated code tells the runtime about a service: const tables, and two tiny typed trampolines a method.
 * Written by protoc-gen-semel; a person reads it to understand generated code, and seldom fills it by hand.
 *
 * Reads best next: a generated X.semel.h, then semel/call.h and semel/request.h. */
#ifndef SEMEL_SERVICE_H
#define SEMEL_SERVICE_H

#include <pb.h>
#include <semel/options.h>
#include <semel/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Raised when the tables change shape, so that old generated code does not compile against a new runtime. */
#define SEMEL_SERVICE_VERSION 3

typedef struct semel_request semel_request;

/* From the standard method option idempotency_level; anything unmarked is at-most-once. */
enum semel_mode {
    SEMEL_AT_MOST_ONCE = 0,
    SEMEL_IDEMPOTENT = 1,
    SEMEL_NO_SIDE_EFFECTS = 2 /* idempotent, and safe to read anywhere */
};

/* Calls the typed handler of one method.  Made by the generator: handlers is the user's struct of function
 * pointers, in and out are the nanopb structs of the method. */
typedef enum semel_code semel_dispatch_fn(const void *handlers, semel_request *request, void *in, void *out,
                                          void *user);

/* Calls the typed completion callback of one method; done is that callback with its type erased.  error: the typed
 * receipt (a generated ..._error), or NULL when no declared error arrived. */
typedef void semel_deliver_fn(void (*done)(void), const void *reply, const void *error,
                              const semel_status *status, void *user);

/* A message that a method may raise as an error. */
struct semel_error_type {
    const char *name; /* "demo.InsufficientFunds" */
    uint64_t id;      /* XXH3-64 of name; what travels on the wire */
    const pb_msgdesc_t *fields;
    size_t size; /* sizeof the nanopb struct */
    bool recursive;
};

struct semel_method {
    const char *name; /* "demo.Bank.Deposit" */
    uint64_t id;      /* XXH3-64 of name; what travels on the wire */
    enum semel_mode mode;
    bool oneway;
    bool
        request_recursive; /* it can hold a message of its own type: its depth is checked before it is decoded */
    bool reply_recursive;
    const pb_msgdesc_t *request_fields;
    const pb_msgdesc_t *reply_fields;
    size_t request_size; /* sizeof the nanopb structs */
    size_t reply_size;
    size_t handler_offset; /* of the slot in the handlers struct; a slot that holds NULL is not implemented */
    semel_dispatch_fn *dispatch;
    semel_deliver_fn *deliver;
    const struct semel_error_type *errors; /* those it may raise; NULL if error_count is 0 */
    uint32_t error_count;
    uint32_t error_offset; /* of the union in the receipt, whose first member tells which error it is: */
    size_t error_size;     /* 0: none, else 1 + the place in errors.  sizeof the receipt */
    const semel_call_options *options; /* what the IDL says; NULL: nothing */
    bool transactional; /* its handler runs within the transaction of the store: see semel/store.h */
};

struct semel_service {
    uint32_t version; /* SEMEL_SERVICE_VERSION */
    const char *name; /* "demo.Bank" */
    const struct semel_method *methods;
    size_t method_count;
};

#ifdef __cplusplus
}
#endif
#endif
