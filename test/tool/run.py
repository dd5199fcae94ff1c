#!/usr/bin/env python3
"""The tool `cloakroom` with a real server: each command, each error and exit code, tables and JSON, on a terminal and not.

Each function test_… of the files beside this one is a test, run as those of test/server/ are. `--only` takes a piece of a
test's name, as printed; `--full` runs the longer ones of `make check-full` instead.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "server"))

import run as runner  # noqa: E402 - that of test/server, which is looked in first

FILES = ["tool_line", "tool_server", "tool_sessions", "tool_live"]

FULL = ["tool_full"]
FULL_TEST_S = 600

if __name__ == "__main__":
    runner.__doc__ = __doc__
    if "--full" in sys.argv:
        sys.argv.remove("--full")
        runner.TEST_S = FULL_TEST_S
        runner.main(FULL, "tool")
    runner.main(FILES, "tool")
