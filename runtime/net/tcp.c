/* The tcp transport: tcp://HOST:PORT, tcp://[IPv6]:PORT.
 *
 * Reads best next: transport.h. */
#include <arpa/inet.h>
#include <assert.h>
#include <linux/sockios.h>
#include <linux/tcp.h> /* not netinet/tcp.h: its tcp_info ends before the window */
#include <netdb.h>
#include <netinet/in.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "core/sessions.h"
#include "net/transport.h"

/* Of a name, between two dots (RFC 1035). */
enum { LABEL_MAX = 63 };

/* Splits //HOST:PORT; false if it has not that shape. */
static bool split(const char *rest, char *host, size_t host_size, char *port, size_t port_size)
{
    if (strncmp(rest, "//", 2) != 0)
        return false;
    rest += 2;
    const char *host_end = *rest == '[' ? strchr(rest, ']') : strchr(rest, ':');
    if (host_end == NULL)
        return false;
    const char *host_start = *rest == '[' ? rest + 1 : rest;
    const char *colon = *rest == '[' ? host_end + 1 : host_end;
    size_t host_length = (size_t)(host_end - host_start);
    if (*colon != ':' || host_length == 0 || host_length >= host_size)
        return false;
    const char *digits = colon + 1;
    size_t port_length = strspn(digits, "0123456789");
    if (port_length == 0 || port_length >= port_size || digits[port_length] != '\0' ||
        strtoul(digits, NULL, 10) > UINT16_MAX)
        return false; /* the resolver would wrap it around */
    memcpy(host, host_start, host_length);
    host[host_length] = '\0';
    memcpy(port, digits, port_length + 1);
    return true;
}

/* Whether host is made like the name of one (RFC 1123, and '_', which many names have).  Whoever mistypes an address is
 * not to wait for a name server to say so: no name ends in a number. */
static bool is_name(const char *host)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
    const char *label = host;
    for (;;) {
        size_t length = strspn(label, allowed);
        bool last = label[length] == '\0' || (label[length] == '.' && label[length + 1] == '\0');
        if (length == 0 || length > LABEL_MAX)
            return false;
        if (last)
            return strspn(label, "0123456789") < length;
        if (label[length] != '.')
            return false;
        label += length + 1;
    }
}

static enum semel_reason parse(const char *rest, struct endpoint *ret_endpoint, const char **ret_message)
{
    char host[SEMEL_ENDPOINT_TEXT_MAX];
    char port[6];
    if (!split(rest, host, sizeof host, port, sizeof port)) {
        *ret_message = "not of the form tcp://HOST:PORT";
        return SEMEL_REASON_BAD_ADDRESS;
    }
    struct addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV | AI_NUMERICHOST};
    struct addrinfo *found = NULL;
    if (getaddrinfo(host, port, &hints, &found) == 0) {
        memcpy(&ret_endpoint->address, found->ai_addr, found->ai_addrlen);
        ret_endpoint->address_size = found->ai_addrlen;
        freeaddrinfo(found);
        return SEMEL_REASON_NONE;
    }
    if (rest[2] != '[' && is_name(host))
        return SEMEL_REASON_NONE;
    *ret_message = "neither an address nor the name of a host";
    return SEMEL_REASON_BAD_ADDRESS;
}

static void host_of(const char *rest, char host[SEMEL_ENDPOINT_TEXT_MAX], uint16_t *ret_port)
{
    char port[6];
    bool parsed = split(rest, host, SEMEL_ENDPOINT_TEXT_MAX, port, sizeof port);
    assert(parsed);
    (void)parsed;
    *ret_port = (uint16_t)strtoul(port, NULL, 10);
}

enum semel_reason transport_inet_resolve(int type, const char *rest, struct endpoint *ret_endpoints, size_t max,
                                         size_t *ret_count, const char **ret_message)
{
    char host[SEMEL_ENDPOINT_TEXT_MAX];
    char port[6];
    if (!split(rest, host, sizeof host, port, sizeof port)) {
        *ret_message = type == SOCK_DGRAM ? "not of the form udp://HOST:PORT"
                                          : "not of the form tcp://HOST:PORT";
        return SEMEL_REASON_BAD_ADDRESS;
    }
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = type, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    int error = getaddrinfo(host, port, &hints, &found);
    if (error != 0) {
        *ret_message = gai_strerror(error);
        return SEMEL_REASON_BAD_ADDRESS;
    }
    size_t count = 0;
    for (const struct addrinfo *info = found; info != NULL && count < max; info = info->ai_next) {
        memset(&ret_endpoints[count], 0, sizeof ret_endpoints[count]);
        memcpy(&ret_endpoints[count].address, info->ai_addr, info->ai_addrlen);
        ret_endpoints[count++].address_size = info->ai_addrlen;
    }
    freeaddrinfo(found);
    *ret_count = count;
    return SEMEL_REASON_NONE;
}

static enum semel_reason resolve(const char *rest, struct endpoint *ret_endpoints, size_t max,
                                 size_t *ret_count, const char **ret_message)
{
    return transport_inet_resolve(SOCK_STREAM, rest, ret_endpoints, max, ret_count, ret_message);
}

static void prepare(int fd)
{
    /* Frames of a turn are coalesced by us; the kernel must not wait for more. */
    int on = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

/* Without it the kernel keeps at a peer that is gone for a quarter of an hour.  It counts from the oldest byte that is
 * not acknowledged, and also while a living peer has no room (RFC 5482; tcp_probe_timer in Linux). */
static void set_patience(int fd, int64_t patience_ms)
{
    unsigned int timeout = patience_ms < UINT_MAX ? (unsigned int)patience_ms : UINT_MAX;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout, sizeof timeout);
}

/* Linux answers probes of a closed window no oftener than each 500 ms (tcp_invalid_ratelimit), and they come after 200,
 * 400, 800 ms and so on: within this time a host that is there has answered one. */
enum { PROBE_ANSWER_MS = 3000 };

/* Bytes in flight, or a probe of a closed window that nobody has answered: the other host may be gone.  One probe may
 * be under way just now, long after the answer to the one before. */
static enum transport_pulse pulse(int fd, int64_t silence_ms)
{
    struct tcp_info info = {0};
    socklen_t size = sizeof info;
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0)
        return TRANSPORT_PULSE_NONE;
    bool unanswered = info.tcpi_probes > 1 && info.tcpi_last_ack_recv >= PROBE_ANSWER_MS;
    if ((info.tcpi_unacked > 0 || unanswered) && info.tcpi_last_ack_recv >= silence_ms)
        return TRANSPORT_PULSE_GONE;
    if (info.tcpi_unacked > 0 || info.tcpi_probes > 0)
        return TRANSPORT_PULSE_NONE;
    return info.tcpi_notsent_bytes > 0 ? TRANSPORT_PULSE_FULL : TRANSPORT_PULSE_HEARS;
}

static uint64_t under_way(int fd)
{
    int bytes = 0;
    return ioctl(fd, SIOCOUTQ, &bytes) == 0 && bytes > 0 ? (uint64_t)bytes : 0;
}

void transport_inet_text(const char *scheme, int fd, const struct endpoint *endpoint, char *text, size_t size)
{
    struct sockaddr_storage address;
    socklen_t address_size = sizeof address;
    char host[INET6_ADDRSTRLEN] = "?";
    if (getsockname(fd, (struct sockaddr *)&address, &address_size) != 0) {
        snprintf(text, size, "%s", endpoint->text);
        return;
    }
    if (address.ss_family == AF_INET6) {
        const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)&address;
        inet_ntop(AF_INET6, &six->sin6_addr, host, sizeof host);
        snprintf(text, size, "%s://[%s]:%u", scheme, host, ntohs(six->sin6_port));
    } else {
        const struct sockaddr_in *four = (const struct sockaddr_in *)&address;
        inet_ntop(AF_INET, &four->sin_addr, host, sizeof host);
        snprintf(text, size, "%s://%s:%u", scheme, host, ntohs(four->sin_port));
    }
}

static void local_text(int fd, const struct endpoint *endpoint, char *text, size_t size)
{
    transport_inet_text("tcp", fd, endpoint, text, size);
}

static uint64_t subject(int fd)
{
    (void)fd;
    return SESSIONS_ANYONE;
}

const struct transport transport_tcp = {
    .scheme = "tcp",
    .parse = parse,
    .host = host_of,
    .resolve = resolve,
    .dial = transport_socket_dial,
    .dialled = transport_socket_dialled,
    .listen = transport_socket_listen,
    .accept = transport_socket_accept,
    .prepare = prepare,
    .local_text = local_text,
    .subject = subject,
    .read = transport_socket_read,
    .write = transport_socket_write,
    .close = transport_socket_close,
    .set_patience = set_patience,
    .pulse = pulse,
    .under_way = under_way,
};
