/* A call: one invocation of an operation.  Generated stubs are thin typed wrappers over the functions below.
 *
 * Every call ends exactly once, within its deadline (60 s unless another is asked for).  A callback never runs
 * inside the function that starts or cancels its call.
 *
 * Reads best next: a generated X.semel.h. */
#ifndef SEMEL_CALL_H
#define SEMEL_CALL_H

#include <semel/channel.h>
#include <semel/options.h>
#include <semel/service.h>
#include <semel/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Names one started call for semel_call_cancel.  A plain value: safe to keep after the call has ended. */
typedef struct semel_call {
    uint64_t seq;
} semel_call;

/* Starts a call; done (with its type erased) is called exactly once, later, on the node's thread, if and only if
 * this returns OK.  in is encoded before this returns: the caller keeps it.  options, ret_call, done may be NULL.
 * On the node's thread only.
 * Errors (not started, NOT_EXECUTED): INVALID_ARGUMENT (cannot be encoded, too large, bad option),
 * RESOURCE_EXHAUSTED (too many outstanding calls, no memory), UNAVAILABLE (channel closed), FAILED_PRECONDITION (the
 * channel is one for datagrams, and the method does not travel in any). */
enum semel_code semel_call_start(semel_channel *channel, const struct semel_method *method, const void *in,
                                 const semel_call_options *options, semel_call *ret_call, void (*done)(void),
                                 void *user);

/* Makes a call and waits for it.  On OK, *out holds the reply: release it with the generated ..._release.
 * Otherwise *out is empty and needs no release.  ret_error (may be NULL): the receipt of a method that declares errors,
 * a generated ..._error; when one arrived, it holds it (release it with ..._error_release), otherwise it says NONE.
 * options and ret_status may be NULL.
 * Any thread; drives the node if nobody runs it.
 * Errors: every code; FAILED_PRECONDITION with reason WRONG_THREAD inside a callback of the same node. */
enum semel_code semel_call_wait(semel_channel *channel, const struct semel_method *method, const void *in,
                                void *out, void *ret_error, const semel_call_options *options,
                                semel_status *ret_status);

/* Starts a oneway call nobody waits for.  If it is lost or refused afterwards, that is counted in the channel's
 * statistics and told to the function of semel_channel_on_loss.  Any thread.  Errors as semel_call_start. */
enum semel_code semel_call_send(semel_channel *channel, const struct semel_method *method, const void *in,
                                const semel_call_options *options);

typedef void semel_sent_fn(semel_call call, void *user);

/* Asks to be told when a call has been written: fn is called at most once over all its attempts, on the node's thread,
 * when the transport has taken the last byte of its request for the first time, and never inside the function that
 * starts the call.  A call that ends before that is not told of here, so that fn comes before done or not at all.
 * Written is not received: the bytes may still be lost, which is what the rules R3 to R5 are for.
 * Asked for in time between the start of the call and the next turn of the loop; a later fn takes the place of an
 * earlier one.  On the node's thread.
 * Errors: NOT_FOUND (it has ended, or was never started), FAILED_PRECONDITION (it was written already; fn will not be
 * called). */
enum semel_code semel_call_on_sent(semel_channel *channel, semel_call call, semel_sent_fn *fn, void *user);

/* Asks to end a call early.  Not yet written: it ends NOT_EXECUTED.  Written: the server is asked, and the call ends
 * with its answer, or UNKNOWN when the connection breaks.  The callback comes later, with CANCELLED or, when the
 * reply was faster, with the reply.  A call that has ended, or was never started, is left alone.
 * On the node's thread. */
void semel_call_cancel(semel_channel *channel, semel_call call);

/* Frees what nanopb allocated inside a message, and empties it.  Used by the generated ..._release helpers. */
void semel_message_release(const pb_msgdesc_t *fields, void *message);

/* Frees what nanopb allocated inside a receipt, and makes it say NONE.  Used by the generated ..._error_release. */
void semel_error_release(const struct semel_method *method, void *error);

#ifdef __cplusplus
}
#endif
#endif
