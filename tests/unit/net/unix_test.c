/* What the unix transport learns of the other side from the kernel.
 *
 * Reads best next: net/unix.c, tcp_test.c. */
#include <criterion/criterion.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/transport.h"

TestSuite(unix_socket, .timeout = 60);

Test(unix_socket, tells_a_process_that_reads_from_one_that_does_not)
{
    int fds[2];
    char byte;
    const struct iovec part = {"p", 1};
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    cr_assert_eq(transport_unix.pulse(fds[0], 0), TRANSPORT_PULSE_HEARS);
    cr_assert_eq(transport_unix.write(fds[0], &part, 1), 1);
    cr_assert_eq(transport_unix.pulse(fds[0], 0), TRANSPORT_PULSE_FULL, "it has not read");
    cr_assert_eq(recv(fds[1], &byte, 1, 0), 1);
    cr_assert_eq(transport_unix.pulse(fds[0], 0), TRANSPORT_PULSE_HEARS);
    cr_assert_eq(transport_unix.pulse(-1, 0), TRANSPORT_PULSE_NONE);
    close(fds[0]);
    close(fds[1]);
}
