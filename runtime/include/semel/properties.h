/* Properties: what an operator can set without recompiling.  Key=Value in a file, --Key=Value on the command line.
 *
 * Strict: an unknown key, a bad value or a wrong case is an error that names file, line, key and the nearest
 * valid key.  Most specific wins: <package.Service.Method>.Key, <package.Service>.Key, <channel name>.Key, Key;
 * then the IDL's method option, the IDL's service option, the built-in default.
 *
 * Threads: any number of nodes may use one properties object while any thread sets, loads or reloads.  What
 * concerns calls takes effect with the next call; what concerns a channel or a server, when the next one opens.
 * Reads best next: runtime/config/README.md, the list of keys. */
#ifndef SEMEL_PROPERTIES_H
#define SEMEL_PROPERTIES_H

#include <semel/status.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct semel_properties semel_properties;

/* An empty set.  NULL when out of memory.  The caller owns it: semel_properties_destroy. */
semel_properties *semel_properties_create(void);
/* Accepts NULL.  Nodes opened with it must be closed before. */
void semel_properties_destroy(semel_properties *properties);

/* Sets one key, with or without a scope prefix ("Deadline", "demo.Bank.Deposit.Deadline").  A later call
 * replaces an earlier value; RetryIntervals and RetryMaxAttempts replace each other.  key and value are copied.
 * ret_status (may be NULL) tells what was wrong.
 * Errors: INVALID_ARGUMENT (unknown key, bad value), RESOURCE_EXHAUSTED (no memory). */
enum semel_code semel_properties_set(semel_properties *properties, const char *key, const char *value,
                                     semel_status *ret_status);

/* Reads a file of Key=Value lines ('#' and ';' start a comment line).  On an error nothing of the file is kept.
 * Errors: NOT_FOUND (no such file), INVALID_ARGUMENT (the message has file:line). */
enum semel_code semel_properties_load(semel_properties *properties, const char *path, semel_status *ret_status);

/* Reads every file that was loaded once more, in the same order; what was set above a file by the command line or the
 * program stays above it, and what a file no longer says is gone.  Takes effect whole, and only if all of it is good;
 * otherwise nothing is changed and ret_status (may be NULL) tells the file and line.  A program calls it when it gets
 * SIGHUP, from its loop (an ev_signal), not from a signal handler.  Reading files takes time: a loop that can not spare
 * it lets another thread do it.
 * Errors: as semel_properties_load; also of what is no plain file, since it can not be read again. */
enum semel_code semel_properties_reload(semel_properties *properties, semel_status *ret_status);

/* Takes every --Key=Value whose Key starts with an upper-case letter or holds a dot, and --config FILE, out of
 * argv (which is reordered in place; *argc shrinks), and reads the file named by SEMEL_CONFIG if no --config was
 * given.  The command line wins over the file.  Other arguments are left for the program.
 * Errors as above. */
enum semel_code semel_properties_parse_args(semel_properties *properties, int *argc, char **argv,
                                            semel_status *ret_status);

/* Writes the list of keys with type, default and meaning, one a line, as snprintf does: for --help. */
size_t semel_properties_help(char *text, size_t size);

#ifdef __cplusplus
}
#endif
#endif
