#!/usr/bin/env python3
"""The promise of cloakroom.redundancy, on three servers that are killed, emptied, frozen and restarted under load.

Real PHP processes open, read and write sessions that they share. One server at a time is

    killed      by SIGKILL, and started again with its data
    emptied     by SIGKILL, and started again without
    frozen      by SIGSTOP, and let go on
    restarted   by SIGTERM, and started again with its data

and before the next all sessions are opened once, which mends their copies. Then, of all pages that were told:

    - none has read less than what was written, without a complaint, before it began
    - no session_start() has failed, and no page took longer than the time of one server that hangs
    - no write is lost but those of who had a session twice, as a frozen server was seen by one and not by another; nor
      refused but those of who had its lease at the server that died

    php_servers.py --server PATH [--rounds N] [--seed S] [--peer]

One trouble of one server is one test. --peer does the same with php-memcache, session_redundancy = 2, on Debian's
memcached, shows what is lost there, and judges nothing.
"""

import contextlib
import itertools
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import time

import harness

VISITOR = harness.HERE / "servers/visitor.php"
SERVERS = 3
VISITORS = 4
SESSIONS = 40
BEFORE_S, AFTER_S = 0.3, 0.5
DOWN_S, FROZEN_S = 0.4, 1.6
LOAD_S = 3
PAGE_MOST_S = 2.6        # a frozen server costs 1 s at the beginning of a page, and 1 s at its end; the rest is the machine's
REFUSED_MOST = 0.02      # of the writes while a server was frozen
NS = 1e9


class Server:
    def __init__(self, command, where, number, has_data):
        self.command, self.has_data = command, has_data
        self.port = harness.free_port()
        self.data = where / f"data-{number}"
        self.log = where / f"server-{number}.log"
        self.child = None

    def start(self):
        options = ["-l", "127.0.0.1", "-p", str(self.port), "-U", "0"]
        if os.geteuid() == 0:
            options += ["-u", "root"]
        if self.has_data:
            options += ["--http", "off", "--data", str(self.data)]
        with open(self.log, "ab") as out:
            self.child = subprocess.Popen([*self.command, *options], stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        deadline = time.monotonic() + harness.START_S
        while not harness.connects(socket.AF_INET, ("127.0.0.1", self.port)):
            if self.child.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"{self.command[0]} did not start:\n{self.log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.01)

    def end(self, how):
        self.child.send_signal(signal.SIGCONT)
        self.child.send_signal(how)
        self.child.wait(10)


def killed(server):
    server.end(signal.SIGKILL)
    time.sleep(DOWN_S)
    server.start()


def emptied(server):
    server.end(signal.SIGKILL)
    time.sleep(DOWN_S)
    shutil.rmtree(server.data, ignore_errors=True)
    server.start()


def frozen(server):
    server.child.send_signal(signal.SIGSTOP)
    time.sleep(FROZEN_S)
    server.child.send_signal(signal.SIGCONT)


def restarted(server):
    server.end(signal.SIGTERM)
    time.sleep(DOWN_S)
    server.start()


TROUBLES = (killed, emptied, frozen, restarted)


@contextlib.contextmanager
def servers(command, where, has_data):
    all_of_them = [Server(command, where, number, has_data) for number in range(SERVERS)]
    try:
        for server in all_of_them:
            server.start()
        yield all_of_them
    finally:
        for server in all_of_them:
            if server.child is not None and server.child.poll() is None:
                server.end(signal.SIGKILL)


def visit(environment, seed, seconds):
    """A PHP process that tells its pages."""
    return subprocess.Popen(["php", str(VISITOR), str(seed), str(seconds), str(SESSIONS)], env=os.environ | environment,
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def pages_of(visitor, timeout_s):
    try:
        out, complaints = visitor.communicate(timeout=timeout_s)
    finally:
        if visitor.poll() is None:
            visitor.kill()
            visitor.wait()
    if visitor.returncode != 0:
        sys.exit(f"a visitor ended with {visitor.returncode}: {complaints[-1000:]}")
    return json.loads(out), complaints.splitlines()


def play(environment, server, trouble, seed):
    """All pages, and what was complained about, of visitors while a server has its trouble, and of a look after it."""
    visitors = [visit(environment, seed + i, LOAD_S) for i in range(VISITORS)]
    time.sleep(BEFORE_S)
    trouble(server)
    time.sleep(AFTER_S)
    pages, complaints = [], []
    for visitor in visitors:
        more, said = pages_of(visitor, LOAD_S + 30)
        pages += more
        complaints += said
    for _ in range(2):
        more, said = pages_of(visit(environment, seed, 0), 30)
        pages += more
        complaints += said
    return pages, complaints


class Judge:
    """Of the pages so far, by session: what was written last, and when that was known."""

    def __init__(self):
        self.acknowledged = {}  # session -> [(end_ns, n)]

    def judge(self, pages):
        found = dict.fromkeys(("pages", "written", "refused", "failed", "older", "lost"), 0)
        found["longest_s"] = max((end - begin) / NS for _, begin, end, *_ in pages)
        for which in range(SESSIONS):
            mine = sorted((page for page in pages if page[0] == which), key=lambda page: page[1])
            written = [(end, n) for _, _, end, _, n, is_good in mine if n is not None and is_good]
            known = self.acknowledged.get(which, []) + written
            for _, begin, _, read, n, is_good in mine:
                least = max((n for end, n in known if end < begin), default=0)
                found["pages"] += 1
                found["failed"] += read is None
                found["older"] += read is not None and read < least
                found["written"] += n is not None and is_good
                found["refused"] += n is not None and not is_good
            found["lost"] += len(written) - len({n for _, n in written})
            last = max((n for _, n in known), default=0)
            self.acknowledged[which] = [(0, last)]
        return found


def is_good(found, trouble):
    sure = found["failed"] == found["older"] == 0 and found["written"] > 0 and found["longest_s"] < PAGE_MOST_S
    if trouble is frozen:
        return sure and found["refused"] + found["lost"] <= VISITORS + REFUSED_MOST * found["written"]
    return sure and found["lost"] == 0 and found["refused"] <= VISITORS


def say(found):
    return ", ".join(f"{value:.2f} s at most" if name == "longest_s" else f"{value} {name}" for name, value in found.items())


def settings(extension, ports):
    return {"extension": extension, "session.save_handler": "cloakroom", "cloakroom.redundancy": "2",
            "session.save_path": ",".join(f"127.0.0.1:{port}" for port in ports), "error_log": "/dev/null",
            "session.use_cookies": "0", "session.cache_limiter": "", "session.gc_probability": "0"}


def peer_settings(ports):
    return harness.handler_settings("memcache", ports[0]) | {
        "session.save_path": ",".join(f"tcp://127.0.0.1:{port}" for port in ports), "memcache.session_redundancy": "2"}


def run(name, command, where, make_settings, has_data, order, seed):
    """[(which server, trouble, what was found)], one after the other."""
    judge = Judge()
    with servers(command, where, has_data) as all_of_them:
        environment = harness.write_ini(where / name, make_settings([server.port for server in all_of_them]))
        for turn, (number, trouble) in enumerate(order):
            pages, complaints = play(environment, all_of_them[number], trouble, seed + 100 * turn)
            found = judge.judge(pages)
            yield number, trouble, found, complaints


def main():
    parser = harness.arguments(__doc__)
    parser.add_argument("--rounds", type=int, default=1, metavar="N", help="each trouble at each server so often; 0: each at one")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--peer", action="store_true", help="php-memcache, too")
    options = parser.parse_args()
    harness.fail_on_sigterm()
    server = harness.program(options.server)
    extension = os.path.join(os.path.dirname(server[0]), "cloakroom.so")
    if not os.path.exists(extension):
        sys.exit(f"no {extension}: build it with `make php`")
    dice = random.Random(options.seed)
    order = list(itertools.product(range(SERVERS), TROUBLES)) * options.rounds
    if options.rounds == 0:
        order = [(dice.randrange(SERVERS), trouble) for trouble in TROUBLES]
    dice.shuffle(order)
    passed = failed = 0
    with harness.folder() as where:
        for number, trouble, found, complaints in run("cloakroom", server, where, lambda ports: settings(extension, ports), True,
                                                      order, options.seed):
            good = is_good(found, trouble)
            print(f"{'ok  ' if good else 'FAIL'} server {number} {trouble.__name__}: {say(found)}", flush=True)
            if not good:
                print("\n".join(sorted(set(complaints))[:10]))
            passed += good
            failed += not good
    if options.peer:
        harness.need_php()
        with harness.folder() as where:
            for number, trouble, found, _ in run("memcache", ["/usr/bin/memcached"], where, peer_settings, False, order,
                                                 options.seed):
                print(f"     php-memcache, server {number} {trouble.__name__}: {say(found)}", flush=True)
    print(f"{passed} passed, {failed} failed (seed {options.seed})")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
