/* Endpoints: what is an address, what is not and why, and what the sockets of both transports do with it.
 *
 * Reads best next: status_test.c. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/sessions.h"
#include "net/transport.h"

TestSuite(endpoint, .timeout = 60);

static struct endpoint resolve_one(const char *uri)
{
    struct endpoint found[8];
    size_t count = 0;
    const char *message = "";
    cr_assert_eq(endpoint_resolve(uri, found, 8, &count, &message), SEMEL_REASON_NONE, "%s: %s", uri, message);
    cr_assert_eq(count, 1, "%s", uri);
    cr_assert_str_eq(found[0].text, uri);
    return found[0];
}

static void expect_bad(const char *uri, const char *text)
{
    struct endpoint found[8];
    size_t count = 0;
    const char *message = "";
    cr_assert_eq(endpoint_resolve(uri, found, 8, &count, &message), SEMEL_REASON_BAD_ADDRESS, "'%s'", uri);
    cr_assert_str_eq(message, text, "'%s': %s", uri, message);
}

/* ---- one URI ---- */

Test(endpoint, tcp_is_an_address_and_a_port)
{
    struct endpoint endpoint = resolve_one("tcp://127.0.0.1:4711");
    const struct sockaddr_in *address = (const struct sockaddr_in *)&endpoint.address;
    cr_assert_eq(endpoint.transport, &transport_tcp);
    cr_assert_eq(endpoint.address_size, sizeof *address);
    cr_assert_eq(address->sin_family, AF_INET);
    cr_assert_eq(ntohs(address->sin_port), 4711);
    cr_assert_eq(ntohl(address->sin_addr.s_addr), INADDR_LOOPBACK);
    endpoint = resolve_one("tcp://10.0.0.1:65535");
    cr_assert_eq(ntohs(address->sin_port), 65535);
}

Test(endpoint, tcp_takes_ipv6_in_brackets)
{
    struct endpoint endpoint = resolve_one("tcp://[::1]:80");
    const struct sockaddr_in6 *address = (const struct sockaddr_in6 *)&endpoint.address;
    cr_assert_eq(endpoint.address_size, sizeof *address);
    cr_assert_eq(address->sin6_family, AF_INET6);
    cr_assert_eq(ntohs(address->sin6_port), 80);
    cr_assert_arr_eq(&address->sin6_addr, &in6addr_loopback, sizeof in6addr_loopback);
}

Test(endpoint, tcp_that_has_not_its_shape)
{
    static const char *const uris[] = {
        "tcp:",           "tcp:/",         "tcp://",           "tcp:127.0.0.1:80", "tcp:/127.0.0.1:80",
        "tcp://host",     "tcp://host:",   "tcp://:80",        "tcp://host:http",  "tcp://host:80x",
        "tcp://host:8 0", "tcp://host:-1", "tcp://host:+1",    "tcp://host:80/",   "tcp://host:123456",
        "tcp://::1:80",   "tcp://[::1]",   "tcp://[::1]80",    "tcp://[::1:80",    "tcp://[]:80",
        "tcp://[::1]:",   "tcp:///:80x",   "tcp://host:80:80",
    };
    for (size_t i = 0; i < sizeof uris / sizeof *uris; i++)
        expect_bad(uris[i], "not of the form tcp://HOST:PORT");
}

Test(endpoint, tcp_tells_what_the_resolver_said)
{
    /* Not an address, and no resolver is asked for what stands in brackets and has a colon. */
    expect_bad("tcp://[::g]:80", gai_strerror(EAI_NONAME));
}

Test(endpoint, udp_is_an_address_for_datagrams)
{
    struct endpoint endpoint = resolve_one("udp://127.0.0.1:4061");
    const struct sockaddr_in *address = (const struct sockaddr_in *)&endpoint.address;
    cr_assert_eq(endpoint.transport, &transport_udp);
    cr_assert_not_null(endpoint.transport->datagrams);
    cr_assert_null(transport_tcp.datagrams);
    cr_assert_null(transport_unix.datagrams);
    cr_assert_eq(ntohs(address->sin_port), 4061);
    resolve_one("udp://[::1]:4061");
    expect_bad("udp:127.0.0.1:4061", "not of the form udp://HOST:PORT");
    expect_bad("udp://127.0.0.1", "not of the form udp://HOST:PORT");
}

/* ---- parsing asks nobody ---- */

static struct endpoint parse_one(const char *uri)
{
    struct endpoint found;
    const char *message = "";
    cr_assert_eq(endpoint_parse(uri, &found, &message), SEMEL_REASON_NONE, "%s: %s", uri, message);
    cr_assert_str_eq(found.text, uri);
    return found;
}

Test(endpoint, numbers_need_no_look_up)
{
    static const char *const uris[] = {"tcp://127.0.0.1:80", "tcp://[::1]:80", "unix:/p", "unix:@p"};
    static const char *const numbers[] = {"127.0.0.1:80", "[::1]:80", "", ""};
    for (size_t i = 0; i < sizeof uris / sizeof *uris; i++) {
        char text[SEMEL_ENDPOINT_TEXT_MAX];
        struct endpoint endpoint = parse_one(uris[i]);
        cr_assert_gt(endpoint.address_size, 0, "%s", uris[i]);
        endpoint_numbers(&endpoint, text);
        cr_assert_str_eq(text, numbers[i]);
    }
}

Test(endpoint, a_name_stays_a_name)
{
    char longest[SEMEL_ENDPOINT_TEXT_MAX] = "tcp://";
    memset(longest + 6, 'a', 63);
    memcpy(longest + 6 + 63, ":65535", sizeof ":65535");
    const char *const uris[] = {
        "tcp://bank:65535",    "tcp://bank.example.org:65535", "tcp://bank.example.org.:65535",
        "tcp://b-1_x.y:65535", "tcp://1.2.3.4.example:65535",  longest};
    for (size_t i = 0; i < sizeof uris / sizeof *uris; i++) {
        char host[SEMEL_ENDPOINT_TEXT_MAX], expected[2 * SEMEL_ENDPOINT_TEXT_MAX];
        uint16_t port = 0;
        struct endpoint endpoint = parse_one(uris[i]);
        cr_assert_eq(endpoint.address_size, 0, "%s", uris[i]);
        endpoint_host(&endpoint, host, &port);
        snprintf(expected, sizeof expected, "tcp://%s:%u", host, port);
        cr_assert_str_eq(expected, uris[i]);
        endpoint_numbers(&endpoint, host);
        cr_assert_str_eq(host, "");
    }
}

Test(endpoint, what_is_neither_is_refused_at_once)
{
    char too_long[SEMEL_ENDPOINT_TEXT_MAX] = "tcp://";
    memset(too_long + 6, 'a', 64);
    memcpy(too_long + 6 + 64, ":1", sizeof ":1");
    const char *const uris[] = {"tcp://300.1.1.1:1", "tcp://1.2.3.4.5:1", "tcp://bank..org:1",
                                "tcp://.bank:1",     "tcp://ba nk:1",     "tcp://b\xc3\xa4nk:1",
                                "tcp://bank.7:1",    "tcp://[bank]:1",    "tcp://[::g]:1",
                                "tcp://bank/x:1",    "tcp://user@bank:1", too_long};
    for (size_t i = 0; i < sizeof uris / sizeof *uris; i++) {
        struct endpoint found;
        const char *message = "";
        cr_assert_eq(endpoint_parse(uris[i], &found, &message), SEMEL_REASON_BAD_ADDRESS, "%s", uris[i]);
        cr_assert_str_eq(message, "neither an address nor the name of a host", "%s", uris[i]);
    }
}

Test(endpoint, unix_is_a_path_or_a_name)
{
    struct endpoint path = resolve_one("unix:/run/semel");
    const struct sockaddr_un *address = (const struct sockaddr_un *)&path.address;
    cr_assert_eq(path.transport, &transport_unix);
    cr_assert_eq(address->sun_family, AF_UNIX);
    cr_assert_str_eq(address->sun_path, "/run/semel");
    cr_assert_eq(path.address_size, offsetof(struct sockaddr_un, sun_path) + sizeof "/run/semel");
    struct endpoint name = resolve_one("unix:@semel");
    address = (const struct sockaddr_un *)&name.address;
    cr_assert_arr_eq(address->sun_path, "\0semel", 7);
    cr_assert_eq(name.address_size, offsetof(struct sockaddr_un, sun_path) + 6, "without a terminator");
}

Test(endpoint, unix_paths_have_an_end)
{
    char uri[200] = "unix:";
    memset(uri + 5, 'p', 107);
    uri[5 + 107] = '\0';
    resolve_one(uri);
    uri[5 + 107] = 'p';
    expect_bad(uri, "the path is empty or longer than 107 bytes");
    expect_bad("unix:", "the path is empty or longer than 107 bytes");
}

Test(endpoint, uris_have_an_end)
{
    char uri[200];
    memset(uri, 'x', sizeof uri);
    uri[SEMEL_ENDPOINT_TEXT_MAX] = '\0';
    expect_bad(uri, "longer than 127 bytes");
    uri[SEMEL_ENDPOINT_TEXT_MAX - 1] = '\0';
    expect_bad(uri, "unknown scheme (tcp, unix and udp are known)");
}

Test(endpoint, other_schemes_are_not_known)
{
    static const char *const uris[] = {"",       ":",       "tcp",       "unix",           "127.0.0.1:80",
                                       "http:x", "tcps:x",  "TCP://a:1", " tcp://a:1",     "unixx:/p",
                                       "tc:x",   "/a/path", "tcp //a:1", "UDP://1.1.1.1:1"};
    for (size_t i = 0; i < sizeof uris / sizeof *uris; i++)
        expect_bad(uris[i], "unknown scheme (tcp, unix and udp are known)");
}

Test(endpoint, no_more_addresses_than_asked_for)
{
    struct endpoint found[2];
    size_t count = 0;
    const char *message = "";
    memset(found, 0xa5, sizeof found);
    cr_assert_eq(endpoint_resolve("tcp://127.0.0.1:1", found, 1, &count, &message), SEMEL_REASON_NONE);
    cr_assert_eq(count, 1);
    cr_assert_eq(found[1].text[0], (char)0xa5);
}

/* ---- lists ---- */

static void expect_bad_list(const char *uris, const char *text)
{
    struct endpoint *endpoints = (struct endpoint *)&text; /* must be left alone */
    size_t count = 4711;
    semel_status status;
    cr_assert_eq(endpoint_parse_list(uris, &endpoints, &count, &status), SEMEL_INVALID_ARGUMENT);
    cr_assert_eq(status.code, SEMEL_INVALID_ARGUMENT);
    cr_assert_eq(status.reason, SEMEL_REASON_BAD_ADDRESS);
    cr_assert_str_eq(status.message, text, "%s", status.message);
    cr_assert_eq((void *)endpoints, (void *)&text);
    cr_assert_eq(count, 4711);
    cr_assert_eq(endpoint_parse_list(uris, &endpoints, &count, NULL), SEMEL_INVALID_ARGUMENT);
}

Test(endpoint, a_list_keeps_its_order)
{
    struct endpoint *endpoints;
    size_t count;
    semel_status status;
    cr_assert_eq(endpoint_parse_list("unix:/a,tcp://127.0.0.1:1,tcp://[::1]:2,unix:@b,unix:/a", &endpoints,
                                     &count, &status),
                 SEMEL_OK);
    static const char *const texts[] = {"unix:/a", "tcp://127.0.0.1:1", "tcp://[::1]:2", "unix:@b", "unix:/a"};
    cr_assert_eq(count, 5);
    for (size_t i = 0; i < 5; i++)
        cr_assert_str_eq(endpoints[i].text, texts[i]);
    free(endpoints);
}

Test(endpoint, one_bad_entry_spoils_the_list_and_is_named)
{
    expect_bad_list("", "endpoint '': unknown scheme (tcp, unix and udp are known); "
                        "write tcp://HOST:PORT or unix:PATH");
    expect_bad_list("unix:/a,", "endpoint '': unknown scheme (tcp, unix and udp are known); "
                                "write tcp://HOST:PORT or unix:PATH");
    expect_bad_list(",unix:/a", "endpoint '': unknown scheme (tcp, unix and udp are known); "
                                "write tcp://HOST:PORT or unix:PATH");
    expect_bad_list("unix:/a,,unix:/b", "endpoint '': unknown scheme (tcp, unix and udp are known); "
                                        "write tcp://HOST:PORT or unix:PATH");
    expect_bad_list("unix:/a,tcp://host,unix:/b", "endpoint 'tcp://host': not of the form tcp://HOST:PORT; "
                                                  "write tcp://HOST:PORT or unix:PATH");
    expect_bad_list("unix:/a, unix:/b", "endpoint ' unix:/b': unknown scheme (tcp, unix and udp are known); "
                                        "write tcp://HOST:PORT or unix:PATH");
}

static const char too_much[] = "endpoint list: an endpoint is longer than 127 bytes, or there are more than 64";

Test(endpoint, an_entry_too_long)
{
    char uris[400] = "unix:/a,unix:@";
    memset(uris + strlen(uris), 'n', 200);
    expect_bad_list(uris, too_much);
}

Test(endpoint, a_list_too_long)
{
    char uris[65 * 8 + 1];
    struct endpoint *endpoints;
    size_t count;
    for (size_t i = 0; i < 65; i++)
        memcpy(uris + i * 8, i == 0 ? "unix:/a," : "unix:/b,", 8);
    uris[65 * 8 - 1] = '\0';
    expect_bad_list(uris, too_much);
    uris[64 * 8 - 1] = '\0';
    cr_assert_eq(endpoint_parse_list(uris, &endpoints, &count, NULL), SEMEL_OK);
    cr_assert_eq(count, 64);
    free(endpoints);
}

/* ---- sockets ---- */

static char folder[] = "/tmp/semel-net-XXXXXX";
static char path_uri[64];
#define PATH (path_uri + 5)

static void enter(void)
{
    cr_assert_not_null(mkdtemp(folder));
    snprintf(path_uri, sizeof path_uri, "unix:%s/s", folder);
}

static void leave(void)
{
    unlink(PATH);
    rmdir(folder);
}

static int listen_at(const struct endpoint *endpoint)
{
    int fd = -1;
    int error = endpoint->transport->listen(endpoint, &fd);
    cr_assert_eq(error, 0, "%s", strerror(error));
    return fd;
}

Test(endpoint, a_stale_socket_file_is_replaced, .init = enter, .fini = leave)
{
    struct endpoint endpoint = resolve_one(path_uri);
    close(listen_at(&endpoint)); /* as a server that was killed: nobody listens, the file stays */
    cr_assert_eq(access(PATH, F_OK), 0);
    int listener = listen_at(&endpoint);
    int fd = -1;
    cr_assert_eq(transport_unix.dial(&endpoint, &fd), 0);
    close(fd);
    close(listener);
    transport_unix.forget(&endpoint);
    cr_assert_neq(access(PATH, F_OK), 0);
}

Test(endpoint, a_file_that_is_no_socket_is_left_alone, .init = enter, .fini = leave)
{
    struct endpoint endpoint = resolve_one(path_uri);
    FILE *file = fopen(PATH, "w");
    cr_assert_not_null(file);
    cr_assert_gt(fputs("precious", file), 0);
    fclose(file);
    int fd = -1;
    cr_assert_eq(transport_unix.listen(&endpoint, &fd), EADDRINUSE);
    char kept[16] = "";
    file = fopen(PATH, "r");
    cr_assert_not_null(file);
    cr_assert_eq(fread(kept, 1, sizeof kept - 1, file), strlen("precious"));
    fclose(file);
    cr_assert_str_eq(kept, "precious");
}

Test(endpoint, a_port_does_not_wrap_around)
{
    expect_bad("tcp://127.0.0.1:65536", "not of the form tcp://HOST:PORT");
    expect_bad("tcp://127.0.0.1:99999", "not of the form tcp://HOST:PORT");
    resolve_one("tcp://127.0.0.1:65535");
}

Test(endpoint, the_socket_file_of_a_live_server_is_not, .init = enter, .fini = leave)
{
    struct endpoint endpoint = resolve_one(path_uri);
    int listener = listen_at(&endpoint);
    int second = -1;
    cr_assert_eq(transport_unix.listen(&endpoint, &second), EADDRINUSE);
    cr_assert_eq(second, -1);
    int fd = -1;
    cr_assert_eq(transport_unix.dial(&endpoint, &fd), 0, "the first still serves");
    close(fd);
    close(listener);
}

Test(endpoint, an_abstract_name_is_taken_once_and_forgotten)
{
    char uri[64];
    snprintf(uri, sizeof uri, "unix:@semel-test-%d", (int)getpid());
    struct endpoint endpoint = resolve_one(uri);
    int listener = listen_at(&endpoint);
    int second = -1;
    cr_assert_eq(transport_unix.listen(&endpoint, &second), EADDRINUSE);
    close(listener);
    transport_unix.forget(&endpoint);
    close(listen_at(&endpoint));
}

Test(endpoint, the_user_on_the_other_side, .init = enter, .fini = leave)
{
    struct endpoint endpoint = resolve_one(path_uri);
    int listener = listen_at(&endpoint);
    int fd = -1;
    cr_assert_eq(transport_unix.dial(&endpoint, &fd), 0);
    int accepted = accept(listener, NULL, NULL);
    cr_assert_geq(accepted, 0);
    cr_assert_eq(transport_unix.subject(accepted), getuid());
    cr_assert_eq(transport_tcp.subject(accepted), SESSIONS_ANYONE);
    char text[SEMEL_ENDPOINT_TEXT_MAX];
    transport_unix.local_text(listener, &endpoint, text, sizeof text);
    cr_assert_str_eq(text, path_uri);
    close(accepted);
    close(fd);
    close(listener);
}

Test(endpoint, the_port_the_kernel_chose)
{
    struct endpoint any = resolve_one("tcp://127.0.0.1:0");
    int listener = listen_at(&any);
    char text[SEMEL_ENDPOINT_TEXT_MAX];
    unsigned port = 0;
    any.transport->local_text(listener, &any, text, sizeof text);
    cr_assert_eq(sscanf(text, "tcp://127.0.0.1:%u", &port), 1, "%s", text);
    cr_assert_gt(port, 0);
    struct endpoint chosen = resolve_one(text);
    int fd = -1;
    cr_assert_eq(chosen.transport->dial(&chosen, &fd), 0);
    cr_assert_eq(poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, -1), 1);
    cr_assert_not(transport_socket_is_loop(fd), "two sockets, though on one machine");
    close(fd);
    close(listener);
}

/* ---- a socket connected to itself ---- */

Test(endpoint, a_socket_that_dialled_itself_is_found_out)
{
    int fd = -1;
    cr_assert_eq(transport_socket(AF_INET, &fd), 0);
    struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof own;
    cr_assert_eq(bind(fd, (struct sockaddr *)&own, sizeof own), 0);
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&own, &size), 0);
    cr_assert_not(transport_socket_is_loop(fd), "not connected at all");
    cr_assert(connect(fd, (struct sockaddr *)&own, sizeof own) == 0 || errno == EINPROGRESS);
    cr_assert_eq(poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, -1), 1);
    cr_assert(transport_socket_is_loop(fd));
    close(fd);
}

/* Both ends of a pair are called the same: nothing. */
Test(endpoint, a_pair_without_names_is_no_loop)
{
    int fds[2];
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    cr_assert_not(transport_socket_is_loop(fds[0]));
    close(fds[0]);
    close(fds[1]);
    cr_assert_not(transport_socket_is_loop(-1));
}
