/* Shared by the property tests.  Each test runs in a process of its own, so one set of globals serves.
 * Must not know: what is tested.
 * Reads best next: set_test.c. */
#include "support.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

semel_properties *properties;
semel_status status;

static char workplace[256];

void workplace_enter(void)
{
    const char *parent = getenv("TMPDIR");
    snprintf(workplace, sizeof workplace, "%s/semel-config-XXXXXX", parent ? parent : P_tmpdir);
    cr_assert_not_null(mkdtemp(workplace));
    cr_assert_eq(chdir(workplace), 0);
    unsetenv("SEMEL_CONFIG");
    properties = semel_properties_create();
    cr_assert_not_null(properties);
}

void workplace_leave(void)
{
    semel_properties_destroy(properties);
    DIR *directory = opendir(".");
    for (struct dirent *entry; directory && (entry = readdir(directory));)
        unlink(entry->d_name);
    if (directory)
        closedir(directory);
    rmdir(workplace);
}

void write_bytes(const char *name, const void *bytes, size_t size)
{
    FILE *file = fopen(name, "w");
    cr_assert_not_null(file);
    cr_assert_eq(fwrite(bytes, 1, size, file), size);
    cr_assert_eq(fclose(file), 0);
}

void write_text(const char *name, const char *text)
{
    write_bytes(name, text, strlen(text));
}

static void expect_status(enum semel_code got, enum semel_code code, const char *message, const char *input)
{
    cr_assert_eq(got, code, "%s: code %d, message: %s", input, (int)got, status.message);
    cr_assert_eq(status.code, code, "%s", input);
    cr_assert_str_eq(status.message, message, "%s\n     got: %s\nexpected: %s", input, status.message, message);
    cr_assert_eq(status.reason, code == SEMEL_OK ? SEMEL_REASON_NONE : SEMEL_REASON_BAD_PROPERTY, "%s", input);
    cr_assert_eq(status.outcome, SEMEL_OUTCOME_NOT_EXECUTED);
}

void expect_set(const char *key, const char *value, enum semel_code code, const char *message)
{
    memset(&status, 0x5a, sizeof status);
    expect_status(semel_properties_set(properties, key, value, &status), code, message, key);
}

void expect_load(const void *bytes, size_t size, enum semel_code code, const char *message)
{
    write_bytes("bank.conf", bytes, size);
    memset(&status, 0x5a, sizeof status);
    expect_status(semel_properties_load(properties, "bank.conf", &status), code, message, message);
}

void expect_load_text(const char *text, enum semel_code code, const char *message)
{
    expect_load(text, strlen(text), code, message);
}
