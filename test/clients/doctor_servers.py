"""More of doctor.py: servers in trouble: of another version, with another clock, far away, with a disk that has failed, with
too few open files, with sessions near the limit of their size. What no server here is, a relay before a real one makes of it.
"""

import contextlib
import resource
import shutil
import socket
import threading
import time

import harness
from doctor_root import ids, run

MANY_KB = 900


@contextlib.contextmanager
def relay(port, change=lambda answer: answer, delay_s=0.0):
    """Its port: what comes back from the server there is changed, and late."""
    ends = []

    def pump(source, to, is_answer):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if is_answer:
                    time.sleep(delay_s)
                    data = change(data)
                to.sendall(data)
        with contextlib.suppress(OSError):
            to.shutdown(socket.SHUT_RDWR)

    def serve():
        with contextlib.suppress(OSError):
            while True:
                near, _ = listener.accept()
                far = socket.create_connection(("127.0.0.1", port))
                ends.extend([near, far])
                for pair in ((near, far, False), (far, near, True)):
                    threading.Thread(target=pump, args=pair, daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, daemon=True).start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            for end in ends:
                end.close()


def store_sessions(port, sizes):
    with socket.create_connection(("127.0.0.1", port), timeout=10) as s:
        answers = []
        for i, size in enumerate(sizes):
            s.sendall(b"set memc.sess.key.%026d 0 0 %d\r\n%s\r\n" % (i, size, b"x" * size))
            answers.append(s.recv(200))
        return answers


def is_read_only(port):
    with socket.create_connection(("127.0.0.1", port), timeout=10) as s:
        s.sendall(b"stats\r\n")
        said = b""
        while not said.endswith(b"END\r\n"):
            said += s.recv(65536)
        return b"STAT cloakroom_read_only 1\r\n" in said


class Asked:
    def __init__(self, tool, where):
        self.tool = tool
        self.root = where / "no-php"
        self.root.mkdir()

    def found(self, port):
        """{id: what it says}."""
        _, report = run(self.tool, "--root", self.root, "--server", f"127.0.0.1:{port}")
        return {finding["id"]: finding["what"] for finding in report["findings"] if finding["id"] != "no-php"}


def far_away(check, asked, port):
    def newer(answer):
        return answer.replace(b"-cloakroom-0.", b"-cloakroom-9.")

    def patched(answer):
        return answer.replace(b"-cloakroom-0.1.", b"-cloakroom-0.1.99")

    def clock(ahead_s):
        def change(answer):
            head, found, tail = answer.partition(b"STAT time ")
            if not found:
                return answer
            seconds, _, rest = tail.partition(b"\r\n")
            return head + found + b"%d\r\n" % (int(seconds) + ahead_s) + rest
        return change

    for name, how, expected, word in (
            ("the same as ever", {}, set(), ""),
            ("another version", {"change": newer}, {"server-version"}, "9."),
            ("another build of the same release", {"change": patched}, set(), ""),
            ("a clock that is ahead", {"change": clock(60)}, {"server-clock"}, "ahead"),
            ("a clock that is behind", {"change": clock(-3600)}, {"server-clock"}, "behind"),
            ("a clock that is right to the second", {"change": clock(1)}, set(), ""),
            ("far away", {"delay_s": 0.02}, {"server-slow"}, "round trips takes 2")):
        with relay(port, **how) as at:
            found = asked.found(at)
            check.that(set(found) == expected and all(word in what for what in found.values()), f"servers: {name}", found)


def in_trouble(check, asked, server, where):
    data = where / "gone"
    with harness.tcp_server(server, where, "-m", "2", "--data", str(data)) as port:
        store_sessions(port, [1])  # so it has begun
        shutil.rmtree(data)
        deadline = time.monotonic() + 10
        while not is_read_only(port) and time.monotonic() < deadline:
            with contextlib.suppress(OSError):  # what it cannot keep it does not answer
                store_sessions(port, [20000] * 20)
        found = asked.found(port)
        check.that("server-read-only" in found and "read-only" in found["server-read-only"], "servers: its disk has failed", found)
    with harness.tcp_server(server, where, "-c", "1000", "--data", str(where / "files")) as port:
        _, report = run(asked.tool, "--root", asked.root, "--server", f"127.0.0.1:{port}")
        pid = int(next(one for one in report["servers"])["stats"]["pid"])
        check.that(ids(report) == {"no-php"}, "servers: one that may open as many files as it has to", report["findings"])
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (256, 256))
        found = asked.found(port)
        check.that(set(found) == {"server-open-files"} and "256" in found["server-open-files"], "servers: too few open files", found)


def sizes(check, asked, server, where):
    with harness.tcp_server(server, where, "--data", str(where / "sizes")) as port:
        store_sessions(port, [1000] * 10 + [700 << 10])
        check.that(asked.found(port) == {}, "servers: sessions of any size that is no trouble", asked.found(port))
        store_sessions(port, [MANY_KB << 10, 870 << 10])
        found = asked.found(port)
        said = found.get("server-nearly-too-large", "")
        check.that(set(found) == {"server-nearly-too-large"} and "2 of 11 sessions" in said and f"{MANY_KB} KB" in said,
                   "servers: sessions near -I", found)
        answers = store_sessions(port, [(1 << 20) + 1])
        found = asked.found(port)
        check.that(b"too large" in answers[0] and set(found) == {"server-nearly-too-large", "server-too-large"} and
                   "1 values were refused" in found["server-too-large"], "servers: one that was larger", (answers, found))
    with harness.tcp_server(server, where, "-I", "4m", "--data", str(where / "larger")) as port:
        store_sessions(port, [MANY_KB << 10, 3 << 20])
        check.that(asked.found(port) == {}, "servers: the same is well below a larger -I", asked.found(port))


def servers(check, tool, server, where):
    asked = Asked(tool, where)
    with harness.tcp_server(server, where, "--data", str(where / "relayed")) as port:
        far_away(check, asked, port)
    in_trouble(check, asked, server, where)
    sizes(check, asked, server, where)
