/* The udp transport: udp://HOST:PORT, udp://[IPv6]:PORT.  Whole messages, no connections.
 *
 * Reads best next: transport.h. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/errqueue.h>

#include "net/transport.h"

static enum semel_reason resolve(const char *rest, struct endpoint *ret_endpoints, size_t max,
                                 size_t *ret_count, const char **ret_message)
{
    return transport_inet_resolve(SOCK_DGRAM, rest, ret_endpoints, max, ret_count, ret_message);
}

static void local_text(int fd, const struct endpoint *endpoint, char *text, size_t size)
{
    transport_inet_text("udp", fd, endpoint, text, size);
}

static void set(int fd, int level, int option, int value)
{
    (void)setsockopt(fd, level, option, &value, sizeof value);
}

static int open_socket(const struct endpoint *endpoint, int *ret_fd)
{
    int fd = socket(endpoint->address.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return errno;
    *ret_fd = fd;
    return 0;
}

/* Connected, so that the kernel tells what the network says of it; never fragmented on the way. */
static int open_peer(const struct endpoint *endpoint, int *ret_fd)
{
    int fd = -1;
    int error = open_socket(endpoint, &fd);
    if (error != 0)
        return error;
    if (endpoint->address.ss_family == AF_INET6) {
        set(fd, IPPROTO_IPV6, IPV6_RECVERR, 1);
        set(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DO);
    } else {
        set(fd, IPPROTO_IP, IP_RECVERR, 1);
        set(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO);
    }
    if (connect(fd, (const struct sockaddr *)&endpoint->address, endpoint->address_size) != 0) {
        error = errno;
        close(fd);
        return error;
    }
    *ret_fd = fd;
    return 0;
}

static int listen_at(const struct endpoint *endpoint, int *ret_fd)
{
    int fd = -1;
    int error = open_socket(endpoint, &fd);
    if (error != 0)
        return error;
    if (bind(fd, (const struct sockaddr *)&endpoint->address, endpoint->address_size) != 0) {
        error = errno;
        close(fd);
        return error;
    }
    *ret_fd = fd;
    return 0;
}

static int send_some(int fd, const struct iovec *messages, size_t count, size_t *ret_sent)
{
    struct mmsghdr headers[TRANSPORT_DATAGRAMS];
    if (count > TRANSPORT_DATAGRAMS)
        count = TRANSPORT_DATAGRAMS;
    memset(headers, 0, count * sizeof *headers);
    for (size_t i = 0; i < count; i++) {
        headers[i].msg_hdr.msg_iov = (struct iovec *)&messages[i];
        headers[i].msg_hdr.msg_iovlen = 1;
    }
    int sent = sendmmsg(fd, headers, (unsigned)count, MSG_NOSIGNAL);
    *ret_sent = sent > 0 ? (size_t)sent : 0;
    return sent >= 0 ? 0 : errno;
}

/* MSG_TRUNC: a message that did not fit tells its real size. */
static int receive_some(int fd, const struct iovec *rooms, size_t count, size_t *ret_sizes, size_t *ret_count)
{
    struct mmsghdr headers[TRANSPORT_DATAGRAMS];
    if (count > TRANSPORT_DATAGRAMS)
        count = TRANSPORT_DATAGRAMS;
    memset(headers, 0, count * sizeof *headers);
    for (size_t i = 0; i < count; i++) {
        headers[i].msg_hdr.msg_iov = (struct iovec *)&rooms[i];
        headers[i].msg_hdr.msg_iovlen = 1;
    }
    int got = recvmmsg(fd, headers, (unsigned)count, MSG_DONTWAIT | MSG_TRUNC, NULL);
    *ret_count = got > 0 ? (size_t)got : 0;
    for (size_t i = 0; i < *ret_count; i++)
        ret_sizes[i] = headers[i].msg_len;
    return got >= 0 ? 0 : errno;
}

/* The errno in the extended error of a message from the error queue; 0: it has none. */
static int error_of(struct msghdr *message)
{
    for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part != NULL; part = CMSG_NXTHDR(message, part)) {
        bool four = part->cmsg_level == IPPROTO_IP && part->cmsg_type == IP_RECVERR;
        bool six = part->cmsg_level == IPPROTO_IPV6 && part->cmsg_type == IPV6_RECVERR;
        struct sock_extended_err error;
        if ((!four && !six) || part->cmsg_len < CMSG_LEN(sizeof error))
            continue;
        memcpy(&error, CMSG_DATA(part), sizeof error);
        return (int)error.ee_errno;
    }
    return 0;
}

static int take_lost(int fd, void *into, size_t room, size_t *ret_size, int *ret_os_error)
{
    char control[512];
    struct iovec part = {into, room};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    ssize_t got = recvmsg(fd, &message, MSG_ERRQUEUE | MSG_DONTWAIT);
    if (got < 0)
        return errno;
    *ret_size = (size_t)got < room ? (size_t)got : room;
    *ret_os_error = error_of(&message);
    return 0;
}

static const struct transport_datagrams datagrams = {
    .open = open_peer,
    .send = send_some,
    .receive = receive_some,
    .lost = take_lost,
};

const struct transport transport_udp = {
    .scheme = "udp",
    .resolve = resolve,
    .listen = listen_at,
    .local_text = local_text,
    .close = transport_socket_close,
    .datagrams = &datagrams,
};
