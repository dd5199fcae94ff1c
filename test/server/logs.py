"""What the server says to its operator: each line has the shape that docs/operations.md tells, each event is in the table
there, and nothing secret is ever said."""

import contextlib
import os
import re
import signal
import subprocess
import tempfile

import harness
from access import log_in, users
from durable import SESSION, data_folder, on
from harness import ROOT, as_root, check, equal, folder, server, wait_for
from wire import Client, connect, read_all

LEVELS = {"error": 3, "warning": 4, "notice": 5, "info": 6, "debug": 7}
VALUE = r"(?:[^\s\"=\\]+|\"(?:[^\"\\\x00-\x1f\x7f]|\\[\"\\]|\\x[0-9a-f]{2})*\")"
LINE = re.compile(r"(?:ts=\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z |<(?P<number>[3-7])>)level=(?P<level>[a-z]+) "
                  r"event=(?P<event>[a-z_]+)(?P<rest>(?: [a-z_]+=%s)*)" % VALUE)
ID = "abcdefghijklmnopqrstuvwx0123456789"
PASSWORD = "Tr0ub4dor-and-3"


def events(text):
    """(level, event, rest) of each line; each has its shape, and what went wrong says what to do about it."""
    found = []
    for line in text.splitlines():
        match = LINE.fullmatch(line)
        check(match, f"a line of another shape: {line!r}")
        level, event, rest = match["level"], match["event"], match["rest"]
        check(match["number"] in (None, str(LEVELS[level])), line)
        check(level not in ("error", "warning") or " msg=" in rest, f"nothing for people: {line!r}")
        found.append((level, event, rest))
    return found


def names(text):
    return [event for _, event, _ in events(text)]


def documented():
    text = (ROOT / "docs/operations.md").read_text()
    table = text[text.index("<!-- events: begin -->"):text.index("<!-- events: end -->")]
    return set(re.findall(r"`([a-z_]+)`", "".join(line.split("|")[1] for line in table.splitlines() if line.startswith("| `"))))


def test_each_event_is_documented():
    source = "".join(path.read_text() for path in sorted((ROOT / "src/server").glob("*.c")))
    said = set(re.findall(r'say_(?:line|open)\([^"]*?SAY_[A-Z]+,\s*"([a-z_]+)"', source))
    said |= set(re.findall(r'[^_]say\(conn, "([a-z_]+)"', source))
    check(len(said) > 10, f"found only {said}")
    equal(sorted(said), sorted(documented()), "events of the source, and of docs/operations.md")
    check("fprintf(stderr" not in source, "something is said past say.h")


def test_start_that_fails():
    for options in (["-p", "x"], ["-p", 'x"y\\'], ["--xyz\n<0>level=notice"], ["-M", "--evict-sessions"], ["-l", "no such=host"]):
        status, said = harness.attempt([*as_root(), *options])
        equal((status, names(said)), (1, ["start_failed"]), options)


def test_the_journal():
    """It has a time of its own, and wants the level in front; only when it is really its own stream that stderr is."""
    for offset, prefix in ((0, "<3>"), (1, "ts=")):
        with tempfile.TemporaryFile() as out:
            stat = os.fstat(out.fileno())
            stream = f"{stat.st_dev}:{stat.st_ino + offset}"
            subprocess.run([harness.program, "-p", "x"], stderr=out, env=harness.environment(JOURNAL_STREAM=stream), check=False)
            out.seek(0)
            said = out.read().decode()
        equal(names(said), ["start_failed"], "events")
        check(said.startswith(prefix), said)


def wrong_logins(address, n):
    for i in range(n):
        with Client(address) as c:
            log_in(c, "alice", f"{PASSWORD}{i}")


def test_nothing_secret_is_said():
    """All that can be said by a server at work, as much of it as there is (-vv): ids, keys, users and passwords are not."""
    with folder() as where:
        file = users(where)
        file.write_text(f"alice:{PASSWORD}\nbob:pass2\n")
        options = ["-vv", "-Y", str(file), "-c", "3", "-t", "1", "-f", "2", "--session-prefix", "memc.sess.key."]
        with server(*options, where=where, notes=None) as s:
            with Client(s.address) as c:
                equal(log_in(c, "alice", PASSWORD), "STORED", "login")
                c.store(f"memc.sess.key.{ID}", b"secret-of-the-session")
                c.store(f"memc.sess.key.lock.{ID}", b"1")
                c.send(f"get memc.sess.key.{ID}\r\nget {ID * 9}\r\nnonsense {ID}\r\nso {ID} x\r\n".encode())
                others = [connect(s.address) for _ in range(4)]
                check(any(b"Too many" in read_all(other) for other in others[2:]), "none was refused")
                for other in others:
                    other.close()
            wait_for(lambda: "connection_refused" in s.all_said(), "a refusal is said")
            wrong_logins(s.address, 3)
            file.write_text("nonsense-" + PASSWORD + "\n")
            s.child.send_signal(signal.SIGHUP)
            wait_for(lambda: "reload_failed" in s.all_said(), "a reload that failed is said")
            s.child.send_signal(signal.SIGTERM)
            s.child.wait(5 * harness.slow)
            said = s.all_said()
    told = set(names(said))
    equal({"ready", "option_ignored", "connection_opened", "connection_closed", "connection_refused", "login_refused", "reload",
           "reload_failed", "stopping"} - told, set(), "events that were not said")
    for secret in (ID, PASSWORD, "secret-of", "pass2", "alice", "nonsense"):
        check(secret not in said, f"{secret} was said: {said}")


def test_levels():
    """Without -v a client that comes and goes is no event."""
    for options, wanted in ((["-v"], ["ready", "stopping"]), (["-vv"], ["ready", "connection_opened", "connection_closed", "stopping"])):
        with server(*options, notes=None) as s:
            with Client(s.address) as c:
                c.store("k", b"v")
            if "-vv" in options:
                wait_for(lambda: "connection_closed" in s.all_said(), "the end of it")
            s.child.send_signal(signal.SIGTERM)
            s.child.wait(5 * harness.slow)
            equal(names(s.all_said()), wanted, options)


def test_who_tries_passwords_does_not_fill_the_log():
    with folder() as where, server("-Y", str(users(where)), "-t", "1", where=where, notes=None) as s:
        wrong_logins(s.address, 200)
        refused = [rest for _, event, rest in events(s.all_said()) if event == "login_refused"]
        check(1 <= len(refused) <= 120, f"{len(refused)} lines for 200")
        check(all(re.match(r" peer=tcp:127\.0\.0\.1:\d+ tries=1 ", rest) for rest in refused), refused[0])
        s.child.send_signal(signal.SIGTERM)
        s.child.wait(5 * harness.slow)


def test_what_the_disk_does():
    """A folder that goes away: said once, with what to do."""
    with data_folder() as data, on(data, "--sync-interval-ms", "50", notes=None) as (s, c):
        c.store(f"{SESSION}a", b"v")
        subprocess.run(["rm", "-r", str(data)], check=True)
        with contextlib.suppress(AssertionError, OSError):
            for i in range(1000):
                c.set(f"{SESSION}{i}", b"v" * 10000)
        wait_for(lambda: "event=data" in s.all_said(), "the trouble is said")
        s.child.send_signal(signal.SIGTERM)
        s.child.wait(5 * harness.slow)
        told = [(level, rest) for level, event, rest in events(s.all_said()) if event == "data"]
        equal(len(told), 1, "lines about the disk")
        check("read-only" in told[0][1] and "see to the disk" in told[0][1], told)
