/* Writes the rule, with the quoting that make and ninja share.
 *
 * It must not know how files are found.  Reads best next: depfile.h. */
#include "codegen/depfile.h"

#include <string.h>

static void add_path(struct text *rule, const char *path)
{
    for (; *path != '\0'; path++) {
        if (*path == ' ' || *path == '#')
            text_add(rule, "\\", 1);
        else if (*path == '$')
            text_add(rule, "$", 1);
        text_add(rule, path, 1);
    }
}

void depfile_add_target(struct text *rule, const char *path)
{
    if (rule->size > 0)
        text_add(rule, " ", 1);
    add_path(rule, path);
}

void depfile_add_source(struct text *rule, const char *path)
{
    if (rule->size > 0 && memchr(rule->bytes, '\n', rule->size) == NULL)
        text_add(rule, ":", 1);
    text_add(rule, " \\\n  ", 5);
    add_path(rule, path);
}

void depfile_end(struct text *rule)
{
    text_add(rule, "\n", 1);
}
