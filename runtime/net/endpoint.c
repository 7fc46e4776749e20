/* Endpoints: URIs to endpoints, one or a list, and to addresses.
 *
 * Reads best next: transport.h; resolver.h for host names. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/status.h"
#include "net/transport.h"

/* URIs of one list: what a person can still oversee. */
enum { URIS_MAX = 64 };

static const struct transport *const transports[] = {&transport_tcp, &transport_unix, &transport_udp};

/* The transport of a URI, and what follows its scheme.  Errors: BAD_ADDRESS with a message. */
static enum semel_reason take_scheme(const char *uri, const struct transport **ret_transport,
                                     const char **ret_rest, const char **ret_message)
{
    if (strlen(uri) >= SEMEL_ENDPOINT_TEXT_MAX) {
        *ret_message = "longer than 127 bytes";
        return SEMEL_REASON_BAD_ADDRESS;
    }
    for (size_t i = 0; i < sizeof transports / sizeof *transports; i++) {
        size_t length = strlen(transports[i]->scheme);
        if (strncmp(uri, transports[i]->scheme, length) != 0 || uri[length] != ':')
            continue;
        *ret_transport = transports[i];
        *ret_rest = uri + length + 1;
        return SEMEL_REASON_NONE;
    }
    *ret_message = "unknown scheme (tcp, unix and udp are known)";
    return SEMEL_REASON_BAD_ADDRESS;
}

static void label(struct endpoint *endpoint, const struct transport *transport, const char *uri)
{
    endpoint->transport = transport;
    memcpy(endpoint->text, uri, strlen(uri) + 1);
}

enum semel_reason endpoint_parse(const char *uri, struct endpoint *ret_endpoint, const char **ret_message)
{
    const struct transport *transport;
    const char *rest;
    enum semel_reason reason = take_scheme(uri, &transport, &rest, ret_message);
    if (reason != SEMEL_REASON_NONE)
        return reason;
    memset(ret_endpoint, 0, sizeof *ret_endpoint);
    label(ret_endpoint, transport, uri);
    if (transport->parse != NULL)
        return transport->parse(rest, ret_endpoint, ret_message);
    size_t count;
    reason = transport->resolve(rest, ret_endpoint, 1, &count, ret_message);
    label(ret_endpoint, transport, uri);
    return reason;
}

enum semel_reason endpoint_resolve(const char *uri, struct endpoint *ret_endpoints, size_t max,
                                   size_t *ret_count, const char **ret_message)
{
    const struct transport *transport;
    const char *rest;
    enum semel_reason reason = take_scheme(uri, &transport, &rest, ret_message);
    if (reason == SEMEL_REASON_NONE)
        reason = transport->resolve(rest, ret_endpoints, max, ret_count, ret_message);
    for (size_t i = 0; reason == SEMEL_REASON_NONE && i < *ret_count; i++)
        label(&ret_endpoints[i], transport, uri);
    return reason;
}

void endpoint_host(const struct endpoint *endpoint, char host[SEMEL_ENDPOINT_TEXT_MAX], uint16_t *ret_port)
{
    endpoint->transport->host(endpoint->text + strlen(endpoint->transport->scheme) + 1, host, ret_port);
}

void endpoint_numbers(const struct endpoint *endpoint, char text[SEMEL_ENDPOINT_TEXT_MAX])
{
    char host[INET6_ADDRSTRLEN];
    text[0] = '\0';
    if (endpoint->address_size > 0 && endpoint->address.ss_family == AF_INET6) {
        const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)&endpoint->address;
        inet_ntop(AF_INET6, &six->sin6_addr, host, sizeof host);
        snprintf(text, SEMEL_ENDPOINT_TEXT_MAX, "[%s]:%u", host, ntohs(six->sin6_port));
    } else if (endpoint->address_size > 0 && endpoint->address.ss_family == AF_INET) {
        const struct sockaddr_in *four = (const struct sockaddr_in *)&endpoint->address;
        inet_ntop(AF_INET, &four->sin_addr, host, sizeof host);
        snprintf(text, SEMEL_ENDPOINT_TEXT_MAX, "%s:%u", host, ntohs(four->sin_port));
    }
}

static enum semel_code append(const char *uri, struct endpoint **endpoints, size_t *count,
                              semel_status *ret_status)
{
    struct endpoint found;
    const char *message = "";
    if (endpoint_parse(uri, &found, &message) != SEMEL_REASON_NONE)
        return status_set(ret_status, SEMEL_INVALID_ARGUMENT, SEMEL_REASON_BAD_ADDRESS,
                          "endpoint '%s': %s; write tcp://HOST:PORT or unix:PATH", uri, message);
    struct endpoint *grown = realloc(*endpoints, (*count + 1) * sizeof *grown);
    if (grown == NULL)
        return status_set(ret_status, SEMEL_RESOURCE_EXHAUSTED, SEMEL_REASON_NO_MEMORY, "out of memory");
    grown[(*count)++] = found;
    *endpoints = grown;
    return SEMEL_OK;
}

enum semel_code endpoint_parse_list(const char *uris, struct endpoint **ret_endpoints, size_t *ret_count,
                                    semel_status *ret_status)
{
    struct endpoint *endpoints = NULL;
    size_t count = 0;
    enum semel_code code = SEMEL_OK;
    for (const char *at = uris; code == SEMEL_OK; at++) {
        char uri[SEMEL_ENDPOINT_TEXT_MAX] = "";
        size_t length = strcspn(at, ",");
        if (length >= sizeof uri || count == URIS_MAX)
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
