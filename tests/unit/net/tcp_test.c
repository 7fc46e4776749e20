/* What the tcp transport asks of the kernel, and what it learns from it.
 *
 * Reads best next: net/tcp.c; wire_death_test.c, for what comes of it. */
#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "net/transport.h"

static int near_fd, far_fd;

static void connect_both(void)
{
    struct endpoint endpoint;
    size_t count = 0;
    const char *message = "";
    int listener = -1;
    cr_assert_eq(endpoint_resolve("tcp://127.0.0.1:0", &endpoint, 1, &count, &message), SEMEL_REASON_NONE);
    cr_assert_eq(transport_tcp.listen(&endpoint, &listener), 0);
    endpoint.address_size = sizeof endpoint.address;
    cr_assert_eq(getsockname(listener, (struct sockaddr *)&endpoint.address, &endpoint.address_size), 0);
    cr_assert_eq(transport_tcp.dial(&endpoint, &near_fd), 0);
    struct pollfd come = {.fd = listener, .events = POLLIN};
    cr_assert_eq(poll(&come, 1, -1), 1);
    far_fd = accept(listener, NULL, NULL);
    cr_assert_geq(far_fd, 0);
    come = (struct pollfd){.fd = near_fd, .events = POLLOUT};
    cr_assert_eq(poll(&come, 1, -1), 1);
    close(listener);
}

static void hang_up(void)
{
    close(near_fd);
    close(far_fd);
}

TestSuite(tcp, .timeout = 60, .init = connect_both, .fini = hang_up);

/* Writes more than the two kernels have room for. */
static void stuff(void)
{
    static char bytes[65536];
    const struct iovec part = {bytes, sizeof bytes};
    while (transport_tcp.write(near_fd, &part, 1) > 0)
        ;
    cr_assert_eq(errno, EAGAIN);
}

static void wait_for_pulse(enum transport_pulse pulse)
{
    while (transport_tcp.pulse(near_fd, 3600000) != pulse)
        ;
}

Test(tcp, patience_is_the_kernels_user_timeout)
{
    unsigned int told = 0;
    socklen_t size = sizeof told;
    transport_tcp.set_patience(near_fd, 50000);
    cr_assert_eq(getsockopt(near_fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &told, &size), 0);
    cr_assert_eq(told, 50000);
}

Test(tcp, a_host_that_has_acknowledged_everything_hears_though_its_process_reads_nothing)
{
    wait_for_pulse(TRANSPORT_PULSE_HEARS);
    const struct iovec part = {"ping", 4};
    cr_assert_eq(transport_tcp.write(near_fd, &part, 1), 4);
    wait_for_pulse(TRANSPORT_PULSE_HEARS);
    cr_assert_eq(transport_tcp.under_way(near_fd), 0);
}

Test(tcp, a_host_without_room_is_full_until_its_process_reads)
{
    static char bytes[65536];
    stuff();
    wait_for_pulse(TRANSPORT_PULSE_FULL);
    cr_assert_gt(transport_tcp.under_way(near_fd), 0);
    cr_assert_eq(transport_tcp.pulse(near_fd, 0), TRANSPORT_PULSE_FULL,
                 "it owes no acknowledgement, however old the last");
    while (transport_tcp.pulse(near_fd, 3600000) != TRANSPORT_PULSE_HEARS)
        cr_assert(recv(far_fd, bytes, sizeof bytes, MSG_DONTWAIT) > 0 || errno == EAGAIN);
}

/* The kernel's word comes after its patience, not before, and tells a reader that is there from nobody. */
Test(tcp, a_host_that_stays_full_is_still_full_when_patience_ends)
{
    stuff(); /* first: it may take longer than that */
    transport_tcp.set_patience(near_fd, 300);
    struct pollfd end = {.fd = near_fd};
    cr_assert_eq(poll(&end, 1, -1), 1);
    char byte;
    cr_assert_eq(transport_tcp.read(near_fd, &byte, 1), -1);
    cr_assert_eq(errno, ETIMEDOUT, "%s", strerror(errno));
    cr_assert_eq(transport_tcp.pulse(near_fd, 3600000), TRANSPORT_PULSE_FULL);
}

Test(tcp, a_closed_descriptor_has_no_pulse)
{
    cr_assert_eq(transport_tcp.pulse(-1, 0), TRANSPORT_PULSE_NONE);
    cr_assert_eq(transport_tcp.under_way(-1), 0);
}
