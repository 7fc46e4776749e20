/* The journal: entries to bytes and back.
 *
 * Reads best next: journal.h. */
#include "core/journal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/digest.h"
#include "core/frame.h"
#include "core/limits.h"

/* What seeds the checks of this format, so that no other bytes pass for it. */
#define BATCH_SEED UINT64_C(0x314e524a4c454d53)
#define REPLY_SEED UINT64_C(0x31504552454d4553)

enum { FIRST_CAPACITY = 4096 };

void journal_init(struct journal *journal, uint64_t number)
{
    assert(number > 0);
    *journal = (struct journal){.number = number, .room = UINT64_MAX, .spare = UINT64_MAX};
}

void journal_fini(struct journal *journal)
{
    free(journal->bytes);
    journal->bytes = NULL;
}

static bool reserve(struct journal *journal, size_t more)
{
    if (journal->bytes == NULL)
        journal->size = JOURNAL_HEADER_SIZE;
    size_t capacity = journal->capacity == 0 ? FIRST_CAPACITY : journal->capacity;
    while (capacity - journal->size < more)
        capacity *= 2;
    if (journal->bytes != NULL && capacity == journal->capacity)
        return true;
    uint8_t *bytes = realloc(journal->bytes, capacity);
    if (bytes == NULL)
        return false;
    journal->bytes = bytes;
    journal->capacity = capacity;
    return true;
}

bool journal_admits(struct journal *journal, bool urgent)
{
    const uint64_t size = JOURNAL_BEGIN_SIZE + JOURNAL_DONE_SIZE;
    uint64_t *from = urgent && journal->room < size ? &journal->spare : &journal->room;
    if (journal->lost || *from < size || !reserve(journal, size))
        return false;
    *from -= size;
    return true;
}

bool journal_takes_reply(struct journal *journal, size_t size)
{
    if (journal->room < size)
        return false;
    journal->room -= size;
    return true;
}

/* ---- writing ---- */

/* What holds for the fields of every entry, written or read. */
static bool makes_sense(const struct journal_entry *entry)
{
    if (entry->life == 0)
        return false;
    switch (entry->kind) {
    case JOURNAL_SESSION:
        return entry->attempt > 0 && entry->connection >= entry->life && entry->floor > 0 &&
               !id_is_none(&entry->session);
    case JOURNAL_FLOOR: return entry->floor > 0;
    case JOURNAL_BEGIN:
        return entry->floor > 0 && entry->floor <= entry->seq && entry->seq - entry->floor < LIMIT_WINDOW_MAX;
    default: return true;
    }
}

/* A kept reply may be on its way just now, sealed for a connection: only the copy is sealed for the store. */
static void write_reply(struct bytes_writer *writer, const struct journal_entry *entry)
{
    uint8_t *copy = writer->at;
    bytes_write(writer, entry->reply, entry->reply_size);
    if (entry->reply_size > 0)
        frame_seal(copy, REPLY_SEED);
}

static void write_entry(struct bytes_writer *writer, const struct journal_entry *entry)
{
    bytes_put(writer, 1)[0] = (uint8_t)entry->kind;
    bytes_write64(writer, entry->life);
    switch (entry->kind) {
    case JOURNAL_SESSION:
        bytes_write(writer, entry->session.bytes, sizeof entry->session.bytes);
        bytes_write64(writer, entry->subject);
        bytes_write64(writer, entry->attempt);
        bytes_write64(writer, entry->connection);
        bytes_write64(writer, entry->floor);
        break;
    case JOURNAL_FLOOR: bytes_write64(writer, entry->floor); break;
    case JOURNAL_BEGIN:
        bytes_write64(writer, entry->seq);
        bytes_write32(writer, (uint32_t)(entry->seq - entry->floor));
        bytes_write64(writer, entry->method);
        bytes_write64(writer, entry->digest);
        bytes_put(writer, 1)[0] = entry->oneway;
        break;
    case JOURNAL_DONE:
        bytes_write64(writer, entry->seq);
        bytes_write32(writer, entry->reply_size);
        write_reply(writer, entry);
        break;
    case JOURNAL_RECEIPT:
    case JOURNAL_GONE: bytes_write64(writer, entry->seq); break;
    default: break;
    }
}

static size_t entry_size(const struct journal_entry *entry)
{
    static const size_t sizes[JOURNAL_KIND_COUNT] = {
#define JOURNAL_SIZE_TABLE(name, size) [JOURNAL_##name] = (size),
        JOURNAL_KINDS(JOURNAL_SIZE_TABLE)
#undef JOURNAL_SIZE_TABLE
    };
    return sizes[entry->kind] + (entry->kind == JOURNAL_DONE ? entry->reply_size : 0);
}

void journal_write(struct journal *journal, const struct journal_entry *entry)
{
    assert(entry->kind > JOURNAL_NONE && entry->kind < JOURNAL_KIND_COUNT && makes_sense(entry));
    size_t size = entry_size(entry);
    if (journal->lost || !reserve(journal, size)) {
        journal->lost = true;
        return;
    }
    struct bytes_writer writer = {journal->bytes + journal->size, size, false};
    write_entry(&writer, entry);
    assert(!writer.bad && writer.left == 0);
    journal->size += size;
}

/* ---- a batch ---- */

static uint64_t batch_digest(const uint8_t *bytes, size_t size)
{
    uint64_t head = digest(bytes, JOURNAL_HEADER_SIZE - 8, BATCH_SEED);
    return digest(bytes + JOURNAL_HEADER_SIZE, size - JOURNAL_HEADER_SIZE, head);
}

uint8_t *journal_seal(struct journal *journal, uint64_t last_connection, size_t *ret_size)
{
    if (journal->lost || !reserve(journal, 0)) {
        journal->lost = true;
        return NULL;
    }
    uint8_t *bytes = journal->bytes;
    bytes_store32(bytes, JOURNAL_VERSION);
    bytes_store32(bytes + 4, 0);
    bytes_store64(bytes + 8, journal->number);
    bytes_store64(bytes + 16, last_connection);
    bytes_store64(bytes + 24, batch_digest(bytes, journal->size));
    *ret_size = journal->size;
    *journal = (struct journal){.number = journal->number + 1, .room = journal->room, .spare = journal->spare};
    return bytes;
}

const char *journal_read(const uint8_t *bytes, size_t size, uint64_t number, struct journal_batch *ret_batch)
{
    if (size < JOURNAL_HEADER_SIZE)
        return "a batch is cut short";
    if (bytes_load64(bytes + 24) != batch_digest(bytes, size))
        return "the checksum of a batch is wrong";
    if (bytes_load32(bytes) != JOURNAL_VERSION || bytes_load32(bytes + 4) != 0)
        return "a batch has an unknown version";
    if (bytes_load64(bytes + 8) != number)
        return "a batch stands in the place of another";
    *ret_batch = (struct journal_batch){
        .number = number,
        .last_connection = bytes_load64(bytes + 16),
        .entries = {bytes + JOURNAL_HEADER_SIZE, size - JOURNAL_HEADER_SIZE, false},
    };
    return NULL;
}

/* ---- reading ---- */

/* The frame of a kept reply: it will be sent as it is, so that it must be one. */
static void read_reply(struct bytes_reader *reader, struct journal_entry *entry)
{
    entry->reply_size = bytes_read32(reader);
    entry->reply = bytes_take(reader, entry->reply_size);
    if (reader->bad || entry->reply_size == 0)
        return;
    struct frame frame;
    reader->bad = entry->reply_size < FRAME_HEADER_SIZE ||
                  frame_read(entry->reply, REPLY_SEED, entry->reply_size, &frame) != SEMEL_REASON_NONE ||
                  frame.type != FRAME_REPLY || frame.seq != entry->seq ||
                  FRAME_HEADER_SIZE + frame.body_size != entry->reply_size ||
                  frame.digest != frame_digest(frame.method, entry->reply + FRAME_HEADER_SIZE, frame.body_size);
}

static void read_session(struct bytes_reader *reader, struct journal_entry *entry)
{
    bytes_read(reader, entry->session.bytes, sizeof entry->session.bytes);
    entry->subject = bytes_read64(reader);
    entry->attempt = bytes_read64(reader);
    entry->connection = bytes_read64(reader);
    entry->floor = bytes_read64(reader);
}

static void read_begin(struct bytes_reader *reader, struct journal_entry *entry)
{
    entry->seq = bytes_read64(reader);
    uint32_t behind = bytes_read32(reader);
    reader->bad |= behind >= entry->seq;
    entry->floor = entry->seq - behind;
    entry->method = bytes_read64(reader);
    entry->digest = bytes_read64(reader);
    const uint8_t *oneway = bytes_take(reader, 1);
    reader->bad |= oneway != NULL && *oneway > 1;
    entry->oneway = oneway != NULL && *oneway == 1;
}

bool journal_next(struct bytes_reader *entries, struct journal_entry *ret_entry)
{
    if (entries->bad || entries->left == 0)
        return false;
    uint8_t kind = *bytes_take(entries, 1);
    *ret_entry = (struct journal_entry){.kind = kind, .life = bytes_read64(entries)};
    switch (kind) {
    case JOURNAL_SESSION: read_session(entries, ret_entry); break;
    case JOURNAL_ENDED: break;
    case JOURNAL_FLOOR: ret_entry->floor = bytes_read64(entries); break;
    case JOURNAL_BEGIN: read_begin(entries, ret_entry); break;
    case JOURNAL_DONE:
        ret_entry->seq = bytes_read64(entries);
        read_reply(entries, ret_entry);
        break;
    case JOURNAL_RECEIPT:
    case JOURNAL_GONE: ret_entry->seq = bytes_read64(entries); break;
    default: entries->bad = true; break;
    }
    entries->bad |= !entries->bad && !makes_sense(ret_entry);
    return !entries->bad;
}
