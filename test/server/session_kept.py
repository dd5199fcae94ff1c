"""What is kept of sessions over a restart, and over a kill of the server, with --data: tags, ages, lives, what was killed,
handles; and tokens, which are as good as before until somebody opens the session (L2, L5, L7)."""

import contextlib
import time

from durable import ENDS, data_folder, kill, stop
from harness import check, equal, server
from locks import triple
from verbs import Verbs, put, put_all

KEY = "memc.sess.key."


@contextlib.contextmanager
def on(data, *options):
    with server("--data", str(data), *options) as s, Verbs(s.address) as c:
        yield s, c


def shown(client, **which):
    """{handle: (application, tags)} of all that a list shows."""
    return {line.handle: (line.fields.get("A"), sorted(line.tags)) for line in client.list(n=1000, **which)}


def test_tags_applications_and_handles():
    for end in ENDS:
        with data_folder() as data:
            with on(data, "-t", "4") as (s, c):
                put_all(c, [f"s{i}" for i in range(500)], tags=["user:1", "all"])
                put_all(c, [f"s{i}" for i in range(300)], tags=["user:2", "all"], application="shop")
                put_all(c, [f"n{i}" for i in range(100)])
                put(c, "s0", tags=["other"])
                put(c, "s1", tags=[])
                c.store(KEY + "s2", b"stock")
                before = shown(c)
                end(s)
            for turn in range(2):
                with on(data, "-t", "2") as (s, c):
                    equal(shown(c), before, f"list at start {turn + 1}")
                    equal([c.count(), c.count(application="shop"), c.count(tag="user:1"), c.count(tag="all"),
                           c.count(tag="other"), c.count(tag="all", application="shop")], [900, 300, 498, 498, 1, 300], "counts")
                    equal(c.open("s2", read_only=True).value, b"stock", "what a stock handler wrote")
                    equal(c.list(tag="other")[0].tags, ["other"], "by tag")
                    end(s)
            with on(data) as (s, c):
                equal(c.kill_tag("all", application="shop").line, "HD 300", "kill by tag")
                end(s)
            with on(data) as (s, c):
                equal((c.count(), c.count(application="shop")), (600, 0), "after it")
                equal(c.kill_handle(next(h for h, (a, _) in before.items() if a == "shop")).line, "NF", "one of them")
                stop(s)


def test_rewritten_and_compacted():
    """Tags survive what is copied from segment to segment, and old ones do not come back."""
    with data_folder() as data:
        with on(data, "-m", "8") as (s, c):
            ids = [f"s{i}" for i in range(400)]
            put_all(c, ids, b"x" * 2000, tags=["first"])
            for turn in range(60):  # 24 MB
                for id in ids[:200]:
                    put(c, id, b"y" * 2000, tags=[f"turn:{turn}"])
            kill(s)
        check(sum(path.stat().st_size for path in data.iterdir()) < 20 * 2**20, "it has been compacted")
        with on(data, "-m", "8") as (s, c):
            equal([c.count(tag=t) for t in ("first", "turn:58", "turn:59")], [200, 0, 200], "by tag")
            stop(s)


def test_ages_and_lives():
    """Creation, idle life and absolute end go on: nothing begins anew, and nothing ends early."""
    for end in ENDS:
        with data_folder() as data:
            with on(data) as (s, c):
                put(c, "idle", life_s=4)
                put(c, "long", life_s=1000, absolute_s=2000)
                put(c, "ends", life_s=1000, absolute_s=4)
                begin = time.monotonic()
                time.sleep(2.1)
                end(s)
            with on(data) as (s, c):
                read = c.open("long", read_only=True)
                check(2 <= read.int("a") <= 2 + time.monotonic() - begin, f"its age: {read}")
                check(900 < read.int("t") <= 998, f"its time left: {read}")
                for id in ("idle", "ends"):
                    read = c.open(id, read_only=True)
                    if time.monotonic() - begin < 3:
                        equal(read.code, "VA", f"{id}, before its end")
                time.sleep(max(0, begin + 5.1 - time.monotonic()))
                for id in ("idle", "ends"):
                    equal(c.open(id, read_only=True).line, "NF", f"{id}, after its end")
                written = c.write("long", b"w", c.open("long").token, life_s=5000)
                equal(written.code, "HD", "a write")
                left = c.open("long", read_only=True).int("t")
                check(1900 < left <= 1995, f"its absolute end: {left} s are left")
                end(s)


def test_killed_ones_stay_so():
    """L5: who had it open before is refused, after the restart, too."""
    for end in ENDS:
        with data_folder() as data:
            with on(data) as (s, c):
                for id in ("verbs", "memcached", "again"):
                    put(c, id, tags=["g"])
                check(triple(c, "bare"), "php-memcache's lock")
                equal(c.set("bare", b"v", 1000), "STORED", "php-memcache's session")
                token = c.open("verbs").token
                for id in ("verbs", "memcached", "bare", "again"):
                    equal(c.kill(id).line, "HD 1", f"kill of {id}")
                put(c, "again", b"new")
                end(s)
            with on(data) as (s, c):
                equal((c.count(), c.list(tag="g")), (1, []), "sessions")
                equal(c.write("verbs", b"late", token).line, "GN", "a late write")
                equal(c.set(KEY + "memcached", b"late"), "NOT_STORED", "php-memcached's")
                equal(c.set("bare", b"late"), "NOT_STORED", "php-memcache's")
                equal(c.open("again", read_only=True).value, b"new", "one that began anew")
                equal(c.get(KEY + "memcached"), None, "who comes after")
                equal(c.set(KEY + "memcached", b"new"), "STORED", "begins anew")
                end(s)


def test_tokens():
    """L7: as if the server had not been away; but who opens it after that is the last who did."""
    for end in ENDS:
        with data_folder() as data:
            with on(data) as (s, c):
                ids = ("same", "new", "opened", "read", "written", "stock", "killed", "kept")
                for id in ids:
                    if id != "new":
                        put(c, id)
                tokens = {id: c.open(id).token for id in ids}
                tokens["kept"] = c.write("kept", b"once", tokens["kept"], keep=True).token
                end(s)
            with on(data) as (s, c), Verbs(s.address) as other:
                equal(c.stats()["cloakroom_locks"], 0, "leases")
                for n in range(100):  # whose fences are not those of the tokens
                    other.close_session(f"more{n}", other.open(f"more{n}").token)
                other.close_session("opened", other.open("opened").token)
                equal(other.open("read", read_only=True).code, "VA", "a read")
                put(other, "written", b"w")
                other.store(KEY + "stock", b"w")
                other.kill("killed")
                wanted = {"same": "HD", "new": "HD", "opened": "EX", "read": "HD", "written": "EX", "stock": "EX",
                          "killed": "GN", "kept": "HD"}
                for id, code in wanted.items():
                    equal(c.write(id, b"late", tokens[id]).code, code, f"a write with the old token of {id}")
                for id, code in wanted.items():
                    value = {"HD": b"late", "GN": None}.get(code, b"v" if id == "opened" else b"w")
                    equal(c.open(id, read_only=True).value, value, id)
                equal(c.write("same", b"twice", tokens["same"]).code, "EX", "a token that has been used")
                end(s)
            with on(data) as (s, c):
                equal(c.write("same", b"twice", tokens["same"]).code, "EX", "a used token after one more start")
                equal(c.write("read", b"x", tokens["opened"]).code, "EX", "the token of another session")
                stop(s)


def test_without_data_nothing_is_kept():
    """A token of a session that is not there any more brings nothing back."""
    with server() as s, Verbs(s.address) as c:
        put(c, "s")
        token = c.open("s").token
        s.stop()
    with server() as s, Verbs(s.address) as c:
        equal(c.write("s", b"late", token).code, "GN", "a write with its token")
        equal(c.count(), 0, "sessions")


def test_the_old_one_of_a_succession():
    for end in ENDS:
        with data_folder() as data:
            with on(data) as (s, c):
                put(c, "old", b"data", tags=["user:1"])
                token = c.open("old").token
                equal(c.close_session("old", token, succeeded_s=60).line, "HD", "succeeded")
                c.write("new", b"data", c.open("new", after=token).token)
                end(s)
            with on(data) as (s, c):
                read = c.open("old")
                check("s" in read and "K" not in read and read.value == b"data", f"the old one: {read}")
                equal(c.set(KEY + "old", b"late"), "NOT_STORED", "a write to it")
                check(c.open("new").token, "the new one")
                check("user:1" in c.list(tag="user:1")[0].tags, "its tags")
                end(s)
