#!/usr/bin/env python3
"""The server as a process: how it starts and ends, what it does with bad input, with locks, and when it is full.

Each function test_… of the files beside this one is a test. It runs in a process of its own, two at a time, and ends
only what it started. `--only` takes a piece of a test's name, as printed.

What was too slow is tried again at the end, alone, at most twice: a machine that is busy with other things is not to
blame the server, and a server that is to blame is slow each time.
"""

import argparse
import importlib
import multiprocessing
import os
import shutil
import signal
import sys
import time
import traceback

import harness

FILES = ["startup", "options", "figures", "listeners", "access", "tls", "udp", "logs", "lifetime", "badinput", "greedy", "limits", "intact", "locks",
         "waits", "full",
         "durable", "loading", "disk", "offline", "handles", "dumps", "watch", "crowds",
         "service", "backups", "leases", "web", "web_doors", "web_sessions", "web_api", "sessions", "rosters", "session_kept", "copies", "ids", "lives"]
TEST_S = 60
TRIES = 3
FORK = multiprocessing.get_context("fork")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", default=harness.program, metavar="PATH", help="the server to test (%(default)s)")
    parser.add_argument("--only", default="", metavar="NAME", help="only tests that have this in their name")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="tests at once (%(default)s)")
    parser.add_argument("--slow", type=float, default=0, metavar="FACTOR",
                        help="stretches all time limits (1, and 4 for a sanitized server)")
    return parser.parse_args()


def all_tests(files):
    """(name, function), in the order in which the files have them."""
    for file in files:
        for name, function in vars(importlib.import_module(file)).items():
            if name.startswith("test_") and callable(function):
                yield f"{file}: {name[5:].replace('_', ' ')}", function


def run_one(function, pipe):
    """In the test's own process. SIGTERM unwinds, so that `with` blocks end their servers."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        function()
        pipe.send(("ok", ""))
    except harness.Skip as why:
        pipe.send(("skip", str(why)))
    except (harness.TooSlow, TimeoutError) as error:
        pipe.send(("slow", f"{where_from(error)}: {error or 'timed out'}"))
    except Exception as error:
        kind = "" if isinstance(error, AssertionError) else f"{type(error).__name__}: "
        pipe.send(("FAIL", f"{where_from(error)}: {kind}{error}"))


def where_from(error):
    """The lines of the tests' own files that led there, from the test inwards."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [f for f in frames if f.filename.startswith(str(harness.HERE.parent)) and f.name != "run_one"]
    return " > ".join(f"{os.path.basename(f.filename)}:{f.lineno}" for f in own)


class Running:
    def __init__(self, name, function):
        self.name = name
        self.function = function
        self.begin = time.monotonic()
        self.pipe, theirs = FORK.Pipe(duplex=False)
        self.process = FORK.Process(target=run_one, args=(function, theirs))
        self.process.start()
        theirs.close()

    def poll(self):
        """(outcome, detail) when it is over, else None."""
        if self.pipe.poll(0.01):
            try:
                outcome = self.pipe.recv()
            except EOFError:
                outcome = ("FAIL", "the test's process died")
            self.end(5)
            return outcome
        if time.monotonic() - self.begin < TEST_S * harness.slow:
            return None
        self.process.terminate()
        self.end(5)
        return "slow", f"took more than {TEST_S * harness.slow:g} s"

    def end(self, patience_s):
        self.process.join(patience_s)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        self.pipe.close()


def report(test, outcome, counts):
    verdict, detail = outcome
    counts[verdict] = counts.get(verdict, 0) + 1
    took = time.monotonic() - test.begin
    print(f"{verdict:4} {test.name} ({took:.1f} s){': ' + detail if detail else ''}", flush=True)


def run_all(tests, jobs):
    """The counts of each verdict, and those tests that were too slow."""
    counts = {"ok": 0, "FAIL": 0, "skip": 0}
    slow = []
    waiting = list(tests)
    running = []
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                running.append(Running(*waiting.pop(0)))
            for test in running[:]:
                outcome = test.poll()
                if outcome:
                    running.remove(test)
                    report(test, outcome, counts)
                    if outcome[0] == "slow":
                        slow.append((test.name, test.function))
    finally:
        for test in running:
            test.process.terminate()
            test.end(5)
        left = harness.end_all_left()
        if left:
            print(f"     ended servers that were left behind: {left}")
    return counts, slow


def run_with_patience(tests, jobs):
    counts, slow = run_all(tests, jobs)
    for _ in range(TRIES - 1):
        again, slow = run_all(slow, 1)
        for verdict in ("ok", "FAIL", "skip"):
            counts[verdict] += again[verdict]
    counts["FAIL"] += len(slow)
    return counts


def main(files=FILES, suite="server"):
    args = arguments()
    if not os.access(args.server, os.X_OK):
        sys.exit(f"no server {args.server}: build it with `make`, or name one with --server")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with harness.folder() as where:
        # A copy: somebody may build meanwhile.
        harness.use(shutil.copy(args.server, where), args.slow)
        shutil.copy(os.path.join(os.path.dirname(args.server), "cloakroom"), where)
        counts = run_with_patience([test for test in all_tests(files) if args.only in test[0]], args.jobs)
    skipped = f", {counts['skip']} skipped" if counts["skip"] else ""
    print(f"{suite}: {counts['ok']} passed, {counts['FAIL']} failed{skipped}")
    sys.exit(1 if counts["FAIL"] else 0)


if __name__ == "__main__":
    main()
