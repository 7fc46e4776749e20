/* A name server for tests: a thread on a loopback socket that answers what it is told, right or wrong.
 *
 * It must not know who asks.  Reads best next: name_test.c. */
#ifndef RUNTIME_NAMES_H
#define RUNTIME_NAMES_H

#include <netinet/in.h>
#include <pthread.h>
#include <stdint.h>

/* How it answers. */
enum names_manner {
    NAMES_ANSWER,   /* with the addresses it has, or that there is no such name */
    NAMES_TOGETHER, /* the same, both families of a name by one system call */
    NAMES_SILENT,   /* not at all */
    NAMES_SIX_LOST, /* questions for IPv6 not at all */
    NAMES_GARBAGE,  /* bytes by chance */
    NAMES_OTHER_ID, /* as if another question were meant */
    NAMES_SHORT,    /* with a header that promises 65535 records, and nothing behind it */
    NAMES_LOOP,     /* with a name that is compressed into itself */
    NAMES_LENGTH,   /* with an IPv4 address of 16 bytes, and one that ends after the packet */
    NAMES_MANY,     /* with 25 addresses, from 127.0.0.8 on */
    NAMES_SERVFAIL, /* that it has failed */
    NAMES_MANNERS
};

enum { NAMES_MAX = 4, NAMES_SEEN = 256 };

struct names {
    char property[64]; /* NameServers=... */
    int fd;
    pthread_t thread;
    pthread_mutex_t mutex; /* guards what follows */
    enum names_manner manner;
    struct in_addr fours[NAMES_MAX];
    unsigned four_count;
    struct in6_addr sixes[NAMES_MAX];
    unsigned six_count;
    unsigned asked;            /* questions, */
    uint32_t seen[NAMES_SEEN]; /* and what tells them apart: one that is slow to be answered is sent again */
};

void names_open(struct names *names);
void names_close(struct names *names);

/* What every name stands for from now on: addresses separated by blanks, "" for none;
 * "here" and "elsewhere" are those of loopback.h. */
void names_say(struct names *names, enum names_manner manner, const char *addresses);
unsigned names_asked(struct names *names);

#endif
