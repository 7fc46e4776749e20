/* Transports: how bytes reach a peer.  One table of functions a scheme; everything above it sees streams, and makes no
 * call of its own on a descriptor.
 *
 * It must not know frames.  Reads best next: tcp.c, unix.c, then wire.h. */
#ifndef NET_TRANSPORT_H
#define NET_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <semel/status.h>

struct endpoint;

/* What the kernel knows of the other side, apart from what its process says. */
enum transport_pulse {
    TRANSPORT_PULSE_NONE,  /* nothing: what was written may have gone to nobody */
    TRANSPORT_PULSE_GONE,  /* it has acknowledged nothing for as long as was asked about, and should have */
    TRANSPORT_PULSE_HEARS, /* all that was written has been acknowledged: a host is there */
    TRANSPORT_PULSE_FULL,  /* a host is there, and has no room for more: its process does not read */
};

/* Datagrams that are sent or received by one call at most; further ones take another. */
#define TRANSPORT_DATAGRAMS 32

/* What a transport of whole messages does in place of streams. */
struct transport_datagrams {
    /* A descriptor that sends to an endpoint.  Returns 0 or an errno. */
    int (*open)(const struct endpoint *endpoint, int *ret_fd);
    /* Sends messages in their order, without blocking.  Returns 0 and how many were taken, or the errno of the first
     * (EAGAIN: none fits now); also an errno that the network told of an earlier one, see lost. */
    int (*send)(int fd, const struct iovec *messages, size_t count, size_t *ret_sent);
    /* Takes messages that have come, one into each room; a size above its room tells of one that was cut.  Returns 0,
     * or an errno (EAGAIN: none). */
    int (*receive)(int fd, const struct iovec *rooms, size_t count, size_t *ret_sizes, size_t *ret_count);
    /* Takes the beginning of a message that the network says did not arrive, and the errno that it says.  Returns 0,
     * or an errno (EAGAIN: none). */
    int (*lost)(int fd, void *into, size_t room, size_t *ret_size, int *ret_os_error);
};

struct transport {
    const char *scheme; /* "tcp" */

    /* Turns what follows "scheme:" into an endpoint without asking anybody.  Where a host name stands, address_size is
     * 0: its addresses are found later (net/resolver.h).  On failure *ret_message (static) says why.
     * NULL: resolve serves for that, too.
     * Errors: BAD_ADDRESS. */
    enum semel_reason (*parse)(const char *rest, struct endpoint *ret_endpoint, const char **ret_message);

    /* The host and port in what follows "scheme:", which parse has accepted; NULL: the scheme has no hosts. */
    void (*host)(const char *rest, char host[SEMEL_ENDPOINT_TEXT_MAX], uint16_t *ret_port);

    /* Turns it into one or more addresses.  May block in the resolver; called when a listener is opened only.  On
     * failure nothing is kept and *ret_message (static or from the C library) says why.
     * Errors: BAD_ADDRESS. */
    enum semel_reason (*resolve)(const char *rest, struct endpoint *ret_endpoints, size_t max,
                                 size_t *ret_count, const char **ret_message);

    /* Begins to connect without blocking; *ret_fd becomes writable when it is decided.  Returns 0 or an errno. */
    int (*dial)(const struct endpoint *endpoint, int *ret_fd);
    /* How the dial went, once *ret_fd is writable.  Returns 0 or an errno. */
    int (*dialled)(int fd);

    /* Binds and listens without blocking.  Returns 0 or an errno. */
    int (*listen)(const struct endpoint *endpoint, int *ret_fd);

    /* Takes the next stream that has come to a listener.  Returns 0 or an errno; EAGAIN: there is none. */
    int (*accept)(int listener, int *ret_fd);

    /* Prepares an accepted or connected stream (options that are set once). */
    void (*prepare)(int fd);

    /* The URI a listener really has (the port that the kernel chose). */
    void (*local_text)(int fd, const struct endpoint *endpoint, char *text, size_t size);

    /* Who is on the other side, or SESSIONS_ANYONE. */
    uint64_t (*subject)(int fd);

    /* Removes what a closed listener leaves in the file system.  May be NULL. */
    void (*forget)(const struct endpoint *endpoint);

    /* Both as readv(2) and writev(2) on a non-blocking descriptor, without SIGPIPE: bytes, 0 at the end of input,
     * or -1 with errno. */
    ssize_t (*read)(int fd, void *into, size_t size);
    ssize_t (*write)(int fd, const struct iovec *parts, size_t count);

    /* Gives a stream or a listener back; what was written may still arrive. */
    void (*close)(int fd);

    /* Asks the kernel to give up what it was told to send and could not for this long, also when the stream has been
     * closed meanwhile.  NULL: there is no need to. */
    void (*set_patience)(int fd, int64_t patience_ms);

    /* Also of a stream that the kernel has given up just now.  silence_ms is for GONE.  NULL: never more than NONE. */
    enum transport_pulse (*pulse)(int fd, int64_t silence_ms);

    /* How many bytes were written that the peer's host has not acknowledged.  NULL: no slow way lies between. */
    uint64_t (*under_way)(int fd);

    /* NULL: streams.  Otherwise listen makes a descriptor that receives messages, and what is for streams is NULL. */
    const struct transport_datagrams *datagrams;
};

/* One URI, and one address of it. */
struct endpoint {
    const struct transport *transport;
    char text[SEMEL_ENDPOINT_TEXT_MAX]; /* as written by the user */
    struct sockaddr_storage address;
    socklen_t address_size; /* 0: a host name that was not looked up yet */
};

extern const struct transport transport_tcp;
extern const struct transport transport_unix;
extern const struct transport transport_udp;

/* Parses one URI without asking anybody; a host name stays one.
 * Errors: BAD_ADDRESS with a message. */
enum semel_reason endpoint_parse(const char *uri, struct endpoint *ret_endpoint, const char **ret_message);

/* Parses a list of URIs separated by commas into *ret_endpoints, which the caller frees.
 * Errors: BAD_ADDRESS, NO_MEMORY, with details in ret_status. */
enum semel_code endpoint_parse_list(const char *uris, struct endpoint **ret_endpoints, size_t *ret_count,
                                    semel_status *ret_status);

/* The host and port of an endpoint whose address is to be looked up. */
void endpoint_host(const struct endpoint *endpoint, char host[SEMEL_ENDPOINT_TEXT_MAX], uint16_t *ret_port);

/* Writes the address in numbers ("127.0.0.1:80", "[::1]:80"), or nothing where the scheme has no hosts. */
void endpoint_numbers(const struct endpoint *endpoint, char text[SEMEL_ENDPOINT_TEXT_MAX]);

/* Parses one URI into the addresses that can be listened at (a host name may have several).  May block.
 * Errors: BAD_ADDRESS with a message. */
enum semel_reason endpoint_resolve(const char *uri, struct endpoint *ret_endpoints, size_t max,
                                   size_t *ret_count, const char **ret_message);

/* //HOST:PORT to addresses, and a bound address to SCHEME://HOST:PORT, for the transports of the internet. */
enum semel_reason transport_inet_resolve(int type, const char *rest, struct endpoint *ret_endpoints, size_t max,
                                         size_t *ret_count, const char **ret_message);
void transport_inet_text(const char *scheme, int fd, const struct endpoint *endpoint, char *text, size_t size);

/* Stream sockets of every family read and write alike. */
ssize_t transport_socket_read(int fd, void *into, size_t size);
ssize_t transport_socket_write(int fd, const struct iovec *parts, size_t count);
/* Whether a connected socket is connected to itself, as TCP allows when a port that nobody listens at is dialled from
 * that very port. */
bool transport_socket_is_loop(int fd);
/* A socket that is non-blocking and closed on exec; returns 0 or an errno. */
int transport_socket(int family, int *ret_fd);
int transport_socket_dial(const struct endpoint *endpoint, int *ret_fd);
int transport_socket_dialled(int fd);
int transport_socket_accept(int listener, int *ret_fd);
void transport_socket_close(int fd);
int transport_socket_listen(const struct endpoint *endpoint, int *ret_fd);

#endif
