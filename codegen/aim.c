/* Aims a caret within an option statement.
 *
 * It must not know the rules of the language.  Reads best next: aim.h. */
#include "codegen/aim.h"

#include <stdbool.h>
#include <string.h>

/* A cursor that keeps count of line and column. */
struct cursor {
    const char *text;
    struct aim at;
};

static void step(struct cursor *cursor)
{
    if (*cursor->text == '\n')
        cursor->at = (struct aim){cursor->at.line + 1, 1};
    else if (*cursor->text == '\t')
        cursor->at.column += AIM_TAB - (cursor->at.column - 1) % AIM_TAB;
    else
        cursor->at.column++;
    cursor->text++;
}

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static bool is_quote(char c)
{
    return c == '"' || c == '\'';
}

/* Past a comment, if one starts here. */
static bool skip_comment(struct cursor *cursor)
{
    const char *end;
    if (strncmp(cursor->text, "//", 2) == 0)
        end = strchr(cursor->text, '\n');
    else if (strncmp(cursor->text, "/*", 2) == 0)
        end = strstr(cursor->text + 2, "*/");
    else
        return false;
    while (*cursor->text != '\0' && cursor->text != end)
        step(cursor);
    return true;
}

static void skip_string(struct cursor *cursor)
{
    char quote = *cursor->text;
    step(cursor);
    while (*cursor->text != '\0' && *cursor->text != quote && *cursor->text != '\n') {
        if (*cursor->text == '\\' && cursor->text[1] != '\0')
            step(cursor);
        step(cursor);
    }
    if (*cursor->text == quote)
        step(cursor);
}

static void skip_token(struct cursor *cursor)
{
    if (is_quote(*cursor->text))
        skip_string(cursor);
    else if (is_word(*cursor->text))
        while (is_word(*cursor->text))
            step(cursor);
    else if (!skip_comment(cursor))
        step(cursor);
}

/* Whether the token at cursor is the word, or the string that holds it. */
static bool matches(const struct cursor *cursor, const char *word, size_t length)
{
    bool string = is_quote(*cursor->text);
    const char *start = cursor->text + string;
    if (strncmp(start, word, length) != 0)
        return false;
    return string ? start[length] == *cursor->text : !is_word(start[length]);
}

/* Finds a token before the statement ends. */
static bool find(struct cursor cursor, const char *word, size_t length, struct aim *ret_aim)
{
    for (; *cursor.text != '\0' && *cursor.text != ';'; skip_token(&cursor)) {
        if (matches(&cursor, word, length)) {
            *ret_aim = cursor.at;
            return true;
        }
    }
    return false;
}

static struct cursor go_to(const char *source, struct aim at)
{
    struct cursor cursor = {source, {1, 1}};
    while (*cursor.text != '\0' && cursor.at.line < at.line)
        step(&cursor);
    while (*cursor.text != '\0' && *cursor.text != '\n' && cursor.at.line == at.line &&
           cursor.at.column < at.column)
        step(&cursor);
    return cursor;
}

const char *aim_text(const char *source, struct aim at)
{
    struct cursor cursor = go_to(source, at);
    return cursor.at.line == at.line ? cursor.text : NULL;
}

/* Where the caret goes: to the first of the quoted words of message that the statement has. */
static bool find_quoted(struct cursor statement, const char *message, struct aim *ret_aim)
{
    const char *quote;
    while ((quote = strchr(message, '"')) != NULL) {
        size_t length = strcspn(quote + 1, "\"");
        if (length > 0 && find(statement, quote + 1, length, ret_aim))
            return true;
        message = quote + 1 + length;
        message += *message == '"';
    }
    return false;
}

struct aim aim_at(const char *source, struct aim at, const char *message)
{
    static const char aggregate[] = "Error while parsing option value for \"";
    struct cursor statement = go_to(source, at);
    struct aim aim = at;
    if (strncmp(message, aggregate, strlen(aggregate)) == 0) {
        const char *detail = strstr(message, "\": ");
        if (detail != NULL)
            find_quoted(statement, detail + 1, &aim);
        return aim;
    }
    size_t option = strspn(message, "abcdefghijklmnopqrstuvwxyz_");
    if (option == 0 || message[option] != ':' || strncmp(statement.text, "option", 6) != 0)
        return at;
    if (!find_quoted(statement, message, &aim))
        find(statement, message, option, &aim);
    return aim;
}
