/* Layers are kept, not what came of them: whatever a file no longer says must give way to what was there before it.
 * Must not know: which settings hold now.
 * Reads best next: properties.c. */
#include "config/layers.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/assignment.h"
#include "config/file.h"
#include "config/limits.h"
#include "config/rules.h"

void layer_fini(struct layer *layer)
{
    free(layer->path);
    free(layer->location);
    settings_fini(&layer->settings);
    *layer = (struct layer){0};
}

void layers_fini(struct layers *layers)
{
    for (size_t i = 0; i < layers->count; i++)
        layer_fini(&layers->items[i]);
    free(layers->items);
    *layers = (struct layers){0};
}

/* Where path is, seen from the root; links are left as they are, since they may be turned to a newer file. */
static char *locate(const char *path)
{
    char folder[4096];
    const size_t length = strlen(path);
    if (*path == '/' || !*path || !getcwd(folder, sizeof folder))
        return strndup(path, length);
    const size_t size = strlen(folder) + 1 + length + 1;
    char *location = calloc(1, size);
    if (location)
        snprintf(location, size, "%s/%s", folder, path);
    return location;
}

enum semel_code layer_load(struct layer *layer, const char *path, semel_status *status)
{
    layer->path = strndup(path, strlen(path));
    layer->location = locate(path);
    if (!layer->path || !layer->location)
        return report_no_memory(status);
    const struct file_name name = {layer->path, layer->location};
    return file_load(&name, &layer->settings, status);
}

enum settings_result layers_reserve(struct layers *layers, size_t more)
{
    if (layers->count + more > CONFIG_LAYERS_MAX)
        return SETTINGS_FULL;
    if (layers->count + more <= layers->capacity)
        return SETTINGS_OK;
    struct layer *items = realloc(layers->items, (layers->count + more) * sizeof *items);
    if (!items)
        return SETTINGS_NO_MEMORY;
    layers->items = items;
    layers->capacity = layers->count + more;
    return SETTINGS_OK;
}

static void take_out(struct layers *layers, size_t at)
{
    layer_fini(&layers->items[at]);
    layers->count--;
    memmove(&layers->items[at], &layers->items[at + 1], (layers->count - at) * sizeof *layers->items);
}

/* Makes one layer of two that no longer have a file between them.  If memory does not allow it, two do as well. */
static void join(struct layers *layers, size_t at)
{
    if (at == 0 || at >= layers->count || layers->items[at - 1].path || layers->items[at].path)
        return;
    if (rules_merge(&layers->items[at - 1].settings, &layers->items[at].settings) == SETTINGS_OK)
        take_out(layers, at);
}

/* A file that is read again sets again what it set before, so what it set before can not show. */
static void forget_file(struct layers *layers, const char *location)
{
    for (size_t i = 0; i < layers->count; i++) {
        if (layers->items[i].path && strcmp(layers->items[i].location, location) == 0) {
            take_out(layers, i);
            join(layers, i);
            return;
        }
    }
}

void layers_append(struct layers *layers, struct layer *layer)
{
    if (layer->path) {
        settings_fini(&layer->settings);
        forget_file(layers, layer->location);
    }
    assert(layers->count < layers->capacity);
    layers->items[layers->count++] = *layer;
    *layer = (struct layer){0};
}

enum settings_result layers_put(struct layers *layers, const struct settings *settings)
{
    if (layers->count > 0 && !layers->items[layers->count - 1].path)
        return rules_merge(&layers->items[layers->count - 1].settings, settings);
    enum settings_result result = layers_reserve(layers, 1);
    struct layer layer = {0};
    if (result == SETTINGS_OK)
        result = settings_merge(&layer.settings, settings);
    if (result == SETTINGS_OK)
        layers_append(layers, &layer);
    return result;
}

/* What is not a plain file (a pipe) has been read to its end: again, it would seem empty, or never end. */
static enum semel_code check_kind(const struct layer *layer, semel_status *status)
{
    const struct report_place place = {REPORT_FILE, layer->path, 0};
    struct stat found;
    if (stat(layer->location, &found) == 0 && !S_ISREG(found.st_mode))
        return report_bad(status, &place, "can not be read again: not a plain file");
    return SEMEL_OK;
}

static enum semel_code replay_file(const struct layer *layer, struct settings *into, semel_status *status)
{
    struct settings read = {0};
    const struct file_name name = {layer->path, layer->location};
    const struct report_place place = {REPORT_FILE, layer->path, 0};
    enum semel_code code = check_kind(layer, status);
    if (code == SEMEL_OK)
        code = file_load(&name, &read, status);
    if (code == SEMEL_OK)
        code = assignment_report_stored(rules_merge(into, &read), &place, status);
    settings_fini(&read);
    return code;
}

enum semel_code layers_replay(const struct layers *layers, struct settings *ret, semel_status *status)
{
    static const struct report_place program = {REPORT_PROGRAM, NULL, 0};
    enum semel_code code = SEMEL_OK;
    for (size_t i = 0; i < layers->count && code == SEMEL_OK; i++) {
        const struct layer *layer = &layers->items[i];
        if (layer->path)
            code = replay_file(layer, ret, status);
        else
            code = assignment_report_stored(rules_merge(ret, &layer->settings), &program, status);
    }
    return code == SEMEL_OK ? rules_check_order(ret, status) : code;
}
