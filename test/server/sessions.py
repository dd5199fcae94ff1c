"""The session verbs on the wire: as docs/protocol.md says, its examples to the letter. Who may write when is in leases.py,
lists are in rosters.py, what outlives the server in session_kept.py."""

import base64
import re
import time

import harness
from harness import MIB, check, equal, in_threads, server
from locks import add, triple
from verbs import Verbs, people, put, put_all
from wire import Client, command

VERBS = ("so ", "sw ", "sc ", "sk ", "sl", "sn", "se")
KEY = "memc.sess.key."
DENIED = "CLIENT_ERROR not allowed"
TOO_LARGE = "SERVER_ERROR object too large for cache by {} bytes"


def sections(text):
    """The document's sections, by heading."""
    parts = re.split(r"^## (.*)\n", text, flags=re.M)
    return dict(zip(parts[1::2], parts[2::2]))


def examples():
    """[[(what is sent, [lines that come back])]] of each block that begins with a verb."""
    text = sections((harness.ROOT / "docs/protocol.md").read_text())["Session verbs"]
    blocks = []
    for block in re.findall(r"^```\n(.*?)^```", text, flags=re.M | re.S):
        steps = []
        for row in block.splitlines():
            sent, answer = row[:28].strip(), row[28:].strip()
            if sent.startswith(VERBS):
                steps.append(([sent], []))
            elif sent:
                steps[-1][0].append(sent)  # its data block
            if answer:
                steps[-1][1].append(answer)
        blocks.append(steps)
    return blocks


def shape(line):
    """Without what is another number at each run."""
    line = re.sub(r"\bK\d+-\d+", "K#-#", line)
    line = re.sub(r"\b[0-9a-f]{16}\b", "HANDLE", line)
    line = re.sub(r"^EV \d+ \d+", "EV # #", line)
    return re.sub(r" ([acC])\d+", r" \1#", line)


def with_tokens(line, tokens):
    return re.sub(r"\b([KS])(\d+-\d+)", lambda found: found[1] + tokens[found[2]], line)


def test_the_examples_of_the_document():
    blocks = examples()
    equal(len(blocks), 3, "examples in docs/protocol.md")
    with people(1) as (s, (c,)):
        put(c, "4f1d", b"hello", tags=["user:42"], life_s=1440)
        for other in ("a", "b"):
            put(c, other, tags=["user:42"])
        for steps in blocks:
            tokens = {}
            for sent, wanted in steps:
                check(wanted, f"no answer to {sent} in docs/protocol.md")
                c.send("".join(f"{with_tokens(line, tokens)}\r\n" for line in sent).encode())
                for line in wanted:
                    got = c.line()
                    equal(shape(got), shape(line), f"an answer to {sent[0]!r}")
                    tokens.update(zip(re.findall(r"\bK(\d+-\d+)", line), re.findall(r"\bK(\d+-\d+)", got)))


def test_opened_written_read():
    with people(2, "-t", "2") as (_, (a, b)):
        equal(a.open("s", must_exist=True).line, "NF", "none, and must exist")
        equal(a.open("s", read_only=True, O="x", k=True).line, "NF Ox ks", "none, read only")
        opened = a.open("s")
        equal((opened.code, opened.token[:2]), ("EN", "0-"), "none")
        written = a.write("s", b"one", opened.token, life_s=100, client_flags=7, k=True)
        check(re.fullmatch(r"HD c\d+ ks", written.line), written)
        read = b.open("s", read_only=True)
        check("K" not in read and read.value == b"one", read)
        equal((read["f"], read["t"], read["c"]), ("7", "100", written["c"]), "flags, time left, version")
        opened = b.open("s", life_s=50)
        equal((opened.value, opened["t"], opened.token.split("-")[0]), (b"one", "50", written["c"]), "opened")
        equal(b.write("s", b"", opened.token).code, "HD", "nothing written")
        read = a.open("s", read_only=True)
        equal((read.value, read["t"]), (b"", "50"), "its life goes on")
        equal(a.close_session("s", opened.token).code, "NF", "a token that has been used")


def test_ids_in_base64_and_what_is_said_back():
    with people(1) as (_, (c,)):
        put(c, "plain/id")
        coded = base64.b64encode(b"plain/id").decode()
        opened = c.open(coded, b=True, k=True, O="tok")
        check(opened.line.endswith(f" k{coded} b Otok"), opened)
        equal(opened.value, b"v", "the session by its id in base64")
        written = c.write(coded, b"w", opened.token, b=True, k=True)
        check(written.line.endswith(f" k{coded} b"), written)
        equal(c.open("plain/id", read_only=True).value, b"w", "by its plain id")
        binary = base64.b64encode(bytes(range(64))).decode()
        put_token = c.open(binary, b=True).token
        equal(c.write(binary, b"x", put_token, b=True).code, "HD", "an id of any bytes")
        equal(c.kill(binary, b=True).line, "HD 1", "its kill")
        equal(c.open("x" * 250).code, "EN", "250 bytes")
        equal(c.command("so " + "x" * 251), "CLIENT_ERROR bad command line format", "251 bytes")


def test_values_up_to_a_mebibyte():
    def run(address, k):
        with Verbs(address) as c:
            for n in (0, 1, 1000, 16 * 1024 - 50, 65536, 300000, MIB - 1, MIB):
                value = bytes([k]) * n
                put(c, f"s{k}", value, tags=[f"user:{k}"])
                equal(c.open(f"s{k}", read_only=True).value, value, f"a value of {n} bytes")
            equal(len(c.list(tag=f"user:{k}")), 1, "its tag")
            token = c.open(f"s{k}").token
            refused = c.write(f"s{k}", b"x" * (MIB + 1), token)
            equal(refused.line, TOO_LARGE.format(1), "one byte more")
            opened = c.open(f"s{k}")
            equal(opened.value, value, "what is there after that")
            c.send(f"sw s{k} {MIB} K{opened.token}\r\n".encode())
            for _ in range(8):
                c.send(b"y" * (MIB // 8))
            c.send(b"\r\n")
            equal(c.answer().code, "HD", "a write in pieces")

    with server("-t", "4", "-m", "256") as s:
        in_threads([lambda k=k: run(s.address, k) for k in range(8)])


def test_a_refused_write_takes_its_data_along():
    """Whatever is wrong with its line: what follows is understood, and nothing was written."""
    with people(1) as (_, (c,)):
        put(c, "s")
        token = c.open("s").token
        refusals = {f"sw s 5 K{token} Q": "CLIENT_ERROR invalid flag",
                    f"sw s 5 K{token} K{token}": "CLIENT_ERROR duplicate flag",
                    "sw s 5 K1-": "CLIENT_ERROR bad token in command line format",
                    "sw s 5": "CLIENT_ERROR token missing: give K<token> as so answered it",
                    f"sw s 5 K{token} " + " ".join(f"G{i}" for i in range(9)):
                        "CLIENT_ERROR too many tags: a session has at most 8",
                    "sw " + "x" * 251 + " 5 K1-1": "CLIENT_ERROR bad command line format",
                    f"sw s 5 K{token} b": "CLIENT_ERROR error decoding key"}
        for line, answer in refusals.items():
            c.send(command(line, b"se\r\nx") + command("mn"))
            equal((c.line(), c.line()), (answer, "MN"), line[:60])
        equal(c.write("s", b"w", token).code, "HD", "the token is still good")


def test_stock_handlers_find_it_and_back():
    with people(2) as (_, (c, stock)):
        put(c, "s", b"verbs", tags=["user:1"], client_flags=3)
        equal(stock.get(KEY + "s"), b"verbs", "as php-memcached reads it")
        stock.store(KEY + "s", b"stock", 100)
        opened = c.open("s")
        equal((opened.value, opened["t"]), (b"stock", "100"), "opened")
        equal(c.list(tag="user:1")[0].tags, ["user:1"], "its tags stay")
        equal(c.write("s", b"again", opened.token).code, "HD", "written")
        stock.send(b"incr s.lock 1\r\nadd s.lock 768 30 1\r\n1\r\nget s\r\n")
        stock.line(), stock.line()
        equal(stock.hits(), {"s": b"again"}, "as php-memcache reads it")
        stock.store("s", b"bare", 100)
        equal(stock.command("set s.lock 0 0 1", b"0"), "STORED", "given back")
        equal(c.open("s").value, b"bare", "opened")
        equal(stock.get(KEY + "s"), b"bare", "as php-memcached reads it")
        equal(c.count(), 1, "sessions")


def kill_in_each_way(admin):
    """Kills the session `s`, which has the tag user:1: yields the way, and what does it."""
    yield "by id", lambda: admin.kill("s")
    yield "by handle", lambda: admin.kill_handle(admin.list()[0].handle)
    yield "by tag", lambda: admin.kill_tag("user:1")


def check_killed(admin, how):
    equal((admin.count(), admin.list(), admin.list(tag="user:1")), (0, [], []), f"what is left after a kill {how}")
    equal(admin.open("s", read_only=True).line, "NF", f"after a kill {how}")
    equal(admin.kill("s").line, "NF", f"a second kill, {how}")


def test_a_killed_one_does_not_come_back():
    """L5: whoever had it open, in whatever dialect, is refused; who comes after begins anew."""
    with people(4, "-t", "4") as (_, (admin, verbs, memcached, waiter)):
        for how, kill in kill_in_each_way(admin):
            put(admin, "s", b"v", tags=["user:1"])
            equal(memcached.get(KEY + "s"), b"v", "php-memcached reads, without a lock")
            token = verbs.open("s").token
            waiter.ask_open("s", wait_ms=9000)
            harness.wait_for(lambda: admin.stats()["cloakroom_lock_waiting"] == 1, "it waits")
            equal(kill().line, "HD 1", f"killed {how}")
            equal(waiter.answer().line, "GN", "who waited")
            equal(verbs.write("s", b"late", token).line, "GN", "the late write")
            for verb in ("set", "add", "replace"):
                equal(memcached.set(KEY + "s", b"late", verb=verb), "NOT_STORED", f"php-memcached's late {verb}")
            check_killed(admin, how)
            opened = verbs.open("s")
            equal(opened.code, "EN", "the next open")
            equal(verbs.write("s", b"new", opened.token).code, "HD", "its write")
            equal(memcached.get(KEY + "s"), b"new", "read")
            equal(admin.kill("s").line, "HD 1", "for the next turn")


def test_stock_handlers_that_hold_a_killed_one():
    """Their lock stays with them; what they write under it is refused, and what they lock and read next is empty."""
    with people(3, "-t", "4") as (_, (admin, memcached, memcache)):
        for how, kill in kill_in_each_way(admin):
            put(admin, "s", b"v", tags=["user:1"])
            equal(add(memcached, "s"), "STORED", "php-memcached's lock")
            equal(memcached.get(KEY + "s"), b"v", "what it reads")
            kill()
            equal(memcached.set(KEY + "s", b"late"), "NOT_STORED", "its late write")
            check_killed(admin, how)
            equal(memcached.command(f"delete {KEY}lock.s"), "DELETED", "its lock given back")

            put(admin, "s", b"v", tags=["user:1"])
            check(triple(memcache, "s"), "php-memcache's lock")
            kill()
            equal(memcache.set("s", b"late"), "NOT_STORED", "its late write")
            check_killed(admin, how)
            equal(memcache.command("set s.lock 0 0 1", b"0"), "STORED", "its lock given back")
            equal(memcache.set("s", b"late"), "NOT_STORED", "a write without a lock")
            check_killed(admin, how)
            check(triple(memcache, "s"), "the next request's lock")
            equal(memcache.set("s", b"new"), "STORED", "its write")
            equal(memcache.command("set s.lock 0 0 1", b"0"), "STORED", "given back")
            equal(admin.open("s", read_only=True).value, b"new", "what is there then")
            equal(admin.kill("s").line, "HD 1", "for the next turn")


def test_kill_by_tag_spares_one():
    with people(2) as (_, (c, other)):
        put_all(c, [f"s{i}" for i in range(300)], tags=["user:1"])
        put_all(c, [f"t{i}" for i in range(3)], tags=["user:10", "user"])
        put_all(c, [f"s{i}" for i in range(3)], tags=["user:1"], application="shop")
        token = other.open("s7").token
        equal(c.kill_tag("user:1", "s7").line, "HD 299", "all but one")
        equal(c.kill_tag("user:1", "s7").line, "NF", "none is left")
        equal(other.write("s7", b"w", token).code, "HD", "the one that was spared")
        equal((c.count(), c.count(application="shop"), c.count(tag="user:1", application="shop")), (7, 3, 3), "left")
        coded = base64.b64encode(b"s0").decode()
        equal(c.kill_tag("user:1", coded, application="shop", b=True).line, "HD 2", "in an application, by base64")
        equal(c.list(tag="user:1", application="shop")[0].handle, c.list(application="shop")[0].handle, "who is left")


def test_a_successor_takes_over():
    """regenerate_id(true): killed by its holder, it leaves tags, age and absolute end to who opens with its token."""
    with people(2) as (_, (c, other)):
        put(c, "old", b"data", tags=["user:1", "x"], absolute_s=1000)
        time.sleep(1.1)
        token = c.open("old").token
        other.ask_open("old", wait_ms=9000)
        harness.wait_for(lambda: c.stats()["cloakroom_lock_waiting"] == 1, "it waits")
        equal(c.kill("old", token=token, succeed=True).line, "HD 1", "killed to be succeeded")
        equal(other.answer().line, "GN", "who waited for the old one")
        equal(c.count(tag="user:1"), 0, "while nobody has it")
        opened = c.open("new", after=token)
        equal(c.write("new", b"data", opened.token, life_s=5000).code, "HD", "written")
        line = c.list(tag="user:1")[0]
        equal(sorted(line.tags), ["user:1", "x"], "tags")
        check(1 <= line.int("a") <= 60 and 900 < line.int("t") <= 999, f"age and time left of {line}")
        opened = other.open("third", after=token)
        other.write("third", b"x", opened.token)
        equal(c.count(tag="user:1"), 1, "it is claimed once")
        equal(c.kill("new", token="1-1", succeed=True).line, "EX", "by somebody else's token")


def test_the_old_one_stays_readable():
    """regenerate_id(false): read-only for some seconds, and not to be brought back through it."""
    with people(2) as (_, (c, other)):
        put(c, "old", b"data", tags=["user:1"])
        token = c.open("old").token
        other.ask_open("old", wait_ms=9000)
        harness.wait_for(lambda: c.stats()["cloakroom_lock_waiting"] == 1, "it waits")
        equal(c.close_session("old", token, succeeded_s=3).line, "HD", "succeeded")
        equal(other.answer().line, "GN", "who waited")
        read = other.open("old")
        check("s" in read and "K" not in read and read.value == b"data", f"the old one: {read}")
        equal(other.write("old", b"late", token).line, "GN", "a write to it")
        equal(other.set(KEY + "old", b"late"), "NOT_STORED", "a stock handler's")
        opened = c.open("new", after=token)
        equal(c.write("new", b"data", opened.token).code, "HD", "the new one")
        harness.wait_for(lambda: other.open("old", read_only=True).line == "NF", "the old one is over")


def test_events_tell_what_happened():
    with people(2) as (s, (c, watcher)):
        found, cursor = watcher.events()
        equal((found, cursor), ([], "0"), "before anything")
        put(c, "a")
        put(c, "b", application="shop")
        handle = c.list(application="shop")[0].handle
        c.kill_handle(handle)
        equal(c.command(f"delete {KEY}a"), "DELETED", "log out")
        token = (put(c, "d"), c.open("d"))[1].token
        c.kill("d", token=token, succeed=True)
        with Verbs(s.address) as gone:
            gone.open("e")
        harness.wait_for(lambda: watcher.events()[0][-1].kind == "lease-broken", "a broken lease")
        put(c, "f", life_s=1)
        time.sleep(2.1)
        equal(c.open("f", read_only=True).line, "NF", "one that is over")  # told when it is looked for, or within a minute
        found, cursor = watcher.events()
        kinds = ["created", "created", "killed", "deleted", "created", "succeeded", "lease-broken", "created", "expired"]
        equal([event.kind for event in found], kinds, "kinds")
        equal([event.number for event in found], list(range(1, 10)), "numbers")
        equal(cursor, "9", "the cursor to go on from")
        equal({(e.handle, tuple(e.words)) for e in found[1:3]}, {(handle, ("Ashop",))}, "handle and application")
        check(all(abs(event.wall_ms / 1000 - time.time()) < 60 for event in found), f"times of {found}")
        equal(watcher.events(cursor=cursor), ([], "9"), "nothing new")
        pages, at = [], None
        while (page := watcher.events(cursor=at, n=2))[0]:
            check(len(page[0]) <= 2, f"a page of {len(page[0])}")
            pages += page[0]
            at = page[1]
        equal([str(event) for event in pages], [str(event) for event in found], "page by page")


def test_what_listeners_allow():
    """noadmin: no lists, events, kills by handle or tag. readonly: no writes either."""
    for rules in ("noadmin:", "readonly:"):
        with server("-l", f"127.0.0.1:0,{rules}127.0.0.1:0", listen=False) as s, Verbs(s.address) as admin:
            put(admin, "s", tags=["g"])
            handle = admin.list()[0].handle
            with Verbs(("127.0.0.1", s.ports[1])) as c:
                for line in ("sl", "sl Gg", "se", f"sk {handle} h", "sk g g", "sk g g Xs"):
                    equal(c.command(line), DENIED, f"{line} on {rules}")
                equal(c.open("s", read_only=True).value, b"v", f"a read on {rules}")
                equal((c.count(), c.count(tag="g")), (1, 1), f"counts on {rules}")
                if rules == "readonly:":
                    for line in ("so s", "so s r T5", "sc s K1-1", "sk s"):
                        equal(c.command(line), DENIED, f"{line} on {rules}")
                    equal(c.command("sw s 1 K1-1", b"x"), DENIED, f"sw on {rules}")
                    equal(c.command("mn"), "MN", "what follows")
                else:
                    equal(c.write("s", b"w", c.open("s").token).code, "HD", "a write")
                    equal(c.kill("s").line, "HD 1", "a kill by id")


def test_pipelined():
    """Many verbs of one connection in one go, split anywhere: answers in order."""
    with people(2, "-t", "2") as (_, (c, other)):
        lines = []
        for i in range(200):
            lines += [command(f"so p{i} k O{i}"), command("mn"), command(f"sk p{i} k"), command("sn Ox")]
        data = b"".join(lines)
        for at in range(0, len(data), 997):
            c.send(data[at:at + 997])
        for i in range(200):
            opened = c.answer()
            equal((opened.code, opened["k"], opened["O"]), ("EN", f"p{i}", str(i)), "so")
            equal(c.line(), "MN", "mn")
            equal(c.line(), f"NF kp{i}", "sk")
            equal(c.line(), "HD 0 Ox", "sn")
        equal(other.stats()["cloakroom_locks"], 0, "leases: a kill gives them back")
