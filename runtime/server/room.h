/* Room: how much of the store new work may take, and what is done when there is too little.
 *
 * It must not know when a batch is committed, nor who waits for it.  Reads best next: room.c, core/compact.h. */
#ifndef SERVER_ROOM_H
#define SERVER_ROOM_H

#include "core/sessions.h"
#include "store/store.h"

struct room {
    struct store *store;
    struct sessions *sessions;
    struct journal *journal;
    bool compacts; /* the journal is being written again */
};

void room_init(struct room *room, struct store *store, struct sessions *sessions, struct journal *journal);

/* Tells the journal how much it may take.  When the store was opened, when it has committed, and at any time when
 * nothing is on its way to it. */
void room_measure(struct room *room);

/* Before the open batch is sealed: writes a part of the journal again, if it is long, so that older batches can go.  No
 * more of it than there is room for just now: without room nothing is written, and it goes on where it was when there
 * is. */
void room_compact(struct room *room);

/* Whether there is little room, and commits alone make more: those of batches without any new work. */
bool room_can_be_made(struct room *room);

#endif
