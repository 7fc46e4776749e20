/* Channels beside a channel: to the same endpoints in another order, for further attempts of its calls.
 *
 * Reads best next: hedge.h. */
#include <stdlib.h>

#include "client/channel.h"

/* A channel to the same endpoints that begins with this one. */
static semel_channel *open_beside(semel_channel *channel, size_t first)
{
    size_t count = channel->reconnector.endpoint_count;
    struct endpoint *endpoints = malloc(count * sizeof *endpoints);
    if (endpoints == NULL)
        return NULL;
    for (size_t i = 0; i < count; i++)
        endpoints[i] = channel->reconnector.endpoints[(first + i) % count];
    semel_channel *beside = channel_create(channel->node, channel->name, endpoints, count);
    if (beside == NULL) {
        free(endpoints);
        return NULL;
    }
    beside->is_beside = true;
    return beside;
}

semel_channel *channel_beside(semel_channel *channel, uint32_t n)
{
    const struct reconnector *reconnector = &channel->reconnector;
    size_t count = reconnector->endpoint_count;
    if (count == 1)
        return channel;
    if (channel->beside == NULL)
        channel->beside = calloc(count, sizeof(semel_channel *));
    if (channel->beside == NULL)
        return NULL;
    size_t at = (reconnector->present + 1 + n % (count - 1)) % count;
    if (channel->beside[at] == NULL)
        channel->beside[at] = open_beside(channel, at);
    return channel->beside[at];
}
