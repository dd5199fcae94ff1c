"""The locks of PHP's stock session handlers (L1, L4): one holder, given back when its connection closes, never refused
for want of room; and what only looks like a lock is left alone. Here nobody waits: see waits.py for those who do."""

import contextlib
import struct
import time

import wire
from harness import check, equal, in_threads, server, wait_for
from limits import close_hard
from wire import Client

NO_WAITS = ("--lock-wait", "0")
LOCK = "memc.sess.key.lock."
EXISTS = 2  # in binary
FULL = "SERVER_ERROR out of memory storing object"


@contextlib.contextmanager
def two(*options):
    """Yields a server where nobody waits, and two clients."""
    with server(*NO_WAITS, *options) as s, Client(s.address) as a, Client(s.address) as b:
        yield s, a, b


def add(client, name, ttl=30):
    return client.set(LOCK + name, b"1", ttl, "add")


def add_in_binary(client, name):
    return client.packet(wire.ADD, (LOCK + name).encode(), bytes(7) + b"\x1e", b"1")[1]


def triple(client, name):
    """What php-memcache sends to lock and read a session; True when the lock is granted."""
    client.send(f"incr {name}.lock 1\r\nadd {name}.lock 768 30 1\r\n1\r\nget {name}\r\n".encode())
    counted, added = client.line(), client.line()
    client.hits()
    check((counted, added) == ("NOT_FOUND", "STORED") or (counted.isdigit() and added == "NOT_STORED"),
          f"the triple of {name}: {counted}, {added}")
    return added == "STORED" or counted == "1"


def triple_in_binary(client, name):
    key = f"{name}.lock".encode()
    client.send(wire.packet(wire.INCR, key, struct.pack(">QQI", 1, 1, 30))
                + wire.packet(wire.ADD, key, bytes(8), b"1") + wire.packet(wire.GET, name.encode()))
    counted, added, _ = client.answer(), client.answer(), client.answer()
    equal((counted[1], added[1]), (0, EXISTS), f"the triple of {name}")
    return counted[2] == struct.pack(">Q", 1)


def is_free(client, name):
    return add(client, name) == "STORED"


def test_one_holder():
    with two() as (_, a, b):
        equal(add(a, "x"), "STORED", "the first add")
        equal(add(b, "x"), "NOT_STORED", "the second add")
        equal(add(a, "x"), "NOT_STORED", "an add of the holder itself")
        equal(add(b, "y"), "STORED", "another lock")
        equal(b.get(LOCK + "x"), b"1", "the lock, as seen by others")
        equal(b.stats()["cloakroom_locks"], 2, "cloakroom_locks")


def test_delete_gives_it_back():
    with two() as (_, a, b):
        for _ in range(3):
            equal(add(a, "x"), "STORED", "add")
            equal(a.command(f"delete {LOCK}x"), "DELETED", "delete")
            equal(add(b, "x"), "STORED", "add of the next")
            equal(add(a, "x"), "NOT_STORED", "add of the first")
            equal(b.command(f"delete {LOCK}x"), "DELETED", "delete by the next")
        stats = a.stats()
        equal((stats["cloakroom_locks"], stats["cloakroom_locks_broken"]), (0, 0), "locks, broken ones")




def test_closing_gives_it_back():
    closings = {"close": Client.close, "quit": lambda c: (c.send(b"quit\r\n"), c.rest()),
                "reset": lambda c: close_hard(c.socket)}
    with server(*NO_WAITS) as s, Client(s.address) as other:
        for n, (how, close) in enumerate(closings.items()):
            holder = Client(s.address)
            equal(add(holder, how), "STORED", "add")
            equal(add(other, how), "NOT_STORED", "add of another")
            close(holder)
            wait_for(lambda name=how: is_free(other, name), f"the lock is given back by {how}", 1)
            equal(other.stats()["cloakroom_locks_broken"], n + 1, "cloakroom_locks_broken")
            holder.close()


def test_closing_in_binary_gives_it_back():
    with server(*NO_WAITS) as s, Client(s.address) as other:
        with Client(s.address) as holder:
            equal(add_in_binary(holder, "x"), 0, "the first add")
            equal(add_in_binary(other, "x"), EXISTS, "the second add")
        wait_for(lambda: add_in_binary(other, "x") == 0, "the lock is given back", 1)
        equal(other.packet(wire.DELETE, (LOCK + "x").encode())[1], 0, "delete")
        equal(add_in_binary(other, "x"), 0, "add after delete")


def test_lock_expires():
    with two() as (_, a, b):
        equal(add(a, "x", 2), "STORED", "add for two seconds, which may be little more than one")
        equal(add(b, "x", 2), "NOT_STORED", "add of another")
        wait_for(lambda: is_free(b, "x"), "the lock has expired", 4)


def test_triple_of_php_memcache():
    with two() as (s, a, b):
        check(triple(a, "sess1"), "the first")
        check(not triple(b, "sess1"), "the second")
        a.store("sess1", b"data")
        stats = b.stats()
        equal((stats["cloakroom_locks"], stats["cloakroom_sessions"]), (1, 1), "locks and sessions")
        a.store("sess1.lock", b"0")
        check(triple(b, "sess1"), "after it was set to 0")
        equal(b.get("sess1"), b"data", "the session")
        b.close()
        wait_for(lambda: triple(a, "sess1"), "the lock is given back by closing", 1)


def test_triple_of_php_memcache_in_binary():
    with two() as (s, a, b):
        check(triple_in_binary(a, "sess1"), "the first")
        check(not triple_in_binary(b, "sess1"), "the second")
        with Client(s.address) as text:
            equal(text.stats()["cloakroom_locks"], 1, "cloakroom_locks")
        a.close()
        with Client(s.address) as c:
            wait_for(lambda: c.stats()["cloakroom_locks"] == 0, "the lock is given back by closing", 1)
            check(triple_in_binary(b, "sess1") is True, "another, after the first was closed")


def test_what_only_looks_like_a_lock():
    """<key>.lock is a common name in caches."""
    with server(*NO_WAITS) as s:
        with Client(s.address) as c:
            equal(c.set("page.lock", b"1", 30, "add"), "STORED", "add")
            equal(c.set("page.lock", b"1", 30, "add"), "NOT_STORED", "add again")
            equal(c.command("incr page.lock 1"), "2", "incr")
            c.send(b"incr n.lock 1\r\nadd n.lock 0 0 1\r\n1\r\nget other\r\n")
            equal([c.line(), c.line(), c.hits()], ["NOT_FOUND", "STORED", {}], "a triple of different names")
            c.store("memc.sess.key.lock", b"no id")
        with Client(s.address) as c:
            equal((c.get("page.lock"), c.get("n.lock")), (b"2", b"1"), "after their connection has closed")
            equal(c.stats()["cloakroom_locks"], 0, "cloakroom_locks")


def test_65_locks_of_one_connection():
    """The oldest is given back."""
    with two() as (_, a, b):
        for i in range(65):
            equal(add(a, str(i)), "STORED", f"lock {i}")
        equal([i for i in range(65) if is_free(b, str(i))], [0], "those that were given back")
        equal(b.stats()["cloakroom_locks"], 65, "cloakroom_locks")


def test_locks_when_memory_is_full():
    with two("-m", "2") as (s, a, b):
        answers = [a.set(f"memc.sess.key.{i}", b"x" * 5000) for i in range(600)]
        check(answers[0] == "STORED" and answers[-1] == FULL, f"filling: {answers[0]}, {answers[-1]}")
        equal(add(a, "0"), "STORED", "add")
        equal(add(b, "0"), "NOT_STORED", "add of another")
        check(triple(a, "sess1") and not triple(b, "sess1"), "the triple")
        with contextlib.ExitStack() as stack:
            for n in range(40):
                c = stack.enter_context(Client(s.address))
                equal({add(c, f"{n}.{i}") for i in range(50)}, {"STORED"}, f"the locks of client {n}")
            equal(a.stats()["cloakroom_locks"], 2002, "cloakroom_locks")
        wait_for(lambda: a.stats()["cloakroom_locks"] == 2, "they are given back", 2)
        equal(a.get("memc.sess.key.0"), b"x" * 5000, "a session")


def test_locks_survive_eviction_of_cache():
    with two("-m", "2") as (_, a, b):
        equal(add(a, "x"), "STORED", "add")
        for i in range(1500):
            a.store(f"cache{i}", b"x" * 4000)
        check(a.stats()["evictions"] > 0, "no cache was evicted")
        equal(add(b, "x"), "NOT_STORED", "add of another")


def test_only_one_at_a_time():
    """8 clients count under a lock, each in its own way of taking and giving it back."""
    rounds = 30

    def count(address, who):
        for i in range(rounds):
            with Client(address) as c:
                until = time.monotonic() + 20
                while add(c, "n") != "STORED":
                    check(time.monotonic() < until, "no lock within 20 s")
                    time.sleep(0.001)
                c.store("n", b"%d" % (int(c.get("n")) + 1))
                if (who + i) % 2:
                    equal(c.command(f"delete {LOCK}n"), "DELETED", "delete")

    with server(*NO_WAITS, "-t", "4") as s, Client(s.address) as c:
        c.store("n", b"0")
        in_threads([lambda i=i: count(s.address, i) for i in range(8)])
        equal(c.get("n"), b"%d" % (8 * rounds), "the count")
