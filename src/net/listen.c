/* Opening listening sockets, see listen.h. */
#include "net/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* L4: a peer that vanished without a word is found after 10 s + 3 × 5 s. */
enum { KEEPALIVE_IDLE_S = 10, KEEPALIVE_INTERVAL_S = 5, KEEPALIVE_PROBES = 3 };

static enum err refuse(char *error, enum err err, const char *format, const char *what, const char *more)
{
    snprintf(error, LISTEN_ERROR_MAX, format, what, more); // NOLINT: formats are literals of this file
    return err;
}

static void set(int fd, int level, int option, int value)
{
    /* None of these decides about right or wrong; a kernel without one goes on without it. */
    (void)setsockopt(fd, level, option, &value, sizeof value);
}

static void set_tcp_options(int fd)
{
    set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    set(fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S);
    set(fd, IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S);
    set(fd, IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_PROBES);
    set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
}

/* Of an address for datagrams the backlog is 0. */
static int open_address(const struct addrinfo *address, int backlog)
{
    bool is_tcp = address->ai_socktype == SOCK_STREAM;
    int fd = socket(address->ai_family, address->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (is_tcp)
        set_tcp_options(fd);
    if (address->ai_family == AF_INET6)
        set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    if (bind(fd, address->ai_addr, address->ai_addrlen) == 0 && (!is_tcp || listen(fd, backlog) == 0))
        return fd;
    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

static void set_port(struct addrinfo *address, uint16_t port)
{
    if (address->ai_family == AF_INET6)
        ((struct sockaddr_in6 *)(void *)address->ai_addr)->sin6_port = htons(port);
    else
        ((struct sockaddr_in *)(void *)address->ai_addr)->sin_port = htons(port);
}

static enum err refuse_address(char *error, const char *host, uint16_t port, int socktype)
{
    char where[LISTEN_ERROR_MAX / 2];
    snprintf(where, sizeof where, "%s %sport %u", host == NULL ? "any interface," : host,
             socktype == SOCK_DGRAM ? "UDP " : "", port);
    if (errno == EADDRINUSE)
        return refuse(error, ERR_SYSTEM, "%s is in use by another program%s; stop it or take another port",
                      where, "");
    if (errno == EADDRNOTAVAIL)
        return refuse(error, ERR_SYSTEM, "%s: this machine has no such address%s", where, "");
    if (errno == EACCES)
        return refuse(error, ERR_SYSTEM, "%s: not permitted%s; ports below 1024 need root", where, "");
    return refuse(error, ERR_SYSTEM, "cannot listen on %s: %s", where, strerror(errno));
}

static enum err listen_ip(int socktype, const char *host, uint16_t port, int backlog, int *ret_fds,
                          size_t *ret_n, char *error)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = socktype, .ai_flags = AI_PASSIVE};
    struct addrinfo *addresses;
    int failure = getaddrinfo(host, "0", &hints, &addresses);
    if (failure != 0)
        return refuse(error, ERR_USAGE, "%s: %s", host == NULL ? "" : host, gai_strerror(failure));
    size_t n = 0;
    for (struct addrinfo *a = addresses; a != NULL && n < LISTEN_PER_NAME_MAX; a = a->ai_next) {
        set_port(a, port);
        int fd = open_address(a, backlog);
        /* A kernel without IPv6 still resolves "any" to it. */
        if (fd < 0 && errno == EAFNOSUPPORT && (n > 0 || a->ai_next != NULL))
            continue;
        if (fd < 0) {
            enum err err = refuse_address(error, host, port, socktype);
            while (n > 0)
                close(ret_fds[*ret_n + --n]);
            freeaddrinfo(addresses);
            return err;
        }
        ret_fds[*ret_n + n++] = fd;
        if (port == 0)
            port = listen_port(fd);
    }
    freeaddrinfo(addresses);
    *ret_n += n;
    return n > 0 ? ERR_NONE : refuse(error, ERR_SYSTEM, "%s: no usable address%s", host ? host : "", "");
}

enum err listen_tcp(const char *host, uint16_t port, int backlog, int *ret_fds, size_t *ret_n, char *error)
{
    return listen_ip(SOCK_STREAM, host, port, backlog, ret_fds, ret_n, error);
}

enum err listen_udp(const char *host, uint16_t port, int *ret_fds, size_t *ret_n, char *error)
{
    return listen_ip(SOCK_DGRAM, host, port, 0, ret_fds, ret_n, error);
}

/* Is anybody listening at this socket file? */
static bool is_alive(const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return true;
    bool alive = connect(fd, (const struct sockaddr *)address, sizeof *address) == 0 || errno != ECONNREFUSED;
    close(fd);
    return alive;
}

static enum err clear_stale(const struct sockaddr_un *address, char *error)
{
    struct stat st;
    if (lstat(address->sun_path, &st) != 0)
        return ERR_NONE;
    if (!S_ISSOCK(st.st_mode))
        return refuse(error, ERR_USAGE,
                      "-s %s: there is a file of that name that is no socket%s; "
                      "move it away or take another name",
                      address->sun_path, "");
    if (is_alive(address))
        return refuse(error, ERR_SYSTEM,
                      "-s %s: another server is listening there%s; stop it or take "
                      "another name",
                      address->sun_path, "");
    if (unlink(address->sun_path) != 0)
        return refuse(error, ERR_SYSTEM, "-s %s: cannot remove the socket left behind: %s", address->sun_path,
                      strerror(errno));
    return ERR_NONE;
}

enum err listen_unix(const char *path, unsigned mode, int backlog, int *ret_fd, char *error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path)
        return refuse(error, ERR_USAGE, "-s %s: the name is too long for a socket (107 bytes)%s", path, "");
    memcpy(address.sun_path, path, strlen(path) + 1);
    enum err err = clear_stale(&address, error);
    if (err != ERR_NONE)
        return err;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    /* The mode is set by the umask, so that there is no moment at which others may connect. */
    mode_t before = umask((mode_t)(~mode & 0777));
    bool bound = fd >= 0 && bind(fd, (const struct sockaddr *)&address, sizeof address) == 0;
    int saved = errno;
    umask(before);
    if (bound && listen(fd, backlog) == 0) {
        *ret_fd = fd;
        return ERR_NONE;
    }
    if (fd >= 0 && !bound && (saved == ENOENT || saved == EACCES))
        err =
            refuse(error, ERR_SYSTEM,
                   "cannot listen on -s %s: %s; its folder must be there, and belong to the user who starts "
                   "the server",
                   path, strerror(saved));
    else
        err = refuse(error, ERR_SYSTEM, "cannot listen on -s %s: %s", path, strerror(bound ? errno : saved));
    if (fd >= 0)
        close(fd);
    return err;
}

static int option_of(int fd, int option)
{
    int value = -1;
    socklen_t len = sizeof value;
    return getsockopt(fd, SOL_SOCKET, option, &value, &len) == 0 ? value : -1;
}

bool listen_adopt(int fd)
{
    int family = option_of(fd, SO_DOMAIN);
    if ((family != AF_INET && family != AF_INET6 && family != AF_UNIX) ||
        option_of(fd, SO_TYPE) != SOCK_STREAM || option_of(fd, SO_ACCEPTCONN) != 1)
        return false;
    if (family != AF_UNIX)
        set_tcp_options(fd); /* what is too late once it is bound is the business of who has bound it */
    return fcntl(fd, F_SETFL, O_NONBLOCK) == 0 && fcntl(fd, F_SETFD, FD_CLOEXEC) == 0;
}

char *listen_path(int fd)
{
    struct sockaddr_un address = {0};
    socklen_t len = sizeof address;
    char *path;
    if (option_of(fd, SO_DOMAIN) != AF_UNIX || getsockname(fd, (struct sockaddr *)&address, &len) != 0)
        return NULL;
    size_t head = offsetof(struct sockaddr_un, sun_path);
    int most = len > head ? (int)(len - head) : 0;
    bool is_abstract = most > 0 && address.sun_path[0] == '\0';
    if (asprintf(&path, is_abstract ? "@%.*s" : "%.*s", is_abstract ? most - 1 : most,
                 address.sun_path + is_abstract) < 0)
        return NULL;
    return path;
}

uint16_t listen_port(int fd)
{
    struct sockaddr_storage address;
    socklen_t len = sizeof address;
    if (getsockname(fd, (struct sockaddr *)&address, &len) != 0)
        return 0;
    if (address.ss_family == AF_INET6)
        return ntohs(((struct sockaddr_in6 *)(void *)&address)->sin6_port);
    return address.ss_family == AF_INET ? ntohs(((struct sockaddr_in *)(void *)&address)->sin_port) : 0;
}

bool listen_is_v6(int fd)
{
    struct sockaddr_storage address;
    socklen_t len = sizeof address;
    return getsockname(fd, (struct sockaddr *)&address, &len) == 0 && address.ss_family == AF_INET6;
}

int listen_accept(int fd)
{
    return accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
}
