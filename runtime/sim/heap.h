/* The heap of the simulated: every block belongs to the host that asked for it, so that a crash frees what a process
 * would lose with it, and a clean end shows what it forgot.
 *
 * It must not know hosts as more than a list.  Reads best next: redirect.h, which sends the runtime here. */
#ifndef SIM_HEAP_H
#define SIM_HEAP_H

#include <stddef.h>

struct heap_block;

struct heap_list {
    struct heap_block *first;
    size_t count;
};

/* Whose blocks are made from now on; NULL: nobody's, the allocator alone knows them.  Returns who it was before. */
struct heap_list *heap_enter(struct heap_list *list);
/* Frees every block of a list. */
void heap_clear(struct heap_list *list);

/* As in the C library, for the owner of the moment. */
void *heap_malloc(size_t size);
void *heap_calloc(size_t count, size_t size);
void *heap_realloc(void *memory, size_t size);
char *heap_strdup(const char *text);
char *heap_strndup(const char *text, size_t most);
void heap_free(void *memory);

#endif
