/* What is written ahead: batches in a row of pages of the file, each of which one flush makes durable.  A commit of
 * LMDB takes two, one for its pages and one for the head that names them; so a batch that nobody joined is written
 * here, and comes to its place in the tree with those after it, if it is still wanted then.
 *
 * README.md has the table of bytes.  Whatever is read here is hostile input.  It must not know LMDB, nor what a batch
 * holds.  Reads best next: lmdb.c. */
#ifndef STORE_AHEAD_H
#define STORE_AHEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ahead_batch {
    uint64_t number;
    size_t at; /* where its bytes begin in the area */
    size_t size;
};

struct ahead {
    int fd;          /* borrowed */
    uint64_t offset; /* of the area in the file: a multiple of AHEAD_PAGE */
    size_t size;     /* of the area, likewise; 0: there is none, and nothing is taken */
    uint64_t salt;   /* seeds the checks: what a client sent, and stands in a batch, must not pass for one */
    struct ahead_batch *batches; /* in order, each number one more than the one before */
    size_t count;
    size_t end;            /* behind the last of them: the next goes there */
    size_t wanted;         /* the first of them that is */
    uint64_t wanted_from;  /* the number below which none is, as told last */
    uint64_t wanted_bytes; /* of those that are */
};

/* Each batch begins a page of its own: a write that is cut by a crash hurts no other. */
enum { AHEAD_PAGE = 4096, AHEAD_HEADER_SIZE = 24 };

/* Nothing is in it yet, whatever stands in the area.  false: no memory.  Ended with ahead_fini. */
bool ahead_init(struct ahead *ahead, int fd, uint64_t offset, size_t size, uint64_t salt);
void ahead_fini(struct ahead *ahead);

/* Takes in what was written behind batch `last`, the newest one that is in its place.  area: as it stands in the file.
 * What is cut at the end was never told to be committed, and is left out.  NULL, or what is wrong (static text). */
const char *ahead_find(struct ahead *ahead, const uint8_t *area, uint64_t last);

/* Whether there are pages left for a batch of this size. */
bool ahead_takes(const struct ahead *ahead, size_t size);
/* Writes a batch that is taken, and flushes.  0, or an errno: it may be found later. */
int ahead_write(struct ahead *ahead, uint64_t number, const uint8_t *bytes, size_t size);

/* Batches below are wanted no more; the newest always is, for it knows the last connection number. */
void ahead_want_from(struct ahead *ahead, uint64_t number);
/* All that is wanted has come to its place: the next batch goes to the beginning. */
void ahead_clear(struct ahead *ahead);

#endif
