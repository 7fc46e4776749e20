/* What generated code tells the runtime about a service: const tables, and two tiny typed trampolines a method.
 * Written by protoc-gen-semel; a person reads it to understand generated code, and seldom fills it by hand.
 *
 * Reads best next: a generated X.semel.h, then semel/call.h and semel/request.h. */
#ifndef SEMEL_SERVICE_H
#define SEMEL_SERVICE_H

#include <pb.h>
#include <semel/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Raised when the tables change shape, so that old generated code does not compile against a new runtime. */
#define SEMEL_SERVICE_VERSION 1

typedef struct semel_request semel_request;

/* From the standard method option idempotency_level; anything unmarked is at-most-once. */
enum semel_mode {
    SEMEL_AT_MOST_ONCE = 0,
    SEMEL_IDEMPOTENT = 1,
    SEMEL_NO_SIDE_EFFECTS = 2 /* idempotent, and safe to read anywhere */
};

/* The three philosophies when no server can be reached. */
enum semel_on_unavailable {
    SEMEL_ON_UNAVAILABLE_UNSET = 0,
    SEMEL_ON_UNAVAILABLE_WAIT = 1, /* until the server is back, up to the deadline; the last interval repeats */
    SEMEL_ON_UNAVAILABLE_FAIL = 2, /* use the retry policy, then report failure (the default) */
    SEMEL_ON_UNAVAILABLE_DROP = 3  /* best effort: never retried, the loss is counted */
};

/* Options of one method as written in the IDL (method option, else service option).  Unset fields leave the
 * decision to properties and built-in defaults. */
struct semel_method_options {
    int64_t
        deadline_ms; /* -1: unset, 0: none asked for, else milliseconds for the call with all its attempts */
    const uint32_t *retry_intervals_ms; /* waits before each retry; NULL unless retry_interval_count > 0 */
    int32_t retry_interval_count;       /* -1: unset, 0: no retry */
    enum semel_on_unavailable on_unavailable;
};

/* Calls the typed handler of one method.  Made by the generator: handlers is the user's struct of function
 * pointers, in and out are the nanopb structs of the method. */
typedef enum semel_code semel_dispatch_fn(const void *handlers, semel_request *request, void *in, void *out,
                                          void *user);

/* Calls the typed completion callback of one method; done is that callback with its type erased. */
typedef void semel_deliver_fn(void (*done)(void), const void *reply, const semel_status *status, void *user);

struct semel_method {
    const char *name; /* "demo.Bank.Deposit" */
    uint64_t id;      /* XXH3-64 of name; what travels on the wire */
    enum semel_mode mode;
    bool oneway;
    const pb_msgdesc_t *request_fields;
    const pb_msgdesc_t *reply_fields;
    size_t request_size; /* sizeof the nanopb structs */
    size_t reply_size;
    size_t handler_offset; /* of the slot in the handlers struct; a slot that holds NULL is not implemented */
    semel_dispatch_fn *dispatch;
    semel_deliver_fn *deliver;
    struct semel_method_options options;
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
