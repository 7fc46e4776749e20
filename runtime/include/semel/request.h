/* A request as a handler sees it.
 *
 * A handler gets the decoded request (in), an empty reply to fill (out), and returns
 *   SEMEL_OK or another code   the request is finished; out is sent with OK only
 *   SEMEL_PENDING              it will be finished later, from any thread, with the generated ..._reply or
 *                              semel_request_fail; in stays valid until then
 *   semel_request_refuse(...)  it was not executed and may be retried
 * in belongs to the request, but its pointer fields may be moved into out: set the field in in to NULL.
 *
 * Reads best next: semel/server.h. */
#ifndef SEMEL_REQUEST_H
#define SEMEL_REQUEST_H

#include <semel/service.h>
#include <semel/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Gives the failure a message for a person (printf style, cut at SEMEL_MESSAGE_MAX with "...") and returns code.
 * In a handler: return semel_request_error(request, SEMEL_NOT_FOUND, "no account %s", id);  On the node's thread. */
enum semel_code semel_request_error(semel_request *request, enum semel_code code, const char *format, ...)
#ifdef __GNUC__
    __attribute__((format(printf, 3, 4)))
#endif
    ;

/* Raises a declared error: keeps the encoded message and returns code, to be returned by the handler or handed to
 * semel_request_fail; a text given with semel_request_error goes with it.  The generated ..._raise_... wraps it.
 * error is encoded before this returns: the caller keeps it.  code: any but OK.  A request that ends with OK or is
 * refused after all forgets what was raised; raised twice, the later counts.  The thread that may finish the
 * request. What the method does not declare, and what cannot be encoded, is answered as a plain UNKNOWN or
 * INTERNAL with a text. */
enum semel_code semel_request_raise(semel_request *request, enum semel_code code,
                                    const struct semel_error_type *type, const void *error);

/* For semel_request_refuse: the client should not try again; waiting would not help. */
#define SEMEL_RETRY_NEVER UINT32_MAX

/* Refuses: promises that nothing was done.  The client may retry after delay_ms (0: no wish, its own wait holds;
 * SEMEL_RETRY_NEVER: not at all), at another replica if elsewhere.  Returns SEMEL_REFUSED, to be returned by the
 * handler.  On the node's thread, inside the handler. */
enum semel_code semel_request_refuse(semel_request *request, uint32_t delay_ms, bool elsewhere);

/* Finishes a pending request with OK and a reply (encoded before this returns; the caller keeps it; NULL: of a
 * oneway).  Exactly one of these two, exactly once; request is invalid afterwards.  Any thread.  The generated
 * ..._reply wraps it. */
void semel_request_finish(semel_request *request, const void *reply);
/* Finishes a pending request with a code other than OK (asserted) and a message (may be NULL).  With a declared
 * error: semel_request_fail(request, demo_Bank_Withdraw_raise_InsufficientFunds(request, code, &error), NULL); */
void semel_request_fail(semel_request *request, enum semel_code code, const char *message);

/* The method that is being called. */
const struct semel_method *semel_request_method(const semel_request *request);
/* Milliseconds the client still waits; -1: no deadline; 0: it has given up.  On the node's thread. */
int64_t semel_request_deadline_ms(const semel_request *request);
/* Whether the client has cancelled it or its session has gone: a hint to stop early.  Any thread. */
bool semel_request_cancelled(const semel_request *request);

#ifdef __cplusplus
}
#endif
#endif
