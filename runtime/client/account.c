/* What a channel tells of itself: its counters, and its lost oneways.
 *
 * Reads best next: semel/channel.h. */
#include "client/channel.h"

struct listening {
    semel_channel *channel;
    semel_loss_fn *fn;
    void *user;
};

static void listen_now(void *arg)
{
    const struct listening *listening = arg;
    listening->channel->loss = listening->fn;
    listening->channel->loss_user = listening->user;
}

void semel_channel_on_loss(semel_channel *channel, semel_loss_fn *fn, void *user)
{
    struct listening listening = {channel, fn, user};
    node_call(channel->node, listen_now, &listening);
}

struct asking {
    const semel_channel *channel;
    struct semel_channel_stats *ret_stats;
};

static void add_traffic(const semel_channel *channel, struct semel_channel_stats *stats)
{
    stats->bytes_in += channel->counters.bytes_in;
    stats->bytes_out += channel->counters.bytes_out;
    stats->frames_in += channel->counters.frames_in;
    stats->frames_out += channel->counters.frames_out;
    stats->reads += channel->counters.reads;
    stats->writes += channel->counters.writes;
}

static void get_stats(void *arg)
{
    const struct asking *asking = arg;
    const semel_channel *channel = asking->channel;
    struct semel_channel_stats *stats = asking->ret_stats;
    *stats = channel->stats;
    stats->outstanding = channel->outbox.count;
    add_traffic(channel, stats);
    for (size_t i = 0; channel->beside != NULL && i < channel->reconnector.endpoint_count; i++)
        if (channel->beside[i] != NULL)
            add_traffic(channel->beside[i], stats);
}

void semel_channel_get_stats(const semel_channel *channel, struct semel_channel_stats *ret_stats)
{
    struct asking asking = {channel, ret_stats};
    node_call(channel->node, get_stats, &asking);
}
