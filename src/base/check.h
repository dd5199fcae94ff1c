/*
 * check: the lane for bugs of ours, and only for those.
 *
 * Promise: CHECK stays on in every build; when it fails, one line with file, line and condition goes to
 * stderr and the process aborts. A client's input must never reach it: that lane is an answer.
 */
#ifndef CLOAKROOM_BASE_CHECK_H
#define CLOAKROOM_BASE_CHECK_H

_Noreturn void check_failed(const char *file, int line, const char *condition);

#define CHECK(condition)                                                                                     \
    do {                                                                                                     \
        if (__builtin_expect(!(condition), 0))                                                               \
            check_failed(__FILE__, __LINE__, #condition);                                                    \
    } while (0)

#endif
