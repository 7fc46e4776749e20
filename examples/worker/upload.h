/* The way of a result file to the server: chunks that may be sent again as often as it takes, some of them at once.
 * It must not know: what is in the file, or what comes after it.
 * Reads best next: worker.c. */
#ifndef WORKER_UPLOAD_H
#define WORKER_UPLOAD_H

#include <stdbool.h>
#include <stdint.h>

#include <semel/channel.h>
#include <xxhash.h>

enum { UPLOAD_WINDOW = 4 }; /* chunks under way at once: enough to keep a line busy, and few to send again */

enum upload_end { UPLOAD_STORED, UPLOAD_LATE, UPLOAD_FAILED };

struct upload {
    semel_channel *channel; /* borrowed */
    const char *worker;     /* borrowed */
    void (*ended)(enum upload_end end,
                  void *user); /* called once for each start, but for a file without bytes */
    void *user;
    const char *task; /* borrowed */
    int fd;           /* -1: none */
    uint64_t size;    /* what has been read, and in the end of the whole file */
    XXH3_state_t *hash;
    bool all_read;
    unsigned under_way;
    enum upload_end end;
    semel_status why; /* with UPLOAD_FAILED: what failed first; OK: reading the file */
    uint64_t chunks;  /* of all files: stored, and how often one was sent again */
    uint64_t again;
};

/* Starts to send the file at path.  channel, worker, ended and user are set before; task lives until the end.
 * Returns 0, or an errno value: nothing was sent.  When it returns with under_way at 0, the file has no bytes, and this
 * was all. */
int upload_start(struct upload *upload, const char *task, const char *path);
/* XXH3-64 of what has been read. */
uint64_t upload_digest(const struct upload *upload);
/* Frees what it holds; no call may come any more. */
void upload_fini(struct upload *upload);

#endif
