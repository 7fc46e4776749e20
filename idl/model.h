/* The checked model of the files to generate: what the emitters read, and all they read.
 *
 * Every string and list lives in the model's arena.  It must not know the text that is made from it.
 * Reads best next: codegen/emit.h. */
#ifndef IDL_MODEL_H
#define IDL_MODEL_H

#include "idl/diagnostics.h"
#include "idl/request.h"

/* As in semel/service.h, which this library does not include: it runs where the runtime may not be
 * installed. */
enum model_mode { MODE_AT_MOST_ONCE, MODE_IDEMPOTENT, MODE_NO_SIDE_EFFECTS };
enum model_on_unavailable {
    ON_UNAVAILABLE_UNSET,
    ON_UNAVAILABLE_WAIT,
    ON_UNAVAILABLE_FAIL,
    ON_UNAVAILABLE_DROP
};

enum model_jitter { JITTER_UNSET, JITTER_NONE, JITTER_FULL, JITTER_EQUAL, JITTER_DECORRELATED };

#define MODEL_UNSET (-1)
/* The bounds that the properties Deadline and RetryIntervals have as well. */
#define MODEL_RETRIES_MAX 64
#define MODEL_RETRY_WAIT_MAX_MS 3600000 /* an hour */
#define MODEL_DEADLINE_MAX_MS 86400000  /* a day */
#define MODEL_HEDGES_MAX 16             /* more copies of one call would be an attack */
#define MODEL_MULTIPLIER_MAX 100        /* a backoff that grows faster is a mistake */

/* What the options of a method or of a service say; unset fields say nothing. */
struct model_options {
    bool said;           /* anything at all, errors apart */
    int64_t deadline_ms; /* MODEL_UNSET, 0: none asked for, else milliseconds */
    int64_t attempt_timeout_ms;
    enum model_on_unavailable on_unavailable;
    const uint32_t *retry_intervals_ms;
    int32_t retry_interval_count; /* MODEL_UNSET, 0: no retry */
    int32_t retry_max_attempts;
    enum model_jitter retry_jitter;
    int64_t retry_initial_backoff_ms;
    int64_t retry_max_backoff_ms;
    double retry_backoff_multiplier; /* 0: unset */
    int64_t retry_max_elapsed_ms;
    uint32_t retryable_codes; /* bit 1 << code; 0: unset */
    int32_t hedge_max;
    int64_t hedge_delay_ms;
    const struct model_error *errors;
    size_t error_count;
};

/* What nanopb adds to the C struct of a message for a field, or to the names around it. */
enum model_field_kind { FIELD_OTHER, FIELD_MESSAGE, FIELD_ENUM, FIELD_BYTES };

struct model_field {
    const char *name;
    const char *oneof; /* the real one it belongs to, or NULL */
    struct place place;
    enum model_field_kind kind;
    bool repeated;
    bool has; /* a member has_... tells whether it is there */
};

struct model_message {
    const char *full_name;
    const char *c_name;
    struct place place;
    const struct model_field *fields;
    size_t field_count;
    bool wanted;    /* of a file to generate */
    bool map_entry; /* made by protoc for a map field */
    bool without_c; /* of a file that C is never made of */
    bool recursive; /* it can hold a message of its own type, in itself or in a message below */
};

/* A message that a method may raise. */
struct model_error {
    const struct model_message *message;
    const char
        *member; /* its name in the receipt: the last part of its name, or, if that is taken or reserved, all */
    uint64_t id; /* XXH3-64 of its full name */
};

struct model_enum {
    const char *full_name;
    const char *c_name;
    struct place place;
    const char *const *values; /* names, ended by NULL */
    bool wanted;
};

/* A field that a file adds to messages of others; nanopb makes a table of it. */
struct model_extension {
    const char *full_name;
    const char *c_name;
    struct place place;
    bool wanted;
};

struct model_method {
    const char *name;
    const char *full_name;
    const char *c_name;
    const char *comment; /* as written, or NULL */
    struct place place;
    uint64_t id;
    enum model_mode mode;
    bool oneway;
    bool transactional;
    bool deprecated;
    const struct model_message *request;
    const struct model_message *reply;
    struct model_options options; /* method option, else service option */
};

struct model_service {
    const char *name;
    const char *full_name;
    const char *c_name;
    const char *comment;
    struct place place;
    bool deprecated;
    struct model_method *methods; /* streaming ones are left out */
    size_t method_count;
};

struct model_file {
    const char *name;               /* "sub/bank.proto" */
    const char *stem;               /* "sub/bank" */
    struct model_service *services; /* those without a method are left out */
    size_t service_count;
};

struct model {
    struct arena arena;
    struct model_file *files;
    size_t file_count;
    struct model_message *messages; /* of all files, sorted by full_name */
    size_t message_count;
    struct model_enum *enums; /* of all files */
    size_t enum_count;
    struct model_extension *extensions; /* of all files */
    size_t extension_count;
    uint64_t (*method_id)(const char *full_name); /* model_method_id, unless replaced after model_init */
};

/* The id of a method on the wire: XXH3-64 of its full name. */
uint64_t model_method_id(const char *full_name);

/* Builds the model of the request's wanted files and checks it.  Diagnostics are added to list, whose arena
 * must be the model's: use model_init first.  The model is fit for the emitters only if list has no errors. */
void model_init(struct model *model);
void model_build(struct model *model, struct request *request, struct diagnostics *list);
void model_fini(struct model *model);

/* NULL if there is none. */
const struct model_message *model_find_message(const struct model *model, const char *full_name);

#endif
