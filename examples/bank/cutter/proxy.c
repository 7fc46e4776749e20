/* Accepting, joining and cutting connections.
 * It must not know: command lines, signals, or what the bytes mean.
 * Reads best next: main.c. */
#include "proxy.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    CONNECTIONS_MAX = 400, /* two descriptors each: below the usual limit of 1024 */
    ENDING_MS_MAX = 50,    /* long enough for a reply to get lost, short beside a heartbeat */
};

struct connection {
    struct proxy *proxy;
    struct connection *next;
    struct connection *prev;
    uint64_t number; /* 1 for the first */
    int client;
    int server;
    ev_io connected;
    ev_timer ending; /* active: it has been cut, and is soon closed */
    struct flow up;
    struct flow down;
};

static void unlink_connection(struct proxy *proxy, struct connection *connection)
{
    if (connection->prev == NULL)
        proxy->connections = connection->next;
    else
        connection->prev->next = connection->next;
    if (connection->next != NULL)
        connection->next->prev = connection->prev;
    proxy->count--;
}

static void reset_on_close(int fd)
{
    struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

static void end_connection(struct proxy *proxy, struct connection *connection, bool reset)
{
    unlink_connection(proxy, connection);
    flow_stop(&connection->up);
    flow_stop(&connection->down);
    ev_io_stop(proxy->loop, &connection->connected);
    ev_timer_stop(proxy->loop, &connection->ending);
    if (reset) {
        reset_on_close(connection->client);
        reset_on_close(connection->server);
    }
    close(connection->client);
    close(connection->server);
    free(connection);
    ev_io_start(proxy->loop, &proxy->acceptable); /* a place is free again */
}

static void end_soon(struct connection *connection, uint64_t ms)
{
    ev_timer_set(&connection->ending, (double)ms / 1000.0, 0.);
    ev_timer_start(connection->proxy->loop, &connection->ending);
}

/* Both sides see an ordinary end.  What they still send is read: closing at once would turn the end into a reset. */
static void close_in_good_order(struct connection *connection)
{
    flow_silence(&connection->up);
    flow_silence(&connection->down);
    shutdown(connection->client, SHUT_WR);
    shutdown(connection->server, SHUT_WR);
    end_soon(connection, ENDING_MS_MAX);
}

/* A cut takes one of three forms: the ways in which real networks fail a connection. */
static void cut(struct connection *connection, struct flow *flow)
{
    struct proxy *proxy = connection->proxy;
    struct dice *dice = &flow->schedule.dice;
    uint64_t form = dice_below(dice, 3);
    proxy->counters.cuts++;
    if (form == 1 && !proxy->plan.no_one_way) {
        proxy->counters.cuts_one_way++;
        flow_silence(flow);
        end_soon(connection, 1 + dice_below(dice, ENDING_MS_MAX));
    } else if (form == 2 && !proxy->plan.no_reset) {
        proxy->counters.cuts_reset++;
        end_connection(proxy, connection, true);
    } else {
        proxy->counters.cuts_closed++;
        close_in_good_order(connection);
    }
}

static void on_flow_event(struct flow *flow, enum flow_event event, void *user)
{
    struct connection *connection = user;
    bool cut_already = ev_is_active(&connection->ending);
    if (event == FLOW_FINISHED && !(connection->up.done && connection->down.done))
        return;
    if (event == FLOW_CUT && !cut_already)
        cut(connection, flow);
    else
        end_connection(connection->proxy, connection, event == FLOW_BROKEN && !cut_already);
}

static void on_ending_over(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop, (void)events;
    struct connection *connection = timer->data;
    end_connection(connection->proxy, connection, false);
}

static void on_connected(struct ev_loop *loop, ev_io *io, int events)
{
    (void)events;
    struct connection *connection = io->data;
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(connection->server, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) {
        connection->proxy->counters.refused++;
        end_connection(connection->proxy, connection, true);
        return;
    }
    ev_io_stop(loop, io);
    flow_start(&connection->up);
    flow_start(&connection->down);
}

/* The two kinds of cuts whose place is not drawn from the mean distance. */
static void place_special_cuts(struct connection *connection)
{
    const struct plan *plan = &connection->proxy->plan;
    struct flow *flows[2] = {&connection->up, &connection->down};
    for (int way = 0; way < 2; way++) {
        struct schedule *schedule = &flows[way]->schedule;
        if (!plan->faulty[way])
            continue;
        if (plan->cut_after_bytes > 0)
            schedule_set(schedule, FAULT_CUT, plan->cut_after_bytes);
        else if (plan->mean[FAULT_CUT] > 0 && dice_percent(&schedule->dice, plan->early_percent))
            schedule_set(schedule, FAULT_CUT, dice_below(&schedule->dice, EARLY_BYTES));
    }
}

static struct connection *create_connection(struct proxy *proxy, int client, int server)
{
    struct connection *connection = calloc(1, sizeof *connection);
    if (connection == NULL)
        return NULL;
    *connection = (struct connection){.proxy = proxy, .client = client, .server = server};
    connection->number = ++proxy->counters.connections;
    connection->next = proxy->connections;
    if (connection->next != NULL)
        connection->next->prev = connection;
    proxy->connections = connection;
    proxy->count++;
    struct flow common = {.loop = proxy->loop, .plan = &proxy->plan, .counters = &proxy->counters};
    connection->up = common;
    connection->down = common;
    flow_init(&connection->up, WAY_UP, client, server, 2 * connection->number, on_flow_event, connection);
    flow_init(&connection->down, WAY_DOWN, server, client, 2 * connection->number + 1, on_flow_event,
              connection);
    place_special_cuts(connection);
    ev_io_init(&connection->connected, on_connected, server, EV_WRITE);
    ev_timer_init(&connection->ending, on_ending_over, 0., 0.);
    connection->connected.data = connection->ending.data = connection;
    return connection;
}

static int dial(const struct address *to)
{
    int fd = socket(to->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (connect(fd, (const struct sockaddr *)&to->storage, to->size) < 0 && errno != EINPROGRESS) {
        close(fd);
        return -1;
    }
    return fd;
}

static void do_not_delay(int fd)
{
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

static void on_acceptable(struct ev_loop *loop, ev_io *io, int events)
{
    (void)events;
    struct proxy *proxy = io->data;
    int client = accept4(io->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (client < 0)
        return;
    int server = dial(&proxy->to);
    struct connection *connection = server < 0 ? NULL : create_connection(proxy, client, server);
    if (connection == NULL) {
        proxy->counters.refused++;
        reset_on_close(client);
        close(client);
        if (server >= 0)
            close(server);
        return;
    }
    do_not_delay(client);
    do_not_delay(server);
    ev_io_start(loop, &connection->connected);
    if (proxy->count == CONNECTIONS_MAX)
        ev_io_stop(loop, io); /* the rest wait in the backlog */
}

int proxy_open(struct proxy *proxy, const struct address *listen_at, struct address *ret_bound)
{
    int fd = socket(listen_at->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return errno;
    int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    ret_bound->size = sizeof ret_bound->storage;
    if (bind(fd, (const struct sockaddr *)&listen_at->storage, listen_at->size) < 0 ||
        listen(fd, SOMAXCONN) < 0 ||
        getsockname(fd, (struct sockaddr *)&ret_bound->storage, &ret_bound->size) < 0) {
        int error = errno;
        close(fd);
        return error;
    }
    ev_io_init(&proxy->acceptable, on_acceptable, fd, EV_READ);
    proxy->acceptable.data = proxy;
    ev_io_start(proxy->loop, &proxy->acceptable);
    return 0;
}

void proxy_close(struct proxy *proxy)
{
    while (proxy->connections != NULL) {
        assert(proxy->connections->prev == NULL);
        end_connection(proxy, proxy->connections, false);
    }
    assert(proxy->count == 0);
    ev_io_stop(proxy->loop, &proxy->acceptable);
    close(proxy->acceptable.fd);
}
