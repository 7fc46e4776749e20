/* Edit distance (insert, delete, replace, swap of neighbours) over the key table and other lists of names.
 * Must not know: how the message is worded.
 * Reads best next: report.c. */
#include "config/nearest.h"

#include <ctype.h>
#include <limits.h>
#include <string.h>

/* More is not compared: a text this long is no misspelt name, and the work per error stays small. */
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

/* The end of text behind its count-th dot from the end, or all of it. */
static const char *tail_of(const char *text, size_t dots)
{
    const char *tail = text + strlen(text);
    while (tail > text && (tail[-1] != '.' || --dots > 0))
        tail--;
    return tail;
}

static size_t compared_length(const char *text)
{
    return strnlen(text, COMPARED_MAX);
}

/* The distance of name from the end of text that is most like it, so that a scope in front does not count as edits. */
static int distance_of_end(const char *text, const char *name, bool *ret_case_only)
{
    int least = INT_MAX;
    size_t dots = 1;
    for (const char *c = name; *c; c++)
        dots += *c == '.';
    for (; dots > 0; dots--) {
        const char *tail = tail_of(text, dots);
        int found = distance(tail, compared_length(tail), name, compared_length(name));
        if (found < least) {
            least = found;
            *ret_case_only = strcasecmp(tail, name) == 0;
        }
    }
    return least;
}

enum properties_key nearest_key(const char *text, bool *ret_case_only)
{
    enum properties_key best = 0;
    int least = INT_MAX;
    for (int key = 0; key < PROPERTIES_KEY_COUNT; key++) {
        bool case_only = false;
        int found = distance_of_end(text, keys_info((enum properties_key)key)->name, &case_only);
        if (found < least) {
            least = found;
            best = (enum properties_key)key;
            *ret_case_only = case_only;
        }
    }
    return best;
}

size_t nearest_of(const char *text, size_t length, const char *(*name_at)(size_t place), size_t count,
                  bool *ret_case_only)
{
    size_t best = 0;
    int least = INT_MAX;
    for (size_t place = 0; place < count; place++) {
        const char *name = name_at(place);
        int found = distance(text, length < COMPARED_MAX ? length : COMPARED_MAX, name, compared_length(name));
        if (found < least) {
            least = found;
            best = place;
            *ret_case_only = strlen(name) == length && strncasecmp(text, name, length) == 0;
        }
    }
    return best;
}
