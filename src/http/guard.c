/* Host and Origin, see guard.h. */
#include "http/guard.h"
#include "base/num.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <strings.h>

static bool is_same(struct bytes a, struct bytes b)
{
    return a.len == b.len && strncasecmp(a.p, b.p, a.len) == 0;
}

static bool is_port(struct bytes text)
{
    uint32_t port;
    return num_parse_u32(text, &port) && port <= UINT16_MAX;
}

bool guard_split(struct bytes authority, struct bytes *ret_name)
{
    struct bytes name = authority;
    const char *end = authority.len > 0 ? authority.p + authority.len : NULL;
    const char *behind = NULL;
    if (authority.len == 0)
        return false;
    if (authority.p[0] == '[') {
        const char *bracket = memchr(authority.p, ']', authority.len);
        if (bracket == NULL)
            return false;
        name = (struct bytes){.p = authority.p + 1, .len = (size_t)(bracket - authority.p) - 1};
        behind = bracket + 1;
    } else {
        behind = memchr(authority.p, ':', authority.len);
        behind = behind != NULL ? behind : end;
        name.len = (size_t)(behind - authority.p);
    }
    if (name.len == 0)
        return false;
    if (behind != end &&
        (*behind != ':' || !is_port((struct bytes){.p = behind + 1, .len = (size_t)(end - behind) - 1})))
        return false;
    *ret_name = name;
    return true;
}

/* Only an address, not a name, can be the one it came in at: nobody can make an address point elsewhere. */
static bool is_local_address(struct bytes name, const struct sockaddr *local)
{
    char text[INET6_ADDRSTRLEN];
    unsigned char address[sizeof(struct in6_addr)];
    if (local == NULL || name.len >= sizeof text)
        return false;
    memcpy(text, name.p, name.len);
    text[name.len] = '\0';
    if (local->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)local;
        return inet_pton(AF_INET, text, address) == 1 &&
               memcmp(address, &in->sin_addr, sizeof in->sin_addr) == 0;
    }
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)local;
    return local->sa_family == AF_INET6 && inet_pton(AF_INET6, text, address) == 1 &&
           memcmp(address, &in6->sin6_addr, sizeof in6->sin6_addr) == 0;
}

bool guard_is_host(const struct guard_names *names, struct bytes host, const struct sockaddr *local)
{
    static const char *const loopback[] = {"localhost", "127.0.0.1", "::1"};
    struct bytes name;
    if (!guard_split(host, &name))
        return false;
    if (names->address == NULL || is_same(name, bytes_of(names->address)))
        return true;
    for (size_t i = 0; i < sizeof loopback / sizeof *loopback; i++) {
        if (is_same(name, bytes_of(loopback[i])))
            return true;
    }
    for (size_t i = 0; i < names->nnames; i++) {
        if (is_same(name, bytes_of(names->names[i])))
            return true;
    }
    return is_local_address(name, local);
}

bool guard_is_origin(struct bytes origin, struct bytes host)
{
    static const char *const schemes[] = {"http://", "https://"};
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
        struct bytes scheme = bytes_of(schemes[i]);
        if (bytes_starts_with(origin, scheme))
            return is_same((struct bytes){.p = origin.p + scheme.len, .len = origin.len - scheme.len}, host);
    }
    return false;
}
