"""What a service manager passes to the server and is told by it: here the test is the manager, with a real socket."""

import contextlib
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import time

import harness
from durable import data_folder
from harness import as_root, check, environment, equal, folder, free_port, prepare, server, wait_for
from loading import fill_folder, slow_disk
from wire import Client

FIRST = 3  # the number of the first descriptor that is passed
PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_DETACH = 0x4206, 0x4207, 17


class Manager:
    """Starts a server, with sockets that listen already, and hears what it says of itself."""

    def __init__(self, where, options, passed=(), names=None, env=None):
        self.notices = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notices.bind(str(where / "notify"))
        os.chmod(where / "notify", 0o777)
        self.log = where / "said"
        self.heard = []
        extra = dict(env or {}, NOTIFY_SOCKET=str(where / "notify"))
        if passed:
            extra["LISTEN_FDS"] = str(len(passed))
        if names is not None:
            extra["LISTEN_FDNAMES"] = ":".join(names)
        with open(self.log, "wb") as out:
            self.child = launch(options, passed, out, extra)

    def hear(self, word, limit_s=10.0):
        """The first notice, of those to come, that has the word."""
        until = time.monotonic() + limit_s * harness.slow
        while True:
            left = until - time.monotonic()
            check(left > 0, f"no {word!r}; heard {self.heard}, and it said {self.log.read_text()!r}")
            self.notices.settimeout(left)
            with contextlib.suppress(TimeoutError):
                notice = self.notices.recv(4096).decode()
                self.heard.append(notice)
                if word in notice:
                    return notice

    def end(self):
        self.child.send_signal(signal.SIGTERM)
        self.hear("STOPPING=1")
        equal(self.child.wait(10 * harness.slow), 0, f"status, having said {self.log.read_text()!r}")


def launch(options, passed, out, env):
    """LISTEN_PID is the number of a process that does not exist yet: a shell writes its own, and becomes the server."""
    limit = prepare(None, None)

    def run():
        limit()
        spares = [os.dup2(s.fileno(), 100 + i) for i, s in enumerate(passed)]
        for i, spare in enumerate(spares):
            os.dup2(spare, FIRST + i)
            os.close(spare)

    preload = {"LD_PRELOAD": env.pop("LD_PRELOAD")} if "LD_PRELOAD" in env else {}  # for the server, not for the shell
    return subprocess.Popen(["sh", "-c", 'export LISTEN_PID=$$ WATCHDOG_PID=$$; exec env "$@"', "sh",
                             *(f"{name}={value}" for name, value in preload.items()), harness.program, "--http", "off",
                             *options, *as_root()], stdin=subprocess.DEVNULL, stdout=out, stderr=out, preexec_fn=run,
                            close_fds=False, env=environment(**env))


@contextlib.contextmanager
def manager(*options, where=None, **how):
    with contextlib.ExitStack() as stack:
        where = where or stack.enter_context(folder())
        one = Manager(where, options, **how)
        try:
            yield one
        finally:
            harness.end(one.child)
            one.notices.close()


def listening(family=socket.AF_INET, address=("127.0.0.1", 0)):
    s = socket.socket(family)
    s.bind(address)
    s.listen(8)
    return s


def test_it_tells_what_it_does():
    with manager("-l", "127.0.0.1:0", "-m", "8") as m:
        notice = m.hear("READY=1")
        check("STATUS=Serving; 0 sessions" in notice, f"what it said: {notice!r}")
        m.child.send_signal(signal.SIGHUP)
        check("MONOTONIC_USEC=" in m.hear("RELOADING=1"), f"heard {m.heard}")
        m.hear("READY=1")
        m.end()


def test_under_a_manager_it_stays_in_the_foreground():
    """As with Debian's memcached.conf, which says -d."""
    with manager("-d", "-l", "127.0.0.1:0", "-m", "8") as m:
        m.hear("READY=1")
        check("-d is left aside" in m.log.read_text(), f"it said {m.log.read_text()!r}")
        m.end()


def test_a_load_that_lasts_asks_for_time():
    """Ready comes last, and each notice before it extends the time-out of the start."""
    with data_folder() as data, folder() as where:
        fill_folder(data)
        with manager("-l", "127.0.0.1:0", "-m", "8", "--data", str(data), where=where, env=slow_disk(where)) as m:
            m.hear("READY=1", 30)
            *before, last = m.heard
            check("3000 sessions" in last, f"the last notice: {last!r}")
            check(len(before) >= 2, f"notices while it loaded: {before}")
            check(all("EXTEND_TIMEOUT_USEC=30000000" in n and " MB" in n for n in before), f"notices: {before}")
            check(len(set(before)) > 1 or harness.is_sanitized(), f"they tell how far it is: {before}")
            m.end()


def test_sockets_are_taken_as_they_are():
    """TCP and unix at once; -l and -s of a config file are left aside, and a socket's file stays at the end."""
    with folder() as where:
        path = str(where / "socket")
        taken = free_port()
        with listening() as tcp, listening(socket.AF_UNIX, path) as unix, \
                manager("-l", f"127.0.0.1:{taken}", "-m", "8", where=where, passed=[tcp, unix]) as m:
            m.hear("READY=1")
            said = m.log.read_text()
            check("-l and -s are left aside" in said, f"it said {said!r}")
            check(f"port {tcp.getsockname()[1]} {path}," in said, f"the ready line: {said!r}")
            with Client(tcp.getsockname()) as a, Client(path) as b:
                a.store("key", b"value")
                equal(b.get("key"), b"value", "the value, through the other socket")
            with contextlib.suppress(ConnectionRefusedError):
                Client(("127.0.0.1", taken)).close()
                raise AssertionError("-l was listened at, too")
            m.end()
        check(os.path.exists(path), "the manager's socket file was removed")


def test_who_connects_before_it_runs_waits():
    with listening() as tcp, Client(tcp.getsockname()) as early:
        early.send(b"version\r\n")
        with manager("-m", "8", passed=[tcp], names=["cloakroom"]) as m:
            check(early.line().startswith("VERSION "), "the answer to who was early")
            m.hear("READY=1")
            m.end()


def test_a_name_narrows_what_may_be_done():
    with listening() as full, listening() as narrow, listening() as narrower, \
            manager("-m", "8", passed=[full, narrow, narrower],
                    names=["web.socket", "noadmin", "readonly,notls"]) as m:
        m.hear("READY=1")
        with Client(full.getsockname()) as a, Client(narrow.getsockname()) as b, Client(narrower.getsockname()) as c:
            equal(a.command("flush_all"), "OK", "flush_all where all is allowed")
            b.store("key", b"1")
            equal(b.command("flush_all"), "CLIENT_ERROR flush_all not allowed", "flush_all where noadmin is said")
            equal(c.get("key"), b"1", "a read where readonly is said")
            equal(c.command("set k 0 0 1", b"1"), "CLIENT_ERROR not allowed", "a write there")
        m.end()


def start_in_vain(passed, names, *wanted):
    with manager("-m", "8", passed=passed, names=names) as m:
        equal(m.child.wait(10 * harness.slow), 1, "status")
        said = m.log.read_text()
        for word in wanted:
            check(word in said, f"no {word!r} in {said!r}")


def test_what_is_not_understood_is_refused():
    """A misspelt readonly must not allow everything."""
    with listening() as tcp, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, socket.socket() as deaf:
        start_in_vain([tcp], ["readnoly"], "LISTEN_FDNAMES: readnoly", "readonly, noadmin, notls")
        start_in_vain([tcp, udp], ["cloakroom", "cloakroom"], "descriptor 4", "ListenStream=")
        start_in_vain([deaf], ["cloakroom"], "descriptor 3", "no socket that listens")


def test_sockets_of_another_process_are_not_taken():
    """LISTEN_PID tells whose they are; without it all is as ever."""
    with listening() as tcp:
        env = {"LISTEN_FDS": "1", "LISTEN_PID": "1"}
        with server("-p", "0", listen=False, notes=1, env=env) as s:
            check("no client can connect" in s.said() and s.ports == [], s.said())
        check(tcp.fileno() >= 0, "the socket")


def test_by_systemd_itself():
    """Its own tool opens the socket and starts the server at the first connection."""
    tool = shutil.which("systemd-socket-activate")
    if tool is None:
        raise harness.Skip("no systemd-socket-activate here")
    port = free_port()
    limit = prepare(None, None)
    with folder() as where, open(where / "said", "wb") as out:
        child = subprocess.Popen([tool, "-l", f"127.0.0.1:{port}", "--fdname", "noadmin", harness.program, "--http", "off", "-m", "8",
                                  *as_root()], stdin=subprocess.DEVNULL, stdout=out, stderr=out, preexec_fn=limit)
        try:
            def connect():
                try:
                    return Client(("127.0.0.1", port))
                except ConnectionRefusedError:
                    return None
            with wait_for(connect, "it listens") as c:
                c.store("key", b"value")
                equal(c.command("flush_all"), "CLIENT_ERROR flush_all not allowed", "flush_all")
            child.send_signal(signal.SIGTERM)  # by now it is the server
            equal(child.wait(10 * harness.slow), 0, "status")
        finally:
            harness.end(child)


# ---- the watchdog ----


def trace(request, thread, what):
    call = harness.LIBC.ptrace
    call.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    if call(request, thread, None, None) < 0:
        raise harness.Skip(f"{what}: {os.strerror(ctypes.get_errno())}")


def workers_of(pid):
    """All threads but the first, which feeds the watchdog."""
    return [int(t) for t in os.listdir(f"/proc/{pid}/task") if int(t) != pid]


@contextlib.contextmanager
def held(threads):
    """They stand still meanwhile."""
    for thread in threads:
        trace(PTRACE_SEIZE, thread, "threads cannot be held here")
        trace(PTRACE_INTERRUPT, thread, "threads cannot be held here")
    try:
        yield
    finally:
        for thread in threads:
            os.waitpid(thread, 0x40000000)  # __WALL
            trace(PTRACE_DETACH, thread, "threads cannot be let go here")


def feeds_within(m, s):
    """How many come in that time."""
    until = time.monotonic() + s
    n = 0
    while (left := until - time.monotonic()) > 0:
        m.notices.settimeout(left)
        with contextlib.suppress(TimeoutError):
            n += m.notices.recv(4096) == b"WATCHDOG=1"
    return n


def test_the_watchdog_is_fed_while_workers_go_round():
    if harness.is_sanitized():
        return  # a sanitizer has threads of its own, which do not like to be held
    with manager("-l", "127.0.0.1:0", "-m", "8", env={"WATCHDOG_USEC": "400000"}) as m:
        m.hear("READY=1")
        check(feeds_within(m, 1.0) >= 4, "it is not fed")
        with held(workers_of(m.child.pid)):
            feeds_within(m, 0.3)  # what was under way
            equal(feeds_within(m, 1.0), 0, "feeds while all workers are stuck")
        check(feeds_within(m, 1.0) >= 2, "it is not fed again")
        m.end()
