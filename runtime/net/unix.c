/* The unix transport: unix:PATH, and unix:@NAME for the abstract name space.  It knows the user on the other side.
 *
 * Reads best next: transport.h. */
#include <assert.h>
#include <errno.h>
#include <linux/sockios.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/sessions.h"
#include "net/transport.h"

static enum semel_reason parse(const char *rest, struct endpoint *ret_endpoint, const char **ret_message)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(rest);
    if (length == 0 || length >= sizeof address.sun_path) {
        *ret_message = "the path is empty or longer than 107 bytes";
        return SEMEL_REASON_BAD_ADDRESS;
    }
    memcpy(address.sun_path, rest, length);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
    if (rest[0] == '@')
        address.sun_path[0] = '\0';
    else
        size++; /* the terminator belongs to a path, not to an abstract name */
    memcpy(&ret_endpoint->address, &address, sizeof address);
    ret_endpoint->address_size = size;
    return SEMEL_REASON_NONE;
}

static enum semel_reason resolve(const char *rest, struct endpoint *ret_endpoints, size_t max,
                                 size_t *ret_count, const char **ret_message)
{
    assert(max > 0);
    memset(&ret_endpoints[0], 0, sizeof ret_endpoints[0]);
    *ret_count = 1;
    return parse(rest, &ret_endpoints[0], ret_message);
}

static bool is_path(const struct endpoint *endpoint)
{
    return ((const struct sockaddr_un *)&endpoint->address)->sun_path[0] != '\0';
}

/* Whether a socket file is left over from a server that is gone: nobody accepts there.  Nothing but a socket is ever
 * taken for one. */
static bool is_stale(const struct endpoint *endpoint)
{
    struct stat file;
    if (lstat(((const struct sockaddr_un *)&endpoint->address)->sun_path, &file) != 0 ||
        !S_ISSOCK(file.st_mode))
        return false;
    int fd = -1;
    int error = transport_socket_dial(endpoint, &fd);
    if (error == 0)
        close(fd);
    return error == ECONNREFUSED;
}

static int listen_at(const struct endpoint *endpoint, int *ret_fd)
{
    int error = transport_socket_listen(endpoint, ret_fd);
    if (error != EADDRINUSE || !is_path(endpoint) || !is_stale(endpoint))
        return error;
    if (unlink(((const struct sockaddr_un *)&endpoint->address)->sun_path) != 0)
        return error;
    return transport_socket_listen(endpoint, ret_fd);
}

static void prepare(int fd)
{
    (void)fd;
}

static void local_text(int fd, const struct endpoint *endpoint, char *text, size_t size)
{
    (void)fd;
    snprintf(text, size, "%s", endpoint->text);
}

static uint64_t subject(int fd)
{
    struct ucred peer;
    socklen_t size = sizeof peer;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
        return SESSIONS_ANYONE;
    return peer.uid;
}

/* The other host is this one, and a process that is gone has closed its end; what it has not read counts as ours. */
static enum transport_pulse pulse(int fd, int64_t silence_ms)
{
    (void)silence_ms;
    int unread = 0;
    if (ioctl(fd, SIOCOUTQ, &unread) != 0)
        return TRANSPORT_PULSE_NONE;
    return unread > 0 ? TRANSPORT_PULSE_FULL : TRANSPORT_PULSE_HEARS;
}

static void forget(const struct endpoint *endpoint)
{
    if (is_path(endpoint))
        (void)unlink(((const struct sockaddr_un *)&endpoint->address)->sun_path);
}

const struct transport transport_unix = {
    .scheme = "unix",
    .parse = parse,
    .resolve = resolve,
    .dial = transport_socket_dial,
    .dialled = transport_socket_dialled,
    .listen = listen_at,
    .accept = transport_socket_accept,
    .prepare = prepare,
    .local_text = local_text,
    .subject = subject,
    .forget = forget,
    .read = transport_socket_read,
    .write = transport_socket_write,
    .close = transport_socket_close,
    .pulse = pulse,
};
