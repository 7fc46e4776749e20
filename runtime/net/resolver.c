/* Look-ups over c-ares, whose sockets and timer are the loop's.
 *
 * Reads best next: resolver.h, core/order.h for the order of the addresses. */
#include "net/resolver.h"

#include <ares.h>
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "core/limits.h"
#include "core/order.h"
#include "core/units.h"

enum {
    /* A name server is asked again after this; the time of the whole look-up is its owner's. */
    SERVER_WAIT_MS = 1000,
    SERVER_TRIES = 3,
};

/* A socket of c-ares. */
struct channel_io {
    struct loop_io io;
    struct channel_io *next;
    struct resolver *resolver;
    ares_socket_t fd;
};

struct resolver {
    struct loop *loop;
    char *servers;
    ares_channel hosts; /* reads /etc/hosts only, which thus has the last word on both families */
    ares_channel ares;  /* asks name servers.  NULL: to be made by the next look-up, like hosts */
    struct channel_io *ios;
    struct timer timer;
    struct loop_task settle_task;
    size_t asked;     /* questions without an answer */
    bool unreachable; /* the servers were: they may be others by now */
};

/* One family of one look-up, as long as c-ares works on it. */
struct question {
    struct resolver *resolver;
    struct lookup *lookup; /* NULL: nobody wants to know any more */
};

enum { FOUR, SIX, FAMILIES };

struct lookup {
    struct resolver *resolver;
    struct endpoint endpoint;
    uint16_t port;
    lookup_fn *done;
    void *owner;
    struct timer timer;
    struct loop_task end_task;
    struct question *questions[FAMILIES]; /* NULL: answered */
    unsigned waiting;                     /* for how many answers */
    struct endpoint addresses[FAMILIES * LIMIT_ADDRESSES];
    size_t count;
    const char *text; /* what was wrong, for want of addresses */
    int os_error;
};

/* ---- c-ares on the loop ---- */

/* The next moment at which c-ares wants to be called without an event. */
static void arm(struct resolver *resolver)
{
    struct timeval wait;
    if (resolver->ares == NULL || ares_timeout(resolver->ares, NULL, &wait) == NULL) {
        loop_timer_stop(resolver->loop, &resolver->timer);
        return;
    }
    int64_t wait_ns = wait.tv_sec * MS_IN_NS * 1000 + wait.tv_usec * INT64_C(1000);
    /* Without memory for it the look-up ends with its own time. */
    (void)loop_timer_start(resolver->loop, &resolver->timer, loop_now(resolver->loop) + wait_ns);
}

static void on_timer(struct timer *timer)
{
    struct resolver *resolver = container_of(timer, struct resolver, timer);
    ares_process_fd(resolver->ares, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    arm(resolver);
}

static void on_ready(struct loop_io *io, bool readable, bool writable)
{
    const struct channel_io *own = container_of(io, struct channel_io, io);
    struct resolver *resolver = own->resolver;
    ares_socket_t fd = own->fd; /* own may be gone after this */
    ares_process_fd(resolver->ares, readable ? fd : ARES_SOCKET_BAD, writable ? fd : ARES_SOCKET_BAD);
    arm(resolver);
}

static struct channel_io **find_io(struct resolver *resolver, ares_socket_t fd)
{
    struct channel_io **link = &resolver->ios;
    while (*link != NULL && (*link)->fd != fd)
        link = &(*link)->next;
    return link;
}

static void on_socket(void *user, ares_socket_t fd, int readable, int writable)
{
    struct resolver *resolver = user;
    struct channel_io **link = find_io(resolver, fd);
    struct channel_io *own = *link;
    if (own == NULL) {
        own = malloc(sizeof *own);
        if (own == NULL)
            return; /* unheard, it ends with its time */
        *own = (struct channel_io){.resolver = resolver, .fd = fd};
        loop_io_open(resolver->loop, &own->io, fd, on_ready);
        *link = own;
    }
    loop_io_want(&own->io, readable != 0, writable != 0);
    if (readable || writable)
        return;
    loop_io_close(&own->io);
    link = find_io(resolver, fd);
    *link = own->next;
    free(own);
}

static pthread_once_t library_once = PTHREAD_ONCE_INIT;

/* Never undone: other users of the library in this process have their own count, which is not safe among threads. */
static void init_library(void)
{
    (void)ares_library_init(ARES_LIB_INIT_ALL);
}

/* "a b" as c-ares wants it: "a,b". */
static int set_servers(ares_channel ares, const char *servers)
{
    char *list = strdup(servers);
    if (list == NULL)
        return ARES_ENOMEM;
    for (char *at = list; *at != '\0'; at++)
        if (*at == ' ')
            *at = ',';
    int status = ares_set_servers_ports_csv(ares, list);
    free(list);
    return status;
}

/* Returns what c-ares said. */
static int open_ares(struct resolver *resolver)
{
    static char hosts[] = "f", servers[] = "b";
    struct ares_options options = {.timeout = SERVER_WAIT_MS,
                                   .tries = SERVER_TRIES,
                                   .lookups = hosts,
                                   .sock_state_cb = on_socket,
                                   .sock_state_cb_data = resolver};
    const int mask = ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS | ARES_OPT_SOCK_STATE_CB;
    pthread_once(&library_once, init_library);
    int status = ares_init_options(&resolver->hosts, &options, mask);
    if (status != ARES_SUCCESS)
        return status;
    options.lookups = servers;
    status = ares_init_options(&resolver->ares, &options, mask);
    if (status == ARES_SUCCESS && resolver->servers[0] != '\0') {
        status = set_servers(resolver->ares, resolver->servers);
        if (status != ARES_SUCCESS)
            ares_destroy(resolver->ares);
    }
    if (status != ARES_SUCCESS) {
        ares_destroy(resolver->hosts);
        resolver->ares = NULL;
    }
    return status;
}

static void close_ares(struct resolver *resolver)
{
    if (resolver->ares == NULL)
        return;
    /* First cancelled: some versions answer a question twice that is still open when they are destroyed. */
    ares_cancel(resolver->ares);
    ares_destroy(resolver->ares);
    ares_destroy(resolver->hosts);
    resolver->ares = NULL;
    arm(resolver);
    assert(resolver->asked == 0 && resolver->ios == NULL);
}

/* Not inside c-ares.  Servers that could not be reached are read anew. */
static void on_settle(struct loop_task *task)
{
    struct resolver *resolver = container_of(task, struct resolver, settle_task);
    if (resolver->unreachable && resolver->asked == 0)
        close_ares(resolver);
    resolver->unreachable = false;
}

struct resolver *resolver_create(struct loop *loop, const char *servers)
{
    struct resolver *resolver = calloc(1, sizeof *resolver);
    char *copy = strdup(servers);
    if (resolver == NULL || copy == NULL) {
        free(resolver);
        free(copy);
        return NULL;
    }
    *resolver = (struct resolver){.loop = loop, .servers = copy};
    timer_init(&resolver->timer, on_timer);
    loop_task_init(&resolver->settle_task, on_settle);
    return resolver;
}

void resolver_destroy(struct resolver *resolver)
{
    if (resolver == NULL)
        return;
    close_ares(resolver);
    loop_task_cancel(resolver->loop, &resolver->settle_task);
    free(resolver->servers);
    free(resolver);
}

/* ---- look-ups ---- */

static void forget(struct lookup *lookup)
{
    for (int family = 0; family < FAMILIES; family++)
        if (lookup->questions[family] != NULL)
            lookup->questions[family]->lookup = NULL;
    loop_timer_stop(lookup->resolver->loop, &lookup->timer);
    loop_task_cancel(lookup->resolver->loop, &lookup->end_task);
}

/* The addresses found, families in turn. */
static size_t lay_out(const struct lookup *lookup, struct endpoint ordered[FAMILIES * LIMIT_ADDRESSES])
{
    bool is_six[FAMILIES * LIMIT_ADDRESSES];
    size_t order[FAMILIES * LIMIT_ADDRESSES];
    for (size_t i = 0; i < lookup->count; i++)
        is_six[i] = lookup->addresses[i].address.ss_family == AF_INET6;
    order_families(is_six, lookup->count, order);
    for (size_t i = 0; i < lookup->count; i++)
        ordered[i] = lookup->addresses[order[i]];
    return lookup->count < LIMIT_ADDRESSES ? lookup->count : LIMIT_ADDRESSES;
}

static void on_end(struct loop_task *task)
{
    struct lookup *lookup = container_of(task, struct lookup, end_task);
    struct endpoint ordered[FAMILIES * LIMIT_ADDRESSES];
    const struct lookup_result result = {.addresses = ordered,
                                         .count = lay_out(lookup, ordered),
                                         .os_error = lookup->os_error,
                                         .text = lookup->text};
    lookup_fn *done = lookup->done;
    void *owner = lookup->owner;
    forget(lookup);
    free(lookup);
    done(&result, owner);
}

/* Its time is over: what is there has to do. */
static void on_late(struct timer *timer)
{
    struct lookup *lookup = container_of(timer, struct lookup, timer);
    lookup->text = "no answer in time";
    lookup->os_error = ETIMEDOUT;
    loop_later(lookup->resolver->loop, &lookup->end_task);
}

static void keep(struct lookup *lookup, const struct ares_addrinfo_node *node)
{
    struct endpoint *endpoint = &lookup->addresses[lookup->count];
    *endpoint = lookup->endpoint;
    if (node->ai_addrlen > sizeof endpoint->address)
        return;
    memcpy(&endpoint->address, node->ai_addr, node->ai_addrlen);
    endpoint->address_size = node->ai_addrlen;
    if (node->ai_family == AF_INET6)
        ((struct sockaddr_in6 *)&endpoint->address)->sin6_port = htons(lookup->port);
    else
        ((struct sockaddr_in *)&endpoint->address)->sin_port = htons(lookup->port);
    lookup->count++;
}

static void take(struct lookup *lookup, int family, const struct ares_addrinfo *found)
{
    size_t kept = 0;
    for (const struct ares_addrinfo_node *node = found->nodes; node != NULL && kept < LIMIT_ADDRESSES;
         node = node->ai_next) {
        if (node->ai_family != (family == SIX ? AF_INET6 : AF_INET))
            continue;
        keep(lookup, node);
        kept++;
    }
}

/* Whether a failure says that nobody answered, as opposed to what was answered. */
static bool is_unreachable(int status)
{
    return status == ARES_ETIMEOUT || status == ARES_ECONNREFUSED;
}

static void note_failure(struct lookup *lookup, int status)
{
    lookup->text = ares_strerror(status);
    lookup->os_error = status == ARES_ETIMEOUT ? ETIMEDOUT : 0;
}

/* One family is answered: the other one is waited for, a little if there are addresses already. */
static void go_on(struct lookup *lookup)
{
    struct loop *loop = lookup->resolver->loop;
    if (lookup->waiting == 0) {
        loop_later(loop, &lookup->end_task);
        return;
    }
    int64_t due_ns = loop_now(loop) + LIMIT_RESOLUTION_DELAY_MS * MS_IN_NS;
    if (lookup->count > 0 && due_ns < lookup->timer.due_ns && !loop_timer_start(loop, &lookup->timer, due_ns))
        loop_later(loop, &lookup->end_task);
}

static void on_answer(void *user, int status, int timeouts, struct ares_addrinfo *found)
{
    (void)timeouts;
    struct question *question = user;
    struct lookup *lookup = question->lookup;
    struct resolver *resolver = question->resolver;
    resolver->asked--;
    resolver->unreachable |= is_unreachable(status);
    if (resolver->unreachable)
        loop_later(resolver->loop, &resolver->settle_task);
    if (lookup != NULL) {
        int family = lookup->questions[SIX] == question ? SIX : FOUR;
        lookup->questions[family] = NULL;
        lookup->waiting--;
        if (status == ARES_SUCCESS)
            take(lookup, family, found);
        else
            note_failure(lookup, status);
        go_on(lookup);
    }
    if (found != NULL)
        ares_freeaddrinfo(found);
    free(question);
}

/* Answered before it returns. */
static void on_hosts(void *user, int status, int timeouts, struct ares_addrinfo *found)
{
    (void)timeouts;
    struct lookup *lookup = user;
    if (status == ARES_SUCCESS) {
        take(lookup, SIX, found);
        take(lookup, FOUR, found);
    }
    if (found != NULL)
        ares_freeaddrinfo(found);
}

/* false: no memory.  The answer may be there before it returns. */
static bool ask(struct lookup *lookup, int family, const char *host)
{
    const struct ares_addrinfo_hints hints = {.ai_family = family == SIX ? AF_INET6 : AF_INET,
                                              .ai_socktype = SOCK_STREAM};
    struct question *question = malloc(sizeof *question);
    if (question == NULL)
        return false;
    *question = (struct question){.resolver = lookup->resolver, .lookup = lookup};
    lookup->questions[family] = question;
    lookup->resolver->asked++;
    ares_getaddrinfo(lookup->resolver->ares, host, NULL, &hints, on_answer, question);
    return true;
}

/* Returns what c-ares said. */
static int ask_around(struct lookup *lookup)
{
    struct resolver *resolver = lookup->resolver;
    const struct ares_addrinfo_hints either = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    char host[SEMEL_ENDPOINT_TEXT_MAX];
    endpoint_host(&lookup->endpoint, host, &lookup->port);
    int status = resolver->ares != NULL ? ARES_SUCCESS : open_ares(resolver);
    if (status != ARES_SUCCESS)
        return status;
    ares_getaddrinfo(resolver->hosts, host, NULL, &either, on_hosts, lookup);
    if (lookup->count > 0) {
        loop_later(resolver->loop, &lookup->end_task);
        return ARES_SUCCESS;
    }
    lookup->waiting = FAMILIES;
    if (!ask(lookup, SIX, host) || !ask(lookup, FOUR, host))
        return ARES_ENOMEM;
    arm(resolver);
    return ARES_SUCCESS;
}

struct lookup *lookup_begin(struct resolver *resolver, const struct endpoint *endpoint, int64_t timeout_ns,
                            lookup_fn *done, void *owner)
{
    struct lookup *lookup = calloc(1, sizeof *lookup);
    if (lookup == NULL)
        return NULL;
    lookup->resolver = resolver;
    lookup->endpoint = *endpoint;
    lookup->done = done;
    lookup->owner = owner;
    lookup->text = "no address";
    timer_init(&lookup->timer, on_late);
    loop_task_init(&lookup->end_task, on_end);
    if (!loop_timer_start(resolver->loop, &lookup->timer, loop_now(resolver->loop) + timeout_ns)) {
        free(lookup);
        return NULL;
    }
    int status = ask_around(lookup);
    if (status != ARES_SUCCESS) {
        note_failure(lookup, status);
        loop_later(resolver->loop, &lookup->end_task);
    }
    return lookup;
}

void lookup_cancel(struct lookup *lookup)
{
    if (lookup == NULL)
        return;
    forget(lookup);
    free(lookup);
}
