#!/usr/bin/env python3
"""Runs the fuzz targets for some seconds each, from the seeds in corpus/ on.

What they find new goes to the build folder, the tree stays as it is. An input that fails is kept there, and named. The
closing line has the counts: "N passed, M failed".
"""

import argparse
import os
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
TARGETS = {"scan": 4096, "recover": 512, "proto": 2300, "ini": 600, "path": 400, "frame": 3000, "http": 2000}  # and the longest input
INPUT_S = 10
SLACK_S = 60
TAIL_LINES = 40


def words(target):
    """The dictionary, where the target has one."""
    path = HERE / f"{target}.dict"
    return [f"-dict={path}"] if path.exists() else []


def run(build, target, seconds):
    """Did it go well?"""
    found = build / "found" / target
    found.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="fuzz-") as where:
        command = [build / f"fuzz_{target}", f"-max_total_time={seconds}", f"-max_len={TARGETS[target]}",
                   f"-timeout={INPUT_S}", *words(target), f"-artifact_prefix={build}/{target}-", found, HERE / "corpus" / target]
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  timeout=seconds + SLACK_S, env={**os.environ, "TMPDIR": where})
            status, output = done.returncode, done.stdout.decode("utf-8", "replace")
        except subprocess.TimeoutExpired as late:
            status, output = -1, (late.stdout or b"").decode("utf-8", "replace") + "\nit does not end"
    lines = output.strip().splitlines() or [""]
    print(f"{'ok  ' if status == 0 else 'FAIL'} {target}: {lines[-1]}", flush=True)
    if status != 0:
        print("\n".join(lines[-TAIL_LINES:]))
    return status == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=HERE.parent / "build/fuzz", metavar="FOLDER")
    parser.add_argument("--seconds", type=int, default=5, metavar="N", help="for each target (%(default)s)")
    parser.add_argument("--only", choices=TARGETS)
    args = parser.parse_args()
    results = [run(args.build.resolve(), target, args.seconds) for target in TARGETS if args.only in (None, target)]
    print(f"{results.count(True)} passed, {results.count(False)} failed")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
