#!/usr/bin/env python3
"""The PHP extension in php-fpm behind nginx, with opcache and igbinary, and in the CLI: visitors with cookies, requests of
one session at once, an upload whose progress another request reads, a worker that is killed, a server that is started
anew. PHP's logs say nothing but what the tests provoke.
"""

import concurrent.futures
import http.client
import json
import os
import pathlib
import re
import subprocess
import sys
import time

import harness
import php_ext
import web

CHILDREN, AT_ONCE, UPLOAD_BYTES = 4, 8, 2_000_000
PAGE = """<?php
class Cart { public array $lines = []; public ?Cart $self = null; }
switch ($_GET['do'] ?? '') {
    case 'peek': // what others do meanwhile, without taking part in it
        session_start(['read_and_close' => true]);
        exit(json_encode($_SESSION['upload_progress_mine'] ?? null));
    case 'who':
        session_start();
        cloakroom_tag('who:1');
        exit(json_encode(array_column(cloakroom_sessions('who:1'), 'holder')));
    case 'die':
        session_start();
        $_SESSION['n'] = 1000;
        posix_kill(getmypid(), 9);
    case 'login':
        session_start();
        session_regenerate_id(true);
        break;
    default:
        session_start();
}
$_SESSION['n'] = ($_SESSION['n'] ?? 0) + 1;
$cart = $_SESSION['cart'] ??= new Cart();
$cart->self = $cart;
$cart->lines[] = 'coat';
if (isset($_GET['hold'])) {
    usleep(20000);
}
$status = cloakroom_status();
echo json_encode(['n' => $_SESSION['n'], 'lines' => count($cart->lines), 'pid' => getmypid(), 'connects' => $status['connects'],
    'opcache' => opcache_get_status(false)['opcache_enabled'], 'file' => $_FILES['file']['size'] ?? 0,
    'serializer' => ini_get('session.serialize_handler')]);
"""


class Site:
    def __init__(self, where, port, restart):
        self.where, self.port, self.restart = where, port, restart
        self.provoked = 0  # workers that a test has killed

    def visitor(self):
        return web.Browser(self.port)

    @staticmethod
    def ask(visitor, what=""):
        return json.loads(visitor.get(f"/page.php?{what}"))


def same(wanted, got, what):
    if wanted != got:
        raise AssertionError(f"{what}: wanted {wanted!r}, got {got!r}")


def test_visitors_have_their_own(site):
    visitors = [site.visitor() for _ in range(3)]
    for n in (1, 2, 3, 4):
        for visitor in visitors:
            found = site.ask(visitor)
            same((n, n, True, "igbinary"), tuple(found[name] for name in ("n", "lines", "opcache", "serializer")), "a page")


def test_one_connection_for_each_worker(site):
    visitor = site.visitor()
    connects = {}
    for _ in range(5 * CHILDREN):
        found = site.ask(visitor)
        connects[found["pid"]] = found["connects"]
    same({1}, set(connects.values()), "connections of each worker, of so many pages")


def test_at_once(site):
    visitor = site.visitor()
    site.ask(visitor)
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        counts = sorted(found["n"] for found in pool.map(lambda _: site.ask(visitor, "hold"), range(4 * AT_ONCE)))
    same(list(range(2, 2 + 4 * AT_ONCE)), counts, "counts of requests that come at once")


def test_login_changes_the_id(site):
    visitor = site.visitor()
    site.ask(visitor)
    old = visitor.cookie("PHPSESSID")
    same(2, site.ask(visitor, "do=login")["n"], "the session goes on")
    same(False, old == visitor.cookie("PHPSESSID"), "the same id as before")
    same(3, site.ask(visitor)["n"], "under the new id")


def test_who_holds_it_is_told_with_its_page(site):
    visitor = site.visitor()
    site.ask(visitor, "do=who")
    holder, = site.ask(visitor, "do=who&coupon=secret")
    same("/page.php", holder.split(":")[2], "the page that is told of who holds it")


def test_upload_progress_is_seen_meanwhile(site):
    visitor = site.visitor()
    site.ask(visitor)
    cookie = f"PHPSESSID={visitor.cookie('PHPSESSID')}"
    upload = web.Upload(site.port, "/page.php", cookie, {"PHP_SESSION_UPLOAD_PROGRESS": "mine"}, UPLOAD_BYTES)
    seen = []
    for _ in range(4):
        upload.send(UPLOAD_BYTES // 4)
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            progress = json.loads(visitor.get("/page.php?do=peek"))
            if progress and progress["bytes_processed"] > (seen[-1] if seen else 0):
                same(False, progress["done"], "done before its end")
                seen.append(progress["bytes_processed"])
                break
            time.sleep(0.02)
    same(4, len(seen), f"how often the progress has grown, {seen}")
    found = json.loads(upload.end())
    same((2, UPLOAD_BYTES), (found["n"], found["file"]), "the page that has the file")
    same(None, json.loads(visitor.get("/page.php?do=peek")), "progress that is left behind")


def test_a_killed_worker_blocks_nobody(site):
    visitor = site.visitor()
    site.ask(visitor)
    site.provoked += 1
    visitor.get("/page.php?do=die")
    same(502, visitor.status, "status of the page whose worker is killed")
    begin = time.monotonic()
    same(2, site.ask(visitor)["n"], "the session after it")
    same(True, time.monotonic() - begin < 1, "within a second")


def test_the_server_is_started_anew(site):
    visitor = site.visitor()
    site.ask(visitor)
    site.restart()
    for n in range(2, 2 + 3 * CHILDREN):  # workers that were connected before among them
        same(n, site.ask(visitor)["n"], "pages after the restart")


def test_the_cli_finds_the_same_session(site):
    visitor = site.visitor()
    site.ask(visitor)
    code = f"require '{site.where}/cart.php'; session_id('{visitor.cookie('PHPSESSID')}'); session_start(); " \
           "$_SESSION['n'] += 10; session_write_close(); echo count($_SESSION['cart']->lines);"
    done = subprocess.run(["php", "-n", "-c", str(site.where / "ini" / "php.ini"), "-r", code], capture_output=True, text=True,
                          env=os.environ | {"PHP_INI_SCAN_DIR": ""}, timeout=20)
    same(("1", ""), (done.stdout, done.stderr), "what the CLI says")
    same(12, site.ask(visitor)["n"], "the page after it")


def test_logs_are_clean(site):
    php = (site.where / "php.log").read_text() if (site.where / "php.log").exists() else ""
    same("", php, "PHP's error log")
    lines = [line for line in (site.where / "fpm.log").read_text().splitlines() if "NOTICE" not in line]
    killed = [line for line in lines if re.search(r"exited on signal 9 \(SIGKILL\)", line)]
    same((site.provoked, []), (len(killed), [line for line in lines if line not in killed]), "lines of php-fpm")


TESTS = [test_visitors_have_their_own, test_one_connection_for_each_worker, test_at_once, test_login_changes_the_id,
         test_who_holds_it_is_told_with_its_page, test_upload_progress_is_seen_meanwhile, test_a_killed_worker_blocks_nobody, test_the_server_is_started_anew,
         test_the_cli_finds_the_same_session, test_logs_are_clean]


class Store:
    """The server, with its data on disk, so that it can be started anew."""

    def __init__(self, server, where, mode="700"):
        self.server, self.where, self.socket, self.mode = server, where, str(where / "server.sock"), mode
        self.running = None

    def start(self):
        self.running = harness.started(self.server, ["-s", self.socket, "-a", self.mode, "--data", str(self.where / "data")],
                                       harness.socket.AF_UNIX, self.socket, self.where / "server.log")
        self.running.__enter__()

    def stop(self):
        if self.running:
            self.running.__exit__(None, None, None)
        self.running = None

    def restart(self):
        self.stop()
        self.start()


def extension_beside(server):
    path = pathlib.Path(harness.program(server)[0]).parent / "cloakroom.so"
    if not path.exists():
        sys.exit(f"no {path}: build it with `make php`")
    return str(path)


def php_settings(extension, socket, log):
    return {name: value for name, value in php_ext.settings(extension, f"unix://{socket}").items() if name != "extension"} | {
        "session.use_cookies": "1", "session.use_strict_mode": "1", "log_errors": "1", "error_log": str(log),
        "error_reporting": "32767", "display_errors": "0"}


def main():
    options = harness.arguments(__doc__).parse_args()
    harness.fail_on_sigterm()
    extension = extension_beside(options.server)
    failed = 0
    with harness.folder() as where:
        store = Store(options.server, where)
        root = where / "www"
        root.mkdir()
        (root / "page.php").write_text(PAGE)
        (where / "cart.php").write_text("<?php class Cart { public array $lines = []; public ?Cart $self = null; }\n")
        settings = php_settings(extension, store.socket, where / "php.log") | {
            "session.serialize_handler": "igbinary", "session.upload_progress.enabled": "1",
            "session.upload_progress.min_freq": "0", "opcache.enable": "1", "post_max_size": "8M", "upload_max_filesize": "8M"}
        ini = web.write_php_ini(where / "ini", settings, ["posix", "igbinary", "opcache", extension])
        store.start()
        try:
            with web.fpm(where, ini, CHILDREN) as fpm, web.nginx(where, root, fpm) as port:
                site = Site(where, port, store.restart)
                for test in TESTS:
                    name = test.__name__.removeprefix("test_").replace("_", " ")
                    try:
                        test(site)
                        print(f"ok   web: {name}", flush=True)
                    except (AssertionError, OSError, ValueError, KeyError, http.client.HTTPException) as error:
                        failed += 1
                        print(f"FAIL web: {name}: {error}", flush=True)
        finally:
            store.stop()
    print(f"web: {len(TESTS) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
