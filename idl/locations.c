/* Source locations, sorted by path on the first look-up.
 *
 * It must not know what a path means beyond its numbers.  Reads best next: locations.h. */
#include "idl/locations.h"

#include <assert.h>
#include <pb_decode.h>
#include <stdlib.h>
#include <string.h>

struct path path_to(struct path from, int32_t field, int32_t index)
{
    assert(from.depth + 2 <= PATH_MAX_DEPTH);
    from.steps[from.depth++] = field;
    if (index >= 0)
        from.steps[from.depth++] = index;
    return from;
}

void locations_add(struct locations *locations, const desc_Location *item)
{
    locations->items = array_grow(locations->items, locations->count, sizeof *locations->items);
    locations->items[locations->count++] = *item;
    locations->sorted = false;
}

void locations_fini(struct locations *locations)
{
    for (size_t i = 0; i < locations->count; i++)
        pb_release(desc_Location_fields, &locations->items[i]);
    free(locations->items);
    *locations = (struct locations){0};
}

static int compare_paths(const int32_t *a, size_t a_depth, const int32_t *b, size_t b_depth)
{
    for (size_t i = 0; i < a_depth && i < b_depth; i++)
        if (a[i] != b[i])
            return a[i] < b[i] ? -1 : 1;
    return a_depth < b_depth ? -1 : a_depth > b_depth;
}

static int by_path(const void *left, const void *right)
{
    const desc_Location *a = left;
    const desc_Location *b = right;
    return compare_paths(a->path, a->path_count, b->path, b->path_count);
}

static const desc_Location *find(struct locations *locations, struct path path)
{
    if (!locations->sorted && locations->count > 1)
        qsort(locations->items, locations->count, sizeof *locations->items, by_path);
    locations->sorted = true;
    size_t low = 0;
    size_t high = locations->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const desc_Location *item = &locations->items[middle];
        int order = compare_paths(item->path, item->path_count, path.steps, path.depth);
        if (order == 0)
            return item;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

struct place locations_find(struct locations *locations, const char *file, struct path path)
{
    for (; path.depth > 0; path.depth--) {
        const desc_Location *item = find(locations, path);
        if (item != NULL && item->span_count >= 3 && item->span[0] >= 0 && item->span[1] >= 0)
            return (struct place){file, (uint32_t)item->span[0] + 1, (uint32_t)item->span[1] + 1};
    }
    return (struct place){file, 0, 0};
}

const char *locations_comment(struct locations *locations, struct path path)
{
    const desc_Location *item = find(locations, path);
    if (item == NULL)
        return NULL;
    return item->leading_comments != NULL ? item->leading_comments : item->trailing_comments;
}
