/* Recovery: what an application has to do on a new connection before its calls go on: log in again, reopen, seek,
 * subscribe.
 *
 * One function may be attached to a channel, for all its users.  It runs on every WELCOME but the channel's first
 * one (nothing is to be recovered then), and again for a connection that breaks before it has ended.  While it is
 * under way, only calls that it makes go out: those started inside the function, or inside the callback of such a
 * call.  All others wait for it, each no longer than to its deadline.
 *
 * A call of its own that has no place in the server's window, because those that wait for it fill that, could never go
 * out, and is refused at once (RESOURCE_EXHAUSTED).  Every 16th place is kept for such calls: a Window of 32 or more is
 * what a recovery needs that makes one or two.
 *
 * Its calls belong to their connection: when that is lost, they end (R11, outcome by progress) and the next WELCOME
 * begins another run.  No failed call begins one, so that recovery does not recurse.
 *
 * Further attempts (HedgeDelay) that go to other endpoints have sessions of their own, and are not recovered: do not
 * hedge what needs a state on the server.
 *
 * What the server calls back (semel/peer.h) is not held: it runs while a recovery is under way, which may need it.
 *
 * Reads best next: examples/remote-file. */
#ifndef SEMEL_RECOVERY_H
#define SEMEL_RECOVERY_H

#include <semel/channel.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One run.  Owned by the application from the call of its function until it ends the run; the channel frees those
 * that are left when it is closed. */
typedef struct semel_recovery semel_recovery;

/* Called on the node's thread.  It must not wait: it starts asynchronous calls and returns.  The run must be ended by
 * exactly one call of semel_recovery_continue or semel_recovery_give_up, in here or later, on the node's thread.
 * A run that is never ended holds the others back until their deadlines, or until the connection is lost. */
typedef void semel_recovery_fn(semel_recovery *recovery, void *user);

/* Attaches a function in place of the one before; NULL detaches.  user is borrowed until it is replaced and every run
 * that was given it has ended.  A run under way goes on.  Best done before the first call: no place in the window is
 * kept among calls that were started earlier.  Any thread. */
void semel_channel_attach_recovery(semel_channel *channel, semel_recovery_fn *fn, void *user);

/* Whether the server still knows the session (RESUMED in the same domain): written calls will be replayed.
 * Otherwise it is NEW to it, and what it kept for this client is gone. */
bool semel_recovery_resumed(const semel_recovery *recovery);

/* The channel that is recovered. */
semel_channel *semel_recovery_channel(const semel_recovery *recovery);

/* Ends the run and frees it: the calls that waited go on, with the end of this turn of the loop.  If its connection
 * has been lost or is being left, it is only freed. */
void semel_recovery_continue(semel_recovery *recovery);

/* Ends the run and frees it: the calls that wait fail with the end of this turn (R11, UNAVAILABLE, outcome by
 * progress).  Their reason is that of their latest failed attempt, or RECOVERY_GAVE_UP if none has failed.  The
 * connection stays, unrecovered, for new calls.  If it has been lost or is being left, the run is only freed. */
void semel_recovery_give_up(semel_recovery *recovery);

/* Suspended: WELCOME begins no run, and calls go on without.  A run under way goes on.  Any thread. */
void semel_channel_suspend_recovery(semel_channel *channel);
void semel_channel_enable_recovery(semel_channel *channel);

/* Runs begun since the channel was opened or the count reset.  Any thread. */
uint64_t semel_channel_recoveries(const semel_channel *channel);

/* After this many runs the next one gives up by itself; 0: no limit.  Any thread. */
void semel_channel_limit_recoveries(semel_channel *channel, uint64_t most);

/* Counts from 0 again.  Any thread. */
void semel_channel_reset_recoveries(semel_channel *channel);

#ifdef __cplusplus
}
#endif
#endif
