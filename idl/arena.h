/* Memory that goes all at once: everything a model, its diagnostics and its names point to.
 *
 * It serves short-lived programs: when memory runs out it says so on stderr and ends the process with 1.
 * It must not know what is kept in it.  Reads best next: diagnostics.h. */
#ifndef IDL_ARENA_H
#define IDL_ARENA_H

#include <stdarg.h>
#include <stddef.h>

struct arena {
    struct arena_block *blocks;
};

/* Zeroed memory that lives until arena_fini.  size may be 0. */
void *arena_alloc(struct arena *arena, size_t size);
char *arena_copy(struct arena *arena, const char *text);
char *arena_printf(struct arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));
char *arena_vprintf(struct arena *arena, const char *format, va_list arguments)
    __attribute__((format(printf, 2, 0)));
void arena_fini(struct arena *arena);

/* realloc for arrays that grow by doubling: makes room for one more than count elements of size bytes.  For
 * lists outside an arena; the caller frees.  Ends the process when memory runs out. */
void *array_grow(void *items, size_t count, size_t size);

#endif
