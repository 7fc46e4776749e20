/* One thread, one connection at a time: a client that comes back ends the connection it had.
 *
 * Reads best next: proxy.h. */
#include "proxy.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "peer.h"

enum { CLIENT, SERVER, SIDES };

static void drop(int *fds)
{
    for (int side = 0; side < SIDES; side++) {
        if (fds[side] >= 0)
            close(fds[side]);
        fds[side] = -1;
    }
}

static void take_client(struct proxy *proxy, int *fds)
{
    struct peer server;
    drop(fds);
    fds[CLIENT] = accept(proxy->listener, NULL, NULL);
    if (proxy->mortal && proxy->cuts > 0) {
        drop(fds);
        return;
    }
    peer_connect(&server, proxy->server);
    fds[SERVER] = server.fd;
    free(server.in);
    proxy->connections++;
}

/* How many of the next bytes may pass before the cut. */
static size_t allowed(const struct proxy *proxy, enum proxy_direction direction, size_t size)
{
    if (direction != proxy->direction || proxy->cuts > 0)
        return size;
    uint64_t left = proxy->cut_after - proxy->passed[direction];
    return left < size ? (size_t)left : size;
}

/* Passes on what has come from one side.  false: the connection is over. */
static bool pump(struct proxy *proxy, int from, int to, enum proxy_direction direction)
{
    uint8_t bytes[65536];
    ssize_t got = recv(from, bytes, sizeof bytes, 0);
    if (got <= 0)
        return false;
    size_t size = allowed(proxy, direction, (size_t)got);
    struct peer out = {.fd = to};
    bool written = peer_write(&out, bytes, size);
    proxy->passed[direction] += size;
    if (direction == proxy->direction && proxy->cuts == 0 && proxy->passed[direction] == proxy->cut_after) {
        proxy->cuts++;
        return false;
    }
    return written;
}

static void *run(void *arg)
{
    struct proxy *proxy = arg;
    int fds[SIDES] = {-1, -1};
    for (;;) {
        struct pollfd polls[] = {{proxy->stop[0], POLLIN, 0},
                                 {proxy->listener, POLLIN, 0},
                                 {fds[CLIENT], POLLIN, 0},
                                 {fds[SERVER], POLLIN, 0}};
        if (poll(polls, 4, -1) < 0 || polls[0].revents != 0)
            break;
        bool alive = true;
        if (polls[2].revents != 0)
            alive = pump(proxy, fds[CLIENT], fds[SERVER], PROXY_TO_SERVER);
        if (alive && polls[3].revents != 0)
            alive = pump(proxy, fds[SERVER], fds[CLIENT], PROXY_TO_CLIENT);
        if (!alive)
            drop(fds);
        if (polls[1].revents != 0)
            take_client(proxy, fds);
    }
    drop(fds);
    return NULL;
}

void proxy_open(struct proxy *proxy, const char *server, enum proxy_direction direction, uint64_t cut_after)
{
    *proxy = (struct proxy){.direction = direction, .cut_after = cut_after};
    snprintf(proxy->server, sizeof proxy->server, "%s", server);
    proxy->listener = peer_listen(proxy->uri);
    cr_assert(pipe(proxy->stop) == 0);
    cr_assert(pthread_create(&proxy->thread, NULL, run, proxy) == 0);
}

void proxy_close(struct proxy *proxy)
{
    cr_assert(write(proxy->stop[1], "", 1) == 1);
    pthread_join(proxy->thread, NULL);
    close(proxy->stop[0]);
    close(proxy->stop[1]);
    close(proxy->listener);
}
