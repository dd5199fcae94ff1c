/* The terminal, while something is drawn on it; see screen.h. */
#include "cli/screen.h"
#include "base/clock.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { LINES_DEFAULT = 24, COLUMNS_DEFAULT = 80, NS_PER_MS = 1000000 };

/* What signals can reach. */
static volatile sig_atomic_t must_end;
static volatile sig_atomic_t is_resized;

static void note_signal(int number)
{
    if (number == SIGWINCH)
        is_resized = 1;
    else
        must_end = 1;
}

static void watch_signals(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGWINCH};
    struct sigaction action = {.sa_handler = note_signal};
    must_end = is_resized = 0;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        (void)sigaction(numbers[i], &action, NULL);
}

bool screen_open(struct screen *screen)
{
    if (isatty(STDOUT_FILENO) != 1 || tcgetattr(STDIN_FILENO, &screen->found) != 0)
        return false;
    struct termios wanted = screen->found;
    wanted.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    wanted.c_cc[VMIN] = 0;
    wanted.c_cc[VTIME] = 0;
    wanted.c_cc[VSUSP] = _POSIX_VDISABLE; /* a stopped one would leave the terminal like this */
    watch_signals();
    if (tcsetattr(STDIN_FILENO, TCSANOW, &wanted) != 0)
        return false;
    screen_measure(screen);
    fputs("\033[?25l\033[2J", stdout);
    return true;
}

void screen_close(struct screen *screen)
{
    fputs("\033[?25h", stdout);
    fflush(stdout);
    (void)tcsetattr(STDIN_FILENO, TCSANOW, &screen->found);
}

void screen_measure(struct screen *screen)
{
    struct winsize size;
    bool is_known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 && size.ws_col > 0;
    screen->lines = is_known ? size.ws_row : LINES_DEFAULT;
    screen->columns = is_known ? size.ws_col : COLUMNS_DEFAULT;
}

static void draw_line(const struct screen *screen, struct bytes line)
{
    bool is_title = line.len > 0 && line.p[0] == SCREEN_TITLE;
    line.p += is_title;
    line.len -= is_title;
    size_t width = (size_t)screen->columns;
    int len = (int)(line.len < width ? line.len : width);
    printf(is_title ? "\033[1m%.*s\033[0m\033[K" : "%.*s\033[K", len, line.p);
}

/* The last line ends without a newline, or the terminal would scroll. */
void screen_draw(const struct screen *screen, struct bytes text)
{
    fputs("\033[H", stdout);
    for (int n = 0; text.len > 0 && n < screen->lines - 1; n++) {
        const char *end = memchr(text.p, '\n', text.len);
        size_t len = end != NULL ? (size_t)(end - text.p) : text.len;
        draw_line(screen, (struct bytes){.p = text.p, .len = len});
        fputc('\n', stdout);
        size_t used = len + (end != NULL);
        text = (struct bytes){.p = text.p + used, .len = text.len - used};
    }
    fputs("\033[J", stdout);
    fflush(stdout);
}

/* True: a q is among what was typed, or nobody can type any more. */
static bool is_quit_typed(void)
{
    char typed[64];
    ssize_t len = read(STDIN_FILENO, typed, sizeof typed);
    if (len < 0)
        return errno != EINTR && errno != EAGAIN;
    return memchr(typed, 'q', (size_t)len) != NULL || memchr(typed, 'Q', (size_t)len) != NULL;
}

enum screen_event screen_wait(uint64_t until_ns)
{
    for (;;) {
        uint64_t now_ns = clock_steady_ns(&clock_system);
        if (must_end)
            return SCREEN_QUIT;
        if (is_resized) {
            is_resized = 0;
            return SCREEN_RESIZED;
        }
        if (now_ns >= until_ns)
            return SCREEN_TIME;
        /* A signal between the looks above and poll() is seen after a second at most. */
        uint64_t left_ms = (until_ns - now_ns + NS_PER_MS - 1) / NS_PER_MS;
        struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
        int n = poll(&input, 1, left_ms < 1000 ? (int)left_ms : 1000);
        if (n > 0 && ((input.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0 || is_quit_typed()))
            return SCREEN_QUIT;
    }
}
