/* Loaded in front of the C library by loading.py and durable.py: each sync takes SLOW_DISK_MS longer, as on a slow disk. */
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static void nap(void)
{
    const char *words = getenv("SLOW_DISK_MS");
    long ms = words != NULL ? atol(words) : 0;
    struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    nanosleep(&time, NULL);
}

int fdatasync(int fd)
{
    nap();
    return (int)syscall(SYS_fdatasync, fd);
}

int fsync(int fd)
{
    nap();
    return (int)syscall(SYS_fsync, fd);
}
