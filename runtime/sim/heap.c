/* Blocks with a header that chains them to their owner.
 *
 * Reads best next: heap.h. */
#include "sim/heap.h"

#include <assert.h>
#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct heap_block {
    struct heap_block *next;
    struct heap_block *prev;
    struct heap_list *list; /* NULL: nobody's */
    size_t size;
    alignas(max_align_t) uint8_t bytes[];
};

static struct heap_list *owner;

struct heap_list *heap_enter(struct heap_list *list)
{
    struct heap_list *before = owner;
    owner = list;
    return before;
}

static void chain(struct heap_block *block)
{
    if (block->list == NULL)
        return;
    block->prev = NULL;
    block->next = block->list->first;
    if (block->next != NULL)
        block->next->prev = block;
    block->list->first = block;
    block->list->count++;
}

static void unchain(struct heap_block *block)
{
    if (block->list == NULL)
        return;
    if (block->prev != NULL)
        block->prev->next = block->next;
    else
        block->list->first = block->next;
    if (block->next != NULL)
        block->next->prev = block->prev;
    block->list->count--;
}

static struct heap_block *block_of(void *memory)
{
    return (struct heap_block *)((char *)memory - offsetof(struct heap_block, bytes));
}

static void *adopt(struct heap_block *block, size_t size)
{
    if (block == NULL)
        return NULL;
    block->list = owner;
    block->size = size;
    chain(block);
    return block->bytes;
}

void *heap_malloc(size_t size)
{
    if (size > SIZE_MAX - sizeof(struct heap_block))
        return NULL;
    return adopt(malloc(sizeof(struct heap_block) + size), size);
}

void *heap_calloc(size_t count, size_t size)
{
    if (size != 0 && count > (SIZE_MAX - sizeof(struct heap_block)) / size)
        return NULL;
    return adopt(calloc(1, sizeof(struct heap_block) + count * size), count * size);
}

void *heap_realloc(void *memory, size_t size)
{
    if (memory == NULL)
        return heap_malloc(size);
    struct heap_block *block = block_of(memory);
    if (size > SIZE_MAX - sizeof *block)
        return NULL;
    unchain(block);
    struct heap_block *grown = realloc(block, sizeof *block + size);
    if (grown == NULL) {
        chain(block);
        return NULL;
    }
    grown->size = size;
    chain(grown);
    return grown->bytes;
}

char *heap_strndup(const char *text, size_t most)
{
    size_t size = strnlen(text, most);
    char *copy = heap_malloc(size + 1);
    if (copy == NULL)
        return NULL;
    memcpy(copy, text, size);
    copy[size] = '\0';
    return copy;
}

char *heap_strdup(const char *text)
{
    return heap_strndup(text, SIZE_MAX);
}

void heap_free(void *memory)
{
    if (memory == NULL)
        return;
    struct heap_block *block = block_of(memory);
    unchain(block);
    free(block);
}

void heap_clear(struct heap_list *list)
{
    while (list->first != NULL) {
        struct heap_block *block = list->first;
        unchain(block);
        free(block);
    }
    assert(list->count == 0);
}
