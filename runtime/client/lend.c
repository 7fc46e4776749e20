/* What calls borrow from their channel: policies, and room for a reply.
 *
 * Reads best next: channel.h, policy.h. */
#include <stdlib.h>

#include "client/channel.h"
#include "config/properties.h"

void channel_forget_policies(semel_channel *channel)
{
    for (size_t i = 0; i < channel->policy_count; i++)
        policy_unref(channel->policies[i].policy);
    channel->policy_count = 0;
    channel->last_method = NULL;
}

static struct policy *add_policy(semel_channel *channel, const struct semel_method *method)
{
    struct policy_entry *grown = realloc(channel->policies, (channel->policy_count + 1) * sizeof *grown);
    if (grown == NULL)
        return NULL;
    channel->policies = grown;
    struct policy *policy = policy_resolve(channel->node->properties, channel->name, method);
    if (policy != NULL)
        grown[channel->policy_count++] = (struct policy_entry){method, policy};
    return policy;
}

struct policy *channel_policy(semel_channel *channel, const struct semel_method *method)
{
    uint64_t generation = properties_generation(channel->node->properties);
    if (generation != channel->policy_generation) {
        channel_forget_policies(channel);
        channel->policy_generation = generation;
    }
    if (channel->last_method == method)
        return channel->last_policy;
    size_t i = 0;
    while (i < channel->policy_count && channel->policies[i].method != method)
        i++;
    struct policy *policy = i < channel->policy_count ? channel->policies[i].policy
                                                      : add_policy(channel, method);
    if (policy != NULL) {
        channel->last_method = method;
        channel->last_policy = policy;
    }
    return policy;
}

struct policy *channel_once_policy(semel_channel *channel)
{
    if (channel->once_policy == NULL)
        channel->once_policy = policy_once();
    return channel->once_policy;
}

bool channel_takes(const semel_channel *channel, size_t frame_size)
{
    return channel->connection == 0 || frame_size <= channel->wire->link.frame_limit;
}

void *channel_reply_scratch(semel_channel *channel, size_t size)
{
    if (size <= channel->reply_scratch_size)
        return channel->reply_scratch;
    void *grown = malloc(size);
    if (grown == NULL)
        return NULL;
    free(channel->reply_scratch);
    channel->reply_scratch = grown;
    channel->reply_scratch_size = size;
    return grown;
}
