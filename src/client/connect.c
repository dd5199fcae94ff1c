/* Connecting within a time, see connect.h. */
#include "client/connect.h"
#include "client/deadline.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum { PORT_TEXT_MAX = 6 };

/* What to do about each errno of a connect that failed. */
static const char *advice_of(int error_number)
{
    switch (error_number) {
    case ECONNREFUSED:
        return "nobody is listening there; start cloakroomd, or correct the address";
    case ENOENT:
    case ENOTDIR:
        return "there is no such socket; start cloakroomd with it (-s), or correct the path";
    case ENOTSOCK:
        return "this file is no socket; correct the path";
    case EACCES:
    case EPERM:
        return "this user is not permitted to connect; see cloakroomd's -a and the rights of the folder, or "
               "the firewall";
    case EHOSTUNREACH:
    case ENETUNREACH:
        return "there is no way to this address from here; correct it, or the network's routes";
    case ETIMEDOUT:
        return "no connection in time; the machine is down, a firewall drops packets, or the address is "
               "wrong";
    case EMFILE:
    case ENFILE:
        return "no file descriptor is left; raise the limit (ulimit -n)";
    default:
        return NULL;
    }
}

static enum err refuse(char *error, int error_number)
{
    const char *advice = advice_of(error_number);
    if (advice != NULL)
        snprintf(error, CONNECT_ERROR_MAX, "%s", advice);
    else
        snprintf(error, CONNECT_ERROR_MAX, "cannot connect: %s", strerror(error_number));
    return error_number == ETIMEDOUT ? ERR_TIMEOUT : ERR_SYSTEM;
}

/* 0, or the errno of what failed. */
static int reach_tcp(int fd, const struct addrinfo *to, uint64_t deadline_ns)
{
    int on = 1;
    int failed = 0;
    socklen_t len = sizeof failed;
    /* Decides about speed only; a kernel without it goes on without it. */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(fd, to->ai_addr, to->ai_addrlen) == 0)
        return 0;
    /* EINTR, too, leaves it to go on by itself. */
    if (errno != EINPROGRESS && errno != EINTR)
        return errno;
    enum err err = deadline_wait(deadline_ns, fd, POLLOUT);
    if (err == ERR_TIMEOUT)
        return ETIMEDOUT;
    if (err != ERR_NONE || getsockopt(fd, SOL_SOCKET, SO_ERROR, &failed, &len) != 0)
        return errno;
    return failed;
}

static int try_tcp(const struct addrinfo *to, uint64_t deadline_ns, int *ret_fd)
{
    int fd = socket(to->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return errno;
    int failed = reach_tcp(fd, to, deadline_ns);
    if (failed == 0 && fcntl(fd, F_SETFL, 0) != 0)
        failed = errno;
    if (failed == 0)
        *ret_fd = fd;
    else
        close(fd);
    return failed;
}

static enum err try_each(const struct addrinfo *list, uint64_t deadline_ns, int *ret_fd, char *error)
{
    uint32_t n = 0;
    int failed = EHOSTUNREACH;
    for (const struct addrinfo *a = list; a != NULL; a = a->ai_next)
        n++;
    for (const struct addrinfo *a = list; a != NULL; a = a->ai_next) {
        uint64_t share_ns = deadline_in(deadline_left_ms(deadline_ns) / n--);
        failed = try_tcp(a, share_ns, ret_fd);
        if (failed == 0)
            return ERR_NONE;
    }
    return refuse(error, failed);
}

static enum err refuse_name(char *error, int failure)
{
    if (failure == EAI_AGAIN)
        snprintf(error, CONNECT_ERROR_MAX,
                 "the name servers do not answer; write the IP address, or mend /etc/resolv.conf");
    else if (failure == EAI_NONAME)
        snprintf(error, CONNECT_ERROR_MAX, "no machine has this name; correct it, or write the IP address");
    else
        snprintf(error, CONNECT_ERROR_MAX, "the host's address cannot be found: %s",
                 failure == EAI_SYSTEM ? strerror(errno) : gai_strerror(failure));
    return ERR_SYSTEM;
}

static enum err open_tcp(const struct address *address, uint32_t within_ms, int *ret_fd, char *error)
{
    char port[PORT_TEXT_MAX];
    snprintf(port, sizeof port, "%u", address->port);
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *list;
    int failure = getaddrinfo(address->host, port, &hints, &list);
    if (failure != 0)
        return refuse_name(error, failure);
    enum err err = try_each(list, deadline_in(within_ms), ret_fd, error);
    freeaddrinfo(list);
    return err;
}

/* A non-blocking connect to a unix socket whose queue is full fails at once, and poll() does not tell when
 * there is room. A blocking one waits for it, for the time that is set for sending. */
static int reach_unix(int fd, const struct sockaddr_un *to, uint64_t deadline_ns)
{
    for (;;) {
        uint32_t left_ms = deadline_left_ms(deadline_ns);
        struct timeval left = {.tv_sec = left_ms / 1000, .tv_usec = left_ms % 1000 * 1000};
        if (left_ms == 0)
            return ETIMEDOUT;
        if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &left, sizeof left) != 0)
            return errno;
        if (connect(fd, (const struct sockaddr *)to, sizeof *to) == 0)
            return 0;
        if (errno != EINTR)
            return errno == EAGAIN ? ETIMEDOUT : errno;
    }
}

static enum err open_unix(const struct address *address, uint32_t within_ms, int *ret_fd, char *error)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    static_assert(sizeof to.sun_path >= ADDRESS_PATH_MAX, "address.h promises that it fits");
    memcpy(to.sun_path, address->path, ADDRESS_PATH_MAX);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return refuse(error, errno);
    int failed = reach_unix(fd, &to, deadline_in(within_ms));
    if (failed == 0) {
        *ret_fd = fd;
        return ERR_NONE;
    }
    close(fd);
    return refuse(error, failed);
}

enum err connect_open(const struct address *address, uint32_t within_ms, int *ret_fd, char *error)
{
    if (address->kind == ADDRESS_UNIX)
        return open_unix(address, within_ms, ret_fd, error);
    return open_tcp(address, within_ms, ret_fd, error);
}
