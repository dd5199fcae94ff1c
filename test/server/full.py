"""What happens when memory is full (S3, S6): cache goes, sessions stay; new sessions are refused, those that are there
can be written again; and memory stays within -m."""

import contextlib
import random
import time

from harness import check, equal, in_threads, server
from wire import Client, command

SESSION = "memc.sess.key."
FULL = "SERVER_ERROR out of memory storing object"
BATCH = 200
MOST = 30000  # more than fits in 8 MB
ITSELF_MIB = 16  # what the server takes beyond -m: code, threads, buffers of workers


def value(key, n, version=0):
    unit = f"{key}/{version}|".encode()
    return (unit * (n // len(unit) + 1))[:n]


def store_all(client, items, exptime=0, verb="set"):
    """Writes all (key, value), many at a time; returns the answers in order."""
    answers = []
    for at in range(0, len(items), BATCH):
        batch = items[at:at + BATCH]
        client.send(b"".join(command(f"{verb} {k} 0 {exptime} {len(v)}", v) for k, v in batch))
        answers += [client.line() for _ in batch]
    return answers


def fill(client, prefix, sizes, exptime=0):
    """Stores until all is refused for a whole batch; returns {key: value} of what was stored."""
    stored = {}
    for at in range(0, MOST, BATCH):
        keys = [f"{prefix}{i}" for i in range(at, at + BATCH)]
        items = [(k, value(k, sizes())) for k in keys]
        answers = store_all(client, items, exptime)
        check(set(answers) <= {"STORED", FULL}, f"answers {set(answers)}")
        stored.update(item for item, answer in zip(items, answers) if answer == "STORED")
        if "STORED" not in answers:
            return stored
    raise AssertionError(f"{MOST} new sessions and never full")


def check_all(client, items, what):
    """Every item is there, and right."""
    keys = list(items)
    wrong = []
    for at in range(0, len(keys), BATCH):
        batch = keys[at:at + BATCH]
        client.send(command("get " + " ".join(batch)))
        found = client.hits()
        wrong += [k for k in batch if found.get(k) != items[k]]
    check(not wrong, f"{what}: {len(wrong)} of {len(keys)} are gone or wrong, first {wrong[:3]}")


def about_1k():
    return random.randint(200, 1500)


@contextlib.contextmanager
def full_server(mib, *options):
    with server("-m", str(mib), *options) as s, Client(s.address) as c:
        yield c
        s.check_memory(mib + ITSELF_MIB)


def fill_with_cache(mib):
    with full_server(mib) as c:
        n = mib * 3000  # three times what fits
        answers = store_all(c, [(f"c{i}", value(f"c{i}", 1000)) for i in range(n)])
        equal(set(answers), {"STORED"}, "answers")
        newest = {f"c{i}": value(f"c{i}", 1000) for i in range(n - mib * 400, n)}
        check_all(c, newest, "the newest 40 %")
        stats = c.stats()
        check(stats["evictions"] >= n - mib * 1000, f"{stats['evictions']} evictions")
        equal(stats["evictions"] + stats["curr_items"], n, "evicted and present ones")
        check(stats["curr_items"] > mib * 700, f"only {stats['curr_items']} items of 1 KB in {mib} MB")
        equal(stats["cloakroom_evicted_sessions"], 0, "evicted sessions")


def test_cache_is_evicted():
    in_threads([lambda mib=mib: fill_with_cache(mib) for mib in (2, 8)])


def rewrite(client, items, volume, rng):
    """Writes what is there again, `volume` bytes in all, never 2 % more than at the start."""
    keys = list(items)
    total = sum(map(len, items.values()))
    most = total * 1.02
    written = 0
    for version in range(1, 1000000):
        batch = {}
        for key in rng.sample(keys, min(BATCH, len(keys))):
            old = len(items[key])
            n = rng.randint(200, 1500)
            if total - old + n > most:
                n = old
            total += n - old
            batch[key] = value(key, n, version)
        answers = store_all(client, list(batch.items()))
        refused = len(answers) - answers.count("STORED")
        check(not refused, f"{refused} of {len(batch)} rewrites refused after {written} bytes of them, "
                           f"{total} bytes of values where there were {most / 1.02:.0f}: {set(answers)}")
        items.update(batch)
        written += sum(map(len, batch.values()))
        if written > volume:
            return


def fill_with_sessions(mib):
    seed = random.randrange(1 << 32)
    random.seed(seed)
    with full_server(mib) as c:
        store_all(c, [(f"c{i}", value(f"c{i}", 1000)) for i in range(mib * 1500)])
        sessions = fill(c, SESSION, about_1k)
        stats = c.stats()
        equal(stats["cloakroom_sessions"], len(sessions), "cloakroom_sessions")
        check(stats["cloakroom_cache_items"] < 100, f"sessions refused, with {stats['cloakroom_cache_items']} of cache")
        equal(stats["cloakroom_evicted_sessions"], 0, "evicted sessions")
        check(stats["cloakroom_refused_full"] >= BATCH, "cloakroom_refused_full")
        stored = sum(map(len, sessions.values()))
        check(stored > mib * 700000, f"only {stored} bytes of sessions in {mib} MB")
        check_all(c, sessions, "sessions when full")
        rewrite(c, sessions, mib * 10 << 20, random.Random(seed))
        check_all(c, sessions, f"sessions after rewriting, seed {seed}")
        equal(c.stats()["cloakroom_evicted_sessions"], 0, "evicted sessions in the end")


def test_sessions_are_kept_2_mb():
    fill_with_sessions(2)


def test_sessions_are_kept_8_mb():
    fill_with_sessions(8)


def test_full_of_sessions_otherwise():
    """What else is asked of a full server: it refuses without harm, and what needs no room works."""
    with full_server(2) as c:
        sessions = fill(c, SESSION, about_1k)
        first, second, *_ = sessions
        equal(c.set("cache", b"x" * 1000), FULL, "new cache")
        equal(c.set(first, b"x" * 900000), FULL, "a session grown to what does not fit")
        equal(c.set(first, b"x" * 900000, verb="append"), FULL, "append of what does not fit")
        check_all(c, sessions, "sessions after what was refused")
        equal(c.command(f"touch {first} 1000"), "TOUCHED", "touch")
        c.send(command(f"gat 1000 {first}"))
        equal(c.hits()[first], sessions[first], "gat")
        c.store(second, b"1")
        equal(c.command(f"incr {second} 41"), "42", "incr")
        for key in list(sessions)[:len(sessions) // 5]:
            equal(c.command(f"delete {key}"), "DELETED", "delete")
        time.sleep(1.1)  # "full" is believed for a second
        more = fill(c, SESSION + "more.", about_1k)
        check(len(more) > len(sessions) // 10, f"{len(more)} new ones where {len(sessions) // 5} were deleted")


def test_sessions_rewritten_by_many():
    """From several threads at once, all of it full."""
    with server("-m", "8", "-t", "4") as s, contextlib.ExitStack() as stack:
        clients = [stack.enter_context(Client(s.address)) for _ in range(4)]
        sessions = fill(clients[0], SESSION, about_1k)
        keys = list(sessions)
        parts = [{k: sessions[k] for k in keys[i::4]} for i in range(4)]
        in_threads([lambda c=c, p=p, i=i: rewrite(c, p, 6 << 20, random.Random(i))
                    for i, (c, p) in enumerate(zip(clients, parts))])
        for c, part in zip(clients, parts):
            check_all(c, part, "sessions after rewriting")
        s.check_memory(8 + ITSELF_MIB)


def test_sessions_of_20_to_60_kb():
    """Larger than a quarter of a segment, so each lies by itself."""
    with full_server(8) as c:
        sessions = fill(c, SESSION, lambda: random.randint(20000, 60000))
        check(sum(map(len, sessions.values())) > 6000000, "filled")
        for version in range(1, 8):
            for key, old in sessions.items():
                sessions[key] = value(key, len(old) - version % 2, version)
                equal(c.set(key, sessions[key]), "STORED", f"rewriting {len(old)} bytes in place, round {version}")
        check_all(c, sessions, "sessions after rewriting")


def test_large_sessions_refused_or_kept():
    """Where two versions of one do not fit: either the new one, or a refusal and the old one."""
    with full_server(2) as c:
        sessions = fill(c, SESSION, lambda: random.randint(100000, 400000))
        for version in range(1, 10):
            for key in sessions:
                new = value(key, random.randint(100000, 400000), version)
                answer = c.set(key, new)
                check(answer in ("STORED", FULL), answer)
                if answer == "STORED":
                    sessions[key] = new
            check_all(c, sessions, f"round {version}")


def test_cache_churns_beside_sessions():
    with full_server(8) as c:
        sessions = {f"{SESSION}{i}": value(f"{i}", about_1k()) for i in range(3500)}
        equal(set(store_all(c, list(sessions.items()))), {"STORED"}, "sessions")
        for turn in range(4):
            items = [(f"c{turn}.{i}", value("c", random.choice((50, 1000, 9000)))) for i in range(4000)]
            equal(set(store_all(c, items)), {"STORED"}, "cache")
            check_all(c, sessions, f"sessions after turn {turn} of cache")
        check(c.stats()["evictions"] > 1000, "evictions of cache")


def test_no_evictions():
    """-M"""
    with full_server(2, "-M") as c:
        items = fill(c, "c", about_1k)
        check_all(c, items, "cache with -M")
        equal(c.stats()["evictions"], 0, "evictions")
        sessions = fill(c, SESSION, about_1k)
        check_all(c, items, "cache with -M, after sessions")
        check_all(c, sessions, "sessions with -M")
        for key in list(items)[::2]:
            new = value(key, 1500, 1)
            items[key] = new if c.set(key, new) == "STORED" else None
        check_all(c, items, "cache with -M, after rewriting: the new one, or none where that was refused")
        check_all(c, sessions, "sessions with -M, after that")


def test_evict_sessions():
    with full_server(2, "--evict-sessions") as c:
        n = 6000
        items = [(f"{SESSION}{i}", value(f"{i}", 1000)) for i in range(n)]
        equal(set(store_all(c, items)), {"STORED"}, "answers")
        check_all(c, dict(items[-800:]), "the newest")
        stats = c.stats()
        equal(stats["cloakroom_evicted_sessions"] + stats["cloakroom_sessions"], n, "evicted and present ones")
        check(stats["evictions"] >= stats["cloakroom_evicted_sessions"] > n // 2, "evictions")


def test_expired_sessions_make_room():
    with full_server(2) as small, full_server(8) as larger:
        before = [len(fill(c, SESSION, lambda: 1000, exptime=2)) for c in (small, larger)]
        time.sleep(3.2)
        for c, n in zip((small, larger), before):
            stored = fill(c, SESSION + "new.", lambda: 1000)
            check(len(stored) > n * 0.95, f"{len(stored)} new ones in the room of {n} expired")
            check_all(c, stored, "new ones")
            equal(c.get(SESSION + "0"), None, "an expired one")
            equal(c.stats()["evictions"], 0, "evictions: expired ones are none")


def test_flush_makes_room():
    with full_server(2) as c:
        before = fill(c, SESSION, lambda: 1000)
        equal(c.command("flush_all"), "OK", "flush_all")
        time.sleep(1.1)
        check(len(fill(c, SESSION, lambda: 1000)) > len(before) * 0.95, "after flush_all")


def test_memory_stays_within_m():
    """Items of all sizes, written over and over; 64 MB of them, and the server itself."""
    with full_server(64, "-t", "4") as c:
        for turn in range(3):
            for n in (64, 1000, 20000, 100000, 900000):
                items = [(f"k{turn}.{n}.{i}", value("k", n)) for i in range(min(20000, (30 << 20) // n))]
                equal(set(store_all(c, items)), {"STORED"}, f"answers, {n} bytes")
        stats = c.stats()
        check(stats["cloakroom_used_bytes"] <= stats["limit_maxbytes"], "cloakroom_used_bytes")
