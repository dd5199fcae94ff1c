#!/usr/bin/env python3
"""The demo, as a visitor and an operator find it: started in a folder of its own, used through all addresses with
a cookie jar, a web server and cloakroomd restarted, cloakroomd killed, Ctrl-C in a terminal; and nothing left running
afterwards."""

import contextlib
import html
import http.cookiejar
import os
import pathlib
import pty
import re
import select
import signal
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request

import harness

DEMO = harness.ROOT / "demo" / "demo"
COMMAND_S = 60


class Demo:
    """The program demo/demo, with a folder and free ports of its own."""

    def __init__(self, where, server):
        self.where = where
        # "A B C": a server with options becomes a script, as demo/demo takes one program
        script = where / "server"
        script.write_text(f"#!/bin/sh\nexec {' '.join(harness.program(server))} \"$@\"\n")
        script.chmod(0o755)
        self.ports = [harness.free_port() for _ in range(3)]
        self.environment = os.environ | {"DEMO_DIR": str(where / "run"), "CLOAKROOMD": str(script),
                                         "DEMO_PORT": str(self.ports[0]), "DEMO_PORT2": str(self.ports[1]),
                                         "DEMO_PORT3": str(self.ports[2])}

    def run(self, *arguments, **environment):
        """Returns (exit code, what was printed)."""
        return harness.run([str(DEMO), *arguments], COMMAND_S, self.environment | environment)

    def started(self):
        """The pids of the services and of their children."""
        parents = {}
        for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
        services = {int(file.read_text().split()[0]) for file in (self.where / "run").glob("*.pid")}
        return services | {pid for pid, parent in parents.items() if parent in services}


def alive(pids):
    """Those that run; a zombie, which only waits for being waited for, does not."""
    running = set()
    for pid in pids:
        with contextlib.suppress(OSError):
            if pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX":
                running.add(pid)
    return running


class Visitor:
    """A browser with its cookies, as far as the shop needs one."""

    def __init__(self, port):
        self.url, self.path = f"http://127.0.0.1:{port}/", ""
        self.cookies = http.cookiejar.CookieJar()
        self.opener = urllib.request.build_opener(urllib.request.ProxyHandler({}),
                                                  urllib.request.HTTPCookieProcessor(self.cookies))

    def request(self, form=None):
        """The attributes of the page that a GET, or a form and the redirect after it, leads to."""
        data = urllib.parse.urlencode(form).encode() if form else None
        with self.opener.open(self.url + self.path, data, timeout=10) as answer:
            self.page = answer.read().decode()
        return {name: html.unescape(value) for name, value in re.findall(r'data-(\w+)="([^"]*)"', self.page)}

    def send(self, **form):
        csrf = re.search(r'name="csrf" value="(\w+)"', self.page)[1]
        return self.request({"csrf": csrf, **form})

    def refused(self, form):
        """True if the form was answered 403."""
        try:
            self.request(form)
        except urllib.error.HTTPError as error:
            return error.code == 403
        return False

    def session_cookie(self):
        return next(cookie for cookie in self.cookies if cookie.name.startswith("demo_"))


def same(wanted, got, what):
    if wanted != got:
        raise AssertionError(f"{what}: wanted {wanted!r}, got {got!r}")


def test_starts_and_says_where(demo):
    code, out = demo.run("start")
    same(0, code, f"exit code of start, which said:\n{out}\n")
    for port in demo.ports:
        same(True, f"http://127.0.0.1:{port}/" in out, f"address with port {port} printed")
    same(True, "make demo-stop" in out, "how to stop it printed")
    same(0, demo.run("status")[0], "exit code of status")


def test_second_start_says_it_runs(demo):
    before = demo.started()
    code, out = demo.run("start")
    same((0, True), (code, "running already" in out), f"second start, which said:\n{out}\n")
    same(before, demo.started(), "processes")


def test_check(demo):
    same(0, demo.run("check")[0], "exit code of check")


def shopping(demo, port):
    """Log in, fill the cart, change servers; and the web server that goes away and comes back does not matter."""
    visitor = Visitor(port)
    visitor.request()
    visitor.send(action="login", name="Zoë <b>O'Neil")  # refused: no such letters in a name
    same("", visitor.request()["user"], "user after a login with a bad name")
    before = visitor.session_cookie().value
    page = visitor.send(action="login", name="Zoë O'Neil")
    same("Zoë O'Neil", page["user"], "user after the login")
    same(True, before != visitor.session_cookie().value, "a new id at the login")

    for sku in ("coat", "coat", "hat"):
        page = visitor.send(action="add", sku=sku)
    same("3", page["pieces"], "pieces in the cart")
    same("2", visitor.send(action="remove", sku="coat")["pieces"], "pieces after removing one")

    count = int(visitor.request()["requests"])
    servers = []
    for n in range(1, 7):
        page = visitor.request()
        servers.append(page["server"])
        same(str(count + n), page["requests"], "requests counted")
    same(True, servers in (["web-1", "web-2"] * 3, ["web-2", "web-1"] * 3), f"servers take turns, {servers}")

    same(0, demo.run("restart-web", "1")[0], "exit code of restart-web 1")
    for _ in range(4):
        again = visitor.request()
        same([page[field] for field in ("ticket", "user", "pieces")],
             [again[field] for field in ("ticket", "user", "pieces")], f"the session at {again['server']}, restarted")
    same("", visitor.send(action="logout")["user"], "user after the logout")
    same("0", visitor.request()["pieces"], "pieces after the logout")


def test_shop_through_memcached(demo):
    shopping(demo, demo.ports[0])


def test_shop_through_memcache(demo):
    shopping(demo, demo.ports[1])


def test_shop_through_the_extension(demo):
    shopping(demo, demo.ports[2])


def test_my_devices(demo):
    """One is listed and ended; a handle of somebody else's session is not."""
    visitors = [Visitor(demo.ports[2]) for _ in range(3)]
    for visitor, name in zip(visitors, ("Zoë", "Zoë", "Abe")):
        visitor.request()
        visitor.send(action="login", name=name)
    mine, other, stranger = visitors

    def handles(visitor):
        visitor.path = "devices"
        visitor.request()
        return re.findall(r'name="device" value="(\w+)"', visitor.page)

    same((1, 1, 0), tuple(len(handles(visitor)) for visitor in visitors), "other devices of each")
    of_mine = handles(other)[0]
    same(("1", 1), (stranger.send(action="end-others")["devices"], len(handles(other))), "a stranger ends nobody else")
    page = stranger.send(action="end", device=of_mine)
    same((True, 1), ("was logged out already" in stranger.page, len(handles(other))), f"a stranger's form, {page}")
    same("1", other.send(action="end", device=of_mine)["devices"], "devices after ending one")
    mine.path = ""
    same("", mine.request()["user"], "user of the device that was ended")
    same("Zoë", other.request()["user"], "user of the one that ended it")
    other.send(action="end-all")
    other.path = ""
    same("", other.request()["user"], "user after 'Log out everywhere'")
    same("Abe", stranger.request()["user"], "a stranger stays logged in")
    at_first = Visitor(demo.ports[0])
    at_first.path = "devices"
    try:
        at_first.request()
        raise AssertionError("/devices is served without the extension")
    except urllib.error.HTTPError as error:
        same(404, error.code, "/devices without the extension")


def logged_in_visitors(demo):
    """[(visitor, the page after the login and a hat)], one for each address"""
    visitors = []
    for port in demo.ports:
        visitor = Visitor(port)
        visitor.request()
        visitor.send(action="login", name="Zoë")
        visitors.append((visitor, visitor.send(action="add", sku="hat")))
    return visitors


def still_logged_in(visitors, when):
    for visitor, page in visitors:
        count = int(page["requests"])
        for n in range(1, 5):
            again = visitor.request()
            same([page[field] for field in ("ticket", "user", "pieces")],
                 [again[field] for field in ("ticket", "user", "pieces")], f"the session at {again['server']} {when}")
            same(str(count + n), again["requests"], f"requests counted {when}")


def store_pid(demo):
    return int((demo.where / "run" / "cloakroomd.pid").read_text().split()[0])


def store_comes_back(demo, command):
    """The command gives the store another process and no visitor another session, and so twice."""
    for when in (f"after {command}", f"after a second {command}"):
        visitors, before = logged_in_visitors(demo), store_pid(demo)
        code, out = demo.run(command)
        same(0, code, f"exit code of {command}, which said:\n{out}\n")
        same((False, True), (bool(alive({before})), bool(alive({store_pid(demo)}))), f"old and new process run {when}")
        still_logged_in(visitors, when)


def test_sessions_survive_a_restart_of_the_store(demo):
    store_comes_back(demo, "restart-store")


def test_sessions_survive_a_killed_store(demo):
    store_comes_back(demo, "kill-store")


def test_sessions_survive_stop_and_start(demo):
    visitors = logged_in_visitors(demo)
    same(0, demo.run("stop")[0], "exit code of stop")
    code, out = demo.run("start")
    same(0, code, f"exit code of start, which said:\n{out}\n")
    still_logged_in(visitors, "after stop and start")


def test_forged_form_is_refused(demo):
    visitor = Visitor(demo.ports[0])
    visitor.request()
    for form in ({"action": "add", "sku": "hat"}, {"action": "add", "sku": "hat", "csrf": "x"},
                 {"action": "add", "csrf[]": "x"}):
        same(True, visitor.refused(form), f"{form} refused")
    same("0", visitor.request()["pieces"], "pieces after forged forms")


def test_cookie_and_headers(demo):
    visitor = Visitor(demo.ports[0])
    with visitor.opener.open(visitor.url, timeout=10) as answer:
        cookie = answer.headers["Set-Cookie"].lower()
        same(True, "httponly" in cookie and "samesite=lax" in cookie, f"attributes of the cookie, {cookie}")
        same(True, "default-src 'none'" in answer.headers["Content-Security-Policy"], "content security policy")
    for path in ("shop.php", "../nginx.conf", "index.php"):
        try:
            visitor.opener.open(visitor.url + path, timeout=10)
            raise AssertionError(f"/{path} is served")
        except urllib.error.HTTPError as error:
            same(True, error.code in (400, 404), f"/{path} answered {error.code}")


def test_dead_service_is_started_again(demo):
    pid = int((demo.where / "run" / "nginx.pid").read_text().split()[0])
    os.kill(pid, signal.SIGKILL)
    time.sleep(0.1)
    same(1, demo.run("status")[0], "exit code of status with a dead service")
    code, out = demo.run("start")
    same(0, code, f"start after nginx was killed, which said:\n{out}\n")


def test_stop_leaves_nothing(demo):
    pids = demo.started()
    same(True, len(pids) > 4, "processes before the stop")
    same(0, demo.run("stop")[0], "exit code of stop")
    same(set(), alive(pids), "processes after the stop")
    same((0, True), (demo.run("stop")[0], "does not run" in demo.run("stop")[1]), "second stop")


def test_taken_port_is_said(demo):
    with socket.create_server(("127.0.0.1", demo.ports[0])):
        code, out = demo.run("start")
    same((1, True), (code, f"DEMO_PORT={demo.ports[0]}" in out), f"start with a taken port, which said:\n{out}\n")
    same(set(), alive(demo.started()), "processes after it")


def test_broken_server_fails_loudly(demo):
    code, out = demo.run("start", CLOAKROOMD="/bin/false")
    same((1, True), (code, str(demo.where / "run/log/cloakroomd.log") in out), f"start, which said:\n{out}\n")
    same(set(), alive(demo.started()), "processes after it")


def read_until(terminal, words, seconds=COMMAND_S):
    """What a terminal shows, until the words or the end."""
    shown = ""
    deadline = time.monotonic() + seconds
    while words not in shown and time.monotonic() < deadline:
        if select.select([terminal], [], [], 0.2)[0]:
            try:
                piece = terminal.read(4096)
            except OSError:
                break  # the last process has closed the terminal
            shown += piece.decode(errors="replace")
    return shown


def heed_interrupts():
    """A test run in the background ignores Ctrl-C, and what it starts would, too."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@contextlib.contextmanager
def in_terminal(demo):
    """`demo start` in a terminal of its own, once it is ready: our end of the terminal. A shell leads the session, as
    for a user: when the terminal closes, the demo gets no signal."""
    ours, theirs = pty.openpty()
    child = subprocess.Popen(["setsid", "--ctty", "sh", "-c", f"'{DEMO}' start; exit $?"], env=demo.environment,
                             stdin=theirs, stdout=theirs, stderr=theirs, preexec_fn=heed_interrupts)
    os.close(theirs)
    terminal = os.fdopen(ours, "r+b", buffering=0)
    try:
        shown = read_until(terminal, "Stop: Ctrl-C")
        same(True, "Stop: Ctrl-C" in shown, f"ready in a terminal, which shows:\n{shown}\n")
        yield terminal
    finally:
        terminal.close()
        try:
            child.wait(COMMAND_S)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()


def test_ctrl_c_in_a_terminal_stops_it(demo):
    with in_terminal(demo) as terminal:
        pids = demo.started()
        terminal.write(b"\x03")
        shown = read_until(terminal, "Stopped:")
        same(True, "Stopped:" in shown, f"stopped by Ctrl-C, the terminal shows:\n{shown}\n")
    same(set(), alive(pids), "processes after Ctrl-C")


def test_closing_the_terminal_stops_it(demo):
    with in_terminal(demo):
        pids = demo.started()
    deadline = time.monotonic() + 15
    while alive(pids) and time.monotonic() < deadline:
        time.sleep(0.1)
    same(set(), alive(pids), "processes after the terminal was closed")


def test_dead_service_is_said_in_the_terminal(demo):
    with in_terminal(demo) as terminal:
        os.kill(int((demo.where / "run" / "web-2.pid").read_text().split()[0]), signal.SIGKILL)
        shown = read_until(terminal, "web-2 has ended")
        same(True, "web-2 has ended" in shown, f"the terminal shows:\n{shown}\n")
        same(0, demo.run("stop")[0], "exit code of stop from elsewhere")
    same(set(), alive(demo.started()), "processes")


TESTS = [test_starts_and_says_where, test_second_start_says_it_runs, test_check, test_shop_through_memcached,
         test_shop_through_memcache,
         test_shop_through_the_extension, test_my_devices, test_sessions_survive_a_restart_of_the_store,
         test_sessions_survive_a_killed_store, test_sessions_survive_stop_and_start, test_forged_form_is_refused,
         test_cookie_and_headers,
         test_dead_service_is_started_again, test_stop_leaves_nothing, test_taken_port_is_said,
         test_broken_server_fails_loudly, test_ctrl_c_in_a_terminal_stops_it, test_closing_the_terminal_stops_it,
         test_dead_service_is_said_in_the_terminal]


def main():
    options = harness.arguments(__doc__).parse_args()
    harness.fail_on_sigterm()
    failed = 0
    with harness.folder() as where:
        demo = Demo(where, options.server)
        try:
            for test in TESTS:
                name = test.__name__.removeprefix("test_").replace("_", " ")
                try:
                    test(demo)
                    print(f"ok   demo: {name}", flush=True)
                except (AssertionError, OSError, KeyError, TypeError) as error:
                    failed += 1
                    print(f"FAIL demo: {name}: {error}", flush=True)
        finally:
            demo.run("stop")
    print(f"demo: {len(TESTS) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
