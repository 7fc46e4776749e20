/* Aims a caret within an option statement.
 *
 * It must not know the rules of the language.  Reads best next: aim.h. */
#include "codegen/aim.h"

#include <stdbool.h>
#include <string.h>

enum { TAB = 8 };

/* A cursor that keeps count of line and column, and skips what is not code. */
struct cursor {
    const char *text;
    uint32_t line;
    uint32_t column; /* from 0 */
};

static void step(struct cursor *at)
{
    if (*at->text == '\n') {
        at->line++;
        at->column = 0;
    } else if (*at->text == '\t') {
        at->column += TAB - at->column % TAB;
    } else {
        at->column++;
    }
    at->text++;
}

static void skip_to(struct cursor *at, const char *end)
{
    while (*at->text != '\0' && at->text < end)
        step(at);
}

/* Past a comment or a string, if one starts here. */
static bool skip_comment(struct cursor *at)
{
    const char *end;
    if (strncmp(at->text, "//", 2) == 0)
        end = strchr(at->text, '\n');
    else if (strncmp(at->text, "/*", 2) == 0)
        end = strstr(at->text + 2, "*/");
    else
        return false;
    skip_to(at, end == NULL ? at->text + strlen(at->text) : end);
    return true;
}

static void skip_string(struct cursor *at)
{
    char quote = *at->text;
    step(at);
    while (*at->text != '\0' && *at->text != quote && *at->text != '\n') {
        if (*at->text == '\\' && at->text[1] != '\0')
            step(at);
        step(at);
    }
    if (*at->text == quote)
        step(at);
}

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

size_t aim_line_start(const char *source, uint32_t line)
{
    const char *at = source;
    for (; line > 1; line--) {
        at = strchr(at, '\n');
        if (at == NULL)
            return (size_t)-1;
        at++;
    }
    return (size_t)(at - source);
}

/* Finds word, or the string that holds it, before the statement ends. */
static bool find(struct cursor at, const char *word, size_t length, bool in_string, struct aim *ret_aim)
{
    while (*at.text != '\0' && *at.text != ';') {
        bool string = *at.text == '"' || *at.text == '\'';
        const char *start = string ? at.text + 1 : at.text;
        char after = strncmp(start, word, length) == 0 ? start[length] : 'x';
        if (string == in_string && (string ? after == *at.text : !is_word(after))) {
            *ret_aim = (struct aim){at.line, at.column + 1};
            return true;
        }
        if (string) {
            skip_string(&at);
        } else if (is_word(*at.text)) {
            while (is_word(*at.text))
                step(&at);
        } else if (!skip_comment(&at)) {
            step(&at);
        }
    }
    return false;
}

/* The start of the statement at points to, or false when it is no option of ours. */
static bool open_statement(const char *source, struct aim at, struct cursor *ret_cursor)
{
    size_t start = aim_line_start(source, at.line);
    if (start == (size_t)-1)
        return false;
    struct cursor cursor = {source + start, at.line, 0};
    while (cursor.column + 1 < at.column && *cursor.text != '\n' && *cursor.text != '\0')
        step(&cursor);
    *ret_cursor = cursor;
    return strncmp(cursor.text, "option", 6) == 0 && !is_word(cursor.text[6]);
}

struct aim aim_at(const char *source, struct aim at, const char *message)
{
    struct cursor statement;
    size_t option = strspn(message, "abcdefghijklmnopqrstuvwxyz_");
    if (option == 0 || message[option] != ':' || !open_statement(source, at, &statement))
        return at;
    struct aim aim = at;
    const char *quote = strchr(message, '"');
    if (quote != NULL && find(statement, quote + 1, strcspn(quote + 1, "\""), true, &aim))
        return aim;
    find(statement, message, option, false, &aim);
    return aim;
}
