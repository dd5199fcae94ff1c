"""count, list, show and kill: filters, orders, tables letter by letter, JSON, what is not there, and the question before
many are ended."""

import itertools
import signal
import subprocess
import time

import harness
from harness import check, equal, server
from scripted import CLOSE, scripted
from tool import NOWHERE, Terminal, environment, fails, name_of, peak_mib, program, succeeds, tool
from verbs import Verbs, put, put_all

A, B, C, D = "0bebc2120a913558", "761be37760c6e731", "abad284c56aeaceb", "62bc29bd01a86e89"
LINES = (f"SE {A} a61 i0 t1440 s88 n3 m2400 hweb1:/cart.php?x=1 Guser:42 Gadmin\r\n"
         f"SE {B} a7 i7 t-1 s1536 Ashop\r\n"
         f"SE {C} a100000 i4000 t59 s1073741824 Gu\x7f\u00fc\r\n"
         f"SE {D} a61 i3600 t1 s0 n0 m59\r\n").encode()
LIST = """\
HANDLE              AGE   IDLE    LEFT  SIZE  HELD  WAITING  HOLDER              APPLICATION  TAGS
0bebc2120a913558  1m01s     0s  24m00s   88B  2.4s        3  web1:/cart.php?x=1  -            user:42,admin
761be37760c6e731     7s     7s    ever  1.5K     -        0  -                   shop         -
abad284c56aeaceb  1d03h  1h06m     59s  1.0G     -        0  -                   -            u???
62bc29bd01a86e89  1m01s  1h00m      1s    0B  59ms        0  -                   -            -
"""
OBJECTS = [
    {"handle": A, "age_s": 61, "idle_s": 0, "ttl_s": 1440, "size": 88, "held": True, "held_ms": 2400, "waiting": 3,
     "holder": "web1:/cart.php?x=1", "application": "", "tags": ["user:42", "admin"]},
    {"handle": B, "age_s": 7, "idle_s": 7, "ttl_s": -1, "size": 1536, "held": False, "held_ms": 0, "waiting": 0,
     "holder": "", "application": "shop", "tags": []},
    {"handle": C, "age_s": 100000, "idle_s": 4000, "ttl_s": 59, "size": 1 << 30, "held": False, "held_ms": 0,
     "waiting": 0, "holder": "", "application": "", "tags": ["u\x7f\u00fc"]},
    {"handle": D, "age_s": 61, "idle_s": 3600, "ttl_s": 1, "size": 0, "held": True, "held_ms": 59, "waiting": 0,
     "holder": "", "application": "", "tags": []}]


def handles(done):
    return [row["handle"] for row in done.json_lines()]


def test_list_letter_by_letter():
    with scripted({"sl": LINES + b"EN\r\n"}) as s:
        equal(succeeds("list", server=s).out, LIST, "the table")
        equal(succeeds("list", "--json", server=s).json_lines(), OBJECTS, "in JSON")
        exact = succeeds("list", "--bytes", server=s).out
        check("1073741824" in exact and "1.0G" not in exact, exact)
        equal(s.asked[0], "sl N1000", "what it asked")
    with scripted({"sl": b"EN\r\n"}) as s:
        equal(succeeds("list", server=s).out.split(), LIST.splitlines()[0].split(), "an empty list")
        equal(succeeds("list", "--json", server=s).out, "", "an empty list in JSON")


def test_list_filters_and_orders():
    with scripted({"sl": LINES + b"EN\r\n"}) as s:
        for words, wanted in ((["--older", "61"], [A, C, D]), (["--older", "1d"], [C]), (["--idle", "1h"], [C, D]),
                              (["--larger", "1k"], [B, C]), (["--larger", "88", "--older", "1m"], [A, C]),
                              (["--limit", "2"], [A, B]), (["--idle", "7s", "--limit", "1"], [B]),
                              (["--sort", "age"], [C, A, D, B]), (["--sort", "idle", "--limit", "2"], [C, D]),
                              (["--sort", "left"], [B, A, C, D]), (["--sort", "left", "--reverse"], [D, C, A, B]),
                              (["--sort", "size", "--limit", "3"], [C, B, A]), (["--sort", "held"], [A, D, B, C]),
                              (["--sort", "waiting", "--limit", "1"], [A]),
                              (["--sort", "size", "--reverse", "--limit", "1"], [D])):
            equal(handles(succeeds("list", "-j", *words, server=s)), wanted, f"with {words}")
        for words, asked in ((["--tag", "a,b"], "sl Ga,b N1000"), (["--application", "shop"], "sl Ashop N1000"),
                             (["--held"], "sl w N1000"), (["--tag", "x", "--application", "y", "--held"], "sl Ay Gx w N1000")):
            succeeds("list", *words, server=s)
            equal(s.asked[-1], asked, f"asked for {words}")
    fails(2, "it is one of age", "list", "--sort", "name", server=NOWHERE)
    fails(2, "--reverse means nothing", "list", "--reverse", server=NOWHERE)
    fails(2, "a time is a number", "list", "--idle", "1w", server=NOWHERE)
    fails(2, "limit must be", "list", "--limit", "0", server=NOWHERE)
    fails(2, "larger must be", "list", "--larger", "big", server=NOWHERE)


def test_best_of_many():
    """A heap of a few beside all that there are, in any order."""
    ages = [(i * 7919) % 1000 for i in range(1000)]
    lines = "".join(f"SE {i:016x} a{age} i0 t1 s1\r\n" for i, age in enumerate(ages)).encode()
    wanted = [f"{i:016x}" for i in sorted(range(1000), key=lambda i: (-ages[i], i))]
    with scripted({"sl": lines + b"EN\r\n"}) as s:
        for limit in (1, 2, 3, 10, 999, 1000, 5000):
            equal(handles(succeeds("list", "-j", "--sort", "age", "--limit", limit, server=s)), wanted[:limit], f"{limit}")
        equal(handles(succeeds("list", "-j", "--sort", "age", server=s)), wanted, "all")


def test_pages_and_trouble_between():
    page = LINES + b"EN C17\r\n"
    with scripted({"sl": page, "sl N1000 C17": LINES + b"EN\r\n"}) as s:
        equal(handles(succeeds("list", "-j", server=s)), 2 * [A, B, C, D], "two pages")
        equal(s.asked, ["sl N1000", "sl N1000 C17"], "what it asked")
    for answer, code, said in ((CLOSE, 3, "closed the connection"), (b"SERVER_ERROR loading: 3 %\r\n", 1, "loading"),
                               (b"hello\r\n", 3, "hello"), (b"SE " + b"x" * 3000 + b"\r\n", 3, "more than"),
                               (b"EN C" + b"9" * 200 + b"\r\n", 3, "answered"), (b"ERROR\r\n", 1, "no cloakroomd")):
        with scripted({"sl": page, "sl N1000 C17": answer}) as s:
            done = tool("list", server=s)
            equal((done.code, len(done.out.splitlines())), (code, 5), f"after {answer!r}: {done}")
            check(said in done.err and done.err.count("\n") == 1, f"after {answer!r}: {done}")


def test_nothing_steers_the_terminal():
    evil = b"SE 0bebc2120a913558 a1 i1 t1 s1 m1 h\x1b[2J\x9b A\x1b]0; G\xff\x07\r\nEN\r\n"
    with scripted({"sl": evil}) as s:
        for words in (["list"], ["list", "--json"], ["show", A], ["show", A, "--json"]):
            out = succeeds(*words, server=s).out
            check(all(c.isprintable() or c == "\n" for c in out), f"{words}: {out!r}")


def test_count_show_kill_with_a_real_server():
    with server("-m", "32") as s, Verbs(s.address) as c, Verbs(s.address) as other:
        put_all(c, [f"s{i}" for i in range(20)], tags=["user:1", "even"])
        put_all(c, [f"t{i}" for i in range(5)], application="shop", tags=["user:1"])
        put(c, "large", b"x" * 5000)
        held = c.open("s3", holder="web1:/page")
        equal(held.code, "VA", "open")
        other.ask_open("s3", wait_ms=20000)
        harness.wait_for(lambda: succeeds("list", "--held", "-j", server=s).json()["waiting"] == 1, "one waits")
        for words, n in (([], 26), (["--tag", "user:1"], 20), (["--tag", "user:1", "--application", "shop"], 5),
                         (["--application", "shop"], 5), (["--application", ""], 21), (["--held"], 1), (["--larger", "4k"], 1), (["--older", "1h"], 0),
                         (["--tag", "none"], 0), (["--idle", "0"], 26)):
            equal(succeeds("count", *words, server=s).out, f"{n}\n", f"count {words}")
            equal(succeeds("count", *words, "-j", server=s).json(), {"sessions": n}, f"count {words} in JSON")
            equal(len(handles(succeeds("list", "-j", *words, server=s))), n, f"list {words}")
        (one,) = succeeds("list", "--held", "-j", server=s).json_lines()
        equal((one["holder"], one["held"], one["tags"]), ("web1:/page", True, ["user:1", "even"]), "the one that is held")
        shown = succeeds("show", one["handle"], "-j", server=s).json()
        equal(set(shown), set(one), "what show and list tell")
        equal(shown["handle"], one["handle"], "the one that is shown")
        text = succeeds("show", one["handle"].upper(), server=s).out
        check("made at" in text and "web1:/page" in text and "ends at, unless used" in text, text)
        equal(succeeds("kill", one["handle"], server=s).out, "1 session ended\n", "kill")
        equal(other.answer().code, "GN", "who waited for it")
        fails(1, "there is no such session", "show", one["handle"], server=s)
        fails(1, "there is no such session", "kill", one["handle"], server=s)
        equal(succeeds("count", server=s).out, "25\n", "one less")


def test_kill_by_tag_and_of_many():
    with server("-m", "32") as s, Verbs(s.address) as c:
        put_all(c, [f"s{i}" for i in range(10)], tags=["user:1"])
        put_all(c, [f"t{i}" for i in range(3)], application="shop", tags=["user:1"])
        fails(2, "10 sessions that have the tag user:1 would end; say --yes", "kill", "--tag", "user:1", server=s)
        equal(succeeds("count", server=s).out, "13\n", "nothing was done")
        equal(succeeds("kill", "--tag", "user:1", "--application", "shop", "--yes", server=s).out, "3 sessions ended\n",
              "of shop")
        some = handles(succeeds("list", "-j", "--limit", "3", server=s))
        fails(2, "3 sessions would end", "kill", *some, server=s)
        gone = "0123456789abcdef"
        done = tool("kill", "-jy", some[0], gone, some[1], server=s)
        equal((done.code, done.json()), (1, {"killed": 2, "missing": [gone]}), f"kill of two and one: {done}")
        check(gone in done.err, done.err)
        equal(succeeds("kill", "-y", "--json", "--tag", "user:1", server=s).json(), {"killed": 8, "missing": []}, "by tag")
        fails(1, "no session has the tag", "kill", "--tag", "user:1", server=s)
        fails(1, "no session has the tag", "kill", "--tag", "user:1", "-y", server=s)
        put(c, "last", tags=["user:2"])
        equal(succeeds("kill", "--tag", "user:2", server=s).out, "1 session ended\n", "one is not asked about")


def test_misuse():
    for said, words in (("which?", ["kill"]), ("do not go together", ["kill", A, "--tag", "x"]),
                        ("--application is for --tag", ["kill", A, "--application", "x"]), ("16 hex digits", ["kill", "x"]),
                        ("16 hex digits", ["kill", A, A + "0", "-y"]), ("16 hex digits", ["show", "g" * 16]),
                        ("the handle is missing", ["show"]), ("too many words", ["show", A, B]), ("too many words", ["list", A])):
        fails(2, said, *words, server=NOWHERE)
    with scripted({"sn": b"HD 1\r\n"}) as s:
        fails(2, "cannot be sent", "count", "--tag", "a b", server=s)
        fails(2, "cannot be sent", "list", "--application", "a\r\nflush_all", server=s)
        fails(2, "cannot be sent", "kill", "-y", "--tag", "a\nb", server=s)
        check(not any("flush" in line for line in s.asked), f"it asked {s.asked}")
    with server() as s:
        fails(1, "CLIENT_ERROR", "list", "--tag", "x" * 65, server=s)
        fails(1, "CLIENT_ERROR", "count", "--application", "a/b", server=s)
    with server("-l", "readonly:127.0.0.1:0", listen=False) as s:
        fails(1, "not allowed", "list", server=s)


def ask(s, *words, typed=None):
    """(exit code, what was on the terminal) of a kill that asks."""
    with Terminal("kill", *words, server=s) as t:
        if typed is not None:
            t.wait("[y/N]")
            t.type(typed)
        code = t.end()
        return code, t.text()


def test_kill_asks_on_a_terminal():
    with server("-m", "32") as s, Verbs(s.address) as c:
        put_all(c, [f"s{i}" for i in range(10)], tags=["user:1"])
        for typed in ("n\n", "\n", "yess\n", "\x04", "Y?\n"):
            code, text = ask(s, "--tag", "user:1", typed=typed)
            equal(code, 1, f"exit code after {typed!r}: {text!r}")
            check("End 10 sessions that have the tag user:1? Their users are logged out." in text, text)
            check("nothing was done" in text, text)
        equal(succeeds("count", server=s).out, "10\n", "all are there")
        some = handles(succeeds("list", "-j", "--limit", "2", server=s))
        code, text = ask(s, *some, typed="yes\n")
        check(code == 0 and "2 sessions ended" in text, f"{code} {text!r}")
        code, text = ask(s, "--tag", "user:1", "--yes")
        check(code == 0 and "8 sessions ended" in text and "End" not in text, f"{code} {text!r}")


def test_a_server_killed_in_the_middle():
    line = b"SE 0bebc2120a913558 a1 i1 t1 s1\r\n"
    with server("-m", "64") as s, Verbs(s.address) as c:
        put_all(c, [f"s{i}" for i in range(3000)])
        reader = subprocess.Popen([program(), "list", "--json", "-s", name_of(s.address)], stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, text=True, env=environment())
        first = reader.stdout.readline()
        check('"handle"' in first, first)
        s.kill()
        rest, said = reader.communicate(timeout=30 * harness.slow)
        n = 1 + len(rest.splitlines())
        check(n == 3000 and reader.returncode == 0 or reader.returncode == 3 and "closed the connection" in said,
              f"{n} lines, {reader.returncode}: {said!r}")
    with scripted({"sl": [500 * line + b"EN C1\r\n", CLOSE]}) as s:
        done = tool("list", "--json", server=s)
        equal((done.code, len(done.out.splitlines())), (3, 500), "half a list")
        done = tool("list", "--sort", "age", server=s)
        equal((done.code, done.out), (3, ""), "half a list that is not in its order")
    with scripted({"sk": [b"HD 1\r\n", CLOSE]}) as s:
        done = tool("kill", "-y", A, B, C, server=s)
        equal((done.code, done.out), (3, "1 session ended\n"), f"killed in the middle of kills: {done}")
    with scripted({"sk": CLOSE}) as s:
        equal(fails(3, "closed", "kill", "-j", A, server=s).out, "", "nothing is told that is not known")


def test_a_reader_that_goes_away():
    """As with `| head -1`: no complaint, and no going on for ever."""
    endless = itertools.repeat(1000 * b"SE 0bebc2120a913558 a1 i1 t1 s1\r\n" + b"EN C1\r\n", 200)
    with scripted({"sl": list(endless)}) as s:
        reader = subprocess.Popen([program(), "list", "-s", name_of(s.address)], stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, text=True, env=environment())
        reader.stdout.readline()
        reader.stdout.close()
        begin = time.monotonic()
        equal(reader.wait(10 * harness.slow), -signal.SIGPIPE, "how it ends")
        check(time.monotonic() - begin < 5 * harness.slow, "it goes on")
        equal(reader.stderr.read(), "", "what it says")


def test_colours_and_progress():
    with scripted({"sl": LINES + b"EN\r\n", "sn": b"HD 4\r\n"}) as s:
        def raw(*words, **env):
            with Terminal(*words, server=s, env=env) as t:
                equal(t.end(), 0, f"exit code of {words}")
                return t.raw.decode(), t.text()
        coloured, text = raw("list")
        equal(text, LIST, "on a terminal")
        check("\x1b[1mHANDLE" in coloured and f"\x1b[33m{A}" in coloured, coloured)
        for env in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
            check("\x1b" not in raw("list", **env)[0], f"colours with {env}")
        check("\x1b[1m" in raw("list", NO_COLOR="")[0], "an empty NO_COLOR is none")
        check("\x1b" not in succeeds("list", server=s, env={"TERM": "xterm"}).out, "colours in a pipe")
        check("\x1b" not in raw("list", "--json")[0], "colours in JSON")
    endless = 1000 * b"SE 0bebc2120a913558 a1 i1 t1 s1\r\n" + b"EN C1\r\n"
    with scripted({"sl": endless, "sn": b"HD 900000000\r\n"}) as s:
        with Terminal("list", "--sort", "age", "--limit", "1", server=s) as t:
            t.wait(" of 900000000, ", limit_s=30)
        with Terminal("count", "--older", "1h", server=s) as t:
            t.wait(" of 900000000, ", limit_s=30)
        # Rows on the same terminal are progress enough.
        with Terminal("list", server=s) as t:
            begin = time.monotonic()
            while time.monotonic() - begin < 1.0:
                check(t.read(0.05), "it has ended")
            check("900000000" not in t.text(), "they are disturbed")


def test_memory_is_bounded():
    """A list of 300,000 takes no more than the program itself; in order with a limit neither."""
    page = b"".join(b"SE %016x a%d i1 t1 s1 m1 hweb1:/page Guser:%d\r\n" % (i, i, i) for i in range(1000))

    def took(words, pages, lines):
        with scripted({"sl": [page + b"EN C1\r\n"] * (pages - 1) + [page + b"EN\r\n"]}) as s:
            mib, n = peak_mib(s, *words)
            equal(n, lines, f"lines of {words}")
            return mib
    for words, lines in ((["list"], 300001), (["list", "--json"], 300000),
                         (["list", "--sort", "age", "--limit", "500"], 501), (["count", "--older", "1"], 1)):
        large = took(words, 300, lines)
        # A sanitized one keeps for a while what was freed.
        check(large > 1 and (harness.is_sanitized() or large < 8), f"{words}: {large:.1f} MiB")
    check(took(["list", "--sort", "age"], 300, 300001) > 10, "all that are kept would not be seen")


def test_by_prefix():
    """What a prefix's application is called, the server says."""
    prefixes = ("--session-prefix", "memc.sess.key.", "--session-prefix", "shop.=store", "--session-prefix", "blog.")
    with server("-m", "32", *prefixes) as s, Verbs(s.address) as c:
        put(c, "a")
        put_all(c, ["b", "c"], application="store")
        put_all(c, ["d", "e", "f"], application="blog")
        for prefix, n in (("memc.sess.key.", 1), ("shop.", 2), ("blog.", 3)):
            equal(succeeds("count", "--prefix", prefix, server=s).out, f"{n}\n", f"count --prefix {prefix}")
            equal(len(handles(succeeds("list", "-j", "--prefix", prefix, server=s))), n, f"list --prefix {prefix}")
        fails(2, "it has memc.sess.key.,shop.,blog.", "list", "--prefix", "shop", server=s)
        fails(2, "leave one out", "count", "--prefix", "shop.", "--application", "store", server=s)
