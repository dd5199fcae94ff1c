#!/usr/bin/env python3
"""The tool `cloakroom` with a real server: each command, each error and exit code, tables and JSON, on a terminal and not.

Each function test_… of the files beside this one is a test, run as those of test/server/ are. `--only` takes a piece of a
test's name, as printed.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "server"))

import run as runner  # noqa: E402 - that of test/server, which is looked in first

FILES = ["tool_line", "tool_server", "tool_sessions", "tool_live"]

if __name__ == "__main__":
    runner.__doc__ = __doc__
    runner.main(FILES, "tool")
