/* Questions in, answers out (RFC 1035, as far as a test needs it).
 *
 * Reads best next: names.h. */
#include "names.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "loopback.h"

enum {
    HEADER = 12,
    PACKET = 4096,
    TYPE_A = 1,
    TYPE_AAAA = 28,
    CODE_SERVFAIL = 2,
    CODE_NXDOMAIN = 3,
    MANY = 25 /* what fits 512 bytes */
};

struct packet {
    unsigned char bytes[PACKET];
    size_t size;
    size_t question; /* where the question ends */
    unsigned type;
    struct sockaddr_in from;
};

static void put16(struct packet *packet, size_t at, unsigned value)
{
    packet->bytes[at] = (unsigned char)(value >> 8);
    packet->bytes[at + 1] = (unsigned char)value;
}

static void append16(struct packet *packet, unsigned value)
{
    put16(packet, packet->size, value);
    packet->size += 2;
}

/* A record of the name that was asked for; length: what it claims to hold. */
static void append_record(struct packet *packet, unsigned type, const void *data, unsigned size,
                          unsigned length)
{
    append16(packet, 0xc000 | HEADER);
    append16(packet, type);
    append16(packet, 1);
    append16(packet, 0);
    append16(packet, 60);
    append16(packet, length);
    memcpy(packet->bytes + packet->size, data, size);
    packet->size += size;
    put16(packet, 6, ((unsigned)packet->bytes[6] << 8 | packet->bytes[7]) + 1);
}

/* false: not a question. */
static bool parse(struct packet *packet)
{
    size_t at = HEADER;
    while (at < packet->size && packet->bytes[at] != 0)
        at += packet->bytes[at] + 1u;
    if (at + 5 > packet->size)
        return false;
    packet->type = (unsigned)packet->bytes[at + 1] << 8 | packet->bytes[at + 2];
    packet->question = at + 5;
    return true;
}

/* Turns the question into an answer without records. */
static void begin_answer(struct packet *packet, unsigned code)
{
    packet->size = packet->question;
    put16(packet, 2, 0x8180 | code);
    for (size_t at = 6; at < HEADER; at += 2)
        put16(packet, at, 0);
}

static void answer(const struct names *names, struct packet *packet)
{
    begin_answer(packet, names->four_count + names->six_count == 0 ? CODE_NXDOMAIN : 0);
    for (unsigned i = 0; packet->type == TYPE_A && i < names->four_count; i++)
        append_record(packet, TYPE_A, &names->fours[i], 4, 4);
    for (unsigned i = 0; packet->type == TYPE_AAAA && i < names->six_count; i++)
        append_record(packet, TYPE_AAAA, &names->sixes[i], 16, 16);
}

static void answer_many(struct packet *packet)
{
    begin_answer(packet, 0);
    for (unsigned i = 0; packet->type == TYPE_A && i < MANY; i++) {
        unsigned char address[4] = {127, 0, 0, (unsigned char)(i + 8)};
        append_record(packet, TYPE_A, address, 4, 4);
    }
}

static void answer_lengths(struct packet *packet)
{
    static const unsigned char zeros[16];
    begin_answer(packet, 0);
    append_record(packet, TYPE_A, zeros, 16, 16);
    append_record(packet, TYPE_A, zeros, 4, 60000);
}

static void answer_loop(struct packet *packet)
{
    begin_answer(packet, 0);
    put16(packet, 6, 1);
    append16(packet, 0xc000 | (unsigned)packet->size); /* the name of the record is itself */
    append16(packet, packet->type);
    append16(packet, 1);
}

static void answer_garbage(struct packet *packet)
{
    for (size_t i = 2; i < 300; i++)
        packet->bytes[i] = (unsigned char)(packet->bytes[0] * 31 + i * 197);
    packet->size = 300;
}

/* false: none is sent. */
static bool make_answer(const struct names *names, struct packet *packet)
{
    switch (names->manner) {
    case NAMES_SILENT: return false;
    case NAMES_SIX_LOST:
        if (packet->type == TYPE_AAAA)
            return false;
        answer(names, packet);
        break;
    case NAMES_GARBAGE: answer_garbage(packet); break;
    case NAMES_SHORT:
        begin_answer(packet, 0);
        put16(packet, 6, 65535);
        break;
    case NAMES_LOOP: answer_loop(packet); break;
    case NAMES_LENGTH: answer_lengths(packet); break;
    case NAMES_MANY: answer_many(packet); break;
    case NAMES_SERVFAIL: begin_answer(packet, CODE_SERVFAIL); break;
    default: answer(names, packet); break;
    }
    if (names->manner == NAMES_OTHER_ID)
        packet->bytes[0] ^= 0xff;
    return true;
}

static void count(struct names *names, const struct packet *packet)
{
    uint32_t this = (uint32_t)packet->bytes[0] << 24 | (uint32_t)packet->bytes[1] << 16 | packet->type;
    for (unsigned i = 0; i < names->asked; i++)
        if (names->seen[i] == this)
            return;
    cr_assert_lt(names->asked, NAMES_SEEN);
    names->seen[names->asked++] = this;
}

/* The client finds both: however busy the machine is, it does not go on without the second (RFC 8305). */
static void send_both(int fd, struct packet *first, struct packet *second)
{
    struct iovec parts[] = {{first->bytes, first->size}, {second->bytes, second->size}};
    struct mmsghdr messages[] = {{.msg_hdr = {.msg_name = &first->from,
                                              .msg_namelen = sizeof first->from,
                                              .msg_iov = &parts[0],
                                              .msg_iovlen = 1}},
                                 {.msg_hdr = {.msg_name = &second->from,
                                              .msg_namelen = sizeof second->from,
                                              .msg_iov = &parts[1],
                                              .msg_iovlen = 1}}};
    (void)sendmmsg(fd, messages, 2, 0);
}

static void *serve(void *arg)
{
    struct names *names = arg;
    struct packet held;
    bool holds = false;
    for (;;) {
        struct packet packet;
        socklen_t size = sizeof packet.from;
        ssize_t got = recvfrom(names->fd, packet.bytes, 512, 0, (struct sockaddr *)&packet.from, &size);
        if (got <= 0)
            return NULL;
        packet.size = (size_t)got;
        if (!parse(&packet))
            continue;
        pthread_mutex_lock(&names->mutex);
        count(names, &packet);
        bool sent = make_answer(names, &packet);
        bool together = names->manner == NAMES_TOGETHER;
        pthread_mutex_unlock(&names->mutex);
        if (together && holds)
            send_both(names->fd, &held, &packet);
        else if (together)
            held = packet;
        holds = together && !holds;
        if (sent && !together)
            (void)sendto(names->fd, packet.bytes, packet.size, 0, (struct sockaddr *)&packet.from, size);
    }
}

void names_open(struct names *names)
{
    struct sockaddr_in address = loopback_any();
    socklen_t size = sizeof address;
    memset(names, 0, sizeof *names);
    names->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    cr_assert(names->fd >= 0 && bind(names->fd, (struct sockaddr *)&address, size) == 0 &&
              getsockname(names->fd, (struct sockaddr *)&address, &size) == 0);
    snprintf(names->property, sizeof names->property, "NameServers=%s:%u", loopback_here(),
             ntohs(address.sin_port));
    pthread_mutex_init(&names->mutex, NULL);
    cr_assert_eq(pthread_create(&names->thread, NULL, serve, names), 0);
}

void names_close(struct names *names)
{
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    cr_assert_eq(getsockname(names->fd, (struct sockaddr *)&address, &size), 0);
    cr_assert_eq(sendto(names->fd, "", 0, 0, (struct sockaddr *)&address, size), 0); /* the last one */
    pthread_join(names->thread, NULL);
    close(names->fd);
    pthread_mutex_destroy(&names->mutex);
}

void names_say(struct names *names, enum names_manner manner, const char *addresses)
{
    pthread_mutex_lock(&names->mutex);
    names->manner = manner;
    names->four_count = names->six_count = 0;
    while (*addresses != '\0') {
        char text[INET6_ADDRSTRLEN];
        size_t length = strcspn(addresses, " ");
        snprintf(text, sizeof text, "%.*s", (int)length, addresses);
        if (strcmp(text, "here") == 0 || strcmp(text, "elsewhere") == 0)
            snprintf(text, sizeof text, "%s", *text == 'h' ? loopback_here() : loopback_elsewhere());
        if (inet_pton(AF_INET, text, &names->fours[names->four_count]) == 1)
            names->four_count++;
        else if (inet_pton(AF_INET6, text, &names->sixes[names->six_count]) == 1)
            names->six_count++;
        else
            cr_assert_fail("'%s' is no address", text);
        addresses += length + strspn(addresses + length, " ");
    }
    pthread_mutex_unlock(&names->mutex);
}

unsigned names_asked(struct names *names)
{
    pthread_mutex_lock(&names->mutex);
    unsigned asked = names->asked;
    pthread_mutex_unlock(&names->mutex);
    return asked;
}
