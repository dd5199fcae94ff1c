"""Running the tool: by itself, and on a terminal of the test's own.

    tool("ping", server=s)          # Done: code, out, err
    with Terminal("top", server=s) as t:
        t.wait("sessions")          # until this is on the screen
        t.type("q")
        t.end()                     # its exit code
"""

import contextlib
import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import threading
import time

import harness
from harness import check

NOWHERE = "/nowhere/cloakroom.sock"
COLUMNS, LINES = 120, 30


def program():
    """Beside the server, as run.py has copied it."""
    return os.path.join(os.path.dirname(harness.program), "cloakroom")


def name_of(address):
    """As --server wants it."""
    return address if isinstance(address, str) else f"{address[0]}:{address[1]}"


def environment(**extra):
    kept = {name: value for name, value in os.environ.items() if name not in ("CLOAKROOM_SERVER", "NO_COLOR")}
    return {**kept, "TERM": "xterm", "TZ": "UTC", **extra}


class Done:
    def __init__(self, words, done):
        self.words = words
        self.code, self.out, self.err = done.returncode, done.stdout, done.stderr
        check(self.code >= 0, f"{words} was ended by signal {-self.code}: {self.err!r}")
        check("Sanitizer" not in self.err and "CHECK" not in self.err, f"{words} said {self.err!r}")

    def __repr__(self):
        return f"<{' '.join(self.words)}: {self.code}, {self.out!r}, {self.err!r}>"

    def json(self):
        """All of what it printed is one object, in one line."""
        check(self.out.endswith("\n") and self.out.count("\n") == 1, f"not one line: {self.out!r}")
        return json.loads(self.out)

    def json_lines(self):
        return [json.loads(line) for line in self.out.splitlines()]

    def rows(self):
        """Of a table: the titles, and the words of each row."""
        lines = [line.split() for line in self.out.splitlines()]
        return lines[0], lines[1:]


def tool(*words, server=None, env=None, told="", limit_s=30.0):
    """`server`: a harness.Server, an address, or None for none named."""
    words = [str(word) for word in words]
    if server is not None:
        words = [*words, "--server", name_of(getattr(server, "address", server))]
    done = subprocess.run([program(), *words], input=told, capture_output=True, text=True, timeout=limit_s * harness.slow,
                          env=environment(**(env or {})))
    return Done(words, done)


def succeeds(*words, **how):
    done = tool(*words, **how)
    check((done.code, done.err) == (0, ""), f"not well: {done}")
    return done


def fails(code, said, *words, **how):
    """It ends with this code, prints nothing but one complaint, and that has `said` in it."""
    done = tool(*words, **how)
    check(done.code == code and done.out == "", f"not {code}: {done}")
    check(done.err.startswith("cloakroom") and said in done.err, f"not '{said}': {done}")
    return done


class Peak(threading.Thread):
    """Looks at how much memory a child takes, until it has ended; `mib` is the most that was seen. (What wait4 tells
    includes the test's own, from before the exec.)"""

    def __init__(self, child):
        super().__init__(daemon=True)
        self.status = f"/proc/{child.pid}/status"
        self.mib = 0.0
        self.start()

    def run(self):
        with contextlib.suppress(OSError, TypeError):
            while True:
                with open(self.status, encoding="ascii") as file:
                    found = re.search(r"VmHWM:\s+(\d+) kB", file.read())
                self.mib = max(self.mib, int(found[1]) / 1024)  # None when it has ended
                time.sleep(0.005)


def peak_mib(s, *words):
    """(what the tool took at most, how many lines it printed)"""
    child = subprocess.Popen([program(), *words, "-s", name_of(s.address)], stdout=subprocess.PIPE, env=environment())
    peak = Peak(child)
    n = sum(1 for _ in child.stdout)
    child.stdout.close()
    check(child.wait(10 * harness.slow) == 0, f"exit code {child.returncode} of {words}")
    peak.join(10)
    return peak.mib, n


class Terminal:
    """The tool with a terminal for input and output; what it prints goes through a small model of a screen."""

    def __init__(self, *words, server=None, env=None, columns=COLUMNS, lines=LINES):
        self.raw = b""
        words = [*map(str, words), *(["--server", name_of(getattr(server, "address", server))] if server else [])]
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            try:
                fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
                os.execve(program(), [program(), *words], environment(**(env or {})))
            finally:
                os._exit(127)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.pid is not None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.fd)

    def resize(self, columns, lines):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def echoes(self):
        """Does what is typed show, as it does in a shell?"""
        return bool(termios.tcgetattr(self.fd)[3] & termios.ECHO)

    def type(self, text):
        os.write(self.fd, text.encode())

    def read(self, within_s):
        """False: it has ended."""
        if not select.select([self.fd], [], [], within_s)[0]:
            return True
        try:
            more = os.read(self.fd, 1 << 16)
        except OSError:  # EIO: nobody has it open any more
            more = b""
        self.raw += more
        return more != b""

    def text(self):
        """All that was printed, without colours and other orders to the terminal."""
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self.raw.decode()).replace("\r\n", "\n")

    def screen(self):
        """The last picture that is whole: each is drawn from the upper left corner, and ends with what erases the rest."""
        whole = [part for part in self.raw.decode(errors="replace").split("\x1b[H") if "\x1b[J" in part]
        last = whole[-1] if whole else ""
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", last).replace("\r\n", "\n")

    def wait(self, wanted, what=None, limit_s=10.0, seen=None):
        """Until `wanted`, a piece of text or a function, is there; `seen` is text() unless told."""
        seen = seen or self.text
        until = time.monotonic() + limit_s * harness.slow
        while not (wanted(seen()) if callable(wanted) else wanted in seen()):
            alive = self.read(0.05)
            there = wanted(seen()) if callable(wanted) else wanted in seen()
            check(alive or there, f"it has ended without {what or wanted!r}: {seen()!r}")
            check(time.monotonic() < until, f"not seen: {what or wanted!r} in {seen()!r}")
        return seen()

    def end(self, limit_s=10.0):
        """Its exit code, when it has ended by itself."""
        until = time.monotonic() + limit_s * harness.slow
        while self.read(0.05):
            check(time.monotonic() < until, f"it does not end: {self.text()!r}")
        _, status = os.waitpid(self.pid, 0)
        self.pid = None
        check(os.WIFEXITED(status), f"ended by signal {os.WTERMSIG(status)}")
        return os.WEXITSTATUS(status)
