"""HTTP: the ways in: TLS and its certificate, a unix socket, tokens that change, and how many come in at a time."""

import contextlib
import http.client
import json
import shutil
import signal
import socket
import ssl
import time

import harness
from harness import TooSlow, as_root, attempt, check, equal, folder, server, wait_for
from tls import certificates, client_context, make_cert, words
from web import Web, web
from wire import Client

CONNECTIONS = 32   # HTTP_CONNECTIONS_MAX
WRONG = 8          # HTTP_WRONG_MAX
WRONG_DELAY_S = 0.5


class TlsWeb(Web):
    def __init__(self, s, token_file, where):
        super().__init__(s, token_file)
        self.context = client_context(where)

    def connection(self):
        c = http.client.HTTPSConnection("localhost", self.port, timeout=20 * harness.slow, context=self.context)
        c._create_connection = lambda address, *more: socket.create_connection(("127.0.0.1", self.port), *more)
        return c

    def certificate(self):
        """The name in it."""
        with contextlib.closing(self.connection()) as c:
            c.connect()
            return dict(pair[0] for pair in c.sock.getpeercert()["subject"])["commonName"]


    def has_certificate(self, name):
        """Who comes in the moment of the change may be cut off, as all are who came before."""
        with contextlib.suppress(OSError):
            return self.certificate() == name
        return False


class UnixWeb(Web):
    def __init__(self, path, token_file):
        self.path = path
        self.admin = token_file.read_text().strip()

    def connection(self):
        c = http.client.HTTPConnection("any.example")
        c.sock = socket.socket(socket.AF_UNIX)
        c.sock.settimeout(20 * harness.slow)
        c.sock.connect(self.path)
        return c


@contextlib.contextmanager
def tls_web(where, name="one"):
    """(server, its HTTP side), with copies of that certificate and key in live.pem and live.key."""
    use(where, name)
    with folder() as data:
        with server("--http", "127.0.0.1:0", "--http-cert", str(where / "live.pem"), "--http-key", str(where / "live.key"),
                    "--data", str(data / "d"), where=data) as s:
            yield s, TlsWeb(s, data / "d/http-token", where)


def use(where, name):
    for kind in ("pem", "key"):
        shutil.copy(where / f"{name}.{kind}", where / f"live.{kind}")


def hang_up(s, what="HTTP stays as it was"):
    """SIGHUP, and the line in which the server says what it does not like."""
    before = len(s.said())
    s.child.send_signal(signal.SIGHUP)
    said = wait_for(lambda: (lambda more: more if more.endswith("\n") else None)(s.said()[before:]), "it is said")
    check("SIGHUP" in said and what in said and said.count("\n") == 1, said)
    s.ready = s.said().strip()
    return said


# ---- where ----

def test_where_it_is_unless_told():
    """127.0.0.1:11280; where another has that port the server starts without and says so. And nowhere, when it is off."""
    with folder() as where:
        with server("--http-host", "x", "--data", str(where / "d"), where=where, notes=None) as s:
            if "HTTP" in s.ready:
                check("HTTP 127.0.0.1:11280" in s.ready, s.ready)
                equal(Web(s, where / "d/http-token").get("/health", token=None)["live"], True, "health")
            else:
                check("no HTTP: --http 127.0.0.1" in s.said() and "in use" in s.said(), s.said())
        with server("--http", "off", "--data", str(where / "off"), where=where) as s:
            check("HTTP" not in s.ready and not (where / "off/http-token").exists(), s.ready)


# ---- TLS ----

def test_tls():
    with certificates() as where, tls_web(where) as (s, w):
        equal(w.get("/health", token=None)["live"], True, "health")
        equal(w.get("/api/v1/login")["role"], "admin", "by token")
        answer = w.ask("POST", "/api/v1/login", token=None, body=json.dumps({"token": w.reader}),
                       headers={"Content-Type": "application/json", "Origin": f"https://localhost:{w.port}"})
        check(answer.status == 200 and "; Secure" in answer.headers["set-cookie"], f"cookie {answer.headers}")
        with socket.create_connection(("127.0.0.1", w.port), timeout=20 * harness.slow) as plain:
            plain.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
            with contextlib.suppress(ConnectionError):
                check(b"live" not in plain.recv(4096), "served without TLS")
        for version in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
            w.context = client_context(where, version=version)
            try:
                w.get("/health")
            except ssl.SSLError:
                continue
            raise AssertionError(f"{version} is taken")


def test_certificate_reload():
    """The new one from SIGHUP on, and what is not good changes nothing."""
    with certificates() as where:
        make_cert(where, "two")
        with tls_web(where) as (s, w), contextlib.closing(w.connection()) as open_one, contextlib.ExitStack() as stack:
            open_one.request("GET", "/health")
            open_one.getresponse().read()
            cookie, said = w.log_in(w.admin)
            equal(w.certificate(), "one", "the first")
            use(where, "two")
            equal(w.certificate(), "one", "before SIGHUP")
            s.child.send_signal(signal.SIGHUP)
            wait_for(lambda: w.has_certificate("two"), "the new one")
            for _ in range(20):
                equal(w.get("/health")["live"], True, "health after the change")
            equal(w.get("/api/v1/login", token=None, headers={"Cookie": cookie}), said, "a login from before")
            with contextlib.suppress(OSError, http.client.HTTPException):
                open_one.request("GET", "/health")
                raise AssertionError(f"a connection with the old one goes on: {open_one.getresponse().status}")
            shutil.copy(where / "one.key", where / "live.key")
            check("belong" in hang_up(s), "a key of another")
            (where / "live.pem").write_text("no certificate")
            check("belong" in hang_up(s), "no certificate")
            (where / "live.pem").unlink()
            check("No such file" in hang_up(s), "a file that is gone")
            equal(w.certificate(), "two", "which is there still")
            use(where, "one")
            crowd = [stack.enter_context(contextlib.closing(w.connection())) for _ in range(WRONG)]
            for c in crowd:
                c.connect()
            for c in crowd:
                c.request("GET", "/api/v1/status", headers={"Authorization": "Bearer " + "x" * 64})
            s.child.send_signal(signal.SIGHUP) # while wrong tokens wait for their answer
            wait_for(lambda: w.has_certificate("one"), "the first again")
            time.sleep(WRONG_DELAY_S + 0.2)
            w.refused(401, "GET", "/api/v1/status", token="x" * 64)


def test_tls_at_the_start():
    """Of -Z its own, unless told otherwise; and one that does not fit starts nothing."""
    with certificates() as where, folder() as data:
        make_cert(where, "two")
        token = str(data / "t")
        with server(*words(where), "--http", "127.0.0.1:0", "--http-token-file", token, where=data) as s:
            equal(TlsWeb(s, data / "t", where).certificate(), "one", "that of -Z")
        with server(*words(where), "--http", "notls:127.0.0.1:0", "--http-token-file", token, where=data) as s:
            equal(Web(s, data / "t").get("/health")["live"], True, "health without TLS")
        for cert, key, why in (("one.pem", "two.key", "belong"), ("none.pem", "one.key", "No such file"),
                               ("one.key", "one.key", "belong")):
            status, said = attempt([*as_root(), "-l", "127.0.0.1:0", "--http", "127.0.0.1:0", "--http-token-file", token,
                                    "--http-cert", str(where / cert), "--http-key", str(where / key)])
            check(status == 1 and why in said and said.count("\n") == 1, f"{status}: {said}")


# ---- a unix socket ----

def test_unix_socket():
    """Under any Host, as no page can reach it; closed to other users unless -a says so; gone at the end."""
    with folder() as where:
        path = where / "http.sock"
        for mode, options in ((0o700, []), (0o660, ["-a", "660"])):
            with server("--http", str(path), "--http-token-file", str(where / "t"), *options, where=where) as s:
                check(f"HTTP {path}" in s.ready, s.ready)
                equal(path.stat().st_mode & 0o777, mode, "mode")
                w = UnixWeb(str(path), where / "t")
                equal(w.get("/health", token=None)["live"], True, "health")
                equal(w.get("/api/v1/login")["role"], "admin", "role")
                w.refused(401, "GET", "/api/v1/status", token=None)
                w.refused(403, "GET", "/api/v1/status", headers={"Origin": "http://evil.example"})
            check(not path.exists(), "the socket after the end")
        with server("--http", str(path), "--http-token-file", str(where / "t"), where=where):
            status, said = attempt([*as_root(), "-l", "127.0.0.1:0", "--http", str(path), "--http-token-file", str(where / "t")])
            check(status == 1 and "--http" in said, f"{status}: {said}")
            equal(UnixWeb(str(path), where / "t").get("/health")["live"], True, "health of the one that was there before")


# ---- tokens that change ----

def test_tokens_are_read_again():
    """From SIGHUP on only the new one lets in, and who has logged in by the old one is out; a file that is gone is made."""
    with web() as (s, w):
        file = s.log.parent / "d/http-token"
        cookie, _ = w.log_in(w.admin)
        readers, _ = w.log_in(w.reader)
        old, w.admin = w.admin, "n" * 40
        file.write_text(w.admin + "\r\n")
        equal(w.get("/api/v1/login", token=old)["role"], "admin", "the old one before SIGHUP")
        s.child.send_signal(signal.SIGHUP)
        wait_for(lambda: w.ask("GET", "/api/v1/login").status == 200, "the new one")
        w.refused(401, "GET", "/api/v1/login", token=old)
        w.refused(401, "GET", "/api/v1/login", token=None, headers={"Cookie": cookie})
        equal(w.get("/api/v1/login", token=None, headers={"Cookie": readers})["role"], "reader", "the other role's login")
        equal(w.get("/api/v1/login", token=w.reader)["role"], "reader", "the other role's token")
        file.unlink()
        s.child.send_signal(signal.SIGHUP)
        fresh = wait_for(lambda: file.exists() and file.read_text().strip(), "one is made")
        wait_for(lambda: w.ask("GET", "/api/v1/login", token=fresh).status == 200, "and lets in")
        equal(file.stat().st_mode & 0o777, 0o600, "its mode")
        w.refused(401, "GET", "/api/v1/login")
        for why, prepare in (("others", lambda: file.chmod(0o644)), ("no token", lambda: (file.chmod(0o600), file.write_text("x\n")))):
            prepare()
            said = hang_up(s)
            check(why in said and fresh not in said, said)
            equal(w.get("/api/v1/login", token=fresh)["role"], "admin", "the one from before")


# ---- how many ----

def test_many_wrong_tokens_at_once():
    """Eight wait for their answer; more are turned away; meanwhile the right one is served as ever."""
    with web() as (s, w), contextlib.ExitStack() as stack:
        crowd = [stack.enter_context(contextlib.closing(w.connection())) for _ in range(20)]
        for c in crowd:
            c.connect()
        begin = time.monotonic()
        for c in crowd:
            c.request("GET", "/api/v1/status", headers={"Authorization": "Bearer " + "x" * 64})
        for _ in range(5):
            w.get("/api/v1/status")
        took = time.monotonic() - begin
        statuses = sorted(c.getresponse().status for c in crowd)
        waited = time.monotonic() - begin
        if took > WRONG_DELAY_S - 0.1:
            raise TooSlow(f"20 requests took {took:.2f} s")
        equal(statuses, [401] * WRONG + [429] * (len(crowd) - WRONG), "answers")
        check(waited >= WRONG_DELAY_S, f"wrong ones were answered after {waited:.2f} s")
        w.refused(401, "GET", "/api/v1/status", token="x" * 64)


def half_a_request(w):
    c = w.connection()
    c.connect()
    c.sock.sendall(b"GET /health HTTP/1.1\r\n")
    return c


def test_connections_are_bounded():
    """The 33rd waits until one has gone; those that stay silent go by themselves. Clients notice nothing."""
    with web() as (s, w), Client(s.address) as c, contextlib.ExitStack() as stack:
        w.get("/health")
        crowd = [stack.enter_context(contextlib.closing(half_a_request(w))) for _ in range(CONNECTIONS)]
        late = stack.enter_context(contextlib.closing(w.connection()))
        time.sleep(0.3)  # they are all in
        late.request("GET", "/health")
        late.sock.settimeout(0.5)
        with contextlib.suppress(TimeoutError):
            late.sock.recv(1)
            raise AssertionError("one more than there may be is served")
        c.store("k", b"v")
        late.sock.settimeout(20 * harness.slow)
        crowd.pop().close()
        equal(late.getresponse().status, 200, "the one that waited")
        crowd.append(stack.enter_context(contextlib.closing(half_a_request(w))))
        begin = time.monotonic()
        equal(w.get("/health")["live"], True, "health though all places are taken")
        took = time.monotonic() - begin
        check(took < 12 * harness.slow, f"silent ones kept their places for {took:.1f} s")
