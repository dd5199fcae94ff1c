"""events, top and bench: what goes on for a while, what ends it, and what it leaves behind."""

import os
import re
import signal
import subprocess
import time

import harness
from harness import check, equal, server
from scripted import CLOSE, scripted
from tool import NOWHERE, Terminal, environment, fails, name_of, program, succeeds, tool
from verbs import Verbs, put, put_all
from wire import Client

EVENTS = (b"EV 7 1795571220000 created 0c5de1f4a7b83962 Ashop\r\nEV 8 1795571221000 lease-broken 0c5de1f4a7b83962\r\n"
          b"EV 9 1795571222000 refused - Zfuture\r\nEN C9\r\n")
TABLE = """\
NUMBER  TIME                 KIND          HANDLE            APPLICATION
     7  2026-11-25T01:47:00  created       0c5de1f4a7b83962  shop
     8  2026-11-25T01:47:01  lease-broken  0c5de1f4a7b83962  -
     9  2026-11-25T01:47:02  refused       -                 -
"""


class Following:
    """events --follow in the background."""

    def __init__(self, s, *words):
        self.child = subprocess.Popen([program(), "events", "--follow", *words, "-s", name_of(s.address)],
                                      stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        harness.end(self.child)

    def line(self):
        return self.child.stdout.readline()

    def end(self):
        out, err = self.child.communicate(timeout=10 * harness.slow)
        return self.child.returncode, out, err


def test_events_letter_by_letter():
    with scripted({"se": EVENTS}) as s:
        equal(succeeds("events", server=s).out, TABLE, "the table")
        objects = succeeds("events", "-j", server=s).json_lines()
        equal(objects[0], {"number": 7, "time_ms": 1795571220000, "kind": "created", "handle": "0c5de1f4a7b83962",
                           "application": "shop"}, "the first in JSON")
        equal((objects[2]["handle"], objects[2]["application"]), (None, ""), "one of no session")
        for words, numbers in ((["--limit", "2"], [8, 9]), (["--kind", "created"], [7]), (["--application", "shop"], [7]),
                               (["--kind", "refused", "--limit", "5"], [9]), (["--limit", "1", "--kind", "created"], [7])):
            done = succeeds("events", "-j", *words, server=s)
            equal([one["number"] for one in done.json_lines()], numbers, f"with {words}")
        with Terminal("events", server=s) as t:
            equal(t.end(), 0, "exit code")
            check("\x1b[31m     9" in t.raw.decode() and t.text() == TABLE, t.raw)
    fails(2, "it is one of created|deleted", "events", "--kind", "made", server=NOWHERE)
    for answer, code in ((b"EV x 1 created -\r\n", 3), (b"EV 1 1\r\n", 3), (CLOSE, 3), (b"CLIENT_ERROR not allowed\r\n", 1)):
        with scripted({"se": answer}) as s:
            equal(tool("events", server=s).code, code, f"exit code after {answer!r}")


def test_events_that_were_missed():
    late = b"EV 50 1795571230000 killed 0c5de1f4a7b83962\r\nEN C50\r\n"
    with scripted({"se": [EVENTS, late, CLOSE]}) as s:
        done = tool("events", "--follow", "-j", server=s)
        equal((done.code, [one["number"] for one in done.json_lines()]), (3, [7, 8, 9, 50]), f"{done}")
        check("40 events were missed" in done.err, done.err)
        equal(s.asked[:3], ["se C0 N1000", "se C9 N1000", "se C50 N1000"], "what it asked")


def test_follow_a_real_server():
    with server() as s, Verbs(s.address) as c:
        put_all(c, [f"s{i}" for i in range(30)])
        with Following(s, "--kind", "created", "--limit", "3") as f:
            equal(f.line().split(), TABLE.splitlines()[0].split(), "titles")
            before = [int(f.line().split()[0]) for _ in range(3)]
            equal(before, sorted(before), "the last three")
            put(c, "new")
            check(int(f.line().split()[0]) > before[-1], "what is new comes as it comes")
            begin = time.monotonic()
            s.kill()
            code, out, err = f.end()
            equal((code, out), (3, ""), f"after the server was killed: {err!r}")
            check("closed" in err or "broke off" in err, err)
            check(time.monotonic() - begin < 5 * harness.slow, "it goes on")


def test_follow_ends_by_a_signal():
    with server() as s, Verbs(s.address) as c, Following(s, "--json") as f:
        put(c, "new")
        check('"number":1' in f.line(), "the first")
        f.child.send_signal(signal.SIGTERM)  # not SIGINT: who runs the tests in the background has it ignored
        equal(f.end()[0], -signal.SIGTERM, "how it ends")


STATS = """\
STAT version 1.6.45-cloakroom-0.1.0\r
STAT uptime 11220\r
STAT cloakroom_sessions 12345\r
STAT cloakroom_locks 2\r
STAT cloakroom_lock_waiting 5\r
STAT cloakroom_lock_waits {waits}\r
STAT cloakroom_session_opens {opens}\r
STAT cloakroom_used_bytes 2621440\r
STAT limit_maxbytes 67108864\r
STAT curr_connections 7\r
STAT max_connections 1024\r
STAT cloakroom_read_only {read_only}\r
END\r
"""
HELD = (b"SE 0bebc2120a913558 a61 i0 t1440 s88 n1 m9400 hweb1:/slow.php Guser:1\r\n"
        b"SE 761be37760c6e731 a61 i0 t1440 s88 n4 m2400 hweb2:/cart.php Guser:2\r\n"
        b"SE abad284c56aeaceb a61 i0 t1440 s88 n0 m3 hweb3:/fast.php Guser:3\r\nEN\r\n")


def stats(waits=0, opens=0, read_only=0):
    return STATS.format(waits=waits, opens=opens, read_only=read_only).encode()


def test_top_once():
    with scripted({"stats": [stats(10, 1000), stats(14, 1100)], "sl w": HELD}) as s:
        out = succeeds("top", "--once", server=s).out
        head, rates, memory, *rest = out.splitlines()
        check("1.6.45-cloakroom-0.1.0  up 3h07m" in head, head)
        check(re.match(r"sessions 12345 +held 2 +waiting 5 +opens/s (9\d|100) +writes/s - +waits/s 4 ", rates), rates)
        check("memory 2.5M" in memory and "of 64.0M" in memory and "connections 7" in memory, memory)
        equal([line.split()[2] for line in rest if line[:8].strip().isdigit()],
              ["761be37760c6e731", "0bebc2120a913558", "0bebc2120a913558", "761be37760c6e731", "abad284c56aeaceb"],
              "most waited for, then held for longest")
        check("READ-ONLY" not in out and not any(line.endswith(" ") for line in out.splitlines()), out)
    with scripted({"stats": [stats(10, 1000), stats(14, 1100, 1)], "sl w": HELD}) as s:
        check("READ-ONLY" in succeeds("top", "--once", "--limit", "1", server=s).out, "it says that it is read-only")
    with scripted({"stats": [stats(10, 1000), stats(14, 1100)], "sl w": HELD}) as s:
        told = succeeds("top", "--once", "--json", "--limit", "1", server=s).json()
        equal((told["sessions"], told["waiting"], told["writes_per_s"]), (12345, 5, None), "figures")
        check(3 < told["waits_per_s"] <= 4, told)
        equal([one["holder"] for one in told["most_waited"]], ["web2:/cart.php"], "most waited for")
        equal([one["holder"] for one in told["longest_held"]], ["web1:/slow.php"], "held for longest")
    fails(2, "--json goes with --once", "top", "--json", server=NOWHERE)
    with scripted({"stats": stats(), "sl w": b"EN\r\n"}) as s:
        fails(2, "must be a terminal", "top", server=s)
    fails(2, "1 s to 1 h", "top", "--once", "--interval", "0", server=NOWHERE)


def test_top_on_a_terminal():
    """Frames, sizes, keys; and the terminal is left as it was found."""
    answers = {"stats": [stats(10, 1000 * i) for i in range(1, 50)], "sl w": HELD}
    with scripted(answers) as s, Terminal("top", server=s, columns=100, lines=20) as t:
        t.wait("opens/s 9", limit_s=20, seen=t.screen)
        text = t.screen()
        check("sessions 12345" in text and "web2:/cart.php" in text, text)
        check(all(len(line) <= 100 for line in text.splitlines()), "a line is too long")
        check(len(text.splitlines()) < 20, "too many lines")
        t.resize(40, 12)
        t.wait(lambda text: all(len(line) <= 40 for line in text.splitlines()) and "Held" in text, "the small one",
               seen=t.screen)
        check(len(t.screen().splitlines()) < 12, "too many lines")
        t.type("x")
        t.resize(20, 3)
        t.wait(lambda text: len(text.splitlines()) <= 2 and "127.0.0.1" in text, "the tiny one", seen=t.screen)
        t.type("q")
        equal(t.end(), 0, "exit code")
        check(t.raw.decode().rstrip().endswith("\x1b[?25h"), t.raw[-100:])


def test_top_gives_the_terminal_back():
    for ending in (signal.SIGINT, signal.SIGTERM, None):
        with scripted({"stats": [stats(), stats(), CLOSE] if ending is None else stats(), "sl w": b"EN\r\n"}) as s:
            with Terminal("top", server=s) as t:
                t.wait("No session is held.")
                check(not t.echoes(), "what is typed would stand in the picture")
                if ending is not None:
                    os.kill(t.pid, ending)
                equal(t.end(), 3 if ending is None else 0, f"exit code after {ending}")
                check("\x1b[?25h" in t.raw.decode() and t.echoes(), "the cursor and the echo are back")
                check(ending is not None or "closed the connection" in t.text(), t.text())


def test_top_with_a_real_server():
    with server() as s, Verbs(s.address) as c, Verbs(s.address) as other:
        put(c, "s1")
        equal(c.open("s1", holder="web1:/page").code, "VA", "open")
        other.ask_open("s1", wait_ms=20000)
        told = harness.wait_for(lambda: (lambda one: one if one["waiting"] else None)(
            succeeds("top", "--once", "-j", server=s).json()), "one waits")
        equal((told["sessions"], told["held"], told["waiting"]), (1, 1, 1), "figures")
        equal(told["most_waited"][0]["holder"], "web1:/page", "who holds it")
        absent = [name for name, value in told.items() if name.endswith("_per_s") and value is None]
        equal(absent, [], "what the server does not count")


def test_bench_leaves_nothing():
    with server("-m", "64") as s, Verbs(s.address) as c:
        put(c, "mine", tags=["t"])
        before = succeeds("list", "-j", server=s).json()["handle"]
        done = succeeds("bench", "--seconds", "1", "--clients", "2", "--sessions", "50", "--size", "2k", "-j", server=s)
        (row,) = done.json_lines()
        equal((row["cycle"], row["round_trips"]), ("verbs", 2), "the row")
        check(row["cycles"] > 50 and row["cycles_per_s"] > 50 and 0 < row["median_us"] <= row["p99_us"], row)
        (left,) = succeeds("list", "-j", server=s).json_lines()
        equal(left["handle"], before, "what is there afterwards")
        events = succeeds("events", "-j", "--kind", "created", server=s).json_lines()
        equal({one["application"] for one in events}, {"", "cloakroom-bench"}, "applications")
        with server("-m", "64") as peer:
            done = succeeds("bench", "--seconds", "1", "--against", name_of(peer.address), server=s)
            titles, rows = done.rows()
            equal([(row[0], row[1]) for row in rows],
                  [(name_of(s.address), "verbs"), (name_of(s.address), "stock"), (name_of(peer.address), "stock")], "rows")
            check(all(float(row[titles.index("MEDIAN_US")]) <= float(row[titles.index("P99_US")]) for row in rows), done.out)
            for one in (s, peer):
                with Client(one.address) as w:
                    equal(w.command("stats") and succeeds("count", server=one).out, "1\n" if one is s else "0\n", "left")
            equal(succeeds("stats", "-j", server=peer).json()["curr_items"], 0, "items left")


def test_bench_is_ended():
    with server() as s:
        child = subprocess.Popen([program(), "bench", "--seconds", "30", "-s", name_of(s.address)], stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, text=True, env=environment())
        harness.wait_for(lambda: succeeds("count", "--application", "cloakroom-bench", server=s).out == "100\n", "it runs")
        for one in succeeds("list", "-j", server=s).json_lines():
            check(one["ttl_s"] <= 60, f"it would stay: {one}")
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=20 * harness.slow)
        equal((child.returncode, out), (1, ""), f"after Ctrl-C: {err!r}")
        check("ended before its time" in err, err)
        equal(succeeds("count", server=s).out, "0\n", "what it left")


def test_bench_in_trouble():
    with scripted({"so": b"SERVER_ERROR out of memory storing object\r\n"}) as s:
        fails(1, "answered so with 'SERVER_ERROR out of memory", "bench", "--seconds", "1", server=s)
    with scripted({"so": b"EN K1-1 w0\r\n", "sw": b"", "x": b"EX\r\n"}) as s:
        fails(1, "answered sw with 'EX'", "bench", "--seconds", "1", "--size", "8", server=s)
    with scripted({"so": b"VA 5000 K1-1 c1 f0 t1 a1 w0\r\n"}) as s:
        fails(1, "answered so with 'VA 5000", "bench", "--seconds", "1", server=s)
    with scripted({"so": CLOSE}) as s:
        fails(3, "closed the connection", "bench", "--seconds", "1", server=s)
    fails(3, "no such socket", "bench", server=NOWHERE)
    fails(2, "clients must be", "bench", "--clients", "65", server=NOWHERE)
    with server() as s:
        fails(3, "no such socket", "bench", "--against", NOWHERE, server=s)
        child = subprocess.Popen([program(), "bench", "--seconds", "30", "-s", name_of(s.address)], stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, text=True, env=environment())
        harness.wait_for(lambda: succeeds("count", server=s).out == "100\n", "it runs")
        s.kill()
        out, err = child.communicate(timeout=20 * harness.slow)
        equal((child.returncode, out), (3, ""), f"after the server was killed: {err!r}")
