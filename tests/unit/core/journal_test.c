/* The journal's bytes: what is written is read back, and nothing that is read can do harm.
 *
 * Reads best next: runtime/core/journal.h, recall_test.c. */
#include "core/journal.h"

#include "core/frame.h"
#include "core/reply.h"
#include "support.h"

#include <stdio.h>

TestSuite(journal, .timeout = 60);

static const struct id session_id = {{0xa0, 0xa1, 0xa2, 0xa3}};

static const struct journal_entry session_entry = {.kind = JOURNAL_SESSION,
                                                   .life = 3,
                                                   .session = {{0xa0, 0xa1, 0xa2, 0xa3}},
                                                   .subject = 1000,
                                                   .attempt = 2,
                                                   .connection = 4,
                                                   .floor = 5};
static const struct journal_entry begin_entry = {
    .kind = JOURNAL_BEGIN, .life = 3, .seq = 7, .floor = 5, .method = 0x1111, .digest = 0x2222, .oneway = true};

/* A reply of seq 7 with this body. */
static size_t make_reply(uint8_t *frame, const char *body)
{
    size_t size = strlen(body);
    memcpy(frame + FRAME_HEADER_SIZE, body, size);
    const struct frame header = {.type = FRAME_REPLY,
                                 .flags = SEMEL_OUTCOME_EXECUTED,
                                 .seq = 7,
                                 .method = 0x1111,
                                 .digest = frame_digest(0x1111, frame + FRAME_HEADER_SIZE, size),
                                 .body_size = size};
    frame_write(frame, &header);
    return FRAME_HEADER_SIZE + size;
}

static void append_all(struct journal *journal)
{
    uint8_t frame[FRAME_HEADER_SIZE + 8];
    size_t size = make_reply(frame, "reply");
    journal_write(journal, &session_entry);
    journal_write(journal, &begin_entry);
    journal_write(journal,
                  &(struct journal_entry){
                      .kind = JOURNAL_DONE, .life = 3, .seq = 7, .reply = frame, .reply_size = (uint32_t)size});
    journal_write(journal, &(struct journal_entry){.kind = JOURNAL_DONE, .life = 3, .seq = 8});
    journal_write(journal, &(struct journal_entry){.kind = JOURNAL_GONE, .life = 3, .seq = 9});
    journal_write(journal, &(struct journal_entry){.kind = JOURNAL_FLOOR, .life = 3, .floor = 10});
    journal_write(journal, &(struct journal_entry){.kind = JOURNAL_RECEIPT, .life = 3, .seq = 11});
    journal_write(journal, &(struct journal_entry){.kind = JOURNAL_ENDED, .life = 3});
}

/* A sealed batch with one entry of each kind, and one DONE without a reply. */
static uint8_t *make_batch(size_t *ret_size)
{
    struct journal journal;
    journal_init(&journal, 12);
    append_all(&journal);
    uint8_t *bytes = journal_seal(&journal, 4, ret_size);
    cr_assert_not_null(bytes);
    cr_assert_eq(journal.number, 13);
    cr_assert(journal_is_empty(&journal));
    journal_fini(&journal);
    return bytes;
}

static struct journal_entry next(struct bytes_reader *entries, enum journal_kind kind)
{
    struct journal_entry entry;
    cr_assert(journal_next(entries, &entry));
    cr_assert_eq(entry.kind, kind);
    cr_assert_eq(entry.life, 3);
    return entry;
}

Test(journal, tells_what_it_was_told)
{
    size_t size;
    uint8_t *bytes = make_batch(&size);
    struct journal_batch batch;
    cr_assert_null(journal_read(bytes, size, 12, &batch));
    cr_assert(batch.number == 12 && batch.last_connection == 4);
    struct journal_entry entry = next(&batch.entries, JOURNAL_SESSION);
    cr_assert(id_equal(&entry.session, &session_id));
    cr_assert(entry.subject == 1000 && entry.attempt == 2 && entry.connection == 4 && entry.floor == 5);
    entry = next(&batch.entries, JOURNAL_BEGIN);
    cr_assert(entry.seq == 7 && entry.floor == 5 && entry.method == 0x1111 && entry.digest == 0x2222 &&
              entry.oneway);
    entry = next(&batch.entries, JOURNAL_DONE);
    cr_assert(entry.seq == 7 && entry.reply_size == FRAME_HEADER_SIZE + 5);
    cr_assert_arr_eq(entry.reply + FRAME_HEADER_SIZE, "reply", 5);
    entry = next(&batch.entries, JOURNAL_DONE);
    cr_assert(entry.seq == 8 && entry.reply_size == 0);
    cr_assert_eq(next(&batch.entries, JOURNAL_GONE).seq, 9);
    cr_assert_eq(next(&batch.entries, JOURNAL_FLOOR).floor, 10);
    cr_assert_eq(next(&batch.entries, JOURNAL_RECEIPT).seq, 11);
    next(&batch.entries, JOURNAL_ENDED);
    cr_assert_not(journal_next(&batch.entries, &entry));
    cr_assert_not(batch.entries.bad);
    free(bytes);
}

/* The bytes that stand in runtime/core/README.md, section 10. */
static size_t readme_bytes(uint8_t *bytes, size_t room)
{
    static char text[256 * 1024];
    FILE *file = fopen(CORE_README, "r");
    cr_assert_not_null(file, CORE_README);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    char *begin = strstr(text, "```golden-JOURNAL\n");
    cr_assert_not_null(begin);
    begin += strlen("```golden-JOURNAL\n");
    char *end = strstr(begin, "```");
    cr_assert_not_null(end);
    *end = '\0';
    return unhex(begin, bytes, room);
}

Test(journal, is_written_as_the_readme_says)
{
    struct journal journal;
    size_t size;
    uint8_t golden[512];
    journal_init(&journal, 12);
    journal_write(&journal, &session_entry);
    journal_write(&journal, &begin_entry);
    uint8_t *bytes = journal_seal(&journal, 4, &size);
    cr_assert_eq(size, readme_bytes(golden, sizeof golden));
    cr_assert_arr_eq(bytes, golden, size);
    free(bytes);
    journal_fini(&journal);
}

/* The reply on its way is sealed for a connection; the copy in the store must not disturb it. */
Test(journal, leaves_the_reply_as_it_is)
{
    uint8_t frame[FRAME_HEADER_SIZE + 8];
    uint8_t before[sizeof frame];
    struct journal journal;
    size_t size = make_reply(frame, "reply");
    frame_seal(frame, 99);
    memcpy(before, frame, size);
    journal_init(&journal, 1);
    journal_write(&journal,
                  &(struct journal_entry){
                      .kind = JOURNAL_DONE, .life = 3, .seq = 7, .reply = frame, .reply_size = (uint32_t)size});
    cr_assert_arr_eq(frame, before, size);
    journal_fini(&journal);
}

/* No bit may change, no byte be missing, no batch stand for another. */
Test(journal, finds_every_damage_of_a_batch)
{
    size_t size;
    uint8_t *bytes = make_batch(&size);
    struct journal_batch batch;
    for (size_t bit = 0; bit < size * 8; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        cr_assert_not_null(journal_read(bytes, size, 12, &batch), "bit %zu", bit);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (size_t cut = 0; cut < size; cut++) {
        uint8_t *copy = exact_copy(bytes, cut);
        cr_assert_not_null(journal_read(copy, cut, 12, &batch), "%zu bytes", cut);
        free(copy);
    }
    cr_assert_not_null(journal_read(bytes, size, 13, &batch));
    cr_assert_null(journal_read(bytes, size, 12, &batch));
    free(bytes);
}

/* Reads entries to their end or to what is none; every one must keep to what journal.h promises. */
static int read_all(const uint8_t *bytes, size_t size)
{
    uint8_t *copy = exact_copy(bytes, size);
    struct bytes_reader entries = {copy, size, false};
    struct journal_entry entry;
    int count = 0;
    for (; journal_next(&entries, &entry); count++) {
        cr_assert(entry.kind > JOURNAL_NONE && entry.kind < JOURNAL_KIND_COUNT && entry.life != 0);
        cr_assert(entry.kind != JOURNAL_BEGIN || (entry.floor > 0 && entry.floor <= entry.seq));
        cr_assert(entry.kind != JOURNAL_DONE || entry.reply_size == 0 || entry.reply_size >= FRAME_HEADER_SIZE);
        cr_assert(entry.kind != JOURNAL_SESSION || (entry.connection >= entry.life && entry.floor > 0));
    }
    cr_assert(entries.bad || entries.left == 0);
    free(copy);
    return entries.bad ? -1 : count;
}

Test(journal, reads_no_entry_that_makes_no_sense)
{
    size_t size;
    uint8_t *bytes = make_batch(&size);
    uint8_t *entries = bytes + JOURNAL_HEADER_SIZE;
    size_t entries_size = size - JOURNAL_HEADER_SIZE;
    struct rng rng = {4711};
    cr_assert_eq(read_all(entries, entries_size), 8);
    int cut_short = 0;
    for (size_t cut = 0; cut < entries_size; cut++)
        cut_short += read_all(entries, cut) < 0;
    cr_assert_eq(cut_short, (int)entries_size - 8, "only where an entry ends nothing is missing");
    for (int i = 0; i < 200000; i++) {
        size_t at = rng_below(&rng, entries_size);
        uint8_t saved = entries[at];
        entries[at] = (uint8_t)rng_next(&rng);
        (void)read_all(entries, entries_size);
        entries[at] = saved;
    }
    free(bytes);
}

/* A reply is sent as it stands in the file: it must be the one that was kept. */
Test(journal, knows_a_damaged_reply)
{
    size_t size;
    uint8_t *bytes = make_batch(&size);
    uint8_t *entries = bytes + JOURNAL_HEADER_SIZE;
    size_t begin = JOURNAL_SESSION_SIZE + JOURNAL_BEGIN_SIZE + JOURNAL_DONE_SIZE;
    for (size_t at = begin; at < begin + FRAME_HEADER_SIZE + 5; at++) {
        entries[at] ^= 1;
        cr_assert_eq(read_all(entries, size - JOURNAL_HEADER_SIZE), -1, "byte %zu", at - begin);
        entries[at] ^= 1;
    }
    free(bytes);
}

Test(journal, admits_what_there_is_room_for)
{
    struct journal journal;
    journal_init(&journal, 1);
    journal.room = 2 * (JOURNAL_BEGIN_SIZE + JOURNAL_DONE_SIZE) + 100;
    cr_assert(journal_admits(&journal, false));
    cr_assert(journal_takes_reply(&journal, 100));
    cr_assert(journal_admits(&journal, false));
    cr_assert_not(journal_admits(&journal, false));
    cr_assert_not(journal_takes_reply(&journal, 1));
    journal_write(&journal, &begin_entry);
    cr_assert_not(journal.lost, "what has begun is written all the same");
    journal_fini(&journal);
}

Test(journal, spares_room_for_what_is_urgent)
{
    const uint64_t size = JOURNAL_BEGIN_SIZE + JOURNAL_DONE_SIZE;
    struct journal journal;
    size_t sealed_size;
    journal_init(&journal, 1);
    journal.room = size;
    journal.spare = size;
    cr_assert(journal_admits(&journal, true));
    cr_assert_eq(journal.spare, size, "while there is room, nothing is taken of it");
    cr_assert_not(journal_admits(&journal, false));
    free(journal_seal(&journal, 1, &sealed_size));
    cr_assert(journal_admits(&journal, true), "that lasts from batch to batch");
    cr_assert_not(journal_takes_reply(&journal, 1));
    cr_assert_not(journal_admits(&journal, true));
    journal_fini(&journal);
}

Test(journal, that_is_lost_admits_and_writes_nothing)
{
    struct journal journal;
    size_t size;
    journal_init(&journal, 1);
    journal.lost = true;
    cr_assert_not(journal_admits(&journal, false));
    journal_write(&journal, &begin_entry);
    cr_assert(journal_is_empty(&journal));
    cr_assert_null(journal_seal(&journal, 1, &size));
    journal_fini(&journal);
}
