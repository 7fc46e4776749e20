/* Nesting: the walk without recursion says what a plain recursive reading of the wire format says, and what it lets
 * through nanopb decodes without going deeper than the limit.  The messages stand here by hand; the oracle has a table
 * of its own and knows no descriptor.
 *
 * Reads best next: message_test.c. */
#include "core/nesting.h"

#include <pb_decode.h>

#include "core/limits.h"
#include "core/message.h"
#include "support.h"

/* message Tree {
 *   int32 value = 1;
 *   repeated Tree kids = 2;
 *   oneof body { Tree left = 3; bytes leaf = 4; }
 *   map<uint32, Tree> named = 5;
 *   repeated int32 packed = 6 [packed = true];
 *   fixed64 wide = 7;
 *   fixed32 half = 8;
 *   Other other = 9;
 *   Tree far = 65535;
 * }
 * message Other { repeated Tree trees = 1; string text = 200; } */
typedef struct tree tree;
typedef struct entry entry;
typedef struct other other;

struct other {
    pb_size_t trees_count;
    tree *trees;
    char *text;
};

struct entry {
    uint32_t key;
    tree *value;
};

struct tree {
    int32_t value;
    pb_size_t kids_count;
    tree *kids;
    pb_size_t which_body;
    union {
        tree *left;
        pb_bytes_array_t *leaf;
    } body;
    pb_size_t named_count;
    entry *named;
    pb_size_t packed_count;
    int32_t *packed;
    uint64_t wide;
    uint32_t half;
    other *other;
    tree *far;
};

enum { FAR_TAG = 65535, TEXT_TAG = 200 };

#define tree_FIELDLIST(X, a)                                                                                   \
    X(a, STATIC, SINGULAR, INT32, value, 1)                                                                    \
    X(a, POINTER, REPEATED, MESSAGE, kids, 2)                                                                  \
    X(a, POINTER, ONEOF, MESSAGE, (body, left, body.left), 3)                                                  \
    X(a, POINTER, ONEOF, BYTES, (body, leaf, body.leaf), 4)                                                    \
    X(a, POINTER, REPEATED, MESSAGE, named, 5)                                                                 \
    X(a, POINTER, REPEATED, INT32, packed, 6)                                                                  \
    X(a, STATIC, SINGULAR, FIXED64, wide, 7)                                                                   \
    X(a, STATIC, SINGULAR, FIXED32, half, 8)                                                                   \
    X(a, POINTER, OPTIONAL, MESSAGE, other, 9)                                                                 \
    X(a, POINTER, OPTIONAL, MESSAGE, far, 65535)
#define tree_CALLBACK NULL
#define tree_DEFAULT NULL
#define tree_kids_MSGTYPE tree
#define tree_body_left_MSGTYPE tree
#define tree_named_MSGTYPE entry
#define tree_other_MSGTYPE other
#define tree_far_MSGTYPE tree

#define entry_FIELDLIST(X, a)                                                                                  \
    X(a, STATIC, SINGULAR, UINT32, key, 1)                                                                     \
    X(a, POINTER, OPTIONAL, MESSAGE, value, 2)
#define entry_CALLBACK NULL
#define entry_DEFAULT NULL
#define entry_value_MSGTYPE tree

#define other_FIELDLIST(X, a)                                                                                  \
    X(a, POINTER, REPEATED, MESSAGE, trees, 1)                                                                 \
    X(a, POINTER, SINGULAR, STRING, text, 200)
#define other_CALLBACK NULL
#define other_DEFAULT NULL
#define other_trees_MSGTYPE tree

extern const pb_msgdesc_t tree_msg, entry_msg, other_msg;
PB_BIND(tree, tree, 4)
PB_BIND(entry, entry, AUTO)
PB_BIND(other, other, 4)

/* ---- the oracle ---- */

enum type { TREE, ENTRY, OTHER, NO_TYPE };

static const struct message_type tree_type = {&tree_msg, sizeof(tree), true};
static const pb_msgdesc_t *const descriptors[] = {&tree_msg, &entry_msg, &other_msg};

static enum type type_of(enum type type, uint64_t tag)
{
    if (type == TREE)
        return tag == 2 || tag == 3 || tag == FAR_TAG ? TREE : tag == 5 ? ENTRY : tag == 9 ? OTHER : NO_TYPE;
    if (type == ENTRY)
        return tag == 2 ? TREE : NO_TYPE;
    return tag == 1 ? TREE : NO_TYPE;
}

/* What the oracle noticed. */
struct notes {
    unsigned deepest;
    bool
        long_varint; /* more than ten bytes, which nanopb takes where it skips an unknown field; protobuf does not */
};

/* Bytes of a varint of at most ten; 0: there is none. */
static size_t varint(const uint8_t *bytes, size_t size, uint64_t *ret_value, struct notes *notes)
{
    *ret_value = 0;
    for (size_t i = 0; i < size && i < 10; i++) {
        *ret_value += i < 9 || bytes[i] < 2 ? (uint64_t)(bytes[i] & 127) << (7 * i)
                                            : (uint64_t)(bytes[i] & 1) << 63;
        if ((bytes[i] & 128) == 0)
            return i + 1;
    }
    notes->long_varint |= size > 10;
    return 0;
}

static enum nesting judge(enum type type, const uint8_t *bytes, size_t size, unsigned depth,
                          struct notes *notes);

/* One field; *ret_size is what it takes. */
static enum nesting judge_field(enum type type, const uint8_t *bytes, size_t size, unsigned depth,
                                struct notes *notes, size_t *ret_size)
{
    uint64_t key, value;
    size_t head = varint(bytes, size, &key, notes);
    if (head == 0 || (key % 8 != 0 && key % 8 != 1 && key % 8 != 2 && key % 8 != 5))
        return NESTING_BROKEN;
    size_t rest = size - head;
    size_t taken = key % 8 == 1 ? 8 : key % 8 == 5 ? 4 : varint(bytes + head, rest, &value, notes);
    if (taken == 0 || taken > rest)
        return NESTING_BROKEN;
    *ret_size = head + taken;
    if (key % 8 != 2)
        return NESTING_FINE;
    if (value > rest - taken)
        return NESTING_BROKEN;
    *ret_size += (size_t)value;
    enum type inner = type_of(type, key / 8);
    return inner == NO_TYPE ? NESTING_FINE
                            : judge(inner, bytes + head + taken, (size_t)value, depth + 1, notes);
}

static enum nesting judge(enum type type, const uint8_t *bytes, size_t size, unsigned depth,
                          struct notes *notes)
{
    if (depth > notes->deepest)
        notes->deepest = depth;
    if (depth > 100)
        return NESTING_TOO_DEEP;
    for (size_t taken; size > 0; bytes += taken, size -= taken) {
        enum nesting found = judge_field(type, bytes, size, depth, notes, &taken);
        if (found != NESTING_FINE)
            return found;
    }
    return NESTING_FINE;
}

/* ---- what nanopb made ---- */

static unsigned depth_of_tree(const tree *from);

static unsigned deeper(unsigned a, unsigned b)
{
    return a > b ? a : b;
}

static unsigned depth_of_other(const other *from)
{
    unsigned below = 0;
    for (pb_size_t i = 0; i < from->trees_count; i++)
        below = deeper(below, depth_of_tree(&from->trees[i]));
    return 1 + below;
}

static unsigned depth_of_entry(const entry *from)
{
    return 1 + (from->value != NULL ? depth_of_tree(from->value) : 0);
}

static unsigned depth_of_tree(const tree *from)
{
    unsigned below = 0;
    for (pb_size_t i = 0; i < from->kids_count; i++)
        below = deeper(below, depth_of_tree(&from->kids[i]));
    for (pb_size_t i = 0; i < from->named_count; i++)
        below = deeper(below, depth_of_entry(&from->named[i]));
    if (from->which_body == 3 && from->body.left != NULL)
        below = deeper(below, depth_of_tree(from->body.left));
    if (from->other != NULL)
        below = deeper(below, depth_of_other(from->other));
    if (from->far != NULL)
        below = deeper(below, depth_of_tree(from->far));
    return 1 + below;
}

/* ---- checks ---- */

struct seen {
    unsigned fine, too_deep, broken, decoded;
};

/* nanopb decodes these bytes; its depth is bounded by the oracle's before it is asked. */
static bool nanopb_takes(enum type type, const uint8_t *bytes, size_t size, unsigned *ret_depth)
{
    union {
        tree tree;
        entry entry;
        other other;
    } into;
    memset(&into, 0, sizeof into);
    pb_istream_t stream = pb_istream_from_buffer(bytes, size);
    if (!pb_decode(&stream, descriptors[type], &into))
        return false;
    *ret_depth = type == TREE    ? depth_of_tree(&into.tree)
                 : type == ENTRY ? depth_of_entry(&into.entry)
                                 : depth_of_other(&into.other);
    pb_release(descriptors[type], &into);
    return true;
}

static enum nesting check(enum type type, const uint8_t *bytes, size_t size, struct seen *seen)
{
    struct notes notes = {0};
    unsigned depth = 0;
    uint8_t *exact = exact_copy(bytes, size);
    enum nesting expected = judge(type, exact, size, 1, &notes);
    enum nesting found = nesting_check(descriptors[type], exact, size);
    cr_assert_eq(found, expected, "type %d, %zu bytes", (int)type, size);
    seen->fine += found == NESTING_FINE;
    seen->too_deep += found == NESTING_TOO_DEEP;
    seen->broken += found == NESTING_BROKEN;
    if (size < 10000 && nanopb_takes(type, exact, size, &depth)) {
        /* What came later in the same oneof or optional field has replaced a deeper one: depth may be the lesser. */
        cr_assert(found != NESTING_FINE || (depth <= notes.deepest && notes.deepest <= LIMIT_MESSAGE_DEPTH));
        cr_assert(found != NESTING_BROKEN || notes.long_varint, "refused as broken, but nanopb takes it");
        seen->decoded++;
    }
    free(exact);
    return found;
}

/* ---- bytes ---- */

enum { ROOM = 1 << 16 };

/* Written from the end to the front, so that a length is known when it is written. */
struct writer {
    uint8_t *bytes;
    size_t at;
};

static void put_varint(struct writer *writer, uint64_t value)
{
    uint8_t bytes[10];
    size_t count = 0;
    do {
        bytes[count++] = (uint8_t)((value & 127) | (value > 127 ? 128 : 0));
        value >>= 7;
    } while (value > 0);
    assert(writer->at >= count);
    writer->at -= count;
    memcpy(writer->bytes + writer->at, bytes, count);
}

static void put_zeros(struct writer *writer, size_t count)
{
    assert(writer->at >= count);
    writer->at -= count;
    memset(writer->bytes + writer->at, 0, count);
}

static void put_key(struct writer *writer, uint64_t tag, unsigned wire_type)
{
    put_varint(writer, tag << 3 | wire_type);
}

/* Puts what was written since end into a field. */
static void wrap(struct writer *writer, size_t end, uint64_t tag)
{
    put_varint(writer, end - writer->at);
    put_key(writer, tag, 2);
}

/* A tag that holds a message in this type, and the type it holds. */
static uint64_t some_message(struct rng *rng, enum type type, enum type *ret_inner)
{
    static const uint64_t in_tree[] = {2, 3, 5, 9, FAR_TAG};
    uint64_t tag = type == TREE ? in_tree[rng_below(rng, 5)] : type == ENTRY ? 2 : 1;
    *ret_inner = type_of(type, tag);
    return tag;
}

/* A field without a message: known or unknown, of each wire type. */
static void put_plain(struct writer *writer, struct rng *rng, enum type type)
{
    size_t end = writer->at;
    switch (rng_below(rng, 7)) {
    case 0:
        put_varint(writer, rng_next(rng) >> rng_below(rng, 64));
        put_key(writer, 1000 + rng_below(rng, 9), 0);
        break;
    case 1:
        put_varint(writer, rng_below(rng, 1000));
        put_key(writer, type == OTHER ? 77 : 1, 0);
        break;
    case 2:
        put_zeros(writer, 8);
        put_key(writer, 7, 1);
        break;
    case 3:
        put_zeros(writer, 4);
        put_key(writer, 8, 5);
        break;
    case 4: /* packed numbers, or what nobody knows */
        put_zeros(writer, rng_below(rng, 6));
        wrap(writer, end, 6);
        break;
    case 5:
        writer->bytes[--writer->at] = 'x';
        wrap(writer, end, type == TREE ? 4 : type == OTHER ? TEXT_TAG : 33);
        break;
    default: /* the largest tag that nanopb takes here, and its neighbours */
        put_zeros(writer, 2);
        wrap(writer, end, FAR_TAG - 1 + 2 * rng_below(rng, 2));
    }
}

/* A message with some fields, of which at most one is a message that goes depth levels down. */
static void put_message(struct writer *writer, struct rng *rng, enum type type, unsigned depth)
{
    for (uint64_t i = rng_below(rng, 3); i > 0; i--)
        put_plain(writer, rng, type);
    if (depth > 1) {
        enum type inner;
        uint64_t tag = some_message(rng, type, &inner);
        size_t end = writer->at;
        put_message(writer, rng, inner, depth - 1);
        wrap(writer, end, tag);
    }
    for (uint64_t i = rng_below(rng, 2); i > 0; i--)
        put_plain(writer, rng, type);
}

/* The bytes of a random message of exactly this depth. */
static const uint8_t *some_bytes(struct rng *rng, enum type type, unsigned depth, size_t *ret_size)
{
    static uint8_t bytes[ROOM];
    struct writer writer = {bytes, ROOM};
    put_message(&writer, rng, type, depth);
    *ret_size = ROOM - writer.at;
    return bytes + writer.at;
}

/* ---- tests ---- */

Test(nesting, agrees_with_a_recursive_reading)
{
    struct rng rng = {101};
    struct seen seen = {0};
    for (int i = 0; i < 6000; i++) {
        size_t size;
        enum type type = (enum type)rng_below(&rng, 3);
        unsigned depth = 1 + (unsigned)rng_below(&rng, i % 3 == 0 ? 110 : 12);
        const uint8_t *bytes = some_bytes(&rng, type, depth, &size);
        cr_assert_eq(check(type, bytes, size, &seen), depth <= 100 ? NESTING_FINE : NESTING_TOO_DEEP);
    }
    cr_assert(seen.fine > 3000 && seen.too_deep > 100 && seen.broken == 0);
    cr_assert(seen.decoded > 3000, "%u: nanopb is to be asked about most of them", seen.decoded);
}

Test(nesting, agrees_about_damaged_bytes)
{
    struct rng rng = {102};
    struct seen seen = {0};
    for (int i = 0; i < 30000; i++) {
        static uint8_t damaged[ROOM];
        size_t size;
        enum type type = (enum type)rng_below(&rng, 3);
        const uint8_t *bytes = some_bytes(&rng, type, 1 + (unsigned)rng_below(&rng, i % 10 == 0 ? 105 : 8),
                                          &size);
        memcpy(damaged, bytes, size);
        for (uint64_t changes = 1 + rng_below(&rng, 3); changes > 0 && size > 0; changes--)
            damaged[rng_below(&rng, size)] = (uint8_t)rng_next(&rng);
        if (size > 0 && rng_below(&rng, 4) == 0)
            size = (size_t)rng_below(&rng, size);
        check(type, damaged, size, &seen);
    }
    cr_assert(seen.fine > 1000 && seen.too_deep > 10 && seen.broken > 1000, "%u %u %u", seen.fine,
              seen.too_deep, seen.broken);
}

Test(nesting, agrees_about_random_bytes)
{
    struct rng rng = {103};
    struct seen seen = {0};
    for (int i = 0; i < 100000; i++) {
        uint8_t bytes[24];
        size_t size = (size_t)rng_below(&rng, sizeof bytes + 1);
        for (size_t at = 0; at < size; at++) /* small numbers make fields, lengths and messages more often */
            bytes[at] = (uint8_t)(rng_next(&rng) % (rng_below(&rng, 2) == 0 ? 256 : 44));
        check((enum type)rng_below(&rng, 3), bytes, size, &seen);
    }
    cr_assert(seen.fine > 3000 && seen.broken > 3000 && seen.decoded > 1000);
}

/* A tree whose only field is a tree, and so on, down to an empty one; by this tag. */
static uint8_t *chain(size_t depth, uint64_t tag, size_t *ret_size)
{
    size_t room = depth * 11; /* key and length */
    uint8_t *bytes = malloc(room);
    assert(bytes != NULL);
    struct writer writer = {bytes, room};
    for (size_t i = 1; i < depth; i++)
        wrap(&writer, room, tag);
    *ret_size = room - writer.at;
    memmove(bytes, bytes + writer.at, *ret_size);
    return bytes;
}

Test(nesting, a_hundred_levels_are_fine_and_one_more_is_not)
{
    static const uint64_t tags[] = {2, 3, FAR_TAG};
    for (size_t i = 0; i < 3; i++)
        for (size_t depth = 1; depth <= 103; depth++) {
            size_t size;
            const char *error = NULL;
            tree read = {0};
            uint8_t *bytes = chain(depth, tags[i], &size);
            cr_assert_eq(nesting_check(&tree_msg, bytes, size), depth <= 100 ? NESTING_FINE : NESTING_TOO_DEEP);
            cr_assert_eq(message_decode(tree_type, &read, bytes, size, &error), depth <= 100);
            if (depth <= 100) {
                cr_assert_eq(depth_of_tree(&read), depth);
                message_release(&tree_msg, &read);
            } else {
                cr_assert_str_eq(error, "messages are nested too deeply");
            }
            free(bytes);
        }
}

Test(nesting, a_million_levels_take_no_stack)
{
    size_t size;
    uint8_t *bytes = chain(1000000, 2, &size);
    cr_assert_eq(nesting_check(&tree_msg, bytes, size), NESTING_TOO_DEEP);
    tree read = {0};
    const char *error = NULL;
    cr_assert_not(message_decode(tree_type, &read, bytes, size, &error));
    cr_assert(error != NULL && read.kids == NULL);
    /* In a field that nobody knows it is no message at all. */
    struct writer writer = {malloc(size + 16), size + 16};
    writer.at -= size;
    memcpy(writer.bytes + writer.at, bytes, size);
    wrap(&writer, size + 16, 1234);
    cr_assert_eq(nesting_check(&tree_msg, writer.bytes + writer.at, size + 16 - writer.at), NESTING_FINE);
    free(writer.bytes);
    free(bytes);
}

/* Wide is not deep. */
Test(nesting, levels_that_ended_do_not_count)
{
    enum { WIDE = 5000 };
    uint8_t *bytes = malloc(WIDE * 4);
    for (size_t i = 0; i < WIDE; i++)
        memcpy(bytes + i * 4, (const uint8_t[]){0x12, 2, 0x12, 0}, 4);
    cr_assert_eq(nesting_check(&tree_msg, bytes, WIDE * 4), NESTING_FINE);
    free(bytes);
}

Test(nesting, an_empty_message_has_one_level)
{
    cr_assert_eq(nesting_check(&tree_msg, NULL, 0), NESTING_FINE);
    cr_assert_eq(nesting_check(&tree_msg, (const uint8_t *)"", 0), NESTING_FINE);
}

struct hand_made {
    const char *what;
    const char *hex;
    enum nesting expected;
};

Test(nesting, what_is_written_by_hand)
{
    static const struct hand_made table[] = {
        {"a varint of ten bytes", "08 ffffffffffffffffff01", NESTING_FINE},
        {"a varint of ten bytes that add nothing", "08 80808080808080808000", NESTING_FINE},
        {"a varint of eleven bytes", "08 8080808080808080808000", NESTING_BROKEN},
        {"a key of ten bytes", "88808080808080808000 01", NESTING_FINE},
        {"a length of ten bytes", "12 80808080808080808000", NESTING_FINE},
        {"a length of eleven bytes", "12 8080808080808080808000", NESTING_BROKEN},
        {"a length of 2^64-1", "12 ffffffffffffffffff01", NESTING_BROKEN},
        {"a length of 2^63", "12 80808080808080808001", NESTING_BROKEN},
        {"a group", "13 14", NESTING_BROKEN},
        {"the end of a group", "14", NESTING_BROKEN},
        {"wire type 6", "16 00", NESTING_BROKEN},
        {"wire type 7", "17 00", NESTING_BROKEN},
        {"a message that ends in a length", "12 01 12", NESTING_BROKEN},
        {"a message that ends in a key", "12 01 80", NESTING_BROKEN},
        {"a message within, longer than the one around", "12 02 12 01", NESTING_BROKEN},
        {"... although there are bytes behind it", "12 02 12 01 00", NESTING_BROKEN},
        {"a message as a number", "10 05", NESTING_FINE},
        {"a number as a message", "0a 01 ff", NESTING_FINE},
        {"tag 0", "02 01 ff", NESTING_FINE},
        {"a map entry twice the key", "2a 04 08 01 08 02", NESTING_FINE},
        {"a map entry whose value is cut", "2a 04 08 01 12 05", NESTING_BROKEN},
        {"fixed64 of seven bytes", "39 00000000000000", NESTING_BROKEN},
        {"fixed32 of three bytes", "45 000000", NESTING_BROKEN},
        {"packed numbers, cut within", "32 02 8080", NESTING_FINE},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        uint8_t bytes[64];
        size_t size = unhex(table[i].hex, bytes, sizeof bytes);
        uint8_t *exact = exact_copy(bytes, size);
        cr_assert_eq(nesting_check(&tree_msg, exact, size), table[i].expected, "%s", table[i].what);
        free(exact);
    }
}
