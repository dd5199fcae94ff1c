/*
 * err: the one table of what the world can refuse us.
 *
 * The second of the three lanes of failure: CHECK for our own bugs, enum err for what the world said no to,
 * and each module's own enum for an ordinary negative such as a miss.
 */
#ifndef CLOAKROOM_BASE_ERR_H
#define CLOAKROOM_BASE_ERR_H

/* name, sentence without a full stop */
#define ERR_TABLE(X)                                                                                         \
    X(ERR_NONE, "no error")                                                                                  \
    X(ERR_MEMORY, "the system has no memory left")                                                           \
    X(ERR_FULL, "the memory limit (-m) is reached")                                                          \
    X(ERR_DISK_FULL, "no space is left on the disk of --data")                                               \
    X(ERR_READ_ONLY, "a disk error has made the store read-only")                                            \
    X(ERR_TOO_LARGE, "larger than the largest item (-I)")                                                    \
    X(ERR_USAGE, "not understood")                                                                           \
    X(ERR_SYSTEM, "a system call failed")                                                                    \
    X(ERR_CLOSED, "the peer closed the connection")                                                          \
    X(ERR_TIMEOUT, "no answer in time")                                                                      \
    X(ERR_PROTOCOL, "the peer answered with something that is no memcached protocol")

enum err {
#define ERR_ENUM(name, sentence) name,
    ERR_TABLE(ERR_ENUM)
#undef ERR_ENUM
};

#define ERR_MUST_CHECK __attribute__((warn_unused_result))

/* The sentence for `err`; static, never NULL. */
const char *err_text(enum err err);

#endif
