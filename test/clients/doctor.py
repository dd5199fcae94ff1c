#!/usr/bin/env python3
"""`cloakroom doctor` on folders like the root of a Debian machine: each set-up that is broken in one way is recognised by
its finding, and by no other; on those that are well nothing is found. Where the set-up is one that the real PHP can run, its
message is the one that docs/troubleshooting.md has.

    --only WORDS    only set-ups with these words in their name
"""

import argparse
import contextlib
import json
import os
import re
import socket
import subprocess
import sys

import doctor_cases
import doctor_parts
import doctor_servers
import doctor_root
import harness
from doctor_root import SAY_TOO_LITTLE, Check, ids, new_root, run

PHP_S = 20
MEMCACHED = "/usr/bin/memcached"
SCRIPT = 'session_id("abcdefghijklmnopqrstuvwx12"); session_start(); $_SESSION["a"] = 1; session_write_close();'
NO_SUCH_CASE = {
    "extension-broken": "a file that is no extension, in the part asked",
    "fpm-not-reloaded": "in the part fpm",
    "server-version": "in doctor_servers.py, as are the next",
    "server-clock": "",
    "server-slow": "",
    "server-read-only": "",
    "server-open-files": "",
    "server-too-large": "",
    "server-nearly-too-large": "",
    "server-full": "in the part figures",
    "server-nearly-full": "in the part figures",
    "server-evicts": "in the part figures",
    "server-connections": "in the part figures",
}


def php_says(root):
    """What the real PHP prints with the ini files of php-fpm."""
    folder = root.path / "etc/php/8.2/fpm"
    code, out = harness.run(["php", "-c", str(folder / "php.ini"), "-d", "display_errors=1", "-d", "html_errors=0",
                             "-d", "session.use_cookies=0", "-d", "session.cache_limiter=", "-d", "session.use_strict_mode=0", "-r", SCRIPT], PHP_S,
                            {"PHP_INI_SCAN_DIR": str(folder / "conf.d")})
    return out


def check_cases(check, tool, where, servers, only):
    for name, expected, build, *messages in doctor_cases.CASES:
        if only not in name:
            continue
        root = new_root(where, name, servers)
        build(root, servers)
        code, report = run(tool, "--root", root.path)
        found = ids(report)
        check.that(code == 1 and found == expected, name, f"exit code {code}, found {sorted(found)}, not {sorted(expected)}"
                   f" {report.get('error', '')}")
        for message in messages:
            out = php_says(root)
            check.that(re.search(message, out), f"{name}: PHP says so", f"{message!r} is not in {out[:600]!r}")


def check_good(check, tool, where, servers, only):
    for name, build in doctor_cases.GOOD:
        if only not in name:
            continue
        root = new_root(where, "good " + name, servers)
        build(root, servers)
        code, report = run(tool, "--root", root.path)
        check.that(code == 0 and not report["findings"] and "error" not in report, f"nothing is wrong: {name}", report)
        check.that("very-secret" not in json.dumps(report), f"no password is shown: {name}", report)


def check_ids(check, tool, compared):
    """Each id has a set-up above, or a reason why not; none is unknown."""
    listed = subprocess.run([tool, "doctor", "--ids"], capture_output=True, text=True, check=True).stdout
    known = {line.split()[0]: line.split()[1] for line in listed.splitlines()}
    seen = set().union(compared, *(expected for _, expected, *_ in doctor_cases.CASES))
    missing = set(known) - seen - set(NO_SUCH_CASE)
    check.that(not missing and seen <= set(known), "each finding has a set-up that is broken so",
               sorted(missing | (seen - set(known))))
    check.that(not SAY_TOO_LITTLE, f"each finding that was made says {', '.join(doctor_root.PARTS)}", SAY_TOO_LITTLE)
    doctor_parts.page(check, known)


@contextlib.contextmanager
def redis(where, tls=()):
    """The port of a Redis, which has TLS alone where there are options for that."""
    port = harness.free_port()
    where_to = ["--port", "0", "--tls-port", str(port), *tls] if tls else ["--port", str(port)]
    child = subprocess.Popen(["redis-server", *where_to, "--save", "", "--bind", "127.0.0.1", "--dir", str(where)],
                             stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True)
    try:
        while not harness.connects(socket.AF_INET, ("127.0.0.1", port)):
            if child.poll() is not None:
                sys.exit("redis-server did not start")
        yield port
    finally:
        child.terminate()
        child.wait()


@contextlib.contextmanager
def all_servers(server, where):
    """What the set-ups connect to."""
    path = str(where / "server.sock")
    users = where / "users"
    users.write_text("alice:secret\n")
    with contextlib.ExitStack() as stack:
        port = harness.free_port()
        stack.enter_context(harness.started(server, ["-s", path, "-a", "777", "-l", "127.0.0.1", "-p", str(port), "--data",
                                                     str(where / "data")], socket.AF_UNIX, path, where / "server.log"))
        def tcp(program, *options):
            return stack.enter_context(harness.tcp_server(program, where, *options))
        yield {"tcp": port, "sock": path, "memcached": tcp(MEMCACHED), "redis": stack.enter_context(redis(where)),
               "login": tcp(server, "-Y", str(users)), "forgets": tcp(server),
               "short": tcp(server, "--data", str(where / "short"), "--absolute-life", "3600"), "nobody": harness.free_port()}


def main():
    parser = harness.arguments(__doc__)
    parser.add_argument("--only", default="", metavar="WORDS")
    options = parser.parse_args()
    harness.fail_on_sigterm()
    harness.need_php()
    tool = os.path.join(os.path.dirname(harness.program(options.server)[0]), "cloakroom")
    check = Check()
    with harness.folder() as where, all_servers(options.server, where) as servers:
        check_cases(check, tool, where, servers, options.only)
        check_good(check, tool, where, servers, options.only)
        if not options.only:
            for part in (doctor_parts.asked, doctor_parts.same_as_php, doctor_parts.fpm, doctor_parts.words):
                part(check, tool, where, servers)
            doctor_parts.figures(check, tool, options.server, where)
            doctor_servers.servers(check, tool, options.server, where)
            check_ids(check, tool, doctor_parts.compare(check, tool, where, servers))
    print(f"doctor: {check.passed} passed, {check.failed} failed")
    return 1 if check.failed or not check.passed else 0


if __name__ == "__main__":
    sys.exit(main())
