/* Addresses from the number of the process, which it shares with none that lives.
 *
 * Reads best next: loopback.h. */
#include "loopback.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <semel/status.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* The whole of 127/8 is loopback; Linux numbers its processes with 22 bits. */
enum { HERE = 64, ELSEWHERE = 128, PID_BITS = 22, FIRST_PORT = 20000 };

static in_addr_t own(unsigned second)
{
    unsigned pid = (unsigned)getpid();
    cr_assert_lt(pid, 1U << PID_BITS);
    return 127U << 24 | second << 16 | pid;
}

static const char *text_of(char *into, in_addr_t address)
{
    snprintf(into, INET_ADDRSTRLEN, "127.%u.%u.%u", address >> 16 & 255, address >> 8 & 255, address & 255);
    return into;
}

const char *loopback_here(void)
{
    static char text[INET_ADDRSTRLEN];
    return text_of(text, own(HERE));
}

const char *loopback_elsewhere(void)
{
    static char text[INET_ADDRSTRLEN];
    return text_of(text, own(ELSEWHERE));
}

const char *loopback_tcp(void)
{
    static char text[32];
    snprintf(text, sizeof text, "tcp://%s:0", loopback_here());
    return text;
}

const char *loopback_udp(void)
{
    static char text[32];
    snprintf(text, sizeof text, "udp://%s:0", loopback_here());
    return text;
}

void loopback_dead(char *uri)
{
    static unsigned port = FIRST_PORT;
    snprintf(uri, SEMEL_ENDPOINT_TEXT_MAX, "tcp://%s:%u", loopback_elsewhere(), port++);
}

bool loopback_has_six(void)
{
    const struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && bind(fd, (const struct sockaddr *)&address, sizeof address) == 0) {
        close(fd);
        return true;
    }
    cr_assert(errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL, "%s", strerror(errno));
    fprintf(stderr, "SKIPPED: no IPv6 on this host (%s)\n", strerror(errno));
    if (fd >= 0)
        close(fd);
    return false;
}

struct sockaddr_in loopback_any(void)
{
    return (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(own(HERE))};
}

struct sockaddr_in loopback_of(const char *uri)
{
    unsigned byte[4], port;
    cr_assert_eq(sscanf(uri, "%*[a-z]://%u.%u.%u.%u:%u", &byte[0], &byte[1], &byte[2], &byte[3], &port), 5,
                 "%s", uri);
    return (struct sockaddr_in){
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)port),
        .sin_addr.s_addr = htonl(byte[0] << 24 | byte[1] << 16 | byte[2] << 8 | byte[3])};
}
