/* Waiting for silence.
 *
 * Reads best next: flush.h. */
#include "client/flush.h"

#include <stddef.h>

#include "client/channel.h"
#include "core/units.h"

struct channel_flush {
    struct channel_flush *next;
    struct node_waiter waiter;
    struct timer timeout;
    semel_channel *channel;
    int64_t timeout_ms;
    bool silent;
};

static void end_flush(struct channel_flush *flush, bool silent)
{
    struct channel_flush **link = &flush->channel->flushes;
    while (*link != flush)
        link = &(*link)->next;
    *link = flush->next;
    loop_timer_stop(channel_loop(flush->channel), &flush->timeout);
    flush->silent = silent;
    node_waiter_done(flush->channel->node, &flush->waiter);
}

static void on_flush_timeout(struct timer *timer)
{
    end_flush(container_of(timer, struct channel_flush, timeout), false);
}

static void start_flush(void *arg)
{
    struct channel_flush *flush = arg;
    semel_channel *channel = flush->channel;
    flush->next = channel->flushes;
    channel->flushes = flush;
    timer_init(&flush->timeout, on_flush_timeout);
    int64_t due_ns = node_now(channel->node) + flush->timeout_ms * MS_IN_NS;
    if (channel->outbox.count == 0)
        end_flush(flush, true);
    else if (!loop_timer_start(channel_loop(channel), &flush->timeout, due_ns))
        end_flush(flush, false);
}

enum semel_code semel_channel_flush(semel_channel *channel, int64_t timeout_ms)
{
    struct channel_flush flush = {.channel = channel, .timeout_ms = timeout_ms};
    if (!node_wait(channel->node, &flush.waiter, start_flush, &flush))
        return SEMEL_FAILED_PRECONDITION;
    return flush.silent ? SEMEL_OK : SEMEL_DEADLINE_EXCEEDED;
}

void flush_end(semel_channel *channel)
{
    while (channel->flushes != NULL)
        end_flush(channel->flushes, true);
}
