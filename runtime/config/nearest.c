/* Edit distance (insert, delete, replace, swap of neighbours) over the key table.
 * Must not know: how the message is worded.
 * Reads best next: report.c. */
#include "config/nearest.h"

#include <ctype.h>
#include <limits.h>
#include <string.h>

/* More is not compared: a text this long is no misspelt key, and the work per error stays small. */
#define COMPARED_MAX 48
#define EDIT_COST 4
#define CASE_COST 1 /* wrong case is the likeliest slip, so it weighs least */

static int replace_cost(char a, char b)
{
    if (a == b)
        return 0;
    return tolower((unsigned char)a) == tolower((unsigned char)b) ? CASE_COST : EDIT_COST;
}

static int smallest(int a, int b, int c)
{
    int least = a < b ? a : b;
    return least < c ? least : c;
}

static bool is_swap(const char *a, size_t i, const char *b, size_t j)
{
    return i > 1 && j > 1 && replace_cost(a[i - 1], b[j - 2]) < EDIT_COST &&
           replace_cost(a[i - 2], b[j - 1]) < EDIT_COST;
}

static int distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
    int cost[COMPARED_MAX + 1][COMPARED_MAX + 1];
    for (size_t i = 0; i <= a_length; i++)
        cost[i][0] = (int)i * EDIT_COST;
    for (size_t j = 0; j <= b_length; j++)
        cost[0][j] = (int)j * EDIT_COST;
    for (size_t i = 1; i <= a_length; i++) {
        for (size_t j = 1; j <= b_length; j++) {
            int replaced = cost[i - 1][j - 1] + replace_cost(a[i - 1], b[j - 1]);
            cost[i][j] = smallest(cost[i - 1][j] + EDIT_COST, cost[i][j - 1] + EDIT_COST, replaced);
            if (is_swap(a, i, b, j) && cost[i - 2][j - 2] + EDIT_COST < cost[i][j])
                cost[i][j] = cost[i - 2][j - 2] + EDIT_COST;
        }
    }
    return cost[a_length][b_length];
}

/* The end of text with as many dots as name has, so that a scope in front does not count as edits. */
static const char *tail_like(const char *text, const char *name)
{
    size_t dots = 1;
    for (const char *c = name; *c; c++)
        dots += *c == '.';
    const char *tail = text + strlen(text);
    while (tail > text && (tail[-1] != '.' || --dots > 0))
        tail--;
    return tail;
}

static size_t compared_length(const char *text)
{
    return strnlen(text, COMPARED_MAX);
}

enum properties_key nearest_key(const char *text, bool *ret_case_only)
{
    enum properties_key best = 0;
    int least = INT_MAX;
    for (int key = 0; key < PROPERTIES_KEY_COUNT; key++) {
        const char *name = keys_info((enum properties_key)key)->name;
        const char *tail = tail_like(text, name);
        int found = distance(tail, compared_length(tail), name, compared_length(name));
        if (found < least) {
            least = found;
            best = (enum properties_key)key;
            *ret_case_only = strcasecmp(tail, name) == 0;
        }
    }
    return best;
}
