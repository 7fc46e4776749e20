/* The key table as data, the words of the enumerated types, and finding the key at the end of a scoped name.
 * Must not know: values that were set.
 * Reads best next: value.c, which reads a value by its key's type. */
#include "config/keys.h"

#include <assert.h>
#include <string.h>

static const struct properties_key_info infos[] = {
#define KEY_INFO(id, name, type, reach, fallback, min, max, help)                                              \
    [PROPERTIES_##id] = {name, PROPERTIES_TYPE_##type, PROPERTIES_REACH_##reach, fallback, min, max, help},
    PROPERTIES_KEYS(KEY_INFO)
#undef KEY_INFO
};

static const char *const on_unavailable_words[] = {
    [SEMEL_ON_UNAVAILABLE_WAIT] = "wait",
    [SEMEL_ON_UNAVAILABLE_FAIL] = "fail",
    [SEMEL_ON_UNAVAILABLE_DROP] = "drop",
};
static const char *const selection_words[] = {
    [PROPERTIES_SELECTION_ORDERED] = "ordered",
    [PROPERTIES_SELECTION_RANDOM] = "random",
    [PROPERTIES_SELECTION_PINNED] = "pinned",
};
static const char *const jitter_words[] = {
    [SEMEL_JITTER_NONE] = "none",
    [SEMEL_JITTER_FULL] = "full",
    [SEMEL_JITTER_EQUAL] = "equal",
    [SEMEL_JITTER_DECORRELATED] = "decorrelated",
};
static const char *const connect_words[] = {
    [PROPERTIES_CONNECT_LAZY] = "lazy",
    [PROPERTIES_CONNECT_EAGER] = "eager",
};
static const char *const switch_words[] = {"no", "yes"};

static const struct {
    const char *const *words;
    size_t count;
} vocabularies[] = {
#define WORDS(words)                                                                                           \
    {                                                                                                          \
        words, sizeof words / sizeof *words                                                                    \
    }
    [PROPERTIES_TYPE_ON_UNAVAILABLE] = WORDS(on_unavailable_words),
    [PROPERTIES_TYPE_SELECTION] = WORDS(selection_words),
    [PROPERTIES_TYPE_JITTER] = WORDS(jitter_words),
    [PROPERTIES_TYPE_SWITCH] = WORDS(switch_words),
    [PROPERTIES_TYPE_CONNECT] = WORDS(connect_words),
    [PROPERTIES_TYPE_SERVERS] = {NULL, 0},
#undef WORDS
};

const struct properties_key_info *keys_info(enum properties_key key)
{
    assert(key < PROPERTIES_KEY_COUNT);
    return &infos[key];
}

bool keys_are_words(enum properties_type type)
{
    assert(type < sizeof vocabularies / sizeof *vocabularies);
    return vocabularies[type].words != NULL;
}

const char *keys_word(enum properties_type type, int64_t value)
{
    if (!keys_are_words(type) || value < 0 || (uint64_t)value >= vocabularies[type].count)
        return NULL;
    return vocabularies[type].words[value];
}

/* Whether text ends in name, alone or after a dot. */
static bool ends_in(const char *text, size_t length, const char *name, size_t name_length)
{
    if (length < name_length || memcmp(text + length - name_length, name, name_length) != 0)
        return false;
    return length == name_length || text[length - name_length - 1] == '.';
}

bool keys_find(const char *text, enum properties_key *ret_key, size_t *ret_scope_length)
{
    size_t length = strlen(text);
    size_t longest = 0;
    for (int key = 0; key < PROPERTIES_KEY_COUNT; key++) {
        size_t name_length = strlen(infos[key].name);
        if (name_length <= longest || !ends_in(text, length, infos[key].name, name_length))
            continue;
        longest = name_length;
        *ret_key = (enum properties_key)key;
        *ret_scope_length = length == name_length ? 0 : length - name_length - 1;
    }
    return longest > 0;
}
