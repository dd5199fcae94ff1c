"""What --data keeps: sessions, cache and what was done to them, over an end, a kill and a start; and what stays gone.

A killed server has written what it answered: a kill loses nothing, with any --sync. Only a power cut could.
"""

import contextlib
import os
import random
import re
import shutil
import time

import harness
from full import check_all, fill, rewrite, store_all, value
from harness import MIB, check, equal, folder, server, wait_for
from wire import Client, command

SESSION = "memc.sess.key."
SYNCS = ("always", "interval", "none")
READY = re.compile(r", (\d+) sessions? and (\d+) cache items? from (.*) in (\d+\.\d\d) s, (\d+) damaged records?\"?$")


@contextlib.contextmanager
def on(data, *options, **how):
    """A server with --data, and a client of it; it is judged at the end unless it was killed."""
    with server("--data", str(data), *options, **how) as s, Client(s.address) as c:
        yield s, c


@contextlib.contextmanager
def data_folder():
    """The name of a folder that is still to be made, in one that is there."""
    with folder() as where:
        yield where / "data"


def recovered(s):
    """(sessions, cache items, damaged records) of the ready line."""
    found = READY.search(s.ready)
    check(found, f"the ready line does not say what was there: {s.ready!r}")
    return int(found[1]), int(found[2]), int(found[5])


def kill(s):
    """It must have said nothing but its ready line until then."""
    check(not s.died(), s.died())
    s.kill()
    equal(s.said().strip(), s.ready, "what it said on stderr")


def stop(s):
    """An end that may take the time to write."""
    s.stop(limit_s=10.0)


ENDS = (stop, kill)


def sessions_of(n, sizes=lambda: random.randint(100, 1500)):
    return {f"{SESSION}{i}": value(f"{SESSION}{i}", sizes()) for i in range(n)}


def store(client, items, exptime=0):
    equal(set(store_all(client, list(items.items()), exptime)), {"STORED"}, "answers")


def gone(client, *keys):
    for key in keys:
        equal(client.get(key), None, key)


def hit(client, key):
    """(value, flags, cas unique) of a key; None for a miss."""
    client.send(command(f"gets {key}"))
    words = client.line().split(" ")
    if words == ["END"]:
        return None
    equal(words[:2], ["VALUE", key], "answer to gets")
    found = client.read(int(words[3]))
    equal((client.read(2), client.line()), (b"\r\n", "END"), "after a value")
    return found, int(words[2]), int(words[4])


# What is kept


def kept_over(end, *options):
    sessions = sessions_of(500)
    cache = {f"cache:{i}": value("c", 300) for i in range(300)}
    with data_folder() as data:
        with on(data, *options) as (s, c):
            equal(recovered(s), (0, 0, 0), "what an empty folder holds")
            store(c, sessions, 3600)
            store(c, cache)
            equal(c.command("set flagged 4242 0 1", b"v"), "STORED", "set")
            end(s)
        for turn in range(2):  # the second start finds what the first one left
            with on(data, *options) as (s, c):
                equal(recovered(s), (500, 301, 0), f"what was there at start {turn + 1}")
                check_all(c, sessions | cache, f"start {turn + 1}")
                equal(hit(c, "flagged")[:2], (b"v", 4242), "value and flags")
                stats = c.stats()
                equal(stats["cloakroom_recovered_items"], 801, "cloakroom_recovered_items")
                equal((stats["cloakroom_sessions"], stats["cloakroom_cache_items"]), (500, 301), "items")
                end(s)


def test_kept_over_an_end():
    for sync in SYNCS:
        kept_over(stop, "--sync", sync)


def test_kept_over_a_kill():
    for sync in SYNCS:
        kept_over(kill, "--sync", sync)


def test_kept_with_other_options():
    """The number of threads and the size of memory may change."""
    sessions = sessions_of(3000)
    with data_folder() as data:
        with on(data, "-t", "4", "-m", "64") as (s, c):
            store(c, sessions)
            kill(s)
        for options in (("-t", "1", "-m", "8"), ("-t", "2", "-m", "128", "--sync", "always"), ("-t", "8", "-m", "64")):
            with on(data, *options) as (s, c):
                check_all(c, sessions, " ".join(options))
                key = random.choice(list(sessions))
                sessions[key] = value(key, 700, random.randint(1, 1 << 30))
                c.store(key, sessions[key])
                kill(s)


def test_stats_say_how_it_is_kept():
    with data_folder() as data, on(data, "--sync", "always", "--sync-interval-ms", "50") as (_, c):
        c.store(f"{SESSION}1", b"v" * 1000)
        stats = c.stats()
        wanted = {"cloakroom_sync": "always", "cloakroom_read_only": 0, "cloakroom_disk_error": "none",
                  "cloakroom_damaged_records": 0, "cloakroom_recovered_items": 0, "cloakroom_refused_disk": 0}
        equal({name: stats.get(name) for name in wanted}, wanted, "stats")
        check(stats["cloakroom_disk_bytes"] >= 1000, f"cloakroom_disk_bytes {stats['cloakroom_disk_bytes']}")
        for name in ("cloakroom_recovery_ms", "cloakroom_write_amplification", "cloakroom_utilisation"):
            check(float(stats.get(name, -1)) >= 0, f"{name}: {stats.get(name)!r}")


def test_without_data_nothing_is_kept():
    with folder() as where:
        for _ in range(2):
            with server(where=where, cwd=where) as s, Client(s.address) as c:
                gone(c, f"{SESSION}1")
                c.store(f"{SESSION}1", b"v")
        equal([n for n in os.listdir(where) if not n.endswith(".log")], [], "files it made")


def unique_rises(end):
    """An old one must never fit a new value, though the highest was that of an item that is gone."""
    with data_folder() as data:
        with on(data) as (s, c):
            c.store("kept", b"v")
            kept = hit(c, "kept")[2]
            c.store("k", b"1")
            outdated = hit(c, "k")[2]
            c.store("k", b"2")
            highest = hit(c, "k")[2]
            equal(c.command("delete k"), "DELETED", "delete")
            end(s)
        with on(data) as (s, c):
            equal(hit(c, "kept")[2], kept, "the unique of what nobody wrote since")
            c.store("k", b"3")
            check(hit(c, "k")[2] > highest, f"unique {hit(c, 'k')[2]} after {highest} before the start")
            equal(c.command(f"cas k 0 0 1 {outdated}", b"x"), "EXISTS", "cas with an outdated one")
            equal(c.command(f"cas kept 0 0 1 {kept}", b"x"), "STORED", "cas with one from before the start")


def test_cas_unique_rises_over_a_start():
    for end in ENDS:
        unique_rises(end)


def test_changes_are_kept():
    for end in ENDS:
        with data_folder() as data:
            with on(data) as (s, c):
                c.store("number", b"9")
                equal(c.command("incr number 33"), "42", "incr")
                equal(c.command("decr number 2"), "40", "decr")
                c.store("text", b"b")
                equal(c.set("text", b"c", verb="append"), "STORED", "append")
                equal(c.set("text", b"a", verb="prepend"), "STORED", "prepend")
                equal(c.set("added", b"1", verb="add"), "STORED", "add")
                equal(c.set("added", b"2", verb="replace"), "STORED", "replace")
                c.store("swapped", b"1")
                equal(c.command(f"cas swapped 7 0 1 {hit(c, 'swapped')[2]}", b"2"), "STORED", "cas")
                end(s)
            with on(data) as (s, c):
                c.send(command("get number text added swapped"))
                equal(c.hits(), {"number": b"40", "text": b"abc", "added": b"2", "swapped": b"2"}, "values")
                equal(hit(c, "swapped")[1], 7, "flags")
                equal(c.command("incr number 1"), "41", "incr after it")


def test_large_values_are_kept():
    for end in ENDS:
        items = {f"{prefix}{i}": random.randbytes(1000000 - i) for prefix in (SESSION, "cache:") for i in range(4)}
        with data_folder() as data:
            with on(data) as (s, c):
                store(c, items)
                store(c, {key: items[key] for key in list(items)[::2]})  # once more: the first ones are garbage
                end(s)
            with on(data) as (s, c):
                equal(recovered(s), (4, 4, 0), "what was there")
                check_all(c, items, "values of 1 MB")


def test_keys_of_all_lengths_are_kept():
    items = {"k" * n: value("v", 250 - n) for n in range(1, 251)}
    with data_folder() as data:
        with on(data) as (s, c):
            store(c, items)
            kill(s)
        with on(data) as (s, c):
            check_all(c, items, "keys of 1 to 250 bytes")


def test_a_full_store_is_kept():
    """To the last byte: it can be written again after the start, and cache still goes first."""
    with data_folder() as data:
        with on(data, "-m", "8") as (s, c):
            store(c, {f"cache:{i}": value("c", 1000) for i in range(15000)})
            sessions = fill(c, SESSION, lambda: random.randint(200, 1500))
            kill(s)
        loaded = disk_bytes(data)
        check(loaded < 24 * MIB, f"{loaded} bytes on disk: dead files pile up")
        with on(data, "-m", "8") as (s, c):
            check_all(c, sessions, "sessions of a full store")
            rewrite(c, sessions, 20 * MIB, random.Random(1))
            equal(c.stats()["cloakroom_evicted_sessions"], 0, "evicted sessions")
            s.check_memory(8 + 16 + loaded / MIB)
            kill(s)
        with on(data, "-m", "8") as (s, c):
            check_all(c, sessions, "sessions rewritten")


def disk_bytes(data):
    """What the files take up; one may vanish meanwhile."""
    used = 0
    for path in data.iterdir():
        with contextlib.suppress(FileNotFoundError):
            used += path.stat().st_blocks * 512
    return used


def test_the_disk_is_used_again():
    """What is written over and over does not pile up."""
    with data_folder() as data:
        with on(data, "-m", "8") as (s, c):
            sessions = sessions_of(2000, lambda: 1000)
            for version in range(50):
                sessions = {key: value(key, 1000, version) for key in sessions}
                store(c, sessions)
            wait_for(lambda: disk_bytes(data) < 20 * MIB, "less than 20 MiB on disk with -m 8, after 100 MB of writes")
            used, told = disk_bytes(data), c.stats()["cloakroom_disk_bytes"]
            check(used * 0.5 < told < used * 2 + MIB, f"cloakroom_disk_bytes is {told}, on disk are {used}")
            kill(s)
        with on(data, "-m", "8") as (s, c):
            check_all(c, sessions, "the last versions")


# What stays gone


def test_what_is_gone_stays_gone():
    """Each was stored first, and an older value lies on the disk."""
    for end in ENDS:
        with data_folder() as data:
            with on(data) as (s, c):
                store(c, dict.fromkeys(("deleted", "again", "negative", "touched", "left"), b"old"), 3600)
                for key in ("deleted", "again"):
                    equal(c.command(f"delete {key}"), "DELETED", "delete")
                c.store("again", b"new")
                c.store("negative", b"new", exptime=-1)
                equal(c.command("touch touched -1"), "TOUCHED", "touch")
                end(s)
            for _ in range(2):
                with on(data) as (s, c):
                    gone(c, "deleted", "negative", "touched")
                    equal((c.get("again"), c.get("left")), (b"new", b"old"), "deleted and stored again, and not deleted")
                    end(s)


def test_what_was_flushed_stays_gone():
    for end in ENDS:
        sessions = sessions_of(100)
        with data_folder() as data:
            with on(data) as (s, c):
                store(c, sessions)
                equal(c.command("flush_all"), "OK", "flush_all")
                c.store("after", b"v")
                end(s)
            for _ in range(2):
                with on(data) as (s, c):
                    gone(c, *sessions)
                    equal(c.get("after"), b"v", "stored after flush_all")
                    end(s)


def test_locks_are_not_kept():
    with data_folder() as data:
        for _ in range(2):
            with on(data) as (s, c):
                equal(c.set(f"{SESSION}lock.1", b"1", 3600, verb="add"), "STORED", "a lock")
                equal(recovered(s), (0, 0, 0), "what was there")
                kill(s)


class Since:
    """Seconds since something was asked for; what has to be seen early is no failure on a machine that is late."""

    def __init__(self):
        self.begin = time.monotonic()

    def check_before(self, seconds):
        if time.monotonic() - self.begin > seconds:
            raise harness.TooSlow(f"more than {seconds} s until it was looked at")

    def sleep_until(self, seconds):
        time.sleep(max(0.0, self.begin + seconds - time.monotonic()))


LIVES = {"short": 4, "touched.shorter": 1000, "got.and.touched": 1000, "long": 1000, "touched.longer": 4}
SHORT = ("short", "touched.shorter", "got.and.touched")


def live_over(end):
    """A life of 4 s, with several starts in it, each of which may round."""
    with data_folder() as data:
        with on(data) as (s, c):
            since = Since()
            for key, life_s in LIVES.items():
                c.store(key, b"v", life_s)
            equal(c.command("touch touched.shorter 4"), "TOUCHED", "touch")
            c.send(command("gat 4 got.and.touched"))
            equal(c.hits(), {"got.and.touched": b"v"}, "gat")
            equal(c.command("touch touched.longer 1000"), "TOUCHED", "touch")
            end(s)
        for _ in range(4):
            with on(data) as (s, c):
                check_all(c, dict.fromkeys(LIVES, b"v"), "while it lives")
                since.check_before(2.5)
                end(s)
        with on(data) as (s, c):
            since.sleep_until(6.0)
            gone(c, *SHORT)
            check_all(c, {"long": b"v", "touched.longer": b"v"}, "the long-lived")
            end(s)
        with on(data) as (s, c):
            gone(c, *SHORT)
            check_all(c, {"long": b"v", "touched.longer": b"v"}, "the long-lived, at the next start")


def test_lives_go_on():
    harness.in_threads([lambda end=end: live_over(end) for end in ENDS])


def test_lives_end_while_it_is_down():
    with data_folder() as data:
        with on(data) as (s, c):
            store(c, {"short": b"v", f"{SESSION}short": b"v"}, 2)
            c.store("long", b"v", 1000)
            kill(s)
        time.sleep(3.2)
        with on(data) as (s, c):
            gone(c, "short", f"{SESSION}short")
            equal(c.get("long"), b"v", "the long-lived")


def flush_later(end, down):
    """The moment comes while it runs again, or while it is down."""
    old = sessions_of(50)
    with data_folder() as data:
        with on(data) as (s, c):
            store(c, old)
            since = Since()
            equal(c.command("flush_all 4"), "OK", "flush_all 4")
            end(s)
        if down:
            since.sleep_until(6.0)
        with on(data) as (s, c):
            if not down:
                check_all(c, old, "before it is flushed")
                since.check_before(2.5)
                since.sleep_until(6.0)
            gone(c, *old)
            c.store("after", b"v")
            end(s)
        with on(data) as (s, c):
            gone(c, *old)
            equal(c.get("after"), b"v", "stored after it")


def test_a_delayed_flush_comes():
    harness.in_threads([lambda end=end, down=down: flush_later(end, down) for end in ENDS for down in (False, True)])


# Directories of each format, kept since they were made


SAMPLES = harness.ROOT / "test/samples"


def sample_opens(name, nlines, has_marks):
    """nlines: how many the first start says before its ready line; the next starts say nothing."""
    with data_folder() as data:
        shutil.copytree(SAMPLES / name, data, dirs_exist_ok=True)
        for start in range(3):
            with on(data) as (s, c):
                equal(recovered(s), (15, 12, 0), f"what is in {name}, start {start + 1}")
                wanted = {f"{SESSION}sample{i}": f"session {i} again".encode() for i in range(5)}
                wanted |= {f"{SESSION}sample{i}": f"session {i} ".encode() * 10 for i in range(5, 15)}
                wanted |= {f"cache:{i}": f"cache {i}".encode() for i in range(10)}
                check_all(c, wanted | {"large": b"L" * 20000, "touched": b"T"}, name)
                gone(c, *[f"{SESSION}sample{i}" for i in range(15, 20)])
                if has_marks:
                    equal(hit(c, "cache:0")[2], 123456, "the cas that a client had set")
                    equal(set(c.command("mg cache:1").split()), {"HD", "W", "X"}, "a stale item")
                s.kill()
                *before, last = s.said().strip().splitlines()
                equal(last, s.ready, "what it said last")
                equal(len(before), nlines if start == 0 else 0, f"lines before that: {before}")
                odd = [line for line in before if "brought from format 1 to format 2" not in line]
                equal(odd, [], "what else it said")
        equal([path.name for path in data.glob("*.seg") if not path.name.endswith(".2.seg")], [], "old segments")


def test_a_kept_sample_of_format_1_is_upgraded():
    sample_opens("format-1", 1, False)


def test_a_kept_sample_of_format_2_opens():
    sample_opens("format-2", 0, True)
