"""What the server tests share: a server in a folder of its own, what it costs, and how its end is judged.

A server is a child of its test, dies with it (PR_SET_PDEATHSIG) and is ended by its pid. Whoever starts one with
`server()` has it judged at the end: it must still be there, end by SIGTERM with status 0, and have said nothing on
stderr but its ready line; so a failed CHECK or a sanitizer's report fails the test.
"""

import contextlib
import ctypes
import os
import pathlib
import re
import resource
import signal
import socket
import subprocess
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
MIB = 1 << 20
START_S = 20
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None, use_errno=True)
NOBODY = 65534

program = str(ROOT / "build/release/cloakroomd")  # set by run.py
slow = 1.0                                        # factor of all time limits, set by run.py


class TooSlow(AssertionError):
    """It took too long: here, now, beside whatever else runs on this machine."""


class Skip(Exception):
    """This machine lacks what the test needs."""


def use(path, slow_factor):
    global program, slow
    program = path
    slow = slow_factor or (4.0 if is_sanitized(path) else 1.0)


def is_sanitized(path=None):
    with open(path or program, "rb") as f:
        binary = f.read()
    return b"__asan_init" in binary or b"__tsan_init" in binary


def sanitizer_runtimes():
    """The libraries of a sanitized server, which want to be loaded before any other."""
    with open(program, "rb") as f:
        binary = f.read()
    names = [name for name, mark in (("libasan.so", b"__asan_init"), ("libtsan.so", b"__tsan_init")) if mark in binary]
    return [subprocess.run(["cc", f"-print-file-name={name}"], capture_output=True, text=True, check=True).stdout.strip()
            for name in names]


def check(condition, message):
    if not condition:
        raise AssertionError(message)


def equal(got, wanted, what):
    if got != wanted:
        raise AssertionError(f"{what}: got {shorten(got)}, not {shorten(wanted)}")


def shorten(value):
    text = repr(value)
    return text if len(text) < 300 else f"{text[:140]} … {text[-140:]} ({len(text)} characters)"


def wait_for(condition, what, limit_s=5.0):
    """Polls until the condition holds; returns what it returned."""
    until = time.monotonic() + limit_s * slow
    while True:
        value = condition()
        if value:
            return value
        check(time.monotonic() < until, f"not within {limit_s * slow:g} s: {what}")
        time.sleep(0.01)


def in_threads(functions, limit_s=30.0):
    """Runs all at once; raises the first failure."""
    failures = []

    def run(function):
        try:
            function()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(f,), daemon=True) for f in functions]
    for thread in threads:
        thread.start()
    until = time.monotonic() + limit_s * slow
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
        check(failures or not thread.is_alive(), f"a thread took more than {limit_s * slow:g} s")
    if failures:
        raise failures[0]


@contextlib.contextmanager
def folder():
    with tempfile.TemporaryDirectory(prefix="cloakroom-server-") as name:
        os.chmod(name, 0o755)
        yield pathlib.Path(name)


def as_root():
    return ["-u", "root"] if os.geteuid() == 0 else []


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def environment(**extra):
    """A small quarantine, so that what a sanitized server takes tells something."""
    return {**os.environ, "ASAN_OPTIONS": "quarantine_size_mb=4:malloc_context_size=4", **extra}


def prepare(limits, user):
    def run():
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        for limit, value in (limits or {}).items():
            resource.setrlimit(limit, (value, value))
        if user is not None:
            os.setgroups([])
            os.setgid(user)
            os.setuid(user)
    return run


def spawn(options, out, limits=None, user=None, cwd=None, env=None):
    """`user`: start as that one, not as root. No -u is added. Without HTTP, whose port would be one for all of them,
    unless `options` say where."""
    no_http = [] if any(option.startswith("--http") for option in options) else ["--http", "off"]
    return subprocess.Popen([program, *no_http, *options], stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=cwd,
                            preexec_fn=prepare(limits, user), env=environment(**(env or {})))


def attempt(options, limit_s=10.0, **how):
    """Runs a server that is expected to end by itself: (status, what it said)."""
    with tempfile.TemporaryFile() as out:
        child = spawn(options, out, **how)
        try:
            child.wait(limit_s * slow)
        except subprocess.TimeoutExpired:
            out.seek(0)
            raise AssertionError(f"{' '.join(options)}: did not end, said {out.read().decode()!r}") from None
        finally:
            end(child)
        out.seek(0)
        return child.returncode, out.read().decode(errors="replace")


def end(child):
    """Ends a child whatever its state."""
    if child.poll() is None:
        child.kill()
    child.wait()


def end_all_left():
    """Ends the servers in the background that a failed test left; returns their pids. They run the copy that run.py
    made, so they are this run's own."""
    left = []
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if os.readlink(entry / "exe") == os.path.realpath(program):
                os.kill(int(entry.name), signal.SIGKILL)
                left.append(int(entry.name))
    return left


class Server:
    """A running server; `address` is (host, port) or the path of its unix socket."""

    def __init__(self, where, options, how):
        self.notes = how.pop("notes", 0)
        self.log = where / f"server-{time.monotonic_ns()}.log"
        with open(self.log, "wb") as out:
            self.child = spawn(options, out, **how)
        try:
            self.ready = wait_for(self._ready_line, "the server is ready", START_S)
        except BaseException:
            end(self.child)
            raise
        words = self.ready.split(" ready: ")[1].rsplit(",", 2)[0]
        self.ports = [int(n) for n in re.findall(r"(?<!UDP )port (\d+)", words)]
        self.udp_ports = [int(n) for n in re.findall(r"UDP port (\d+)", words)]
        self.address = ("127.0.0.1", self.ports[0]) if self.ports else words

    def _ready_line(self):
        said = self.said()
        check(self.child.poll() is None, f"the server did not start (status {self.child.returncode}): {said!r}")
        lines = [line for line in said.splitlines(True) if " ready: " in line and line.endswith("\n")]
        return lines[0].strip() if lines else None

    def said(self):
        """But how far it is with loading, which only a slow one tells, that it was told to read its files again, or to end, and
        that somebody could not log in."""
        return re.sub(r"^.* event=(loading|reload|stopping|login_refused) .*\n", "", self.all_said(), flags=re.M)

    def all_said(self):
        return self.log.read_text(errors="replace")

    def memory_mib(self, field="VmRSS"):
        """Of /proc/PID/status: VmRSS is now, VmHWM the most it ever was."""
        text = pathlib.Path(f"/proc/{self.child.pid}/status").read_text()
        return int(re.search(rf"{field}:\s+(\d+) kB", text)[1]) / 1024

    def check_memory(self, bound_mib):
        """Shadow memory and red zones of a sanitized server come on top."""
        bound = bound_mib * 6 + 120 if is_sanitized() else bound_mib
        peak = self.memory_mib("VmHWM")
        check(peak < bound, f"the server took {peak:.0f} MiB, more than {bound} MiB")

    def died(self):
        """What is to be said when it ended by itself; None while it lives."""
        if self.child.poll() is None:
            return None
        return f"the server ended by itself, {self.child.returncode}: {self.said()[:3000]}"

    def stop(self, signal_number=signal.SIGTERM, limit_s=5.0):
        """Ends it and judges: how long it took, in seconds."""
        check(not self.died(), self.died())
        begin = time.monotonic()
        self.child.send_signal(signal_number)
        try:
            self.child.wait(limit_s * slow)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"no end within {limit_s * slow:g} s of a signal; said {self.said()!r}") from None
        took = time.monotonic() - begin
        equal(self.child.returncode, 0, f"status at the end, having said {self.said()[:3000]!r}")
        self.check_said()
        return took

    def check_said(self):
        """Nothing but its ready line, and so many lines before it as were announced (None: any)."""
        said = self.said().strip()
        before = said.removesuffix(self.ready)
        check(said.endswith(self.ready), f"what it said on stderr: {said!r}, which does not end with {self.ready!r}")
        if self.notes is not None:
            equal(before.count("\n"), self.notes, f"lines before the ready line, of {said!r}")

    def kill(self):
        self.child.kill()
        self.child.wait()


@contextlib.contextmanager
def server(*options, where=None, listen=True, user=None, **how):
    """A server on loopback, or where `options` say when `listen` is False. `notes`: lines that it says before it is
    ready."""
    with contextlib.ExitStack() as stack:
        where = where or stack.enter_context(folder())
        wanted = (["-l", "127.0.0.1:0"] if listen else []) + (as_root() if user is None else [])
        one = Server(where, [*wanted, *options], {"user": user, **how})
        try:
            yield one
            if one.child.returncode is None:
                one.stop()
        except Exception as error:
            if one.child.returncode is None and one.died():
                raise AssertionError(f"{error}; {one.died()}") from error
            raise
        finally:
            end(one.child)
