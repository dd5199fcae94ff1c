"""More of doctor.py: two reports compared, the real PHP asked, figures of servers that are full, php-fpm, and the command's words."""

import contextlib
import json
import os
import pathlib
import re
import shutil
import socket
import stat
import struct
import subprocess
import time

import doctor_cases
import harness
from doctor_root import ids, new_root, run

PHP = "/usr/bin/php8.2"
FPM = "/usr/sbin/php-fpm8.2"
PAGE = harness.ROOT / "docs/troubleshooting.md"


# (name, what --compare finds, what is done to the second of two that are alike, what is done to its report)
COMPARED = [
    ("alike", set(), None, None),
    ("another handler", {"compare-handler"}, lambda root, servers: root.pool("php_value[session.save_handler] = files\n"), None),
    ("another server", {"compare-server"},
     lambda root, servers: root.session('session.save_handler = memcached\nsession.save_path = "127.0.0.1:%d"\n'
                                        % servers["forgets"]), "remote"),
    ("each its own", {"compare-local"}, None, "restarted"),
    ("another serializer", {"compare-serializer"}, lambda root, servers: root.pool("php_value[session.serialize_handler] = igbinary\n"),
     None),
    ("another prefix", {"compare-prefix"}, lambda root, servers: root.pool("php_value[memcached.sess_prefix] = shop.\n"), None),
    ("another cookie", {"compare-cookie"}, lambda root, servers: root.pool("php_value[session.name] = SHOP\n"), None),
    ("another life", {"compare-life"}, lambda root, servers: root.pool("php_value[session.gc_maxlifetime] = 60\n"), None),
    ("no locks", {"compare-locking"}, lambda root, servers: root.pool("php_flag[memcached.sess_locking] = off\n"), None),
    ("another PHP", {"compare-version"}, None, "version"),
    ("another clock", {"compare-clock"}, None, "clock"),
    ("no such pool", {"compare-missing"}, lambda root, servers: root.write(
        "etc/php/8.2/fpm/pool.d/www.conf", "[shop]\nuser = www-data\nlisten = /run/php/shop.sock\n"), None),
]


def rewrite(report, what):
    """What another machine would have seen."""
    report["host"] = "web2"
    for server in report["servers"]:
        if what == "restarted":
            server["stats"]["pid"] = "1"
        if what == "clock":
            server["clock_ms"] = 60000
        if what == "remote":
            server["address"] = "10.0.0.5:11211"
    for view in report["views"]:
        if what == "version":
            view["version"], view["name"] = "8.3", view["name"].replace("8.2", "8.3")
        if what == "remote":
            view["settings"]["session.save_path"]["value"] = "10.0.0.5:11211"


def compare(check, tool, where, servers):
    seen = set()
    for name, expected, build, what in COMPARED:
        reports = []
        for side in ("web1", "web2"):
            root = new_root(where, f"compare {name} {side}", servers)
            for folder in ("cli", "apache2"):
                shutil.rmtree(root.path / "etc/php/8.2" / folder)
            if side == "web2" and build:
                build(root, servers)
            reports.append(where / f"{side}-{re.sub(r'[^a-z]+', '-', name)}.json")
            run(tool, "--root", root.path, "--report", reports[-1])
            report = json.loads(reports[-1].read_text())
            report["host"] = side
            if side == "web2":
                rewrite(report, what)
            reports[-1].write_text(json.dumps(report))
        code, found = run(tool, "--compare", *reports)
        check.that(ids(found) == expected and code == int(bool(expected)), f"compare: {name}",
                   f"{code} {ids(found)} {found.get('error')}")
        seen |= expected
    return seen


def asked(check, tool, where, servers):
    """The real PHP, with the ini files of the folder: it sees what doctor has read; what fails to load is found."""
    root = new_root(where, "asked", servers)
    code, report = run(tool, "--root", root.path, "--php", PHP)
    views = report.get("views", [])
    check.that(code == 0 and views and all(view["is_asked"] and "memcached" in view["loaded"] for view in views),
               "asked: PHP says what it has loaded", report)
    for sapi in ("cli", "fpm", "apache2"):
        os.unlink(root.path / f"etc/php/8.2/{sapi}/conf.d/20-igbinary.ini")
    code, report = run(tool, "--root", root.path, "--php", PHP)
    broken = [finding["what"] for finding in report["findings"] if finding["id"] == "extension-broken"]
    check.that(ids(report) == {"extension-broken", "extension-missing"} and "igbinary_serialize" in broken[0],
               "asked: an extension that fails to load", report["findings"])
    root = new_root(where, "secret", servers)
    root.extension("redis")
    root.session('session.save_handler = redis\nredis.session.locking_enabled = 1\n'
                 'session.save_path = "tcp://:very-secret@127.0.0.1:%d?auth[]=user&auth[]=very-secret&x=1"\n' % servers["redis"])
    path = where / "secret.json"
    code, report = run(tool, "--root", root.path, "--php", PHP, "--report", path)
    text = path.read_text()
    check.that("very-secret" not in text + json.dumps(report) and "***" in text and stat.S_IMODE(path.stat().st_mode) == 0o600,
               "asked: no password, and the report is nobody else's", text[:2000])


def same_as_php(check, tool, where, servers):
    """Each set-up's values as doctor has read them are those of PHP itself."""
    wrong = []
    script = "foreach (['session.save_handler', 'session.save_path', 'session.gc_maxlifetime', 'session.name'] as $n) " \
             "$o[$n] = ini_get($n); echo json_encode($o);"
    for name, _, build, *_ in doctor_cases.CASES + [(name, None, build) for name, build in doctor_cases.GOOD]:
        root = new_root(where, "same " + name, servers)
        build(root, servers)
        folder = root.path / "etc/php/8.2/cli"
        if not folder.exists():
            continue
        _, out = harness.run(["php", "-c", str(folder / "php.ini"), "-d", "display_errors=0", "-r", script], 20,
                             {"PHP_INI_SCAN_DIR": str(folder / "conf.d")})
        said = json.loads(out[out.index("{"):])
        _, report = run(tool, "--root", root.path)
        view = next(view for view in report["views"] if view["name"] == "8.2 cli")
        for setting, value in said.items():
            read = view["settings"].get(setting, {}).get("value")
            if read is not None and read != re.sub(r"auth=[^&]*", "auth=***", value):
                wrong.append((name, setting, read, value))
    check.that(not wrong, "asked: in every set-up PHP sees what doctor has read", wrong)


def say(port, request, end):
    with socket.create_connection(("127.0.0.1", port), timeout=10) as s:
        s.sendall(request)
        answer = b""
        while not answer.endswith(end):
            answer += s.recv(65536)
        return answer


def figures(check, tool, server, where):
    """Servers that are full, or have run out of connections."""
    value = b"x" * 20000

    def sets(n):
        return b"".join(b"set memc.sess.key.%026d 0 0 20000\r\n%s\r\n" % (i, value) for i in range(n)) + b"version\r\n"

    def found(port):
        code, report = run(tool, "--root", where / "empty", "--server", f"127.0.0.1:{port}")
        return ids(report) - {"no-php"}

    (where / "empty").mkdir()
    with harness.tcp_server(server, where, "-m", "2", "--data", str(where / "full")) as port:
        say(port, sets(200), b"VERSION 1.6.45-cloakroom-0.1.0\r\n")
        check.that({"server-full", "server-nearly-full"} == found(port), "figures: a full server", found(port))
    with harness.tcp_server(server, where, "-m", "2", "--evict-sessions", "--data", str(where / "evicts")) as port:
        say(port, sets(200), b"VERSION 1.6.45-cloakroom-0.1.0\r\n")
        check.that("server-evicts" in found(port), "figures: one that drops sessions", found(port))
    with harness.tcp_server(server, where, "-c", "10", "--data", str(where / "many")) as port, contextlib.ExitStack() as stack:
        for _ in range(9):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            connection.sendall(b"version\r\n")
            connection.recv(100)
        check.that(found(port) == {"server-connections"}, "figures: one whose connections are used up", found(port))


def record(kind, body):
    return struct.pack("!BBHHBB", 1, kind, 1, len(body), 0, 0) + body


def pair(name, value):
    return bytes([len(name)]) + (bytes([len(value)]) if len(value) < 128 else struct.pack("!I", len(value) | 1 << 31)) + \
        name.encode() + value.encode()


def fastcgi(path, script):
    """What php-fpm answers, without its headers."""
    values = {"SCRIPT_FILENAME": script, "REQUEST_METHOD": "GET", "SCRIPT_NAME": "/x.php", "DOCUMENT_ROOT": os.path.dirname(script)}
    request = record(1, struct.pack("!HB5x", 1, 0)) + record(4, b"".join(pair(*item) for item in values.items())) + record(4, b"") + \
        record(5, b"")
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(10)
        s.connect(path)
        s.sendall(request)
        raw = b"".join(iter(lambda: s.recv(65536), b""))
    out = b""
    while raw:
        _, kind, _, length, padding, _ = struct.unpack("!BBHHBB", raw[:8])
        out += raw[8:8 + length] if kind == 6 else b""
        raw = raw[8 + length + padding:]
    return out.decode().partition("\r\n\r\n")[2]


@contextlib.contextmanager
def running_fpm(root, where, path):
    config = where / "php-fpm.conf"
    config.write_text(f"[global]\nerror_log = {where}/fpm.log\ninclude = {root.path}/etc/php/8.2/fpm/pool.d/*.conf\n")
    child = subprocess.Popen([FPM, "-F", *(["-R"] if os.geteuid() == 0 else []), "-y", str(config), "-c",
                              str(root.path / "etc/php/8.2/fpm/php.ini")],
                             env=os.environ | {"PHP_INI_SCAN_DIR": str(root.path / "etc/php/8.2/fpm/conf.d")},
                             stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        deadline = time.monotonic() + 10
        while not harness.connects(socket.AF_UNIX, path) and time.monotonic() < deadline and child.poll() is None:
            time.sleep(0.05)
        yield child
    finally:
        child.terminate()
        child.wait()


def not_reloaded(report):
    return [finding["what"] for finding in report["findings"] if finding["id"] == "fpm-not-reloaded"]


def fpm(check, tool, where, servers):
    """The real php-fpm with the files of the folder, pool and .user.ini: it sees what doctor says that it sees; and doctor asks
    it, and finds that it runs with what its files no longer say."""
    root = new_root(where, "fpm", servers)
    path, pages = str(where / "fpm.sock"), root.path / "var/www/shop"
    (root.path / path[1:]).parent.mkdir(parents=True)
    os.symlink(path, root.path / path[1:])  # where doctor looks for it
    pool = "[www]\n" + ("user = root\ngroup = root\n" if os.geteuid() == 0 else "") + f"""
listen = {path}
pm = static
pm.max_children = 1
php_admin_value[session.save_path] = "127.0.0.1:1" ; wins
php_value[session.gc_maxlifetime] = 77
php_value[session.name] = POOL
php_flag[session.cookie_httponly] = on
"""
    root.write("etc/php/8.2/fpm/pool.d/www.conf", pool)
    root.write("etc/nginx/nginx.conf", "http {\n  server {\n    root /var/www/shop;\n  }\n}\n")
    root.write("var/www/shop/.user.ini", "session.name = USERINI\nsession.save_path = \"127.0.0.1:2\"\n")
    names = ["session.save_handler", "session.save_path", "session.gc_maxlifetime", "session.name", "session.serialize_handler"]
    for page in (pages / "x.php", root.path / "var/www/x.php"):
        page.write_text(f"<?php foreach ({json.dumps(names)} as $n) $o[$n] = ini_get($n); echo json_encode($o);")
    left = set(pathlib.Path("/tmp").glob("cloakroom-doctor-*"))
    with running_fpm(root, where, path):
        _, report = run(tool, "--root", root.path)
        views = {view["name"]: view["settings"] for view in report["views"]}
        for name, page in (("8.2 fpm pool www", root.path / "var/www/x.php"), ("8.2 fpm pool www /var/www/shop", pages / "x.php")):
            said = json.loads(fastcgi(path, str(page)) or "{}")
            seen = {setting: views[name][setting]["value"] for setting in names}
            check.that(said == seen and said["session.save_path"] == "127.0.0.1:1", f"php-fpm: {name}", (said, seen))
        check.that(not any("is_running" in view for view in report["views"]), "php-fpm: below a root no pool is asked", report["views"])
        _, report = run(tool, "--root", root.path, "--php", PHP)
        check.that([view["name"] for view in report["views"] if view.get("is_running")][:1] == ["8.2 fpm pool www"] and
                   not_reloaded(report) == [], "php-fpm: it is asked, and is as its files say", not_reloaded(report))
        root.write("etc/php/8.2/fpm/pool.d/www.conf", pool.replace("= 77", "= 78"))
        _, report = run(tool, "--root", root.path, "--php", PHP)
        found = not_reloaded(report)
        check.that(len(found) == 1 and 'gc_maxlifetime = "77"' in found[0] and '"78"' in found[0],
                   "php-fpm: it runs with what a pool's file said before", found)
    os.rename(root.path / "etc/php/8.2/fpm/conf.d/25-memcached.ini", where / "25-memcached.ini")
    with running_fpm(root, where, path):
        os.rename(where / "25-memcached.ini", root.path / "etc/php/8.2/fpm/conf.d/25-memcached.ini")
        _, report = run(tool, "--root", root.path, "--php", PHP)
        found = not_reloaded(report)
        check.that(len(found) == 1 and "without the extension memcached" in found[0], "php-fpm: it was started before the extension", found)
    begin = time.monotonic()
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(path)
        silent.listen(5)
        _, report = run(tool, "--root", root.path, "--php", PHP, "--timeout-ms", "500")
    check.that(not_reloaded(report) == [] and time.monotonic() - begin < 10, "php-fpm: one that says nothing is not waited for long",
               time.monotonic() - begin)
    check.that(set(pathlib.Path("/tmp").glob("cloakroom-doctor-*")) <= left, "php-fpm: the page that asked it is gone", "")


def words(check, tool, where, servers):
    """What people see, exit codes, and that a setting cannot steer the terminal."""
    def plain(*arguments):
        done = subprocess.run([tool, "doctor", *map(str, arguments)], capture_output=True, text=True, timeout=20)
        return done.returncode, done.stdout + done.stderr

    root = new_root(where, "words", servers)
    root.session('session.save_handler = memcached\nsession.save_path = "tcp://127.0.0.1:\x1b[31m%d"\n' % servers["tcp"])
    code, out = plain("--root", root.path)
    check.that(code == 1 and "\x1b" not in out and "path-scheme" in out and "99-session.ini:2" in out, "words: file and line", out)
    root = new_root(where, "words good", servers)
    code, out = plain("--root", f"{root.path}/")
    check.that(code == 0 and "8.2 fpm pool www" in out and "0 findings" in out and "cloakroomd" in out, "words: what each sees", out)
    check.that(plain("--root", where / "nowhere")[0] == 4, "words: a root that is not there", "")
    check.that(plain("--compare", where / "nowhere")[0] == 2 and plain("a")[0] == 2, "words: too few and too many", "")
    (where / "none.json").write_text("{}")
    code, out = plain("--compare", where / "none.json", where / "none.json")
    check.that(code == 4 and "is no report" in out, "words: a file that is no report", out)


def page(check, known):
    """docs/troubleshooting.md: each message that PHP was seen to say, each finding that is an error, and no finding that is none."""
    text = PAGE.read_text()
    unsaid = [message for _, _, _, *messages in doctor_cases.CASES for message in messages
              if not any(re.search(message, re.sub(r"\u2026|\.\.\.", "x", line)) for line in text.splitlines())]
    check.that(not unsaid, "the page has every message", unsaid)
    named = set(re.findall(r"\b(?:%s)\b" % "|".join(sorted(known, key=len, reverse=True)), text))
    errors = {name for name, severity in known.items() if severity == "error"} - {"life-zero"}
    check.that(errors <= named, "the page names every finding that is an error", sorted(errors - named))
    told = set(re.findall(r"[a-z]+(?:-[a-z]+)+", " ".join(re.findall(r"(?<!\*)\*(?!\*)(?:doctor: )?([^*`]+?)\.?\*(?!\*)", text))))
    check.that(told <= set(known), "the page names no finding that is none", sorted(told - set(known)))
