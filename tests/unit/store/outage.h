/* What a disk may hold after its power went: all that was durable, and any part of what was not.
 *
 * It must not know what is written.  Reads best next: disk.h, power_test.c. */
#ifndef TESTS_STORE_OUTAGE_H
#define TESTS_STORE_OUTAGE_H

#include "disk.h"

struct outage_image {
    uint8_t *bytes;
    size_t size;
};

/* The disk at a moment. */
struct outage {
    struct outage_image durable;
    struct disk_event *waiting; /* in their order; their bytes are borrowed from a trace */
    size_t count;
};

/* Which of the writes that wait have come to the disk.  A sector is 512 bytes, and whole. */
enum outage_loss {
    OUTAGE_ALL_LOST,
    OUTAGE_NONE_LOST, /* as a process that is killed leaves them */
    OUTAGE_ONE_LOST,
    OUTAGE_ONE_KEPT,
    OUTAGE_CUT_WITHIN,   /* all up to a sector of one of them */
    OUTAGE_BEGUN_WITHIN, /* all but a sector of one of them and those before */
    OUTAGE_SECTOR_LOST,
    OUTAGE_SECTOR_KEPT,
    OUTAGE_WRITES, /* at random; so below */
    OUTAGE_PAGES,
    OUTAGE_SECTORS,
    OUTAGE_LOSSES,
};

/* Room for all that a file may become; the same for an outage's. */
struct outage_image outage_image_make(void);
void outage_init(struct outage *outage);
void outage_fini(struct outage *outage);
void outage_copy(struct outage *to, const struct outage *from);

/* A write waits; a flush makes durable all that does. */
void outage_hear(struct outage *outage, const struct disk_event *event);
/* A direct write has ended. */
void outage_end_direct(struct outage *outage);

/* state: of the generator, moved on. */
void outage_make(const struct outage *outage, enum outage_loss loss, uint64_t *state,
                 struct outage_image *ret_image);

uint64_t outage_random(uint64_t *state, uint64_t below);

#endif
