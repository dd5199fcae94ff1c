#!/usr/bin/env python3
"""Real PHP processes, through both of Debian's session handlers, against one server; and libmemcached's own test.

Each script in php/ is one test and runs once for each way to connect: the handler memcached in binary and text, the
handler memcache in ascii and binary, each with a persistent connection and without, over TCP and a unix socket.
Those in php/verbs/ have session verbs beside the handler, which memcached knows nothing of. `--only` takes a piece of a
test's name, as printed.
"""

import concurrent.futures
import contextlib
import itertools
import os
import sys
import threading
import time

import functions
import harness

SCRIPT_S = 60        # time-out of one test
MEMCCAPABLE_S = 60
WITH_VERBS = [harness.HERE / "php/verbs" / name for name in ("killed.php", "change_of_handler.php")]
TOGETHER = 8         # tests that run at once: most of their time is sleep


def ways(addresses):
    """(name, ini settings) of every way to connect."""
    for handler, binary, persistent, (transport, address) in itertools.product(
            ["memcached", "memcache"], [True, False], [False, True], addresses.items()):
        name = f"{handler} {'binary' if binary else 'text'} {'persistent ' if persistent else ''}{transport}"
        yield name, harness.handler_settings(handler, address, persistent, binary)


def php_test(script, environment):
    code, out = harness.run(["php", str(script)], SCRIPT_S, environment)
    return code == 0 and out == "ok\n", out


def memccapable_test(server, where, protocol):
    with harness.tcp_server(server, where) as port:
        code, out = harness.run(["memccapable", "-h", "127.0.0.1", "-p", str(port), protocol], MEMCCAPABLE_S)
    failed = [line for line in out.splitlines() if "[pass]" not in line]
    return code == 0 and "All tests passed" in out, "\n".join(failed)


def has_verbs(server):
    return os.path.basename(harness.program(server)[0]) != "memcached"


def sasl_test(server, where, environment, password, wanted, printed):
    """php-memcached with user and password, sessions and functions, against a server that wants them."""
    users = where / "users"
    users.write_text("alice:secret\n")
    words = [f"memcached.sess_sasl_{name}={value}" for name, value in (("username", "alice"), ("password", password))]
    with harness.tcp_server(server, where, "-S", "-Y", str(users)) as port:
        settings = [word for one in [f"session.save_path=127.0.0.1:{port}", *words] for word in ("-d", one)]
        command = ["php", *settings, str(harness.HERE / "sasl.php"), str(port), "alice", password, wanted]
        code, out = harness.run(command, SCRIPT_S, environment)
    return code == 0 and out == printed, out


def all_tests(server, where, addresses):
    """(name, function) of each test; a function returns (passed, what was printed)."""
    for way, (name, settings) in enumerate(ways(addresses)):
        environment = harness.write_ini(where / f"way-{way}", settings)
        for script in sorted((harness.HERE / "php").glob("*.php")):
            if script.stem != "lib":
                yield f"{name}: {script.stem}", lambda s=script, e=environment: php_test(s, e)
        for script in WITH_VERBS if has_verbs(server) else ():
            yield f"{name}: {script.stem}", lambda s=script, e=environment: php_test(s, e)
    settings = harness.handler_settings("memcached", 0)
    environment = harness.write_ini(where / "sasl", settings)
    for password, wanted, printed in (("secret", "in", "n=1\n"), ("wrong", "out", "refused\n")):
        yield f"memcached SASL: {wanted}", lambda p=password, w=wanted, o=printed: sasl_test(
            server, where, environment, p, w, o)
    for name, protocol in (("text", "-a"), ("binary", "-b")):
        yield f"memccapable {name}", lambda p=protocol: memccapable_test(server, where, p)
    yield from functions.tests(server, where)


class Report:
    def __init__(self):
        self.passed = self.failed = 0
        self.lock = threading.Lock()

    def test(self, name, function):
        began = time.monotonic()
        try:
            passed, out = function()
        except SystemExit as error:  # a server that did not start
            passed, out = False, str(error)
        with self.lock:
            print(f"{'ok  ' if passed else 'FAIL'} {name} ({time.monotonic() - began:.2f} s)", flush=True)
            if passed:
                self.passed += 1
            else:
                self.failed += 1
                print("".join(f"     | {line}\n" for line in out.strip().splitlines()[-15:]), end="", flush=True)


def main():
    parser = harness.arguments(__doc__)
    parser.add_argument("--only", default="", metavar="WORDS", help="only tests with these words in the name")
    options = parser.parse_args()
    harness.fail_on_sigterm()
    harness.need_php()

    report = Report()
    with contextlib.ExitStack() as stack:
        where = stack.enter_context(harness.folder())
        addresses = {"tcp": stack.enter_context(harness.tcp_server(options.server, where)),
                     "unix": stack.enter_context(harness.unix_server(options.server, where))}
        pool = stack.enter_context(concurrent.futures.ThreadPoolExecutor(TOGETHER))
        for name, function in all_tests(options.server, where, addresses):
            if options.only in name:
                pool.submit(report.test, name, function)
        pool.shutdown()
    print(f"clients: {report.passed} passed, {report.failed} failed")
    return 1 if report.failed or not report.passed else 0


if __name__ == "__main__":
    sys.exit(main())
