/* The clock of idleness.  It is not wound up for every call: it looks, when it runs out, since when nothing was asked
 * for.
 *
 * Reads best next: idle.h. */
#include "client/idle.h"

#include <stddef.h>

#include "client/channel.h"

/* Whether the connection could be left now.  Recovery may be at work without a call of its own, and a channel that
 * stays is used from the other side, or was asked to be connected before it is needed. */
static bool may_leave(const semel_channel *channel)
{
    return channel->connection != 0 && !channel->parting && channel->outbox.count == 0 && channel->stays == 0 &&
           channel->recovery.state == RECOVERY_IDLE;
}

static void look_again(semel_channel *channel, int64_t due_ns)
{
    /* Without memory for the timer the connection lives on until a later call ends: a cost, no loss. */
    (void)loop_timer_start(channel_loop(channel), &channel->idle.timer, due_ns);
}

/* In good order: BYE tells the server the ack floor, so that it keeps no reply; it is the one to close. */
static void leave(semel_channel *channel)
{
    channel_part(channel);
    channel->idling = channel->parting;
}

static void on_timer(struct timer *timer)
{
    semel_channel *channel = container_of(container_of(timer, struct idle, timer), semel_channel, idle);
    int64_t now_ns = node_now(channel->node);
    int64_t due_ns = channel->idle.since_ns + channel->idle.timeout_ns;
    if (channel->connection == 0 || channel->outbox.count > 0)
        return; /* the next call to end, or the next connection, begins it anew */
    if (due_ns > now_ns)
        look_again(channel, due_ns);
    else if (may_leave(channel))
        leave(channel);
    else
        look_again(channel, now_ns + channel->idle.timeout_ns);
}

void idle_init(semel_channel *channel)
{
    timer_init(&channel->idle.timer, on_timer);
}

void idle_stop(semel_channel *channel)
{
    loop_timer_stop(channel_loop(channel), &channel->idle.timer);
}

void idle_begin(semel_channel *channel)
{
    struct idle *idle = &channel->idle;
    if (idle->timeout_ns == 0 || channel->connection == 0)
        return;
    idle->since_ns = node_now(channel->node);
    if (!timer_running(&idle->timer))
        look_again(channel, idle->since_ns + idle->timeout_ns);
}

void idle_over(semel_channel *channel)
{
    if (channel->idling)
        wire_fail(channel->wire, SEMEL_REASON_IDLE, 0);
}
