/* A load: keeps a window of orders under way until all have ended, and records how each of them did.
 * It must not know: command lines, or how a call is retried.
 * Reads best next: load.c. */
#ifndef BANK_LOAD_H
#define BANK_LOAD_H

#include <ev.h>

#include <semel/semel.h>

#include "orders.h"
#include "results.h"
#include "tally.h"

struct load_settings {
    const struct order_kind *kind;
    uint64_t calls;
    uint64_t window;     /* orders under way at once */
    uint64_t rate;       /* at most so many starts a second on the average; 0: as many as the window allows */
    int64_t deadline_ms; /* SEMEL_DEADLINE_UNSET, SEMEL_DEADLINE_NONE, or milliseconds */
    uint64_t accounts;   /* spread over so many */
    uint64_t max_cents;  /* amounts are 1 to this */
    uint64_t announce;   /* print "completed K" at each multiple of it; 0: never */
    bool progress;       /* a line on stderr every second */
};

struct load;

/* Makes a load on an open channel.  settings, channel and results are borrowed until load_destroy.  NULL when out of
 * memory, or when the kernel gives no random bits. */
struct load *load_create(const struct load_settings *settings, semel_node *node, semel_channel *channel,
                         struct results *results);
/* All orders have ended, or the channel is closed. */
void load_destroy(struct load *load);

/* Runs the node until all orders have ended.  Returns false when it was interrupted (SIGINT, SIGTERM: what is under
 * way is still waited for), when results could not be written, or when calls outlived their deadline; stderr says. */
bool load_run(struct load *load);

const struct tally *load_tally(const struct load *load);
/* From the first start to the last end. */
int64_t load_elapsed_us(const struct load *load);

#endif
