/* One "Key=Value", from text to a setting: which key, which scope, may they stand together, is the value good.
 * Must not know: where the text was read.
 * Reads best next: assignment.c. */
#ifndef CONFIG_ASSIGNMENT_H
#define CONFIG_ASSIGNMENT_H

#include "config/report.h"
#include "config/settings.h"

/* Sets key ("Deadline", "demo.Bank.Deposit.Deadline") to value in settings.  place names the origin in
 * messages and is kept with the setting.  A key that a file sets twice is an error; elsewhere the later
 * one wins.  status may be NULL.  Errors: INVALID_ARGUMENT, RESOURCE_EXHAUSTED (memory, too many settings). */
enum semel_code assignment_apply(struct settings *settings, const char *key, const char *value,
                                 const struct report_place *place, semel_status *status);

/* Tells in status (may be NULL) why settings could not be stored; OK for SETTINGS_OK. */
enum semel_code assignment_report_stored(enum settings_result result, const struct report_place *place,
                                         semel_status *status);

#endif
