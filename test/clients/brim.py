#!/usr/bin/env python3
"""At the brim: a server of 4 MB full to the last byte, and the sessions that are in it go on as if nothing were.

Both stock handlers make sessions; then new sessions and cache items are written until the server refuses; and while
they keep coming, both handlers open and write the existing sessions 1,000 times. None may be refused, none may be
empty, and each must have counted right. memcached cannot pass: it makes room by dropping what it has.
"""

import concurrent.futures
import contextlib
import json
import random
import socket
import sys
import threading
import time

import harness

MEMORY_MB = 4
SESSIONS = 200               # of each handler
ROUNDS = 5                   # each session is opened and written so often: 1,000 times in all
PHP_S = 120                  # time-out of a PHP process
REFUSED = b"SERVER_ERROR out of memory storing object"
SIZES = [range(500, 2000), range(50, 500), range(1, 50)]  # the filling goes on with smaller ones once refused
MOST_MB = 4 * MEMORY_MB      # a server that took so much without a refusal will never refuse


class Wire:
    """A connection in the text protocol that only sets."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.answers = self.socket.makefile("rb")

    def set(self, key, value):
        """True if stored, False if there was no room."""
        self.socket.sendall(b"set %s 0 3600 %d\r\n%s\r\n" % (key.encode(), len(value), value))
        answer = self.answers.readline().rstrip()
        if answer not in (b"STORED", REFUSED):
            raise AssertionError(f"set {key} was answered {answer!r}")
        return answer == b"STORED"

    def close(self):
        self.answers.close()
        self.socket.close()


def new_session_key():
    return f"memc.sess.key.{random.randbytes(16).hex()}"


def fill(wire):
    """Sets new sessions until even the smallest is refused, cache items among them; returns how many it stored, or None
    if there is no end to it."""
    stored = taken = 0
    for sizes in SIZES:
        refused = 0
        while refused < 20:  # in a row: a smaller one may still fit
            value = random.randbytes(random.choice(sizes))
            wire.set(f"cache:{random.getrandbits(40)}", value)
            if wire.set(new_session_key(), value):
                stored, taken, refused = stored + 1, taken + len(value), 0
            else:
                refused += 1
            if taken > MOST_MB << 20:
                return None
    return stored


def press(port, stop):
    """Keeps asking for room until told to stop; returns how many new sessions were refused."""
    refused = 0
    with contextlib.closing(Wire(port)) as wire:
        while not stop.is_set():
            value = random.randbytes(random.choice(random.choice(SIZES)))
            wire.set(f"cache:{random.getrandbits(40)}", value)
            refused += not wire.set(new_session_key(), value)
    return refused


class Handler:
    """One of the stock handlers with its sessions."""

    def __init__(self, name, port, where):
        self.name = name
        self.environment = harness.write_ini(where / name, harness.handler_settings(name, port))
        self.list = where / f"{name}.ids"
        self.list.write_text("".join(f"{random.randbytes(16).hex()}\n" for _ in range(SESSIONS)))

    def php(self, action, rounds=1):
        """Runs brim.php; returns what it reports."""
        script = harness.HERE / "brim.php"
        code, out = harness.run(["php", str(script), action, str(self.list), str(rounds)], PHP_S, self.environment)
        if code != 0:
            raise AssertionError(f"{self.name}: php ended with {code}: {out[-1000:]}")
        return json.loads(out)


class Verdict:
    passed = 0
    failed = 0

    def expect(self, passed, what):
        print(f"{'ok  ' if passed else 'FAIL'} {what}", flush=True)
        self.passed += bool(passed)
        self.failed += not passed


def run(port, where, verdict):
    handlers = [Handler(name, port, where) for name in ("memcached", "memcache")]
    for handler in handlers:
        report = handler.php("create")
        verdict.expect(report["refused"] == 0, f"{handler.name}: {SESSIONS} sessions made, {report['refused']} refused "
                                               f"{report['message']}")
    with contextlib.closing(Wire(port)) as wire:
        stored = fill(wire)
    verdict.expect(stored is not None, f"filled until new sessions are refused: {stored} stored" if stored is not None else
                   f"{MOST_MB} MB of new sessions went into {MEMORY_MB} MB and none was refused: older ones must be gone")

    stop = threading.Event()
    with concurrent.futures.ThreadPoolExecutor() as pool:
        pressing = pool.submit(press, port, stop)
        try:
            began = time.monotonic()
            reports = list(pool.map(lambda handler: handler.php("count", ROUNDS), handlers))
            seconds = time.monotonic() - began
        finally:
            stop.set()
        print(f"     meanwhile {pressing.result()} more new sessions were refused; {seconds:.1f} s")
    for handler, report in zip(handlers, reports):
        verdict.expect(report["refused"] == 0 and report["emptied"] == 0,
                       f"{handler.name}: {SESSIONS * ROUNDS} times start and write of sessions that exist: "
                       f"{report['refused']} refused, {report['emptied']} empty {report['message']}")
    for handler in handlers:
        report = handler.php("verify", ROUNDS)
        verdict.expect(report["refused"] == 0 and report["wrong"] == 0,
                       f"{handler.name}: {SESSIONS} sessions looked at after it: {report['refused']} refused, "
                       f"{report['wrong']} wrong {report['message']}")


def main():
    options = harness.arguments(__doc__).parse_args()
    harness.fail_on_sigterm()
    harness.need_php()
    verdict = Verdict()
    with harness.folder() as where, harness.tcp_server(options.server, where, "-m", str(MEMORY_MB)) as port:
        try:
            run(port, where, verdict)
        except (AssertionError, OSError) as error:
            verdict.expect(False, str(error))
    print(f"brim: {verdict.passed} passed, {verdict.failed} failed")
    return 1 if verdict.failed else 0


if __name__ == "__main__":
    sys.exit(main())
