/* Writes CodeGeneratorRequests by hand, byte by byte, so that a test can say what protoc never would.
 * Must not know: idl/ (it would hide the same mistake twice).
 * Reads best next: model_test.c. */
#ifndef TESTS_UNIT_IDL_WIRE_H
#define TESTS_UNIT_IDL_WIRE_H

#include <stddef.h>
#include <stdint.h>

/* Field numbers of protobuf's plugin.proto and descriptor.proto. */
enum { REQUEST_GENERATE = 1, REQUEST_FILE = 15 };
enum {
    FILE_NAME = 1,
    FILE_PACKAGE = 2,
    FILE_MESSAGE = 4,
    FILE_SERVICE = 6,
    FILE_LOCATIONS = 9,
    FILE_SYNTAX = 12
};
enum { MESSAGE_NAME = 1, MESSAGE_FIELD = 2, MESSAGE_NESTED = 3 };
enum { SERVICE_NAME = 1, SERVICE_METHOD = 2, SERVICE_OPTIONS = 3 };
enum { METHOD_NAME = 1, METHOD_INPUT = 2, METHOD_OUTPUT = 3, METHOD_OPTIONS = 4, METHOD_SERVER_STREAMING = 6 };
enum { OPTIONS_SEMEL = 51717, OPTIONS_IDEMPOTENCY = 34 };
enum { SEMEL_RETRY = 1, SEMEL_DEADLINE = 2, SEMEL_ONEWAY = 3, SEMEL_ON_UNAVAILABLE = 4, SEMEL_ERRORS = 5 };
enum { SEMEL_ATTEMPT_TIMEOUT = 6, SEMEL_MAX_ATTEMPTS = 7, SEMEL_INITIAL_BACKOFF = 8, SEMEL_MAX_BACKOFF = 9 };
enum { SEMEL_JITTER = 11, SEMEL_CODES = 13 };
enum { LOCATIONS_LOCATION = 1, LOCATION_PATH = 1, LOCATION_SPAN = 2, LOCATION_LEADING = 3 };

enum { WIRE_ROOM = 64 * 1024, WIRE_DEPTH = 128 };

struct wire {
    unsigned char bytes[WIRE_ROOM];
    size_t size;
    size_t starts[WIRE_DEPTH]; /* of the open messages */
    size_t depth;
};

void wire_int(struct wire *wire, uint32_t tag, int64_t value);
void wire_string(struct wire *wire, uint32_t tag, const char *text);
/* A message field that lasts until its end; they nest. */
void wire_begin(struct wire *wire, uint32_t tag);
void wire_end(struct wire *wire);

/* Shorthands. */
void wire_message(struct wire *wire, const char *name, int fields);
void wire_begin_method(struct wire *wire, const char *name, const char *input, const char *output);
/* A source location: path and span as arrays. */
void wire_location(struct wire *wire, const int *path, size_t depth, int line, int column, const char *comment);

#endif
