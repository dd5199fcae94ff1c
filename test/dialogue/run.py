#!/usr/bin/env python3
"""Runs the dialogues against a server and against memcached as the oracle (README.md has the format).

    run.py --server build/release/cloakroomd [--server-args "..."] [--oracle /usr/bin/memcached] [--only NAME] [-v]
    run.py --differences        the declared differences as Markdown

Exit status 0: both answered everything as the files say. 1: they did not, or a server could not be started.
"""

import argparse
import concurrent.futures
import glob
import os
import re
import shlex
import sys
import time

sys.dont_write_bytecode = True  # a test run leaves nothing in the tree

import script
from server import NO_WAITS, CannotStart, Server, login
from values import BadScript
from wire import Connection, Datagrams, Mismatch, show

HERE = os.path.dirname(os.path.abspath(__file__))
ORACLE_OLD = (1, 6, 18)  # Debian 12's; `oracle-older` is about this one
# Nothing in the background of the oracle: what is dropped when would be a matter of luck, and stats.dlg counts it.
ORACLE_ARGS = ["-o", "no_lru_crawler,no_lru_maintainer"]
AT_ONCE = 6              # files under way at once: most of their time they sleep


class Run:
    """One section being spoken to one server."""

    def __init__(self, port, who, is_oracle, is_newest, user):
        self.port, self.who, self.is_oracle, self.is_newest, self.user = port, who, is_oracle, is_newest, user
        self.connections, self.current = {}, "@1"
        self.variables, self.counters, self.checks = {}, {}, 0

    def connection(self):
        if self.current not in self.connections:
            kind = Datagrams if self.current.startswith("@udp") else Connection
            self.connections[self.current] = kind(self.port)
        return self.connections[self.current]

    def forget(self):
        """The connection is gone; the next step that needs it opens a new one."""
        self.connections.pop(self.current).close()

    def read_counters(self):
        """On a connection of its own, kept for the section."""
        back, self.current = self.current, "counters"
        try:
            if self.user and self.current not in self.connections:
                self.connection().send(login(self.user))
                self.connection().take_line("expected STORED")
            self.connection().send(b"stats\r\n")
            return script.read_stats(self.connection())
        finally:
            self.current = back

    def finish(self):
        """Nothing may be left unread."""
        try:
            for name, connection in self.connections.items():
                rest = connection.rest(0.05)
                if rest:
                    raise Mismatch("at the end something is left on %s: '%s'" % (name, show(rest)))
        finally:
            for connection in self.connections.values():
                connection.close()


def clear(port):
    """Sections do not see each other's items."""
    connection = Connection(port)
    try:
        connection.send(b"flush_all\r\n")
        if connection.take_line("expected OK after flush_all") != b"OK\r\n":
            raise Mismatch("flush_all between the sections was refused")
    finally:
        connection.close()


def speak(section, server, who, is_oracle, is_newest):
    """Runs a section; returns (checks passed, what went wrong or None)."""
    run, at = None, section.line
    try:
        if section.flush:
            clear(server.port)
        run = Run(server.port, who, is_oracle, is_newest, section.user)
        for step in section.steps:
            at = step.line
            step.do(run)
        run.finish()
        return run.checks, None
    except (Mismatch, OSError) as error:
        if run:
            for connection in run.connections.values():
                connection.close()
        death = None
        for _ in range(20):  # a dying server may need a moment
            death = server.death()
            if death or not isinstance(error, OSError):
                break
            time.sleep(0.05)
        return run.checks if run else 0, "line %d, %s: %s%s" % (at, who, error, "\n     " + death if death else "")


class FileResult:
    def __init__(self, name):
        self.name, self.passed, self.failed, self.checks, self.report = name, 0, 0, 0, []


def is_newer(version):
    digits = re.match(r"(\d+)\.(\d+)\.(\d+)", version)
    return bool(digits) and tuple(int(digit) for digit in digits.groups()) > ORACLE_OLD


def udp(sections):
    """Is there one who speaks over UDP?"""
    return any(isinstance(step, script.Act) and step.kind == "connection" and step.argument.startswith("@udp")
               for section in sections for step in section.steps)


def run_file(name, sections, options):
    result = FileResult(name)
    servers = []
    try:
        mine = ORACLE_ARGS if options.stand_in else NO_WAITS + shlex.split(options.server_args)
        servers.append(Server(options.server, mine, sections[0].user, udp(sections)))
        servers.append(Server(options.oracle, ORACLE_ARGS, sections[0].user, udp(sections)))
        newest = is_newer(servers[1].version)
        for section in sections:
            with concurrent.futures.ThreadPoolExecutor(2) as pool:
                tries = [pool.submit(speak, section, servers[0], "server", options.stand_in, newest),
                         pool.submit(speak, section, servers[1], "oracle", True, newest)]
                outcomes = [one.result() for one in tries]
            wrong = [text for _, text in outcomes if text]
            result.checks += outcomes[0][0]
            result.passed += not wrong
            result.failed += bool(wrong)
            if wrong:
                result.report.append("FAIL %s: %s\n%s" % (name, section.name,
                                                          "\n".join("  " + text for text in wrong)))
            elif options.verbose:
                result.report.append("ok   %s: %s (%d checks)" % (name, section.name, outcomes[0][0]))
            if any(server.death() for server in servers):
                result.report.append("FAIL %s: a server ended, the rest of the file is not run" % name)
                result.failed += len(sections) - sections.index(section) - 1
                break
    except (CannotStart, OSError) as error:
        result.failed += 1
        result.report.append("FAIL %s: %s" % (name, error))
    finally:
        for server in servers:
            server.stop()
    return result


def load(only):
    files = {}
    for path in sorted(glob.glob(os.path.join(HERE, "*.dlg"))):
        name = os.path.basename(path)[:-4]
        sections = script.parse(path)
        if only:
            sections = [section for section in sections if only in name or only in section.name]
        if sections:
            files[name] = sections
    return files


def sleeps(sections):
    return sum(float(step.argument) for section in sections for step in section.steps
               if isinstance(step, script.Act) and step.kind == "sleep")


def answer_text(expects):
    parts = []
    for expect in expects:
        if expect.kind in ("closed", "nothing"):
            parts.append({"closed": "closes the connection", "nothing": "nothing"}[expect.kind])
        else:
            text = expect.text if len(expect.text) < 60 else expect.text[:57] + "..."
            parts.append("`%s`" % (text.replace("|", "\\|") or " "))
    return ", ".join(parts) or "nothing"


def roots(files):
    """The declared differences that are not `the same` as one above: (file, section, block, how many are alike)."""
    found = []
    for name, sections in files.items():
        blocks = [(section, block) for section in sections for block in section.differences()]
        for section, block in blocks:
            if block.root is block:
                found.append((name, section, block, sum(other.root is block for _, other in blocks) - 1))
    return found


def alike(count):
    return " (and %d alike)" % count if count else ""


def print_differences(files, out):
    titles = ("Where Cloakroom differs from memcached",
              "Where Cloakroom stays with 1.6.18 and the newest memcached differs",
              "Where Debian's 1.6.18 differs from the newest memcached, which Cloakroom follows")
    for kind, title, who in zip(script.Difference.KINDS, titles, ("memcached", "the newest", "1.6.18")):
        print("### %s\n\n| about | Cloakroom answers | %s answers | reason |\n|---|---|---|---|"
              % (title, who), file=out)
        for _, section, block, count in roots(files):
            if block.kind == kind:
                print("| %s%s | %s | %s | %s |" % (section.name, alike(count), answer_text(block.ours),
                                                   answer_text(block.theirs), block.reason), file=out)
        print(file=out)


def table_of_differences(files):
    print("declared differences:")
    total = 0
    for kind in script.Difference.KINDS:
        for name, _, block, count in roots(files):
            if block.kind == kind:
                print("  %-12s  %-18s  %s%s" % (kind, "%s:%d" % (name, block.line), block.reason, alike(count)))
                total += 1 + count
    print("  %d in all" % total)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--server", help="the server under test")
    parser.add_argument("--server-args", default="", help="further arguments for it, in one word")
    parser.add_argument("--oracle", default="/usr/bin/memcached")
    parser.add_argument("--only", help="only files or dialogues with this in their name")
    parser.add_argument("--stand-in", action="store_true",
                        help="the server under test is the oracle's twin (to write dialogues with)")
    parser.add_argument("--differences", action="store_true", help="print the declared differences as Markdown")
    parser.add_argument("-v", "--verbose", action="store_true", help="name each dialogue")
    options = parser.parse_args()
    try:
        files = load(options.only)
    except BadScript as error:
        print(error, file=sys.stderr)
        return 1
    if options.differences:
        print_differences(files, sys.stdout)
        return 0
    if not options.server:
        parser.error("--server is missing")
    if not files:
        print("no dialogue is called %s" % options.only, file=sys.stderr)
        return 1
    began = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        # those that sleep longest begin first
        order = sorted(files, key=lambda name: -sleeps(files[name]))
        waiting = {name: pool.submit(run_file, name, files[name], options) for name in order}
        results = [waiting[name].result() for name in files]
    for result in results:
        for text in result.report:
            print(text)
    for result in results:
        print("%-18s %3d of %3d dialogues, %4d checks" % (result.name, result.passed,
                                                          result.passed + result.failed, result.checks))
    table_of_differences(files)
    print("took %.1f s" % (time.monotonic() - began))
    failed = sum(result.failed for result in results)
    print("dialogues: %d passed, %d failed" % (sum(result.passed for result in results), failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
