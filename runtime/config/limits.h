/* Limits on what a property file or command line may hold, with the reason for each.  Ranges of values: keys.h.
 * Must not know: what a key means.
 * Reads best next: file.c, where most of them are reached. */
#ifndef CONFIG_LIMITS_H
#define CONFIG_LIMITS_H

enum {
    /* A service scope and all 64 intervals at their longest fit in one line. */
    CONFIG_LINE_MAX = 2048,
    /* Where every mistake is asked for, the end of a longer line is looked for as far as this. */
    CONFIG_LINE_SKIPPED_MAX = 1 << 20,
    /* Far beyond a file that a person keeps; inih counts lines in an int. */
    CONFIG_LINES_MAX = 1000000,
    /* Names in an IDL stay far below; what is longer is not a scope but damage. */
    CONFIG_SCOPE_MAX = 512,
    /* Keys in all scopes together.  Settings are kept sorted by insertion, which is quick up to here. */
    CONFIG_SETTINGS_MAX = 8192,
    /* Files, and what was set between them.  Each is read again on a reload. */
    CONFIG_LAYERS_MAX = 256,
    /* Name servers: the resolver asks one after the other, and nobody waits for more. */
    CONFIG_SERVERS_MAX = 8,
    /* One of them: the longest IPv6 address in brackets, and a port. */
    CONFIG_SERVER_TEXT = 53,
};

#endif
