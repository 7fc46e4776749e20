/* wire-probe: an echo server, and a client that tells exactly which bytes came back, to test wire-cutter
 * with. It must not know: Semel, and how wire-cutter works. Reads best next: wire_cutter.sh, which drives
 * both. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* What became of the client's connections. */
struct tally {
    unsigned long connections;
    unsigned long complete; /* every byte came back */
    unsigned long closed;   /* ended early in good order */
    unsigned long reset;    /* ended early with an error */
    unsigned long bytes_back;
    unsigned long bytes_wrong;
};

static void die(const char *what)
{
    fprintf(stderr, "wire-probe: %s: %s\n", what, strerror(errno));
    exit(EXIT_FAILURE);
}

/* Differs from its neighbours, so that a lost or doubled byte shows as well as a flipped one. */
static uint8_t pattern(size_t index)
{
    return (uint8_t)(index * 167 + index / 251);
}

static void echo_until_end(int fd)
{
    uint8_t buffer[4096];
    ssize_t got;
    while ((got = recv(fd, buffer, sizeof buffer, 0)) > 0)
        for (ssize_t sent = 0, put; sent < got; sent += put)
            if ((put = send(fd, buffer + sent, (size_t)(got - sent), MSG_NOSIGNAL)) < 0)
                return;
}

/* One process a connection: nothing one connection does can hold up another. */
static int run_echo(void)
{
    signal(SIGCHLD, SIG_IGN);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof any;
    if (listener < 0 || bind(listener, (struct sockaddr *)&any, size) < 0 || listen(listener, 64) < 0 ||
        getsockname(listener, (struct sockaddr *)&any, &size) < 0)
        die("listen");
    printf("listening 127.0.0.1:%u\n", (unsigned)ntohs(any.sin_port));
    fflush(stdout);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        if (fd < 0)
            die("accept");
        pid_t child = fork();
        if (child < 0)
            die("fork");
        if (child == 0) {
            close(listener);
            echo_until_end(fd);
            _exit(EXIT_SUCCESS);
        }
        close(fd);
    }
}

static int dial(const char *host_port)
{
    static const char host[] = "127.0.0.1:";
    char *end = NULL;
    unsigned long port = 0;
    if (strncmp(host_port, host, strlen(host)) == 0)
        port = strtoul(host_port + strlen(host), &end, 10);
    if (end == NULL || *end != '\0' || port == 0 || port > UINT16_MAX) {
        errno = EINVAL;
        die(host_port);
    }
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    to.sin_port = htons((uint16_t)port);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) < 0)
        die("connect");
    return fd;
}

static ssize_t send_pattern(int fd, size_t from, size_t total)
{
    uint8_t buffer[1000]; /* an odd size: writes do not fall on the cutter's buffer bounds */
    size_t size = total - from < sizeof buffer ? total - from : sizeof buffer;
    for (size_t i = 0; i < size; i++)
        buffer[i] = pattern(from + i);
    return send(fd, buffer, size, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static ssize_t check_pattern(int fd, size_t from, struct tally *tally)
{
    uint8_t buffer[4096];
    ssize_t got = recv(fd, buffer, sizeof buffer, MSG_DONTWAIT);
    for (ssize_t i = 0; i < got; i++)
        tally->bytes_wrong += buffer[i] != pattern(from + (size_t)i);
    return got;
}

/* Sends total bytes and reads them back at the same time, so that neither direction blocks the other. */
static void exchange(int fd, size_t total, struct tally *tally)
{
    size_t sent = 0;
    size_t back = 0;
    while (back < total) {
        struct pollfd poller = {.fd = fd, .events = (short)(POLLIN | (sent < total ? POLLOUT : 0))};
        if (poll(&poller, 1, -1) < 0)
            die("poll");
        if ((poller.revents & POLLOUT) != 0) {
            ssize_t put = send_pattern(fd, sent, total);
            sent = put > 0 ? sent + (size_t)put : put < 0 && errno != EAGAIN ? total : sent;
        }
        if ((poller.revents & (POLLIN | POLLHUP | POLLERR)) == 0)
            continue;
        ssize_t got = check_pattern(fd, back, tally);
        if (got < 0 && errno == EAGAIN)
            continue;
        if (got <= 0) {
            *(got < 0 ? &tally->reset : &tally->closed) += 1;
            break;
        }
        back += (size_t)got;
    }
    tally->complete += back == total;
    tally->bytes_back += back;
}

static int run_client(const char *to, size_t connections, size_t bytes)
{
    struct tally tally = {0};
    for (; tally.connections < connections; tally.connections++) {
        int fd = dial(to);
        exchange(fd, bytes, &tally);
        close(fd);
    }
    printf("{\"connections\":%lu,\"complete\":%lu,\"closed\":%lu,\"reset\":%lu,\"bytes_back\":%lu,"
           "\"bytes_wrong\":%lu}\n",
           tally.connections, tally.complete, tally.closed, tally.reset, tally.bytes_back, tally.bytes_wrong);
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "echo") == 0)
        return run_echo();
    if (argc == 5 && strcmp(argv[1], "send") == 0)
        return run_client(argv[2], strtoul(argv[3], NULL, 10), strtoul(argv[4], NULL, 10));
    fprintf(stderr, "usage: wire-probe echo | wire-probe send HOST:PORT CONNECTIONS BYTES\n");
    return 2;
}
