#!/usr/bin/env python3
"""Has spin look through all that can happen in leases.pml, within some bounds: test/model/run.py [--only PART]

Each row of RUNS must hold in every state there is; each of BUGS, planted by its name, must be found to break the promise
that stands beside it, so the model is one that can fail. And there is no statement of the model that is never reached.
Ends with a line that counts. What spin wrote about a bug that nobody expected is kept, and said where.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

MODEL = Path(__file__).resolve().parent / "leases.pml"
JOBS = 2
SECONDS_MAX = 120
MEMORY_MAX_MB = 2000
DEPTH_MAX = 10000

# Bounds on how often something happens; what is not named happens once. Together they keep within half a minute.
RUNS = {
    "all of it, once each": [],
    "nobody leaves by himself": ["PATIENT"],
    "opened again, and killed": ["OPENS=2", "LAST_OPENS=1", "OVERS=0", "RESTARTS=0"],
    "opened again, and restarted": ["OPENS=2", "LAST_OPENS=1", "KILLS=0"],
}

# Small ones, which must hold, too, and tell what they have reached.
REACHING = [
    ["STEP=atomic", "WAITERS=1", "KILLS=0"],
    ["STEP=atomic", "RESTARTS=0"],
]

# The bug, what it takes to see it, and the promise of leases.pml that it breaks.
BUGS = [
    ("NO_VERSION", ["KILLS=0"], "L1"),
    ("NO_VERSION", [], "L5"),
    ("NO_FENCE", [], "L1"),
    ("LEASE_OVER_REFUSES", [], "L2"),
    ("LOST_IS_FORGOTTEN", [], "L2"),
    ("READ_BEFORE_LEASE", [], "L2"),
    ("FENCES_REPEAT", [], "L2"),
    ("NONE_IS_NOT_OPENED", [], "L2"),
    ("LATE_CANCEL", [], "L4"),
    ("DEAD_STAY_QUEUED", [], "L3"),
    ("DEAD_KEEP_THE_LEASE", [], "L4"),
    ("NO_WAKE", [], "L4"),
    ("WAITS_PAST_THE_LEASE", ["PATIENT"], "L3"),
    ("KILL_FORGETS_WAITERS", [], "L3"),
    ("KILL_LEAVES_NO_MARK", [], "L5"),
]


class Failure(Exception):
    pass


def call(command, folder, seconds=SECONDS_MAX):
    try:
        done = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=seconds, text=True, errors="replace")
    except subprocess.TimeoutExpired as late:
        raise Failure(f"{command[0]} was not done after {seconds} s") from late
    return done.returncode, done.stdout


class Search:
    """One search through the model with some words defined; each has a folder of its own."""

    def __init__(self, words, folder):
        self.defines = [f"-D{word}" for word in words]
        self.folder = folder
        shutil.copy(MODEL, folder)

    def build(self, optimising, *spin_options):
        for command in (["spin", *spin_options, "-a", *self.defines, MODEL.name],
                        ["gcc", optimising, "-w", "-DSAFETY", f"-DMEMLIM={MEMORY_MAX_MB}", "-o", "pan", "pan.c"]):
            status, said = call(command, self.folder)
            if status != 0:
                raise Failure(f"{command[0]}: {said[-500:]}")

    def run(self):
        """(errors, states, what it said); a search that was cut short is a failure."""
        _, said = call(["./pan", f"-m{DEPTH_MAX}", "-w22"], self.folder)
        errors = re.search(r"errors: (\d+)", said)
        states = re.search(r"(\d+) states, stored", said)
        if not errors or not states or "max search depth too small" in said or "out of memory" in said:
            raise Failure(f"the search came to no end: {said[:500]}")
        return int(errors[1]), int(states[1]), said

    def broken_promise(self, said):
        """The label, such as L2, of what was broken first."""
        if re.search(r"^pan:\d+: invalid end state", said, re.M):
            return "L3"
        status, replayed = call(["spin", "-t", *self.defines, MODEL.name], self.folder)
        at = re.search(rf"{MODEL.name}:(\d+), Error: assertion violated", replayed)
        if status not in (0, 1) or not at:
            raise Failure(f"the error cannot be replayed: {replayed[-500:]}")
        line = (self.folder / MODEL.name).read_text(encoding="utf-8").splitlines()[int(at[1]) - 1]
        label = re.search(r"/\* (L\d)", line)
        if not label:
            raise Failure(f"{MODEL.name}:{at[1]}: {line.strip()}")
        return label[1]

    def lines(self, said):
        """All lines of the model that have a statement, and those that were reached."""
        made = (self.folder / "pan.c").read_text(encoding="utf-8", errors="replace")
        of_process = dict(re.findall(r"short src_ln(\d+) \[\] = \{([^}]*)\}", made))
        unreached = re.split(r"unreached in \w+(?: \w+)?\n", said)[1:]
        if not of_process or len(unreached) != len(of_process):
            raise Failure("spin does not tell what was reached")
        known, reached = set(), set()
        for process, listed in enumerate(unreached):
            not_here = {int(state) for state in re.findall(r", state (\d+), ", listed)}
            numbers = [int(number) for number in re.findall(r"\d+", of_process[str(process)])]
            ends = {int(state) for state in re.findall(r', state (\d+), "-end-"', listed)}
            for state, line in enumerate(numbers):
                if line == 0 or state in ends:
                    continue
                known.add(line)
                if state not in not_here:
                    reached.add(line)
        return known, reached


def holds(words, folder, *spin_options):
    search = Search(words, folder)
    search.build("-Og", *spin_options)
    errors, states, said = search.run()
    if errors:
        promise = search.broken_promise(said)
        keep = tempfile.mkdtemp(prefix="cloakroom-model-")
        shutil.copytree(folder, keep, dirs_exist_ok=True)
        raise Failure(f"{promise} is broken; `cd {keep} && spin -t -p {' '.join(search.defines)} {MODEL.name}` plays it")
    return search, states, said


def test_run(words, folder):
    return f"{holds(words, folder)[1]:,} states"


def test_bug(row, folder):
    bug, words, promise = row
    search = Search([f"BUG_{bug}", *words], folder)
    search.build("-O0")
    errors, _, said = search.run()
    if not errors:
        raise Failure("not found")
    found = search.broken_promise(said)
    if found != promise:
        raise Failure(f"{found} is broken, not {promise}")
    return f"{promise} is broken"


def test_reached(runs, folder):
    known, reached = set(), set()
    for number, words in enumerate(runs):
        (folder / str(number)).mkdir()
        search, _, said = holds(words, folder / str(number), "-o3")  # else some are taken together, and not told of
        lines = search.lines(said)
        known |= lines[0]
        reached |= lines[1]
    if known - reached:
        raise Failure(f"never, in lines {', '.join(map(str, sorted(known - reached)))} of {MODEL.name}")
    return f"{len(known)} lines"


def tests():
    """(name, function, its argument), those first that take longest."""
    rows = [(name, test_run, words) for name, words in RUNS.items()]
    rows.append(("every statement is reached", test_reached, REACHING))
    return rows + [(f"found: BUG_{' '.join([row[0], *row[1]])}", test_bug, row) for row in BUGS]


def run_test(row):
    """(passed, line)"""
    name, function, argument = row
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="cloakroom-model-") as folder:
        try:
            passed, detail = True, function(argument, Path(folder))
        except Failure as failure:
            passed, detail = False, failure
    return passed, f"{'ok  ' if passed else 'FAIL'} {name} ({time.monotonic() - began:.1f} s): {detail}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", metavar="PART", help="only those whose name has it")
    args = parser.parse_args()
    if not shutil.which("spin"):
        sys.exit("model: spin is not installed; tools/deps check")
    npassed = nfailed = 0
    with ThreadPoolExecutor(min(JOBS, os.cpu_count() or 1)) as pool:
        for passed, line in pool.map(run_test, [row for row in tests() if args.only in row[0]]):
            npassed += passed
            nfailed += not passed
            print(line, flush=True)
    print(f"model: {npassed} passed, {nfailed} failed")
    return 1 if nfailed or not npassed else 0


if __name__ == "__main__":
    sys.exit(main())
