/* The wrapped allocator.  The linker turns every malloc here into a call of __wrap_malloc, and __real_malloc is the one
 * of the C library (or of the sanitizer).
 *
 * Reads best next: failing.h. */
#include "failing.h"

#include <stdatomic.h>
#include <stddef.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
char *__real_strdup(const char *text);
char *__real_strndup(const char *text, size_t size);
void __real_free(void *memory);

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t size);
void __wrap_free(void *memory);

static _Atomic uint64_t count, failed;
static _Atomic int64_t outstanding;
static uint64_t fails_at, every;

void failing_from(uint64_t n, uint64_t one_in)
{
    atomic_store(&count, 0);
    atomic_store(&failed, 0);
    fails_at = n;
    every = one_in;
}

void failing_stop(void)
{
    fails_at = 0;
}

uint64_t failing_count(void)
{
    return atomic_load(&count);
}

uint64_t failing_failed(void)
{
    return atomic_load(&failed);
}

int64_t failing_outstanding(void)
{
    return atomic_load(&outstanding);
}

static bool fails(void)
{
    uint64_t n = atomic_fetch_add(&count, 1) + 1;
    bool now = fails_at != 0 && (n == fails_at || (n > fails_at && every != 0 && (n - fails_at) % every == 0));
    if (now)
        atomic_fetch_add(&failed, 1);
    return now;
}

static void *note(void *memory)
{
    if (memory != NULL)
        atomic_fetch_add(&outstanding, 1);
    return memory;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : note(__real_malloc(size));
}

void *__wrap_calloc(size_t number, size_t size)
{
    return fails() ? NULL : note(__real_calloc(number, size));
}

void *__wrap_realloc(void *old, size_t size)
{
    if (old != NULL)
        return fails() ? NULL : __real_realloc(old, size);
    return fails() ? NULL : note(__real_realloc(NULL, size));
}

char *__wrap_strdup(const char *text)
{
    return fails() ? NULL : note(__real_strdup(text));
}

char *__wrap_strndup(const char *text, size_t size)
{
    return fails() ? NULL : note(__real_strndup(text, size));
}

void __wrap_free(void *memory)
{
    if (memory != NULL)
        atomic_fetch_sub(&outstanding, 1);
    __real_free(memory);
}
