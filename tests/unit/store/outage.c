/* Images of a disk whose power went.
 *
 * Reads best next: outage.h. */
#include "outage.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

enum { SECTOR = 512, PAGE = 4096, ROOM = 24 << 20, WAITING_MAX = 4096 };

uint64_t outage_random(uint64_t *state, uint64_t below)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return (*state >> 11) % below;
}

/* ---- the disk at a moment ---- */

struct outage_image outage_image_make(void)
{
    struct outage_image image = {.bytes = calloc(1, ROOM)};
    cr_assert_not_null(image.bytes);
    return image;
}

void outage_init(struct outage *outage)
{
    *outage = (struct outage){.durable = outage_image_make(),
                              .waiting = calloc(WAITING_MAX, sizeof *outage->waiting)};
    cr_assert_not_null(outage->waiting);
}

void outage_fini(struct outage *outage)
{
    free(outage->durable.bytes);
    free(outage->waiting);
}

/* Behind its end an image is zero. */
static void end_at(struct outage_image *image, size_t size)
{
    cr_assert_leq(size, ROOM);
    if (size < image->size)
        memset(image->bytes + size, 0, image->size - size);
    image->size = size;
}

static void copy_image(struct outage_image *to, const struct outage_image *from)
{
    end_at(to, from->size);
    memcpy(to->bytes, from->bytes, from->size);
}

void outage_copy(struct outage *to, const struct outage *from)
{
    copy_image(&to->durable, &from->durable);
    memcpy(to->waiting, from->waiting, from->count * sizeof *from->waiting);
    to->count = from->count;
}

/* From one byte of a write to another. */
static void apply(struct outage_image *image, const struct disk_event *event, size_t from, size_t to)
{
    if (event->kind == DISK_CUT) {
        end_at(image, event->offset);
        return;
    }
    if (from >= to)
        return;
    if (event->offset + to > image->size)
        end_at(image, event->offset + to);
    memcpy(image->bytes + event->offset + from, event->bytes + from, to - from);
}

static void apply_whole(struct outage_image *image, const struct disk_event *event)
{
    apply(image, event, 0, event->size);
}

void outage_hear(struct outage *outage, const struct disk_event *event)
{
    if (event->kind == DISK_WRITE || event->kind == DISK_CUT) {
        cr_assert_lt(outage->count, WAITING_MAX);
        outage->waiting[outage->count++] = *event;
    } else if (event->kind == DISK_FLUSH) {
        for (size_t i = 0; i < outage->count; i++)
            apply_whole(&outage->durable, &outage->waiting[i]);
        outage->count = 0;
    }
}

void outage_end_direct(struct outage *outage)
{
    cr_assert(outage->count > 0 && outage->waiting[outage->count - 1].direct);
    apply_whole(&outage->durable, &outage->waiting[--outage->count]);
}

/* ---- what is left of it ---- */

/* The units of a write end where those of the disk do. */
static size_t unit_end(const struct disk_event *event, size_t at, size_t unit)
{
    size_t end = (size_t)((event->offset + at) / unit * unit + unit - event->offset);
    return end < event->size ? end : event->size;
}

static void apply_some(struct outage_image *image, const struct disk_event *event, size_t unit, uint64_t *state)
{
    for (size_t at = 0, end; at < event->size; at = end) {
        end = unit_end(event, at, unit);
        if (outage_random(state, 2) == 0)
            apply(image, event, at, end);
    }
}

/* One write is torn at a sector, which stands for its place among all. */
static void apply_torn(struct outage_image *image, const struct disk_event *event, enum outage_loss loss,
                       uint64_t *state)
{
    size_t at = event->size == 0 ? 0 : (size_t)outage_random(state, event->size);
    size_t end = event->size == 0 ? 0 : unit_end(event, at, SECTOR);
    size_t begin = end > SECTOR ? unit_end(event, end - SECTOR - 1, SECTOR) : 0;
    begin = end <= begin ? 0 : begin;
    if (loss == OUTAGE_CUT_WITHIN || loss == OUTAGE_SECTOR_LOST)
        apply(image, event, 0, begin);
    if (loss == OUTAGE_SECTOR_KEPT)
        apply(image, event, begin, end);
    if (loss == OUTAGE_BEGUN_WITHIN || loss == OUTAGE_SECTOR_LOST)
        apply(image, event, end, event->size);
}

static void apply_one(struct outage_image *image, const struct disk_event *event, enum outage_loss loss,
                      bool chosen, bool before, uint64_t *state)
{
    bool kept = false;
    switch (loss) {
    case OUTAGE_NONE_LOST: kept = true; break;
    case OUTAGE_ONE_LOST: kept = !chosen; break;
    case OUTAGE_ONE_KEPT: kept = chosen; break;
    case OUTAGE_CUT_WITHIN: kept = before; break;
    case OUTAGE_BEGUN_WITHIN: kept = !before && !chosen; break;
    case OUTAGE_SECTOR_LOST: kept = !chosen; break;
    case OUTAGE_WRITES: kept = outage_random(state, 2) == 0; break;
    default: break;
    }
    if (kept)
        apply_whole(image, event);
    else if (chosen)
        apply_torn(image, event, loss, state);
    if (loss == OUTAGE_PAGES || loss == OUTAGE_SECTORS)
        apply_some(image, event, loss == OUTAGE_PAGES ? PAGE : SECTOR, state);
}

void outage_make(const struct outage *outage, enum outage_loss loss, uint64_t *state,
                 struct outage_image *ret_image)
{
    size_t chosen = outage->count == 0 ? 0 : (size_t)outage_random(state, outage->count);
    copy_image(ret_image, &outage->durable);
    for (size_t i = 0; i < outage->count; i++)
        apply_one(ret_image, &outage->waiting[i], loss, i == chosen, i < chosen, state);
    /* The size of a file may come before what is in it. */
    size_t end = ret_image->size;
    for (size_t i = 0; i < outage->count; i++)
        if (outage->waiting[i].kind == DISK_WRITE && outage->waiting[i].offset + outage->waiting[i].size > end)
            end = outage->waiting[i].offset + outage->waiting[i].size;
    if (loss != OUTAGE_ALL_LOST && outage_random(state, 3) == 0)
        end_at(ret_image, end);
}
