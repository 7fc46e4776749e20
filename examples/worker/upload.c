/* The window of chunks of upload.h.
 * It must not know: what is in the file, or what comes after it.
 * Reads best next: worker.c. */
#include "upload.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "results.h"
#include "worker.semel.h"

static void close_file(struct upload *upload)
{
    if (upload->fd >= 0)
        close(upload->fd);
    upload->fd = -1;
}

/* Fills data from the file; false: it cannot be read. */
static bool read_chunk(struct upload *upload, unsigned char *data, size_t *ret_size)
{
    *ret_size = 0;
    while (*ret_size < CHUNK_BYTES && !upload->all_read) {
        ssize_t count = read(upload->fd, data + *ret_size, CHUNK_BYTES - *ret_size);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return false;
        upload->all_read = count == 0;
        *ret_size += (size_t)count;
    }
    return true;
}

static void on_stored(const demo_PutChunkReply *reply, const demo_TestServer_PutChunk_error *error,
                      const semel_status *status, void *user);

/* Sends the next chunk, if there is one.  Returns 0, or an errno value. */
static int send_next(struct upload *upload)
{
    demo_PutChunkRequest in = {.offset = upload->size};
    size_t size;
    if (!read_chunk(upload, in.data.bytes, &size))
        return errno;
    if (size == 0)
        return 0;
    in.data.size = (pb_size_t)size;
    in.digest = XXH3_64bits(in.data.bytes, size);
    snprintf(in.worker, sizeof in.worker, "%s", upload->worker);
    snprintf(in.task, sizeof in.task, "%s", upload->task);
    enum semel_code code = demo_TestServer_PutChunk_start(upload->channel, &in, NULL, NULL, on_stored, upload);
    if (code != SEMEL_OK)
        return code == SEMEL_INVALID_ARGUMENT ? EMSGSIZE : EBUSY; /* FrameLimit; too many log lines under way */
    XXH3_64bits_update(upload->hash, in.data.bytes, size);
    upload->size += size;
    upload->under_way++;
    return 0;
}

/* Whether it was written whole on a connection that was lost: then it may have been stored twice. */
static bool was_sent_before(const semel_status *status)
{
    for (uint32_t i = 0; i < status->trail_count; i++)
        if (status->trail[i].lost && status->trail[i].progress == SEMEL_PROGRESS_WRITTEN)
            return true;
    return false;
}

static void on_stored(const demo_PutChunkReply *reply, const demo_TestServer_PutChunk_error *error,
                      const semel_status *status, void *user)
{
    struct upload *upload = user;
    (void)reply;
    upload->under_way--;
    upload->chunks += status->code == SEMEL_OK;
    upload->again += was_sent_before(status);
    if (error != NULL && error->which == demo_TestServer_PutChunk_error_TaskClosed) {
        upload->end = UPLOAD_LATE;
    } else if (status->code != SEMEL_OK && upload->end == UPLOAD_STORED) {
        upload->end = UPLOAD_FAILED;
        upload->why = *status;
    }
    if (upload->end == UPLOAD_STORED && send_next(upload) != 0)
        upload->end = UPLOAD_FAILED;
    if (upload->under_way > 0)
        return;
    close_file(upload);
    upload->ended(upload->end, upload->user);
}

int upload_start(struct upload *upload, const char *task, const char *path)
{
    upload->task = task;
    upload->size = 0;
    upload->all_read = false;
    upload->end = UPLOAD_STORED;
    semel_status_init(&upload->why);
    if (upload->hash == NULL)
        upload->hash = XXH3_createState();
    if (upload->hash == NULL)
        return ENOMEM;
    XXH3_64bits_reset(upload->hash);
    upload->fd = open(path, O_RDONLY | O_CLOEXEC);
    int error = upload->fd < 0 ? errno : 0;
    for (int i = 0; i < UPLOAD_WINDOW && error == 0; i++)
        error = send_next(upload);
    if (error != 0 && upload->under_way > 0) { /* told when those are back */
        upload->end = UPLOAD_FAILED;
        return 0;
    }
    if (upload->under_way == 0)
        close_file(upload);
    return error;
}

uint64_t upload_digest(const struct upload *upload)
{
    return XXH3_64bits_digest(upload->hash);
}

void upload_fini(struct upload *upload)
{
    close_file(upload);
    XXH3_freeState(upload->hash);
}
