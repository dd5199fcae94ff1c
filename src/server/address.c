/* Addresses as text, see address.h. */
#include "server/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

bool address_tell(int fd, bool of_peer, const char *kind, char *text, size_t size)
{
    struct sockaddr_storage address = {0};
    socklen_t len = sizeof address;
    struct sockaddr *generic = (struct sockaddr *)&address;
    if ((of_peer ? getpeername(fd, generic, &len) : getsockname(fd, generic, &len)) != 0)
        return false;
    char host[INET6_ADDRSTRLEN] = "?";
    if (address.ss_family == AF_UNIX) {
        const struct sockaddr_un *un = (const struct sockaddr_un *)(void *)&address;
        bool is_named = len > offsetof(struct sockaddr_un, sun_path);
        snprintf(text, size, "unix:%.108s", is_named ? un->sun_path : "");
    } else if (address.ss_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(void *)&address;
        (void)inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof host);
        snprintf(text, size, "%s6:[%s]:%u", kind, host, ntohs(in6->sin6_port));
    } else {
        const struct sockaddr_in *in = (const struct sockaddr_in *)(void *)&address;
        (void)inet_ntop(AF_INET, &in->sin_addr, host, sizeof host);
        snprintf(text, size, "%s:%s:%u", kind, host, ntohs(in->sin_port));
    }
    return true;
}
