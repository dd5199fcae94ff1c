"""How it ends, and running in the background: signals, pid file, socket file."""

import concurrent.futures
import contextlib
import os
import pathlib
import signal
import socket
import subprocess
import threading
import time

import harness
from harness import attempt, check, equal, folder, server, wait_for
from startup import refused
from wire import Client


def is_running(pid):
    """A zombie is not: here a daemon's new parent may be one that never waits."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    return False


def start_daemon(options, **how):
    """When this returns it serves; the command has said so."""
    status, said = attempt(["-d", *harness.as_root(), *options], **how)
    check(status == 0 and said.count("\n") == 1 and " ready: " in said, f"-d ended with {status}, having said {said!r}")


@contextlib.contextmanager
def daemon(where, *options):
    """Yields the pid of a server in the background that wrote `where`/pid; ends it if it is still there."""
    start_daemon(["-P", str(where / "pid"), *options])
    pid = int(wait_for(lambda: (where / "pid").exists() and (where / "pid").read_text().strip(), "the pid file"))
    try:
        check(is_ours(pid), f"the pid file says {pid}, which is no server of this test")
        yield pid
    finally:
        if is_ours(pid):
            os.kill(pid, signal.SIGKILL)


def is_ours(pid):
    with contextlib.suppress(OSError):
        return os.readlink(f"/proc/{pid}/exe") == os.path.realpath(harness.program)
    return False


def test_signals_end_it():
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        with folder() as where:
            paths = [where / "s.sock", where / "pid"]
            with server("-s", str(paths[0]), "-P", str(paths[1]), where=where) as s, Client(s.address) as c:
                c.store("k", b"v")
                equal(int(paths[1].read_text()), s.child.pid, "the pid file")
                took = s.stop(signal_number)
                check(took < 1 * harness.slow, f"took {took:.2f} s to end")
            check(not any(path.exists() for path in paths), "socket and pid file should be gone")


def test_ends_while_it_is_busy():
    """With clients connected, one in the middle of a value, one that reads nothing."""
    with server() as s, Client(s.address) as writer, Client(s.address) as reader:
        writer.store("big", b"x" * 500000)
        writer.send(b"set k 0 0 1000000\r\nxxx")
        reader.send(b"get big\r\n" * 1000)
        took = s.stop()
        check(took < 1 * harness.slow, f"took {took:.2f} s to end")


def storm(address, stop):
    while not stop.is_set():
        with contextlib.suppress(OSError), Client(address) as c:
            c.send(b"mn\r\n" * 10)


def test_ends_in_a_storm_of_connections():
    """Some are on their way from one worker to another: nothing is leaked, nothing waited for."""
    for _ in range(5):
        stop = threading.Event()
        with server("-t", "8") as s, concurrent.futures.ThreadPoolExecutor(4) as pool:
            for _ in range(4):
                pool.submit(storm, s.address, stop)
            try:
                time.sleep(0.1)
                s.stop()
            finally:
                stop.set()


def test_daemon_without_descriptors():
    """As some supervisors start their children: what it opens must not be taken for stdin, stdout or stderr."""
    with folder() as where:
        path = str(where / "s.sock")
        command = [harness.program, "--http", "off", "-d", "-s", path, "-P", str(where / "pid"), *harness.as_root()]
        child = subprocess.Popen(command, preexec_fn=lambda: os.closerange(0, 3), env=harness.environment())
        equal(child.wait(10 * harness.slow), 0, "status of the start")
        pid = int(wait_for(lambda: (where / "pid").exists() and (where / "pid").read_text().strip(), "the pid file"))
        try:
            check(is_ours(pid), "it ended by itself")
            with Client(path) as c:
                c.store("k", b"v")
        finally:
            if is_ours(pid):
                os.kill(pid, signal.SIGKILL)


def test_sighup_does_not_end_it():
    with server() as s, Client(s.address) as c:
        os.kill(s.child.pid, signal.SIGHUP)
        c.store("k", b"v")


def test_daemon():
    with folder() as where:
        path = str(where / "s.sock")
        with daemon(where, "-s", path) as pid:
            with Client(path) as c:
                equal(c.stats()["pid"], pid, "the pid in stats and in the file")
            equal(os.getsid(pid), pid, "its session")
            os.kill(pid, signal.SIGTERM)
            wait_for(lambda: not is_running(pid), "the end of the daemon", 1)
        equal(os.listdir(where), [], "left behind")


def test_daemon_with_relative_names():
    """It goes to / but removes what it made where it was started."""
    with folder() as where:
        start_daemon(["-P", "pid", "-s", "s.sock"], cwd=where)
        with Client(str(where / "s.sock")) as c:
            pid = c.stats()["pid"]
        try:
            check(is_ours(pid), "no server of this test")
            wait_for(lambda: (where / "pid").exists(), "the pid file, where it was started", 1)
            os.kill(pid, signal.SIGTERM)
            wait_for(lambda: not is_running(pid), "the end of the daemon", 2)
            equal(os.listdir(where), [], "left behind")
        finally:
            if is_ours(pid):
                os.kill(pid, signal.SIGKILL)


def test_daemon_says_what_is_wrong():
    with socket.socket() as taken, folder() as where:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        refused(["-d", "-l", "127.0.0.1", "-p", port, *harness.as_root()], "in use")
        listen = ["-d", "-l", "127.0.0.1:0"]
        refused([*listen, "-P", str(where / "none" / "pid"), *harness.as_root()], "pid file")
        if os.geteuid() == 0:
            refused([*listen, "-u", "nosuchuser"], "no such user")
            refused(listen, "started as root")


def test_second_server_leaves_the_pid_file_of_the_first():
    with folder() as where:
        pid_file = where / "pid"
        with server("-P", str(pid_file)) as s:
            refused(["-l", f"127.0.0.1:{s.ports[0]}", "-P", str(pid_file), *harness.as_root()], "in use")
            check(pid_file.exists(), "the start of a second server that failed removed the first one's pid file")
            equal(int(pid_file.read_text()), s.child.pid, "the pid file")


def test_pid_file_that_cannot_be_written():
    refused(["-l", "127.0.0.1:0", "-P", "/no/such/folder/pid", *harness.as_root()], "/no/such/folder/pid", "-P")


def test_socket_of_a_successor_is_left_alone():
    """Its file was removed and made anew by another server: that is not this one's to remove."""
    with folder() as where:
        path = where / "s.sock"
        with server("-s", str(path), listen=False) as first:
            path.unlink()
            with server("-s", str(path), listen=False) as second:
                first.stop()
                check(path.exists(), "the first server's end removed the second one's socket")
                with Client(second.address) as c:
                    c.store("k", b"v")
