/* Sockets of the floor: the same options as Semel's transports set, and no others.
 * It must not know: what travels on them.
 * Reads best next: floor_server.c. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "floor.h"

struct address {
    socklen_t size;
    union {
        struct sockaddr any;
        struct sockaddr_in tcp;
        struct sockaddr_un local;
    } of;
};

static struct address tcp_address(uint16_t port)
{
    struct address address = {.size = sizeof address.of.tcp};
    address.of.tcp.sin_family = AF_INET;
    address.of.tcp.sin_port = htons(port);
    address.of.tcp.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

/* In the abstract name space: there is no file to remove. */
static struct address unix_address(const char *name)
{
    struct address address = {.of.local.sun_family = AF_UNIX};
    size_t length = strnlen(name, sizeof address.of.local.sun_path - 1);
    memcpy(address.of.local.sun_path + 1, name, length);
    address.size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + length);
    return address;
}

static int make_ready(int fd)
{
    int on = 1;
    if (fd < 0 || fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) != 0)
        return -1;
    /* Fails on a unix socket, which delays nothing anyway. */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

static int listen_at(const struct address *address)
{
    int fd = socket(address->of.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && bind(fd, &address->of.any, address->size) == 0 && listen(fd, 1) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

int floor_listen(enum options_transport transport, char *uri, size_t size)
{
    if (transport == OPTIONS_UNIX) {
        snprintf(uri, size, "unix:@semel-bench-floor-%ld", (long)getpid());
        struct address local = unix_address(strchr(uri, '@') + 1);
        return listen_at(&local);
    }
    struct address address = tcp_address(0);
    int fd = listen_at(&address);
    if (fd < 0 || getsockname(fd, &address.of.any, &address.size) != 0)
        return -1;
    snprintf(uri, size, "tcp://127.0.0.1:%d", ntohs(address.of.tcp.sin_port));
    return fd;
}

int floor_connect(const char *uri)
{
    const char *name = strchr(uri, '@');
    struct address address = name != NULL ? unix_address(name + 1)
                                          : tcp_address((uint16_t)strtoul(strrchr(uri, ':') + 1, NULL, 10));
    int fd = socket(address.of.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, &address.of.any, address.size) != 0)
        return -1;
    return make_ready(fd);
}

int floor_accept(int listener)
{
    return make_ready(accept4(listener, NULL, NULL, SOCK_CLOEXEC));
}

size_t floor_payload_bytes(const struct options *options)
{
    return options->payload_bytes == 0 ? 1 : (size_t)options->payload_bytes;
}
