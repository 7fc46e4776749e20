/* Rules about names.
 *
 * It must not know what is named.  Reads best next: names.h. */
#include "idl/names.h"

#include <ctype.h>
#include <string.h>

enum { DISTANCE_NAME_MAX = 128 }; /* longer names are compared by their first bytes */

static bool is_start(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_part(char c)
{
    return is_start(c) || (c >= '0' && c <= '9');
}

static const char *skip_identifier(const char *text)
{
    if (!is_start(*text))
        return text;
    while (is_part(*text))
        text++;
    return text;
}

bool name_is_identifier(const char *name)
{
    const char *end = skip_identifier(name);
    return end != name && *end == '\0';
}

bool name_is_dotted(const char *name)
{
    for (;;) {
        const char *end = skip_identifier(name);
        if (end == name)
            return false;
        if (*end == '\0')
            return true;
        if (*end != '.')
            return false;
        name = end + 1;
    }
}

bool name_is_file(const char *name)
{
    if (*name == '\0' || *name == '/')
        return false;
    for (const char *c = name; *c != '\0'; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f || strchr("\"\\*?", *c) != NULL)
            return false;
    for (const char *part = name; part != NULL; part = strchr(part, '/')) {
        part += *part == '/';
        size_t length = strcspn(part, "/");
        if (length == 0 || (length == 2 && part[0] == '.' && part[1] == '.'))
            return false;
    }
    return true;
}

char *name_flatten(struct arena *arena, const char *full_name)
{
    char *name = arena_copy(arena, full_name);
    for (char *c = name; *c != '\0'; c++)
        if (*c == '.')
            *c = '_';
    return name;
}

const char *name_last_part(const char *full_name)
{
    const char *dot = strrchr(full_name, '.');
    return dot == NULL ? full_name : dot + 1;
}

static size_t least(size_t a, size_t b, size_t c)
{
    size_t d = a < b ? a : b;
    return c < d ? c : d;
}

/* How many letters must be added, dropped or changed, upper and lower case being the same. */
static size_t distance(const char *a, const char *b)
{
    size_t row[DISTANCE_NAME_MAX + 1];
    size_t a_length = strnlen(a, DISTANCE_NAME_MAX);
    size_t b_length = strnlen(b, DISTANCE_NAME_MAX);
    for (size_t j = 0; j <= b_length; j++)
        row[j] = j;
    for (size_t i = 1; i <= a_length; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            bool same = tolower((unsigned char)a[i - 1]) == tolower((unsigned char)b[j - 1]);
            size_t next = least(diagonal + !same, row[j - 1] + 1, row[j] + 1);
            diagonal = row[j];
            row[j] = next;
        }
    }
    return row[b_length];
}

const char *name_nearest(const char *wanted, const char *const *candidates, size_t count)
{
    const char *nearest = NULL;
    size_t best = strlen(name_last_part(wanted)) / 3 + 1; /* a third of the letters may be wrong */
    for (size_t i = 0; i < count; i++) {
        size_t whole = distance(wanted, candidates[i]);
        size_t last = distance(name_last_part(wanted), name_last_part(candidates[i]));
        /* A right last part with another package is near, but less so than a typing mistake. */
        size_t apart = whole < last + 1 ? whole : last + 1;
        if (apart <= best && (nearest == NULL || apart < best)) {
            best = apart;
            nearest = candidates[i];
        }
    }
    return nearest;
}
