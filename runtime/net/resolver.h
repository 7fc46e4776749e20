/* The resolver: host names to addresses, without blocking the loop.  /etc/hosts is read first, then name servers are
 * asked for both families at once.  Nothing is kept: every look-up asks anew, so that a name that moved is followed.
 *
 * The only place that knows c-ares.  It must not know channels.  Reads best next: resolver.c, client/round.c. */
#ifndef NET_RESOLVER_H
#define NET_RESOLVER_H

#include "net/loop.h"
#include "net/transport.h"

struct resolver;
struct lookup;

/* servers: "127.0.0.1:5353 [::1]:53", addresses separated by blanks, copied; "": those of the system, which are read
 * anew after they could not be reached.  NULL: no memory. */
struct resolver *resolver_create(struct loop *loop, const char *servers);
/* Every look-up must have ended or been cancelled.  Accepts NULL. */
void resolver_destroy(struct resolver *resolver);

/* What became of a look-up. */
struct lookup_result {
    const struct endpoint *addresses; /* in the order of dialling; borrowed during the call */
    size_t count;                     /* at most LIMIT_ADDRESSES; 0: it has failed */
    int os_error;                     /* then, ETIMEDOUT if it took too long, else 0 */
    const char *text;                 /* then, what was wrong; static */
};

typedef void lookup_fn(const struct lookup_result *result, void *owner);

/* Looks up the host of an endpoint, which is copied into each result.  done is told once, later, never inside this
 * function, and the look-up is gone by then.  NULL: no memory. */
struct lookup *lookup_begin(struct resolver *resolver, const struct endpoint *endpoint, int64_t timeout_ns,
                            lookup_fn *done, void *owner);
/* Gives it up: done is not told.  Accepts NULL. */
void lookup_cancel(struct lookup *lookup);

#endif
