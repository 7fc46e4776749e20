/* A disk that is listened to: what is written to one file, and what of it was made durable when.  The system calls are
 * taken from under the store and LMDB alike; what they do is done all the same, but for flushing.
 *
 * It must not know what is written.  Reads best next: outage.h. */
#ifndef TESTS_STORE_DISK_H
#define TESTS_STORE_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum disk_kind {
    DISK_WRITE, /* in memory, until it is flushed */
    DISK_CUT,   /* the file ends at offset; likewise */
    DISK_FLUSH, /* all before is durable */
    DISK_MARK,  /* its listener's own */
};

struct disk_event {
    enum disk_kind kind;
    bool direct; /* WRITE: durable once the call has ended, this one alone (O_DSYNC) */
    uint64_t offset;
    uint8_t *bytes;
    size_t size;
    int mark;
    uint64_t value;
};

struct disk_trace {
    struct disk_event *events;
    size_t count;
    size_t capacity;
};

/* From now on, until disk_stop, what happens to the file goes to the end of the trace. */
void disk_listen(const char *path, struct disk_trace *trace);
void disk_stop(void);
/* Does nothing while nobody listens. */
void disk_mark(int mark, uint64_t value);
/* How often a folder was flushed since this process began. */
unsigned disk_folder_flushes(void);
void disk_trace_fini(struct disk_trace *trace);

/* Makes the file these bytes, unheard. */
void disk_fill(const char *path, const uint8_t *bytes, size_t size);

#endif
