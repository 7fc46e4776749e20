/* The arena: a list of blocks, each carved from front to back.
 *
 * It must not know what is kept in it.  Reads best next: arena.h. */
#include "idl/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_SIZE = 16 * 1024 };

struct arena_block {
    struct arena_block *next;
    size_t used;
    size_t size;
    max_align_t data[];
};

static void *must(void *memory)
{
    if (memory == NULL) {
        fputs("semel: out of memory\n", stderr);
        exit(1);
    }
    return memory;
}

static struct arena_block *add_block(struct arena *arena, size_t size)
{
    struct arena_block *block = must(calloc(1, sizeof *block + size));
    block->size = size;
    block->next = arena->blocks;
    arena->blocks = block;
    return block;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    const size_t grain = alignof(max_align_t);
    if (size > SIZE_MAX / 2)
        must(NULL);
    size = (size + grain - 1) / grain * grain;
    struct arena_block *block = arena->blocks;
    if (block == NULL || block->size - block->used < size)
        block = add_block(arena, size > BLOCK_SIZE ? size : BLOCK_SIZE);
    void *memory = (char *)block->data + block->used;
    block->used += size;
    return memory;
}

char *arena_copy(struct arena *arena, const char *text)
{
    size_t size = strlen(text) + 1;
    return memcpy(arena_alloc(arena, size), text, size);
}

char *arena_vprintf(struct arena *arena, const char *format, va_list arguments)
{
    va_list again;
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    if (length < 0)
        must(NULL);
    char *text = arena_alloc(arena, (size_t)length + 1);
    vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    return text;
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *text = arena_vprintf(arena, format, arguments);
    va_end(arguments);
    return text;
}

void arena_fini(struct arena *arena)
{
    while (arena->blocks != NULL) {
        struct arena_block *next = arena->blocks->next;
        free(arena->blocks);
        arena->blocks = next;
    }
}

void *array_grow(void *items, size_t count, size_t size)
{
    /* Powers of two are the moments when the array is full; between them there is room. */
    if (count != 0 && (count & (count - 1)) != 0)
        return items;
    return must(realloc(items, (count == 0 ? 1 : count * 2) * size));
}
