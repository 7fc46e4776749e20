/* Endpoints: URIs to addresses, one or a list.
 *
 * Reads best next: transport.h. */
#include <stdlib.h>
#include <string.h>

#include "net/status.h"
#include "net/transport.h"

/* Addresses one host name may stand for; more are of no use to a client. */
enum { ADDRESSES_MAX = 8, URIS_MAX = 64 };

static const struct transport *const transports[] = {&transport_tcp, &transport_unix, &transport_udp};

enum semel_reason endpoint_resolve(const char *uri, struct endpoint *ret_endpoints, size_t max,
                                   size_t *ret_count, const char **ret_message)
{
    if (strlen(uri) >= SEMEL_ENDPOINT_TEXT_MAX) {
        *ret_message = "longer than 127 bytes";
        return SEMEL_REASON_BAD_ADDRESS;
    }
    for (size_t i = 0; i < sizeof transports / sizeof *transports; i++) {
        size_t length = strlen(transports[i]->scheme);
        if (strncmp(uri, transports[i]->scheme, length) != 0 || uri[length] != ':')
            continue;
        enum semel_reason reason = transports[i]->resolve(uri + length + 1, ret_endpoints, max, ret_count,
                                                          ret_message);
        for (size_t k = 0; reason == SEMEL_REASON_NONE && k < *ret_count; k++) {
            ret_endpoints[k].transport = transports[i];
            memcpy(ret_endpoints[k].text, uri, strlen(uri) + 1);
        }
        return reason;
    }
    *ret_message = "unknown scheme (tcp, unix and udp are known)";
    return SEMEL_REASON_BAD_ADDRESS;
}

static enum semel_code append(const char *uri, struct endpoint **endpoints, size_t *count,
                              semel_status *ret_status)
{
    struct endpoint found[ADDRESSES_MAX];
    size_t found_count = 0;
    const char *message = "";
    if (endpoint_resolve(uri, found, ADDRESSES_MAX, &found_count, &message) != SEMEL_REASON_NONE)
        return status_set(ret_status, SEMEL_INVALID_ARGUMENT, SEMEL_REASON_BAD_ADDRESS,
                          "endpoint '%s': %s; write tcp://HOST:PORT or unix:PATH", uri, message);
    struct endpoint *grown = realloc(*endpoints, (*count + found_count) * sizeof *grown);
    if (grown == NULL)
        return status_set(ret_status, SEMEL_RESOURCE_EXHAUSTED, SEMEL_REASON_NO_MEMORY, "out of memory");
    memcpy(grown + *count, found, found_count * sizeof *found);
    *endpoints = grown;
    *count += found_count;
    return SEMEL_OK;
}

enum semel_code endpoint_resolve_list(const char *uris, struct endpoint **ret_endpoints, size_t *ret_count,
                                      semel_status *ret_status)
{
    struct endpoint *endpoints = NULL;
    size_t count = 0;
    size_t uri_count = 0;
    enum semel_code code = SEMEL_OK;
    for (const char *at = uris; code == SEMEL_OK; at++) {
        char uri[SEMEL_ENDPOINT_TEXT_MAX] = "";
        size_t length = strcspn(at, ",");
        if (length >= sizeof uri || ++uri_count > URIS_MAX)
            code = status_set(ret_status, SEMEL_INVALID_ARGUMENT, SEMEL_REASON_BAD_ADDRESS,
                              "endpoint list: an endpoint is longer than %d bytes, or there are more than %d",
                              SEMEL_ENDPOINT_TEXT_MAX - 1, URIS_MAX);
        else {
            memcpy(uri, at, length);
            code = append(uri, &endpoints, &count, ret_status);
        }
        at += length;
        if (*at == '\0')
            break;
    }
    if (code != SEMEL_OK) {
        free(endpoints);
        return code;
    }
    *ret_endpoints = endpoints;
    *ret_count = count;
    return SEMEL_OK;
}
