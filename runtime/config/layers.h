/* What was set, in the order in which it was: files by their names, and what the command line and the program said.
 * A reload goes through them again.
 * Must not know: which settings hold now.
 * Reads best next: layers.c. */
#ifndef CONFIG_LAYERS_H
#define CONFIG_LAYERS_H

#include "config/settings.h"

/* A file, or settings that no file holds. */
struct layer {
    char *path;     /* owned; as it was given; NULL: no file */
    char *location; /* owned; where it is, whatever becomes of the working directory */
    struct settings settings;
};

struct layers {
    struct layer *items; /* owned */
    size_t count;
    size_t capacity;
};

/* An empty list is {0}. */
void layers_fini(struct layers *layers);

/* Reads a file into a layer, which must be empty ({0}) and is the caller's either way: layer_fini.  status may be NULL.
 * Errors: as file_load. */
enum semel_code layer_load(struct layer *layer, const char *path, semel_status *status);
void layer_fini(struct layer *layer);

/* Makes room for more, so that layers_append can not fail. */
enum settings_result layers_reserve(struct layers *layers, size_t more);
/* Takes a layer over; of a file only the name, and an older one of the same file goes. */
void layers_append(struct layers *layers, struct layer *layer);

/* Puts settings that no file holds on top.  Otherwise nothing is changed. */
enum settings_result layers_put(struct layers *layers, const struct settings *settings);

/* Reads every file again and puts all together in ret, which must be empty; on an error it may hold a part.  status may
 * be NULL.  Errors: as file_load. */
enum semel_code layers_replay(const struct layers *layers, struct settings *ret, semel_status *status);

#endif
