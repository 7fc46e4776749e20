/* The table of workers, as crew.h says.
 * It must not know: tasks, calls or connections.
 * Reads best next: server.c. */
#include "crew.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct crew_member *crew_find(struct crew *crew, const char *id)
{
    for (size_t i = 0; i < crew->count; i++)
        if (strcmp(crew->members[i].id, id) == 0)
            return &crew->members[i];
    return NULL;
}

static struct crew_member *enter(struct crew *crew, const char *id)
{
    if (crew->count == CREW_MAX)
        return NULL;
    struct crew_member *member = &crew->members[crew->count++];
    *member = (struct crew_member){.log_lines = 0};
    snprintf(member->id, sizeof member->id, "%s", id);
    return member;
}

bool crew_recall(struct crew *crew, const char *line, bool *ret_taken)
{
    static const char word[] = "WORKER ";
    const char *id = line + sizeof word - 1;
    *ret_taken = strncmp(line, word, sizeof word - 1) == 0;
    if (!*ret_taken)
        return true;
    return tasks_name_valid(id, WORKER_ID_MAX) && crew_find(crew, id) == NULL && enter(crew, id) != NULL;
}

bool crew_recall_log(struct crew *crew, const char *line)
{
    char id[WORKER_ID_MAX];
    uint64_t number;
    struct crew_member *member = NULL;
    if (sscanf(line, "%48s %" SCNu64, id, &number) == 2)
        member = crew_find(crew, id);
    if (member == NULL)
        return false;
    member->log_lines++;
    return true;
}

struct crew_member *crew_add(struct crew *crew, const char *id)
{
    assert(tasks_name_valid(id, WORKER_ID_MAX) && crew_find(crew, id) == NULL);
    if (crew->count == CREW_MAX)
        return NULL;
    book_write(crew->book, "WORKER %s", id);
    return enter(crew, id);
}

void crew_log(struct crew *crew, struct crew_member *member, uint64_t number, const char *text)
{
    char clean[BOOK_LINE_MAX / 2];
    size_t length = 0;
    for (; text[length] != '\0' && length + 1 < sizeof clean; length++)
        clean[length] = text[length] >= ' ' && text[length] <= '~' ? text[length] : '?';
    clean[length] = '\0';
    assert(text[length] == '\0'); /* worker.options allows no longer text */
    book_write(crew->log, "%s %" PRIu64 " %s", member->id, number, clean);
    member->log_lines++;
}
