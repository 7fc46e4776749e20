/* What the property tests share: a scratch directory as working directory, files, and loading with one call.
 * Must not know: what is tested.
 * Reads best next: set_test.c. */
#ifndef UNIT_CONFIG_SUPPORT_H
#define UNIT_CONFIG_SUPPORT_H

#ifdef NDEBUG
#error "tests need assertions"
#endif

#include <semel/properties.h>
#include <stddef.h>

/* Fixtures: an empty set of properties and a status in a fresh directory; both are gone afterwards. */
extern semel_properties *properties;
extern semel_status status;
void workplace_enter(void);
void workplace_leave(void);

/* Writes a file in the working directory. */
void write_bytes(const char *name, const void *bytes, size_t size);
void write_text(const char *name, const char *text);

/* Fails the test unless setting key=value gives this code and message. */
void expect_set(const char *key, const char *value, enum semel_code code, const char *message);
/* Fails the test unless a file bank.conf of these bytes gives this code and message. */
void expect_load(const void *bytes, size_t size, enum semel_code code, const char *message);
void expect_load_text(const char *text, enum semel_code code, const char *message);

#endif
