/* Opening a channel: what its properties say, and whom it may ask for names.
 *
 * Reads best next: channel.h; channel.c for its end. */
#include <stdlib.h>
#include <string.h>

#include "client/channel.h"
#include "client/datagram.h"
#include "config/properties.h"
#include "core/units.h"
#include "net/random.h"
#include "net/status.h"

/* Calls kept for the next ones; a peak beyond it goes back to the allocator. */
enum { SPARE_CALLS = 4096 };

static int64_t property(const semel_channel *channel, enum properties_key key)
{
    const struct properties_scope scope = {.channel = channel->name};
    return properties_get_int(channel->node->properties, &scope, key);
}

static void read_properties(semel_channel *channel)
{
    channel->idle.timeout_ns = property(channel, PROPERTIES_IDLE_TIMEOUT) * MS_IN_NS;
    channel->heartbeat_ms = property(channel, PROPERTIES_HEARTBEAT);
    channel->frame_limit = property(channel, PROPERTIES_FRAME_LIMIT);
    channel->connect_timeout_ns = property(channel, PROPERTIES_CONNECT_TIMEOUT) * MS_IN_NS;
    channel->slow_ns = property(channel, PROPERTIES_SLOW_READER_TIMEOUT) * MS_IN_NS;
    channel->trace_retry = property(channel, PROPERTIES_TRACE_RETRY);
    channel->policy_generation = properties_generation(channel->node->properties);
    budget_init(&channel->budget, (uint32_t)property(channel, PROPERTIES_RETRY_BUDGET_PERCENT),
                (uint32_t)property(channel, PROPERTIES_RETRY_BUDGET_FLOOR), node_now(channel->node));
}

static bool open_reconnector(semel_channel *channel, struct endpoint *endpoints, size_t count)
{
    struct reconnector_options options = {
        .selection = (enum properties_selection)property(channel, PROPERTIES_ENDPOINT_SELECTION),
        .backoff = {.initial_ms = (uint32_t)property(channel, PROPERTIES_RECONNECT_INITIAL),
                    .max_ms = (uint32_t)property(channel, PROPERTIES_RECONNECT_MAX),
                    .multiplier = 2,
                    .jitter = SEMEL_JITTER_EQUAL}};
    breaker_init(&options.breaker, (uint32_t)property(channel, PROPERTIES_BREAKER_FAILURES),
                 (uint32_t)property(channel, PROPERTIES_BREAKER_OPEN_TIME));
    return reconnector_init(&channel->reconnector, channel, endpoints, count, &options);
}

static bool open_datagrams(semel_channel *channel, const struct endpoint *endpoints, size_t count)
{
    if (endpoints->transport == NULL || endpoints->transport->datagrams == NULL)
        return true; /* streams, or another's connection */
    channel->datagrams = datagrams_create(channel, endpoints, count);
    return channel->datagrams != NULL;
}

semel_channel *channel_create(semel_node *node, const char *name, struct endpoint *endpoints, size_t count)
{
    semel_channel *channel = calloc(1, sizeof *channel);
    if (channel == NULL)
        return NULL;
    channel->node = node;
    channel->name = name != NULL ? strdup(name) : NULL;
    channel->member.close = channel_on_node_closes;
    channel->session = random_id();
    if ((name != NULL && channel->name == NULL) || !open_datagrams(channel, endpoints, count) ||
        !open_reconnector(channel, endpoints, count)) {
        datagrams_destroy(channel->datagrams);
        free(channel->name);
        free(channel);
        return NULL;
    }
    read_properties(channel);
    if (channel->datagrams != NULL)
        channel->frame_limit = LIMIT_DATAGRAM;
    outbox_init(&channel->outbox, (uint64_t)property(channel, PROPERTIES_MAX_OUTSTANDING));
    idle_init(channel);
    state_init(channel);
    recovery_init(channel);
    serving_init(channel);
    pool_init(&channel->calls, sizeof(struct call), SPARE_CALLS);
    pool_init(&channel->own_policies, sizeof(struct policy), SPARE_CALLS);
    return channel;
}

bool channel_revive(semel_channel *channel, const char *name)
{
    char *copy = name != NULL ? strdup(name) : NULL;
    if (name != NULL && copy == NULL)
        return false;
    free(channel->name);
    channel->name = copy;
    channel->closing = false;
    channel->loss = NULL;
    state_init(channel);
    channel->stats = (struct semel_channel_stats){0};
    channel_forget_policies(channel);
    read_properties(channel);
    node_add(channel->node, &channel->member);
    return true;
}

/* Host names need someone to ask.  false: no memory. */
static bool open_resolver(semel_node *node, const struct endpoint *endpoints, size_t count)
{
    size_t names = 0;
    for (size_t i = 0; i < count; i++)
        names += endpoints[i].address_size == 0;
    if (names == 0)
        return true;
    struct properties_snapshot *snapshot = properties_snapshot(node->properties);
    const char *servers = "";
    (void)snapshot_find_servers(snapshot, &servers);
    bool opened = node_need_resolver(node, servers);
    properties_snapshot_unref(snapshot);
    return opened;
}

static void connect_at_once(semel_channel *channel)
{
    channel->stays++;
    reconnector_wake(&channel->reconnector);
}

struct opening {
    semel_node *node;
    const char *name;
    struct endpoint *endpoints;
    size_t endpoint_count;
    semel_channel *channel;
};

static void open_now(void *arg)
{
    struct opening *opening = arg;
    if (!open_resolver(opening->node, opening->endpoints, opening->endpoint_count))
        return;
    semel_channel *channel = channel_create(opening->node, opening->name, opening->endpoints,
                                            opening->endpoint_count);
    opening->channel = channel;
    if (channel == NULL)
        return;
    if (channel->datagrams == NULL) /* nobody calls back without a connection */
        channel->member.lane = &channel->serving.lane;
    node_add(opening->node, &channel->member);
    if (channel->datagrams == NULL && property(channel, PROPERTIES_CONNECT) == PROPERTIES_CONNECT_EAGER)
        connect_at_once(channel);
}

bool channel_may_be_called(const char *name)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    if (name == NULL)
        return true;
    return name[0] != '\0' && name[strspn(name, allowed)] == '\0';
}

enum semel_code semel_channel_open(semel_node *node, const char *name, const char *endpoints,
                                   semel_channel **ret_channel, semel_status *ret_status)
{
    if (!channel_may_be_called(name))
        return status_set(ret_status, SEMEL_INVALID_ARGUMENT, SEMEL_REASON_BAD_ARGUMENT,
                          "channel name '%s': letters, digits, '_' and '-' only", name);
    struct opening opening = {.node = node, .name = name};
    enum semel_code code = endpoint_parse_list(endpoints, &opening.endpoints, &opening.endpoint_count,
                                               ret_status);
    if (code == SEMEL_OK && !datagrams_allow(opening.endpoints, opening.endpoint_count, ret_status)) {
        free(opening.endpoints);
        code = SEMEL_INVALID_ARGUMENT;
    }
    if (code != SEMEL_OK)
        return code;
    node_call(node, open_now, &opening);
    if (opening.channel == NULL) {
        free(opening.endpoints);
        return status_set(ret_status, SEMEL_RESOURCE_EXHAUSTED, SEMEL_REASON_NO_MEMORY, "out of memory");
    }
    *ret_channel = opening.channel;
    return SEMEL_OK;
}
