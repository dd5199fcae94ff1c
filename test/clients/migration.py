#!/usr/bin/env python3
"""docs/migration.md, step by step as it stands there, with the real handlers of PHP: nobody is logged out, nothing is lost.

The commands and settings of each chapter are taken from the page; only addresses and folders are put in place of the
page's. Meanwhile sessions are changed and made, as they are on a site that is in use. Further: what import says and leaves
out, that it can be broken off, and that the lives which sessions have left are kept.
"""

import contextlib
import fcntl
import json
import os
import random
import re
import shlex
import socket
import ssl
import subprocess
import sys
import time

import doctor
import doctor_root
import harness

PAGE = harness.ROOT / "docs/migration.md"
LIFE_S = 1440
SESSIONS = 30
# Rows of id, what to put in, or null to read only; prints what each session had, null for one that is new.
SCRIPT = """
$out = [];
foreach (json_decode(stream_get_contents(STDIN)) as [$id, $value]) {
    session_id($id); session_start();
    $out[$id] = $_SESSION['value'] ?? null;
    if ($value !== null) $_SESSION['value'] = $value;
    session_write_close(); $_SESSION = [];
}
echo json_encode($out);
"""


def settings(**more):
    return {"session.use_cookies": "0", "session.cache_limiter": "", "session.use_strict_mode": "0", "session.gc_probability": "0",
            "session.gc_maxlifetime": str(LIFE_S), **more}


def php(ini, rows):
    """What each of these sessions had before."""
    options = [word for name, value in ini.items() for word in ("-d", f'{name}="{value}"' if "=" in value else f"{name}={value}")]
    done = subprocess.run(["php", *options, "-r", SCRIPT], input=json.dumps(rows), capture_output=True, text=True, timeout=60)
    try:
        return json.loads(done.stdout)
    except ValueError:
        sys.exit(f"PHP: {done.stdout}{done.stderr}")


def read(ini, ids):
    return php(ini, [[i, None] for i in ids])


def write(ini, values):
    php(ini, list(map(list, values.items())))


def new_ids(kind, n):
    return [f"{kind}{i:03}".ljust(25, "x") + "a" for i in range(n)]


def blocks(chapter):
    """The blocks of code of one chapter, without their indentation."""
    text = re.search(rf"^## {chapter}\n(.*?)(?=^## |\Z)", PAGE.read_text(), re.M | re.S).group(1)
    return [re.sub(r"^ +", "", block, flags=re.M).strip() for block in re.findall(r"```\n(.*?)```", text, re.S)]


class Move:
    """One chapter, with the addresses of this test in place of the page's."""

    def __init__(self, tool, chapter, names):
        self.tool = tool
        self.names = names
        self.steps = blocks(chapter)

    def put_in_place(self, text):
        for name, ours in self.names.items():
            text = text.replace(name, ours)
        return text

    def run(self, step):
        """What the import of this step counts."""
        words = shlex.split(self.put_in_place(self.steps[step]))
        return run_import(self.tool, *words[2:])

    def new_settings(self, extension):
        ini = dict(line.split(" = ") for line in self.put_in_place(self.steps[3]).splitlines())
        return settings(**{name: value.strip('"') for name, value in ini.items()} | {"extension": extension})


def run_import(tool, *words, environment=None):
    done = subprocess.run([tool, "import", "--json", *words], capture_output=True, text=True, timeout=60,
                          env=os.environ | (environment or {}))
    try:
        return {"code": done.returncode, "said": done.stderr, **json.loads(done.stdout)}
    except ValueError:
        return {"code": done.returncode, "said": done.stderr}


def counts(found, **wanted):
    return all(found.get(name) == n for name, n in {"code": 0, "failed": 0, **wanted}.items())


def move(check, what, steps, old, new):
    """All steps of a chapter, on a site that is in use meanwhile."""
    ids = new_ids(what, SESSIONS)
    values = {i: f"first {i}" for i in ids}
    write(old, values)
    found = steps.run(0)
    check.that(counts(found, read=SESSIONS, stored=SESSIONS, skipped=0), f"{what}: a dry run counts", found)
    found = steps.run(1)
    check.that(counts(found, read=SESSIONS, stored=SESSIONS, skipped=0), f"{what}: and has stored nothing", found)
    changed = {i: f"changed {i}" for i in ids[:5]} | {i: f"new {i}" for i in new_ids(what + "-new", 3)}
    write(old, changed)
    values |= changed
    found = steps.run(2)
    check.that(counts(found, stored=SESSIONS + 3), f"{what}: what has changed meanwhile is copied", found)
    late = {i: f"late {i}" for i in new_ids(what + "-late", 2)}
    write(old, late)
    ini = steps.new_settings(new["extension"])
    moved = {ids[7]: "changed by the new handler"}
    write(ini, moved)
    values |= late | moved
    found = steps.run(4)
    check.that(counts(found, stored=2, skipped=SESSIONS + 3), f"{what}: late ones are brought, newer ones stay", found)
    check.that(read(ini, values) == values, f"{what}: the extension finds every session as it was")
    check.that(read(new["memcached"], values) == values, f"{what}: so does php-memcached")


def left_s(port, key):
    """The life that a session has left, by mg's t."""
    with socket.create_connection(("127.0.0.1", port)) as s:
        s.sendall(f"mg {key} t\r\n".encode())
        answer = s.recv(100).decode()
    return int(re.search(r" t(-?\d+)", answer).group(1)) if answer.startswith("HD") else None


def lives(check, tool, where, port):
    """Files with a life of their own; those that are over, empty, or no sessions."""
    folder = where / "lives"
    (folder / "a/b").mkdir(parents=True)
    ages = {"young": 10, "old": 1000, "over": LIFE_S + 5}
    for name, age in ages.items():
        path = folder / ("a/b" if name == "old" else ".") / f"sess_{name}"
        path.write_text('value|s:1:"x";')
        os.utime(path, (time.time() - age,) * 2)
    (folder / "sess_empty").write_text("")
    (folder / "sess_is.none").write_text("x")
    (folder / "other").write_text("x")
    os.symlink("/etc/passwd", folder / "sess_link")
    found = run_import(tool, "files", str(folder), "--lifetime", str(LIFE_S), "--to", f"127.0.0.1:{port}")
    check.that(found["code"] == 1 and counts(found | {"code": 0}, read=4, stored=2, expired=1, empty=1, failed=1),
               "files: expired and empty ones are counted, a link is not followed", found)
    for name in ("young", "old"):
        left = left_s(port, f"memc.sess.key.{name}")
        check.that(left is not None and abs(left - (LIFE_S - ages[name])) <= 3, f"files: {name} keeps what is left of its life", left)
    path = folder / "sess_held"
    path.write_text("value|i:1;")
    with open(path, encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        found = run_import(tool, "files", str(folder), "--to", f"127.0.0.1:{port}")
    check.that(found["code"] == 1 and found["failed"] == 2 and "a request holds it now" in found["said"],
               "files: one that a request holds is left for the next time", found)


def other_lives(check, tool, servers, port):
    """Long lives of memcached and Redis, and those without an end."""
    long_s = 40 * 24 * 3600
    ids = new_ids("long", 1)
    write(settings(**{"session.save_handler": "memcached", "session.save_path": f"127.0.0.1:{servers['memcached']}",
                      "session.gc_maxlifetime": str(long_s)}), {ids[0]: "x"})
    run_import(tool, "memcached", f"127.0.0.1:{servers['memcached']}", "--to", f"127.0.0.1:{port}")
    left = left_s(port, f"memc.sess.key.{ids[0]}")
    check.that(left is not None and abs(left - long_s) <= 3, "memcached: a life of 40 days is kept", left)
    subprocess.run(["redis-cli", "-p", str(servers["redis"]), "set", "PHPREDIS_SESSION:noend", "x"], check=True,
                   stdout=subprocess.DEVNULL)
    run_import(tool, "redis", f"127.0.0.1:{servers['redis']}", "--to", f"127.0.0.1:{port}", "--lifetime", "15m")
    left = left_s(port, "memc.sess.key.noend")
    check.that(left is not None and abs(left - 900) <= 3, "redis: one without an end gets --lifetime", left)


def memcache(check, tool, servers, port):
    """php-memcache's bare ids; other keys of the same memcached are none."""
    ini = settings(**{"session.save_handler": "memcache", "session.save_path": f"tcp://127.0.0.1:{servers['memcached']}",
                      "memcache.compress_threshold": "1000", "memcache.session_redundancy": "1"})
    ids = new_ids("bare", 4)
    values = {i: f"value of {i}" for i in ids[:3]}
    values[ids[3]] = "long " * 150000  # compressed, nearly all of it goes
    write(ini, values)
    with socket.create_connection(("127.0.0.1", servers["memcached"])) as s:
        s.sendall(f"set {'no' * 13} 2 0 4\r\nxxxx\r\nget {ids[3]}\r\n".encode())
        said = s.recv(100).decode("latin-1")
    check.that(re.search(rf"VALUE {ids[3]} \d*[2367] \d{{3,4}}\r\n", said), "php-memcache has compressed the long one", said)
    found = run_import(tool, "memcached", f"127.0.0.1:{servers['memcached']}", "--prefix", "", "--to", f"127.0.0.1:{port}")
    check.that(found["code"] == 1 and found["stored"] == 4 and found["failed"] == 1 and "is not" in found["said"],
               "php-memcache: bare ids, compressed ones, too, but for one that is none", found)
    stock = settings(**{"session.save_handler": "memcached", "session.save_path": f"127.0.0.1:{port}"})
    check.that(read(stock, values) == values, "php-memcached finds them, the long one, too")
    on_cloakroomd = ini | {"session.save_path": f"tcp://127.0.0.1:{port}"}
    check.that(read(on_cloakroomd, values) == values, "so does php-memcache, which compresses again")


def busy_memcached(check, tool, servers, port):
    """What clients ask for during the dump moves in memcached's lists, and is not passed over."""
    source, n = ("127.0.0.1", servers["memcached"]), 20000
    with socket.create_connection(source) as s, socket.create_connection(source) as user, user.makefile("rb") as told:
        s.sendall(b"".join(b"set busy.%026d 0 900 1 noreply\r\nx\r\n" % i for i in range(n)) + b"version\r\n")
        s.recv(100)
        draw = random.Random(1)
        importing = subprocess.Popen([tool, "import", "--json", "memcached", f"127.0.0.1:{source[1]}", "--prefix", "busy.",
                                      "--to", f"127.0.0.1:{port}"], stdout=subprocess.PIPE, text=True)
        while importing.poll() is None:
            user.sendall(b"get" + b"".join(b" busy.%026d" % draw.randrange(n) for _ in range(100)) + b"\r\n")
            while told.readline() != b"END\r\n":
                pass
        found = {"code": importing.returncode, **json.loads(importing.stdout.read())}
    check.that(counts(found, read=n, stored=n), "memcached: all are found while clients use them", found)


def over_tls(check, tool, where, port):
    """A memcached and a Redis that are reached by TLS alone."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                    "-keyout", where / "tls.key", "-out", where / "tls.pem", "-subj", "/CN=localhost", "-addext",
                    "subjectAltName=DNS:localhost,IP:127.0.0.1"], check=True, capture_output=True)
    for name in ("tls.key", "tls.pem"):
        (where / name).chmod(0o644)
    ca = f"?ca={where}/tls.pem"
    options = ["--tls-cert-file", where / "tls.pem", "--tls-key-file", where / "tls.key", "--tls-auth-clients", "no",
               "--tls-ca-cert-file", where / "tls.pem"]
    with doctor.redis(where, options) as source:
        cli = ["redis-cli", "-p", str(source), "--tls", "--cacert", where / "tls.pem"]
        subprocess.run([*cli, "set", "PHPREDIS_SESSION:" + "t" * 26, 'a|s:1:"x";'], check=True, stdout=subprocess.DEVNULL)
        found = run_import(tool, "redis", f"tls://127.0.0.1:{source}{ca}", "--to", f"127.0.0.1:{port}")
        check.that(counts(found, stored=1), "Redis over TLS", found)
        found = run_import(tool, "redis", f"tls://127.0.0.1:{source}", "--to", f"127.0.0.1:{port}")
        check.that(found["code"] == 3 and "certificate" in found["said"], "a certificate that nobody vouches for", found)
    with harness.tcp_server(doctor.MEMCACHED, where, "-Z", "-o", f"ssl_chain_cert={where}/tls.pem,ssl_key={where}/tls.key") as source:
        context = ssl.create_default_context(cafile=where / "tls.pem")
        with context.wrap_socket(socket.create_connection(("127.0.0.1", source)), server_hostname="localhost") as s:
            s.sendall(b"set memc.sess.key.%s 0 900 10\r\na|s:1:\"x\";\r\n" % (b"m" * 26))
            s.recv(100)
        found = run_import(tool, "memcached", f"tls://127.0.0.1:{source}{ca}", "--to", f"127.0.0.1:{port}")
        check.that(counts(found, stored=1), "memcached over TLS", found)


def refusals(check, tool, servers, port, where):
    """Sources that are none, and a password."""
    to = ("--to", f"127.0.0.1:{port}")
    found = run_import(tool, "redis", f"127.0.0.1:{servers['memcached']}", *to)
    check.that(found["code"] == 3, "a memcached is no Redis", found)
    found = run_import(tool, "memcached", f"127.0.0.1:{servers['redis']}", *to)
    check.that(found["code"] == 3 and "Redis" in found["said"], "a Redis is no memcached", found)
    found = run_import(tool, "memcached", *to[1:], *to)
    check.that(found["code"] == 1 and "is a cloakroomd" in found["said"], "a cloakroomd is no source", found)
    found = run_import(tool, "files", str(where), "--to", f"127.0.0.1:{servers['memcached']}")
    check.that(found["code"] == 1 and "--to" in found["said"], "a memcached is no target", found)
    found = run_import(tool, "files", "/nowhere", *to)
    check.that(found["code"] == 4, "a folder that is not there", found)
    subprocess.run(["redis-cli", "-p", str(servers["redis"]), "config", "set", "requirepass", "very secret"], check=True,
                   stdout=subprocess.DEVNULL)
    found = run_import(tool, "redis", f"127.0.0.1:{servers['redis']}", *to)
    check.that(found["code"] == 1 and "NOAUTH" in found["said"], "Redis wants a password", found)
    subprocess.run(["redis-cli", "-p", str(servers["redis"]), "-a", "very secret", "--no-auth-warning", "config", "set",
                    "requirepass", "secret"], check=True, stdout=subprocess.DEVNULL)
    (where / "password").write_text("secret\n")
    found = run_import(tool, "redis", f"127.0.0.1:{servers['redis']}", "--password-file", str(where / "password"), *to)
    check.that(found["code"] == 0 and found["read"] > 0 and "secret" not in str(found), "a password from a file", found)
    found = run_import(tool, "redis", f"127.0.0.1:{servers['redis']}", *to, environment={"REDISCLI_AUTH": "secret"})
    check.that(found["code"] == 0 and found["read"] > 0, "a password from the environment", found)


def main():
    options = harness.arguments(__doc__).parse_args()
    harness.fail_on_sigterm()
    harness.need_php()
    build = os.path.dirname(harness.program(options.server)[0])
    tool, extension = os.path.join(build, "cloakroom"), os.path.join(build, "cloakroom.so")
    check = doctor_root.Check()
    with harness.folder() as where, contextlib.ExitStack() as stack:
        servers = {"memcached": stack.enter_context(harness.tcp_server(doctor.MEMCACHED, where)),
                   "redis": stack.enter_context(doctor.redis(where))}
        files = where / "files"
        files.mkdir(mode=0o700)
        old = {"memcached": settings(**{"session.save_handler": "memcached",
                                        "session.save_path": f"127.0.0.1:{servers['memcached']}"}),
               "Redis or Valkey": settings(**{"session.save_handler": "redis",
                                              "session.save_path": f"tcp://127.0.0.1:{servers['redis']}"}),
               "files": settings(**{"session.save_handler": "files", "session.save_path": str(files)})}
        for chapter, ini in old.items():
            port = stack.enter_context(harness.tcp_server(options.server, where))
            names = {"127.0.0.1:11311": f"127.0.0.1:{port}", "127.0.0.1:11211": f"127.0.0.1:{servers['memcached']}",
                     "127.0.0.1:6379": f"127.0.0.1:{servers['redis']}", "/var/lib/php/sessions": str(files)}
            new = {"extension": extension, "memcached": settings(
                **{"session.save_handler": "memcached", "session.save_path": f"127.0.0.1:{port}"})}
            move(check, ini["session.save_handler"], Move(tool, f"From {chapter}", names), ini, new)
        port = stack.enter_context(harness.tcp_server(options.server, where))
        lives(check, tool, where, port)
        other_lives(check, tool, servers, port)
        memcache(check, tool, servers, port)
        busy_memcached(check, tool, servers, port)
        over_tls(check, tool, where, port)
        refusals(check, tool, servers, port, where)
    print(f"migration: {check.passed} passed, {check.failed} failed")
    return 1 if check.failed or not check.passed else 0


if __name__ == "__main__":
    sys.exit(main())
