"""HTTP: who may ask, what is answered, and that it never stands in the way of the clients' side."""

import contextlib
import http.client
import json
import re
import socket

import harness
from harness import attempt, as_root, check, equal, folder, server
from wire import Client

RULES = {"content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
                                    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
         "x-content-type-options": "nosniff", "referrer-policy": "no-referrer"}


class Answer:
    def __init__(self, got):
        self.status = got.status
        self.headers = {name.lower(): value for name, value in got.getheaders()}
        self.body = got.read()

    @property
    def json(self):
        equal(self.headers["content-type"], "application/json", "type of the answer")
        return json.loads(self.body)


class Web:
    """A server's HTTP side, asked as the admin, as the reader, or as nobody (token None)."""

    def __init__(self, s, token_file):
        self.port = int(re.search(r"HTTP \S*:(\d+)", s.ready)[1])
        self.admin = token_file.read_text().strip()
        self.reader = token_file.with_name(token_file.name + "-reader").read_text().strip()

    def connection(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=20 * harness.slow)

    def ask(self, method, path, token="", headers=None, body=None):
        wanted = {**({} if token is None else {"Authorization": f"Bearer {token or self.admin}"}), **(headers or {})}
        with contextlib.closing(self.connection()) as c:
            c.request(method, path, body=body, headers=wanted)
            return Answer(c.getresponse())

    def get(self, path, **how):
        answer = self.ask("GET", path, **how)
        equal(answer.status, 200, f"status of {path}, which said {answer.body[:300]!r}")
        return answer.json

    def refused(self, status, method, path, **how):
        """One that must not be done: it has the status, and says why."""
        answer = self.ask(method, path, **how)
        equal(answer.status, status, f"status of {method} {path} {how}, which said {answer.body[:300]!r}")
        if method != "HEAD":
            equal(answer.json["status"], status, "status in the answer")
            check(len(answer.json["error"]) > 10, f"why: {answer.json}")
        return answer

    def log_in(self, token):
        answer = self.ask("POST", "/api/v1/login", token=None, body=json.dumps({"token": token}),
                          headers={"Content-Type": "application/json"})
        equal(answer.status, 200, f"status of a login, which said {answer.body!r}")
        cookie = answer.headers["set-cookie"]
        check(all(word in cookie for word in ("HttpOnly", "SameSite=Strict", "Path=/")), f"cookie {cookie}")
        return cookie.split(";")[0], answer.json


@contextlib.contextmanager
def web(*options, **how):
    """(server, its HTTP side)."""
    with folder() as where:
        with server("--http", "127.0.0.1:0", "--data", str(where / "d"), *options, where=where, **how) as s:
            yield s, Web(s, where / "d/http-token")


def test_health_needs_no_token():
    with web() as (s, w):
        answer = w.ask("GET", "/health", token=None)
        equal((answer.status, answer.json["live"], answer.json["ready"], answer.json["read_only"], answer.json["why"]),
              (200, True, True, False, ""), "health")
        for name, value in RULES.items():
            equal(answer.headers[name], value, name)


def test_nobody_and_wrong_tokens():
    with web() as (s, w):
        for path in ("/metrics", "/api/v1/status", "/api/v1/sessions", "/api/v1/login"):
            w.refused(401, "GET", path, token=None)
            w.refused(401, "GET", path, token=w.admin[:-1] + ("0" if w.admin[-1] != "0" else "1"))
        w.refused(401, "GET", "/api/v1/status", token="x")
        w.refused(401, "GET", "/api/v1/status", token=None, headers={"Cookie": "cloakroom=" + "0" * 64})
        w.refused(401, "GET", "/api/v1/status", token=None, headers={"Authorization": "Basic " + w.admin})
        check(w.admin not in s.said() and w.reader not in s.said(), "a token was logged")


def test_files_of_tokens():
    with web() as (s, w):
        data = s.log.parent / "d"
        for name in ("http-token", "http-token-reader"):
            equal((data / name).stat().st_mode & 0o777, 0o600, f"mode of {name}")
        check(re.fullmatch("[0-9a-f]{64}", w.admin) and re.fullmatch("[0-9a-f]{64}", w.reader), "tokens made")
        check(w.admin != w.reader, "one token for both")
    with folder() as where:
        (where / "t").write_text("short\n")
        (where / "t").chmod(0o600)
        for why, prepare in (("no token", lambda: None), ("read or written by others", lambda: (where / "t").chmod(0o640))):
            prepare()
            status, said = attempt([*as_root(), "-l", "127.0.0.1:0", "--http", "127.0.0.1:0", "--http-token-file",
                                    str(where / "t")])
            check(status == 1 and why in said and said.count("\n") == 1, f"{status}: {said}")


def test_roles():
    with web() as (s, w):
        equal(w.get("/api/v1/login", token=w.reader), {"role": "reader", "csrf": None}, "the reader")
        equal(w.get("/api/v1/login"), {"role": "admin", "csrf": None}, "the admin")
        for path in ("/api/v1/sessions?tag=t", "/api/v1/sessions/0123456789abcdef"):
            w.refused(403, "DELETE", path, token=w.reader)
        w.refused(404, "DELETE", "/api/v1/sessions/0123456789abcdef")
        equal(w.ask("DELETE", "/api/v1/sessions?tag=t").json, {"killed": 0}, "kill by a tag that nobody has")


def test_login_by_cookie():
    with web() as (s, w):
        cookie, said = w.log_in(w.admin)
        as_browser = {"token": None, "headers": {"Cookie": cookie}}
        equal((said["role"], w.get("/api/v1/login", **as_browser)), ("admin", said), "who is logged in")
        w.refused(403, "DELETE", "/api/v1/sessions?tag=t", **as_browser)
        w.refused(403, "DELETE", "/api/v1/sessions?tag=t", token=None,
                  headers={"Cookie": cookie, "X-CSRF-Token": "0" * 64})
        with_csrf = {"token": None, "headers": {"Cookie": cookie, "X-CSRF-Token": said["csrf"]}}
        equal(w.ask("DELETE", "/api/v1/sessions?tag=t", **with_csrf).json, {"killed": 0}, "a kill with csrf")
        equal(w.ask("DELETE", "/api/v1/login", **with_csrf).status, 200, "logging out")
        w.refused(401, "GET", "/api/v1/status", **as_browser)
        cookie, said = w.log_in(w.reader)
        equal(said["role"], "reader", "role")
        w.refused(403, "DELETE", "/api/v1/sessions?tag=t", token=None,
                  headers={"Cookie": cookie, "X-CSRF-Token": said["csrf"]})


def test_foreign_names_and_pages():
    with web("--http-host", "sessions.example") as (s, w):
        for host in ("evil.example", "127.0.0.1.evil.example", "localhost.", "10.0.0.1", "127.0.0.2", "", "[::1", "a:b"):
            w.refused(403, "GET", "/health", headers={"Host": host})
        for host in ("127.0.0.1", f"localhost:{w.port}", "LOCALHOST:8080", "[::1]:1", "sessions.example:443"):
            for origin in (None, f"http://{host}", f"https://{host}"):
                equal(w.ask("GET", "/api/v1/status", headers={"Host": host, **({"Origin": origin} if origin else {})})
                      .status, 200, f"{host} {origin}")
        for origin in ("http://evil.example", "null", f"http://localhost:{w.port + 1}", "file://localhost",
                       "http://127.0.0.1.evil.example"):
            w.refused(403, "GET", "/api/v1/status", headers={"Host": f"localhost:{w.port}", "Origin": origin})
        w.refused(403, "GET", "/api/v1/status", headers={"Sec-Fetch-Site": "cross-site"})


def test_pages_of_the_dashboard():
    with web() as (s, w):
        page = w.ask("GET", "/", token=None)
        equal((page.status, page.headers["content-type"]), (200, "text/html; charset=utf-8"), "the page")
        equal(page.body, (harness.ROOT / "dash/index.html").read_bytes(), "its bytes")
        equal(w.ask("GET", "/index.html", token=None).body, page.body, "its other name")
        again = w.ask("GET", "/", token=None, headers={"If-None-Match": page.headers["etag"]})
        equal((again.status, again.body), (304, b""), "the page again")
        for path in ("/nothing", "/../etc/passwd", "/%2e%2e/etc/passwd", "/openapi.json", "/index.html/"):
            w.refused(404, "GET", path, token=None)
        w.refused(405, "POST", "/", token=None, body="x")
        w.refused(405, "PUT", "/api/v1/login", body="x")


def test_a_taken_port():
    with web() as (s, w):
        status, said = attempt([*as_root(), "-l", "127.0.0.1:0", "--http", f"127.0.0.1:{w.port}", "--http-token-file",
                                str(s.log.parent / "t")])
        check(status == 1 and "in use" in said and 'msg="--http' in said, f"{status}: {said}")


def test_elsewhere_without_tls():
    """From other machines a token could be read on the way: that is said, and only then."""
    with folder() as where:
        token = str(where / "t")
        with server("--http", "0.0.0.0:0", "--http-token-file", token, where=where, notes=1) as s:
            check("event=plain_http msg=\"--http: without TLS" in s.said() and "--http-cert" in s.said(), s.said())
        with server("--http", "127.0.0.1:0", "--http-token-file", token, where=where) as s:
            check("without TLS" not in s.said(), s.said())


def test_what_is_too_long():
    """Of headers and body no more is kept than there are limits for; the next one is served."""
    with web() as (s, w):
        for size, statuses in ((8 << 10, (200,)), (64 << 10, (413, 431)), (1 << 20, (413, 431, None))):
            try:
                status = w.ask("GET", "/health", token=None, headers={"X": "x" * size}).status
            except (ConnectionError, http.client.HTTPException):
                status = None
            check(status in statuses, f"status with {size} bytes of headers: {status}")
        body = json.dumps({"token": "x" * 5000})
        w.refused(413, "POST", "/api/v1/login", token=None, body=body, headers={"Content-Type": "application/json"})
        equal(w.get("/health")["live"], True, "health after that")


def test_who_sends_nothing_more():
    """Connections left in the middle of a request use up those of HTTP; the clients' side notices nothing."""
    with web() as (s, w), Client(s.address) as c:
        before = s.memory_mib()
        crowd = [socket.create_connection(("127.0.0.1", w.port)) for _ in range(100)]
        for one in crowd:
            one.sendall(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ")
        for i in range(200):
            c.store("k", b"%d" % i)
        check(s.memory_mib() < before + 16 * harness.slow, f"from {before:.0f} to {s.memory_mib():.0f} MiB")
        for one in crowd:
            one.close()
        equal(w.get("/health")["live"], True, "health once they have gone")


def test_without_a_place_for_a_token():
    """Whoever did not ask for HTTP gets a server without it, and one line; who did is told what is missing."""
    with folder() as where, server("--http-host", "x", where=where, notes=1) as s:
        check("no HTTP" in s.said() and "--http-token-file" in s.said() and "--http off" in s.said(), s.said())
        with Client(s.address) as c:
            c.store("k", b"v")
    status, said = attempt([*as_root(), "-l", "127.0.0.1:0", "--http", "127.0.0.1:0"])
    check(status == 1 and "--http-token-file" in said, f"{status}: {said}")
