/* Filling a status.
 *
 * Reads best next: status.h. */
#include "net/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum semel_code status_set(semel_status *ret_status, enum semel_code code, enum semel_reason reason,
                           const char *format, ...)
{
    if (ret_status == NULL)
        return code;
    semel_status_init(ret_status);
    ret_status->code = code;
    ret_status->reason = reason;
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(ret_status->message, sizeof ret_status->message, format, arguments);
    va_end(arguments);
    if (length >= (int)sizeof ret_status->message)
        memcpy(ret_status->message + sizeof ret_status->message - 4, "...", 4);
    return code;
}
