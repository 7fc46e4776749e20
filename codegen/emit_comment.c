/* Comments carried over from the .proto file, and the names of enumerators.
 *
 * It must not know where a comment stands.  Reads best next: emit_header.c. */
#include "codegen/emit.h"

#include <string.h>

/* Copies one line of a comment, taking the edge off what would end or nest it. */
static void add_line(struct text *out, const char *line, size_t length)
{
    while (length > 0 && (line[length - 1] == ' ' || line[length - 1] == '\t' || line[length - 1] == '\r'))
        length--;
    for (size_t i = 0; i < length; i++) {
        char c = line[i];
        text_add(out, (unsigned char)c < 0x20 ? " " : &line[i], 1);
        bool edge = i + 1 < length && ((c == '*' && line[i + 1] == '/') || (c == '/' && line[i + 1] == '*') ||
                                       (c == '?' && line[i + 1] == '?'));
        /* A backslash or a star at the end would meet the newline or the closing mark. */
        if (edge || (i + 1 == length && (c == '\\' || c == '*' || c == '/')))
            text_add(out, " ", 1);
    }
}

static bool is_blank(const char *line, size_t length)
{
    return strspn(line, " \t\r") >= length;
}

struct comment_writer {
    struct text *out;
    bool begun;
    size_t blanks; /* held back, so that none stands at the start or end */
};

static void begin_line(struct comment_writer *writer, const char *mark)
{
    char indent[64];
    size_t columns = writer->out->level * TEXT_INDENT;
    if (columns >= sizeof indent)
        columns = sizeof indent - 1;
    memset(indent, ' ', columns);
    text_add(writer->out, indent, columns);
    text_add(writer->out, mark, strlen(mark));
}

static void write_line(struct comment_writer *writer, const char *line, size_t length)
{
    if (is_blank(line, length)) {
        writer->blanks++;
        return;
    }
    for (; writer->begun && writer->blanks > 0; writer->blanks--) {
        text_add(writer->out, "\n", 1);
        begin_line(writer, " *");
    }
    writer->blanks = 0;
    if (writer->begun)
        text_add(writer->out, "\n", 1);
    begin_line(writer, writer->begun ? " *" : "/*");
    if (*line != ' ')
        text_add(writer->out, " ", 1);
    add_line(writer->out, line, length);
    writer->begun = true;
}

static void write_lines(struct comment_writer *writer, const char *text)
{
    while (text != NULL && *text != '\0') {
        size_t length = strcspn(text, "\n");
        write_line(writer, text, length);
        text += length;
        text += *text == '\n';
    }
}

void emit_comment(struct text *out, const char *comment, const char *tail)
{
    struct comment_writer writer = {.out = out};
    write_lines(&writer, comment);
    write_lines(&writer, tail);
    if (!writer.begun)
        return;
    text_add(out, " */", 3);
    text_blank(out);
}

const char *emit_mode_name(enum model_mode mode)
{
    static const char *const names[] = {"AT_MOST_ONCE", "IDEMPOTENT", "NO_SIDE_EFFECTS"};
    return names[mode];
}

const char *emit_on_unavailable_name(enum model_on_unavailable value)
{
    static const char *const names[] = {"UNSET", "WAIT", "FAIL", "DROP"};
    return names[value];
}

const char *emit_jitter_name(enum model_jitter value)
{
    static const char *const names[] = {"UNSET", "NONE", "FULL", "EQUAL", "DECORRELATED"};
    return names[value];
}
