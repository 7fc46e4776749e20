/* Messages: there and back, every truncation, too little room, and what is freed.  The message stands here by hand, as
 * nanopb's generator would write it: core is tested without the code generator.
 *
 * Reads best next: frame_test.c. */
#include "core/message.h"

#include "support.h"

/* message Note { required uint32 number = 1; required string text = 2; repeated bytes parts = 3; } */
struct note {
    uint32_t number;
    char *text;
    pb_size_t parts_count;
    pb_bytes_array_t **parts;
};

#define note_FIELDLIST(X, a)                                                                                   \
    X(a, STATIC, REQUIRED, UINT32, number, 1)                                                                  \
    X(a, POINTER, REQUIRED, STRING, text, 2)                                                                   \
    X(a, POINTER, REPEATED, BYTES, parts, 3)
#define note_DEFAULT NULL
#define note_CALLBACK NULL
typedef struct note note;
PB_BIND(note, note, AUTO)

/* message Word { string text = 1 [(nanopb).type = FT_CALLBACK]; uint32 number = 2; } */
struct word {
    pb_callback_t text;
    uint32_t number;
};

#define word_FIELDLIST(X, a)                                                                                   \
    X(a, CALLBACK, OPTIONAL, STRING, text, 1)                                                                  \
    X(a, STATIC, SINGULAR, UINT32, number, 2)
#define word_DEFAULT NULL
#define word_CALLBACK pb_default_field_callback
typedef struct word word;
PB_BIND(word, word, AUTO)

/* message Lucky { uint32 number = 2 [default = 7]; }, and a message that holds one. */
struct lucky {
    uint32_t number;
};
#define lucky_FIELDLIST(X, a) X(a, STATIC, SINGULAR, UINT32, number, 2)
#define lucky_DEFAULT ((const pb_byte_t *)"\x10\x07\x00")
#define lucky_CALLBACK NULL
typedef struct lucky lucky;
PB_BIND(lucky, lucky, AUTO)

struct holder {
    lucky inner;
    uint32_t other;
};
#define holder_FIELDLIST(X, a)                                                                                 \
    X(a, STATIC, REQUIRED, MESSAGE, inner, 1)                                                                  \
    X(a, STATIC, SINGULAR, UINT32, other, 2)
#define holder_DEFAULT NULL
#define holder_CALLBACK NULL
#define holder_inner_MSGTYPE lucky
typedef struct holder holder;
PB_BIND(holder, holder, AUTO)

/* number 300, text "semel", parts "ab" and "" */
static const uint8_t golden_note[] = {0x08, 0xac, 0x02, 0x12, 0x05, 's', 'e',  'm',
                                      'e',  'l',  0x1a, 0x02, 'a',  'b', 0x1a, 0x00};

static bool decode_exact(note *into, const uint8_t *bytes, size_t size, const char **ret_error)
{
    uint8_t *exact = exact_copy(bytes, size);
    bool good = message_decode((struct message_type){&note_msg, sizeof *into, false}, into, exact, size,
                               ret_error);
    free(exact);
    return good;
}

static note decoded(void)
{
    note read = {0};
    const char *error = NULL;
    cr_assert(decode_exact(&read, golden_note, sizeof golden_note, &error), "%s", error);
    return read;
}

Test(message, decodes_every_field)
{
    note read = decoded();
    cr_assert_eq(read.number, 300);
    cr_assert_str_eq(read.text, "semel");
    cr_assert_eq(read.parts_count, 2);
    cr_assert_eq(read.parts[0]->size, 2);
    cr_assert_eq(memcmp(read.parts[0]->bytes, "ab", 2), 0);
    cr_assert_eq(read.parts[1]->size, 0);
    message_release(&note_msg, &read);
}

Test(message, encodes_what_it_decoded)
{
    note read = decoded();
    size_t size = 0;
    const char *error = NULL;
    cr_assert(message_size(&note_msg, &read, &size, &error));
    cr_assert_eq(size, sizeof golden_note);
    uint8_t *into = malloc(size); /* exactly: a byte more is seen */
    size = 0;
    cr_assert(message_encode(&note_msg, &read, into, sizeof golden_note, &size, &error));
    cr_assert_eq(size, sizeof golden_note);
    cr_assert_eq(memcmp(into, golden_note, size), 0);
    cr_assert_null(error, "set on failure only");
    free(into);
    message_release(&note_msg, &read);
}

Test(message, too_little_room_is_told)
{
    note read = decoded();
    for (size_t room = 0; room < sizeof golden_note; room++) {
        uint8_t *into = malloc(room);
        size_t size = 77;
        const char *error = NULL;
        cr_assert_not(message_encode(&note_msg, &read, into, room, &size, &error), "%zu", room);
        cr_assert_not_null(error);
        cr_assert_eq(size, 77, "the result is left alone");
        free(into);
    }
    message_release(&note_msg, &read);
}

/* A size is asked for before any frame is made: what can not be encoded is found there. */
Test(message, a_missing_field_is_told)
{
    note unfinished = {.number = 1};
    uint8_t into[64];
    size_t size = 77;
    const char *error = NULL;
    cr_assert_not(message_size(&note_msg, &unfinished, &size, &error));
    cr_assert_not_null(error);
    error = NULL;
    cr_assert_not(message_encode(&note_msg, &unfinished, into, sizeof into, &size, &error));
    cr_assert_not_null(error);
    cr_assert_eq(size, 77);
}

/* Whatever a peer sends, a failure leaves nothing allocated (the sanitizer watches) and nothing to trip over. */
Test(message, every_truncation_leaves_nothing)
{
    for (size_t size = 0; size < sizeof golden_note; size++) {
        note read = {0};
        const char *error = NULL;
        /* Cut between two fields of which none is missing, it is a message still. */
        bool whole = size == 10 || size == 14;
        cr_assert_eq(decode_exact(&read, golden_note, size, &error), whole, "%zu", size);
        if (whole) {
            message_release(&note_msg, &read);
            continue;
        }
        cr_assert_not_null(error);
        cr_assert(read.text == NULL && read.parts == NULL);
    }
}

Test(message, random_bytes_leave_nothing)
{
    struct rng rng = {19};
    int believed = 0;
    for (int i = 0; i < 50000; i++) {
        uint8_t bytes[sizeof golden_note + 8];
        size_t size = sizeof golden_note + rng_below(&rng, 9);
        memcpy(bytes, golden_note, sizeof golden_note);
        for (size_t at = sizeof golden_note; at < size; at++)
            bytes[at] = (uint8_t)rng_next(&rng);
        for (uint64_t changes = rng_below(&rng, 4); changes > 0; changes--)
            bytes[rng_below(&rng, size)] = (uint8_t)rng_next(&rng);
        note read = {0};
        const char *error = NULL;
        if (decode_exact(&read, bytes, size, &error)) {
            believed++;
            message_release(&note_msg, &read);
        } else {
            cr_assert(error != NULL && read.text == NULL && read.parts == NULL);
        }
    }
    cr_assert_gt(believed, 1000);
}

static bool decode_into_garbage(struct message_type type, void *into, const char *bytes, size_t size)
{
    const char *error = NULL;
    memset(into, 0xa5, type.size);
    return message_decode(type, into, (const uint8_t *)bytes, size, &error);
}

/* Memory that was something else before, perhaps by a peer's will, and a field that nobody set a callback for. */
Test(message, a_callback_of_garbage_is_not_called)
{
    word read;
    cr_assert(decode_into_garbage((struct message_type){&word_msg, sizeof read, false}, &read,
                                  "\x0a\x02hi\x10\x05", 6));
    cr_assert_eq(read.number, 5);
    cr_assert_null(read.text.funcs.decode);
}

Test(message, what_is_not_said_is_its_default)
{
    word plain;
    lucky alone;
    holder outer;
    cr_assert(decode_into_garbage((struct message_type){&word_msg, sizeof plain, false}, &plain, "", 0));
    cr_assert_eq(plain.number, 0);
    cr_assert(decode_into_garbage((struct message_type){&lucky_msg, sizeof alone, false}, &alone, "", 0));
    cr_assert_eq(alone.number, 7);
    cr_assert(decode_into_garbage((struct message_type){&holder_msg, sizeof outer, false}, &outer,
                                  "\x0a\x00\x10\x09", 4));
    cr_assert_eq(outer.inner.number, 7);
    cr_assert_eq(outer.other, 9);
}

Test(message, release_may_be_repeated)
{
    note read = decoded();
    message_release(&note_msg, &read);
    cr_assert(read.text == NULL && read.parts == NULL && read.parts_count == 0);
    message_release(&note_msg, &read);
}
