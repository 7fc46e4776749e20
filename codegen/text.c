/* The growing text.
 *
 * It must not know what language it holds.  Reads best next: text.h. */
#include "codegen/text.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void text_fini(struct text *text)
{
    free(text->bytes);
    *text = (struct text){.bytes = NULL};
}

static void reserve(struct text *text, size_t more)
{
    if (text->capacity - text->size > more)
        return;
    size_t capacity = (text->size + more + 1) * 2;
    char *bytes = realloc(text->bytes, capacity);
    if (bytes == NULL) {
        fputs("semel: out of memory\n", stderr);
        exit(1);
    }
    text->bytes = bytes;
    text->capacity = capacity;
}

void text_add(struct text *text, const char *bytes, size_t size)
{
    reserve(text, size);
    memcpy(text->bytes + text->size, bytes, size);
    text->size += size;
    text->bytes[text->size] = '\0';
}

static void addv(struct text *text, const char *format, va_list arguments)
{
    va_list again;
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    assert(length >= 0);
    reserve(text, (size_t)length);
    vsnprintf(text->bytes + text->size, (size_t)length + 1, format, again);
    text->size += (size_t)length;
    va_end(again);
}

void text_addf(struct text *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    addv(text, format, arguments);
    va_end(arguments);
}

static void end_line(struct text *text)
{
    text_add(text, "\n", 1);
    text->line_start = text->size;
}

static void pad(struct text *text, size_t columns)
{
    while (columns-- > 0)
        text_add(text, " ", 1);
}

static void linev(struct text *text, const char *format, va_list arguments)
{
    pad(text, text->level * TEXT_INDENT);
    addv(text, format, arguments);
    end_line(text);
}

void text_line(struct text *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    linev(text, format, arguments);
    va_end(arguments);
}

void text_blank(struct text *text)
{
    end_line(text);
}

void text_open(struct text *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    linev(text, format, arguments);
    va_end(arguments);
    text->level++;
}

void text_close(struct text *text, const char *format, ...)
{
    assert(text->level > 0);
    text->level--;
    va_list arguments;
    va_start(arguments, format);
    linev(text, format, arguments);
    va_end(arguments);
}

void text_list_begin(struct text *text, const char *format, ...)
{
    pad(text, text->level * TEXT_INDENT);
    va_list arguments;
    va_start(arguments, format);
    addv(text, format, arguments);
    va_end(arguments);
    text->list_column = text->size - text->line_start;
    text->list_empty = true;
}

void text_list_item(struct text *text, const char *format, ...)
{
    if (!text->list_empty)
        text_add(text, ",", 1);
    size_t start = text->size;
    if (!text->list_empty)
        text_add(text, " ", 1);
    va_list arguments;
    va_start(arguments, format);
    addv(text, format, arguments);
    va_end(arguments);
    /* Two more columns: what follows an item is ",", ")" or ");". */
    if (!text->list_empty && text->size - text->line_start + 2 > TEXT_WIDTH) {
        size_t length = text->size - start - 1;
        reserve(text, text->list_column + 1);
        char *item = text->bytes + start;
        memmove(item + 1 + text->list_column, item + 1, length);
        *item = '\n';
        memset(item + 1, ' ', text->list_column);
        text->line_start = start + 1;
        text->size = start + 1 + text->list_column + length;
        text->bytes[text->size] = '\0';
    }
    text->list_empty = false;
}

void text_list_end(struct text *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    addv(text, format, arguments);
    va_end(arguments);
    end_line(text);
}
