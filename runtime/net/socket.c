/* What stream sockets of all families share.
 *
 * Reads best next: transport.h. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "net/transport.h"

/* Connections the kernel may hold for us until we accept them. */
enum { BACKLOG = 1024 };

int transport_socket(int family, int *ret_fd)
{
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return errno;
    *ret_fd = fd;
    return 0;
}

bool transport_socket_is_loop(int fd)
{
    struct sockaddr_storage own;
    struct sockaddr_storage peer;
    socklen_t own_size = sizeof own;
    socklen_t peer_size = sizeof peer;
    if (getsockname(fd, (struct sockaddr *)&own, &own_size) != 0 ||
        getpeername(fd, (struct sockaddr *)&peer, &peer_size) != 0)
        return false;
    return (own.ss_family == AF_INET || own.ss_family == AF_INET6) && own_size == peer_size &&
           memcmp(&own, &peer, own_size) == 0;
}

int transport_socket_dial(const struct endpoint *endpoint, int *ret_fd)
{
    int fd = -1;
    int error = transport_socket(endpoint->address.ss_family, &fd);
    if (error != 0)
        return error;
    if (connect(fd, (const struct sockaddr *)&endpoint->address, endpoint->address_size) != 0 &&
        errno != EINPROGRESS) {
        error = errno;
        close(fd);
        return error;
    }
    *ret_fd = fd;
    return 0;
}

int transport_socket_dialled(int fd)
{
    int error = 0;
    socklen_t size = sizeof error;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
        return errno;
    if (error == 0 && transport_socket_is_loop(fd))
        return ECONNREFUSED; /* and the port is given back to the server that will want it */
    return error;
}

int transport_socket_listen(const struct endpoint *endpoint, int *ret_fd)
{
    int fd = -1;
    int error = transport_socket(endpoint->address.ss_family, &fd);
    if (error != 0)
        return error;
    /* A restarted server must get its port back at once. */
    int on = 1;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (const struct sockaddr *)&endpoint->address, endpoint->address_size) != 0 ||
        listen(fd, BACKLOG) != 0) {
        error = errno;
        close(fd);
        return error;
    }
    *ret_fd = fd;
    return 0;
}

int transport_socket_accept(int listener, int *ret_fd)
{
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0)
        return errno;
    *ret_fd = fd;
    return 0;
}

void transport_socket_close(int fd)
{
    (void)close(fd);
}

ssize_t transport_socket_read(int fd, void *into, size_t size)
{
    return recv(fd, into, size, 0);
}

ssize_t transport_socket_write(int fd, const struct iovec *parts, size_t count)
{
    if (count == 1)
        return send(fd, parts->iov_base, parts->iov_len, MSG_NOSIGNAL);
    struct msghdr message = {.msg_iov = (struct iovec *)parts, .msg_iovlen = count};
    return sendmsg(fd, &message, MSG_NOSIGNAL);
}
