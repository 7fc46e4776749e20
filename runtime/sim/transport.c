/* The transports of the runtime (net/transport.h) over simulated streams.  tcp://NAME:PORT reaches the host of that
 * name, tcp://NAME.net:PORT once its addresses were looked up; unix:PATH a listener of the same host.
 *
 * Reads best next: stream.h. */
#include "net/transport.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/sessions.h"
#include "sim/place.h"
#include "sim/stream.h"

static int32_t host_by_name(const char *name, size_t size)
{
    for (uint32_t i = 0; i < world->host_count; i++)
        if (strlen(world->hosts[i]->name) == size && memcmp(world->hosts[i]->name, name, size) == 0)
            return (int32_t)i;
    return PLACE_ANY;
}

void place_set(struct endpoint *endpoint, const struct place *place)
{
    memset(&endpoint->address, 0, sizeof endpoint->address);
    memcpy(&endpoint->address, place, sizeof *place);
    endpoint->address_size = sizeof *place;
}

/* Splits //HOST:PORT; false if it has not that shape. */
static bool split(const char *rest, size_t *ret_size, uint16_t *ret_port)
{
    const char *colon = strrchr(rest, ':');
    if (strncmp(rest, "//", 2) != 0 || colon == NULL || colon < rest + 2)
        return false;
    *ret_size = (size_t)(colon - rest) - 2;
    *ret_port = (uint16_t)strtoul(colon + 1, NULL, 10);
    return true;
}

static bool is_looked_up(const char *name, size_t size)
{
    return size > 4 && memcmp(name + size - 4, ".net", 4) == 0;
}

bool place_named(const char *uri, struct place *ret_place)
{
    const char *rest = uri + sizeof "tcp:" - 1;
    size_t size;
    *ret_place = (struct place){0};
    if (!split(rest, &size, &ret_place->port) || !is_looked_up(rest + 2, size))
        return false;
    ret_place->host = host_by_name(rest + 2, size - 4);
    return ret_place->host != PLACE_ANY;
}

static enum semel_reason resolve_tcp(const char *rest, struct endpoint *ret_endpoints, size_t max,
                                     size_t *ret_count, const char **ret_message)
{
    size_t size;
    struct place place = {0};
    assert(max > 0);
    if (!split(rest, &size, &place.port)) {
        *ret_message = "not of the form tcp://HOST:PORT";
        return SEMEL_REASON_BAD_ADDRESS;
    }
    place.host = host_by_name(rest + 2, size);
    bool any = (size == 7 && memcmp(rest + 2, "0.0.0.0", size) == 0) || (size == 1 && rest[2] == '*');
    if (place.host == PLACE_ANY && !any) {
        *ret_message = "no host of this name in the simulated world";
        return SEMEL_REASON_BAD_ADDRESS;
    }
    place_set(&ret_endpoints[0], &place);
    *ret_count = 1;
    return SEMEL_REASON_NONE;
}

static enum semel_reason parse_tcp(const char *rest, struct endpoint *ret_endpoint, const char **ret_message)
{
    size_t size;
    uint16_t port;
    size_t count;
    if (split(rest, &size, &port) && is_looked_up(rest + 2, size))
        return SEMEL_REASON_NONE; /* its addresses are found later, by names.c */
    return resolve_tcp(rest, ret_endpoint, 1, &count, ret_message);
}

/* A path is as good as a port: two that happen to share one show when the second is listened at. */
static enum semel_reason resolve_unix(const char *rest, struct endpoint *ret_endpoints, size_t max,
                                      size_t *ret_count, const char **ret_message)
{
    uint32_t hash = 2166136261u;
    (void)ret_message;
    assert(max > 0);
    for (const char *at = rest; *at != '\0'; at++)
        hash = (hash ^ (unsigned char)*at) * 16777619u;
    const struct place place = {.host = (int32_t)world->turn->host->index,
                                .port = (uint16_t)(40000 + hash % 20000)};
    place_set(&ret_endpoints[0], &place);
    *ret_count = 1;
    return SEMEL_REASON_NONE;
}

/* Nothing is promised of a datagram, so that there is nothing to judge. */
static enum semel_reason resolve_udp(const char *rest, struct endpoint *ret_endpoints, size_t max,
                                     size_t *ret_count, const char **ret_message)
{
    (void)rest;
    (void)ret_endpoints;
    (void)max;
    (void)ret_count;
    *ret_message = "the simulated world has no datagrams";
    return SEMEL_REASON_BAD_ADDRESS;
}

static struct place place_of(const struct endpoint *endpoint)
{
    struct place place;
    memcpy(&place, &endpoint->address, sizeof place);
    return place;
}

static int dial(const struct endpoint *endpoint, int *ret_fd)
{
    struct place place = place_of(endpoint);
    semel_sim_host *to = place.host == PLACE_ANY ? world->turn->host : world->hosts[place.host];
    return stream_dial(to, place.port, place.address, ret_fd);
}

static int listen_at(const struct endpoint *endpoint, int *ret_fd)
{
    return stream_listen(place_of(endpoint).port, ret_fd);
}

static void prepare(int fd)
{
    (void)fd;
}

static void local_text(int fd, const struct endpoint *endpoint, char *text, size_t size)
{
    if (strncmp(endpoint->text, "unix:", 5) == 0)
        snprintf(text, size, "%s", endpoint->text);
    else
        snprintf(text, size, "tcp://%s:%u", stream_of(fd)->host->name, stream_of(fd)->port);
}

static uint64_t subject(int fd)
{
    (void)fd;
    return SESSIONS_ANYONE;
}

static enum transport_pulse pulse(int fd, int64_t silence_ms)
{
    if (stream_is_unheard(fd, silence_ms))
        return TRANSPORT_PULSE_GONE;
    if (stream_is_full(fd))
        return TRANSPORT_PULSE_FULL;
    return stream_is_acknowledged(fd) ? TRANSPORT_PULSE_HEARS : TRANSPORT_PULSE_NONE;
}

#define STREAM_TRANSPORT(name, parser, resolver)                                                               \
    {                                                                                                          \
        .scheme = name, .parse = parser, .resolve = resolver, .dial = dial, .dialled = stream_dialled,         \
        .listen = listen_at, .accept = stream_accept, .prepare = prepare, .local_text = local_text,            \
        .subject = subject, .read = stream_read, .write = stream_write, .set_patience = stream_set_patience,   \
        .pulse = pulse, .under_way = stream_under_way, .close = stream_close,                                  \
    }

const struct transport transport_tcp = STREAM_TRANSPORT("tcp", parse_tcp, resolve_tcp);
const struct transport transport_unix = STREAM_TRANSPORT("unix", NULL, resolve_unix);
const struct transport transport_udp = {.scheme = "udp", .resolve = resolve_udp};
