/* Batches in a row of pages.
 *
 * Reads best next: ahead.h. */
#include "store/ahead.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>

#include "core/bytes.h"
#include "core/digest.h"

static size_t pages_of(size_t size)
{
    return (AHEAD_HEADER_SIZE + size + AHEAD_PAGE - 1) / AHEAD_PAGE;
}

bool ahead_init(struct ahead *ahead, int fd, uint64_t offset, size_t size, uint64_t salt)
{
    assert(offset % AHEAD_PAGE == 0 && size % AHEAD_PAGE == 0);
    *ahead = (struct ahead){.fd = fd, .offset = offset, .size = size, .salt = salt};
    if (size == 0)
        return true;
    ahead->batches = calloc(size / AHEAD_PAGE, sizeof *ahead->batches);
    return ahead->batches != NULL;
}

void ahead_fini(struct ahead *ahead)
{
    free(ahead->batches);
    ahead->batches = NULL;
}

/* ---- a header: the check of all that follows, the number, the size ---- */

static uint64_t check_of(const struct ahead *ahead, const uint8_t *header, const uint8_t *bytes, size_t size)
{
    return digest(bytes, size, digest(header + 8, AHEAD_HEADER_SIZE - 8, ahead->salt));
}

/* Whether a whole batch begins here, with its bytes in the area. */
static bool read_batch(const struct ahead *ahead, const uint8_t *area, size_t at, struct ahead_batch *ret_batch)
{
    const uint8_t *header = area + at;
    uint64_t size = bytes_load64(header + 16);
    if (size > ahead->size - at - AHEAD_HEADER_SIZE)
        return false;
    *ret_batch = (struct ahead_batch){
        .number = bytes_load64(header + 8), .at = at + AHEAD_HEADER_SIZE, .size = (size_t)size};
    return bytes_load64(header) == check_of(ahead, header, area + ret_batch->at, (size_t)size);
}

/* ---- writing and reading ---- */

static void append(struct ahead *ahead, struct ahead_batch batch)
{
    assert(ahead->count < ahead->size / AHEAD_PAGE);
    assert(ahead->count == 0 || batch.number == ahead->batches[ahead->count - 1].number + 1);
    ahead->batches[ahead->count++] = batch;
    ahead->wanted_bytes += batch.size;
    ahead->end = batch.at - AHEAD_HEADER_SIZE + pages_of(batch.size) * AHEAD_PAGE;
}

/* Every page is looked at, not only up to the first that holds nothing whole: a later batch was written after its
 * flush, so that one is missing which was committed.  What has come to its place stands here still, under lower
 * numbers. */
const char *ahead_find(struct ahead *ahead, const uint8_t *area, uint64_t last)
{
    struct ahead_batch batch;
    assert(ahead->count == 0);
    for (size_t at = 0; at < ahead->size;) {
        if (!read_batch(ahead, area, at, &batch)) {
            at += AHEAD_PAGE;
            continue;
        }
        at += pages_of(batch.size) * AHEAD_PAGE;
        if (batch.number <= last)
            continue;
        if (batch.number != last + 1)
            return "a batch that was written ahead is missing";
        append(ahead, batch);
        last = batch.number;
    }
    return NULL;
}

bool ahead_takes(const struct ahead *ahead, size_t size)
{
    return size < ahead->size && pages_of(size) <= (ahead->size - ahead->end) / AHEAD_PAGE;
}

/* Whole pages are written, so that none has to be read for it. */
int ahead_write(struct ahead *ahead, uint64_t number, const uint8_t *bytes, size_t size)
{
    static const uint8_t zeros[AHEAD_PAGE];
    uint8_t header[AHEAD_HEADER_SIZE];
    size_t whole = pages_of(size) * AHEAD_PAGE;
    assert(ahead_takes(ahead, size));
    bytes_store64(header + 8, number);
    bytes_store64(header + 16, size);
    bytes_store64(header, check_of(ahead, header, bytes, size));
    const struct iovec pieces[] = {
        {header, sizeof header}, {(void *)bytes, size}, {(void *)zeros, whole - sizeof header - size}};
    ssize_t written;
    do
        written = pwritev(ahead->fd, pieces, 3, (off_t)(ahead->offset + ahead->end));
    while (written < 0 && errno == EINTR);
    if (written < 0)
        return errno;
    if ((size_t)written != whole)
        return EIO;
    if (fdatasync(ahead->fd) != 0)
        return errno;
    append(ahead, (struct ahead_batch){number, ahead->end + AHEAD_HEADER_SIZE, size});
    return 0;
}

void ahead_want_from(struct ahead *ahead, uint64_t number)
{
    if (number > ahead->wanted_from)
        ahead->wanted_from = number;
    while (ahead->wanted + 1 < ahead->count && ahead->batches[ahead->wanted].number < ahead->wanted_from)
        ahead->wanted_bytes -= ahead->batches[ahead->wanted++].size;
}

void ahead_clear(struct ahead *ahead)
{
    ahead->count = ahead->end = ahead->wanted = 0;
    ahead->wanted_bytes = 0;
}
