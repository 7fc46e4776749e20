/* Bytes cut into frames, by the size that each begins with.
 *
 * Reads best next: tap.h. */
#include "sim/tap.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/bytes.h"
#include "sim/world.h"

/* Offsets of core/frame.c; the tap reads what was written, whatever it is checked under. */
enum {
    AT_TYPE = 4,
    AT_FLAGS = 5,
    AT_CODE = 6,
    AT_SEQ = 8,
    AT_METHOD = 16,
    AT_AUX = 24,
    AT_TIME = 28,
    AT_DIGEST = 32
};

struct tap_queued {
    struct tap_queued *next;
    uint64_t end; /* the byte after it */
    struct frame frame;
    uint8_t body[];
};

void tap_set(semel_sim *sim, tap_fn *fn, void *user)
{
    sim->tap = fn;
    sim->tap_user = user;
}

void tap_init(struct tap *tap)
{
    *tap = (struct tap){0};
    tap->last = &tap->first;
}

static struct tap_queued *pop(struct tap *tap)
{
    struct tap_queued *queued = tap->first;
    tap->first = queued->next;
    if (tap->first == NULL)
        tap->last = &tap->first;
    return queued;
}

void tap_fini(struct tap *tap)
{
    while (tap->first != NULL)
        free(pop(tap));
    free(tap->bytes);
    tap_init(tap);
}

static struct frame frame_of(const uint8_t *header, size_t size)
{
    return (struct frame){
        .type = (enum frame_type)header[AT_TYPE],
        .flags = header[AT_FLAGS],
        .code = bytes_load16(header + AT_CODE),
        .seq = bytes_load64(header + AT_SEQ),
        .method = bytes_load64(header + AT_METHOD),
        .aux = bytes_load32(header + AT_AUX),
        .time_ms = bytes_load32(header + AT_TIME),
        .digest = bytes_load64(header + AT_DIGEST),
        .body_size = size - FRAME_HEADER_SIZE,
    };
}

static void narrate(const struct tap_frame *seen)
{
    const struct frame *frame = &seen->frame;
    bool has_reason = frame->type == FRAME_REPLY || frame->type == FRAME_REFUSE;
    world_tell(seen->read ? seen->to : seen->from, "%s %s seq %llu, %zu bytes, on connection %llu%s%s%s",
               seen->read ? "reads" : "writes", frame_type_name(frame->type), (unsigned long long)frame->seq,
               FRAME_HEADER_SIZE + frame->body_size, (unsigned long long)seen->connection,
               has_reason && frame->aux != 0 ? ": " : "",
               has_reason && frame->aux != 0 ? semel_reason_name((enum semel_reason)frame->aux) : "",
               seen->ghost ? " (played again)" : "");
}

static void tell(const struct tap_frame *seen)
{
    world_mix(seen->read ? 'R' : 'W', seen->connection, seen->frame.digest ^ seen->frame.seq);
    if (world->traced)
        narrate(seen);
    if (world->tap != NULL)
        world->tap(seen, world->tap_user);
}

static void queue(struct tap *tap, const struct tap_frame *about, size_t size)
{
    struct tap_queued *queued = malloc(sizeof *queued + size);
    assert(queued != NULL);
    queued->next = NULL;
    queued->end = tap->written;
    queued->frame = frame_of(tap->bytes, size);
    memcpy(queued->body, tap->bytes + FRAME_HEADER_SIZE, size - FRAME_HEADER_SIZE);
    queued->frame.body = queued->body;
    *tap->last = queued;
    tap->last = &queued->next;
    struct tap_frame seen = *about;
    seen.frame = queued->frame;
    tell(&seen);
}

/* How many bytes the present frame still wants: first its size, then the rest. */
static size_t wanted(const struct tap *tap)
{
    if (tap->size < 4)
        return 4 - tap->size;
    size_t whole = bytes_load32(tap->bytes);
    assert(whole >= FRAME_HEADER_SIZE); /* what the runtime writes is frames */
    return whole - tap->size;
}

static void append(struct tap *tap, const uint8_t *bytes, size_t size)
{
    if (tap->size + size > tap->capacity) {
        tap->capacity = (tap->size + size) * 2;
        tap->bytes = realloc(tap->bytes, tap->capacity);
        assert(tap->bytes != NULL);
    }
    memcpy(tap->bytes + tap->size, bytes, size);
    tap->size += size;
    tap->written += size;
}

void tap_written(struct tap *tap, const struct tap_frame *about, const uint8_t *bytes, size_t size)
{
    while (size > 0) {
        size_t part = wanted(tap) < size ? wanted(tap) : size;
        append(tap, bytes, part);
        bytes += part;
        size -= part;
        if (tap->size < FRAME_HEADER_SIZE || tap->size < bytes_load32(tap->bytes))
            continue;
        queue(tap, about, tap->size);
        tap->size = 0;
    }
}

void tap_was_read(struct tap *tap, const struct tap_frame *about, uint64_t upto)
{
    while (tap->first != NULL && tap->first->end <= upto) {
        struct tap_queued *queued = pop(tap);
        struct tap_frame seen = *about;
        seen.read = true;
        seen.frame = queued->frame;
        tell(&seen);
        free(queued);
    }
}
