/* Network addresses from text and back.
 * It must not know: anything but names and numbers of the network.
 * Reads best next: proxy.c. */
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy.h"

/* Splits "HOST:PORT" or "[HOST]:PORT" into two texts inside copy. */
static bool split(char *copy, char **ret_host, char **ret_port)
{
    char *colon = strrchr(copy, ':');
    if (colon == NULL || colon == copy || colon[1] == '\0')
        return false;
    *colon = '\0';
    *ret_port = colon + 1;
    *ret_host = copy;
    if (copy[0] == '[' && colon[-1] == ']') {
        colon[-1] = '\0';
        *ret_host = copy + 1;
    } else if (strchr(copy, ':') != NULL) {
        return false; /* an IPv6 address without brackets is ambiguous */
    }
    return true;
}

const char *address_resolve(const char *text, struct address *ret_address)
{
    char copy[256];
    char *host;
    char *port;
    if ((size_t)snprintf(copy, sizeof copy, "%s", text) >= sizeof copy || !split(copy, &host, &port))
        return "write HOST:PORT or [HOST]:PORT";
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *found;
    int error = getaddrinfo(host, port, &hints, &found);
    if (error != 0)
        return gai_strerror(error);
    memcpy(&ret_address->storage, found->ai_addr, found->ai_addrlen);
    ret_address->size = found->ai_addrlen;
    freeaddrinfo(found);
    return NULL;
}

void address_text(const struct address *address, char *text)
{
    char host[64];
    char port[8];
    int error = getnameinfo((const struct sockaddr *)&address->storage, address->size, host, sizeof host, port,
                            sizeof port, NI_NUMERICHOST | NI_NUMERICSERV);
    bool bracket = error == 0 && strchr(host, ':') != NULL;
    snprintf(text, ADDRESS_TEXT_MAX, "%s%s%s:%s", bracket ? "[" : "", error == 0 ? host : "?",
             bracket ? "]" : "", error == 0 ? port : "?");
}
